"""The LMS's stand-in: invitations and enrolments, a learner's way through it, signed statements, sending again."""

from uuid import uuid4

import httpx2
import pytest

from tests.sandbox.conftest import (
    ReceivedEvent,
    WebhookReceiver,
    build_bearer_header,
    build_learner,
    invite_learner,
    verify_statement,
)
from tests.support.sandbox_process import SECRETS, RunningSandbox

AUTH = build_bearer_header("CERTIFY_LMS_TOKEN")


def summarize_statement(event: ReceivedEvent) -> tuple[str, str]:
    statement = verify_statement(event)
    return statement["verb"]["id"].rpartition("/")[2], statement["object"]["id"].partition("example.test/")[2]


async def test_a_learners_whole_way_arrives_in_order(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    for step in ("account", "profile", "course/start", "course/complete"):
        assert (await http.post(f"{learner}/{step}")).status_code == 200
    await http.post(f"{learner}/exam", json={"score": "0.7999"})
    passed = await http.post(f"{learner}/exam", json={"score": "0.8"})
    events = await lms_receiver.wait_for_events(case_id, 6)
    assert [summarize_statement(event) for event in events] == [
        ("registered", "account"),
        ("completed", "profile"),
        ("initialized", "course/2024"),
        ("completed", "course/2024"),
        ("failed", "exam/2024"),
        ("passed", "exam/2024"),
    ]
    last = events[-1].body
    assert passed.json() == {"statement_ids": [last["id"]]}
    assert last["result"] == {"score": {"scaled": 0.8}, "success": True}
    assert last["actor"]["account"] == {"homePage": "https://lms.example.test", "name": "assister-1"}


@pytest.mark.parametrize("score", ["0.79999999999999999999", "0.80", "1", "0"])
async def test_a_score_keeps_its_digits(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str, score: str
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/exam", json={"score": score})
    event = (await lms_receiver.wait_for_events(case_id, 1))[0]
    assert f'"scaled":{score}}}'.encode() in event.raw
    assert event.body["result"]["success"] is (score in {"0.80", "1"})


async def test_points_are_told_as_points(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/exam", json={"raw": 4, "max": 5})
    statement = verify_statement((await lms_receiver.wait_for_events(case_id, 1))[0])
    assert statement["result"] == {"score": {"raw": 4, "min": 0, "max": 5}, "success": True}


@pytest.mark.parametrize(
    "exam",
    [
        {},
        {"score": "1.01"},
        {"score": "-0.1"},
        {"score": "NaN"},
        {"score": "1e-3"},
        {"score": True},
        {"raw": 6, "max": 5},
        {"raw": 0, "max": 0},
        {"raw": 1},
        {"score": "0.5", "raw": 1, "max": 2},
        {"score": "0.5", "note": "x"},
    ],
)
async def test_an_impossible_result_is_refused(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str, exam: dict[str, object]
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    assert (await http.post(f"{learner}/exam", json=exam)).status_code == 422


async def test_an_enrolled_learner_has_account_and_profile(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    body = build_learner(case_id, account="existing-account")
    headers = {**AUTH, "Idempotency-Key": case_id}
    first = await http.post(f"{sandbox.lms}/api/v1/enrollments", json=body, headers=headers)
    again = await http.post(f"{sandbox.lms}/api/v1/enrollments", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"id": case_id, "url": f"{sandbox.lms}/learners/{case_id}"}
    learners = {each["registration"]: each for each in (await http.get(f"{sandbox.lms}/learners")).json()}
    assert learners[case_id]["progress"]["account"] == "ready"
    assert learners[case_id]["progress"]["profile"] == "complete"
    calls = (await http.get(f"{sandbox.lms}/calls")).json()
    assert [(call["path"], call["status"], call["idempotency_key"]) for call in calls] == [
        ("/api/v1/enrollments", 201, case_id),
        ("/api/v1/enrollments", 200, case_id),
    ]
    assert calls[0]["body"]["account"] == "existing-account"
    assert SECRETS["CERTIFY_LMS_TOKEN"] not in str(calls)


async def test_a_second_invitation_is_a_conflict(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str
) -> None:
    await invite_learner(http, sandbox, case_id)
    url = f"{sandbox.lms}/api/v1/invitations"
    other_key = {**AUTH, "Idempotency-Key": str(uuid4())}
    assert (await http.post(url, json=build_learner(case_id), headers=other_key)).status_code == 409
    used_key = {**AUTH, "Idempotency-Key": f"invite-{case_id}"}
    assert (await http.post(url, json=build_learner(str(uuid4())), headers=used_key)).status_code == 409


async def test_what_is_wrong_is_named(http: httpx2.AsyncClient, sandbox: RunningSandbox, case_id: str) -> None:
    url = f"{sandbox.lms}/api/v1/invitations"
    keyed = {**AUTH, "Idempotency-Key": case_id}
    assert (await http.post(url, json=build_learner(case_id))).status_code == 401
    keyless = await http.post(url, json=build_learner(case_id), headers=AUTH)
    assert (keyless.status_code, keyless.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    broken = await http.post(url, content=b"{", headers=keyed)
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (400, "body")
    wrong = await http.post(url, json=build_learner("case 1", course_id="2024"), headers=keyed)
    assert [error["field"] for error in wrong.json()["errors"]] == ["registration", "course_id"]
    with_account = await http.post(url, json=build_learner(case_id, account="x"), headers=keyed)
    assert (with_account.status_code, with_account.json()["errors"][0]["field"]) == (422, "account")
    long = await http.post(url, content=b" " * (256 * 1024 + 1), headers=keyed)
    assert long.status_code == 413
    assert (await http.post(f"{sandbox.lms}/learners/{uuid4()}/account")).status_code == 404


async def test_sent_again_is_the_same_statement(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/account")
    sent = (await http.post(f"{learner}/exam", json={"score": "0.9"})).json()["statement_ids"]
    one = await http.post(f"{sandbox.lms}/webhooks/resend", json={"statement_id": sent[0]})
    assert (one.status_code, one.json()) == (202, {"statement_ids": sent})
    assert (await http.post(f"{sandbox.lms}/webhooks/resend", json={"registration": case_id})).status_code == 202
    account, exam, exam_again, *everything = await lms_receiver.wait_for_events(case_id, 5)
    assert exam.raw == exam_again.raw
    assert [each.raw for each in everything] == [account.raw, exam.raw]
    verify_statement(exam_again)
    unknown = await http.post(f"{sandbox.lms}/webhooks/resend", json={"statement_id": str(uuid4())})
    assert unknown.status_code == 404
    assert (await http.post(f"{sandbox.lms}/webhooks/resend", json={})).status_code == 422


async def test_the_page_works_without_a_script(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    learner = await invite_learner(http, sandbox, case_id)
    posted = await http.post(f"{learner}/exam", data={"score": "0.85"})
    assert (posted.status_code, posted.headers["location"]) == (303, f"/learners/{case_id}")
    page = (await http.get(learner)).text
    assert "Sit the exam" in page
    assert "<script" not in page
    refused = await http.post(f"{learner}/exam", data={"score": "very good"})
    assert refused.status_code == 422
    assert "A score is a decimal" in refused.text
    empty = await http.post(f"{learner}/account", data={})
    assert empty.status_code in {200, 303}
    assert len(await lms_receiver.wait_for_events(case_id, 2)) == 2
