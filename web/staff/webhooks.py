"""Webhooks' events that were held, or kept aside as altered: what they are, and having one delivered all the same."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import col
from starlette.exceptions import HTTPException

from db.reads.pending import (
    find_altered_event,
    find_uncounted_report,
    list_given_up,
    read_altered_events,
    read_held_events,
    read_uncounted_reports,
)
from db.reads.queue import list_matching
from db.tables import Case, UncountedReport
from db.writes.recovery.deliveries import UnknownDelivery, retry_delivery
from db.writes.webhooks.releases import Release, UnknownEvent, release_event
from db.writes.webhooks.settlements import Settlement, settle_report
from db.writes.webhooks.uncounted import IMPORTED, REQUESTED
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault, Invalid, load_faults
from domain.shared.documents.fields import parse_uuid
from domain.shared.documents.texts import find_text_faults
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import build_query
from web.http.defence.file_access import list_readable
from web.http.forms import read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.problems import join_faults
from web.http.sentences import explain_notes, explain_reason
from web.services import Services
from web.staff.layout import StaffVisit, build_page_urls, require_visit

router = build_page_router(prefix="/staff/webhooks")

HOME = "/staff/webhooks"
AT_A_TIME = 25
MOST_GIVEN_UP = 100
MOST_SHOWN = 64 * 1024  # characters
WebhooksVisit = Annotated[StaffVisit, require_visit(Permission.READ_WEBHOOKS)]
DelivererVisit = Annotated[StaffVisit, require_visit(Permission.DELIVER)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

# What is said on top, by what stands in the address.
_DONE = {
    "delivered": N_("The event is delivered."),
    "retried": N_("It is tried again within some seconds."),
    "dismissed": N_("The report is dismissed."),
    "kept": N_("The event is taken. It is delivered as soon as its workflow can be reached."),
}


# What is kept aside besides reports of senders.
_SOURCES = {IMPORTED: "import", REQUESTED: "request"}


@dataclass(frozen=True)
class DeliveryAttempt:
    """A delivery that was asked for and refused: the event's number, the reason given for it, and what was wrong."""

    number: int | str
    reason: str
    faults: Sequence[Fault] = ()
    refused: str | None = None
    case_id: str = ""


@router.get("")
async def show_webhooks(visit: WebhooksVisit) -> Response:
    """What is held and what was kept aside, newest first, without the events' bodies."""
    try:
        return await _render_webhooks(visit)
    except Invalid:  # no place of these lists
        return RedirectResponse(HOME, 303, PRIVATE)


@router.get("/altered/{number}")
async def show_altered(visit: WebhooksVisit, number: Number) -> Response:
    """The body of an event kept aside; it may hold personal data, so that the access is recorded."""
    return await _render_altered(visit, number)


@router.post("/{number}/deliver")
async def deliver_held(visit: DelivererVisit, number: Number) -> Response:
    """Tells the workflow of a held event now."""
    reason = (await read_form(visit.request)).get("reason", "")
    if faults := find_text_faults("reason", reason):
        return await _render_webhooks(visit, DeliveryAttempt(number, reason, faults), 422)
    release = await _release_event(visit, number, "held", reason)
    if release.refused is None:
        return await _deliver_released(visit.services, release)
    refused = explain_reason(release.refused, visit.language)
    return await _render_webhooks(visit, DeliveryAttempt(number, reason, refused=refused), 409)


@router.post("/altered/{number}/deliver")
async def deliver_altered(visit: DelivererVisit, number: Number) -> Response:
    """Takes an altered event as a new one, by the rules of every other one, and tells the workflow."""
    reason = (await read_form(visit.request)).get("reason", "")
    if faults := find_text_faults("reason", reason):
        return await _render_altered(visit, number, DeliveryAttempt(number, reason, faults), 422)
    language = visit.language
    try:
        release = await _release_event(visit, number, "altered", reason)
    except Invalid as invalid:  # it doesn't fit its case
        refused = join_faults(invalid.faults, language)
    else:
        if release.refused is None:
            return await _deliver_released(visit.services, release)
        refused = explain_reason(release.refused, language)
    return await _render_altered(visit, number, DeliveryAttempt(number, reason, refused=refused), 409)


