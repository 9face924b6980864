"""The certificate of a certification as a file, for its owner (A23)."""

from fastapi.responses import Response

from domain.shared.links import OWN_CASE_PATH
from web.assister.links import CurrentCertification, LinkRefused
from web.http.pages import build_page_router, find_certificate_file
from web.http.problem_pages import NO_CERTIFICATE, NO_FILE
from web.services import ServicesDep

router = build_page_router()


@router.get(f"{OWN_CASE_PATH}/certificate")
async def download_certificate(services: ServicesDep, certification: CurrentCertification) -> Response:
    """The certificate as a file."""
    certificate = certification.state.certificate
    if certificate is None or certification.certificate_uri is None:
        raise LinkRefused(NO_CERTIFICATE, 404, certification)
    file = find_certificate_file(services, certification.certificate_uri, certificate.number)
    if file is None:
        raise LinkRefused(NO_FILE, 503, certification)
    return file
