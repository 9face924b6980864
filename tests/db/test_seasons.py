"""A season opens every returning assister's case once, leaves others out with the reason, and stops when told (E9)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from activities.seasons import SeasonsActivities
from db.reads.pending import list_unbegun_cases
from db.reads.seasons import progress
from db.reads.seasons.candidates import count_unfinished_starts, judge_candidates
from db.reads.seasons.progress import SeasonStatus, read_season_status
from db.season_tables import Season, SeasonEntry
from db.tables import Assister, AuditRow, Case, EarlierYear
from db.writes.cases import claim_case
from db.writes.imports import import_person
from db.writes.opening import begin_case
from db.writes.seasons.changes import advance_season, change_season, open_season
from db.writes.seasons.entries import SeasonHalted, open_for_season
from domain.programs.imports import parse_import
from domain.shared.cases.messages import Claim
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.seasons import SeasonChange, SeasonOrder
from domain.shared.documents.faults import Invalid
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.tables import change_row

SEASON = ("bewellnm", 2024)
A_YEAR_AGO = datetime(2023, 6, 1, 17, tzinfo=UTC)


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


class Starter:
    """Takes the place of Temporal: notes which workflows were started, and claims their cases as they do."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.started: list[str] = []
        self.is_down = False
        self.claims = True

    async def start_workflow(self, case: Case) -> bool:
        if self.is_down:
            raise ConnectionError
        self.started.append(case.case_id)
        if not self.claims:
            return True
        claim = Claim(case_id=case.case_id, run_id=f"run-{case.case_id}", at=self.office.later())
        await self.office.database.write(claim_case, claim)
        return True


async def known(office: Office, *certified: int, **changes: Any) -> str:
    """Somebody known from an import; their id."""
    (imported,) = parse_import([documents.earlier(documents.broker(), *certified, **changes)])
    return (await office.database.write(import_person, KEY, imported, "staff:ana", office.later())).assister_id


async def open_it(office: Office) -> None:
    await office.database.write(open_season, *SEASON, "It is November.", "staff:ana", office.later())


async def status(office: Office) -> SeasonStatus:
    return await office.database.read(read_season_status, *SEASON, office.later())


async def go_through(office: Office, starter: Starter) -> str:
    """One page, outside Temporal."""
    season = await office.database.read(progress.find_season, *SEASON)
    page = await SeasonsActivities(starter, office.database)._go_through(season, 100)
    return page.state


async def test_e9_everybody_comes_out_as_judged_and_once(office: Office) -> None:
    returning = [await known(office, 2023), await known(office, 2022, 2023)]
    lapsed = await known(office, 2023, portal_account=None)
    withdrawn, revoked = await known(office, 2023), await known(office, 2022)
    already = await known(office, 2023)
    opened = await office.database.write(begin_case, already, *SEASON, "staff:ana", office.later())
    await office.database.write(change_row, Case, opened.case_id, run_id="run")
    unbegun = await known(office, 2023)
    woken = await office.database.write(begin_case, unbegun, *SEASON, "staff:ana", office.later())
    ended = await office.database.write(begin_case, withdrawn, *SEASON, "staff:ana", office.later())
    await office.database.write(change_row, Case, ended.case_id, stage="withdrawn")
    before = await office.database.write(begin_case, revoked, "bewellnm", 2023, "staff:ana", A_YEAR_AGO)
    await office.database.write(change_row, Case, before.case_id, stage="revoked")
    appealing = await known(office, 2022)
    last = await office.database.write(begin_case, appealing, "bewellnm", 2023, "staff:ana", A_YEAR_AGO)
    await office.database.write(change_row, Case, last.case_id, stage="under_appeal")
    await known(office, 2024)  # took part in no year before this one
    await office.opened()

    rehearsed = await office.database.read(judge_candidates, *SEASON, "", 100)
    assert await office.all(SeasonEntry) == []
    await open_it(office)
    starter = Starter(office)
    assert await go_through(office, starter) == "finished"
    entries = {entry.assister_id: entry for entry in await office.all(SeasonEntry)}
    outcomes = {one: (entry.outcome, entry.reason) for one, entry in entries.items()}
    assert outcomes == {
        **dict.fromkeys(returning, ("opened", None)),
        lapsed: ("left_out", "not_returning"),
        withdrawn: ("left_out", "ended_this_year"),
        revoked: ("left_out", "revoked_before"),
        appealing: ("left_out", "appealed_before"),
        already: ("already_open", None),
        unbegun: ("woken", None),
    }
    assert outcomes == {one.assister_id: (one.outcome, one.reason) for one in rehearsed}
    assert sorted(starter.started) == sorted([woken.case_id, *(str(entries[one].case_id) for one in returning)])
    found = await status(office)
    assert found.document() | {"opened_at": None, "changed_at": None} == {
        "program": "bewellnm",
        "plan_year": 2024,
        "state": "finished",
        "opened_at": None,
        "opened_by": "staff:ana",
        "changed_at": None,
        "people": 8,
        "handled": 8,
        "percent": 100,
        "seconds_left": None,
        "opened": 2,
        "woken": 1,
        "already_open": 1,
        "left_out": 4,
        "reasons": {"appealed_before": 1, "ended_this_year": 1, "not_returning": 1, "revoked_before": 1},
    }
    audited = await office.all(AuditRow, action="case.opened", assister_id=returning[0])
    assert [row.actor for row in audited] == ["staff:ana"]


