"""Stands in for the federal lists as CMS publishes them: the exchange's own, with rows left out or altered on demand.

Lists have up to a million rows, so they are streamed through: none is ever in memory as a whole.
"""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.exchange import ExchangeClient
from sandbox.http.pages import respond_with_page
from sandbox.http.requests import read_body
from sandbox.lists.alterations import RowAlteration, build_row_change, compute_version, find_list_name
from sandbox.lists.rows import change_csv_rows, change_json_rows
from sandbox.store import DocumentStore

if TYPE_CHECKING:
    from httpx2 import Response as Answer

ALTERATION = "lists:alteration"
PIECE_BYTES = 64 * 1024
CHANGE_BY_MEDIA_TYPE = {"text/csv": change_csv_rows, "application/json": change_json_rows}
FORWARDED_HEADERS = ("accept", "accept-language", "if-none-match", "range")
# Headers about the connection to the exchange, which is another one than ours.
CONNECTION_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-encoding", "date", "server", "upgrade"}
# What is not true any more of an altered list.
CONTENT_HEADERS = {"content-length", "etag", "last-modified", "accept-ranges", "content-digest", "repr-digest"}
ENTITY_TAG = re.compile(r'(W/)?"([^"]*)"')


class FederalListsStandIn:
    """The lists under /registry, and what is altered in them."""

    def __init__(self, web_url: str, store: DocumentStore) -> None:
        self._web_url = web_url
        self._store = store
        self._exchange = ExchangeClient()
        self.controls = Controls()

    def build_app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/registry/{path:path}", self.show_list),
            Route("/alterations", self.list_alterations),
            Route("/alterations", self.add_alteration, methods=["POST"]),
            Route("/alterations", self.delete_alterations, methods=["DELETE"]),
            Route("/", self.show_front_page),
        ]
        return build_application(self.controls, routes, "/registry/", "text/csv")

    async def close(self) -> None:
        """Closes the connections to the exchange."""
        await self._exchange.close()

    async def list_alterations(self, _request: Request) -> Response:
        """Every alteration in force."""
        return JSONResponse(self._store.list_documents(ALTERATION))

    async def add_alteration(self, request: Request) -> Response:
        """Alters what passes from now on."""
        document = {"id": str(uuid4()), **(await read_body(request, RowAlteration)).model_dump(mode="json")}
        self._store.save_document(ALTERATION, document["id"], document)
        return JSONResponse(document, status_code=201)

    async def delete_alterations(self, _request: Request) -> Response:
        """Lets everything pass as it is again."""
        for document in self._store.list_documents(ALTERATION):
            self._store.delete_document(ALTERATION, document["id"])
        return Response(status_code=204)

    async def show_front_page(self, _request: Request) -> Response:
        """How many alterations are in force, as a page."""
        count = len(self._store.list_documents(ALTERATION))
        return respond_with_page("Federal lists", f"<p>The exchange’s own lists, with {count} alterations.</p>")

    async def show_list(self, request: Request) -> Response:
        """One of the exchange's lists, as altered."""
        path = request.path_params["path"]
        name = find_list_name(path)
        alterations = [each for each in self._store.list_documents(ALTERATION) if each["list"] == name]
        version = compute_version(alterations)
        answer = await self._ask_exchange(request, version)
        change_rows = CHANGE_BY_MEDIA_TYPE.get(answer.headers.get("content-type", "").partition(";")[0].strip().lower())
        altered = bool(alterations) and change_rows is not None and answer.status_code == 200
        body: AsyncIterator[bytes] = answer.aiter_bytes(PIECE_BYTES)
        if altered and change_rows is not None and request.method != "HEAD":
            body = change_rows(body, build_row_change(path, alterations))
        headers = _choose_headers(answer, version, altered)
        return StreamingResponse(_stream_to_the_end(body, answer), answer.status_code, headers=headers)

    async def _ask_exchange(self, request: Request, version: str) -> "Answer":
        """The exchange's answer, its body still to be read; 503 when there is none."""
        headers = {name: request.headers[name] for name in FORWARDED_HEADERS if name in request.headers}
        # Rows are altered in plain text, and in a whole list: bytes that a range names are others in an altered one.
        headers["accept-encoding"] = "identity"
        if version:
            headers.pop("range", None)
        if "if-none-match" in headers:
            headers["if-none-match"] = _translate_tags(headers["if-none-match"], version)
        url = f"{self._web_url}{request.url.path}?{request.url.query}".removesuffix("?")
        headers = {name: value for name, value in headers.items() if value}
        return await self._exchange.send_request(request.method, url, headers=headers, stream=True)


async def _stream_to_the_end(body: AsyncIterator[bytes], answer: "Answer") -> AsyncIterator[bytes]:
    try:
        async for piece in body:
            if piece:
                yield piece
    finally:
        await answer.aclose()


def _choose_headers(answer: "Answer", version: str, altered: bool) -> dict[str, str]:
    dropped = CONNECTION_HEADERS | (CONTENT_HEADERS if altered else set())
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in dropped}
    tag = answer.headers.get("etag")
    if tag and version and (altered or answer.status_code == 304):
        kept["etag"] = ENTITY_TAG.sub(lambda found: f'{found[1] or ""}"{found[2]}~{version}"', tag)
    return kept


def _translate_tags(tags: str, version: str) -> str:
    """A client's tags as the exchange gave them; those that stand for other alterations than now are left out."""
    if tags.strip() == "*":
        return tags
    split = [(weak, tag.rpartition("~") if "~" in tag else (tag, "", "")) for weak, tag in ENTITY_TAG.findall(tags)]
    return ", ".join(f'{weak}"{tag}"' for weak, (tag, _, altered_by) in split if altered_by == version)
