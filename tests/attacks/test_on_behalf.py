"""Staff take no step of an assister's without saying how they have their word, and why; the audit has both (D6)."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from sqlmodel import select

from db.case_state import list_rows
from db.reads.cases import read_audit
from db.tables import CommandRow, FactRow, TicketRow
from db.writes.federal.profiles import keep_profile
from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import MarketplaceAgreement
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from domain.shared.cases.facts import FactKind
from domain.shared.documents.faults import Invalid
from domain.shared.ids import ASSISTER, make_command_id
from tests.support import documents
from tests.web.house import House

NAME = MarketplaceAgreement.INDIVIDUAL_GENERAL
WORD = {"method": "paper", "reason": "signed at the office"}
COURSE = {"curriculum": "shop", "channel": "vendor-a"}
STEPS: dict[str, dict[str, Any]] = {
    "profile": {"phone": "505-555-0177"},
    "profile/next": {},
    "enrollments": COURSE,
    "launches": COURSE,
    f"agreements/{NAME}/open": {},
    f"agreements/{NAME}/accept": {"sha256": find_marketplace_agreement(NAME, "en").sha256},
}
LACKING: dict[str, tuple[dict[str, str], list[str]]] = {
    "neither": ({}, ["method", "reason"]),
    "no reason": ({"method": "paper"}, ["reason"]),
    "no method": ({"reason": "signed at the office"}, ["method"]),
    "a blank reason": ({"method": "paper", "reason": "  "}, ["reason"]),
    "a method there is not": ({"method": "telepathy", "reason": "signed"}, ["method"]),
}


async def take_step(house: House, case_id: str, step: str, body: dict[str, Any]) -> httpx2.Response:
    """A step of the assister's by somebody of staff; nobody answers commands here."""
    headers = {"X-CSRF-Token": await house.sign_in()}
    return await house.browser.post(f"/api/cases/{case_id}/{step}", json=body, headers=headers)


async def list_written(house: House, case_id: str) -> list[Any]:
    """Everything that a step could leave behind."""
    tables: list[type[Any]] = [FactRow, CommandRow, TicketRow]
    rows = [len(await house.database.read(list_rows, select(table))) for table in tables]
    return [*rows, await house.database.read(read_audit, case_id)]


@pytest.mark.parametrize("lacking", LACKING)
async def test_d6_a_step_for_an_assister_needs_a_method_and_a_reason(house: House, lacking: str) -> None:
    case_id = await house.open(documents.registration())
    said, named = LACKING[lacking]
    before = await list_written(house, case_id)
    for step, body in STEPS.items():
        answer = await take_step(house, case_id, step, body | said)
        assert (step, answer.status_code) == (step, 422), answer.text
        assert [fault["field"] for fault in answer.json()["errors"]] == named, step
    assert await list_written(house, case_id) == before


async def test_d6_what_is_lacking_is_named_with_every_other_fault(house: House) -> None:
    case_id = await house.open(documents.registration())
    answer = await take_step(house, case_id, "enrollments", {"curriculum": "poetry"})
    assert {fault["field"] for fault in answer.json()["errors"]} == {"curriculum", "channel", "method", "reason"}


async def test_d6_the_audit_has_name_method_and_reason_of_each_step(house: House) -> None:
    case_id = await house.open(documents.registration())
    await house.facts(case_id, FactKind.BEGUN)
    assert (await take_step(house, case_id, "enrollments", COURSE | WORD)).status_code == 201
    assert (await take_step(house, case_id, "launches", COURSE | WORD)).status_code == 201
    assert (await take_step(house, case_id, f"agreements/{NAME}/open", WORD)).status_code == 200
    told = [row for row in await house.database.read(read_audit, case_id) if row["actor"] == "reviewer"]
    assert [(row["action"], row["reason"], row["details"]["method"]) for row in told] == [
        (action, WORD["reason"], "paper") for action in ("training.enrolled", "training.launched", "agreement.opened")
    ]
    page = await house.browser.get(f"/staff/cases/{case_id}", headers={"Accept": "text/html"})
    assert "In writing, for the assister. signed at the office" in page.text


async def test_d6_nobody_is_answered_by_what_another_has_sent_under_the_same_id(house: House) -> None:
    case_id, changes = await house.open(documents.registration()), STEPS["profile"]
    await house.services.database.write(
        keep_profile,
        house.services.settings.identity_key_bytes,
        make_command_id("one", case_id),
        case_id,
        changes,
        StepAuthor(ASSISTER),
        datetime.now(UTC),
    )
    headers = {"X-CSRF-Token": await house.sign_in(), "Idempotency-Key": "one"}
    answer = await house.browser.post(f"/api/cases/{case_id}/profile", json=changes | WORD, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "This id was used for another command; use a new one.",
    )


async def test_d6_a_withdrawal_at_the_assisters_wish_says_how_it_was_told(house: House) -> None:
    told, own = await house.open(documents.agent()), await house.open(documents.agent())
    for case_id, said in ((told, WORD), (own, {"reason": "opened twice"})):
        assert (await take_step(house, case_id, "withdraw", said)).status_code == 202
    wrong = await take_step(house, own, "withdraw", {**WORD, "method": "telepathy"})
    assert [fault["field"] for fault in wrong.json()["errors"]] == ["method"]
    await house.apply_commands()
    for case_id, method in ((told, "paper"), (own, None)):
        rows = await house.database.read(read_audit, case_id)
        (row,) = [one for one in rows if one["action"] == "case.withdrawn"]
        assert (row["actor"], row["details"].get("method")) == ("reviewer", method)


def test_d6_whichever_way_staff_come_they_say_it() -> None:
    with pytest.raises(Invalid) as refused:
        StepAuthor("staff:ana")
    assert [fault.field for fault in refused.value.faults] == ["method", "reason"]
    assert StepAuthor("staff:ana", OnBehalf(method=WordMethod.PAPER, reason="signed")).reason == "signed"
    assert StepAuthor(ASSISTER).reason is None
