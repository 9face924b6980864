"""The table of stages is true of the running system: a model that knows the table alone comes to the same (C3, C4)."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from db.writes.imports import import_person
from domain.federal.markets import Curriculum
from domain.programs.imports import parse_import
from domain.programs.stage_table.federal_rows import list_registrations
from domain.programs.stage_table.state_rows import list_certifications
from domain.programs.stage_table.table import Journey
from domain.shared.cases.facts import FactKind
from domain.shared.cases.stages import ENDED
from domain.shared.documents.parsing import read_json
from tests.support import documents, inside as support
from tests.support.federal import Federal
from tests.support.inside import Inside
from tests.support.opening import open_case
from tests.support.patience import PATIENCE
from tests.support.table_model import TableModel
from tests.support.tried_cases import (
    COMMANDS,
    ENDS,
    LICENSED,
    ON_APPEAL,
    PROVEN,
    REBUTTED,
    REPORTS,
    TriedCase,
)
from tests.support.tried_registrations import COURSES, STEPS, TriedRegistration

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1800)]

# At so many events the server suggests that a run continue as new: after every few messages.
GROWN = 25
# Lives of each journey: the first one goes straight on, and then to its end; the others go anywhere.
FEW_LIVES, STEPS_A_LIFE, BEFORE_THE_END = 2, 12, 6
Answer = TypeVar("Answer")
CERTIFICATIONS, REGISTRATIONS = list_certifications(), list_registrations()
BROKER, COUNSELOR, RETURNING, UNPROVEN = CERTIFICATIONS
REPORTED = (*REPORTS, *STEPS, *COURSES)
ASKED = (*COMMANDS, REBUTTED)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federal]:
    """A server that suggests continue-as-new all the time."""
    async with support.system(Federal, tmp_path_factory.mktemp("inside"), GROWN) as running:
        yield running


async def open_certification(federal: Federal, journey: Journey) -> TriedCase:
    """The case of who goes this way; somebody who returns has certified the year before, with every account."""
    inside = federal.drive_as(Inside)
    request = documents.counselor() if journey is COUNSELOR else documents.broker()
    if journey is RETURNING:
        await take_earlier_year(inside, documents.earlier(request, 2023))
    if journey is UNPROVEN:
        await federal.know(documents.producer(request) | {"contact_email": None})  # by which it would be proven
        key = inside.settings.identity_key_bytes
        opened = await open_case(inside.database, key, request, datetime.now(UTC), proven=False)
        await inside.cases.try_to_start(opened.case_id)
    else:
        opened = await inside.open(request)
    if journey is COUNSELOR:
        ordered = FactKind.BACKGROUND_ORDERED
        await inside.until(opened, lambda status: any(one["kind"] == ordered for one in status["history"]))
    return TriedCase(inside, opened)


async def open_registration(federal: Federal, journey: Journey) -> TriedCase:
    """The registration of who goes this way; somebody who returns did the year before, and takes the short course."""
    request = documents.registration()
    if journey is not REGISTRATIONS[0]:
        await take_earlier_year(federal, documents.registered(request, 2023))
    opened = await federal.open(request)
    course = Curriculum.INDIVIDUAL_FULL if journey is REGISTRATIONS[0] else Curriculum.INDIVIDUAL_RETURNING
    return TriedRegistration(federal, opened, course)


async def take_earlier_year(inside: Inside, earlier: dict[str, Any]) -> None:
    [imported] = parse_import(read_json(json.dumps([earlier]).encode()))
    key = inside.settings.identity_key_bytes
    await inside.database.write(import_person, key, imported, "staff", datetime.now(UTC))


def build_machine(
    federal: Federal, journey: Journey, loop: asyncio.AbstractEventLoop, runs: list[int]
) -> type[RuleBasedStateMachine]:
    """A machine that drives the system from another thread; ``runs`` takes in how many runs each case had."""
    known = {one.name for one in journey.arrivals}
    reports, asked, ends = [[name for name in names if name in known] for names in (REPORTED, ASKED, ENDS)]
    open_case_of = open_registration if journey in REGISTRATIONS else open_certification

    def wait_for(work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, loop).result(2 * PATIENCE)

    class Lives(RuleBasedStateMachine):
        @initialize()
        def open_case(self) -> None:
            # Who returns to the marketplace is enrolled as the registration is opened; a counselor's consent is a fact.
            opened_with = 2 if journey in (COUNSELOR, REGISTRATIONS[1]) else 1
            self.model, self.steps = TableModel.begin(journey, opened_with), 0
            self.case = wait_for(open_case_of(federal, journey))
            wait_for(self.case.agree(self.model, "the request"))

        # One rule: of several Hypothesis leaves some out of a life. It begins with a life of what comes first.
        @rule(data=st.data())
        def live(self, data: st.DataObject) -> None:
            further = [one for one in self.model.list_next() if one in (*reports, *asked, PROVEN)]
            over, late = self.model.place.stage in ENDED, self.steps >= BEFORE_THE_END
            tried = [further, further, ON_APPEAL if over else further, reports, asked, ends if late else asked]
            names = data.draw(st.sampled_from([one for one in tried if one]))
            self.receive(data.draw(st.sampled_from(names)))

        def receive(self, name: str) -> None:
            self.steps += 1
            if not self.model.may_try(name):
                return
            found, expected = wait_for(self.case.receive(name)), self.model.receive(name)
            if name in LICENSED:
                assert (found is None) == (expected is None), (journey.holder, name, self.model.place)
            else:
                assert found == expected, (journey.holder, name, self.model.place)
            wait_for(self.case.agree(self.model, name))

        def teardown(self) -> None:
            if hasattr(self, "case"):
                runs.append(len(wait_for(federal.runs(self.case.opened))))

    return Lives


async def test_c3_c4_the_table_is_true_of_the_running_system(federal: Federal, request: pytest.FixtureRequest) -> None:
    lives = int(request.config.getoption("--lives"))
    runs: list[int] = []
    bounds = settings(
        max_examples=lives,
        stateful_step_count=STEPS_A_LIFE,
        deadline=None,
        database=None,
        derandomize=lives == FEW_LIVES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for journey in (*CERTIFICATIONS, *REGISTRATIONS):
        machine = build_machine(federal, journey, asyncio.get_running_loop(), runs)
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=bounds, _min_steps=STEPS_A_LIFE)
    assert max(runs) > 1, "runs continue as new meanwhile"
