"""The dashboard: how many cases are where, how long stages take, what is decided; each number drawn and tabled."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import HTMLResponse

from db.reads.dashboard import DecisionDay, StageTime
from db.reads.licenses.rounds import read_last_round
from domain.state.eligibility import Verdict
from starter.cases import now
from templates.labels import REASONS_TO_LOOK, STAFF_STAGES
from web.http.pages import build_page_router
from web.staff.ages import measure_ages
from web.staff.charts import draw_bars, draw_columns
from web.staff.layout import ReaderVisit

router = build_page_router(prefix="/staff")

# Of the charts, in pixels: a row with a line of words above its bar, one with another below, and the tallest column.
ROW, TALL_ROW, COLUMN = 46, 68, 56


@router.get("/dashboard")
async def show_dashboard(visit: ReaderVisit) -> HTMLResponse:
    """How the work goes."""
    at = now()
    board = await visit.services.numbers.read_dashboard(at)
    if board.oldest:
        await visit.record_access("dashboard", [case.case_id for case in board.oldest])
    return visit.render_page(
        "staff/dashboard.html",
        now=at,
        board=board,
        total=sum(board.stages.values()),
        waiting=sum(board.attention.values()),
        stages=_draw_counts(board.stages, list(STAFF_STAGES)),
        reasons=_draw_counts(board.attention, list(REASONS_TO_LOOK)),
        times=_draw_times(board.times),
        decisions=_draw_decisions(board.decisions),
        rows=board.oldest,
        ages=measure_ages(board.oldest, at),
        sortings={},
        of_case="",
        license_round=await visit.services.database.read(read_last_round),
        row=ROW,
        tall_row=TALL_ROW,
        column=COLUMN,
    )


def _draw_counts(numbers: Mapping[str, int], order: Sequence[str]) -> list[dict[str, Any]]:
    """Each code with its number and bar, in the order given; what stands in none comes last."""
    codes = sorted(numbers, key=lambda code: (order.index(code) if code in order else len(order), code))
    drawn = draw_bars([numbers[code] for code in codes], ROW)
    return [{"code": code, "number": numbers[code], "bar": bar} for code, bar in zip(codes, drawn, strict=True)]


def _draw_times(times: Sequence[StageTime]) -> list[dict[str, Any]]:
    """Each stage with its median as a bar, and the ninth decile as a line, on one scale."""
    longest = max((time.ninth_decile.total_seconds() for time in times), default=0.0)
    medians = draw_bars([time.median.total_seconds() for time in times], TALL_ROW, longest)
    deciles = draw_bars([time.ninth_decile.total_seconds() for time in times], TALL_ROW, longest)
    return [{"time": time, "bar": bar, "line": line} for time, bar, line in zip(times, medians, deciles, strict=True)]


def _draw_decisions(days: Sequence[DecisionDay]) -> list[dict[str, Any]]:
    """Each verdict with its columns, all on one scale."""
    greatest = max((number for day in days for number in day.verdicts.values()), default=0)
    return [
        {
            "verdict": verdict.value,
            "number": sum(day.verdicts[verdict] for day in days),
            "columns": draw_columns([day.verdicts[verdict] for day in days], COLUMN, greatest),
        }
        for verdict in Verdict
    ]