async def test_e9_a_page_that_was_cut_off_is_gone_through_again_and_opens_nobody_twice(office: Office) -> None:
    people = [await known(office, 2023) for _ in range(3)]
    await open_it(office)
    first = sorted(people)[0]
    # Killed between the case and its workflow, and before the season knew of the page.
    assert len(await office.database.write(open_for_season, *SEASON, [first], office.later())) == 1
    starter = Starter(office)
    assert await go_through(office, starter) == "finished"
    cases = await office.all(Case)
    assert sorted(case.assister_id for case in cases) == sorted(people)
    assert sorted(starter.started) == sorted(case.case_id for case in cases)
    assert {entry.outcome for entry in await office.all(SeasonEntry)} == {"opened"}


async def test_e9_while_temporal_is_down_cases_are_stored_all_the_same(office: Office) -> None:
    await known(office, 2023)
    await open_it(office)
    starter = Starter(office)
    starter.is_down = True
    assert await go_through(office, starter) == "finished"
    assert [case.run_id for case in await office.all(Case)] == [None]
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert len(await office.database.read(list_unbegun_cases, later, later)) == 1  # the delivery begins it


async def test_e9_what_was_started_is_not_started_again_by_the_delivery_while_it_waits_for_its_turn(
    office: Office,
) -> None:
    """Else each case of a season would be started twice, which took a tenth of its time."""
    await known(office, 2023)
    await open_it(office)
    starter = Starter(office)
    starter.claims = False
    assert await go_through(office, starter) == "finished"
    (case,) = await office.all(Case)
    assert starter.started == [case.case_id]
    later = datetime.now(UTC) + timedelta(seconds=30)
    assert await office.database.read(list_unbegun_cases, later, later) == []
    later += timedelta(minutes=1)
    assert len(await office.database.read(list_unbegun_cases, later, later)) == 1


async def test_e9_nobody_is_opened_once_it_is_paused_or_cancelled(office: Office) -> None:
    person = await known(office, 2023)
    await open_it(office)
    for change in (SeasonChange.PAUSE, SeasonChange.RESUME, SeasonChange.CANCEL):
        await office.database.write(change_season, *SEASON, change, "A reason.", "staff:olga", office.later())
        if change is not SeasonChange.RESUME:
            with pytest.raises(SeasonHalted):
                await office.database.write(open_for_season, *SEASON, [person], office.later())
    assert await office.all(Case) == []
    page = await SeasonsActivities(Starter(office), office.database)._go_through((await status(office)).season, 100)
    assert (page.state, page.handled) == ("cancelled", 0)
    audited = [(row.action, row.actor, row.reason) for row in await office.all(AuditRow) if "season" in row.action]
    assert audited == [
        ("season.opened", "staff:ana", "It is November."),
        ("season.paused", "staff:olga", "A reason."),
        ("season.resumed", "staff:olga", "A reason."),
        ("season.cancelled", "staff:olga", "A reason."),
    ]


