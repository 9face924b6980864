"""By which an assister disputes the background report that may lead to a denial, on their own page (E8)."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from domain.shared.cases.reasons import Refusal
from domain.shared.documents.texts import find_text_faults
from domain.shared.links import OWN_CASE_PATH
from web.assister.answer import NOT_NOW
from web.assister.links import CurrentCertification, LinkRefused, redirect_back
from web.assister.status_page import render_status
from web.http.auth import OwnPages
from web.http.forms import read_form
from web.http.rate_limits import limit_rate
from web.services import ServicesDep

router = APIRouter()


@router.post(
    f"{OWN_CASE_PATH}/dispute", dependencies=[limit_rate("api")], include_in_schema=False, response_class=HTMLResponse
)
async def dispute_check(
    reference: str, request: Request, services: ServicesDep, visitor: OwnPages, certification: CurrentCertification
) -> Response:
    """Disputes the report: nobody is denied by it before the vendor has looked at it again."""
    dispute = (await read_form(request)).get("dispute", "")
    if faults := find_text_faults("dispute", dispute):
        return await render_status(request, services, reference, visitor, certification, {"dispute": dispute}, faults)
    try:
        await services.cases.dispute_check(certification.case.case_id, dispute)
    except Refusal:
        raise LinkRefused(NOT_NOW, 409, certification) from None
    return redirect_back(request, reference, "disputed=1")
