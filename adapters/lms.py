"""Invites and enrols learners in the LMS; what they achieve there arrives by webhook, not here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import httpx2
from pydantic import BaseModel, ConfigDict, Field

from adapters.http import call_service, read_document, request_resend


@dataclass(frozen=True, repr=False)
class Learner:
    """Who learns what, to the LMS and the MLMS: `registration` is the case id, `course_id` what is reported on."""

    registration: str
    assister_id: str
    email: str
    first_name: str
    last_name: str
    language: str
    home_page: str
    course_id: str


@dataclass(frozen=True, repr=False)
class LmsLearner(Learner):
    """Who learns in the exchange's LMS; `account` is the name of an account that it already has."""

    account: str | None
    account_id: str
    profile_id: str
    exam_id: str


class LmsPlace(BaseModel):
    """A learner's place in the LMS: its id there, and the page where the learner goes on."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1, max_length=200)
    url: str = Field(pattern="^https?://", max_length=2000)


class PlaceClient:
    """The interface by which LMS and MLMS give places in training, by bearer token; `service` names it in failures."""

    def __init__(self, client: httpx2.AsyncClient, service: str, url: str, token: str) -> None:
        self._client = client
        self._service = service
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def post_learner(self, collection: str, body: Mapping[str, object], key: str) -> LmsPlace:
        """A place; the same `key` again gives the same place."""
        response = await call_service(
            self._client,
            self._service,
            "POST",
            f"{self._url}/api/v1/{collection}",
            headers={**self._headers, "Idempotency-Key": key},
            json=body,
        )
        return read_document(response, self._service, LmsPlace)

    async def request_reports(self, case_id: str) -> None:
        """Asks for the statements reported of this registration before, under their ids, by webhook."""
        whose = {"registration": case_id}
        await request_resend(self._client, self._service, self._url, whose, headers=self._headers)


class LmsClient:
    """The learning management system."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._places = PlaceClient(client, "lms", url, token)

    async def invite_learner(self, learner: LmsLearner, key: str) -> LmsPlace:
        """Invites someone without an account to set one up (A15); the same `key` again gives the same place."""
        body = asdict(learner)
        del body["account"]
        return await self._places.post_learner("invitations", body, key)

    async def enroll_learner(self, learner: LmsLearner, key: str) -> LmsPlace:
        """Enrols the existing account of a returning assister in the course (A16)."""
        return await self._places.post_learner("enrollments", asdict(learner), key)

    async def request_reports(self, case_id: str) -> None:
        """Asks for what was reported of this case before."""
        await self._places.request_reports(case_id)
