"""Absorb's REST API, read for what learners have done: it has no webhook, so that it is asked.

† The way to authenticate, and that the token is a JSON string, are from integrators' code; the rest of what is read
(enrollments, users) is from the vendor's published description.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2

from adapters.http import Refused, call_service
from domain.shared.documents.faults import Invalid
from domain.shared.documents.parsing import read_json

SERVICE = "absorb"
UNAUTHORIZED = 401
NOT_FOUND = 404
PAGE = 100
# Nobody has as many courses; a server that begins each list anew would be read for ever.
MOST_PAGES = 50
# Of an enrolment in a course, by the number that stands for it.
STATUSES = (
    "NotStarted",
    "InProgress",
    "PendingApproval",
    "Complete",
    "NotComplete",
    "Failed",
    "Declined",
    "PendingEvaluationRequired",
    "OnWaitlist",
    "Absent",
    "NotApplicable",
    "PendingProctor",
    "ReadyForReview",
)
_FAILED = STATUSES.index("Failed")
Document = dict[str, Any]


class AbsorbClient:
    """Asks what learners have done; a token is good for hours, and another is taken when it is refused."""

    def __init__(self, client: httpx2.AsyncClient, url: str, api_key: str, user: str, password: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._headers = {"x-api-key": api_key, "x-api-version": "2", "Accept": "application/json"}
        self._credentials = {"username": user, "password": password, "privateKey": api_key}
        self._token = ""

    async def find_user(self, external_id: str) -> str | None:
        """The id of the user that is known there by an id of ours; None where there is none, or more than one."""
        text = external_id.replace("'", "''")
        found = await self._list_rows("/users", "users", f"externalId eq '{text}'")
        ids = [one["id"] for one in found if one.get("externalId") == external_id and isinstance(one.get("id"), str)]
        return ids[0] if len(ids) == 1 else None

    async def list_enrollments(self, user_id: str, since: datetime) -> list[Document]:
        """A user's enrollments that were changed since an instant, with each number's own digits; none of nobody's."""
        at = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/users/{quote(user_id, safe='')}/enrollments"
        return await self._list_rows(path, "enrollments", f"dateEdited ge datetime'{at}'")

    async def _list_rows(self, path: str, name: str, wanted: str) -> list[Document]:
        """Every row of a list that fits a filter. Raises `Refused` where it is none, `Unavailable` when it is away."""
        rows: list[Document] = []
        for offset in range(MOST_PAGES):
            answer = await self._get(path, {"_filter": wanted, "_limit": str(PAGE), "_offset": str(offset)})
            found = _read_rows(answer, name)
            rows += found
            if len(found) < PAGE:
                return rows
        raise Refused(f"{SERVICE}_unreadable", f"more than {MOST_PAGES * PAGE} {name}")

    async def _get(self, path: str, params: dict[str, str]) -> httpx2.Response:
        for attempt in range(2):
            if not self._token or attempt:
                self._token = await self._authenticate()
            headers = self._headers | {"Authorization": self._token}
            answers = {NOT_FOUND} if attempt else {NOT_FOUND, UNAUTHORIZED}
            answer = await call_service(
                self._client, SERVICE, "GET", self._url + path, answers=answers, headers=headers, params=params
            )
            if answer.status_code != UNAUTHORIZED:
                return answer
        raise Refused(f"{SERVICE}_refused", "answered 401")

    async def _authenticate(self) -> str:
        url = f"{self._url}/authenticate"
        answer = await call_service(self._client, SERVICE, "POST", url, headers=self._headers, json=self._credentials)
        token = _read_answer(answer)
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Refused(f"{SERVICE}_unreadable", "no token")
        return token


def _read_answer(answer: httpx2.Response) -> Any:
    try:
        return read_json(answer.content)
    except Invalid:
        raise Refused(f"{SERVICE}_unreadable", "no JSON") from None


def _read_rows(answer: httpx2.Response, name: str) -> Sequence[Document]:
    """The rows of an answer; none where there is no such user."""
    if answer.status_code == NOT_FOUND:
        return []
    document = _read_answer(answer)
    rows = document.get(name) if isinstance(document, dict) else document
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(f"{SERVICE}_unreadable", f"no list of {name}")
    return rows


def describe_enrollment(row: Document, case_id: str, account: str) -> Document:
    """An enrolment as a report of the dialect `absorb`: whose case, which course, its status by name and its score."""
    status = row.get("status")
    is_number = isinstance(status, int) and not isinstance(status, bool) and 0 <= status < len(STATUSES)
    score = row.get("score")
    return {
        "case_id": case_id,
        "account": account,
        "courseId": row.get("courseId"),
        "status": STATUSES[status] if is_number else status,  # type: ignore[index]
        "result": {"score": {"scaled": score}} if score is not None else {},
        # What is edited afterwards makes no other report of it.
        "at": row.get("dateCompleted") or (row.get("dateEdited") if status == _FAILED else None),
    }