async def test_e9_what_cannot_be_is_refused_and_changes_nothing(office: Office) -> None:
    with pytest.raises(Refusal, match="There is no season"):
        await office.database.write(change_season, *SEASON, SeasonChange.PAUSE, None, "staff:ana", office.later())
    for plan_year, code in ((2099, "no_policy"), (2026, "window_not_open")):
        with pytest.raises(Invalid) as refused:
            await office.database.write(open_season, "bewellnm", plan_year, None, "staff:ana", office.now)
        assert [(one.field, one.code) for one in refused.value.faults] == [("plan_year", code)]
    late = office.now + timedelta(days=1200)
    with pytest.raises(Invalid) as refused:
        await office.database.write(open_season, "bewellnm", 2025, None, "staff:ana", late)
    assert [one.code for one in refused.value.faults] == ["window_closed"]
    await open_it(office)
    with pytest.raises(Refusal, match="is opened once"):
        await open_it(office)
    with pytest.raises(Refusal, match="only one that is paused"):
        await office.database.write(change_season, *SEASON, SeasonChange.RESUME, None, "staff:ana", office.later())
    await office.database.write(advance_season, *SEASON, "", None, office.later())
    for change in SeasonChange:
        with pytest.raises(Refusal, match="everybody was gone through"):
            await office.database.write(change_season, *SEASON, change, None, "staff:ana", office.later())
    assert [season.state for season in await office.all(Season)] == ["finished"]


async def test_e9_one_whose_record_is_at_fault_is_left_out_and_holds_up_nobody(office: Office) -> None:
    broken, whole, another = [await known(office, 2023) for _ in range(3)]
    details = {"kind": "broker", "language": "xx", "business_address": 7}
    await office.database.write(change_row, Assister, broken, details=details)
    await open_it(office)
    assert await go_through(office, Starter(office)) == "finished"
    entries = {entry.assister_id: (entry.outcome, entry.reason) for entry in await office.all(SeasonEntry)}
    opened = ("opened", None)
    assert entries == {broken: ("left_out", "record_at_fault"), whole: opened, another: opened}


async def test_e9_the_federal_season_takes_whoever_registered_before(office: Office) -> None:
    full = documents.registered(documents.registration(), 2021)
    short = documents.registered(documents.registration(), 2023)
    for document in (full, short):
        (imported,) = parse_import([document])
        await office.database.write(import_person, KEY, imported, "staff:ana", office.later())
    await known(office, 2023)  # of the other program
    await office.database.write(open_season, "ffm", 2024, None, "staff:ana", office.later())
    season = await office.database.read(progress.find_season, "ffm", 2024)
    await SeasonsActivities(Starter(office), office.database)._go_through(season, 100)
    assert [entry.outcome for entry in await office.all(SeasonEntry)] == ["opened", "opened"]
    assert sorted(case.assister_type for case in await office.all(Case)) == ["lapsed", "returning"]


async def test_e9_cases_whose_first_steps_are_not_done_are_counted_for_a_while(office: Office) -> None:
    person = await known(office, 2023)
    await open_it(office)
    await office.database.write(open_for_season, *SEASON, [person], office.now)
    since = office.now - timedelta(minutes=10)
    assert await office.database.read(count_unfinished_starts, since) == 1
    assert await office.database.read(count_unfinished_starts, office.now) == 0
    (case,) = await office.all(Case)
    await office.database.write(claim_case, Claim(case_id=case.case_id, run_id="run", at=office.later()))
    assert await office.database.read(count_unfinished_starts, since) == 1  # it waits for its screening
    await office.database.write(change_row, Case, case.case_id, waiting_for="decision")
    assert await office.database.read(count_unfinished_starts, since) == 0


async def test_e9_an_import_after_the_opening_is_gone_through_too(office: Office) -> None:
    await open_it(office)
    await known(office, 2023)
    assert await go_through(office, Starter(office)) == "finished"
    assert (await status(office)).counts.handled == 1
    assert len(await office.all(EarlierYear)) == 1


def test_e9_the_order_names_nobody() -> None:
    assert set(SeasonOrder.model_fields) == {"program", "plan_year", "state"}
