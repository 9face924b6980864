"""Webhooks late, twice, out of order, forged, malformed or altered: each its answer, none harms a case (C3–C5)."""

import asyncio
import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

from tests.support import documents
from tests.support.documents import changed
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = {"lms": "lms_webhook", "portal": "portal_webhook"}
OTHER_SECRET = "whsec_" + base64.b64encode(b"somebody else's secret, not ours").decode()


def secret_of(world: World, source: str) -> str:
    return str(world.stack["secrets"][SECRET[source]])


async def body_for(world: World, source: str, opened: dict[str, Any]) -> dict[str, Any]:
    """A report that would count if it were believed."""
    if source == "lms":
        return documents.statement(await world.policy(), opened, "registered", "account")
    return {"type": "registration.refused", "case_id": opened["case_id"], "occurred_at": datetime.now(UTC).isoformat()}


def envelope(secret: str, text: str, at: datetime | None = None, **changes: str) -> dict[str, str]:
    """Standard Webhooks headers, some of them changed; an empty one is left out."""
    webhook_id, at = str(uuid4()), at or datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, text),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    return {name: value for name, value in headers.items() if value}


async def post(world: World, path: str, text: str, headers: dict[str, str]) -> httpx2.Response:
    return await world.http.post(world.web + path, content=text.encode(), headers=headers)


async def untouched(world: World, opened: dict[str, Any]) -> bool:
    """Nothing but our own doing happened to the case."""
    status = await world.status(opened)
    return status["training"]["lms_account"] == "none" and not status["flag"] and not await reports(world, opened)


async def reports(world: World, opened: dict[str, Any]) -> list[dict[str, Any]]:
    """What the audit keeps of webhooks."""
    return [entry for entry in await world.audit(opened) if entry["action"].startswith("webhook.")]


# who says so


FORGED: list[dict[str, str]] = [
    {"webhook_signature": ""},
    {"webhook_id": ""},
    {"webhook_timestamp": ""},
    {"webhook_id": "another"},
    {"webhook_timestamp": "0"},
    {"webhook_timestamp": "soon"},
    {"webhook_timestamp": "nan"},
    {"webhook_timestamp": "1e400"},
    {"webhook_signature": "v1,AAAA"},
    {"webhook_signature": "v1,not base64!"},
    {"webhook_signature": "v1"},
    {"webhook_signature": ",,,"},
]


@pytest.mark.parametrize("source", ["lms", "portal"])
async def test_c4_unsigned_or_forged_is_401(world: World, source: str) -> None:
    opened = await world.opened(documents.broker())
    text = json.dumps(await body_for(world, source, opened))
    for changes in FORGED:
        headers = envelope(secret_of(world, source), text, None, **changes)
        answer = await post(world, f"/webhooks/{source}", text, headers)
        assert (changes, answer.status_code) == (changes, 401)
    assert await untouched(world, opened)


@pytest.mark.parametrize("source", ["lms", "portal"])
async def test_c4_a_timestamp_is_believed_for_five_minutes_each_way(world: World, source: str) -> None:
    opened = await world.opened(documents.broker())
    text = json.dumps(await body_for(world, source, opened))
    for seconds, status in ((-310, 401), (310, 401), (-290, 202), (0, 202), (290, 202)):
        assert await untouched(world, opened) is (seconds in (-310, 310, -290))
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        answer = await post(world, f"/webhooks/{source}", text, envelope(secret_of(world, source), text, at))
        assert (seconds, answer.status_code) == (seconds, status)
    assert not await untouched(world, opened)


@pytest.mark.parametrize("source", ["lms", "portal"])
async def test_c4_d7_a_wrong_secret_is_401_and_another_sender_s_403(world: World, source: str) -> None:
    opened = await world.opened(documents.broker())
    text = json.dumps(await body_for(world, source, opened))
    others = "portal" if source == "lms" else "lms"
    for secret, status in ((OTHER_SECRET, 401), (secret_of(world, others), 403)):
        assert (await post(world, f"/webhooks/{source}", text, envelope(secret, text))).status_code == status
    headers = envelope(secret_of(world, source), text)
    assert (await post(world, f"/webhooks/{source}", text + " ", headers)).status_code == 401
    assert await untouched(world, opened)


