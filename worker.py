"""The Temporal worker: builds the adapters, hands them to the activities, registers; no logic."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import structlog
import uvloop
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    Interceptor,
    PatchActivationInput,
    PollerBehaviorAutoscaling,
    Worker,
    WorkerDeploymentConfig,
)
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.adverse_actions import AdverseActionsActivities
from activities.appeals import AppealsActivities
from activities.background import BackgroundActivities
from activities.certificates import CertificatesActivities
from activities.interceptors.failures import CodedFailures
from activities.interceptors.outages import KnownOutages, ThirdPartyHealth
from activities.interceptors.stuck_flags import StuckFlags
from activities.license_rounds import LicenseRoundsActivities
from activities.licensing import LicensingActivities
from activities.listing_check import ListingCheckActivities
from activities.lms_polling import LmsPollingActivities
from activities.mlms import MlmsActivities
from activities.notices import NoticesActivities
from activities.portal import PortalActivities
from activities.profiles import ProfilesActivities
from activities.publications import PublicationsActivities
from activities.reconciliation import ReconciliationsActivities
from activities.records import RecordsActivities
from activities.seasons import SeasonsActivities
from activities.training import TrainingActivities
from adapters import http
from adapters.absorb import AbsorbClient
from adapters.background_checks import BackgroundCheckClient
from adapters.certificate_signer import CertificateSigner
from adapters.holidays import list_days_off
from adapters.lists import FederalListReader
from adapters.lms import LmsClient
from adapters.mail import Mailer
from adapters.mlms import MlmsClient
from adapters.portal import PortalClient
from adapters.registry import RegistryClient
from adapters.registry_alerts import RegistryAlertsClient
from db.engine import Database
from domain.shared.documents.bounces import ReturnAddresses
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.shared.senders import Sender
from domain.shared.traces import locate_error
from settings import Settings
from starter.background import run_background
from starter.calls import keep_recording
from starter.client import connect_client
from starter.composition import build_absorb_sender, build_case_services
from starter.doctor import load_safe_settings
from starter.letters import LetterSender
from starter.lookups import RegistryLookups
from starter.mail_route import keep_adopting
from starter.memory import spare_loaded_objects
from starter.replay import verify_histories
from starter.schedules import keep_schedules
from starter.workflow_directory import WorkflowDirectory
from starter.workflow_runner import CaseWorkflowRunner
from templates.letters import NoticeRenderer
from workflows.adverse_action import AdverseActionFollowing
from workflows.appeal import AppealFollowing
from workflows.certification import AssisterCertification
from workflows.daily_reminders import DailyReminders
from workflows.license_round import LicenseRound
from workflows.lms_polling import LmsPollingRound
from workflows.patches import REMOVABLE_ON
from workflows.publication import DailyPublication
from workflows.reconciliation import Reconciliation
from workflows.registration import MarketplaceRegistration
from workflows.report_requests import ReportRequests
from workflows.season import SeasonOpening

log = structlog.get_logger(__name__)

HERE = Path(__file__).parent
HISTORIES = HERE / "tests" / "histories"
WORKFLOWS = [
    AssisterCertification,
    MarketplaceRegistration,
    DailyReminders,
    DailyPublication,
    Reconciliation,
    LmsPollingRound,
    ReportRequests,
    SeasonOpening,
    AppealFollowing,
    AdverseActionFollowing,
    LicenseRound,
]
# A letter, and an effect of two calls, have to fit into an activity's ten seconds (workflows/options.py).
MAIL_SECONDS = 8.0
HTTP_SECONDS = 4.5
GRACEFUL = timedelta(seconds=5)
# So many workflow tasks side by side, each with its local attempts. With the SDK's hundred, under more load than the
# machine can bear, all became so slow together that attempts were cut off and made again as activities of their own. A
# case's next task waits for this worker for the SDK's ten seconds, then in everybody's queue, behind the cases that
# are still to be begun: after two seconds, as it was, some took three minutes, and with eight at a time some still do.
WORKFLOW_TASKS_AT_ONCE = 16
# Imported once instead of once a case, which took a third of a case's time. What the sandbox would refuse in them, the
# replays of `make verify` and of the tests find out: they run without this.
OURS_PASS_THROUGH = SandboxRestrictions.default.with_passthrough_modules("activities", "domain", "workflows")


def build_mailer(settings: Settings) -> Mailer:
    """The way to the mail server."""
    return Mailer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_user,
        settings.smtp_password.get_secret_value() if settings.smtp_password else None,
        settings.smtp_starttls,
        settings.mail_from,
        timeout=MAIL_SECONDS,
        returns=ReturnAddresses(settings.bounce_address, settings.identity_key_bytes)
        if settings.bounce_address
        else None,
    )


def build_letter_sender(settings: Settings, database: Database) -> LetterSender:
    """What sends the letters that are about no case."""
    letters = NoticeRenderer(HERE / "templates" / "notices")
    return LetterSender(database, build_mailer(settings), letters, settings.identity_key_bytes, settings.web_url)


def build_registry(settings: Settings, client: httpx2.AsyncClient) -> RegistryClient:
    """The licence registry."""
    return RegistryClient(
        client, settings.registry_url, settings.registry_user, settings.registry_password.get_secret_value()
    )


def build_registry_alerts(settings: Settings, client: httpx2.AsyncClient) -> RegistryAlertsClient | None:
    """The licence registry's alerts, where there are any."""
    if not settings.registry_alerts_url:
        return None
    password = settings.registry_password.get_secret_value()
    return RegistryAlertsClient(
        client, settings.registry_alerts_url, settings.registry_user, password, settings.mail_from
    )


