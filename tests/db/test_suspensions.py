"""Suspensions and terminations over a real database: each once, by its cause, audited, and told to the workflow."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_snapshot
from db.house_tables import KeptRules
from db.reads.cases import find_applicant, read_audit, read_case_list, read_certificate
from db.reads.queue import Filters
from db.reads.status import read_status
from db.tables import Case, InboxRow
from db.writes.commands import keep_command
from db.writes.opening import Opened
from db.writes.suspensions import NewSuspension, end_terms, file_rebuttal, restore_authority, suspend_authority
from domain.programs.kept_rules import describe_rules
from domain.shared.cases.authority import SuspensionCause, SuspensionKind
from domain.shared.cases.authors import THE_ASSISTER, OnBehalf, StepAuthor, WordMethod
from domain.shared.cases.commands import CommandKind, CommandOrigin, Suspend
from domain.shared.cases.messages import Applied
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.policy import find_local_date
from domain.state.policies import POLICIES
from starter.cases import describe_event
from tests.support.office import KEY, Office, office_over
from tests.support.tables import add_rows, change_row

LAPSED, BY_STAFF = SuspensionCause.LICENSE_LAPSED, SuspensionCause.SUSPENDED_BY_STAFF


async def certified(office: Office) -> Opened:
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)
    return opened


async def lapse(office: Office, opened: Opened, suspension_id: str = "lapse-1") -> list[InboxRow]:
    wanted = NewSuspension(suspension_id, LAPSED)
    return await office.database.write(suspend_authority, opened.case_id, wanted, office.later())


async def suspended(office: Office, opened: Opened, days: int | None = None) -> Applied:
    until = None if days is None else (await today(office, opened) + timedelta(days=days)).isoformat()
    return await office.command(opened, CommandKind.SUSPEND, suspension="agreement", until=until)


async def today(office: Office, opened: Opened) -> Any:
    return find_local_date((await office.database.read(load_snapshot, opened.case_id)).policy, office.now)


async def status(office: Office, opened: Opened) -> dict[str, Any]:
    return await office.database.read(read_status, opened.case_id, office.now)


async def audited(office: Office, opened: Opened, action: str) -> list[dict[str, Any]]:
    return [one for one in await office.database.read(read_audit, opened.case_id) if one["action"] == action]


async def test_e2_a_lapse_suspends_once_and_its_own_end_restores(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        (row,) = await lapse(office, opened)
        assert await lapse(office, opened) == []
        assert await lapse(office, opened, "lapse-2") == [], "the same cause suspends once at a time"
        found = await status(office, opened)
        assert (found["stage"], found["may_assist_reasons"][0]) == ("suspended", "license_lapsed")
        listed = await office.database.read(read_case_list, Filters(stage="suspended"))
        assert [one["case_id"] for one in listed] == [opened.case_id]
        report = describe_event(row, await office.database.read(load_snapshot, opened.case_id))
        assert report.authority is not None
        assert [letter.about for letter in report.authority.letters] == ["lapse-1"]

        restore = opened.case_id, "lapse-1"
        assert await office.database.write(restore_authority, *restore, BY_STAFF, office.later()) == []
        assert len(await office.database.write(restore_authority, *restore, LAPSED, office.later())) == 1
        assert await office.database.write(restore_authority, *restore, LAPSED, office.later()) == []
        assert await lapse(office, opened) == [], "an id is used once"
        assert (await status(office, opened))["stage"] == "certified"
        assert len(await audited(office, opened, "authority.suspended")) == 1
        assert len(await audited(office, opened, "authority.restored")) == 1
        inbox = await office.database.read(list_rows, select(InboxRow).where(col(InboxRow.source) == "authority"))
        assert [one.state for one in inbox] == ["pending", "pending"]


async def test_e2_nothing_is_suspended_without_a_certificate_or_after_the_end(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        waiting, ended = await office.waiting(), await certified(office)
        await office.command(ended, CommandKind.REVOKE)
        assert await lapse(office, waiting) == []
        assert await lapse(office, ended, "lapse-2") == []
        refused = await suspended(office, ended)
        assert not refused.applied


async def test_e2_the_certificate_stays_valid_and_says_that_its_holder_may_not_assist(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        number = (await status(office, opened))["certificate"]["number"]
        for _ in range(2):
            found = await office.database.read(read_certificate, number, office.now)
            assert found is not None
            assert (found["status"], found["may_assist"]) == ("valid", False)
            await suspended(office, opened)


async def test_e4_a_term_is_over_at_midnight_after_its_last_day_and_not_before(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        applied = await suspended(office, opened, days=2)
        assert applied.authority is not None
        due = applied.authority.due_at
        assert due is not None
        before = await office.database.write(end_terms, opened.case_id, due - timedelta(seconds=1))
        assert before.authority.suspended_since is not None
        after = await office.database.write(end_terms, opened.case_id, due)
        assert (after.authority.suspended_since, after.authority.due_at, after.ended) == (None, None, False)
        assert (await office.database.write(end_terms, opened.case_id, due)).authority == after.authority
        (told,) = await audited(office, opened, "authority.restored")
        assert (told["actor"], told["reason"]) == ("system", "The last day of the suspension is over.")


async def test_e4_a_termination_happens_after_its_last_day_unless_it_was_taken_back(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened, kept = await certified(office), await certified(office)
        for one in (opened, kept):
            assert (await office.command(one, CommandKind.GIVE_NOTICE, "unresolved")).applied
        assert (await office.command(kept, CommandKind.LIFT, "resolved", termination=True)).applied
        later = office.later(days=32)
        assert (await office.database.write(end_terms, opened.case_id, later)).ended
        again = await office.database.write(end_terms, opened.case_id, later)
        assert again.ended, "an answer that got lost is given again, or its workflow would never end"
        assert not (await office.database.write(end_terms, kept.case_id, later)).ended
        assert [(await status(office, one))["stage"] for one in (opened, kept)] == ["terminated", "certified"]
        (told,) = await audited(office, opened, "case.terminated")
        assert told["reason"] == "unresolved"


@pytest.mark.parametrize("days", [-1, 91])
async def test_e4_a_day_that_the_policy_does_not_allow_is_refused_and_nothing_is_kept(
    migrated_url: str, days: int
) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        until = await today(office, opened) + timedelta(days=days)
        command = Suspend(suspension=SuspensionKind.AGREEMENT, until=until)
        origin = CommandOrigin("c1", opened.case_id, "staff:riley", "a sample reason", office.later())
        with pytest.raises(Invalid) as refused:
            await office.database.write(keep_command, KEY, command, origin)
        assert [fault.field for fault in refused.value.faults] == ["until"]
        assert (await status(office, opened))["stage"] == "certified"


async def test_e12_a_case_from_before_goes_by_the_defaults(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        rules = describe_rules(POLICIES["bewellnm", 2024])
        del rules["suspension"]
        older = KeptRules(rules_hash="older", program="bewellnm", plan_year=2024, rules=rules, kept_at=office.later())
        await office.database.write(add_rows, older)
        await office.database.write(change_row, Case, opened.case_id, rules_hash="older")
        assert (await suspended(office, opened)).applied
        (one,) = (await status(office, opened))["suspensions"]
        assert datetime.fromisoformat(one["until"]).date() == await today(office, opened) + timedelta(days=90)
        assert datetime.fromisoformat(one["since"]).tzinfo == UTC


async def test_e4_what_an_assister_says_against_it_is_shown_to_staff_until_it_is_lifted(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)

        async def say(text: str) -> None:
            await office.database.write(file_rebuttal, opened.case_id, text, THE_ASSISTER, office.later())

        with pytest.raises(Refusal):
            await say("before anything was ordered")
        await suspended(office, opened)
        for text in ("it was somebody else", "it was somebody else", "and I can show it"):
            await say(text)
        found = await status(office, opened)
        assert found["flag"] == "rebuttal_filed"
        answer_by = (await today(office, opened) + timedelta(days=45)).isoformat()
        assert [one["answer_by"] for one in found["rebuttals"]] == [answer_by, answer_by]
        assert "somebody else" not in str(found)
        staff = StepAuthor("staff:riley", OnBehalf(method=WordMethod.PAPER, reason="by letter"))
        await office.database.write(file_rebuttal, opened.case_id, "I was ill", staff, office.later())
        *own, behalf = await audited(office, opened, "authority.rebutted")
        assert [(one["actor"], one["reason"]) for one in own] == [("assister", None)] * 2
        assert (behalf["actor"], behalf["reason"], behalf["details"]["method"]) == ("staff:riley", "by letter", "paper")
        assert (await office.command(opened, CommandKind.LIFT, "it was unfounded")).applied
        found = await status(office, opened)
        assert (found["flag"], found["rebuttals"]) == (None, [])


async def test_a24_the_portal_takes_nobody_in_whose_authority_is_suspended(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await certified(office)
        number = (await status(office, opened))["certificate"]["number"]
        email = applicant_of((await office.database.read(load_snapshot, opened.case_id)).case).email

        async def certificate_status() -> str:
            found = await office.database.read(find_applicant, email, number, office.now)
            assert found is not None
            return str(found["certificate"]["status"])

        assert await certificate_status() == "valid"
        await suspended(office, opened)
        assert await certificate_status() == "suspended"
        await office.command(opened, CommandKind.LIFT)
        assert await certificate_status() == "valid"