@pytest.mark.parametrize("source", ["lms", "portal"])
async def test_c4_one_right_signature_among_several_suffices_while_secrets_rotate(world: World, source: str) -> None:
    opened = await world.opened(documents.broker())
    text = json.dumps(await body_for(world, source, opened))
    headers = envelope(secret_of(world, source), text)
    wrong = envelope(OTHER_SECRET, text)["webhook-signature"]
    headers["webhook-signature"] = f"{wrong} v1a,AAAA {headers['webhook-signature']}"
    assert (await post(world, f"/webhooks/{source}", text, headers)).status_code == 202


@pytest.mark.parametrize("source", ["lms", "portal", "background-checks"])
@pytest.mark.parametrize("text", ["", "[]", '{"a": NaN}'], ids=["empty", "no report", "no JSON"])
async def test_c4_what_is_no_report_is_422(world: World, source: str, text: str) -> None:
    if source == "background-checks":
        answer = await checkr(world, text)
    else:
        answer = await post(world, f"/webhooks/{source}", text, envelope(secret_of(world, source), text))
    assert answer.status_code == 422
    assert fields(answer)


@pytest.mark.parametrize("source", ["lms", "portal", "background-checks"])
async def test_c4_a_body_beyond_the_limit_is_413(world: World, source: str) -> None:
    text = json.dumps({"padding": "x" * 300_000})
    answer = await post(world, f"/webhooks/{source}", text, envelope(OTHER_SECRET, text))
    assert answer.status_code == 413


# what the LMS says

WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "several": (
        {"actor.account.name": "x", "verb.id": documents.VERBS + "laughed"},
        ["actor.account.name", "verb.id"],
    ),
    "unknown case": ({"context.registration": "00000000-0000-4000-8000-000000000404"}, ["context.registration"]),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_c4_a_statement_that_does_not_fit_its_case_is_422_naming_the_field(world: World, wrong: str) -> None:
    changes, named = WRONG[wrong]
    opened = await world.opened(documents.broker())
    good = documents.exam(await world.policy(), opened, 0.9)
    answer = await world.lms(changed(good, changes))
    assert (answer.status_code, sorted(fields(answer))) == (422, named)
    assert (await world.status(opened))["exam"]["attempts"] == []
    assert (await world.lms(good)).status_code == 202


async def test_p4_the_good_ones_of_a_list_come_in_and_the_bad_one_is_kept_aside(world: World) -> None:
    opened = await world.opened(documents.broker())
    policy = await world.policy()
    good = [documents.exam(policy, opened, score) for score in (0.5, 0.9)]
    bad = changed(documents.exam(policy, opened, 0.7), {"actor.account.name": "ast_somebody_else"})
    for said in ("stored", "repeated"):
        answer = await world.lms([good[0], bad, good[1]])
        document = answer.json()
        assert (answer.status_code, document["status"], document["kept_aside"]) == (202, said, 1)
        assert [one["field"] for one in document["not_counted"]] == ["1.actor.account.name"]
    status = await world.status(opened)
    assert (len(status["exam"]["attempts"]), status["flag"]) == (2, "uncounted_report")


async def test_c4_late_reports_count_and_keep_their_own_time(world: World) -> None:
    opened = await world.opened(documents.broker())
    long_ago = "2026-01-02T03:04:05-07:00"
    assert (await world.lms(documents.exam(await world.policy(), opened, 0.9, timestamp=long_ago))).status_code == 202
    assert (await world.status(opened))["exam"]["passed_at"] == "2026-01-02T10:04:05Z"


async def test_c4_reports_out_of_order_are_held_and_end_the_same(world: World) -> None:
    opened = await world.opened(documents.agent())
    await world.reported(opened, "0.9", "course", "started", "profile", "account")
    await world.approved(opened)
    status = await world.until(opened, "certified")
    await world.reported_by_portal(opened, "scheduling_tool.ready", "profile.completed", "account.registered")
    assert (await world.until(opened, "active"))["certificate"] == status["certificate"]


