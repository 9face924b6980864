"""The registration workflow's corners: the watch over published lists, silent registries, endings, renewal (B9–B21)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlmodel import col, select

from activities import profiles
from db.case_state import list_rows, load_snapshot
from db.reads.cases import read_certificate
from db.tables import SentMail
from db.writes.commands import apply_command
from db.writes.opening import Opened
from domain.federal.markets import MLMS, Curriculum, Market, list_agreements
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.business_days import is_business_day
from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.authors import THE_ASSISTER, ProofMethod
from domain.shared.cases.commands import CommandKind, CorrectName
from domain.shared.cases.facts import FactKind
from domain.shared.cases.messages import BeginRegistration, Command, RegistrationSnapshot, Report
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.policy import find_local_date
from tests.support import documents, federal as support
from tests.support.commands import store_command
from tests.support.federal import A_DAY, Federal, a_friday
from tests.support.patience import PATIENCE
from workflows import case as case_workflow, messages as names
from workflows.search_attributes import STAGE

pytestmark = pytest.mark.asyncio(loop_scope="module")

GROWN = 120
PATIENT = timedelta(seconds=15)  # between two look-ups of a registry that doesn't answer
HELP_DESK = "FFMProducer-AssisterHelpDesk@cms.hhs.gov"
STAND_INS = ("registry", "mlms", "lists", "mailbox")
INDIVIDUAL, SHOP = Market.INDIVIDUAL, Market.SHOP
TRACKER, RCL, FIND_LOCAL_HELP = (
    (INDIVIDUAL.value, "tracker"),
    (INDIVIDUAL.value, "rcl"),
    (INDIVIDUAL.value, "find_local_help"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federal]:
    """A server that suggests continue-as-new soon: whatever is tested here is tested over renewals."""
    async with support.running(tmp_path_factory.mktemp("federal"), suggest_renewal_at=GROWN) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(federal: Federal) -> AsyncIterator[None]:
    """Every third party works again after each test, and the lists are published whole."""
    yield
    for stand_in in STAND_INS:
        await federal.control(stand_in, mode="ok")
    await federal.omit_nothing()


def business_days(after: date, count: int, off: date | None = None) -> list[date]:
    """The next business days, over a weekend and a day off."""
    found: list[date] = []
    while len(found) < count:
        after += A_DAY
        if is_business_day(after, {off} if off else ()):
            found.append(after)
    return found


async def completed_on(federal: Federal, friday: date, request: dict[str, Any]) -> Opened:
    """Somebody whose last step was done on this Friday afternoon."""
    opened = await federal.profiled(request)
    await federal.goes_to(opened, friday, 15)
    await federal.completed(opened)
    await federal.agreed(opened, "certified", "publication")
    await federal.until(opened, lambda status: status["publication"]["lists"])
    return opened


def late(lists: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    return {name for name, one in lists.items() if one["late"]}


def present(lists: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    return {name for name, one in lists.items() if one["listed_at"]}


# the watch


async def test_b18_b19_b21_an_npn_that_is_missing_is_flagged_on_the_third_business_day_and_asked_about_once(
    federal: Federal,
) -> None:
    """Completed on a Friday, left out by those who publish: nothing on Monday and Tuesday, late on Wednesday."""
    friday, request = a_friday(), documents.registration(first_name="Fredericka", last_name="Missingname")
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "rcl", "tracker")
    monday, tuesday, wednesday, thursday, friday_after = business_days(friday, 5)
    assert {name: one["due_on"] for name, one in (await federal.listed(opened)).items()} == {
        TRACKER: str(tuesday),
        RCL: str(tuesday),
        FIND_LOCAL_HELP: str(wednesday),
    }
    for day in (monday, tuesday):
        status = await federal.business_day(opened, day)
        lists = await federal.listed(opened)
        assert (late(lists), present(lists)) == (set(), {FIND_LOCAL_HELP}), day
        assert (status["flag"], status["publication"]["help_desk_told_at"]) == (None, None), day
        assert await federal.help_desk(request) == [], day
    status = await federal.business_day(opened, wednesday)
    assert late(await federal.listed(opened)) == {TRACKER, RCL}
    assert status["flag"] == "list_late"
    assert status["may_assist"], "what others publish late takes nobody's authority"
    await federal.until(opened, lambda status: status["publication"]["help_desk_told_at"])
    (letter,) = await federal.help_desk(request)
    assert letter["to"] == [HELP_DESK]
    assert letter["headers"]["Reply-To"] == request["email"]
    for told in (
        request["npn"],
        "Fredericka Missingname",
        "plan year 2024",
        f"{friday:%B} {friday.day}, {friday.year}",
    ):
        assert told in " ".join(letter["text"].split()), told
    await federal.business_day(opened, thursday)
    assert len(await federal.help_desk(request)) == 1
    await federal.omit_nothing()
    await federal.business_day(opened, friday_after)
    status = await federal.agreed(opened, "active", "next_plan_year")
    assert status["flag"] is None, "there is nothing left for staff to look at"
    lists = await federal.listed(opened)
    assert (late(lists), present(lists)) == (set(), {TRACKER, RCL, FIND_LOCAL_HELP})
    assert (await federal.noticed(opened, "marketplace_active")).count("marketplace_active") == 1
    assert (await federal.quiet(opened)).look_at == {}
    assert len(await federal.help_desk(request)) == 1


async def test_b20_friday_s_completion_is_due_in_find_local_help_on_wednesday_and_flagged_on_thursday(
    federal: Federal,
) -> None:
    friday = a_friday()
    request = documents.registration(first_name="Lateinlist", last_name=f"Local{documents.new_letters()}")
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "find_local_help")
    *until_wednesday, thursday, friday_after = business_days(friday, 5)
    for day in until_wednesday:
        status = await federal.business_day(opened, day)
        lists = await federal.listed(opened)
        assert (late(lists), status["flag"]) == (set(), None), day
        assert present(lists) == {TRACKER, RCL}, day
    status = await federal.business_day(opened, thursday)
    assert (late(await federal.listed(opened)), status["flag"]) == ({FIND_LOCAL_HELP}, "list_late")
    await federal.business_day(opened, friday_after)
    assert await federal.help_desk(request) == [], "the NPN is in the RCL: the help desk has nothing to look for"
    assert (await federal.progress(opened)).stage == "certified"


async def test_b18_b19_b20_federal_holidays_are_skipped(federal: Federal) -> None:
    """The Monday after is a holiday: everything is due a day later, and nobody looks on the day off."""
    friday = a_friday(before_a_holiday=True)
    request = documents.registration(first_name="Holidayperson", last_name=f"Off{documents.new_letters()}")
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "rcl", "tracker", "find_local_help")
    monday = friday + timedelta(days=3)
    tuesday, wednesday, thursday, friday_after = business_days(friday, 4, off=monday)
    assert (tuesday, friday_after) == (friday + timedelta(days=4), friday + timedelta(days=7))
    assert {one["due_on"] for one in (await federal.listed(opened)).values()} == {str(wednesday), str(thursday)}
    looks = await looked(federal, opened)
    await federal.goes_to(opened, monday, 20)
    assert await looked(federal, opened) == looks, "nobody reads the lists on a holiday"
    for day in (tuesday, wednesday):
        status = await federal.business_day(opened, day)
        assert (late(await federal.listed(opened)), status["flag"]) == (set(), None), day
    await federal.business_day(opened, thursday)
    assert late(await federal.listed(opened)) == {TRACKER, RCL}
    await federal.business_day(opened, friday_after)
    assert late(await federal.listed(opened)) == {TRACKER, RCL, FIND_LOCAL_HELP}
    assert len(await federal.help_desk(request)) == 1


async def looked(federal: Federal, opened: Opened) -> int:
    """How often the lists were read, over all runs."""
    count = 0
    for run_id in await federal.runs(opened):
        history = await federal.client.get_workflow_handle(opened.workflow_id, run_id=run_id).fetch_history()
        scheduled = [event.activity_task_scheduled_event_attributes for event in history.events]
        count += sum(one.activity_type.name == "watch.look" for one in scheduled)
    return count


async def test_b21_the_help_desk_s_letter_waits_for_a_mail_server_that_is_down_and_is_one(federal: Federal) -> None:
    friday, request = a_friday(), documents.registration()
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "rcl")
    monday, tuesday, wednesday = business_days(friday, 3)
    for day in (monday, tuesday):
        await federal.business_day(opened, day)
    await federal.noticed(opened, "marketplace_certificate")
    await federal.control("mailbox", mode="error", status=451)
    asking = asyncio.create_task(federal.business_day(opened, wednesday))
    await federal.wait_for_retry(opened, attempts=2)
    await federal.control("mailbox", mode="ok")
    await asking
    await federal.until(opened, lambda status: status["publication"]["help_desk_told_at"])
    assert len(await federal.help_desk(request)) == 1
    kept = await federal.database.read(list_rows, select(SentMail).where(col(SentMail.case_id) == opened.case_id))
    (mail,) = [one for one in kept if one.notice == Notice.HELP_DESK]
    assert (mail.recipient, mail.language) == (HELP_DESK, "en")
    assert request["npn"] in mail.text


async def test_b12_b19_each_market_is_watched_by_its_own_days(federal: Federal) -> None:
    """SHOP is completed on the Tuesday after: its lists are due when the other's are read, and none speaks for both."""
    friday, request = a_friday(), documents.registration(markets=["individual", "shop"])
    opened = await federal.profiled(request)
    await federal.goes_to(opened, friday, 15)
    await federal.completed(opened)
    await federal.agreed(opened, "in_training", "marketplace_training")
    monday, tuesday, wednesday, thursday = business_days(friday, 4)
    await federal.business_day(opened, monday)
    assert present(await federal.listed(opened)) == {TRACKER, RCL, FIND_LOCAL_HELP}
    await federal.goes_to(opened, tuesday, 10)
    await federal.completed(opened, SHOP)
    await federal.until(opened, lambda status: len(status["publication"]["lists"]) == 6)
    shop = {name: one for name, one in (await federal.listed(opened)).items() if name[0] == SHOP}
    assert {one["due_on"] for name, one in shop.items() if name[1] == "rcl"} == {str(thursday)}
    await federal.alter(request, "find_local_help", markets="individual")
    await federal.business_day(opened, wednesday)
    assert {name for market, name in present(await federal.listed(opened)) if market == SHOP} == {"tracker", "rcl"}
    await federal.omit_nothing()
    await federal.business_day(opened, thursday)
    await federal.agreed(opened, "active", "next_plan_year")
    assert (await federal.notices(opened)).count("marketplace_certificate") == 2


