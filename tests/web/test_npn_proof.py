"""Proving on one's own pages whose an NPN is, by a code to the registry's address for it (D2)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
import time_machine
from pytest_httpserver import HTTPServer
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlmodel import col, select

from adapters.http import open_client
from adapters.registry import PATH, RegistryClient
from db.case_state import applicant_of, list_rows, load_case
from db.claim_tables import NpnClaim
from db.own_tables import AnswerRow
from db.reads.npn.claims import find_claim
from db.writes.npn.claims import take_registry_answer
from db.writes.npn.lookups import MOST_ATTEMPTS, ask_lookup, finish_lookup, list_due_lookups
from domain.shared.claims import ClaimState, RegisteredOwner
from starter.lookups import RegistryLookups
from tests.adapters.test_registry import report
from tests.support import documents
from tests.support.browser import Browser
from tests.web.house import House, fail_once
from tests.web.test_pages import read

REGISTRYS = "office.of.owner@registry.example.org"
MASKED = "o•••@r•••.org"


@pytest.fixture
def person(house: House) -> Browser:
    return Browser(house.browser)


async def screened(house: House, case_id: str, *emails: str) -> None:
    """The registry has answered, and knows these addresses of the NPN's owner."""
    key = house.services.settings.identity_key_bytes

    def take(session: Session) -> None:
        case = load_case(session, case_id)
        owner = RegisteredOwner(applicant_of(case).npn, emails)
        take_registry_answer(session, key, case, owner, datetime.now(UTC))

    await house.database.write(take)


async def state_of(house: House, case_id: str) -> str:
    case = await house.database.read(load_case, case_id)
    claims = select(col(NpnClaim.state)).where(col(NpnClaim.assister_id) == case.assister_id)
    (state,) = await house.database.read(list_rows, claims)
    assert not (case.npn_unproven and state == "proven")
    return str(state)


@pytest.mark.parametrize("document", [documents.broker, documents.registration])
async def test_d2_a_code_to_the_registrys_address_proves_the_npn(
    house: House, person: Browser, document: Callable[[], dict[str, Any]]
) -> None:
    case_id = await house.open(document())
    await screened(house, case_id, REGISTRYS)
    page = await person.open(await house.link(case_id))
    assert MASKED in page.text
    page = await person.press(f"Send a code to {MASKED}")
    assert page.url.partition("?")[0].endswith(f"/me/{case_id}/npn/code")
    assert (MASKED in page.text, "Use another e-mail address" in page.text) == (True, False)
    assert REGISTRYS not in page.source
    assert (await person.press("Go on", code="000000")).status == 422
    code = await house.code(REGISTRYS)
    page = await person.press("Go on", code=code)
    assert page.url.partition("?")[0].endswith(f"/me/{case_id}")
    assert await state_of(house, case_id) == "proven"
    assert "registry.example.org" not in page.source
    assert MASKED not in page.text
    assert (await person.open(f"/me/{case_id}/npn/code")).url.partition("?")[0].endswith(f"/me/{case_id}")