# twice, and altered


async def test_c4_c5_the_lms_repeats_under_the_statements_id_whatever_the_webhook_id(world: World) -> None:
    opened = await world.opened(documents.broker())
    statement = documents.exam(await world.policy(), opened, 0.5)
    for webhook_id in (statement["id"], statement["id"], str(uuid4())):
        assert (await world.lms(statement, webhook_id=webhook_id)).status_code == 202
    assert (await world.lms([statement, statement])).status_code == 202
    assert len((await world.status(opened))["exam"]["attempts"]) == 1
    assert sum(entry["action"] == "webhook.failed" for entry in await world.audit(opened)) == 1


async def test_c4_the_lms_sends_again_when_asked_and_nothing_happens_twice(world: World) -> None:
    opened = await world.certified(documents.broker())
    lms = world.stack["sandbox"]["lms"]
    sat = await world.http.post(f"{lms}/learners/{opened['case_id']}/exam", json={"score": "0.85"})
    assert sat.status_code == 200
    await world.until(opened, lambda status: len(status["exam"]["attempts"]) == 2)
    before = await world.status(opened), await reports(world, opened)
    sent = await world.http.post(f"{lms}/webhooks/resend", json={"registration": opened["case_id"]})
    assert sent.status_code == 202
    async with asyncio.timeout(PATIENCE):
        while True:
            deliveries = (await world.http.get(f"{lms}/deliveries")).json()
            (id_,) = sat.json()["statement_ids"]
            again = [one for one in deliveries if one["event_id"] == id_]
            if len(again) == 2 and all(one["outcome"] == "delivered" for one in again):
                break
            await asyncio.sleep(0.05)
    assert (await world.status(opened), await reports(world, opened)) == before


async def test_c4_the_portal_repeats_under_the_webhook_id(world: World) -> None:
    opened = await world.certified(documents.broker())
    body = {"occurred_at": datetime.now(UTC).isoformat()}
    webhook_id = str(uuid4())
    for _ in range(3):
        assert (await world.portal(opened, "account.registered", webhook_id=webhook_id, body=body)).status_code == 202
    assert (await world.history(opened)).count("portal_registered") == 1


