"""Records the histories of the code at hand, from a real stack: `python -m tests.histories.record [PROGRAM]`.

They go to `newest/`; it takes a minute, of one program (bewellnm, ffm) half of that. Each folder beside it, `of_` and
a commit, holds what that commit's code recorded, and stays for as long as a case begun by it may be open: that they
still replay is what `worker.py verify` tells. At a release `newest/` is named after its commit and recorded anew.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import TimeSkipper

from domain.shared.ids import make_adverse_action_workflow_id, make_appeal_workflow_id
from settings import Settings
from starter.policies import SHIPPED, load_policies
from starter.publication import PUBLICATION_ID
from starter.schedules import (
    DAILY_PUBLICATION_ID,
    DAILY_ROUND_ID,
    LICENSE_ROUND_ID,
    LMS_POLLING_ID,
    RECONCILIATION_ID,
)
from starter.seasons import make_season_id
from starter.stack.embedded import build_children, run_stack
from starter.stack.plan import Plan
from starter.stack.processes import Child
from tests.support import documents
from tests.support.evidence import pdf
from tests.support.kept import Kept
from tests.support.marketplace import Marketplace
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of
from tests.support.world import Document, World
from workflows import messages as names
from workflows.reconciliation import REPORT_REQUESTS_ID

NEWEST = Path(__file__).parent / "newest"
BEWELLNM, FFM = "bewellnm", "ffm"
TASK_QUEUE = "certification"
GROWN, GROWN_IN_FFM = 30, 45
SKIPPING = "frontend.WorkflowTimeSkippingEnabled=true"
MACHINE = re.compile(r"\d+@")
Life = Callable[[World], Awaitable[Document]]
FederalLife = Callable[[Marketplace], Awaitable[Document]]


async def broker_to_active(world: World) -> Document:
    return await world.active(documents.broker())


async def counselor_to_active(world: World) -> Document:
    return await world.active(documents.counselor())


async def counselor_checked_anew(world: World) -> Document:
    """The vendor cancels the check, and staff have it ordered anew (E8)."""
    request = documents.counselor()
    vendor = f"{world.stack['sandbox']['background_checks']}/outcomes"
    (await world.http.post(vendor, json={"email": request["email"], "result": "canceled"})).raise_for_status()
    opened = await world.opened(request)
    await world.until(opened, lambda status: status["flag"] == "check_stopped")
    (await world.http.post(vendor, json={"email": request["email"], "result": "clear"})).raise_for_status()
    assert (await world.command(opened, "check/reorder", reason="asked for it")).status_code == 200
    await world.approved(opened)
    return opened


async def broker_checked_again(world: World) -> Document:
    """Staff have the licence looked up again before they decide (A13)."""
    opened = await world.opened(documents.broker())
    await world.until(opened, "awaiting_decision")
    assert (await world.command(opened, "check/repeat", reason="a sample reason")).status_code == 200
    async with asyncio.timeout(PATIENCE):
        while (await world.history(opened)).count("screened") < 2:
            await asyncio.sleep(0.1)
    await world.approved(opened)
    await world.until(opened, "invited")
    return opened


async def denied_after_an_answer(world: World) -> Document:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "ask")
    link = await world.own_page(opened, request["email"])
    answer = {"message": "A sample answer", "changes": {"phone": "505-555-0199"}}
    told = await world.http.post(f"{link}/information", json=answer)
    assert told.is_success, told.text
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "deny")
    await world.until(opened, "denied")
    return opened


async def asked_by_mistake(world: World) -> Document:
    """The question is taken back, and another one asked, which is answered."""
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "ask")
    assert (await world.command(opened, "question/take-back", reason="a sample reason")).status_code == 200
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "ask")
    async with httpx2.AsyncClient(timeout=PATIENCE) as browser:  # of another life a code is asked for meanwhile
        link = await world.own_page(opened, request["email"], browser)
        (await browser.post(f"{link}/information", json={"message": "A sample answer"})).raise_for_status()
    await world.until(opened, "awaiting_decision")
    await world.decide(opened, "deny")
    await world.until(opened, "denied")
    return opened


async def returning_broker(world: World) -> Document:
    request = documents.broker()
    await world.know(documents.producer(request))
    (assister_id,) = await world.all_imported([documents.earlier(request, 2023)])
    opened = await world.begun(assister_id, 2024)
    await world.approved(opened, override="the agreement was signed on paper")
    await world.reported(opened, "started", "course", "0.9")
    await world.until(opened, "active")
    return opened


async def returning_broker_who_proves_later(world: World) -> Document:
    """The account of before waits until staff have seen whose the NPN is, since the registry has no address for it."""
    request = documents.broker()
    await world.know(documents.producer(request, contact_email=None))
    (assister_id,) = await world.all_imported([documents.earlier(request, 2023)])
    opened = await world.begun(assister_id, 2024)
    await world.approved(opened, override="the agreement was signed on paper")
    await world.until(opened, lambda status: status["waiting_for"] == "npn_proof")
    await world.prove(opened)
    await world.reported(opened, "started", "course", "0.9")
    await world.until(opened, "active")
    return opened


async def withdrawn_in_training(world: World) -> Document:
    opened = await world.opened(documents.agent())
    await world.approved(opened)
    await world.reported(opened, "account", "profile")
    await world.command(opened, "withdraw", reason="a sample reason")
    return opened


async def broker_whose_third_parties_fail_once(world: World) -> Document:
    """Each effect is tried at once, fails, and becomes an activity of its own."""
    await world.control("registry", mode="down", times=1)
    opened = await world.opened(documents.broker())
    await world.until(opened, "awaiting_decision")
    await world.control("lms", mode="down", times=1)
    await world.control("mailbox", mode="down", times=1)
    await world.approved(opened)
    await world.reported(opened, "account", "profile", "started", "course", "0.9")
    await world.until(opened, lambda status: status["certificate"])
    return opened


async def revoked_counselor(world: World) -> Document:
    opened = await world.active(documents.counselor())
    await world.command(opened, "revoke", reason="a sample reason")
    return opened


async def suspended_counselor(world: World) -> Document:
    """Suspended and restored, given notice of a termination, and terminated at once in the end."""
    opened = await world.active(documents.counselor())
    for path, body in (
        ("suspend", {}),
        ("lift", {}),
        ("terminate", {}),
        ("lift", {"termination": True}),
        ("suspend", {"kind": "system"}),
        ("terminate", {"at_once": True}),
    ):
        assert (await world.command(opened, path, reason="a sample reason", **body)).status_code == 200
    await world.until(opened, "terminated")
    return opened


async def corrected_counselor(world: World) -> Document:
    """Helping, with a name that is corrected: account, certificate and notice follow, and the journey stands."""
    opened = await world.active(documents.counselor())
    name = {"first_name": "Corregida", "last_name": "Muestra", "method": "paper", "document": "a sample card"}
    answer = await world.command(opened, "correct", reason="a sample reason", **name)
    assert answer.status_code == 200, answer.text
    await until_noticed(world, opened, "certificate_corrected")
    return opened


async def until_noticed(world: World, opened: Document, notice: str) -> None:
    """Waits until this notice is recorded as sent."""
    async with asyncio.timeout(PATIENCE):
        while f"notice.{notice}" not in await world.history(opened):
            await asyncio.sleep(0.1)


# of the federal program; its lists are read at the noons of business days, which are skipped to


async def federal_agent_returns(market: Marketplace) -> Document:
    """Enrolled in the MLMS's short course at once, without a form, and active in the end."""
    request = documents.registration()
    await market.know(documents.individual(request))
    (assister_id,) = await market.all_imported([documents.registered(request, 2023)])
    path = f"/api/assisters/{assister_id}/cases"
    begun = await market.http.post(market.web + path, json={"program": FFM, "plan_year": 2024}, headers=market.staff)
    assert begun.status_code == 201, begun.text
    opened: Document = begun.json()
    await market.done(opened, "profile", {name: request[name] for name in ("business_contact", "professional_contact")})
    await market.done(opened, "profile/next")
    await market.trained(opened, "individual_returning")
    await market.agreed(opened, "individual")
    await published(market, opened)
    await market.until(opened, "active")
    return opened


