"""The certificates of a registration as files, one a market (B17)."""

from fastapi.responses import Response

from domain.federal.markets import Market
from domain.shared.cases.reasons import Reason
from domain.shared.links import OWN_CASE_PATH
from web.http.pages import build_page_router, find_certificate_file
from web.http.problem_pages import NO_CERTIFICATE, NO_FILE
from web.http.sentences import explain_reason
from web.marketplace.visit import NO_SUCH_STEP, CurrentVisit, VisitRefused

router = build_page_router(prefix=OWN_CASE_PATH)


@router.get("/certificates/{name}")
async def download_certificate(name: str, visit: CurrentVisit) -> Response:
    """Print Certificate(s): a market's certificate as a file, once its every step is complete (B17)."""
    market = next((one for one in Market if one == name), None)
    if market is None:
        raise VisitRefused(NO_SUCH_STEP, 404, visit)
    issued = visit.registration.state.certificates.get(market)
    uri = visit.registration.certificate_uris.get(market)
    if issued is None or uri is None:
        why = explain_reason(Reason("certificate_after_all_steps"), visit.language)
        raise VisitRefused(NO_CERTIFICATE, 404, visit, why)
    file = find_certificate_file(visit.services, uri, issued.number)
    if file is None:
        raise VisitRefused(NO_FILE, 503, visit)
    return file