async def test_c4_the_same_report_at_the_same_moment_counts_once(world: World) -> None:
    opened = await world.opened(documents.broker())
    statement = documents.exam(await world.policy(), opened, 0.5)
    answers = await asyncio.gather(*(world.lms(statement) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {202}
    assert len((await world.status(opened))["exam"]["attempts"]) == 1


ALTERED: dict[str, dict[str, Any]] = {
    "result": {"result": {"score": {"scaled": 0.95}}},
    "verb": {"verb.id": documents.VERBS + "passed"},
    "object": {"object.definition": {"name": {"en": "Another exam"}}},
    "actor": {"actor.name": "Another Person"},
    "context": {"context.language": "es"},
    "timestamp": {"timestamp": "2026-11-20T10:00:01Z"},
}


@pytest.mark.parametrize("part", ALTERED)
async def test_c5_the_same_id_with_another_body_is_409_kept_aside_and_without_effect(world: World, part: str) -> None:
    opened = await world.opened(documents.broker())
    first = documents.exam(await world.policy(), opened, 0.5, timestamp="2026-11-20T10:00:00Z")
    assert (await world.lms(first)).status_code == 202
    other = documents.exam(await world.policy(), opened, 0.6, timestamp="2026-11-20T11:00:00Z")
    for _ in range(2):  # sent again as it was, it is kept once
        answer = await world.lms([other, changed(first, ALTERED[part])])
        assert answer.status_code == 409
        assert "kept aside" in answer.json()["detail"]
    status = await world.status(opened)
    assert [one["score"] for one in status["exam"]["attempts"]] == ["0.5", "0.6"]
    assert status["flag"] == "altered_event"
    (entry,) = [entry for entry in await world.audit(opened) if entry["action"] == "webhook.altered"]
    assert (entry["actor"], entry["details"]["event_id"]) == ("sender:lms", first["id"])


async def test_c5_a_portal_report_altered_under_its_webhook_id_is_409(world: World) -> None:
    opened = await world.certified(documents.broker())
    webhook_id = str(uuid4())
    assert (await world.portal(opened, "profile.completed", webhook_id=webhook_id)).status_code == 202
    assert (await world.portal(opened, "account.registered", webhook_id=webhook_id)).status_code == 409
    status = await world.status(opened)
    assert (status["portal"]["account"], status["flag"]) == ("none", "altered_event")


async def test_c5_what_a_record_store_adds_or_spells_otherwise_alters_nothing(world: World) -> None:
    opened = await world.opened(documents.broker())
    sent = documents.exam(await world.policy(), opened, 0.5, timestamp="2026-11-20T10:00:00.5+02:00")
    assert (await world.lms(sent)).status_code == 202
    stored = {
        **sent,
        "version": "1.0.3",
        "stored": datetime.now(UTC).isoformat(),
        "authority": {"mbox": "mailto:store@example.org"},
        "timestamp": "2026-11-20T08:00:00.500Z",
        "id": sent["id"].upper(),
    }
    text = json.dumps(stored).replace('"scaled": 0.5', '"scaled": 0.500')
    assert (await world.lms(text)).status_code == 202
    status = await world.status(opened)
    assert (len(status["exam"]["attempts"]), status["flag"]) == (1, None)


# by way of a learning record store


def basic(world: World, password: str | None = None) -> dict[str, str]:
    secrets = world.stack["secrets"]
    pair = f"{secrets['xapi_user']}:{secrets['xapi_password'] if password is None else password}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def test_c4_a_record_store_posts_a_list_and_puts_a_statement(world: World) -> None:
    opened = await world.opened(documents.broker())
    policy, url = await world.policy(), f"{world.web}/xapi/statements"
    listed = [documents.exam(policy, opened, score) for score in (0.5, 0.6)]
    answer = await world.http.post(url, json=listed, headers=basic(world))
    assert (answer.status_code, answer.json()) == (200, [one["id"] for one in listed])
    single = documents.exam(policy, opened, 0.7)
    answer = await world.http.put(url, params={"statementId": single["id"]}, json=single, headers=basic(world))
    assert (answer.status_code, answer.content) == (204, b"")
    # The LMS's own webhook of one of them is a repeat; another body under its id is not.
    assert (await world.lms(single)).status_code == 202
    answer = await world.http.put(url, json={**single, "result": {"score": {"scaled": 1}}}, headers=basic(world))
    assert answer.status_code == 409
    assert [one["score"] for one in (await world.status(opened))["exam"]["attempts"]] == ["0.5", "0.6", "0.7"]


async def test_c4_a_record_store_needs_its_credentials_and_sense(world: World) -> None:
    opened = await world.opened(documents.broker())
    url, one = f"{world.web}/xapi/statements", documents.exam(await world.policy(), opened, 0.7)
    for headers in ({}, basic(world, "wrong"), basic(world, ""), {"Authorization": "Basic %%%"}, world.staff):
        for method in ("POST", "PUT"):
            assert (await world.http.request(method, url, json=one, headers=headers)).status_code == 401
    other = {"statementId": str(uuid4())}
    answer = await world.http.put(url, params=other, json=one, headers=basic(world))
    assert (answer.status_code, fields(answer)) == (422, ["statementId"])
    assert (await world.http.put(url, json=[one], headers=basic(world))).status_code == 422
    assert (await world.status(opened))["exam"]["attempts"] == []


# what the portal says


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"type": None, "case_id": None}, ["type", "case_id"]),
        ({"case_id": "00000000-0000-4000-8000-000000000404"}, ["case_id"]),
    ],
    ids=str,
)
async def test_c4_a_portal_report_that_is_not_understood_is_422_naming_the_field(
    world: World, changes: dict[str, Any], named: list[str]
) -> None:
    opened = await world.opened(documents.broker())
    body = changed(await body_for(world, "portal", opened), changes)
    answer = await world.signed("/webhooks/portal", secret_of(world, "portal"), body)
    assert (answer.status_code, fields(answer)) == (422, named)
    assert await untouched(world, opened)