async def test_d2_a_code_is_not_used_up_where_the_proof_fails(
    house: House, person: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_once(monkeypatch, "web.own_proof.prove_by_code")
    case_id = await house.open(documents.broker())
    await screened(house, case_id, REGISTRYS)
    await person.open(await house.link(case_id))
    await person.press(f"Send a code to {MASKED}")
    code = await house.code(REGISTRYS)
    assert (await person.press("Go on", code=code)).status == 500
    assert await state_of(house, case_id) == "claimed"
    await person.open(f"/me/{case_id}/npn/code")
    await person.press("Go on", code=code)
    assert await state_of(house, case_id) == "proven"


async def test_d2_no_other_code_and_no_other_address_proves_it(house: House, person: Browser) -> None:
    """A code for the sign-in is worth nothing here, nor is one to an address that the registry doesn't have."""
    case_id = await house.open(documents.broker())
    await screened(house, case_id, REGISTRYS)
    here = await house.link(case_id)
    await person.open(here)
    await person.press(f"Send a code to {MASKED}")
    right = await house.code(REGISTRYS)
    await house.browser.post("/me/code", data={"email": REGISTRYS})
    assert (await person.press("Go on", code=await house.code(REGISTRYS))).status == 422
    assert await state_of(house, case_id) == "claimed"
    await screened(house, case_id, "another@registry.example.org")
    with structlog.testing.capture_logs() as logs:
        answer = await house.post(f"{here}/npn/code", {"code": right})
    assert answer.status_code == 409
    assert "code_right" in [line["event"] for line in logs], "the log has it, though what it is for was refused"
    for address in ("1", "-1", "", "x"):
        assert (await house.post(f"{here}/npn", {"address": address})).status_code == 409
    assert await state_of(house, case_id) == "claimed"


async def test_d2_nobody_elses_npn_is_proven(house: House) -> None:
    case_id = await house.open(documents.broker())
    await screened(house, case_id, REGISTRYS)
    await house.own_session("stranger@example.net")
    for path in ("npn", "npn/code"):
        assert (await house.post(f"/me/{case_id}/{path}", {"address": "0", "code": "000000"})).status_code == 404


async def test_d3_who_claims_it_too_is_told_by_mail_and_can_t_prove_it_any_more(house: House, person: Browser) -> None:
    owns = documents.broker()
    owner = await house.open(owns)
    rival = await house.open({**owns, "email": "stranger@example.net"})
    for case_id in (owner, rival):
        await screened(house, case_id, REGISTRYS)
    await person.open(await house.link(rival))
    await person.press(f"Send a code to {MASKED}")
    code = await house.code(REGISTRYS)
    await house.prove(owner)
    rows = await house.database.read(list_rows, select(AnswerRow))
    assert [(row.email, row.answer) for row in rows] == [("stranger@example.net", "npn_taken")]
    assert (await house.post(f"/me/{rival}/npn/code", {"code": code})).status_code == 409
    assert await state_of(house, rival) == "claimed"
    assert "Somebody else has shown that the NPN" in (await person.open(f"/me/{rival}")).text


async def from_before(house: House, document: dict[str, Any], *, certified: bool) -> str:
    """A case whose NPN is from before claims were proven; one that was certified keeps what it has."""
    case_id = await house.open(document)

    def age(session: Session) -> None:
        case = load_case(session, case_id)
        claim = find_claim(session, case.assister_id, document["npn"])
        assert claim is not None
        claim.state, case.npn_unproven = ClaimState.UNPROVEN_LEGACY, not certified
        session.add_all([claim, case])

    await house.database.write(age)
    return case_id


async def test_d2_who_was_here_before_is_asked_and_loses_nothing(
    house: House, person: Browser, httpserver: HTTPServer
) -> None:
    """The registry is asked once they want it, and the code to its address proves the NPN."""
    request = documents.broker()
    case_id = await from_before(house, request, certified=True)
    await house.own_session(request["email"])
    assert "We still have to know that the National Producer Number" in (await person.open("/me")).text
    page = await person.open(f"/me/{case_id}")
    assert "nothing you have is taken from you" in page.text
    assert "We are asking the license registry" in (await person.press("Ask the license registry")).text

    known = f"<CONTACT_INFO><BUSINESS_EMAIL>{REGISTRYS.upper()}</BUSINESS_EMAIL></CONTACT_INFO>"
    where = f"<ENTITY_BIOGRAPHIC><CONTACT_INFOS><STATE>{known}</STATE></CONTACT_INFOS>"
    body = report().replace("<ENTITY_BIOGRAPHIC>", where)
    async with open_client() as client:
        lookups = RegistryLookups(house.database, RegistryClient(client, httpserver.url_for("/"), "exchange", "secret"))
        httpserver.expect_ordered_request(PATH).respond_with_data("", 503)
        assert await lookups.ask_due() == 1
        httpserver.expect_ordered_request(PATH, query_string={"id_entity": request["npn"]}).respond_with_data(body)
        assert await lookups.ask_due() == 0, "a silent registry is left in peace for some minutes"
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6), tick=True):
            assert await lookups.ask_due() == 1
        assert await lookups.ask_due() == 0
    await house.own_session(request["email"])
    await person.open(f"/me/{case_id}")
    await person.press(f"Send a code to {MASKED}")
    page = await person.press("Go on", code=await house.code(REGISTRYS))
    assert await state_of(house, case_id) == "proven"
    assert "NPN is yours" not in page.text


@pytest.mark.parametrize(
    "over", ["UPDATE assister_case SET stage = 'withdrawn'", "UPDATE npn_claim SET state = 'proven'"]
)
async def test_d2_the_registry_is_not_asked_for_who_has_ended_or_about_what_is_proven(house: House, over: str) -> None:
    case_id = await from_before(house, documents.broker(), certified=True)
    at = datetime.now(UTC)
    await house.database.write(ask_lookup, case_id, at)
    assert len(await house.database.read(list_due_lookups, at)) == 1
    await house.database.write(Session.execute, text(over))
    assert await house.database.read(list_due_lookups, at) == []


async def test_d2_a_silent_registry_is_asked_later_and_later_and_then_no_more(house: House) -> None:
    """Its claimant may want it again then."""
    request, at = documents.broker(), datetime.now(UTC)
    case_id = await from_before(house, request, certified=True)
    await house.database.write(ask_lookup, case_id, at)
    pauses: list[float] = []
    while due := await house.database.read(list_due_lookups, at):
        await house.database.write(finish_lookup, due[0].number, None, at)
        claim = await house.database.read(_find_only_claim, request["npn"])
        if claim.lookup_due_at is not None:
            pauses.append((claim.lookup_due_at - at).total_seconds() / 60)
            at = claim.lookup_due_at
    assert pauses[:6] == [5, 10, 20, 40, 60, 60]
    assert (set(pauses[6:]), len(pauses)) == ({60}, MOST_ATTEMPTS - 1)
    await house.database.write(ask_lookup, case_id, at)
    assert len(await house.database.read(list_due_lookups, at)) == 1


def _find_only_claim(session: Session, npn: str) -> NpnClaim:
    (found,) = list_rows(session, select(NpnClaim).where(col(NpnClaim.npn) == npn))
    assert isinstance(found, NpnClaim)
    return found


async def test_d2_staff_have_a_work_list_of_those_from_before(house: House) -> None:
    request = documents.broker()
    case_id = await from_before(house, request, certified=True)
    await house.sign_in()
    page = read(await house.browser.get("/staff/claims"))
    assert "From before claims were proven: 1" in page.text
    assert request["npn"] in page.text
    assert f"/staff/cases/{case_id}" in {link.get("href") for link in page.of("a")}
    await house.prove(case_id)
    assert "From before claims were proven: 0" in read(await house.browser.get("/staff/claims")).text
