"""The LMS hears who learns what: an invitation for those without an account, an enrolment for those with one."""

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from adapters.http import Refused, Unavailable
from adapters.lms import LmsClient, LmsLearner, LmsPlace
from tests.adapters.conftest import everything_said

EMAIL = "testa.broker@example.com"
LEARNER = LmsLearner(
    registration="00000000-0000-4000-8000-000000000002",
    assister_id="ast_1",
    account="testa",
    email=EMAIL,
    first_name="Testa",
    last_name="Broker",
    language="es",
    home_page="https://lms.example.org",
    account_id="https://lms.example.org/account",
    profile_id="https://lms.example.org/profile",
    course_id="https://lms.example.org/courses/2024",
    exam_id="https://lms.example.org/exams/2024",
)
BODY = {name: getattr(LEARNER, name) for name in LmsLearner.__dataclass_fields__}
PLACE = {"id": "enr_1", "url": "https://lms.example.org/learners/1"}


@pytest.fixture
def lms(http: httpx2.AsyncClient, httpserver: HTTPServer) -> LmsClient:
    return LmsClient(http, httpserver.url_for("/"), "token")


async def test_an_invitation_names_no_account(lms: LmsClient, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/api/v1/invitations",
        "POST",
        headers={"Authorization": "Bearer token", "Idempotency-Key": "invite-1"},
        json={name: value for name, value in BODY.items() if name != "account"},
    ).respond_with_json(PLACE, status=201)
    assert await lms.invite_learner(LEARNER, "invite-1") == LmsPlace(**PLACE)


async def test_an_enrolment_is_for_the_existing_account(lms: LmsClient, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/api/v1/enrollments", "POST", headers={"Idempotency-Key": "enroll-1"}, json=BODY
    ).respond_with_json(PLACE, status=200)
    assert await lms.enroll_learner(LEARNER, "enroll-1") == LmsPlace(**PLACE)


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        ("", 500, Unavailable, "lms_unreachable"),
        ("", 429, Unavailable, "lms_unreachable"),
        (f"{EMAIL} is taken", 422, Refused, "lms_refused"),
        ("<html>", 200, Refused, "lms_unreadable"),
        ('{"id": "enr_1", "url": "javascript:alert(1)"}', 201, Refused, "lms_unreadable"),
    ],
)
async def test_failures(
    lms: LmsClient, httpserver: HTTPServer, body: str, status: int, expected: type[Unavailable | Refused], code: str
) -> None:
    httpserver.expect_request("/api/v1/invitations").respond_with_data(body, status=status)
    with pytest.raises(expected) as raised:
        await lms.invite_learner(LEARNER, "invite-1")
    assert raised.value.code == code
    assert EMAIL not in everything_said(raised.value)


def test_a_learner_keeps_quiet_in_logs() -> None:
    assert EMAIL not in repr(LEARNER)
