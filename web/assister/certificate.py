"""The certificate of a certification as a file, by the e-mailed link (A23)."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from domain.shared.links import STATUS_PATH
from web.assister.links import CurrentCertification, LinkRefused
from web.http.auth import LINK
from web.http.pages import PRIVATE
from web.http.problem_pages import NO_CERTIFICATE, NO_FILE
from web.services import ServicesDep

router = APIRouter(dependencies=[LINK], include_in_schema=False)


@router.get(f"{STATUS_PATH}/certificate")
async def download_certificate(services: ServicesDep, certification: CurrentCertification) -> Response:
    """The certificate as a file."""
    certificate = certification.state.certificate
    if certificate is None or certification.certificate_uri is None:
        raise LinkRefused(NO_CERTIFICATE, 404, certification)
    file = services.settings.certificates_dir / Path(certification.certificate_uri).name
    if not file.is_file():
        raise LinkRefused(NO_FILE, 503, certification)
    return FileResponse(
        file, headers=PRIVATE, media_type="application/pdf", filename=f"certificate-{certificate.number}.pdf"
    )
