"""Stands in for the federal lists as others publish them: ours, with rows left out or altered on demand.

It streams: a list of a million rows is never held here.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.pages import respond
from sandbox.http.requests import Problem, read
from sandbox.http.webhooks import client
from sandbox.lists.rows import Row, changed_csv, changed_json
from sandbox.store import Document, Shelf

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response as Answer

ALTERATION = "lists:alteration"
PIECE = 64 * 1024
CHANGED = {"text/csv": changed_csv, "application/json": changed_json}
ASKED_WITH = ("accept", "accept-language", "if-none-match", "range")
# What the lists' server says about its own connection, and what is not true any more of an altered list.
OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "date", "server", "upgrade"}
NOT_OF_ALTERED = {"content-length", "etag", "last-modified", "accept-ranges", "content-digest", "repr-digest"}
TAG = re.compile(r'(W/)?"([^"]*)"')

Value = str | int | float | bool | None


class Alteration(BaseModel):
    """Which rows of a list are left out, or get other values: those that are everything that is given of them."""

    model_config = ConfigDict(extra="forbid")

    list: Literal["rcl", "terminations", "tracker", "find_local_help", "help_on_demand"]
    npn: str | None = Field(None, pattern=r"^\d{1,10}$")
    name: str | None = Field(None, min_length=1, max_length=200, description="first and last name")
    where: dict[str, Value] = Field(default_factory=dict, max_length=50)
    how: Literal["omit", "alter"]
    set: dict[str, Value] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="after")
    def _whose_and_what(self) -> "Alteration":
        if self.npn is None and self.name is None and not self.where:
            raise ValueError("give npn, name or where")
        if (self.how == "alter") != bool(self.set):
            raise ValueError("alter needs set, omit takes none")
        return self

    def concerns(self, row: Row) -> bool:
        """Whether a row is meant; its columns are compared as words, so that a head of `NPN` is `npn` too."""
        cells = {_word(column): value for column, value in row.items()}
        wanted = {_word(column): value for column, value in self.where.items()}
        return (
            (self.npn is None or _digits(cells.get("npn")) == _digits(self.npn))
            and (self.name is None or _name(cells) == self.name.casefold().split())
            and all(column in cells and _text(cells[column]) == _text(value) for column, value in wanted.items())
        )

    def applied(self, row: Row) -> Row | None:
        """What becomes of a row that is meant."""
        if self.how == "omit":
            return None
        other = {_word(column): value for column, value in self.set.items()}
        return {column: other.get(_word(column), value) for column, value in row.items()}


class Lists:
    """The lists under /registry, and what is altered in them."""

    def __init__(self, web_url: str, shelf: Shelf) -> None:
        self._web_url = web_url
        self._shelf = shelf
        self._client: AsyncClient | None = None
        self.controls = Controls()

    def app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/registry/{path:path}", self.published),
            Route("/alterations", self.alterations),
            Route("/alterations", self.alter, methods=["POST"]),
            Route("/alterations", self.forget, methods=["DELETE"]),
            Route("/", self.front),
        ]
        return application(self.controls, routes, "/registry/", "text/csv")

    async def stop(self) -> None:
        """Lets go of the connection to the exchange."""
        if self._client:
            await self._client.aclose()

    async def alterations(self, _request: Request) -> Response:
        """Every alteration in force."""
        return JSONResponse(self._shelf.all(ALTERATION))

    async def alter(self, request: Request) -> Response:
        """Alters what passes from now on."""
        document = {"id": str(uuid4()), **(await read(request, Alteration)).model_dump(mode="json")}
        self._shelf.put(ALTERATION, document["id"], document)
        return JSONResponse(document, status_code=201)

    async def forget(self, _request: Request) -> Response:
        """Lets everything pass as it is again."""
        for document in self._shelf.all(ALTERATION):
            self._shelf.remove(ALTERATION, document["id"])
        return Response(status_code=204)

    async def front(self, _request: Request) -> Response:
        """How many alterations are in force, as a page."""
        count = len(self._shelf.all(ALTERATION))
        return respond("Federal lists", f"<p>The exchange’s own lists, with {count} alterations.</p>")

    async def published(self, request: Request) -> Response:
        """One of the exchange's lists, as altered."""
        path = request.path_params["path"]
        alterations = [one for one in self._shelf.all(ALTERATION) if one["list"] == _list_of(path)]
        version = _version(alterations)
        answer = await self._ask(request, version)
        change = CHANGED.get(answer.headers.get("content-type", "").partition(";")[0].strip().lower())
        altered = bool(alterations) and change is not None and answer.status_code == 200
        body: AsyncIterator[bytes] = answer.aiter_bytes(PIECE)
        if altered and change is not None and request.method != "HEAD":
            body = change(body, _changing(alterations, _said_by(path)))
        return StreamingResponse(
            _to_the_end(body, answer), answer.status_code, headers=_headers(answer, version, altered)
        )

    async def _ask(self, request: Request, version: str) -> "Answer":
        """The exchange's answer, its body still to be read; 503 when there is none."""
        import httpx2

        self._client = self._client or client()
        headers = {name: request.headers[name] for name in ASKED_WITH if name in request.headers}
        headers["accept-encoding"] = "identity"
        if version:
            headers.pop("range", None)
        if "if-none-match" in headers:
            headers["if-none-match"] = _asked_upstream(headers["if-none-match"], version)
        url = f"{self._web_url}{request.url.path}?{request.url.query}".removesuffix("?")
        sent = {name: value for name, value in headers.items() if value}
        asked = self._client.build_request(request.method, url, headers=sent)
        try:
            return await self._client.send(asked, stream=True)
        except httpx2.HTTPError as error:
            raise Problem(503, "The exchange could not be asked; try again later") from error


