"""What the pages of the federal lists show: where a list is found, the tracker on an NPN; no routes (B18–B20)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.reads.federal.published_lists import Edition
from domain.federal.lists import DATE_FORMAT
from domain.federal.markets import Market
from domain.federal.policies import FEDERAL_POLICIES
from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault
from domain.shared.policy import describe_contact, find_current_policy
from starter.cases import now
from web.field_words import word_faults
from web.http.negotiation import choose_language
from web.http.pages import OPEN, render_page
from web.services import Services

Row = Mapping[str, str]


def render_lists(
    request: Request,
    services: Services,
    edition: Edition,
    names: Iterable[str],
    npn: str = "",
    faults: Sequence[Fault] = (),
) -> HTMLResponse:
    """The lists and the tracker's form; ``faults`` of the NPN that was typed."""
    language = choose_language(request)
    return render_page(
        services,
        "registry.html",
        language,
        describe_contact(find_current_policy(FEDERAL_POLICIES.values(), now()), Topic.TRAINING, language),
        here="/registry",
        status=422 if faults else 200,
        headers=OPEN,
        published_at=edition.published_at,
        lists=[
            {"list": name, "csv_url": f"/registry/{name}.csv", "json_url": f"/registry/{name}.json"} for name in names
        ],
        values={"npn": npn},
        errors=word_faults(faults, language),
    )


def render_tracker(
    request: Request,
    services: Services,
    edition: Edition,
    npn: str,
    rows: Sequence[Row],
    plan_year: int | None,
    back_url: str | None,
) -> HTMLResponse:
    """What the tracker says of an NPN; 404 where it says nothing. ``back_url`` leads to the reader's own pages."""
    language = choose_language(request)
    asked = f"?plan_year={plan_year}" if plan_year else ""
    return render_page(
        services,
        "tracker.html",
        language,
        describe_contact(find_current_policy(FEDERAL_POLICIES.values(), now()), Topic.TRAINING, language),
        here=f"/registry/tracker/{npn}{asked}",
        status=200 if rows else 404,
        headers={**OPEN, "Vary": "Accept, Accept-Language, Cookie"},
        npn=npn,
        published_at=edition.published_at,
        years=[_describe_year(row) for row in sorted(rows, key=lambda row: row["plan_year"], reverse=True)],
        csv_url=f"/registry/tracker/{npn}.csv{asked}",
        back_url=back_url,
        values={},
        errors=[],
    )


def _describe_year(row: Row) -> dict[str, Any]:
    markets = [
        {
            "market": market.value,
            "training": row[f"{market}_training"],
            "agreements": row[f"{market}_agreements"],
            "completed_on": _parse_day(row[f"{market}_completed_on"]),
        }
        for market in Market
    ]
    return {**{name: row[name] for name in ("plan_year", "profile", "npn_status", "status")}, "markets": markets}


def _parse_day(text: str) -> date | None:
    return datetime.strptime(text, DATE_FORMAT).date() if text else None  # noqa: DTZ007 a day has no zone
