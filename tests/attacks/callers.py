"""Everybody who calls the web application, each by their own credential, and what they call about; no test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from starter.client import connect_client
from tests.support import documents
from tests.support.sending import build_credential
from tests.web.conftest import SENDERS
from tests.web.house import NUMBER, House
from web.http.permissions import StaffRole
from web.http.rate_limits import RateLimiter, What

NOBODY, STAFF_TOKEN, INTAKE, ASSISTER, REGISTRANT = "nobody", "staff token", "intake", "assister", "registrant"
CALLERS = (NOBODY, *StaffRole, STAFF_TOKEN, INTAKE, *SENDERS, ASSISTER, REGISTRANT)
TOKENS = {STAFF_TOKEN: "a-token-of-somebody-of-staff", INTAKE: "a-token-of-an-intake-partner"}
LIMITS: tuple[What, ...] = get_args(What)

Headers = dict[str, str]


@dataclass(frozen=True)
class OpenHouse:
    """A house without limits of calls, in which there is a case of each program, and a certified one."""

    house: House
    known: Mapping[str, str]
    """What stands for what is there, by the words that calls have for it."""

    async def admit(self, caller: str) -> Callable[[bytes], Headers]:
        """Lets somebody in on the house's browser; what they send along with a body to show who they are."""
        self.house.browser.cookies.clear()
        if caller in SENDERS:
            # What is no text can't be signed: it comes with a signature of something else.
            return lambda body: build_credential(caller, body if is_text(body) else b"")
        if caller in TOKENS:
            return lambda _: {"Authorization": f"Bearer {TOKENS[caller]}"}
        if caller in list(StaffRole):
            csrf = await self.house.sign_in(StaffRole(caller))
            return lambda _: {"X-CSRF-Token": csrf}
        if caller in (ASSISTER, REGISTRANT):
            await self.house.link(self.known["known-case" if caller == ASSISTER else "known-registration"])
        return lambda _: {}

    def fill_in(self, text: str) -> str:
        """The text with what is there in place of the words for it."""
        for word, value in self.known.items():
            text = text.replace(word, value)
        return text


def is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


async def furnish(house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> OpenHouse:
    """The house with credentials for everybody, limits that nobody reaches, and cases to call about."""
    settings = house.services.settings.model_copy(
        update={
            "staff_tokens": {"clerk": SecretStr(TOKENS[STAFF_TOKEN])},
            "staff_roles": {"clerk": [StaffRole.REVIEWER, StaffRole.OPERATOR]},
            "intake_tokens": {"partner": SecretStr(TOKENS[INTAKE])},
            "codes_an_hour": 1_000_000,
        }
    )
    limiter = RateLimiter(house.database, settings.identity_key_bytes, dict.fromkeys(LIMITS, "1000000/minute"))
    services = replace(house.services, settings=settings, rate_limiter=limiter)
    app.state.services = services  # which the house takes away in the end
    monkeypatch.setattr(app.state, "temporal", await connect_client(lazy=True), raising=False)
    house = replace(house, services=services)
    waiting, certified = await house.open(documents.broker()), await house.open(documents.counselor())
    registration = await house.open(documents.registration())
    await house.certify(certified)
    assister = next(case.assister_id for case in await house.cases() if case.case_id == certified)
    known = {"known-case": waiting, "known-certified": certified, "known-registration": registration}
    return OpenHouse(house, {**known, "known-assister": assister, "known-number": NUMBER})
