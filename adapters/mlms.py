"""Enrols learners in the Marketplace's learning management system (MLMS); what they achieve arrives by webhook."""

from dataclasses import asdict, dataclass

import httpx2

from adapters.lms import Learner, LmsPlace, PlaceClient


@dataclass(frozen=True, repr=False)
class MlmsEnrollment(Learner):
    """Who learns in the MLMS, and which curriculum."""

    curriculum: str


class MlmsClient:
    """The MLMS, which gives places as the LMS does."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._places = PlaceClient(client, "mlms", url, token)

    async def enroll_learner(self, enrollment: MlmsEnrollment, key: str) -> LmsPlace:
        """Gives a place in one curriculum (B11); the same `key` again gives the same place."""
        return await self._places.post_learner("enrollments", asdict(enrollment), key)

    async def request_reports(self, case_id: str) -> None:
        """Asks for what was reported of this case before."""
        await self._places.request_reports(case_id)