def build_activities(
    settings: Settings, database: Database, client: httpx2.AsyncClient, temporal: Client, signer: CertificateSigner
) -> list[object]:
    """One object per outside concern, each with what it needs handed in."""
    registry = build_registry(settings, client)
    vendor = BackgroundCheckClient(
        client,
        settings.background_checks_url,
        settings.background_checks_api_key.get_secret_value(),
        settings.background_checks_package,
    )
    mailer = build_mailer(settings)
    letters = NoticeRenderer(HERE / "templates" / "notices")
    lists = FederalListReader(client, settings.published_lists, settings.certificates_dir)
    lms = LmsClient(client, settings.lms_url, settings.lms_token.get_secret_value())
    mlms = MlmsClient(client, settings.mlms_url, settings.mlms_token.get_secret_value())
    absorb, absorb_sender = build_absorb(settings, client)
    portal = PortalClient(client, settings.portal_url, settings.portal_token.get_secret_value())
    directory = WorkflowDirectory(temporal, settings.task_queue, settings.web_url)
    return [
        RecordsActivities(database, settings.identity_key_bytes),
        LicensingActivities(registry, database, settings.identity_key_bytes),
        BackgroundActivities(vendor, database, settings.identity_key_bytes),
        TrainingActivities(lms, database),
        CertificatesActivities(signer, database, settings.certificates_dir, settings.web_url),
        PortalActivities(portal, database),
        NoticesActivities(
            mailer,
            letters,
            database,
            settings.certificates_dir,
            settings.web_url,
            settings.portal_url,
            settings.lms_url,
            settings.mlms_url,
            list_days_off,
        ),
        ProfilesActivities(registry, database, settings.identity_key_bytes),
        MlmsActivities(mlms, database),
        ListingCheckActivities(lists, database, mailer, letters, settings.published_lists),
        PublicationsActivities(database, list_days_off),
        AppealsActivities(database, list_days_off),
        AdverseActionsActivities(database, list_days_off),
        LmsPollingActivities(absorb, absorb_sender, database),
        SeasonsActivities(directory, database),
        LicenseRoundsActivities(registry, build_registry_alerts(settings, client), database),
        ReconciliationsActivities(
            directory,
            database,
            {
                STATE_PROGRAM: {"lms": lms, "background-checks": vendor, "portal": portal},
                FEDERAL_PROGRAM: {"lms": mlms},
            },
        ),
    ]


def build_signer(settings: Settings) -> CertificateSigner:
    """Who prints and signs certificates; the first print takes longer, unless it is prepared."""
    return CertificateSigner(settings.signing_key_file, settings.signing_cert_file)


def build_absorb(settings: Settings, client: httpx2.AsyncClient) -> tuple[AbsorbClient | None, Sender]:
    """The Absorb that is asked, if there is one, and the sender as which it reports."""
    known, sender = settings.absorb, build_absorb_sender(settings)
    if known is None:
        return None, sender
    secrets = known.api_key.get_secret_value(), known.password.get_secret_value()
    return AbsorbClient(client, known.url, secrets[0], known.user, secrets[1]), sender


