"""Webhooks: retried, in order for a case, resumed after a restart, and sent without making any answer wait."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import httpx2
from pytest_httpserver import HTTPServer

from sandbox.http.webhooks import WebhookSender, build_checkr_signer
from sandbox.store import DocumentStore
from tests.sandbox.conftest import WebhookReceiver, invite_learner
from tests.support.patience import PATIENCE
from tests.support.sandbox_process import RunningSandbox, start_sandbox


async def wait_for_outcomes(http: httpx2.AsyncClient, sandbox: RunningSandbox, case: str) -> list[dict[str, Any]]:
    """The case's deliveries, once none of them waits any more."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        deliveries = (await http.get(f"{sandbox.lms}/deliveries")).json()
        own = [each for each in deliveries if each["case"] == case]
        if all(each["outcome"] != "waiting" for each in own):
            return own
        await asyncio.sleep(0.05)
    raise AssertionError("deliveries still wait")


async def test_a_failing_exchange_is_tried_again_in_order(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    lms_receiver.statuses[case_id] = [503, 500]
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/account")
    await http.post(f"{learner}/profile")
    events = await lms_receiver.wait_for_events(case_id, 4)
    assert [event.body["object"]["id"].rpartition("/")[2] for event in events] == ["account"] * 3 + ["profile"]
    own = await wait_for_outcomes(http, sandbox, case_id)
    assert [(each["outcome"], each["attempts"], each["status"]) for each in own] == [
        ("delivered", 3, 202),
        ("delivered", 1, 202),
    ]


async def test_a_refusal_is_not_tried_again(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    lms_receiver.statuses[case_id] = [422]
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/account")
    await http.post(f"{learner}/profile")
    own = await wait_for_outcomes(http, sandbox, case_id)
    assert [(each["outcome"], each["attempts"]) for each in own] == [("refused", 1), ("delivered", 1)]


async def test_one_case_does_not_wait_for_another(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    waiting = "00000000-0000-4000-8000-000000000001"
    slow = await invite_learner(http, sandbox, waiting)
    lms_receiver.statuses[waiting] = [503, 503, 503]
    await http.post(f"{slow}/account")
    assert len(await lms_receiver.wait_for_events(waiting, 1)) < 4, "who learns doesn't wait for it to be delivered"
    learner = await invite_learner(http, sandbox, case_id)
    await http.post(f"{learner}/account")
    await lms_receiver.wait_for_events(case_id, 1)


async def test_what_was_under_way_is_resumed_after_a_kill(
    tmp_path: Path, http: httpx2.AsyncClient, httpserver: HTTPServer, lms_receiver: WebhookReceiver, case_id: str
) -> None:
    nobody = start_sandbox(tmp_path / "mailbox", "http://127.0.0.1:9")
    learner = await invite_learner(http, nobody, case_id)
    sent = (await http.post(f"{learner}/account")).json()["statement_ids"]
    nobody.stop_process(signal.SIGKILL)
    again = start_sandbox(tmp_path / "mailbox", httpserver.url_for("").rstrip("/"))
    try:
        event = (await lms_receiver.wait_for_events(case_id, 1))[0]
        assert event.body["id"] == sent[0]
        page = await http.get(f"{again.lms}/learners/{case_id}", headers={"Accept": "application/json"})
        assert page.json()["progress"]["account"] == "ready"
    finally:
        again.stop_process()


async def test_patience_ends(case_id: str) -> None:
    store = DocumentStore()
    sender = WebhookSender("patience", "http://127.0.0.1:9", build_checkr_signer("a-secret"), store, patience=0.5)
    sender.queue_event(case_id, "event-1", "some.event", "{}")
    ends = time.monotonic() + PATIENCE
    while (kept := store.list_documents("delivery:patience")[0])["outcome"] == "waiting" and time.monotonic() < ends:
        await asyncio.sleep(0.05)
    await sender.stop_deliveries()
    assert (kept["outcome"], kept["attempts"], kept["error"]) == ("given_up", 2, "ConnectError")
