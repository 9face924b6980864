"""Staff sign in with the stack's own identity provider, over plain HTTP: code flow, sessions, refusals."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
SIGN_IN = "Sign in with your staff account"


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A browser's cookies and connections."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        yield client


async def signed_in(world: World, http: httpx2.AsyncClient, person: str, path: str = "/staff") -> Browser:
    """Somebody who wanted a page of the console, and was led through the log-in to it."""
    browser = Browser(http)
    await browser.open(world.web + path)
    await browser.follow(SIGN_IN)
    await browser.press(person)
    return browser


async def test_a_reviewer_is_led_through_the_log_in_to_the_page_they_wanted(
    world: World, http: httpx2.AsyncClient
) -> None:
    browser = await signed_in(world, http, "Demo Reviewer", "/staff/cases?program=bewellnm")
    assert browser.page.url == f"{world.web}/staff/cases?program=bewellnm"
    assert "Demo Reviewer" in browser.page.text
    (cookie,) = [one for one in http.cookies.jar if one.name == "staff"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"


async def test_a_session_reads_the_api_too_and_its_owner_is_who_the_audit_names(
    world: World, http: httpx2.AsyncClient
) -> None:
    await signed_in(world, http, "Demo Auditor")
    assert (await http.get(f"{world.web}/api/cases")).status_code == 200
    assert (await http.get(f"{world.web}/staff/sessions")).status_code == 200


async def test_somebody_without_a_role_is_told_so(world: World, http: httpx2.AsyncClient) -> None:
    browser = await signed_in(world, http, "Demo Visitor")
    assert browser.page.status == 403
    assert "has no role" in browser.page.text
    assert (await http.get(f"{world.web}/api/cases")).status_code == 401


async def test_an_answer_nobody_asked_for_opens_nothing(world: World, http: httpx2.AsyncClient) -> None:
    """Another's code, a made-up state, the same answer twice: nobody is signed in."""
    browser = Browser(http)
    for query in ("", "?code=made-up", "?code=made-up&state=made-up", "?error=access_denied&state=made-up"):
        page = await browser.open(f"{world.web}/staff/sign-in/callback{query}")
        assert page.status == 403, query
        assert "could not be signed in" in page.text
    await signed_in(world, http, "Demo Reviewer")
    async with httpx2.AsyncClient(timeout=PATIENCE) as thief:
        begun = Browser(thief)
        await begun.open(f"{world.web}/staff/sign-in/start")
        (state,) = parse_qs(urlsplit(begun.page.url).query)["state"]
        stolen = {"code": "made-up", "state": state}
        page = await begun.open(f"{world.web}/staff/sign-in/callback?{urlencode(stolen)}")
        assert page.status == 403
        assert (await thief.get(f"{world.web}/api/cases")).status_code == 401


async def test_a_session_that_was_ended_is_over_at_once(world: World, http: httpx2.AsyncClient) -> None:
    reviewer = await signed_in(world, http, "Demo Second Reviewer")
    async with httpx2.AsyncClient(timeout=PATIENCE) as other:
        operator = await signed_in(world, other, "Demo Operator", "/staff/sessions")
        rows = operator.page.source.split("<tr")
        (ours, *_) = [row for row in rows if "Demo Second Reviewer" in row]
        action = ours.split('action="')[1].split('"')[0]
        form = next(form for form in operator.page.forms if form.action.endswith(action))
        ended = await other.post(form.action, data=form.fields, follow_redirects=True)
        assert ended.status_code == 200
    page = await reviewer.open(f"{world.web}/staff")
    assert urlsplit(page.url).path == "/staff/sign-in"
    assert "Your session has ended" in page.text
    assert (await http.get(f"{world.web}/api/cases")).status_code == 401


async def test_signing_out(world: World, http: httpx2.AsyncClient) -> None:
    browser = await signed_in(world, http, "Demo Reviewer")
    page = await browser.press("Sign out")
    assert "You are signed out" in page.text
    assert (await http.get(f"{world.web}/api/cases")).status_code == 401


async def test_d2_an_assister_whom_the_stacks_provider_has_proofed_proves_the_npn(
    world: World, http: httpx2.AsyncClient
) -> None:
    """Of three who may be anybody, one is proofed under the registry's name."""
    request = documents.broker(first_name="Testa", last_name="Agent")
    opened = await world.opened(request, contact_email=f"office.{request['email']}")
    await world.until(opened, "awaiting_decision")
    await world.sign_in(request["email"], http)
    browser = Browser(http)
    here = f"{world.web}/me/{opened['case_id']}"
    for person, status in (("Testa Not Proofed", 403), ("Another Proofed", 403), ("Testa Agent", 200)):
        await browser.open(here)
        await browser.follow("Show it with an identity provider")
        assert (await browser.press(person)).status == status
    assert "Show it with an identity provider" not in browser.page.text
    findings = (await world.status(opened))["eligibility"]["findings"]
    assert "npn_owner" not in {finding["check"] for finding in findings}
