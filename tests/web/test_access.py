"""Who may call what: every route declares it, every role is held to it, sessions and forms can't be borrowed."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import ValidationError

from db.tables import StaffSession
from db.writes.sessions import end_session, list_open_sessions, open_session
from settings import RoleName
from tests.web.conftest import settings_of
from tests.web.house import House
from web.app import create_app
from web.http.auth import (
    LINK,
    PUBLIC,
    AccessDeclaration,
    PermissionRequired,
    choose_session_cookie,
    find_staff_session,
    find_undeclared_routes,
    list_access,
    require_own_session,
    require_permission,
)
from web.http.limits import SAFE_METHODS
from web.http.permissions import GRANTS, Permission, StaffRole, collect_permissions
from web.http.rate_limits import RateLimited, RateLimiter

NOW = datetime(2026, 11, 16, 15, 0, tzinfo=UTC)  # a Monday
CHANGES = frozenset(Permission) - {
    Permission.READ_APPEALS,
    Permission.READ_CASES,
    Permission.READ_FILES,
    Permission.READ_WEBHOOKS,
    Permission.READ_OPERATIONS,
    Permission.READ_ACCESS_LOG,
    Permission.READ_SESSIONS,
    Permission.EXPORT,
}


def api_routes() -> Iterator[APIRoute]:
    for context in iter_route_contexts(create_app(settings_of(Path("/nowhere"))).routes):
        if isinstance(context.original_route, APIRoute):
            yield context.original_route


def _routes() -> Iterator[tuple[str, str, Any]]:
    """Method, path and what is declared, of every route."""
    for route in api_routes():
        (whom,) = list_access(route)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route.path_format, whom


ROUTES = list(_routes())


def callables(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for dependency in dependant.dependencies:
        yield from callables(dependency)


def test_no_request_takes_a_thread_for_what_waits_for_nothing() -> None:
    """A route or a dependency without ``async`` is run in a thread: the way there and back costs more than it does."""
    threaded = {
        call
        for route in api_routes()
        for call in callables(route.dependant)
        if not iscoroutinefunction(call) and not iscoroutinefunction(type(call).__call__)
    }
    assert threaded == set()


STAFFS = [(method, path, whom.permission) for method, path, whom in ROUTES if isinstance(whom, PermissionRequired)]


def _filled(path: str) -> str:
    """An address of the route; whatever it names isn't there."""
    return "/".join("1" if part.startswith("{") else part for part in path.split("/"))


def test_the_table_of_routes_is_the_whole_table() -> None:
    assert len(STAFFS) > 15
    assert {"/webhooks/lms", "/api/cases", "/staff", "/healthz", "/me/{reference}"} <= {path for _, path, _ in ROUTES}


def test_the_console_and_the_cases_are_for_staff_alone() -> None:
    others = {
        path
        for _, path, whom in ROUTES
        if path.startswith(("/staff", "/api/cases"))
        and not isinstance(whom, PermissionRequired)
        and isinstance(whom, AccessDeclaration)
    }
    assert others == {"/staff/sign-in", "/staff/sign-in/start", "/staff/sign-in/callback"}


def test_a_route_that_declares_nothing_or_twice_is_named() -> None:
    app = FastAPI()

    @app.get("/open", dependencies=[PUBLIC])
    async def declares() -> None: ...

    @app.get("/forgotten")
    async def forgets() -> None: ...

    @app.get("/twice", dependencies=[PUBLIC, require_permission(Permission.DECIDE)])
    async def declares_twice() -> None: ...

    app.mount("/files", FastAPI())
    assert find_undeclared_routes(app.router.routes[4:]) == ["/open", "/forgotten", "/twice", "/files"][1:]


def test_an_application_with_such_a_route_is_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    from web.public import home as registry

    router = type(registry.router)()
    router.add_api_route("/forgotten", _routes)
    monkeypatch.setattr("web.public.home.router", router)
    with pytest.raises(RuntimeError, match="/forgotten"):
        create_app(settings_of(Path("/nowhere")))


@pytest.mark.parametrize("role", StaffRole)
async def test_what_a_role_is_not_granted_is_refused_on_every_route(house: House, role: StaffRole) -> None:
    csrf = await house.sign_in(role)
    for method, path, permission in STAFFS:
        answer = await house.browser.request(method, _filled(path), headers={"X-CSRF-Token": csrf})
        if permission in GRANTS[role]:
            assert answer.status_code not in (401, 403), (method, path, role)
        else:
            assert answer.status_code == 403, (method, path, role)
            assert permission in answer.json()["detail"]
        if path == "/staff/sign-out":
            csrf = await house.sign_in(role)


