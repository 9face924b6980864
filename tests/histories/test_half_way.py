"""Cases that were begun before today's changes, and are anywhere in them, go on with today's code to their end.

The first worker holds every change, so that its runs are as those of the release before; it ends, and today's worker
goes on. A run of before can't be read again once a query was answered in the middle of its first task (decision 26), so
that those of the state, which are replayed, are asked nothing. And what releases of before recorded replays from each
task, which is where a release finds its runs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlmodel import col, select
from temporalio.client import WorkflowHistory

import worker
from db.case_state import list_rows, load_snapshot
from db.tables import EffectRow
from db.writes.opening import Opened
from domain.federal.markets import Curriculum, Market, NpnStatus, list_agreements
from domain.shared.cases.reasons import Refusal
from starter.replay import find_failure_half_way, replayer_of
from tests.support import documents, federal as support
from tests.support.federal import Federal
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from workflows.patches import REMOVABLE_ON, WAITS_SEARCHABLE
from workflows.search_attributes import STAGE, WAITING_FOR

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

NEW = sorted(REMOVABLE_ON.keys() - {WAITS_SEARCHABLE})
STAND_INS = ("registry", "background_checks", "lms", "portal", "mlms", "mailbox")
WHOLE_LIVES = ("broker_to_active", "revoked_counselor", "returning_broker", "federal_broker_of_two_markets")
Document = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federal]:
    async with support.running(tmp_path_factory.mktemp("half-way")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _as_before(system: Federal) -> AsyncIterator[None]:
    """Every third party works again after each test."""
    yield
    for stand_in in STAND_INS:
        await system.control(stand_in, mode="ok")


@dataclass
class Person:
    """Somebody of the state's program, who does what their case waits for; they know how far they want to go."""

    state: Inside
    request: Document = field(default_factory=documents.broker)
    opened: Opened = field(init=False)

    async def begin(self, until: str) -> "Person":
        self.opened = await self.state.open(self.request)
        return await self.go_on(until)

    async def begin_again(self, until: str) -> "Person":
        """A returning assister, whose portal account is reused."""
        self.opened = await self.state.returning(documents.earlier(self.request, 2023), 2024)
        return await self.go_on(until)

    async def go_on(self, until: str = "next_plan_year") -> "Person":
        """Does what the case waits for, once each, until workflow and database say that it waits for ``until``."""
        done: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            while not await self.waits_for(until):
                waiting_for = (await self.state.status(self.opened))["waiting_for"]
                if waiting_for not in (until, *done):
                    done.add(waiting_for)
                    await self.act(waiting_for)
                await asyncio.sleep(0.05)
        return self

    async def waits_for(self, wanted: str) -> bool:
        status = await self.state.status(self.opened)
        said = (await self.state.handle(self.opened).describe()).typed_search_attributes
        return (
            (said.get(STAGE), said.get(WAITING_FOR))
            == (status["stage"], wanted)
            == (
                status["stage"],
                status["waiting_for"],
            )
        )

    async def act(self, waiting_for: str) -> None:
        state, opened = self.state, self.opened
        learned: dict[str, str | float] = {
            "lms_account": "account",
            "lms_profile": "profile",
            "course_completion": "course",
            "exam_pass": 0.9,
        }
        reported = {
            "portal_registration": "account.registered",
            "portal_activation": "account.activated",
            "portal_profile": "profile.completed",
            "scheduling_tool": "scheduling_tool.ready",
        }
        if waiting_for == "background_check":
            await state.checked(opened)
        elif waiting_for == "decision":
            await state.decide(opened, override="agreement on file")
        elif waiting_for == "information":
            await state.cases.answer_question(opened.case_id, {}, "a sample answer")
        elif waiting_for in learned:
            await state.learned(opened, [learned[waiting_for]])
        elif waiting_for in reported:
            await state.reported_by_portal(opened, reported[waiting_for])


