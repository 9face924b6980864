"""Portal accounts, against a real SCIM 2.0 server, and against canned answers for what no server should say."""

import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from scim2_models import Context, ScimProvider
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from adapters.http import Refused, Unavailable
from adapters.portal import PortalAccountRecord, PortalClient
from tests.adapters.conftest import everything_said

CASE = "00000000-0000-4000-8000-000000000003"
EMAIL = 'Ejemplo."la".Consejera@example.org'
USERS = "/scim/v2/Users"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def scim() -> Iterator[tuple[str, InMemoryStorage]]:
    """scim2-server, in memory, at /scim."""
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    storage = InMemoryStorage()
    application = BearerTokenApplication(
        storage, provider, service=ScimService(provider, secret="s" * 32), bearer_tokens=["token"]
    )
    mounted = DispatcherMiddleware(NotFound(), {"/scim": application})
    with make_server("127.0.0.1", 0, mounted, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", storage
        server.shutdown()
        thread.join()


@pytest.fixture
def portal(http: httpx2.AsyncClient, scim: tuple[str, InMemoryStorage]) -> PortalClient:
    return PortalClient(http, scim[0], "token")


@pytest.fixture
def canned(http: httpx2.AsyncClient, httpserver: HTTPServer) -> PortalClient:
    return PortalClient(http, httpserver.url_for("/"), "token")


async def create(portal: PortalClient, case_id: str = CASE, email: str = EMAIL) -> str:
    return await portal.create_account(case_id, email, "Ejemplo", "Consejera")


def held(storage: InMemoryStorage) -> list[dict[str, Any]]:
    return [user.model_dump(scim_ctx=Context.DEFAULT) for user in storage.resources]


async def test_an_account_is_created_asleep(portal: PortalClient, scim: tuple[str, InMemoryStorage]) -> None:
    scim_id = await create(portal)
    (user,) = held(scim[1])
    assert user["id"] == scim_id
    assert (user["userName"], user["externalId"], user["active"]) == (EMAIL, CASE, False)
    assert user["name"] == {"givenName": "Ejemplo", "familyName": "Consejera"}
    assert user["emails"] == [{"value": EMAIL, "type": "work", "primary": True}]


async def test_created_twice_is_one_account(portal: PortalClient, scim: tuple[str, InMemoryStorage]) -> None:
    assert await create(portal) == await create(portal)
    assert len(held(scim[1])) == 1


async def test_an_account_of_an_earlier_year_is_found_by_its_address(
    portal: PortalClient, scim: tuple[str, InMemoryStorage]
) -> None:
    earlier = await create(portal, case_id="00000000-0000-4000-8000-000000000099")
    await create(portal, case_id="00000000-0000-4000-8000-000000000098", email="other@example.org")
    assert await create(portal, email=EMAIL.upper()) == earlier
    assert len(held(scim[1])) == 2
    assert await portal.find_account(CASE) == PortalAccountRecord(id=earlier, active=False)


@pytest.mark.parametrize("known_as", ["00000000-0000-4000-8000-000000000099", "an imported id", None])
async def test_an_existing_account_is_handed_to_a_new_case(portal: PortalClient, known_as: str | None) -> None:
    earlier = await create(portal, case_id="00000000-0000-4000-8000-000000000099")
    assert await portal.reuse_account(CASE, known_as, EMAIL) == earlier
    assert await portal.find_account(CASE) == PortalAccountRecord(id=earlier, active=True)


async def test_an_account_the_portal_does_not_show_is_not_reused(portal: PortalClient) -> None:
    assert await portal.reuse_account(CASE, "p-1", EMAIL) is None


async def test_activated_and_suspended(portal: PortalClient) -> None:
    scim_id = await create(portal)
    for active in (True, True, False):
        await portal.set_active(scim_id, active)
        assert await portal.find_account(CASE) == PortalAccountRecord(id=scim_id, active=active)


async def test_nobody_is_found(portal: PortalClient) -> None:
    await create(portal)
    assert await portal.find_account("00000000-0000-4000-8000-000000000404") is None


async def test_a_wrong_token_is_refused(http: httpx2.AsyncClient, scim: tuple[str, InMemoryStorage]) -> None:
    with pytest.raises(Refused, match="portal_refused"):
        await create(PortalClient(http, scim[0], "another"))


async def test_an_account_that_is_gone_is_refused(portal: PortalClient) -> None:
    with pytest.raises(Refused, match="portal_refused"):
        await portal.set_active("no such/account", True)


def listing(*users: dict[str, Any]) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(users),
        "Resources": list(users),
    }


async def test_a_portal_that_ignores_filters_does_not_hand_over_a_stranger(
    canned: PortalClient, httpserver: HTTPServer
) -> None:
    stranger = {"id": "u-1", "userName": "somebody@example.org", "externalId": "another-case", "active": True}
    httpserver.expect_request(USERS, "GET").respond_with_json(listing(stranger))
    httpserver.expect_request(USERS, "POST").respond_with_json({}, status=409)
    assert await canned.find_account(CASE) is None
    with pytest.raises(Refused, match="portal_refused"):
        await create(canned)


async def test_two_accounts_of_one_case_are_for_a_person_to_sort_out(
    canned: PortalClient, httpserver: HTTPServer
) -> None:
    users = [{"id": f"u-{n}", "userName": f"{n}@example.org", "externalId": CASE, "active": True} for n in (1, 2)]
    httpserver.expect_request(USERS, "GET").respond_with_json(listing(*users))
    with pytest.raises(Refused, match="portal_unreadable"):
        await canned.find_account(CASE)


async def test_a_list_without_resources_is_empty(canned: PortalClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request(USERS, "GET").respond_with_json({"totalResults": 0})
    assert await canned.find_account(CASE) is None


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        ("", 500, Unavailable, "portal_unreachable"),
        ("", 429, Unavailable, "portal_unreachable"),
        (f'{{"detail": "{EMAIL}"}}', 400, Refused, "portal_refused"),
        ("garbage", 201, Refused, "portal_unreadable"),
        ("{}", 201, Refused, "portal_unreadable"),
    ],
)
async def test_failures(
    canned: PortalClient,
    httpserver: HTTPServer,
    body: str,
    status: int,
    expected: type[Unavailable | Refused],
    code: str,
) -> None:
    httpserver.expect_request(USERS).respond_with_data(body, status=status)
    with pytest.raises(expected) as raised:
        await create(canned)
    assert raised.value.code == code
    assert EMAIL not in everything_said(raised.value)
