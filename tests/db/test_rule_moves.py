"""Open cases move to other rules, and what comes out otherwise is known before (E12)."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest_asyncio

from db.case_state import load_snapshot
from db.reads.rule_moves import RulesMove, list_rule_moves
from db.tables import AuditRow, Case, CommandRow
from db.writes.commands import keep_command
from db.writes.kept_rules import keep_rules
from db.writes.opening import Opened
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.commands import CommandKind, CommandOrigin, MoveRules
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.policy import ProgramPolicy
from domain.state.policies import POLICIES
from tests.support.office import KEY, Office, office_over


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


def vary(policy: ProgramPolicy, **changes: Any) -> ProgramPolicy:
    """The same policy with some fields as a file would have them."""
    return type(policy).model_validate({**policy.model_dump(mode="json"), **changes})


async def moves(office: Office, policy: ProgramPolicy, *chosen: str) -> list[RulesMove]:
    found, after = await office.database.read(list_rule_moves, policy, chosen, "", office.now)
    assert after == ""
    return found


def told(move: RulesMove) -> dict[str, tuple[str, str, bool]]:
    return {change.what.value: (change.before, change.after, change.is_by_move) for change in move.changes}


async def attempted(office: Office, opened: Opened, score: str, passed: bool) -> None:
    data = {"event_id": score, "score": score, "passed": passed}
    await office.fact(opened, FactKind.EXAM_ATTEMPTED, data)


async def test_e12_it_is_told_whose_outcome_would_change_and_why(office: Office) -> None:
    shipped = POLICIES["bewellnm", 2024]
    undecided, trained = await office.waiting(npn="77002001"), await office.waiting(npn="77002002")
    await office.decided(trained)
    for kind in (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED):
        await office.fact(trained, kind)
    await attempted(office, trained, "0.75", False)
    ended = await office.opened(npn="77002003")
    await office.command(ended, CommandKind.WITHDRAW)
    intake = shipped.intake.model_dump(mode="json") | {"neighbour_states": [], "home_state": "AZ"}
    other = vary(shipped, pass_mark="0.70", windows={"closes_on": "2026-12-31"}, intake=intake)
    found = {move.case_id: move for move in await moves(office, other)}
    assert set(found) == {undecided.case_id, trained.case_id}, "who has ended stays as they are"
    assert told(found[trained.case_id]) == {
        "last_day": ("", "2026-12-31", True),
        "exam": ("0.75 failed", "0.75 passed", False),
    }
    assert told(found[undecided.case_id]) == {
        "last_day": ("", "2026-12-31", True),
        "intake": ("in scope", "out of scope", False),
    }
    assert [move.case_id for move in await moves(office, other, trained.case_id)] == [trained.case_id]
    assert await moves(office, shipped) == [], "they go by these rules already"


async def test_e12_e14_a_deadline_comes_out_otherwise_by_the_move_itself(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    await office.fact(opened, FactKind.LMS_INVITED)
    other = vary(POLICIES["bewellnm", 2024], training_deadline={"days": 10})
    (move,) = await moves(office, other)
    assert told(move) == {"training_deadline": ("", "2024-11-14", True)}
    await complete_training(office, opened)
    (move,) = await moves(office, other)
    assert told(move) == {}, "nothing comes out otherwise for training that is complete"


async def complete_training(office: Office, opened: Opened) -> None:
    for kind in (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED):
        await office.fact(opened, kind)
    await attempted(office, opened, "0.9", True)


async def test_e12_a_registration_too(office: Office) -> None:
    opened = await office.registered()
    shipped = FEDERAL_POLICIES[2024]
    other = vary(shipped, windows={"closes_on": "2027-06-30"}, reminder_every_days=1)
    (move,) = await moves(office, other)
    assert (move.case_id, told(move)["last_day"]) == (opened.case_id, ("", "2027-06-30", True))


async def test_e12_a_case_moves_by_a_command_and_it_is_audited(office: Office) -> None:
    opened = await office.waiting()
    former = (await office.all(Case))[0].rules_hash
    other = vary(POLICIES["bewellnm", 2024], pass_mark="0.70", windows={"closes_on": "2099-12-31"})
    rules_hash = await office.database.write(keep_rules, other, office.later())
    applied = await office.command(
        opened, CommandKind.MOVE_RULES, reason="a file was corrected", rules_hash=rules_hash, former_hash=former
    )
    assert (applied.applied, applied.moves_rules, applied.license_unknown_after_seconds) == (True, True, 3600)
    assert applied.closes_at is not None
    assert applied.closes_at.year == 2100
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert (snapshot.case.rules_hash, snapshot.state_policy.pass_mark) == (rules_hash, Decimal("0.70"))
    (audited,) = await office.all(AuditRow, action="case.rules_moved")
    assert (audited.actor, audited.reason) == ("riley", "a file was corrected")
    assert (audited.details["former_hash"], audited.details["rules_hash"]) == (former, rules_hash)


async def test_e12_a_move_from_other_rules_than_were_looked_at_is_refused(office: Office) -> None:
    opened = await office.waiting()
    origin = CommandOrigin("a-move", opened.case_id, "staff:riley", "a sample reason", office.later())
    why = await office.database.write(keep_command, KEY, MoveRules(rules_hash="new", former_hash="old"), origin)
    assert why == Reason("rules_moved_already")
    assert await office.all(CommandRow) == []
