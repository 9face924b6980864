"""What the pages of the federal lists show: where a list is found, the tracker on an NPN; no routes (B18–B20)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.reads.published_lists import Edition
from domain.federal.lists import DATE_FORMAT
from domain.federal.markets import Market
from domain.shared.faults import Fault
from domain.shared.notices import Topic
from starter.cases import now
from web.http.forms import errors_of
from web.http.pages import OPEN, contact_of, language_of, render
from web.marketplace.layout import current_year
from web.services import Services

Row = Mapping[str, str]


def lists_page(
    request: Request,
    services: Services,
    edition: Edition,
    names: Iterable[str],
    npn: str = "",
    faults: Sequence[Fault] = (),
) -> HTMLResponse:
    """The lists and the tracker's form; ``faults`` of the NPN that was typed."""
    language = language_of(request)
    return render(
        services,
        "registry.html",
        language,
        contact_of(current_year(now()), Topic.TRAINING, language),
        here="/registry",
        status=422 if faults else 200,
        headers=OPEN,
        published_at=edition.published_at,
        lists=[
            {"list": name, "csv_url": f"/registry/{name}.csv", "json_url": f"/registry/{name}.json"} for name in names
        ],
        values={"npn": npn},
        errors=errors_of(faults, language),
    )


def tracker_page(
    request: Request, services: Services, edition: Edition, npn: str, rows: Sequence[Row], plan_year: int | None
) -> HTMLResponse:
    """What the tracker says of an NPN; 404 where it says nothing."""
    language = language_of(request)
    asked = f"?plan_year={plan_year}" if plan_year else ""
    return render(
        services,
        "tracker.html",
        language,
        contact_of(current_year(now()), Topic.TRAINING, language),
        here=f"/registry/tracker/{npn}{asked}",
        status=200 if rows else 404,
        headers={**OPEN, "Vary": "Accept, Accept-Language, Cookie"},
        npn=npn,
        published_at=edition.published_at,
        years=[_year(row) for row in sorted(rows, key=lambda row: row["plan_year"], reverse=True)],
        csv_url=f"/registry/tracker/{npn}.csv{asked}",
        values={},
        errors=[],
    )


def _year(row: Row) -> dict[str, Any]:
    markets = [
        {
            "market": market.value,
            "training": row[f"{market}_training"],
            "agreements": row[f"{market}_agreements"],
            "completed_on": _day(row[f"{market}_completed_on"]),
        }
        for market in Market
    ]
    return {**{name: row[name] for name in ("plan_year", "profile", "npn_status", "status")}, "markets": markets}


def _day(text: str) -> date | None:
    return datetime.strptime(text, DATE_FORMAT).date() if text else None  # noqa: DTZ007 a day has no zone
