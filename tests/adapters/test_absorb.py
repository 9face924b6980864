"""Absorb is asked what learners have done, with a token that is taken anew when it is refused (P10)."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from adapters.absorb import PAGE, AbsorbClient, describe_enrollment
from adapters.http import Refused, Unavailable
from domain.shared.documents.dialects import DIALECTS
from domain.shared.documents.parsing import read_json
from domain.shared.documents.statements import read_statements
from tests.adapters.conftest import everything_said

SINCE = datetime(2026, 9, 30, 18, tzinfo=UTC)
CASE = "00000000-0000-4000-8000-000000000001"
# An enrolment as the vendor describes it; the ids are made up.
ENROLLMENT: dict[str, Any] = {
    "id": "7f0c3b52-1111-4c3e-9d2a-000000000001",
    "courseId": "0a2b6f10-2222-4d5e-8f3b-000000000002",
    "courseVersionId": None,
    "userId": "5d1e9a33-3333-4b6f-9e4c-000000000003",
    "progress": 100.0,
    "score": 79.5,
    "status": 3,
    "dateCompleted": "2026-10-01T18:04:11.12",
    "dateEdited": "2026-10-01T18:04:12.5",
    "acceptedTermsAndConditions": True,
    "certificateId": None,
}


@pytest.fixture
def absorb(http: httpx2.AsyncClient, httpserver: HTTPServer) -> AbsorbClient:
    return AbsorbClient(http, httpserver.url_for(""), "an-api-key", "an-integration", "a-password")


def serve_tokens(httpserver: HTTPServer, *tokens: str) -> None:
    credentials = {"username": "an-integration", "password": "a-password", "privateKey": "an-api-key"}
    for token in tokens:
        httpserver.expect_oneshot_request(
            "/authenticate", "POST", headers={"x-api-key": "an-api-key", "x-api-version": "2"}, json=credentials
        ).respond_with_json(token)


async def test_p10_enrollments_since_an_instant_are_read_page_by_page(
    absorb: AbsorbClient, httpserver: HTTPServer
) -> None:
    serve_tokens(httpserver, "a-token")
    pages = [[ENROLLMENT] * PAGE, [ENROLLMENT]]
    for offset, rows in enumerate(pages):
        wanted = {"_filter": "dateEdited ge datetime'2026-09-30T18:00:00Z'", "_limit": "100", "_offset": str(offset)}
        httpserver.expect_oneshot_request(
            "/users/u-1/enrollments", "GET", query_string=wanted, headers={"Authorization": "a-token"}
        ).respond_with_data(json.dumps({"enrollments": rows}))
    found = await absorb.list_enrollments("u-1", SINCE)
    assert len(found) == PAGE + 1
    assert str(found[0]["score"]) == "79.5", "exact"
    httpserver.check_assertions()


async def test_p10_a_server_that_begins_each_list_anew_is_not_read_for_ever(
    absorb: AbsorbClient, httpserver: HTTPServer
) -> None:
    serve_tokens(httpserver, "a-token")
    httpserver.expect_request("/users/u-1/enrollments").respond_with_data(json.dumps([{}] * PAGE))
    with pytest.raises(Refused, match="absorb_unreadable"):
        await absorb.list_enrollments("u-1", SINCE)


async def test_p10_a_token_that_has_ended_is_taken_anew_once(absorb: AbsorbClient, httpserver: HTTPServer) -> None:
    serve_tokens(httpserver, "old", "new")

    def answer(request: Request) -> Response:
        return Response("[]", 200 if request.headers["Authorization"] == "new" else 401)

    httpserver.expect_request("/users/u-1/enrollments").respond_with_handler(answer)
    assert await absorb.list_enrollments("u-1", SINCE) == []
    httpserver.check_assertions()


async def test_p10_a_user_is_found_by_our_own_id_alone(absorb: AbsorbClient, httpserver: HTTPServer) -> None:
    serve_tokens(httpserver, "a-token")
    rows = [{"id": "u-1", "externalId": "ast_1"}, {"id": "u-2", "externalId": "ast_11"}]
    httpserver.expect_request("/users").respond_with_json({"users": rows})
    assert await absorb.find_user("ast_1") == "u-1"
    assert await absorb.find_user("ast_2") is None


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        ("", 503, Unavailable, "absorb_unreachable"),
        ("", 429, Unavailable, "absorb_unreachable"),
        ("learner@example.com", 403, Refused, "absorb_refused"),
        ("<html>learner@example.com", 200, Refused, "absorb_unreadable"),
        ('{"enrollments": 7}', 200, Refused, "absorb_unreadable"),
        ('["learner@example.com"]', 200, Refused, "absorb_unreadable"),
    ],
)
async def test_what_goes_wrong_is_a_code_without_what_was_said(
    absorb: AbsorbClient, httpserver: HTTPServer, body: str, status: int, expected: type[Exception], code: str
) -> None:
    serve_tokens(httpserver, "a-token")
    httpserver.expect_request("/users/u-1/enrollments").respond_with_data(body, status)
    with pytest.raises(expected, match=code) as failure:
        await absorb.list_enrollments("u-1", SINCE)
    assert "learner@example.com" not in everything_said(failure.value)


@pytest.mark.parametrize(
    ("changes", "meanings", "at"),
    [
        ({}, ("completed", "scored"), "2026-10-01T18:04:11.120000+00:00"),
        ({"status": 5, "dateCompleted": None}, ("failed",), "2026-10-01T18:04:12.500000+00:00"),
        ({"status": 1, "dateCompleted": None, "score": None}, (), None),
        ({"status": 12, "dateCompleted": None}, (), None),
    ],
)
def test_p10_an_enrollment_is_a_report_of_its_status(
    changes: dict[str, Any], meanings: tuple[str, ...], at: str | None
) -> None:
    document = describe_enrollment(ENROLLMENT | changes, CASE, "ast_1")
    later = {"progress": 99, "acceptedTermsAndConditions": False}
    edited = describe_enrollment(ENROLLMENT | changes | later, CASE, "ast_1")
    (one,), (again,) = (read_statements(json_exact(each), DIALECTS["absorb"]) for each in (document, edited))
    assert one.statement is not None
    assert again.statement is not None
    assert (one.statement.meanings, one.statement.case_id, one.statement.account) == (meanings, CASE, "ast_1")
    assert (one.statement.timestamp.isoformat() if one.statement.timestamp else None) == at
    assert one.statement.id == again.statement.id, "what is edited beside it makes no other report"


def json_exact(document: Any) -> Any:
    return read_json(json.dumps(document).encode())
