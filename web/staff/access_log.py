"""The access log as a page for auditors: who of staff was shown whose personal data, when and on which page."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi.responses import RedirectResponse, Response

from db.reads.access_log import AccessFilter, read_access_log
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import name_staff_actor
from domain.shared.policy import find_current_policy, find_time_zone
from domain.state.policies import POLICIES
from starter.cases import now
from web.http.addresses import build_query
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.staff.layout import StaffVisit, build_page_urls, require_visit

router = build_page_router(prefix="/staff")

AuditorVisit = Annotated[StaffVisit, require_visit(Permission.READ_ACCESS_LOG)]
ACCESS_LOG = "/staff/access-log"
AT_A_TIME = 50
LONGEST = 200
ASKED = ("actor", "case_id", "from", "until")
# No access is outside of these days; what is asked beyond them is the same, and no clock reaches that far.
EARLIEST, LATEST = date(2000, 1, 1), date(9000, 1, 1)


@router.get("/access-log")
async def show_access_log(visit: AuditorVisit) -> Response:
    """Who looked at whose personal data, a row a view, newest first; of a person, a case and some days, if asked."""
    query = visit.request.query_params
    asked = {name: query.get(name, "").strip()[:LONGEST] for name in ASKED}
    days, faults = _read_days(asked)
    wanted = AccessFilter(_find_actors(asked["actor"], visit.staff_names), asked["case_id"], *_find_span(days))
    try:
        page = await visit.services.database.read(read_access_log, query.get("after") or None, AT_A_TIME, wanted)
    except Invalid:  # no place of this list
        return RedirectResponse(ACCESS_LOG + build_query(**asked), 303, PRIVATE)
    return visit.render_page(
        "staff/access_log.html",
        status=422 if faults else 200,
        rows=page.rows,
        asked=asked,
        errors={one.field: explain_reason(one, visit.language) for one in faults},
        known=sorted(visit.staff_names.values(), key=str.casefold),
        **build_page_urls(page, lambda after: ACCESS_LOG + build_query(**asked, after=after)),
    )


@router.get("/looks", response_class=RedirectResponse)
async def redirect_to_access_log(visit: AuditorVisit) -> RedirectResponse:
    """The page's former address, which auditors may have kept."""
    return RedirectResponse(ACCESS_LOG + build_query(**visit.request.query_params), 301, PRIVATE)


def _find_actors(typed: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Who is meant by a name as pages show it, or by what the audit calls them; empty for everybody."""
    if not typed:
        return ()
    called = [actor for actor, name in names.items() if name.casefold() == typed.casefold()]
    return (typed, name_staff_actor(typed), *called)


def _read_days(asked: Mapping[str, str]) -> tuple[dict[str, date], list[Fault]]:
    """The first and the last day asked for, where there is one, and those that are no dates."""
    days, faults = {}, []
    for name in ("from", "until"):
        try:
            if asked[name]:
                days[name] = date.fromisoformat(asked[name])
        except ValueError:
            faults.append(Fault(name, "day"))
    return days, faults


def _find_span(days: Mapping[str, date]) -> tuple[datetime | None, datetime | None]:
    """From when and before when these days are where the exchange is, the last one included."""
    zone = find_time_zone(find_current_policy(POLICIES.values(), now()))

    def find_midnight(name: str, after: timedelta) -> datetime | None:
        if name not in days:
            return None
        day = min(max(days[name], EARLIEST), LATEST)
        return datetime.combine(day + after, time(), zone).astimezone(UTC)

    return find_midnight("from", timedelta()), find_midnight("until", timedelta(days=1))
