"""The MLMS hears who learns which curriculum, once for each."""

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from adapters.http import Refused, Unavailable
from adapters.lms import LmsPlace
from adapters.mlms import MlmsClient, MlmsEnrollment
from tests.adapters.conftest import everything_said

EMAIL = "ejemplo.corredor@example.com"
ENROLLMENT = MlmsEnrollment(
    registration="00000000-0000-4000-8000-000000000003",
    assister_id="ast_3",
    email=EMAIL,
    first_name="Ejemplo",
    last_name="Corredor",
    language="es",
    home_page="https://mlms.example.org",
    curriculum="individual_returning",
    course_id="https://mlms.example.org/courses/2024/individual-returning",
)
BODY = {name: getattr(ENROLLMENT, name) for name in MlmsEnrollment.__dataclass_fields__}
PLACE = {"id": "plc_1", "url": "https://mlms.example.org/learners/1"}


@pytest.fixture
def mlms(http: httpx2.AsyncClient, httpserver: HTTPServer) -> MlmsClient:
    return MlmsClient(http, httpserver.url_for("/"), "token")


@pytest.mark.parametrize("status", [200, 201])
async def test_an_enrolment_says_who_and_what(mlms: MlmsClient, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_oneshot_request(
        "/api/v1/enrollments",
        "POST",
        headers={"Authorization": "Bearer token", "Idempotency-Key": "case:individual_returning"},
        json=BODY,
    ).respond_with_json(PLACE, status=status)
    assert await mlms.enroll_learner(ENROLLMENT, "case:individual_returning") == LmsPlace(**PLACE)


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        ("", 503, Unavailable, "mlms_unreachable"),
        ("", 429, Unavailable, "mlms_unreachable"),
        (f"{EMAIL} is taken", 409, Refused, "mlms_refused"),
        ("<html>", 200, Refused, "mlms_unreadable"),
        ('{"id": "plc_1", "url": "javascript:alert(1)"}', 201, Refused, "mlms_unreadable"),
    ],
)
async def test_failures(
    mlms: MlmsClient, httpserver: HTTPServer, body: str, status: int, expected: type[Unavailable | Refused], code: str
) -> None:
    httpserver.expect_request("/api/v1/enrollments").respond_with_data(body, status=status)
    with pytest.raises(expected) as raised:
        await mlms.enroll_learner(ENROLLMENT, "key")
    assert raised.value.code == code
    assert EMAIL not in everything_said(raised.value)


def test_an_enrolment_keeps_quiet_in_logs() -> None:
    assert EMAIL not in repr(ENROLLMENT)