async def federal_broker_of_two_markets(market: Marketplace) -> Document:
    """Trained at a vendor, with a registry that was silent at first."""
    request = documents.registration(markets=["individual", "shop"], language="es")
    opened = await market.opened(request)
    await market.control("registry", mode="down", times=1)
    await market.done(opened, "profile", {})
    await market.done(opened, "profile/next")
    await market.until(opened, lambda status: status["profile"]["npn"] == "verified")
    for name in request["markets"]:
        await market.completed(opened, name, "vendor-a")
    await published(market, opened)
    await market.until(opened, "active")
    return opened


async def federal_agent_missing_in_the_rcl(market: Marketplace) -> Document:
    """Late in the list, and asked about."""
    request = documents.registration()
    alteration = {"list": "rcl", "npn": request["npn"], "how": "omit"}
    omitted = await market.http.post(f"{market.stack['sandbox']['lists']}/alterations", json=alteration)
    assert omitted.is_success, omitted.text
    opened = await market.certified(request)
    await published(market, opened, timedelta(days=8))
    await market.until(opened, lambda status: status["publication"]["help_desk_told_at"])
    return opened


async def federal_agent_withdraws(market: Marketplace) -> Document:
    opened = await market.profiled(documents.registration())
    await market.enroll(opened, "individual_full")
    await market.command(opened, "withdraw", reason="a sample reason")
    await market.until(opened, "withdrawn")
    return opened


