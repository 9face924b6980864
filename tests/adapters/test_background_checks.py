"""A check is ordered once, for the right person and place."""

import httpx2
import pytest
from pytest_httpserver import HTTPServer

from adapters.background_checks import BackgroundCheckClient, BackgroundCheckOrder
from adapters.http import Refused, Unavailable
from tests.adapters.conftest import everything_said

CASE = "00000000-0000-4000-8000-000000000001"
EMAIL = "ejemplo.consejera@example.org"


@pytest.fixture
def vendor(http: httpx2.AsyncClient, httpserver: HTTPServer) -> BackgroundCheckClient:
    return BackgroundCheckClient(http, httpserver.url_for("/"), "api-key", "counselor_basic")


async def order(vendor: BackgroundCheckClient) -> BackgroundCheckOrder:
    return await vendor.order_check(CASE, "Ejemplo", "Consejera", EMAIL, "check-1")


async def test_a_candidate_is_made_and_invited(vendor: BackgroundCheckClient, httpserver: HTTPServer) -> None:
    authorization = httpx2.BasicAuth("api-key", "")._auth_header
    httpserver.expect_oneshot_request(
        "/v1/candidates",
        "POST",
        headers={"Authorization": authorization, "Idempotency-Key": "check-1:candidate"},
        json={"first_name": "Ejemplo", "last_name": "Consejera", "email": EMAIL, "custom_id": CASE},
    ).respond_with_json({"id": "can_1", "object": "candidate"}, status=201)
    httpserver.expect_oneshot_request(
        "/v1/invitations",
        "POST",
        headers={"Authorization": authorization, "Idempotency-Key": "check-1:invitation"},
        json={
            "candidate_id": "can_1",
            "package": "counselor_basic",
            "work_locations": [{"country": "US", "state": "NM"}],
        },
    ).respond_with_json({"id": "inv_1", "object": "invitation", "status": "pending"}, status=201)
    assert await order(vendor) == BackgroundCheckOrder("can_1", "inv_1")


@pytest.mark.parametrize(
    ("body", "status", "expected", "code"),
    [
        ("", 500, Unavailable, "background_checks_unreachable"),
        ("", 429, Unavailable, "background_checks_unreachable"),
        ("", 401, Refused, "background_checks_refused"),
        (f'{{"error": "{EMAIL} is not valid"}}', 400, Refused, "background_checks_refused"),
        ("garbage", 200, Refused, "background_checks_unreadable"),
        ('{"id": ""}', 201, Refused, "background_checks_unreadable"),
    ],
)
async def test_failures(
    vendor: BackgroundCheckClient,
    httpserver: HTTPServer,
    body: str,
    status: int,
    expected: type[Unavailable | Refused],
    code: str,
) -> None:
    httpserver.expect_request("/v1/candidates").respond_with_data(body, status=status)
    with pytest.raises(expected) as raised:
        await order(vendor)
    assert raised.value.code == code
    assert EMAIL not in everything_said(raised.value)


async def test_an_invitation_that_fails_is_tried_again_under_the_same_keys(
    vendor: BackgroundCheckClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1/candidates").respond_with_json({"id": "can_1"}, status=201)
    httpserver.expect_oneshot_request("/v1/invitations").respond_with_data("", status=503)
    httpserver.expect_oneshot_request("/v1/invitations").respond_with_json({"id": "inv_1"}, status=201)
    with pytest.raises(Unavailable):
        await order(vendor)
    assert await order(vendor) == BackgroundCheckOrder("can_1", "inv_1")
    keys = [request.headers["Idempotency-Key"] for request, _ in httpserver.log]
    assert keys == ["check-1:candidate", "check-1:invitation"] * 2
