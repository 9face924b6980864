"""Seasons over HTTP, as the verbs of `certify season`: opened, looked at, paused, resumed, cancelled and rehearsed."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from db.reads.seasons.progress import LEFT_OUT_COLUMNS, find_season, list_left_out, stream_left_out
from db.writes.access_log import record_access
from domain.shared.cases.seasons import SeasonChange
from domain.shared.documents.spreadsheets import stream_lines
from domain.shared.documents.texts import Text
from starter.cases import now
from web.api.bodies import StrictBody, describe_body, read_body
from web.api.cases import FAULTS, Reader
from web.http.auth import StaffMember, require_permission
from web.http.permissions import Permission
from web.services import Services, ServicesDep

router = APIRouter(prefix="/api/seasons/{program}/{plan_year}", tags=["seasons"])

Program = Annotated[str, Path(max_length=40)]
PlanYear = Annotated[int, Path(ge=2000, le=2999)]
Runner = Annotated[StaffMember, require_permission(Permission.RUN_SEASON)]
RESPONSES = {
    **FAULTS,
    401: {"description": "Staff only."},
    403: {"description": "The roles of who asks don't allow it."},
    409: {"description": "It can't be done now; the reason is given."},
}


class SeasonBody(StrictBody):
    """Why a season is opened, paused, resumed or cancelled; it is audited."""

    reason: Text | None = None


async def _read_reason(request: Request) -> str:
    """The reason given, if any: a body may be left out."""
    if not await request.body():
        return ""
    return (await read_body(request, SeasonBody)).reason or ""


async def _change_season(
    request: Request, services: Services, me: StaffMember, program: str, plan_year: int, change: SeasonChange
) -> JSONResponse:
    reason = await _read_reason(request)
    status = await services.seasons.change_season(program, plan_year, change, reason, me.actor)
    return JSONResponse(status.document())


@router.get("/status", responses=RESPONSES)
async def show_season(services: ServicesDep, _: Reader, program: Program, plan_year: PlanYear) -> JSONResponse:
    """How a season stands: how many were opened, woken and open before, and left out by reason; 409 without one."""
    return JSONResponse((await services.seasons.read_status(program, plan_year)).document())


@router.post("/open", status_code=201, responses=RESPONSES, openapi_extra=describe_body(SeasonBody))
async def open_season(
    request: Request, services: ServicesDep, me: Runner, program: Program, plan_year: PlanYear
) -> JSONResponse:
    """Opens a season, once; 422 for a year without a policy or outside its window, 409 where it was opened before."""
    reason = await _read_reason(request)
    status = await services.seasons.open_season(program, plan_year, reason, me.actor)
    return JSONResponse(status.document(), 201)


@router.post("/rehearse", responses=RESPONSES)
async def rehearse_season(services: ServicesDep, _: Runner, program: Program, plan_year: PlanYear) -> JSONResponse:
    """What a season would come to now; nothing is changed."""
    counts = await services.seasons.rehearse_season(program, plan_year)
    document = {"program": program, "plan_year": plan_year, "people": counts.handled}
    return JSONResponse(document | counts.document())


@router.post("/pause", responses=RESPONSES, openapi_extra=describe_body(SeasonBody))
async def pause_season(
    request: Request, services: ServicesDep, me: Runner, program: Program, plan_year: PlanYear
) -> JSONResponse:
    """Pauses a season: nobody's case is opened until it is resumed."""
    return await _change_season(request, services, me, program, plan_year, SeasonChange.PAUSE)


@router.post("/resume", responses=RESPONSES, openapi_extra=describe_body(SeasonBody))
async def resume_season(
    request: Request, services: ServicesDep, me: Runner, program: Program, plan_year: PlanYear
) -> JSONResponse:
    """Resumes a season that is paused."""
    return await _change_season(request, services, me, program, plan_year, SeasonChange.RESUME)


@router.post("/cancel", responses=RESPONSES, openapi_extra=describe_body(SeasonBody))
async def cancel_season(
    request: Request, services: ServicesDep, me: Runner, program: Program, plan_year: PlanYear
) -> JSONResponse:
    """Cancels a season for good; what it opened stays, and its number stands in the answer."""
    return await _change_season(request, services, me, program, plan_year, SeasonChange.CANCEL)


@router.get("/left-out", responses=RESPONSES)
async def list_people_left_out(
    services: ServicesDep,
    me: Runner,
    program: Program,
    plan_year: PlanYear,
    after: Annotated[str, Query(max_length=64, description="the last assister_id of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> JSONResponse:
    """Who was left out, and why: `[{assister_id, reason, first_name, last_name, email, kind}]`."""
    await services.database.read(find_season, program, plan_year)
    found = await services.database.read(list_left_out, program, plan_year, after, limit)
    await services.database.write(record_access, me.actor, "season", (), now())
    return JSONResponse([{name: getattr(one, name) for name in LEFT_OUT_COLUMNS} for one in found])


@router.get("/left-out.csv", responses=RESPONSES)
async def export_people_left_out(
    services: ServicesDep,
    me: Runner,
    program: Program,
    plan_year: PlanYear,
) -> StreamingResponse:
    """Everybody who was left out, as a file for a spreadsheet."""
    await services.database.read(find_season, program, plan_year)
    await services.database.write(record_access, me.actor, "season", (), now())
    lines = stream_lines(LEFT_OUT_COLUMNS, stream_left_out(services.database, program, plan_year))
    named = {"Content-Disposition": f'attachment; filename="left-out-{program}-{plan_year}.csv"'}
    return StreamingResponse(lines, headers=named, media_type="text/csv; charset=utf-8")
