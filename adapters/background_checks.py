"""Orders background checks from the vendor (Checkr's API); what comes back by webhook is not read here."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
from pydantic import BaseModel, Field

from adapters.http import call_service, read_document, request_resend
from domain.shared.exchange import find_state_exchange

SERVICE = "background_checks"


@dataclass(frozen=True)
class BackgroundCheckOrder:
    """The vendor's own ids of what was ordered."""

    candidate_id: str
    invitation_id: str


class _Created(BaseModel):
    id: str = Field(min_length=1, max_length=200)


class BackgroundCheckClient:
    """The vendor, with the API key as Basic user name and the package of checks the exchange buys."""

    def __init__(self, client: httpx2.AsyncClient, url: str, api_key: str, package: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._auth = httpx2.BasicAuth(api_key, "")
        self._package = package

    async def order_check(
        self, case_id: str, first_name: str, last_name: str, email: str, key: str
    ) -> BackgroundCheckOrder:
        """Invites one counselor to a check (A14); the same `key` again gives the same order."""
        candidate = {"first_name": first_name, "last_name": last_name, "email": email, "custom_id": case_id}
        candidate_id = await self._create_resource("candidates", candidate, f"{key}:candidate")
        work_location = {"country": "US", "state": find_state_exchange().state_code}
        invitation = {"candidate_id": candidate_id, "package": self._package, "work_locations": [work_location]}
        return BackgroundCheckOrder(
            candidate_id, await self._create_resource("invitations", invitation, f"{key}:invitation")
        )

    async def request_reports(self, case_id: str) -> None:
        """Asks for the events reported of this case's check before, under their ids, by webhook."""
        await request_resend(self._client, SERVICE, self._url, {"case_id": case_id}, auth=self._auth)

    async def _create_resource(self, collection: str, body: Mapping[str, object], key: str) -> str:
        response = await call_service(
            self._client,
            SERVICE,
            "POST",
            f"{self._url}/v1/{collection}",
            auth=self._auth,
            headers={"Idempotency-Key": key},
            json=body,
        )
        return read_document(response, SERVICE, _Created).id