async def test_nobody_and_somebody_without_a_role_get_nowhere(house: House) -> None:
    for method, path, _ in STAFFS:
        answer = await house.browser.request(method, _filled(path))
        assert answer.status_code == 401, (method, path)
    now = datetime.now(UTC)
    token = await house.open_session("vera", "Vera Visitor-Sample", [], now)
    house.browser.cookies.set(choose_session_cookie(house.services), token)
    row = await house.find_session(token, now)
    assert row is not None
    for method, path, _ in STAFFS:
        answer = await house.browser.request(method, _filled(path), headers={"X-CSRF-Token": row.csrf})
        assert answer.status_code == 403, (method, path)


# What is published, the same for everybody: the lists, and the form that asks for a certificate's number.
_LISTS = ("/registry", "/registry/tracker", "/registry/tracker/{npn}", "/registry/tracker/{npn}.csv")
PUBLISHED = {*_LISTS, "/registry/{name}.csv", "/registry/{name}.json", "/certificates", "/", "/.well-known/did.json"}


async def test_what_may_be_about_somebody_is_stored_by_nobody(house: House) -> None:
    """Whoever calls, and whether anything is found: what is stored is what is published."""
    await house.own_session("testa@example.com")
    for roles in ((), tuple(StaffRole)):
        if roles:
            await house.sign_in(*roles)
        for method, path, _ in ROUTES:
            if path == "/readyz":  # it asks a Temporal that these tests don't have
                continue
            answer = await house.browser.request(method, _filled(path))
            assert answer.headers["cache-control"] == "no-store" or path in PUBLISHED, (method, path)


async def test_a_page_leads_nobody_to_the_log_in_and_back(house: House) -> None:
    answer = await house.browser.get("/staff/cases?program=ffm", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/staff/sign-in?next=%2Fstaff%2Fcases%3Fprogram%3Dffm"
    swapped = await house.browser.get("/staff/cases", headers={"Accept": "text/html", "HX-Request": "true"})
    assert (swapped.status_code, swapped.headers["hx-redirect"]) == (401, "/staff/sign-in?next=%2Fstaff%2Fcases")


@pytest.mark.parametrize(
    "onward", ["https://elsewhere.example", "//elsewhere.example/staff", "/staff\\..\\x", "/staffing", "/status/x", "x"]
)
async def test_the_log_in_leads_on_to_the_console_only(house: House, onward: str) -> None:
    await house.sign_in(StaffRole.REVIEWER)
    answer = await house.browser.get("/staff/sign-in", params={"next": onward})
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff")


@pytest.mark.parametrize("given", ["", "wrong"])
async def test_a_session_s_form_without_its_token_is_refused(house: House, given: str) -> None:
    await house.sign_in(StaffRole.REVIEWER)
    for sent in ({"data": {"csrf_token": given}}, {"headers": {"X-CSRF-Token": given}, "json": {}}):
        answer = await house.browser.post("/api/cases/1/withdraw", **sent)  # type: ignore[arg-type]
        assert answer.status_code == 403
        assert "out of date" in answer.json()["detail"]


async def test_a_session_s_form_with_another_session_s_token_is_refused(house: House) -> None:
    other = await house.sign_in(StaffRole.REVIEWER)
    await house.sign_in(StaffRole.REVIEWER)
    answer = await house.browser.post("/staff/sign-out", data={"csrf_token": other})
    assert answer.status_code == 403


async def test_signing_out_ends_the_session_itself(house: House) -> None:
    csrf = await house.sign_in(StaffRole.REVIEWER)
    cookies = dict(house.browser.cookies)
    answer = await house.browser.post("/staff/sign-out", data={"csrf_token": csrf})
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in?told=out")
    house.browser.cookies.update(cookies)
    assert (await house.browser.get("/api/cases")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:8000"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}, 415),
        ({}, 415),
    ],
)
async def test_a_form_of_another_site_is_refused_before_anything_looks_at_it(
    house: House, headers: dict[str, str], status: int
) -> None:
    answer = await house.browser.post("/portal/register", headers=headers, content=b"")
    assert answer.status_code == status


