"""Portal accounts over SCIM 2.0: create, find, activate, suspend; what the portal reports by webhook is not here.

By plain HTTP: `scim2-client` costs half a second of imports in each worker, quotes e-mail addresses in its exceptions
and doesn't bound answers; four calls are used (docs/decisions/0006).
"""

import json
from collections.abc import Container, Mapping
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ConfigDict, Field

from adapters.http import Refused, call_service, read_document, request_resend

SERVICE = "portal"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CONFLICT = 409


class PortalAccountRecord(BaseModel):
    """An account at the portal: its SCIM id, and whether its owner can use it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(min_length=1, max_length=200)
    active: bool


class _User(BaseModel):
    id: str = Field(min_length=1, max_length=200)
    user_name: str = Field("", alias="userName")
    external_id: str | None = Field(None, alias="externalId")
    active: bool = False


class _Users(BaseModel):
    resources: list[_User] = Field(default_factory=list, alias="Resources")


class PortalClient:
    """A portal's account service; `url` is the portal's, under which SCIM lives at /scim/v2."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._users = f"{url.rstrip('/')}/scim/v2/Users"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/scim+json",
            "Content-Type": "application/scim+json",
        }

    async def create_account(self, case_id: str, email: str, first_name: str, last_name: str) -> str:
        """Creates the account, not yet active (A26), and gives its SCIM id; one that is there already is found."""
        response = await self._call_scim(
            "POST",
            body={
                "schemas": [USER],
                "userName": email,
                "externalId": case_id,
                "name": {"givenName": first_name, "familyName": last_name},
                "emails": [{"value": email, "type": "work", "primary": True}],
                "active": False,
            },
            answers={CONFLICT},
        )
        if response.status_code != CONFLICT:
            return read_document(response, SERVICE, _User).id
        # Made by a call of ours whose answer was lost; or the person's account from an earlier case.
        existing = await self._find_by_case(case_id) or await self._find_by_email(email)
        if existing is None:
            raise Refused("portal_refused", "it reports a conflict with an account it does not show")
        await self._patch_user(existing.id, externalId=case_id)
        return existing.id

    async def reuse_account(self, case_id: str, known_as: str | None, email: str) -> str | None:
        """Hands an existing account to this case, active, and gives its SCIM id; None where the portal shows none."""
        existing = (await self._find_by_case(known_as) if known_as else None) or await self._find_by_email(email)
        if existing is None:
            return None
        # The portal reports under the case that stands here: left with the old one, the new case would wait for ever.
        await self._patch_user(existing.id, externalId=case_id, active=True)
        return existing.id

    async def set_active(self, scim_id: str, active: bool) -> None:
        """Activates (A28) or suspends an account; doing it twice changes nothing."""
        await self._patch_user(scim_id, active=active)

    async def rename_account(self, scim_id: str, first_name: str, last_name: str) -> None:
        """Gives an account's owner another name (E11); doing it twice changes nothing."""
        await self._patch_user(scim_id, **{"name.givenName": first_name, "name.familyName": last_name})

    async def request_reports(self, case_id: str) -> None:
        """Asks for the events reported of this case before, under their ids, by webhook."""
        headers = {"Authorization": self._headers["Authorization"]}
        await request_resend(self._client, SERVICE, self._url, {"case_id": case_id}, headers=headers)

    async def _patch_user(self, scim_id: str, **values: str | bool) -> None:
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        await self._call_scim(
            "PATCH", f"/{quote(scim_id, safe='')}", body={"schemas": [PATCH], "Operations": operations}
        )

    async def find_account(self, case_id: str) -> PortalAccountRecord | None:
        """The account made for this case, if there is one."""
        user = await self._find_by_case(case_id)
        return None if user is None else PortalAccountRecord(id=user.id, active=user.active)

    # A portal that ignores a filter answers with everybody: what is not the one asked for is dropped.

    async def _find_by_case(self, case_id: str) -> _User | None:
        found = [user for user in await self._list_users("externalId", case_id) if user.external_id == case_id]
        return _take_only(found)

    async def _find_by_email(self, email: str) -> _User | None:
        found = [
            user for user in await self._list_users("userName", email) if user.user_name.casefold() == email.casefold()
        ]
        return _take_only(found)

    async def _list_users(self, attribute: str, value: str) -> list[_User]:
        # A SCIM filter's string is a JSON string (RFC 7644, 3.4.2.2).
        response = await self._call_scim("GET", params={"filter": f"{attribute} eq {json.dumps(value)}"})
        return read_document(response, SERVICE, _Users).resources

    async def _call_scim(
        self,
        method: str,
        path: str = "",
        *,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
        answers: Container[int] = (),
    ) -> httpx2.Response:
        return await call_service(
            self._client,
            SERVICE,
            method,
            f"{self._users}{path}",
            answers=answers,
            headers=self._headers,
            params=params,
            content=None if body is None else json.dumps(body),
        )


def _take_only(found: list[_User]) -> _User | None:
    if len(found) > 1:
        raise Refused("portal_unreadable", "several accounts answer to one owner")
    return found[0] if found else None