async def federal_agent_suspended(market: Marketplace) -> Document:
    """Suspended for a term, which ends by itself, and terminated after a notice."""
    opened = await market.certified(documents.registration())
    assert (await market.command(opened, "suspend", reason="a sample reason")).status_code == 200
    await skipped(opened, market, timedelta(days=92))
    await market.until(opened, lambda status: status["stage"] != "suspended")
    assert (await market.command(opened, "terminate", reason="a sample reason")).status_code == 200
    await skipped(opened, market, timedelta(days=32))
    await market.until(opened, "terminated")
    return opened


async def federal_corrected_agent(market: Marketplace) -> Document:
    """Certified, with a name that is corrected: a new certificate, its notice and other lists follow."""
    opened = await market.certified(documents.registration())
    name = {"first_name": "Corregida", "last_name": "Muestra", "method": "paper", "document": "a sample card"}
    answer = await market.command(opened, "correct", reason="a sample reason", **name)
    assert answer.status_code == 200, answer.text
    await until_noticed(market, opened, "certificate_corrected")
    await published(market, opened)
    await market.until(opened, "active")
    return opened


async def skipped(opened: Document, market: Marketplace, later: timedelta) -> None:
    client = await client_of(market.stack)
    await TimeSkipper(client).fast_forward(client.get_workflow_handle(opened["workflow_id"]), later)


async def published(market: Marketplace, opened: Document, later: timedelta = timedelta(days=4)) -> None:
    """The lists are published, and read on the next business days."""
    await market.until(opened, lambda status: status["publication"]["lists"])
    await market.publish()
    await skipped(opened, market, later)


