"""Two processes at once over one database: nobody's write is lost, and none waits for another for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy.orm import Session

from db.case_state import load_snapshot
from db.engine import Database
from db.tables import Assister, Case
from db.writes.cases import record_facts
from db.writes.commands import apply_command, check_answer, keep_command, load_command, refuse_command
from db.writes.effects import intend_effect
from db.writes.imports import import_person
from db.writes.links import ACTIVATION, keep_link, use_activation_link
from db.writes.opening import Opened, begin_case
from db.writes.webhooks.inbox import accept_background_report, accept_statements
from domain.shared.cases.commands import CommandKind, CommandOrigin
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.statements import read_statements
from domain.state.background_reports import BackgroundReport
from domain.state.commands import AnswerQuestion, TakeQuestionBack
from domain.state.eligibility import Verdict
from domain.state.policies import find_state_policy
from tests.support import documents
from tests.support.commands import store_command
from tests.support.opening import open_case
from tests.support.patience import PATIENCE
from tests.support.senders import CHECKS, LMS

KEY = b"a test's key"
NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)


class Process:
    """What one process has of the database."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)


@pytest_asyncio.fixture
async def two(migrated_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes over a migrated database."""
    processes = Process(migrated_url), Process(migrated_url)
    yield processes
    for process in processes:
        await process.database.close()


async def opened(process: Process, document: dict[str, object]) -> Opened:
    return await open_case(process.database, KEY, document, NOW)


async def case_of(process: Process, case: Opened) -> Case:
    return (await process.database.read(load_snapshot, case.case_id)).case


async def command(process: Process, case: Opened, kind: CommandKind, **data: object) -> str:
    number = str(uuid4())
    await process.database.write(store_command, number, case.case_id, kind, "staff", "because", dict(data), NOW)
    return number


async def asked(process: Process, case: Opened) -> None:
    """A case of which staff have asked something."""
    screened = Fact(id=f"{case.case_id}:s", kind=FactKind.SCREENED, at=NOW, data={"round": 0, "findings": []})
    await process.database.write(record_facts, case.case_id, [screened], NOW, "test")
    number = await command(process, case, CommandKind.DECIDE, verdict=Verdict.ASK, override=None)
    assert (await process.database.write(apply_command, KEY, number, NOW)).applied


def reported(case: Opened, verb: str, role: str) -> dict[str, object]:
    policy = find_state_policy("bewellnm", 2024)
    assert policy is not None
    return documents.statement(policy.model_dump(mode="json"), vars(case), verb, role)


async def test_a10_a_repeated_request_and_reports_of_the_lms_lose_nothing(two: tuple[Process, Process]) -> None:
    """The repeat folds the case anew; the LMS reports change person and case meanwhile."""
    one, other = two
    for _ in range(8):
        document = documents.broker()
        case = await opened(one, document)
        statements = [reported(case, "registered", "account"), reported(case, "completed", "course")]
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(
                *(opened(process, document) for process in (one, other) for _ in range(3)),
                *(
                    process.database.write(accept_statements, LMS, read_statements(one_), NOW)
                    for process, one_ in zip(two, statements, strict=True)
                ),
            )
        state = (await one.database.read(load_snapshot, case.case_id)).certification
        assert (state.lms_account, (await case_of(one, case)).stage) == ("ready", state.stage)


async def test_c4_lists_about_the_same_cases_in_another_order_are_all_taken(two: tuple[Process, Process]) -> None:
    one, other = two
    cases = [await opened(one, documents.broker()) for _ in range(6)]
    forth = [reported(case, "registered", "account") for case in cases]
    back = [reported(case, "completed", "course") for case in reversed(cases)]
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(
            one.database.write(accept_statements, LMS, read_statements(forth), NOW),
            other.database.write(accept_statements, LMS, read_statements(back), NOW),
        )
    for case in cases:
        kinds = [row["kind"] for row in (await _history(one, case))]
        assert {FactKind.LMS_REGISTERED, FactKind.COURSE_COMPLETED} <= set(kinds)


async def _history(process: Process, case: Opened) -> list[dict[str, str]]:
    from db.reads.status import read_status

    found: list[dict[str, str]] = (await process.database.read(read_status, case.case_id, NOW, True))["history"]
    return found


async def test_a28_a_link_is_used_while_the_case_is_withdrawn(two: tuple[Process, Process]) -> None:
    one, other = two
    for number in range(8):
        case = await opened(one, documents.counselor())
        await one.database.write(
            keep_link, f"token {number}", case.case_id, ACTIVATION, "first", NOW, NOW + timedelta(days=7)
        )
        withdrawal = await command(one, case, CommandKind.WITHDRAW)
        async with asyncio.timeout(PATIENCE):
            _, applied, _ = await asyncio.gather(
                one.database.write(use_activation_link, f"token {number}", NOW),
                other.database.write(apply_command, KEY, withdrawal, NOW),
                one.database.write(
                    keep_link, f"another {number}", case.case_id, ACTIVATION, "next", NOW, NOW + timedelta(days=7)
                ),
            )
        assert applied.applied
        assert (await case_of(one, case)).stage == "withdrawn"


async def test_a12_one_command_applied_and_refused_at_once_ends_one_way(two: tuple[Process, Process]) -> None:
    one, other = two
    for _ in range(8):
        case = await opened(one, documents.broker())
        number = await command(one, case, CommandKind.WITHDRAW)
        async with asyncio.timeout(PATIENCE):
            applied, _ = await asyncio.gather(
                one.database.write(apply_command, KEY, number, NOW),
                other.database.write(refuse_command, number, Reason("overtaken"), NOW),
            )
        state = (await one.database.read(load_command, number)).state
        assert state == ("applied" if applied.applied else "refused")
        assert ((await case_of(one, case)).stage == "withdrawn") == applied.applied


async def test_a12_an_npn_taken_meanwhile_refuses_the_answer(two: tuple[Process, Process]) -> None:
    """The answer waited for a worker; somebody else's request came first. It is not tried for ever."""
    one, _ = two
    case = await opened(one, documents.broker())
    await asked(one, case)
    rival = documents.broker()
    await one.database.read(check_answer, KEY, case.case_id, {"npn": rival["npn"]})
    number = await command(one, case, CommandKind.ANSWER, changes={"npn": rival["npn"]}, language=None)
    await opened(one, rival)
    before = (await case_of(one, case)).request
    assert not (await one.database.write(apply_command, KEY, number, NOW)).applied
    assert ((await one.database.read(load_command, number)).state, (await case_of(one, case)).request) == (
        "refused",
        before,
    )


async def test_a12_an_answer_that_is_kept_stands_before_a_question_taken_back(two: tuple[Process, Process]) -> None:
    """Whoever answered was told so: the question isn't taken back then, in whichever order the two are carried out."""
    one, other = two
    case = await opened(one, documents.broker())
    await asked(one, case)
    back = await command(one, case, CommandKind.TAKE_QUESTION_BACK)
    answer = await command(other, case, CommandKind.ANSWER, changes={"phone": "505-555-0199"}, language=None)
    origin = CommandOrigin(str(uuid4()), case.case_id, "staff", "a sample reason", NOW)
    assert await one.database.write(keep_command, KEY, TakeQuestionBack(), origin) == Reason("answer_on_its_way")
    assert not (await one.database.write(apply_command, KEY, back, NOW)).applied
    assert (await one.database.read(load_command, back)).answer_code == "answer_on_its_way"
    assert (await one.database.write(apply_command, KEY, answer, NOW)).applied
    assert (await case_of(one, case)).request["phone"] == "505-555-0199"


async def test_a12_of_an_answer_and_a_question_taken_back_at_once_one_counts(two: tuple[Process, Process]) -> None:
    one, other = two

    async def answer(process: Process, case: Opened) -> bool:
        origin = CommandOrigin(str(uuid4()), case.case_id, "assister", "the second one", NOW)
        kept = await process.database.write(keep_command, KEY, AnswerQuestion(changes={}), origin)
        if isinstance(kept, Reason):
            assert kept == Reason("question_taken_back")
            return False
        return (await process.database.write(apply_command, KEY, kept.id, NOW)).applied

    for _ in range(4):
        case = await opened(one, documents.broker())
        await asked(one, case)
        back = await command(one, case, CommandKind.TAKE_QUESTION_BACK)
        async with asyncio.timeout(PATIENCE):
            taken_back, is_answered = await asyncio.gather(
                one.database.write(apply_command, KEY, back, NOW), answer(other, case)
            )
        state = (await one.database.read(load_snapshot, case.case_id)).certification
        assert taken_back.applied is not is_answered
        assert (state.take_backs, state.round) == (int(taken_back.applied), int(is_answered))
        row = await one.database.read(load_command, back)
        assert row.answer_code in (None, "answer_on_its_way", "no_open_question")


async def test_a12_an_answer_is_kept_as_the_form_takes_it(two: tuple[Process, Process]) -> None:
    one, _ = two
    case = await opened(one, documents.broker())
    await asked(one, case)
    npn = documents.new_npn()
    changes = {"npn": f" {npn} ", "physical_address": {"state": "tx"}, "email": " Testa@Example.com "}
    number = await command(one, case, CommandKind.ANSWER, changes=changes, language=None)
    assert (await one.database.write(apply_command, KEY, number, NOW)).applied
    request = (await case_of(one, case)).request
    assert (request["npn"], request["physical_address"]["state"], request["email"]) == (npn, "TX", "Testa@Example.com")
    found = await open_case(one.database, KEY, documents.broker(npn, email="testa@example.com"), NOW)
    assert found.case_id == case.case_id


async def test_a10_a_strangers_request_changes_nobody_until_staff_approve(
    two: tuple[Process, Process],
) -> None:
    one, _ = two
    owner = documents.broker()
    first = await opened(one, owner)
    await one.database.write(apply_command, KEY, await command(one, first, CommandKind.WITHDRAW), NOW)
    stranger = {**owner, "first_name": "Another"}
    case = await opened(one, stranger)
    assert await opened(one, stranger) == Opened(case.assister_id, case.case_id, case.workflow_id, created=False)
    with pytest.raises(Refusal):
        await opened(one, owner)
    await asked(one, case)
    answer = await command(one, case, CommandKind.ANSWER, changes={"phone": "505-555-0199"}, language=None)
    assert (await one.database.write(apply_command, KEY, answer, NOW)).applied
    assert (await _person(one, case)).first_name == owner["first_name"]
    screened = Fact(id=f"{case.case_id}:t", kind=FactKind.SCREENED, at=NOW, data={"round": 1, "findings": []})
    await one.database.write(record_facts, case.case_id, [screened], NOW, "test")
    approval = await command(one, case, CommandKind.DECIDE, verdict=Verdict.APPROVE, override="seen in person")
    assert (await one.database.write(apply_command, KEY, approval, NOW)).applied
    assert (await _person(one, case)).first_name == stranger["first_name"]


async def _person(process: Process, case: Opened) -> Assister:
    person: Assister = await process.database.read(Session.get_one, Assister, case.assister_id)
    return person


async def test_a14_a_report_that_overtakes_the_answer_to_our_order_is_taken(two: tuple[Process, Process]) -> None:
    one, _ = two
    case = await opened(one, documents.counselor())
    order = CaseRef(case_id=case.case_id, at=NOW)
    await one.database.write(intend_effect, f"{order.case_id}:order", order.case_id, "background.ordered", {}, NOW)
    report = BackgroundReport("evt_1", "report.completed", "candidate_1", case.case_id, "complete", "clear", "digest")
    assert len((await one.database.write(accept_background_report, CHECKS, report, NOW)).to_deliver) == 1


async def test_a11_a_case_begun_twice_at_once_is_one_case(two: tuple[Process, Process]) -> None:
    one, other = two
    from domain.programs.imports import parse_import

    (person,) = parse_import([documents.earlier(documents.broker(), 2023)])
    assister_id, *_ = await one.database.write(import_person, KEY, person, "import", NOW)
    begun = await asyncio.gather(
        *(
            process.database.write(begin_case, assister_id, "bewellnm", 2024, "staff", NOW)
            for process in (one, other) * 3
        )
    )
    assert (len({case.case_id for case in begun}), sum(case.created for case in begun)) == (1, 1)
