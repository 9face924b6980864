"""Approval in bulk: of cases whose checks have all passed, chosen from a list, confirmed by name, each an update."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from fastapi.responses import RedirectResponse, Response

from db.reads.desk.bulk import (
    MOST_AT_ONCE,
    list_chosen_cases,
    list_clean_cases,
    list_held_back,
    read_bulk_page,
)
from db.reads.queue import ListedCase
from domain.shared.cases.commands import CommandState
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import find_text_faults
from domain.shared.staff_names import name_people
from domain.state.eligibility import Verdict
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.forms import describe_faults, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.staff.filters import QUEUE, build_address, read_filters
from web.staff.layout import StaffVisit, build_page_urls, require_visit
from web.staff.reasons import USUAL

BULK = "/staff/bulk"
AT_A_TIME = 5  # updates under way
_BOX = "case."
_NONE_CHOSEN = N_("Choose at least one case.")
_MISSING = {"reason": N_("Give a reason.")}

router = build_page_router(prefix=BULK)
DeciderVisit = Annotated[StaffVisit, require_visit(Permission.DECIDE)]


@dataclass(frozen=True)
class BulkResult:
    """What became of one case: *applied*, *pending*, or *refused* with a sentence."""

    case_id: str
    name: str
    state: CommandState
    why: str | None = None


@router.get("")
async def show_candidates(visit: DeciderVisit) -> Response:
    """The next cases of the queue that can be approved in bulk, to be chosen from."""
    return await _show_candidates(visit)


@router.post("")
async def confirm_choice(visit: DeciderVisit) -> Response:
    """The chosen cases by name, to be confirmed with a reason; one that can't be approved in bulk isn't among them."""
    values = await read_form(visit.request)
    chosen = _list_chosen(values)
    if not chosen:
        return await _show_candidates(visit, translate(_NONE_CHOSEN, visit.language))
    reason = translate(USUAL["in_order"].sentence, visit.language)
    return await _show_confirmation(visit, chosen, {"reason": reason, "batch": uuid4().hex})


@router.post("/approve")
async def approve_chosen(visit: DeciderVisit) -> Response:
    """Approves each of the confirmed cases by an update of its own, and says row by row what became of it."""
    values = await read_form(visit.request)
    chosen = _list_chosen(values)
    if not chosen:
        return await _show_candidates(visit, translate(_NONE_CHOSEN, visit.language))
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await _show_confirmation(visit, chosen, values, faults)
    await visit.record_access("bulk", chosen)
    cases = await visit.services.database.read(list_chosen_cases, chosen)
    held_back = await visit.services.database.read(list_held_back, chosen, visit.me.actor, now())
    at_once = asyncio.Semaphore(AT_A_TIME)
    results = await asyncio.gather(
        *(_approve_one(visit, one, values, at_once, is_held_back=one.case_id in held_back) for one in cases)
    )
    visit.services.numbers.forget()
    numbers = {state.value: sum(one.state is state for one in results) for state in CommandState}
    return visit.render_page("staff/bulk_results.html", results=results, numbers=numbers, **_build_addresses(visit))


def _list_chosen(values: Mapping[str, str]) -> list[str]:
    """The cases that are ticked, in their order; more than go at once are left for the next time."""
    return [name.removeprefix(_BOX) for name in values if name.startswith(_BOX)][:MOST_AT_ONCE]


async def _approve_one(
    visit: StaffVisit, case: ListedCase, values: Mapping[str, str], at_once: asyncio.Semaphore, *, is_held_back: bool
) -> BulkResult:
    """Approves a case as its own page does, under an id of its own: a form sent twice approves once.

    Not one that is held back: somebody has written a note since, or has it on their desk.
    """
    name, actor = f"{case.first_name} {case.last_name}", visit.me.actor
    command_id = f"{values.get('batch', '')[:64] or uuid4().hex}:{case.case_id}"
    decide = visit.services.cases.decide_eligibility
    async with at_once:
        try:
            if is_held_back:
                raise Refusal(Reason("not_for_bulk"))
            outcome = await decide(
                case.case_id, Verdict.APPROVE, values["reason"], actor, command_id=command_id, in_bulk=True
            )
        except Refusal as refusal:
            why = explain_reason(name_people(refusal.reason, visit.staff_names), visit.language)
            return BulkResult(case.case_id, name, CommandState.REFUSED, why)
    return BulkResult(case.case_id, name, outcome.state)


async def _show_candidates(visit: StaffVisit, error: str | None = None) -> Response:
    query = visit.request.query_params
    filters, after = read_filters(query), query.get("after") or None
    try:
        bulk = await visit.services.database.read(read_bulk_page, filters, visit.me.actor, now(), after)
    except Invalid:  # no place of this list
        return RedirectResponse(build_address(BULK, filters), 303, PRIVATE)
    if bulk.clean:
        await visit.record_access("bulk", [one.case.case_id for one in bulk.clean])
    return visit.render_page(
        "staff/bulk.html",
        here=build_address(BULK, filters, after=after),
        status=422 if error else 200,
        now=now(),
        rows=bulk.clean,
        is_all=query.get("all") == "1",
        all_url=build_address(BULK, filters, after=after, all="1"),
        error=error,
        **build_page_urls(bulk.page, lambda after: build_address(BULK, filters, after=after)),
        **_build_addresses(visit),
    )


async def _show_confirmation(
    visit: StaffVisit, chosen: Sequence[str], values: Mapping[str, str], faults: Sequence[Fault] = ()
) -> Response:
    rows = await visit.services.database.read(list_clean_cases, chosen, visit.me.actor, now())
    if rows:
        await visit.record_access("bulk", [one.case.case_id for one in rows])
    return visit.render_page(
        "staff/bulk_confirm.html",
        status=422 if faults else 200,
        now=now(),
        rows=rows,
        left_out=len(chosen) - len(rows),
        values=values,
        errors=describe_faults(faults, visit.language, _MISSING),
        **_build_addresses(visit),
    )


def _build_addresses(visit: StaffVisit) -> dict[str, Any]:
    """Where the steps lead: on to the next one, to the cases that are left, and back to the queue, all as filtered."""
    filters = read_filters(visit.request.query_params)
    return {
        "bulk_url": build_address(BULK, filters),
        "approve_url": build_address(f"{BULK}/approve", filters),
        "queue_url": build_address(QUEUE, filters),
        "of_case": build_address("", filters),
    }
