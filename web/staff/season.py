"""Seasons in the console: rehearsed, opened, watched, paused, resumed and cancelled; and who was left out (E9)."""

from typing import Annotated

from fastapi import Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from db.reads.seasons.progress import LEFT_OUT_COLUMNS, list_left_out, list_seasons, stream_left_out
from domain.federal.policies import FEDERAL_POLICIES
from domain.programs.seasons import SeasonCounts, SeasonOutcome, find_season_faults
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.cases.seasons import OPEN_STATES, SeasonChange, SeasonState
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.spreadsheets import stream_lines
from domain.shared.documents.texts import find_text_faults
from domain.state.policies import POLICIES
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import build_query
from web.http.forms import describe_faults, parse_number, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.staff.case_page import FormAttempt
from web.staff.layout import SEASONS, StaffVisit, require_visit

router = build_page_router(prefix=SEASONS)

AT_A_TIME = 50
SeasonVisit = Annotated[StaffVisit, require_visit(Permission.RUN_SEASON)]
Program = Annotated[str, Path(max_length=40)]
PlanYear = Annotated[int, Path(ge=2000, le=2999)]

# What is said on top, by what stands in the address.
_DONE = {
    "open": N_("The season is open. Look again in a while to see how far it is."),
    "pause": N_("The season is paused: nobody's case is opened until you resume it."),
    "resume": N_("The season goes on."),
    "cancel": N_("The season is cancelled. The cases that it opened stay."),
}
_MISSING = {"season": N_("Choose a program and a plan year."), "reason": N_("Give a reason.")}


@router.get("")
async def show_seasons(visit: SeasonVisit) -> Response:
    """The seasons there were, and one to be rehearsed or opened."""
    return await _render_seasons(visit)


@router.post("")
async def begin_season(visit: SeasonVisit) -> Response:
    """Rehearses a season, or opens it, whichever button was pressed."""
    values = await read_form(visit.request)
    program, _, year = values.get("season", "").partition("/")
    plan_year = parse_number(year)
    opens = values.get("do") == "open"
    faults = [Fault("season", "required")] if plan_year is None else []
    faults += find_text_faults("reason", values.get("reason", "")) if opens else []
    if faults or plan_year is None:
        return await _render_seasons(visit, FormAttempt("open", values, faults), status=422)
    try:
        if not opens:
            counts = await visit.services.seasons.rehearse_season(program, plan_year)
            return await _render_seasons(visit, FormAttempt("open", values), rehearsed=(program, plan_year, counts))
        await visit.services.seasons.open_season(program, plan_year, values["reason"].strip(), visit.me.actor)
    except Invalid as invalid:
        named = [Fault("season", fault.code, fault.details) for fault in invalid.faults]
        return await _render_seasons(visit, FormAttempt("open", values, named), status=422)
    except Refusal as refusal:
        return await _render_seasons(visit, FormAttempt("open", values, refused=refusal.reason), status=409)
    return _redirect(visit, program, plan_year, "open")


@router.get("/{program}/{plan_year}")
async def show_season(visit: SeasonVisit, program: Program, plan_year: PlanYear) -> Response:
    """How far a season is, what can be done with it, and who was left out."""
    return await _render_season(visit, program, plan_year)


@router.get("/{program}/{plan_year}/left-out.csv")
async def export_left_out(visit: SeasonVisit, program: Program, plan_year: PlanYear) -> StreamingResponse:
    """Everybody who was left out, as a file for a spreadsheet."""
    await visit.services.seasons.read_status(program, plan_year)
    await visit.record_access("season", ())
    lines = stream_lines(LEFT_OUT_COLUMNS, stream_left_out(visit.services.database, program, plan_year))
    named = {"Content-Disposition": f'attachment; filename="left-out-{program}-{plan_year}.csv"'}
    return StreamingResponse(lines, headers={**PRIVATE, **named}, media_type="text/csv; charset=utf-8")


@router.post("/{program}/{plan_year}/{change}")
async def change_season(visit: SeasonVisit, program: Program, plan_year: PlanYear, change: SeasonChange) -> Response:
    """Pauses, resumes or cancels a season."""
    values = await read_form(visit.request)
    if faults := find_text_faults("reason", values.get("reason", "")):
        return await _render_season(visit, program, plan_year, FormAttempt(change, values, faults), 422)
    try:
        await visit.services.seasons.change_season(program, plan_year, change, values["reason"].strip(), visit.me.actor)
    except Refusal as refusal:
        return await _render_season(visit, program, plan_year, FormAttempt(change, values, refused=refusal.reason), 409)
    return _redirect(visit, program, plan_year, change)


async def _render_seasons(
    visit: StaffVisit,
    attempt: FormAttempt | None = None,
    rehearsed: tuple[str, int, SeasonCounts] | None = None,
    status: int = 200,
) -> HTMLResponse:
    seasons = await visit.services.database.read(list_seasons)
    known = {(season.program, season.plan_year) for season in seasons}
    policies = [*POLICIES.values(), *FEDERAL_POLICIES.values()]
    choices = [
        (policy.program, policy.plan_year)
        for policy in sorted(policies, key=lambda policy: (policy.program, -policy.plan_year))
        if not find_season_faults(policy.program, policy.plan_year, now())
    ]
    return visit.render_page(
        "staff/seasons.html",
        here=SEASONS,
        status=status,
        seasons=seasons,
        choices=[one for one in choices if one not in known],
        rehearsed=rehearsed,
        outcomes=list(SeasonOutcome),
        **_describe_attempt(visit, attempt),
    )


async def _render_season(
    visit: StaffVisit, program: str, plan_year: int, attempt: FormAttempt | None = None, status: int = 200
) -> Response:
    try:
        found = await visit.services.seasons.read_status(program, plan_year)
    except Refusal:
        return await _render_seasons(visit, FormAttempt("open", {}, refused=Reason("season_not_opened")), status=404)
    after = visit.request.query_params.get("after", "")[:64]
    people = await visit.services.database.read(list_left_out, program, plan_year, after, AT_A_TIME + 1)
    if people:
        await visit.record_access("season", ())
    home, done = f"{SEASONS}/{program}/{plan_year}", _DONE.get(visit.request.query_params.get("done", ""))
    return visit.render_page(
        "staff/season.html",
        here=home,
        status=status,
        found=found,
        home=home,
        people=people[:AT_A_TIME],
        outcomes=list(SeasonOutcome),
        can_pause=found.season.state == SeasonState.RUNNING,
        can_resume=found.season.state == SeasonState.PAUSED,
        is_open=found.season.state in OPEN_STATES,
        done=translate(done, visit.language) if done else None,
        now=now(),
        first_url=home if after else None,
        previous_url=None,
        next_url=f"{home}{build_query(after=people[AT_A_TIME - 1].assister_id)}" if len(people) > AT_A_TIME else None,
        **_describe_attempt(visit, attempt),
    )


def _describe_attempt(visit: StaffVisit, attempt: FormAttempt | None) -> dict[str, object]:
    tried, language = attempt or FormAttempt(""), visit.language
    return {
        "tried": tried.form,
        "values": tried.values,
        "errors": describe_faults(tried.faults, language, _MISSING),
        "refused": explain_reason(tried.refused, language) if tried.refused else None,
    }


def _redirect(visit: StaffVisit, program: str, plan_year: int, done: str) -> RedirectResponse:
    query = build_query(done=done, lang=visit.request.query_params.get("lang"))
    return RedirectResponse(f"{SEASONS}/{program}/{plan_year}{query}", 303, PRIVATE)