async def test_b6_b9_who_switches_the_role_is_not_watched_and_is_again_when_the_role_comes_back(
    federal: Federal,
) -> None:
    friday, request = a_friday(), documents.registration()
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "rcl")
    monday, tuesday, wednesday, thursday = business_days(friday, 4)
    await federal.business_day(opened, monday)
    await federal.save(opened, role="not_an_agent_broker", npn=None)
    await federal.agreed(opened, "active", "next_plan_year")
    for day in (tuesday, wednesday):
        status = await federal.business_day(opened, day)
        assert (late(await federal.listed(opened)), status["flag"]) == (set(), None)
    assert await federal.help_desk(request) == []
    await federal.save(opened, role="marketplace_agent_broker", npn=request["npn"])
    await federal.agreed(opened, "certified", "publication")
    await federal.business_day(opened, thursday)
    assert late(await federal.listed(opened)) == {RCL}


async def test_b9_b18_who_becomes_an_agent_broker_after_completion_is_due_from_then_on(federal: Federal) -> None:
    """Nobody could have listed them before: what is published the day after is not late."""
    friday, agent = a_friday(), documents.registration()
    trainee = {**agent, "role": "not_an_agent_broker"}
    opened = await federal.profiled(trainee)
    await federal.goes_to(opened, friday, 15)
    await federal.completed(opened)
    await federal.agreed(opened, "active", "next_plan_year")
    _, _, _, thursday, friday_after, monday_after = business_days(friday, 6)
    await federal.goes_to(opened, thursday, 13)
    await federal.save(opened, role=agent["role"])
    await federal.until(opened, lambda status: status["publication"]["lists"])
    assert (await federal.listed(opened))[RCL]["due_on"] == str(monday_after)
    await federal.omit(agent, "rcl")
    status = await federal.business_day(opened, friday_after)
    assert (late(await federal.listed(opened)), status["flag"]) == (set(), None)