LIVES: Sequence[Life] = (
    broker_to_active,
    counselor_to_active,
    denied_after_an_answer,
    asked_by_mistake,
    returning_broker,
    returning_broker_who_proves_later,
    withdrawn_in_training,
    revoked_counselor,
    counselor_checked_anew,
    broker_checked_again,
    suspended_counselor,
    corrected_counselor,
)
# After them, alone: its stand-ins are down for whoever asks.
FAILING = broker_whose_third_parties_fail_once
# One after the other: what one of them has the stand-ins do is not for the others.
FEDERAL_LIVES: Sequence[FederalLife] = (
    federal_agent_returns,
    federal_broker_of_two_markets,
    federal_agent_missing_in_the_rcl,
    federal_agent_withdraws,
    federal_agent_suspended,
    federal_corrected_agent,
)


def told(*settings: str) -> Callable[[Plan], Sequence[Child]]:
    """The stack with a server that is told something besides."""
    more = [part for setting in settings for part in ("--dynamic-config-value", setting)]

    def table(plan: Plan) -> Sequence[Child]:
        return [
            replace(child, argv=(*child.argv, *more)) if child.name == "temporal" else child
            for child in build_children(plan)
        ]

    return table


def renewed_at(events: int) -> str:
    """A server that suggests continue-as-new soon."""
    return f"limit.historyCount.suggestContinueAsNew={events}"


@asynccontextmanager
async def worlds(**options: Any) -> AsyncIterator[tuple[World, Client]]:
    """A stack of its own, driven from outside."""
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        async with run_stack(Path(folder), **options) as stack, httpx2.AsyncClient(timeout=PATIENCE) as http:
            yield World(stack, http), await client_of(stack)


async def runs(client: Client, opened: Document) -> list[WorkflowHistory]:
    """The histories of a case's runs, the first one first, once it is quiet."""
    await asyncio.sleep(1)
    found, run_id = [], None
    while run_id != "":
        history = await client.get_workflow_handle(opened["workflow_id"], run_id=run_id).fetch_history()
        found.append(history)
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return found[::-1]


async def renewed_runs(client: Client, opened: Document) -> list[WorkflowHistory]:
    """The same of a case that has continued as new. Raises AssertionError where its server should suggest it sooner."""
    found = await runs(client, opened)
    assert len(found) > 1
    return found


async def triggered(client: Client, schedule_id: str) -> WorkflowHistory:
    """The history of a workflow that its schedule starts."""
    handle = client.get_schedule_handle(schedule_id)
    await handle.trigger()
    while not (actions := (await handle.describe()).info.recent_actions):
        await asyncio.sleep(0.1)
    started = actions[0].action
    workflow = client.get_workflow_handle(started.workflow_id, run_id=started.first_execution_run_id)  # type: ignore[attr-defined]
    await workflow.result()
    return await workflow.fetch_history()


async def polled(client: Client, task_queue: str) -> WorkflowHistory:
    """The history of a round that asks an LMS; this stack has none that is asked, so that there is no schedule."""
    workflow = await client.start_workflow(names.LMS_POLLING, id=LMS_POLLING_ID, task_queue=task_queue)
    await workflow.result()
    return await workflow.fetch_history()


async def after_restore(client: Client) -> tuple[WorkflowHistory, WorkflowHistory]:
    """A reconciliation that isn't the schedule's takes the stores for restored; and the asking that it begins."""
    queue = Settings.model_fields["task_queue"].default
    reconciling = await client.start_workflow(names.RECONCILIATION, id="after-restore", task_queue=queue)
    await reconciling.result()
    asking = client.get_workflow_handle(REPORT_REQUESTS_ID)
    await asking.result()
    return await reconciling.fetch_history(), await asking.fetch_history()


async def season_of(world: World, client: Client, program: str, earlier: Document, *changes: str) -> WorkflowHistory:
    """A season that is changed so before it could open anybody; what it opens is held until then."""
    await world.imported(earlier)
    kept = Kept(Path(world.stack["data"]) / "app.sqlite")
    kept.change("CREATE TRIGGER held BEFORE INSERT ON season_entry BEGIN SELECT RAISE(ABORT, 'held'); END")
    address = f"{world.web}/api/seasons/{program}/2027"
    for change in ("open", *changes):
        answer = await world.http.post(f"{address}/{change}", headers=world.staff)
        assert answer.is_success, answer.text
    kept.change("DROP TRIGGER held")
    handle = client.get_workflow_handle(make_season_id(program, 2027))
    await handle.result()
    return await handle.fetch_history()


