"""The log-in of staff by the sandbox's identity provider, over HTTP: its word opens no more than it says."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from sqlmodel import col, select

from db.case_state import list_rows
from db.tables import AuditRow, StaffSession
from tests.attacks.test_identity_sign_in import SECRET, WEB, Attack, Provider, forged, provider
from tests.web.house import House
from web.http.identity_provider import ClaimNames, IdentityProvider

__all__ = ["provider"]  # a fixture

PERSON = "demo-reviewer"


def know_staff(house: House, app: FastAPI, provider: Provider, **role_names: str) -> None:
    names = ClaimNames("preferred_username", "roles", role_names)
    known = IdentityProvider(provider.issuer, "certify", SECRET, WEB, names)
    app.state.services = replace(house.services, identity_provider=known)  # until the house is taken down


async def sign_in(house: House, provider: Provider, **said: Any) -> httpx2.Response:
    """A log-in from its first page on, of somebody of whom the provider says this."""
    house.browser.cookies.clear()
    provider.change(PERSON, **said)
    begun = await house.browser.get("/staff/sign-in/start")
    back = await provider.choose(begun.headers["location"], PERSON)
    return await house.browser.get(back, headers={"Accept": "text/html"})


def say(**claims: Any) -> Attack:
    """Has the provider say this of the person."""
    return lambda provider, _: provider.change(PERSON, **claims)


async def list_actors(house: House) -> list[str]:
    """Whom the audit names for the log-ins there were."""
    rows = await house.database.read(list_rows, select(AuditRow).order_by(col(AuditRow.id)))
    return [row.actor for row in rows if row.action == "staff.signed_in"]


async def test_who_is_called_system_or_as_somebody_else_is_named_otherwise(
    house: House, app: FastAPI, provider: Provider
) -> None:
    know_staff(house, app, provider)
    for subject, name in (("1", "system"), ("2", "rita"), ("3", "rita"), ("3", "system"), ("4", "sender:lms")):
        answer = await sign_in(house, provider, sub=subject, preferred_username=name)
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff")
    rita, other = "staff:rita", "staff:rita~2"
    assert await list_actors(house) == ["staff:system", rita, other, other, "staff:sender:lms"]


@pytest.mark.parametrize(
    "attack",
    [forged, say(aud="another"), say(aud=["certify", "another"]), say(azp="another")],
    ids=["forged", "for another", "for another too", "given to another"],
)
async def test_a_token_that_is_not_for_us_opens_no_session(
    house: House, app: FastAPI, provider: Provider, monkeypatch: pytest.MonkeyPatch, attack: Attack
) -> None:
    know_staff(house, app, provider)
    attack(provider, monkeypatch)
    with structlog.testing.capture_logs() as logs:
        answer = await sign_in(house, provider)
    assert (answer.status_code, "staff" in house.browser.cookies) == (403, False)
    assert "sign_in_failed" in [line["event"] for line in logs if line.get("log") == "security"]
    assert await house.database.read(list_rows, select(StaffSession)) == []


async def test_a_role_that_the_mapping_does_not_name_is_none(house: House, app: FastAPI, provider: Provider) -> None:
    know_staff(house, app, provider, **{"exchange-reviewers": "reviewer"})
    answer = await sign_in(house, provider, roles=["operator", "reviewer"])
    assert (answer.status_code, "staff" in house.browser.cookies) == (403, False)
    assert (await sign_in(house, provider, roles=["exchange-reviewers", "operator"])).status_code == 303
    assert [row.roles for row in await house.database.read(list_rows, select(StaffSession))] == [["reviewer"]]