async def test_b7_a_profile_that_can_not_be_saved_keeps_a_run_from_its_renewal_only_up_to_a_bound(
    federal: Federal, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await federal.open(documents.registration())
    await federal.agreed(opened, "awaiting_profile", "marketplace_profile")
    monkeypatch.setattr(profiles, "save_profile", raise_bug)
    saving = asyncio.create_task(federal.save(opened, phone="915-555-0142"))
    await federal.wait_for_retry(opened, attempts=2)
    monkeypatch.setattr(case_workflow, "MOST_EVENTS_A_RUN", 10)
    standing = (await federal.progress(opened)).standing
    await federal.handle(opened).signal(names.ASSISTER_ACTED, told(opened, standing, "again"))
    await federal.wait_for_runs(opened, 2)
    monkeypatch.undo()
    assert (await saving).state in ("pending", "applied")
    await federal.save(opened, phone="915-555-0142")
    await federal.until(opened, lambda status: status["profile"]["version"] > 0)


def raise_bug(*_arguments: Any) -> None:
    raise RuntimeError("a bug that is in no release")


async def test_a_renewed_workflow_goes_on_with_its_watch(federal: Federal) -> None:
    """Continue-as-new in the middle of the watch loses neither the day of the next look nor what was done."""
    friday, request = a_friday(), documents.registration()
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "tracker")
    monday, tuesday, wednesday = business_days(friday, 3)
    await federal.business_day(opened, monday)
    await federal.noticed(opened, "marketplace_certificate")
    before, runs = await federal.quiet(opened), len(await federal.runs(opened))
    async with asyncio.timeout(PATIENCE):  # how many events a signal comes to depends on how many one task takes
        while len(await federal.runs(opened)) == runs:
            for _ in range(GROWN // 12):
                await federal.handle(opened).signal(names.ASSISTER_ACTED, told(opened, before.standing))
    after = await federal.quiet(opened)
    assert (after.look_at, after.done, after.standing) == (before.look_at, before.done, before.standing)
    assert (after.stage, after.waiting_for, after.waiting_since) == (
        before.stage,
        before.waiting_for,
        before.waiting_since,
    )
    described = await federal.handle(opened).describe()
    assert described.typed_search_attributes[STAGE] == "certified"
    await federal.business_day(opened, tuesday)
    await federal.business_day(opened, wednesday)
    assert late(await federal.listed(opened)) == {TRACKER}
    sent = await federal.notices(opened)
    assert len(sent) == len(set(sent)), "no letter was sent again by a renewed workflow"


def told(opened: Opened, standing: RegistrationSnapshot, fact_id: str = "") -> Report:
    return Report(
        case_id=opened.case_id,
        fact_id=fact_id or uuid4().hex,
        kind=FactKind.PROFILE_COMPLETED,
        standing=standing,
    )


# what is heard


async def test_c4_an_older_snapshot_that_comes_late_takes_nothing_back(federal: Federal) -> None:
    opened = await federal.profiled(documents.registration())
    older = (await federal.quiet(opened)).standing
    await federal.trained(opened)
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    newer = (await federal.quiet(opened)).standing
    assert older.facts < newer.facts
    await federal.handle(opened).signal(names.ASSISTER_ACTED, told(opened, older))
    await federal.handle(opened).signal(
        names.LMS_REPORTED, told(opened, RegistrationSnapshot(facts=99, stage="closed"))
    )
    await federal.handle(opened).signal(names.VENDOR_REPORTED, told(opened, older))
    progress = await federal.progress(opened)
    assert (progress.standing, progress.stage) == (newer, "awaiting_agreements")


async def test_a_message_for_another_registration_is_not_heard(federal: Federal) -> None:
    opened, other = [await federal.profiled(documents.registration()) for _ in range(2)]
    await federal.trained(other)
    await federal.agreed(other, "awaiting_agreements", "marketplace_agreements")
    ahead = (await federal.quiet(other)).standing
    await federal.handle(opened).signal(names.ASSISTER_ACTED, told(other, ahead))
    assert (await federal.progress(opened)).stage == "in_training"
    assert (await federal.quiet(opened)).standing != ahead


async def test_c1_a_second_start_of_the_same_case_leaves_the_first_alone(federal: Federal) -> None:
    opened = await federal.profiled(documents.registration())
    other = await federal.client.execute_workflow(
        names.REGISTRATION,
        BeginRegistration(case_id=opened.case_id, program="ffm", plan_year=2024),
        id=f"{opened.workflow_id}/again",
        task_queue=federal.settings.task_queue,
        result_type=str,
    )
    assert other == "claimed elsewhere"
    await federal.agreed(opened, "in_training", "marketplace_training")
    await federal.noticed(opened, "marketplace_welcome")
    assert (await federal.notices(opened)).count("marketplace_welcome") == 1


async def test_c3_everything_that_was_told_before_the_first_task_counts(federal: Federal) -> None:
    """A returning person's course is reported complete before the workflow has begun."""
    request = documents.registration()
    opened = await federal.store(request)
    await federal.enroll(opened, Curriculum.SHOP)
    await federal.course(opened, Curriculum.SHOP)
    await federal.cases.start_workflow((await federal.database.read(load_snapshot, opened.case_id)).case)
    await federal.save(opened)
    await federal.next(opened)
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    assert (await federal.status(opened))["training"]["shop"]


async def test_query_and_database_agree_at_every_step_of_a_life(federal: Federal) -> None:
    friday, request = a_friday(), documents.registration(markets=["individual", "shop"])
    opened = await federal.open(request)
    await federal.agreed(opened, "awaiting_profile", "marketplace_profile")
    await federal.save(opened)
    await federal.agreed(opened, "awaiting_profile", "marketplace_profile")
    await federal.next(opened)
    await federal.agreed(opened, "in_training", "marketplace_training")
    await federal.goes_to(opened, friday, 9)
    for market in Market:
        await federal.trained(opened, market)
        await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
        for name in list_agreements(market):
            await federal.accept(opened, name)
            await federal.quiet(opened)
    await federal.agreed(opened, "certified", "publication")
    (monday,) = business_days(friday, 1)
    await federal.business_day(opened, monday)
    await federal.agreed(opened, "active", "next_plan_year")
    progress = await federal.quiet(opened)
    assert (progress.errands, progress.ending, progress.look_at) == ([], None, {})
    assert set(progress.standing.completed) == {"individual", "shop"}
    sent = await federal.noticed(opened, "marketplace_active")
    assert sorted(sent) == sorted(
        ["marketplace_welcome", *["marketplace_enrolled", "marketplace_certificate"] * 2, "marketplace_active"]
    )


# the profile


async def test_b9_a_profile_is_saved_while_the_registry_is_silent_and_verified_when_it_answers(
    federal: Federal,
) -> None:
    opened = await federal.open(documents.registration())
    await federal.control("registry", mode="down")
    assert (await federal.save(opened)).state == "applied"
    await federal.next(opened)
    status = await federal.agreed(opened, "awaiting_profile", "npn_verification")
    assert (status["profile"]["npn"], status["profile"]["status"]) == ("unverified", "saved")
    assert "npn_not_verified" in status["may_assist_reasons"]
    await federal.enroll(opened, Curriculum.INDIVIDUAL_FULL)
    await federal.course(opened, Curriculum.INDIVIDUAL_FULL)
    with pytest.raises(Exception, match="Complete your profile first"):
        await federal.accept(opened, list_agreements(INDIVIDUAL)[0])
    assert await federal.wait_for_retry(opened) >= PATIENT
    await federal.control("registry", mode="ok")
    await federal.retry_at_once(opened)
    status = await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    assert (status["profile"]["npn"], status["profile"]["status"]) == ("verified", "complete")


async def test_b9_an_npn_that_turns_out_wrong_is_told_and_put_right_by_saving_again(federal: Federal) -> None:
    """The registry was silent for a moment, and then knew another name under this NPN."""
    request = documents.registration(first_name="Unverified", last_name="Person")
    stranger = documents.individual(request, first_name="Somebody", last_name="Else")
    opened = await federal.open(request, know=False)
    await federal.know(stranger)
    await federal.control("registry", mode="down")
    assert (await federal.save(opened)).state == "applied"
    assert await federal.wait_for_retry(opened) >= PATIENT
    await federal.control("registry", mode="ok")
    await federal.retry_at_once(opened)
    await federal.until(opened, lambda status: status["profile"]["npn"] == "refused")
    assert (await federal.noticed(opened, "marketplace_profile_npn")).count("marketplace_profile_npn") == 1
    assert (await federal.status(opened))["flag"] == "npn_refused"
    with pytest.raises(Exception, match="Save a valid profile first"):
        await federal.next(opened)
    await federal.save(opened, first_name="Somebody", last_name="Else")
    await federal.next(opened)
    status = await federal.agreed(opened, "in_training", "marketplace_training")
    assert (status["profile"]["version"], status["profile"]["npn"]) == (2, "verified")


async def test_b9_b10_a_refused_profile_names_its_fields_and_the_case_goes_on(federal: Federal) -> None:
    firm, nobody = documents.firm(), documents.new_npn()
    request = documents.registration()
    opened = await federal.open(request)
    await federal.know(firm)
    before = await federal.quiet(opened)
    with pytest.raises(Invalid) as caught:
        await federal.save(opened, npn=firm["npn"], business_npn=nobody)
    named = [("npn", "npn_of_firm"), ("business_npn", "npn_unknown")]
    assert [(fault.field, fault.code) for fault in caught.value.faults] == named
    assert (await federal.quiet(opened)).standing == before.standing
    assert (await federal.save(opened, business_npn=firm["npn"])).state == "applied"
    assert (await federal.database.read(load_snapshot, opened.case_id)).case.request["business_npn"] == firm["npn"]


async def test_b7_two_saves_at_once_are_saved_one_after_the_other(federal: Federal) -> None:
    opened = await federal.open(documents.registration())
    phones = [f"915-555-01{number:02}" for number in range(5)]
    answers = await asyncio.gather(*(federal.save(opened, phone=phone) for phone in phones))
    assert {answer.state for answer in answers} == {"applied"}
    status = await federal.status(opened)
    assert status["profile"]["version"] == len(phones)
    saved = [one for one in status["history"] if one["kind"] == "profile_saved"]
    assert sorted(one["data"]["version"] for one in saved) == [1, 2, 3, 4, 5]


async def test_b7_two_saves_of_different_fields_at_once_are_both_kept(federal: Federal) -> None:
    opened = await federal.profiled(documents.registration())
    await asyncio.gather(federal.save(opened, phone="915-555-0142"), federal.save(opened, language="es"))
    saved = (await federal.database.read(load_snapshot, opened.case_id)).case.request
    assert (saved["phone"], saved["language"]) == ("915-555-0142", "es")


async def test_b9_what_the_registry_confirmed_stays_confirmed_while_it_is_silent(federal: Federal) -> None:
    """Another phone number leaves the NPN as it was; another NPN is unknown until the registry has answered."""
    request = documents.registration()
    opened = await federal.profiled(request)
    another = documents.individual({**request, "npn": documents.new_npn()})
    await federal.know(another)
    await federal.control("registry", mode="down")
    await federal.save(opened, phone="915-555-0143")
    assert (await federal.status(opened))["profile"]["npn"] == "verified"
    await federal.save(opened, npn=another["npn"])
    status = await federal.agreed(opened, "awaiting_profile", "npn_verification")
    assert (status["profile"]["version"], status["profile"]["npn"]) == (3, "unverified")


async def test_b7_the_same_command_sent_twice_is_saved_once(federal: Federal) -> None:
    opened = await federal.open(documents.registration())
    command_id = str(uuid4())
    save = federal.registrations.save_profile
    answers = await asyncio.gather(*(save(opened.case_id, {}, THE_ASSISTER, command_id) for _ in range(3)))
    assert {answer.state for answer in answers} == {"applied"}
    assert (await federal.status(opened))["profile"]["version"] == 1


async def test_updates_and_signals_sent_while_it_renews_itself_are_all_there_once(federal: Federal) -> None:
    opened = await federal.profiled(documents.registration())
    standing = (await federal.quiet(opened)).standing
    phones = [f"915-555-01{number:02}" for number in range(12)]

    async def save() -> None:
        for phone in phones:
            assert (await federal.save(opened, phone=phone)).state == "applied"

    async def signal() -> None:
        for _ in range(GROWN // 2):
            await federal.handle(opened).signal(names.ASSISTER_ACTED, told(opened, standing))

    await asyncio.gather(save(), signal(), federal.trained(opened), federal.trained(opened, SHOP))
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    await federal.wait_for_runs(opened, 2)
    status = await federal.status(opened)
    saved = [one["data"]["version"] for one in status["history"] if one["kind"] == "profile_saved"]
    assert saved == list(range(1, len(phones) + 2))
    assert (await federal.database.read(load_snapshot, opened.case_id)).case.request["phone"] == phones[-1]
    assert set(status["training"]) == {market for market, at in status["training"].items() if at}
    assert (await federal.notices(opened)).count("marketplace_welcome") == 1


async def test_who_waits_is_reminded_of_what_is_waited_for(federal: Federal) -> None:
    opened = await _agreements(federal)
    began = federal.now(opened)
    await federal.round(began + timedelta(days=15))
    (reminder,) = await federal.reminders(opened)
    assert reminder.startswith("marketplace_agreements:")
    published = await _publication(federal)
    await federal.round(began + timedelta(days=30))
    assert await federal.reminders(published) == [], "what others owe is not for the assister to do"


# endings

Way = Callable[[Federal], Awaitable[Opened]]


async def _profile(federal: Federal) -> Opened:
    opened = await federal.open(documents.registration())
    await federal.agreed(opened, "awaiting_profile", "marketplace_profile")
    return opened


async def _npn(federal: Federal) -> Opened:
    opened = await _profile(federal)
    await federal.control("registry", mode="down")
    await federal.save(opened)
    await federal.next(opened)
    await federal.agreed(opened, "awaiting_profile", "npn_verification")
    return opened


async def _training(federal: Federal) -> Opened:
    return await federal.profiled(documents.registration())


async def _enrolling(federal: Federal) -> Opened:
    await federal.control("mlms", mode="down")
    opened = await _training(federal)
    await federal.enroll(opened, Curriculum.INDIVIDUAL_FULL)
    await federal.quiet(opened)
    return opened


async def _agreements(federal: Federal) -> Opened:
    opened = await _training(federal)
    await federal.trained(opened)
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    return opened


async def _letters_under_way(federal: Federal) -> Opened:
    await federal.control("mailbox", mode="down")
    return await _agreements(federal)


async def _publication(federal: Federal) -> Opened:
    opened = await _training(federal)
    await federal.completed(opened)
    await federal.agreed(opened, "certified", "publication")
    await federal.until(opened, lambda status: status["publication"]["lists"])
    return opened


async def _reading(federal: Federal) -> Opened:
    """While the lists can't be read, and are tried again and again."""
    friday = a_friday()
    opened = await completed_on(federal, friday, documents.registration())
    await federal.control("lists", mode="down")
    (monday,) = business_days(friday, 1)
    before = len(await federal.calls("lists"))
    noon = asyncio.create_task(federal.goes_to(opened, monday))
    async with asyncio.timeout(PATIENCE):
        while len(await federal.calls("lists")) < before + 2:
            await asyncio.sleep(0.1)
    noon.cancel()
    return opened


async def _active(federal: Federal) -> Opened:
    friday = a_friday()
    opened = await completed_on(federal, friday, documents.registration())
    await federal.business_day(opened, business_days(friday, 1)[0])
    await federal.agreed(opened, "active", "next_plan_year")
    return opened


WAYS = [
    _profile,
    _npn,
    _training,
    _enrolling,
    _agreements,
    _letters_under_way,
    _publication,
    _reading,
    _active,
]


@pytest.mark.parametrize("reach", WAYS, ids=lambda way: way.__name__.strip("_"))
async def test_c8_a_withdrawal_is_not_kept_waiting_by_anything(federal: Federal, reach: Way) -> None:
    """In every wait, beside every effect that fails: the case ends at once, and its effects stop."""
    opened = await reach(federal)
    answer = await federal.cases.withdraw_request(opened.case_id, "another job", "staff")
    assert answer.state == "applied"
    status = await federal.status(opened)
    assert (status["stage"], status["may_assist"]) == ("withdrawn", False)
    for stand_in in STAND_INS:
        await federal.control(stand_in, mode="ok")
    assert await asyncio.wait_for(federal.handle(opened).result(), PATIENCE) == "withdrawn"
    assert (await federal.notices(opened)).count("withdrawn") == 1
    history = (await federal.status(opened))["history"]
    facts = [one["kind"] for one in history if not one["kind"].startswith("notice.")]
    assert facts.count("withdrawn") == 1
    await asyncio.sleep(0.5)
    assert (await federal.status(opened))["history"] == history, "nothing goes on after the end"
    with pytest.raises(Refusal):
        await federal.save(opened, phone="915-555-0199")


async def test_c8_a_withdrawn_registration_leaves_the_lists_and_is_asked_about_no_more(federal: Federal) -> None:
    friday, request = a_friday(), documents.registration()
    opened = await completed_on(federal, friday, request)
    await federal.omit(request, "rcl")
    monday, tuesday = business_days(friday, 2)
    await federal.business_day(opened, monday)
    await federal.business_day(opened, tuesday)
    assert (await federal.cases.withdraw_request(opened.case_id, "another job", "staff")).state == "applied"
    assert await asyncio.wait_for(federal.handle(opened).result(), PATIENCE) == "withdrawn"
    assert await federal.help_desk(request) == []
    assert late(await federal.listed(opened)) == set()
    lists = (await federal.status(opened))["publication"]["lists"]
    assert {one["list"] for one in lists if one["listed_at"]} == {"tracker", "find_local_help"}


async def test_e2_e4_a_suspended_registration_leaves_the_lists_until_its_term_is_over(federal: Federal) -> None:
    request = documents.registration()
    opened = await completed_on(federal, a_friday(), request)
    policy = FEDERAL_POLICIES[2024]
    until = find_local_date(policy, federal.now(opened)) + timedelta(days=5)
    suspended = federal.cases.suspend_authority(
        opened.case_id, SuspensionKind.AGREEMENT, "a sample reason", "staff:riley", until
    )
    assert (await suspended).state == "applied"
    status = await federal.agreed(opened, "suspended", "restoration")
    assert status["may_assist_reasons"] == ["suspended_by_staff"]
    await federal.noticed(opened, "authority_suspended")
    await federal.skip(opened, timedelta(days=7))
    status = await federal.agreed(opened, "certified", "publication")
    assert status["may_assist"]
    await federal.noticed(opened, "authority_restored")
    assert (await federal.cases.terminate_authority(opened.case_id, "unresolved", "staff:riley")).state == "applied"
    await federal.skip(opened, timedelta(days=32))
    await federal.until(opened, "terminated")
    assert await asyncio.wait_for(federal.handle(opened).result(), PATIENCE) == "terminated"


async def test_e11_a_corrected_name_has_new_certificates_of_every_market_and_new_lists(federal: Federal) -> None:
    request = documents.registration()
    opened = await completed_on(federal, a_friday(), request)
    before = (await federal.status(opened))["certificates"]
    correction = CorrectName(first_name="Corregida", last_name="Muestra", method=ProofMethod.PAPER, document="a card")
    assert (
        await federal.cases.correct_name(opened.case_id, correction, "misspelled", "staff:riley")
    ).state == "applied"
    await federal.noticed(opened, "certificate_corrected")
    after = (await federal.status(opened))["certificates"]
    assert [one["market"] for one in after] == [one["market"] for one in before]
    assert [one["supersedes"] for one in after] == [one["number"] for one in before]
    for old, new in zip(before, after, strict=True):
        shown = await federal.database.read(read_certificate, old["number"], datetime.now(UTC))
        assert shown is not None
        assert (shown["status"], shown["superseded_by"]) == ("superseded", new["number"])
    assert (await federal.database.read(load_snapshot, opened.case_id)).case.unpublished
    await federal.agreed(opened, "certified", "publication")


async def test_c8_a_withdrawal_nobody_stored_ends_nothing(federal: Federal) -> None:
    opened = await _training(federal)
    stray = Command(case_id=opened.case_id, command_id=f"by-hand-{uuid4()}", kind=CommandKind.WITHDRAW)
    await federal.handle(opened).signal(names.WITHDRAWN, stray)
    await federal.trained(opened)
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")


async def test_c8_a_registration_that_ended_before_its_workflow_began_ends_there_too(federal: Federal) -> None:
    """The withdrawal was recorded while the claim of the case was still on its way."""
    opened = await federal.store(documents.registration())
    row = await federal.database.write(
        store_command, str(uuid4()), opened.case_id, CommandKind.WITHDRAW, "staff", "another job", {}, datetime.now(UTC)
    )
    assert (
        await federal.database.write(apply_command, federal.settings.identity_key_bytes, row.id, datetime.now(UTC))
    ).applied
    handle = await federal.client.start_workflow(
        names.REGISTRATION,
        BeginRegistration(case_id=opened.case_id, program="ffm", plan_year=2024),
        id=opened.workflow_id,
        task_queue=federal.settings.task_queue,
        start_signal=names.WITHDRAWN,
        start_signal_args=[Command(case_id=opened.case_id, command_id=row.id, kind=CommandKind.WITHDRAW)],
    )
    assert await asyncio.wait_for(handle.result(), PATIENCE) == "withdrawn"
    assert (await federal.notices(opened)).count("withdrawn") == 1


async def test_c6_a_window_closes_in_the_middle_of_a_watch(federal: Federal) -> None:
    """At midnight after its last day, in the East: the registration ends, its certificate's days are over."""
    friday, request = a_friday(), documents.registration()
    monday, tuesday = business_days(friday, 2)
    windows = {"windows": {"closes_on": str(monday)}}
    opened = await federal.profiled(request, **windows)
    await federal.goes_to(opened, friday, 15)
    await federal.completed(opened)
    await federal.agreed(opened, "certified", "publication")
    await federal.omit(request, "tracker")
    await federal.business_day(opened, monday)
    await federal.goes_to(opened, monday, 23, 50)
    assert (await federal.agreed(opened, "certified", "publication"))["may_assist"]
    assert not await federal.skip(opened, federal.left(opened, tuesday, 0, 40))
    assert await asyncio.wait_for(federal.handle(opened).result(), PATIENCE) == "closed"
    status = await federal.status(opened)
    assert (status["stage"], status["may_assist"]) == ("closed", False)
    assert (await federal.notices(opened)).count("closed") == 1


async def test_c6_a_window_that_has_closed_already_ends_the_registration_at_once(federal: Federal) -> None:
    opened = await federal.open(documents.registration(), windows={"closes_on": "2026-01-31"})
    assert await federal.handle(opened).result() == "closed"
    assert (await federal.status(opened))["stage"] == "closed"


async def test_c1_nothing_is_lost_in_a_pause_of_two_hundred_days(federal: Federal) -> None:
    opened = await _agreements(federal)
    assert await federal.skip(opened, timedelta(days=200))
    await federal.agreed(opened, "awaiting_agreements", "marketplace_agreements")
    for name in list_agreements(INDIVIDUAL):
        await federal.accept(opened, name)
    await federal.agreed(opened, "certified", "publication")
    assert {one["channel"] for one in (await federal.status(opened))["enrollments"]} == {MLMS}


async def test_a_notice_is_sent_again_when_staff_ask_for_it(federal: Federal) -> None:
    opened = await _training(federal)
    await federal.noticed(opened, "marketplace_welcome")
    await federal.cases.resend_notice(opened.case_id, Notice.MARKETPLACE_WELCOME, "lost", "staff")
    async with asyncio.timeout(PATIENCE):
        while (await federal.notices(opened)).count("marketplace_welcome") < 2:
            await asyncio.sleep(0.1)
    with pytest.raises(Refusal):
        await federal.cases.resend_notice(opened.case_id, Notice.MARKETPLACE_CERTIFICATE, "lost", "staff")
    assert FEDERAL_POLICIES[2024].help_desk == HELP_DESK