async def test_cases_of_the_state_begun_before_go_on_from_wherever_they_are(system: Federal) -> None:
    state = system.on_queue("half-way", Inside)

    def counselor() -> Person:
        return Person(state, documents.counselor())

    resting = [Person(state) for _ in range(7)], [counselor() for _ in range(2)]
    waits = ("decision", "lms_account", "course_completion", "exam_pass", "portal_registration", "scheduling_tool")
    withdrawing, asked, inviting, reusing, screening = (Person(state) for _ in range(5))
    ordering, activating = counselor(), counselor()
    async with state.working(held_patches=NEW):
        await asyncio.gather(
            *(one.begin(wait) for one, wait in zip(resting[0], (*waits, "next_plan_year"), strict=True)),
            *(one.begin(wait) for one, wait in zip(resting[1], ("background_check", "portal_activation"), strict=True)),
            *(one.begin("decision") for one in (inviting, asked)),
            *(one.begin("exam_pass") for one in (activating,)),
            withdrawing.begin("course_completion"),
            reusing.begin_again("exam_pass"),
        )
        await state.decide(asked.opened, "ask", reason="Which insurers?")
        await state.agreed(asked.opened, "awaiting_information", "information")
        await state.control("background_checks", mode="down")
        await ordering.begin("background_check")
        for stand_in in STAND_INS:
            await state.control(stand_in, mode="down")
        await asyncio.gather(inviting.act("decision"), activating.act("exam_pass"), reusing.act("exam_pass"))
        await screening.begin("screening")
        stuck = [screening, ordering, inviting, activating, reusing]
        await asyncio.gather(*(state.wait_for_retry(one.opened) for one in stuck))
    people = [*resting[0], *resting[1], asked, *stuck]
    for one in (*people, withdrawing):
        assert not _changes_in(await state.handle(one.opened).fetch_history()), "it is as a release of before left it"
    for stand_in in STAND_INS:
        await state.control(stand_in, mode="ok")

    async with state.working():
        await asyncio.gather(*(state.retry_at_once(one.opened) for one in stuck))
        await state.cases.withdraw_request(withdrawing.opened.case_id, "a sample reason", "assister")
        await asyncio.gather(*(one.go_on() for one in people))
        await asyncio.gather(*(state.noticed(one.opened, "active") for one in people))
        await state.noticed(withdrawing.opened, "withdrawn")
        await _nothing_is_unmade(state, people)
    for one in people:
        await _replays_half_way(state, one.opened)
        await _has_one_letter_each(state, one)
    new = [one for one in people if one is not reusing]
    assert await _made(state, "lms", "registration") == {one.opened.case_id: 1 for one in (*people, withdrawing)}
    assert (await _made(state, "portal", "externalId")).keys() >= {
        one.opened.case_id for one in new if one.request["kind"] == "enrollment_counselor"
    }
    assert set((await _made(state, "portal", "externalId")).values()) == {1}


async def _made(state: Inside, stand_in: str, whose: str) -> Counter[str]:
    """How often something was made at a third party, by case."""
    return Counter(one["body"][whose] for one in await state.calls(stand_in) if one["status"] == 201)


def _changes_in(history: WorkflowHistory) -> list[str]:
    said = str(history.events)
    return [change for change in NEW if change in said]


async def _nothing_is_unmade(state: Inside, people: list[Any]) -> None:
    """Each effect that was intended has a result; under its key it is there once."""
    ids = [one.opened.case_id for one in people]
    query = select(EffectRow).where(col(EffectRow.case_id).in_(ids))
    async with asyncio.timeout(PATIENCE):
        while unmade := [one.key for one in await state.database.read(list_rows, query) if one.result is None]:
            await asyncio.sleep(0.05)
    assert unmade == []


async def _replays_half_way(state: Inside, opened: Opened) -> None:
    history = await state.handle(opened).fetch_history()
    assert await find_failure_half_way(replayer_of(worker.WORKFLOWS), history) is None


async def _has_one_letter_each(state: Inside, one: Any) -> None:
    """A letter that was sent again, since its worker ended before it was recorded, has the same Message-ID."""
    letters = {(letter["subject"], letter["headers"]["Message-ID"]) for letter in await state.letters(one.request)}
    assert max(Counter(subject for subject, _ in letters).values()) == 1
    assert len(letters) == len(await state.notices(one.opened))


# the federal program


async def _go_on_once_confirmed(federal: Federal, opened: Opened) -> None:
    """Next, and until the registry has confirmed the NPN: a profile saved while it was away is asked about again."""
    async with asyncio.timeout(PATIENCE):
        while not (await _has_gone_on(federal, opened) and await _is_confirmed(federal, opened)):
            await federal.retry_at_once(opened)
            await asyncio.sleep(0.5)


