"""SCIM 2.0 with software of others: scim2-server in the portal's place, scim2-tester as a client of our stand-in."""

import asyncio
from typing import Any

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import CheckResult, Status, check_server

from tests.conformance.conftest import TOKEN
from tests.journeys.test_portal import activation_link
from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import Document, World

pytestmark = [pytest.mark.conformance, pytest.mark.asyncio(loop_scope="session")]

BEARER = {"Authorization": f"Bearer {TOKEN}"}
EVERY_CHECK = {
    "object_creation",
    "object_query",
    "object_query_without_id",
    "object_query_with_attributes",
    "object_list_with_attributes",
    "search_with_attributes",
    "object_replacement",
    "object_deletion",
    "check_add_attribute",
    "check_replace_attribute",
    "check_remove_attribute",
    "service_provider_config_endpoint",
    "query_all_resource_types",
    "query_all_schemas",
    "random_url",
}


async def users(world: World, server: str, attribute: str, value: str) -> list[dict[str, Any]]:
    """What the server lists for a filter."""
    wanted = {"filter": f'{attribute} eq "{value}"'}
    answer = await world.http.get(f"{server}/scim/v2/Users", params=wanted, headers=BEARER)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["Resources"]
    return found


async def with_an_account(world: World, request: Document) -> Document:
    """A counselor certified, whose account the exchange has set up."""
    opened = await world.certified(request)
    await world.until(opened, lambda status: status["waiting_for"] == "portal_activation")
    return opened


async def activated(world: World, server: str, request: Document) -> None:
    """Follows the link in the counselor's letter; the server's account is active then."""
    assert (await world.http.post(await activation_link(world, request["email"]))).status_code == 200
    await becomes(world, server, request, active=True)


async def becomes(world: World, server: str, request: Document, active: bool) -> None:
    """Waits until the one account of this address is active, or isn't."""
    async with asyncio.timeout(PATIENCE):
        while [user["active"] for user in await users(world, server, "userName", request["email"])] != [active]:
            await asyncio.sleep(0.1)


async def test_an_account_is_created_asleep_activated_and_suspended(world: World, scim_server: str) -> None:
    request = documents.counselor()
    opened = await with_an_account(world, request)
    (user,) = await users(world, scim_server, "externalId", opened["case_id"])
    assert (user["userName"], user["externalId"], user["active"]) == (request["email"], opened["case_id"], False)
    assert user["name"] == {"givenName": request["first_name"], "familyName": request["last_name"]}
    assert [email["value"] for email in user["emails"]] == [request["email"]]

    await activated(world, scim_server, request)
    # What an account's owner does is told by webhook, which SCIM doesn't have: the test is the portal here.
    await world.reported_by_portal(opened, "account.activated")
    await world.until(opened, lambda status: status["portal"]["account"] == "active")

    assert (await world.command(opened, "withdraw", reason="no longer helps")).status_code == 200
    await becomes(world, scim_server, request, active=False)


async def test_an_account_that_is_in_the_way_is_looked_up_and_handed_over(world: World, scim_server: str) -> None:
    request = documents.counselor()
    there = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": request["email"].upper(),
        "externalId": "a case of an earlier year",
        "active": False,
    }
    answer = await world.http.post(f"{scim_server}/scim/v2/Users", json=there, headers=BEARER)
    assert answer.status_code == 201, answer.text
    opened = await with_an_account(world, request)
    (user,) = await users(world, scim_server, "userName", request["email"])
    assert (user["id"], user["externalId"]) == (answer.json()["id"], opened["case_id"])
    await activated(world, scim_server, request)


def checked(url: str) -> list[CheckResult]:
    with httpx2.Client(base_url=f"{url}/scim/v2", headers=BEARER, timeout=PATIENCE, trust_env=False) as client:
        return check_server(SyncSCIMClient(client))


async def test_the_portals_stand_in_passes_every_check_of_scim2_tester(world: World) -> None:
    """Every one: none is skipped, none is merely acceptable."""
    results = await asyncio.to_thread(checked, world.stack["sandbox"]["portal"])
    assert [result for result in results if result.status is not Status.SUCCESS] == []
    assert {result.title for result in results} >= EVERY_CHECK