def build_interceptors(database: Database) -> list[Interceptor]:
    """What is done around each activity, the outermost first: it sees failures as the others leave them."""
    return [CodedFailures(), StuckFlags(database), KnownOutages(ThirdPartyHealth())]


def list_activity_methods(objects: list[object]) -> list[Callable[..., Any]]:
    """The activity methods of these objects: what their contracts name."""
    return [
        getattr(one, name)
        for one in objects
        for contract in type(one).__bases__
        for name in sorted(getattr(contract, "__abstractmethods__", ()))
    ]


def build_deployment(settings: Settings) -> WorkerDeploymentConfig | None:
    """Which version of which deployment this worker is; None where workers have no versions.

    A case goes on with the current version at its next step, since it may be open for a year and must not need a worker
    of its first day until then; `patched()` keeps its order of steps (docs/decisions/0025).
    """
    if not settings.worker_deployment:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.worker_deployment, settings.worker_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def build_patch_gate(held: Sequence[str]) -> Callable[[PatchActivationInput], bool]:
    """Says which changes a run may begin: all but those held. Raises ValueError for one that isn't there to be held.

    A release of before can't read a run that has begun a change it doesn't know, so that a new change is held for as
    long as it may have to come back.
    """
    if unknown := sorted(set(held) - REMOVABLE_ON.keys()):
        raise ValueError(f"held_patches: there is no patch {', '.join(unknown)}")
    return lambda asked: asked.patch_id not in held


def build_worker(client: Client, settings: Settings, objects: list[object]) -> Worker:
    """The worker over these activities."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=list_activity_methods(objects),
        workflow_runner=CaseWorkflowRunner(OURS_PASS_THROUGH),
        deployment_config=build_deployment(settings),
        patch_activation_callback=build_patch_gate(settings.held_patches),
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS_AT_ONCE,
        graceful_shutdown_timeout=GRACEFUL,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


async def run_worker(settings: Settings) -> int:
    """Works until SIGTERM or SIGINT, then lets running activities finish for a while; 1 when background work failed."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        # By a connection of its own, which need not be there yet: drafts are purged while Temporal is down.
        services = build_case_services(settings, database, await connect_client(lazy=True))
        letters = build_letter_sender(settings, database)
        client = await stack.enter_async_context(http.open_client(HTTP_SECONDS))
        lookups = RegistryLookups(database, build_registry(settings, client))
        beside = [
            _run_beside(
                stack,
                stop,
                run_background(database, services.cases, letters, lookups, services.appeals, services.imports),
            )
        ]
        beside.append(_run_beside(stack, stop, keep_recording(database)))
        beside.append(_run_beside(stack, stop, keep_adopting(database)))
        temporal = await connect_client(build_interceptors(database), metrics_at=settings.worker_metrics)
        polls_lms = settings.absorb is not None
        beside.append(_run_beside(stack, stop, keep_schedules(temporal, settings.task_queue, polls_lms=polls_lms)))
        beside.append(_run_beside(stack, stop, services.seasons.keep_begun()))
        signer = build_signer(settings)
        # Before the worker: what is imported in a thread while another one is in the workflows' sandbox fails at times.
        await asyncio.to_thread(signer.prepare)
        activities = build_activities(settings, database, client, temporal, signer)
        await stack.enter_async_context(build_worker(temporal, settings, activities))
        spare_loaded_objects()
        if settings.ready_file:
            settings.ready_file.touch()
        log.info("worker ready", task_queue=settings.task_queue, build_id=settings.worker_build_id)
        await stop.wait()
        return 1 if any(task.done() and not task.cancelled() and task.exception() for task in beside) else 0


def _run_beside(stack: AsyncExitStack, stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Until the worker ends; a failure that nobody foresaw ends the worker, so that it is seen and started again."""
    task = asyncio.create_task(work)

    def look_at_end(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            log.error("background work failed", error=type(error).__name__, where=locate_error(error))
            stop.set()

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    task.add_done_callback(look_at_end)
    stack.push_async_callback(end)
    return task


def main(arguments: Sequence[str]) -> int:
    """Works; with ``verify [FOLDER]`` replays recorded histories instead, for which it needs no settings."""
    if arguments[:1] == ["verify"]:
        folder = Path(arguments[1]) if arguments[1:] else HISTORIES
        return verify_histories(folder, WORKFLOWS)
    return uvloop.run(run_worker(load_safe_settings()))


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    # The SDK's own threads may crash an interpreter that shuts down after its work has succeeded (sdk-python #300).
    os._exit(status)