async def test_a_session_rests_and_ages_and_can_be_ended_by_somebody_else(house: House) -> None:
    idle = timedelta(minutes=30)

    async def begin() -> str:
        return await house.database.write(open_session, "tess", "Tess Example", ["reviewer"], timedelta(hours=2), NOW)

    async def current(token: str, at: datetime) -> StaffSession | None:
        return await find_staff_session(house.database, token, idle, at)

    token = await begin()
    for minutes in (29, 58, 87, 116):
        assert await current(token, NOW + timedelta(minutes=minutes)), minutes
    assert await current(token, NOW + timedelta(minutes=121)) is None  # its time is up
    resting = await begin()
    assert await current(resting, NOW + timedelta(minutes=31)) is None
    revoked = await begin()
    row = await current(revoked, NOW)
    assert row is not None
    assert await house.database.write(end_session, row.id, "oscar", idle, NOW)
    assert await current(revoked, NOW) is None
    assert not await house.database.write(end_session, row.id, "oscar", idle, NOW)
    assert await current("nobody's", NOW) is None
    assert [one.id for one in await house.database.read(list_open_sessions, idle, NOW)] != []
    assert row.id not in [one.id for one in await house.database.read(list_open_sessions, idle, NOW)]


async def test_looks_at_sessions_at_once_do_not_trip_over_each_other(house: House) -> None:
    token = await house.open_session("tess", "Tess Example", ["reviewer"], NOW)
    later = NOW + timedelta(minutes=5)
    found = await asyncio.gather(*(house.find_session(token, later) for _ in range(10)))
    assert all(found)


async def test_too_many_forms_of_one_address_are_put_off(house: House) -> None:
    rates = RateLimiter(house.database, b"a test's key", {"request": "2/minute"})
    house.browser._transport.app.state.services = replace(house.services, rate_limiter=rates)  # type: ignore[attr-defined]
    answers = [await house.browser.post("/portal/register", data={"x": "y"}) for _ in range(3)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert int(answers[2].headers["retry-after"]) > 0
    page = await house.browser.post("/portal/register", data={"x": "y"}, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert "<h1>" in page.text
    assert await rates.count_call("request", "another address") == 0


def test_every_form_that_needs_no_log_in_is_limited() -> None:
    forms = {
        route.path_format: [one.call for one in route.dependant.dependencies if isinstance(one.call, RateLimited)]
        for route in api_routes()
        if "POST" in (route.methods or ())
        and list_access(route)[0] in (PUBLIC.dependency, LINK.dependency, require_own_session)
    }
    assert len(forms) > 15
    assert [path for path, limits in forms.items() if len(limits) != 1] == []


async def test_a_language_asked_for_is_remembered(house: House) -> None:
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    assert 'lang="es"' in (await house.browser.get("/staff/sign-in?lang=es", headers=headers)).text
    assert '<html lang="es"' in (await house.browser.get("/staff/sign-in", headers=headers)).text
    assert '<html lang="en"' in (await house.browser.get("/staff/sign-in?lang=en", headers=headers)).text
    assert "set-cookie" not in (await house.browser.get("/staff/sign-in?lang=fr", headers=headers)).headers


def test_every_permission_is_granted_and_an_auditor_changes_nothing() -> None:
    assert collect_permissions(StaffRole) == frozenset(Permission)
    assert not GRANTS[StaffRole.AUDITOR] & CHANGES
    assert [role for role in StaffRole if Permission.DECIDE in GRANTS[role]] == [StaffRole.REVIEWER]
    assert collect_permissions([]) == frozenset()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"oidc_issuer": "http://identity.example", "web_url": "http://127.0.0.1:8000"}, "OIDC_ISSUER"),
        ({"oidc_issuer": "http://127.0.0.1:9000", "web_url": "https://certify.example"}, "OIDC_ISSUER"),
        ({"rate_request": "often"}, "rate_request"),
        ({"staff_roles": {"staff": ["reviwer"]}}, "staff_roles"),
        ({"gallery": True, "web_url": "https://certify.example"}, "GALLERY"),
    ],
)
def test_demonstrations_can_t_be_switched_on_elsewhere(values: dict[str, Any], fault: str) -> None:
    known = settings_of(Path("/nowhere")).model_dump()
    with pytest.raises(ValidationError, match=fault):
        type(settings_of(Path("/nowhere"))).model_validate({**known, **values})


def test_the_settings_know_the_roles_there_are() -> None:
    assert set(get_args(RoleName)) == {role.value for role in StaffRole}


def test_methods_that_change_nothing_need_no_token() -> None:
    assert "GET" in SAFE_METHODS
    assert "POST" not in SAFE_METHODS