async def record_seasons(world: World, client: Client) -> dict[str, str]:
    """One that is paused, resumed and gone through, and one that is cancelled."""
    broker, federal = documents.earlier(documents.broker(), 2026), documents.registered(documents.registration(), 2026)
    finished = await season_of(world, client, BEWELLNM, broker, "pause", "resume")
    cancelled = await season_of(world, client, FFM, federal, "cancel")
    return {"season": written(finished), "season_cancelled": written(cancelled)}


async def appeal_by_certify(world: World, opened: Document, act: str, *options: str, by: str = "rita") -> None:
    """Does something about an appeal by the command line, as somebody: the API has one token of staff."""
    call = ["appeal", opened["case_id"], act, "--reason", "a sample reason", "--as", by, *options, "--json"]
    environment = {**os.environ, **world.stack["settings"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "starter.cli.certify", *call, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0, call


async def appealed(world: World, client: Client, opened: Document, *outcomes: str) -> WorkflowHistory:
    """An appeal with a file of evidence, decided so in each of its phases, by somebody else each time."""
    await appeal_by_certify(world, opened, "file", "--grounds", "a mistake", "--method", "letter")
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        Path(file.name).write_bytes(pdf())
        await appeal_by_certify(world, opened, "evidence", "--file", file.name)
    for number, outcome in enumerate(outcomes):
        await appeal_by_certify(world, opened, "decide", "--outcome", outcome, by=f"appeals-{number}")
    handle = client.get_workflow_handle(make_appeal_workflow_id(opened["case_id"], 1))
    await handle.result()
    return await handle.fetch_history()


async def record_appeals(world: World, client: Client) -> dict[str, str]:
    """One that is upheld in both phases; and one that is reversed, with the case that it opens again."""
    denied = await denied_after_an_answer(world)
    upheld = await appealed(world, client, denied, "upheld", "upheld")
    revoked = await revoked_counselor(world)
    await world.until(revoked, "revoked")
    reversed_one = await appealed(world, client, revoked, "reversed")
    await world.until(revoked, "active")
    (reopened,) = await runs(client, revoked)
    return {
        "appeal_upheld": written(upheld),
        "appeal_reversed": written(reversed_one),
        "reopened_counselor": written(reopened),
    }


async def record_adverse_actions(world: World, client: Client) -> dict[str, str]:
    """Two counselors are denied by a report; of each both workflows."""
    disputed, late = await noticed_and_disputed(world), await noticed_when_sent_again(world)
    found: dict[str, str] = {}
    for name, opened in (("adverse_action", disputed), ("adverse_action_noticed_late", late)):
        action = client.get_workflow_handle(make_adverse_action_workflow_id(opened["case_id"], 1))
        await TimeSkipper(client).fast_forward(action, timedelta(days=16))
        await world.until(opened, lambda status: status["adverse_action"]["status"] == "decidable")
        assert (await world.decide(opened, "deny")).status_code == 200
        await action.result()
        (only,) = await runs(client, opened)
        whose = name.replace("adverse_action", "counselor_denied_by_a_report")
        found |= {name: written(await action.fetch_history()), whose: written(only)}
    return found


async def record_appealed_suspension(world: World, client: Client) -> dict[str, str]:
    """A suspension that waits for its appeal and is upheld, then one that is reversed; with the case's own workflow."""
    opened = await world.active(documents.counselor())
    assert (await world.command(opened, "suspend", reason="a sample reason")).status_code == 200
    await world.until(opened, "suspended")
    upheld = await appealed(world, client, opened, "upheld", "upheld")
    await world.until(opened, "suspended")
    assert (await world.command(opened, "lift", reason="a sample reason")).status_code == 200
    assert (await world.command(opened, "suspend", reason="a sample reason", kind="system")).status_code == 200
    await world.until(opened, "suspended")
    await appeal_by_certify(world, opened, "file", "--grounds", "a mistake", "--method", "letter")
    await appeal_by_certify(world, opened, "decide", "--outcome", "reversed", by="appeals-2")
    await world.until(opened, "active")
    assert (await world.command(opened, "terminate", reason="a sample reason", at_once=True)).status_code == 200
    await world.until(opened, "terminated")
    (only,) = await runs(client, opened)
    return {"appeal_of_suspension": written(upheld), "suspended_counselor_appeals": written(only)}


async def reported_adversely(world: World) -> Document:
    request = documents.counselor()
    vendor = f"{world.stack['sandbox']['background_checks']}/outcomes"
    (await world.http.post(vendor, json={"email": request["email"], "result": "consider"})).raise_for_status()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    return opened


async def noticed_and_disputed(world: World) -> Document:
    """After notice and a dispute, in the days that were left."""
    opened = await reported_adversely(world)
    assert (await world.command(opened, "check/adverse", reason="a sample reason")).status_code == 200
    await world.until(opened, lambda status: status["adverse_action"]["last_day"])
    disputed = await world.command(opened, "check/dispute", reason="a sample reason", method="paper")
    assert disputed.status_code == 200, disputed.text
    assert (await world.command(opened, "check/dispute/end", reason="a sample reason")).status_code == 200
    await world.until(opened, lambda status: status["adverse_action"]["status"] == "waiting")
    return opened


async def noticed_when_sent_again(world: World) -> Document:
    """The mail server refuses the notice; staff have it sent again, and its days begin."""
    opened = await reported_adversely(world)
    await world.control("mailbox", mode="error", status=550)
    assert (await world.command(opened, "check/adverse", reason="a sample reason")).status_code == 200
    await world.until(opened, lambda status: status["flag"] == "mail_refused")
    await world.control("mailbox", mode="ok")
    sent = await world.command(opened, "resend", notice="adverse_action_begun", reason="a sample reason")
    assert sent.status_code == 200, sent.text
    await world.until(opened, lambda status: status["adverse_action"]["status"] == "waiting")
    return opened


@contextmanager
def deadline_of_twenty_days() -> Iterator[None]:
    """The policies shipped, with a training deadline in those of 2024, for stacks that are started meanwhile."""
    setting = "CERTIFY_POLICIES"
    with tempfile.TemporaryDirectory(prefix="policies-") as folder:
        policies = Path(shutil.copytree(SHIPPED, Path(folder) / "policies"))
        rules = policies / BEWELLNM / "2024.toml"
        rules.write_text(rules.read_text("utf-8") + "\n[training_deadline]\ndays = 20\n", "utf-8")
        os.environ[setting] = str(policies)
        try:
            yield
        finally:
            del os.environ[setting]


async def record_lapse(world: World, client: Client) -> dict[str, str]:
    """A broker is told ahead, lapses, and is reactivated a year later; another one is closed in the end (E14)."""
    found = {}
    for name, days in (("lapsed_broker_reactivated", 365), ("lapsed_broker_closed", 740)):
        opened = await world.opened(documents.broker())
        await world.approved(opened)
        await world.reported(opened, "account", "profile", "started")
        await world.until(opened, "in_training")
        skipper, handle = TimeSkipper(client), client.get_workflow_handle(opened["workflow_id"])
        await skipper.fast_forward(handle, timedelta(days=23))
        await world.until(opened, "lapsed")
        await skipper.fast_forward(handle, timedelta(days=days))
        if name == "lapsed_broker_reactivated":
            await world.reported(opened, "course", "0.9")
            await until_noticed(world, opened, "training_reactivated")
            await world.until(opened, lambda status: status["certificate"])
        else:
            await until_noticed(world, opened, "closed")
        (only,) = await runs(client, opened)
        found[name] = written(only)
    return found


def written(history: WorkflowHistory) -> str:
    """A history as JSON, an event on each line, without the name of the machine and its folders."""
    events = [json.dumps(_anonymous(event), ensure_ascii=False) for event in history.to_json_dict()["events"]]
    return '{"events": [\n' + ",\n".join(events) + "\n]}\n"


def _anonymous(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _anonymous(item) for key, item in value.items() if key != "stackTrace"}
    if isinstance(value, list):
        return [_anonymous(item) for item in value]
    return "recorded" if isinstance(value, str) and MACHINE.match(value) else value


async def of_bewellnm() -> dict[str, str]:
    """Takes every life of the state program to its end; its histories by name."""
    found = {}
    async with worlds() as (world, client):
        for opened, life in zip(await asyncio.gather(*(life(world) for life in LIVES)), LIVES, strict=True):
            (only,) = await runs(client, opened)
            found[life.__name__] = written(only)
        (only,) = await runs(client, await FAILING(world))
        found[FAILING.__name__] = written(only)
        found["daily_round"] = written(await triggered(client, DAILY_ROUND_ID))
        found["reconciliation"] = written(await triggered(client, RECONCILIATION_ID))
        found["license_round"] = written(await triggered(client, LICENSE_ROUND_ID))
        found["lms_polling"] = written(await polled(client, TASK_QUEUE))
        reconciled, asked = await after_restore(client)
        found["reconciliation_after_restore"], found["report_requests"] = written(reconciled), written(asked)
        found |= await record_seasons(world, client)
        found |= await record_appeals(world, client)
        found |= await record_appealed_suspension(world, client)
    async with worlds(build=told(SKIPPING)) as (world, client):
        found |= await record_adverse_actions(world, client)
    with deadline_of_twenty_days():
        async with worlds(build=told(SKIPPING)) as (world, client):
            found |= await record_lapse(world, client)
    async with worlds(build=told(renewed_at(GROWN))) as (world, client):
        for number, history in enumerate(await renewed_runs(client, await broker_to_active(world)), 1):
            found[f"renewed_broker_run_{number}"] = written(history)
    return found


async def of_ffm() -> dict[str, str]:
    """Takes every life of the federal program to its end; its histories by name."""
    found = {}
    async with worlds(build=told(SKIPPING)) as (world, client):
        for life in FEDERAL_LIVES:
            (only,) = await runs(client, await life(Marketplace(world.stack, world.http)))
            found[life.__name__] = written(only)
        found["federal_publication"] = written(await client.get_workflow_handle(PUBLICATION_ID).fetch_history())
        found["federal_publication_by_schedule"] = written(await triggered(client, DAILY_PUBLICATION_ID))
    async with worlds(build=told(SKIPPING, renewed_at(GROWN_IN_FFM))) as (world, client):
        opened = await federal_agent_returns(Marketplace(world.stack, world.http))
        for number, history in enumerate(await renewed_runs(client, opened), 1):
            found[f"federal_renewed_agent_run_{number}"] = written(history)
    return found


def files_of(program: str) -> list[Path]:
    """The histories of a program that are there."""
    return [file for file in sorted(NEWEST.glob("*.json")) if file.name.startswith("federal_") == (program == FFM)]


RECORDED = {BEWELLNM: of_bewellnm, FFM: of_ffm}


if __name__ == "__main__":
    load_policies(trying=True)
    for program in sys.argv[1:] or RECORDED:
        histories = asyncio.run(RECORDED[program]())
        NEWEST.mkdir(exist_ok=True)
        for file in files_of(program):
            file.unlink()
        for name, text in histories.items():
            (NEWEST / f"{name}.json").write_text(text, "utf-8")
    os._exit(0)