async def _has_gone_on(federal: Federal, opened: Opened) -> bool:
    with suppress(Refusal):
        await federal.next(opened)
        return True
    return False


async def _is_confirmed(federal: Federal, opened: Opened) -> bool:
    snapshot = await federal.database.read(load_snapshot, opened.case_id)
    return snapshot.registration.profile.npn is NpnStatus.VERIFIED


async def test_registrations_begun_before_go_on_from_wherever_they_are(system: Federal) -> None:
    federal = system.on_queue("half-way-federal", Federal)
    requests = [documents.registration() for _ in range(7)]
    async with federal.working(held_patches=NEW):
        began, saving, enrolling = [await federal.open(request) for request in requests[:3]]
        await federal.agreed(began, "awaiting_profile", "marketplace_profile")
        assert (await federal.save(enrolling)).state == "applied"
        await federal.next(enrolling)
        training, agreeing, published, withdrawing = [await federal.profiled(request) for request in requests[3:]]
        await federal.enroll(training, Curriculum.INDIVIDUAL_FULL)
        await federal.trained(agreeing)
        await federal.completed(published)
        await federal.agreed(agreeing, "awaiting_agreements", "marketplace_agreements")
        await federal.agreed(published, "certified", "publication")
        await federal.noticed(published, "marketplace_certificate")
        for stand_in in ("registry", "mlms", "mailbox"):
            await federal.control(stand_in, mode="down")
        pressed = asyncio.create_task(federal.save(saving))
        await federal.enroll(enrolling, Curriculum.INDIVIDUAL_FULL)
        await asyncio.gather(*(federal.wait_for_retry(one) for one in (saving, enrolling)))
    everybody = [began, saving, enrolling, training, agreeing, published, withdrawing]
    for one in everybody:
        assert not _changes_in(await federal.handle(one).fetch_history()), "it is as a release of before left it"
    for stand_in in ("registry", "mlms", "mailbox"):
        await federal.control(stand_in, mode="ok")

    async with federal.working():
        await asyncio.gather(*(federal.retry_at_once(one) for one in (saving, enrolling)))
        assert (await pressed).state in ("pending", "applied")
        await federal.until(saving, lambda status: status["profile"]["version"] == 1)
        assert (await federal.save(began)).state == "applied"
        await federal.cases.withdraw_request(withdrawing.case_id, "a sample reason", "assister")
        await federal.noticed(withdrawing, "withdrawn")
        for one in (began, saving):
            await _go_on_once_confirmed(federal, one)
            await federal.enroll(one, Curriculum.INDIVIDUAL_FULL)
        for one in (began, saving, enrolling, training):
            await federal.course(one, Curriculum.INDIVIDUAL_FULL)
        people = everybody[:-1]
        for one in people:
            if one is not published:
                for name in list_agreements(Market.INDIVIDUAL):
                    await federal.accept(one, name)
            await federal.agreed(one, "certified", "publication")
            await federal.until(one, lambda status: status["publication"]["lists"])
        await federal.publish(datetime.now(UTC))
        for one in people:
            assert await federal.skip(one, timedelta(days=4))
        for one in people:
            await federal.agreed(one, "active", "next_plan_year")
            await federal.noticed(one, "marketplace_active")
    for one in people:
        notices = await federal.notices(one)
        assert len(set(notices)) == len(notices)
        assert len((await federal.status(one))["certificates"]) == 1
    places = await _made(federal, "mlms", "registration")
    assert places == {one.case_id: 1 for one in people}


# what was recorded by releases of before


@pytest.mark.parametrize(
    "file",
    [
        file
        for folder in ("of_e4d9ce8", "of_91d273f", "of_4654c87", "newest")
        for name in WHOLE_LIVES
        if (file := worker.HISTORIES / folder / f"{name}.json").is_file()
    ],
    ids=lambda file: f"{file.parent.name}/{file.stem}",
)
async def test_a_recorded_history_replays_from_each_of_its_tasks(file: Any) -> None:
    history = WorkflowHistory.from_json("replayed", file.read_text("utf-8"))
    assert await find_failure_half_way(replayer_of(worker.WORKFLOWS), history) is None
