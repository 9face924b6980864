"""Absorb is asked by a Temporal Schedule, page by page; what it says counts once, however often it is seen (P10)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
import pytest_asyncio
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

import worker
from activities import lms_polling
from activities.interceptors.failures import CodedFailures
from activities.lms_polling import LmsPollingActivities
from adapters.absorb import AbsorbClient
from adapters.http import open_client
from db.case_state import load_snapshot
from db.tables import AuditRow, UncountedReport
from db.writes.opening import Opened
from domain.shared.cases.facts import FactKind
from domain.shared.documents.dialects import DIALECTS
from domain.shared.round_messages import LmsPoll
from domain.shared.senders import build_sender
from domain.state.policies import find_state_policy
from settings import Settings
from starter.client import make_plugin
from starter.schedules import LMS_POLLING_ID, lms_polling as build_schedule
from tests.support.office import Office, office_over
from tests.support.temporal_server import start_temporal
from workflows.lms_polling import LmsPollingRound

POLICY = find_state_policy("bewellnm", 2024)
assert POLICY is not None
COURSE, EXAM, OTHER = "course-1", "exam-1", "exam-of-2023"
ACTIVITIES = {COURSE: POLICY.lms.course_id, EXAM: POLICY.lms.exam_id, OTHER: "https://lms.example.org/2023/exam"}
SENDER = build_sender("absorb", "bewellnm", ["training", "exam"], DIALECTS["absorb"], UTC, activities=ACTIVITIES)


@pytest_asyncio.fixture
async def office(migrated_sqlite_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_sqlite_url) as found:
        yield found


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    return ("127.0.0.1", 0)


class Absorb:
    """The LMS: its users by our ids, and their enrollments."""

    def __init__(self, server: HTTPServer) -> None:
        self.enrollments: dict[str, list[dict[str, Any]] | None] = {}
        server.expect_request("/authenticate").respond_with_json("a-token")
        server.expect_request("/users").respond_with_handler(self._find_user)
        for user in range(1, 9):
            server.expect_request(f"/users/u-{user}/enrollments").respond_with_handler(self._list_enrollments)
        self.users: dict[str, str] = {}

    def _find_user(self, request: Request) -> Response:
        known = [{"id": user, "externalId": ours} for ours, user in self.users.items()]
        return Response(json.dumps({"users": [one for one in known if one["externalId"] in request.args["_filter"]]}))

    def _list_enrollments(self, request: Request) -> Response:
        found = self.enrollments[unquote(request.path).split("/")[2]]
        return Response("<html>" if found is None else json.dumps({"enrollments": found}))


def enroll(course: str, status: int, score: float | None, at: str = "2024-11-05T18:00:00Z") -> dict[str, Any]:
    return {"courseId": course, "status": status, "score": score, "dateCompleted": at, "dateEdited": at}


@pytest.fixture
def absorb(httpserver: HTTPServer) -> Absorb:
    return Absorb(httpserver)


async def list_attempts(office: Office, opened: Opened) -> list[str]:
    state = (await office.database.read(load_snapshot, opened.case_id)).certification
    return [attempt.score for attempt in state.attempts]


async def train(office: Office) -> Opened:
    """A case whose person is in training."""
    opened = await office.waiting()
    await office.decided(opened)
    await office.fact(opened, FactKind.LMS_INVITED)
    await office.fact(opened, FactKind.LMS_REGISTERED)
    await office.fact(opened, FactKind.LMS_PROFILE_COMPLETED)
    return opened


async def test_p10_the_schedule_asks_about_everybody_in_training_and_each_result_counts_once(
    office: Office, absorb: Absorb, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lms_polling, "PAGE", 2)
    people = [await train(office) for _ in range(4)]
    await office.opened()  # somebody who is not in training yet
    absorb.users = {one.assister_id: f"u-{number}" for number, one in enumerate(people[:3], 1)}
    absorb.enrollments = {
        "u-1": [enroll(COURSE, 3, 100), enroll(EXAM, 5, 79.5), enroll(EXAM, 3, 80), enroll(OTHER, 3, 99)],
        "u-2": None,
        "u-3": [enroll(EXAM, 3, None), enroll(EXAM, 1, None)],
    }
    queue = uuid4().hex
    server = await start_temporal(plugins=[make_plugin([CodedFailures()])])
    async with server as temporal, open_client() as http:
        client = AbsorbClient(http, httpserver.url_for(""), "an-api-key", "an-integration", "a-password")
        asked = LmsPollingActivities(client, SENDER, office.database)
        settings = Settings.model_construct(task_queue=queue)
        async with worker.build_worker(temporal.client, settings, [asked]):
            schedule = build_schedule(queue)
            schedule.state.paused = True  # a round of its own would count as well
            handle = await temporal.client.create_schedule(LMS_POLLING_ID, schedule)
            (interval,) = (await handle.describe()).schedule.spec.intervals
            assert interval.every == timedelta(minutes=15)
            first, again = [
                await temporal.client.execute_workflow(LmsPollingRound.run, id=str(uuid4()), task_queue=queue)
                for _ in range(2)
            ]
    assert (first.reports, first.unreadable, first.after) == (3, 1, "-")
    assert (again.unreadable, again.after) == (1, "-")
    assert sorted(await list_attempts(office, people[0])) == ["0.795", "0.8"]
    assert await list_attempts(office, people[2]) == []
    (kept,) = await office.all(UncountedReport)
    assert (kept.sender, kept.case_id, kept.times) == ("absorb", people[2].case_id, 2)


async def test_what_a_late_page_brings_is_dated_by_its_coming(
    office: Office, absorb: Absorb, httpserver: HTTPServer
) -> None:
    opened, began = await train(office), datetime.now(UTC)
    absorb.users, absorb.enrollments = {opened.assister_id: "u-1"}, {"u-1": [enroll(COURSE, 3, 100)]}
    async with open_client() as http:
        client = AbsorbClient(http, httpserver.url_for(""), "an-api-key", "an-integration", "a-password")
        asked = LmsPollingActivities(client, SENDER, office.database)
        poll = LmsPoll(at=began - timedelta(days=3))
        assert (await ActivityEnvironment().run(asked.ask_page, poll)).reports == 1
    audited = [row for row in await office.all(AuditRow, case_id=opened.case_id) if row.actor == SENDER.actor]
    assert [began <= row.at <= datetime.now(UTC) for row in audited] == [True]


async def test_p10_without_an_absorb_nobody_is_asked(office: Office) -> None:
    asked = LmsPollingActivities(None, SENDER, office.database)
    assert (await asked.ask_page(LmsPoll(at=office.now))).after == "-"