def _changing(alterations: list[Document], around: Row) -> Any:
    """The alterations, one after the other, as what becomes of a row; `around` is said of all rows."""
    known = [Alteration.model_validate({k: v for k, v in one.items() if k != "id"}) for one in alterations]

    def change(row: Row) -> Row | None:
        kept: Row | None = row
        for alteration in known:
            if kept is not None and alteration.concerns({**around, **kept}):
                kept = alteration.applied(kept)
        return kept

    return change


async def _to_the_end(body: AsyncIterator[bytes], answer: "Answer") -> AsyncIterator[bytes]:
    try:
        async for piece in body:
            if piece:
                yield piece
    finally:
        await answer.aclose()


def _headers(answer: "Answer", version: str, altered: bool) -> dict[str, str]:
    dropped = OF_THE_CONNECTION | (NOT_OF_ALTERED if altered else set())
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in dropped}
    tag = answer.headers.get("etag")
    if tag and version and (altered or answer.status_code == 304):
        kept["etag"] = TAG.sub(lambda found: f'{found[1] or ""}"{found[2]}~{version}"', tag)
    return kept


def _asked_upstream(tags: str, version: str) -> str:
    """The tags a client has, as the exchange gave them; those of other alterations than now are left out."""
    if tags.strip() == "*":
        return tags
    known = [(weak, tag.rpartition("~") if "~" in tag else (tag, "", "")) for weak, tag in TAG.findall(tags)]
    return ", ".join(f'{weak}"{tag}"' for weak, (tag, _, of) in known if of == version)


def _version(alterations: list[Document]) -> str:
    """What tells one set of alterations from another in an ETag; empty for none."""
    said = [{name: value for name, value in one.items() if name != "id"} for one in alterations]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16] if said else ""


def _list_of(path: str) -> str:
    return path.partition("/")[0].partition(".")[0].replace("-", "_")


def _said_by(path: str) -> Row:
    """What an address says of all its rows: the tracker's names the NPN."""
    npn = path.removeprefix("tracker/").partition(".")[0]
    return {"npn": npn} if npn != path.partition(".")[0] else {}


def _word(column: str) -> str:
    return "_".join(column.casefold().split())


def _digits(npn: Any) -> str:
    return _text(npn).lstrip("0")


def _name(cells: Row) -> list[str]:
    return f"{_text(cells.get('first_name'))} {_text(cells.get('last_name'))}".casefold().split()


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
