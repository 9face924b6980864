"""The background check vendor's stand-in: its API, the outcomes that scripts set, its signed events."""

import hashlib
import hmac
from typing import Any

import httpx2
import pytest

from tests.sandbox.conftest import ReceivedEvent, WebhookReceiver
from tests.support.sandbox_process import SECRETS, SENDERS, RunningSandbox

AUTH = (SECRETS["CERTIFY_BACKGROUND_CHECKS_API_KEY"], "")


async def post_to_vendor(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, what: str, body: dict[str, Any], key: str
) -> httpx2.Response:
    headers = {"Idempotency-Key": key}
    return await http.post(f"{sandbox.background_checks}/v1/{what}", json=body, auth=AUTH, headers=headers)


async def order_check(http: httpx2.AsyncClient, sandbox: RunningSandbox, case: str, email: str) -> dict[str, Any]:
    person = {"first_name": "Ejemplo", "last_name": "Consejera", "email": email, "custom_id": case}
    candidate = await post_to_vendor(http, sandbox, "candidates", person, case)
    assert candidate.status_code == 201
    wanted = {
        "candidate_id": candidate.json()["id"],
        "package": "assister",
        "work_locations": [{"country": "US", "state": "NM"}],
    }
    invitation = await post_to_vendor(http, sandbox, "invitations", wanted, case)
    assert invitation.status_code == 201
    document: dict[str, Any] = invitation.json()
    return document


def is_signed(event: ReceivedEvent) -> bool:
    secret = SENDERS["background-checks"]["check_key"].encode()
    return event.headers["X-Checkr-Signature"] == hmac.new(secret, event.raw, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("email", "result"),
    [
        ("ejemplo.consejera@example.org", "clear"),
        ("Consider.Counselor@example.org", "consider"),
        ("nobody.in.particular@example.org", "clear"),
    ],
)
async def test_created_comes_before_completed(
    http: httpx2.AsyncClient,
    sandbox: RunningSandbox,
    background_check_receiver: WebhookReceiver,
    case_id: str,
    email: str,
    result: str,
) -> None:
    invitation = await order_check(http, sandbox, case_id, email)
    assert invitation["status"] == "pending"
    created, completed = await background_check_receiver.wait_for_events(case_id, 2)
    assert (created.body["type"], completed.body["type"]) == ("report.created", "report.completed")
    report = completed.body["data"]["object"]
    assert (report["status"], report["result"]) == ("complete", result)
    assert report["candidate_id"] == invitation["candidate_id"]
    assert created.body["data"]["object"]["status"] == "pending"
    assert is_signed(created)
    assert is_signed(completed)
    url = f"{sandbox.background_checks}/v1/reports/{report['id']}"
    assert (await http.get(url, auth=AUTH)).json()["result"] == result


async def test_a_script_tells_the_outcome_and_its_time(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, background_check_receiver: WebhookReceiver, case_id: str
) -> None:
    told = {"email": "told@example.org", "result": "consider", "after_seconds": 0.6}
    assert (await http.post(f"{sandbox.background_checks}/outcomes", json=told)).status_code == 201
    await order_check(http, sandbox, case_id, "told@example.org")
    created = (await background_check_receiver.wait_for_events(case_id, 1))[0].body["data"]["object"]
    pending = await http.get(f"{sandbox.background_checks}/v1/reports/{created['id']}", auth=AUTH)
    assert pending.json()["status"] == "pending"
    completed = (await background_check_receiver.wait_for_events(case_id, 2))[1].body["data"]["object"]
    assert completed["result"] == "consider"


async def test_the_same_key_gives_the_same_order(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, background_check_receiver: WebhookReceiver, case_id: str
) -> None:
    first = await order_check(http, sandbox, case_id, "again@example.org")
    assert await order_check(http, sandbox, case_id, "again@example.org") == first
    await background_check_receiver.wait_for_events(case_id, 2)
    deliveries = (await http.get(f"{sandbox.background_checks}/deliveries")).json()
    assert len([each for each in deliveries if each["case"] == case_id]) == 2


async def test_what_is_wrong_is_refused(http: httpx2.AsyncClient, sandbox: RunningSandbox) -> None:
    url = f"{sandbox.background_checks}/v1/candidates"
    assert (await http.post(url, json={})).status_code == 401
    nameless = await http.post(url, json={"first_name": "Testa", "email": "a@example.org"}, auth=AUTH)
    assert [error["field"] for error in nameless.json()["errors"]] == ["last_name"]
    wanted = {"candidate_id": "nobody", "package": "assister", "work_locations": [{"country": "US"}]}
    unknown = await post_to_vendor(http, sandbox, "invitations", wanted, "unknown")
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "candidate_id")
    assert (await http.get(f"{sandbox.background_checks}/v1/reports/none", auth=AUTH)).status_code == 404
    outcome = {"email": "a@example.org", "result": "perhaps"}
    assert (await http.post(f"{sandbox.background_checks}/outcomes", json=outcome)).status_code == 422