@router.get("/uncounted/{number}")
async def show_uncounted(visit: WebhooksVisit, number: Number) -> Response:
    """What a report says that can't be counted; it may hold personal data, so that the access is recorded."""
    return await _render_uncounted(visit, number)


@router.post("/uncounted/{number}/count")
async def count_uncounted(visit: DelivererVisit, number: Number) -> Response:
    """Counts a report, of the case that staff name where it names none."""
    form = await read_form(visit.request)
    reason, case_id = form.get("reason", ""), form.get("case_id", "").strip()
    faults = find_text_faults("reason", reason)
    named = None
    try:
        named = parse_uuid(case_id, "case_id") if case_id else None
    except Invalid as invalid:
        faults = [*faults, *invalid.faults]
    if faults:
        attempt = DeliveryAttempt(number, reason, faults, case_id=case_id)
        return await _render_uncounted(visit, number, attempt, 422)
    try:
        release = await _settle_report(visit, number, Settlement(True, visit.me.actor, reason, named))
    except Invalid as invalid:  # it still doesn't fit
        refused = join_faults(invalid.faults, visit.language)
    else:
        if release.refused is None:
            return await _deliver_released(visit.services, release)
        refused = explain_reason(release.refused, visit.language)
    attempt = DeliveryAttempt(number, reason, refused=refused, case_id=case_id)
    return await _render_uncounted(visit, number, attempt, 409)


@router.post("/uncounted/{number}/dismiss")
async def dismiss_uncounted(visit: DelivererVisit, number: Number) -> Response:
    """Settles a report that is not to be counted."""
    reason = (await read_form(visit.request)).get("reason", "")
    tried = f"dismiss-{number}"
    if faults := find_text_faults("reason", reason):
        return await _render_uncounted(visit, number, DeliveryAttempt(tried, reason, faults), 422)
    release = await _settle_report(visit, number, Settlement(False, visit.me.actor, reason))
    if release.refused is not None:
        refused = explain_reason(release.refused, visit.language)
        return await _render_uncounted(visit, number, DeliveryAttempt(tried, reason, refused=refused), 409)
    visit.services.numbers.forget()
    return RedirectResponse(HOME + build_query(done="dismissed"), 303, PRIVATE)


@router.post("/given-up")
async def retry_given_up(visit: DelivererVisit, kind: str, item: str) -> Response:
    """Has something delivered again that was given up."""
    reason = (await read_form(visit.request)).get("reason", "")
    if faults := find_text_faults("reason", reason):
        return await _render_webhooks(visit, DeliveryAttempt(f"{kind}-{item}", reason, faults), 422)
    try:
        await visit.services.database.write(retry_delivery, kind, item, visit.me.actor, reason, now())
    except UnknownDelivery:
        raise _build_not_found() from None
    visit.services.numbers.forget()
    return RedirectResponse(HOME + build_query(done="retried"), 303, PRIVATE)


async def _release_event(visit: StaffVisit, number: int, kind: str, reason: str) -> Release:
    try:
        senders = visit.services.senders.senders
        return await visit.services.database.write(release_event, number, kind, visit.me.actor, reason, senders, now())
    except UnknownEvent:
        raise _build_not_found() from None


async def _settle_report(visit: StaffVisit, number: int, settlement: Settlement) -> Release:
    senders = visit.services.senders.senders
    try:
        return await visit.services.database.write(settle_report, number, settlement, senders, now())
    except UnknownEvent:
        raise _build_not_found() from None


async def _deliver_released(services: Services, release: Release) -> Response:
    delivered = await services.cases.deliver_events(release.to_deliver)
    services.numbers.forget()
    return RedirectResponse(HOME + build_query(done="delivered" if delivered else "kept"), 303, PRIVATE)


