"""Enrols learners in the Marketplace's learning management system (MLMS); what they achieve arrives by webhook."""

from dataclasses import asdict, dataclass

import httpx2

from adapters.http import call_service, read_document
from adapters.lms import LmsPlace

SERVICE = "mlms"


@dataclass(frozen=True, repr=False)
class MlmsEnrollment:
    """Who learns which curriculum: `registration` is the case id, `course_id` the IRI the MLMS will report on."""

    registration: str
    assister_id: str
    email: str
    first_name: str
    last_name: str
    language: str
    home_page: str
    curriculum: str
    course_id: str


class MlmsClient:
    """The MLMS, by bearer token."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._token = token

    async def enroll_learner(self, enrollment: MlmsEnrollment, key: str) -> LmsPlace:
        """Gives a place in one curriculum (B11); the same `key` again gives the same place."""
        response = await call_service(
            self._client,
            SERVICE,
            "POST",
            f"{self._url}/api/v1/enrollments",
            headers={"Authorization": f"Bearer {self._token}", "Idempotency-Key": key},
            json=asdict(enrollment),
        )
        return read_document(response, SERVICE, LmsPlace)