# what the background-check vendor says


async def checkr(world: World, body: Any, signature: str | None = None) -> httpx2.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    secret = world.stack["secrets"]["background_checks_webhook"]
    right = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    headers = {"X-Checkr-Signature": right if signature is None else signature}
    return await post(world, "/webhooks/background-checks", text, {k: v for k, v in headers.items() if v})


def completed(candidate_id: str, **changes: Any) -> dict[str, Any]:
    report = {"id": uuid4().hex, "object": "report", "status": "complete", "result": "clear"}
    event = {
        "id": uuid4().hex,
        "object": "event",
        "type": "report.completed",
        "created_at": datetime.now(UTC).isoformat(),
        "data": {"object": {**report, "candidate_id": candidate_id}},
    }
    return changed(event, changes)


async def ordered(world: World) -> tuple[dict[str, Any], str]:
    """A counselor whose check takes its time, and the vendor's candidate."""
    request = documents.counselor()
    vendor = world.stack["sandbox"]["background_checks"]
    slow = {"email": request["email"], "result": "clear", "after_seconds": 3600}
    assert (await world.http.post(f"{vendor}/outcomes", json=slow)).status_code == 201
    opened = await world.opened(request)
    await world.until(opened, "awaiting_background_check")
    async with asyncio.timeout(PATIENCE):
        while "background_ordered" not in await world.history(opened):
            await asyncio.sleep(0.05)
    (call,) = [call for call in await world.calls("background_checks") if call["path"] == "/v1/invitations"][-1:]
    return opened, call["body"]["candidate_id"]


async def test_c4_a_background_report_unsigned_or_forged_is_401(world: World) -> None:
    opened, candidate = await ordered(world)
    for signature in ("", "0" * 64, "sha256=", hmac.new(b"another", b"", sha256).hexdigest()):
        assert (await checkr(world, completed(candidate), signature)).status_code == 401
    assert (await world.status(opened))["stage"] == "awaiting_background_check"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data.object.candidate_id": "a-stranger"}, "data.object.candidate_id"),
        ({"data.object.custom_id": "00000000-0000-4000-8000-000000000404"}, "data.object.candidate_id"),
        ({"data.object.result": "fine"}, "data.object.result"),
    ],
    ids=str,
)
async def test_c4_a_background_report_of_a_stranger_or_without_sense_is_422(
    world: World, changes: dict[str, Any], named: str
) -> None:
    opened, candidate = await ordered(world)
    answer = await checkr(world, completed(candidate, **changes))
    assert (answer.status_code, fields(answer)) == (422, [named])
    assert (await world.status(opened))["stage"] == "awaiting_background_check"


@pytest.mark.parametrize("event", ["report.created", "report.paused", "candidate.updated", "invitation.completed"])
async def test_c4_other_events_of_the_vendor_are_stored_without_effect(world: World, event: str) -> None:
    opened, candidate = await ordered(world)
    assert (await checkr(world, completed(candidate, type=event))).status_code == 202
    status = await world.status(opened)
    assert (status["stage"], status["flag"]) == ("awaiting_background_check", None)
    assert any(entry["action"] == f"webhook.{event}" for entry in await world.audit(opened))


async def test_c4_c5_a_background_report_counts_once_and_altered_not_at_all(world: World) -> None:
    opened, candidate = await ordered(world)
    event = completed(candidate)
    assert (await checkr(world, event)).status_code == 202
    await world.until(opened, "awaiting_decision")
    assert (await checkr(world, event)).status_code == 202
    assert (await checkr(world, changed(event, {"data.object.result": "consider"}))).status_code == 409
    status = await world.status(opened)
    assert status["eligibility"]["findings"] == [{"check": "background_check", "result": "pass", "source": "A14"}]
    assert status["flag"] == "altered_event"
    assert (await world.history(opened)).count("background_reported") == 1