async def _render_webhooks(
    visit: StaffVisit, attempt: DeliveryAttempt | None = None, status: int = 200
) -> HTMLResponse:
    """The lists; raises `Invalid` for a place that is none of theirs."""
    language, asked, database = visit.language, visit.request.query_params, visit.services.database
    held = await database.read(read_held_events, asked.get("held") or None, AT_A_TIME)
    aside = await database.read(read_altered_events, asked.get("altered") or None, AT_A_TIME)
    uncounted = await database.read(read_uncounted_reports, asked.get("uncounted") or None, AT_A_TIME)
    given_up = await database.read(list_given_up, MOST_GIVEN_UP)
    done = _DONE.get(asked.get("done", ""))
    about = (
        [one.case_id for one in held.rows],
        [one.case_id for one in aside.rows],
        [one.case_id for one in uncounted.rows],
        [one.case_id for one in given_up],
    )
    case_ids = {one for ids in about for one in ids if one}
    return visit.render_page(
        "staff/webhooks.html",
        here=HOME + build_query(**{name: asked.get(name) for name in ("held", "altered", "uncounted")}),
        status=status,
        held=held.rows,
        notes=explain_notes(held.rows, language),
        aside=aside.rows,
        uncounted=[(one, _explain_faults(one, language)) for one in uncounted.rows],
        given_up=given_up,
        people=await _find_people(visit, case_ids),
        ways=_build_ways(asked, held=held, altered=aside, uncounted=uncounted),
        done=translate(done, language) if done else None,
        **_describe_attempt(attempt, language),
    )


async def _find_people(visit: StaffVisit, case_ids: Collection[str]) -> dict[str, str]:
    """Whose cases these are, by name, as far as the reader may see their files; that they see it is recorded."""
    readable = await list_readable(visit.services, visit.me, case_ids)
    if not readable:
        return {}
    is_shown = col(Case.case_id).in_(readable)
    cases = await visit.services.database.read(list_matching, is_shown, limit=len(readable))
    await visit.record_access("webhooks", [one.case_id for one in cases])
    return {one.case_id: f"{one.first_name} {one.last_name}" for one in cases}


def _build_ways(asked: Any, **pages: Any) -> dict[str, dict[str, str | None]]:
    """The pages around each list, the other one left where it is."""

    def url(name: str, cursor: str | None) -> str:
        return HOME + build_query(**{one: cursor if one == name else asked.get(one) for one in pages})

    return {name: build_page_urls(page, partial(url, name)) for name, page in pages.items()}


async def _render_altered(
    visit: StaffVisit, number: int, attempt: DeliveryAttempt | None = None, status: int = 200
) -> HTMLResponse:
    event = await visit.services.database.read(find_altered_event, number)
    if event is None:
        raise _build_not_found()
    await visit.record_access("webhook", [event.case_id])
    return visit.render_page(
        "staff/altered.html",
        here=f"{HOME}/altered/{number}",
        status=status,
        event=event,
        text=event.body[:MOST_SHOWN],
        cut=MOST_SHOWN if len(event.body) > MOST_SHOWN else None,
        **_describe_attempt(attempt, visit.language),
    )


async def _render_uncounted(
    visit: StaffVisit, number: int, attempt: DeliveryAttempt | None = None, status: int = 200
) -> HTMLResponse:
    report = await visit.services.database.read(find_uncounted_report, number)
    if report is None:
        raise _build_not_found()
    await visit.record_access("webhook", [report.case_id])
    text = report.body["text"]
    return visit.render_page(
        "staff/uncounted.html",
        here=f"{HOME}/uncounted/{number}",
        status=status,
        report=report,
        source=_SOURCES.get(report.sender, "report"),
        faults=_explain_faults(report, visit.language),
        text=text[:MOST_SHOWN],
        cut=MOST_SHOWN if len(text) > MOST_SHOWN else None,
        case_id=attempt.case_id if attempt else "",
        **_describe_attempt(attempt, visit.language),
    )


def _explain_faults(report: UncountedReport, language: str) -> list[tuple[str, str]]:
    """The fields for which a report can't be counted, each with a sentence."""
    return [(one.field, explain_reason(one, language)) for one in load_faults(report.faults)]


def _describe_attempt(attempt: DeliveryAttempt | None, language: str) -> dict[str, Any]:
    if attempt is None:
        return {"tried": None, "reason": "", "fault": None, "refused": None}
    needed, faults = Reason("reason_needed"), attempt.faults
    said = [
        explain_reason(needed, language) if one.code == "required" else explain_reason(one, language) for one in faults
    ]
    return {
        "tried": attempt.number,
        "reason": attempt.reason,
        "fault": said[0] if said else None,
        "refused": attempt.refused,
    }


def _build_not_found() -> HTTPException:
    return HTTPException(404, "There is no such event.")
