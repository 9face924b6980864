"""Places in training, and the statements reported about them: what the LMS and the MLMS have in common."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.http.fields import EmailAddress, ShortText
from sandbox.http.problems import Problem
from sandbox.http.requests import is_form, read_body
from sandbox.http.webhooks import WebhookSender
from sandbox.store import Document, DocumentStore
from sandbox.training.statements import read_verb, write_exact_json

Iri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$", max_length=500)]


class PlaceRequest(BaseModel):
    """Who is given a place, as the exchange describes them; each system asks for more than this."""

    model_config = ConfigDict(extra="forbid")

    registration: UUID
    assister_id: ShortText
    email: EmailAddress
    first_name: ShortText
    last_name: ShortText
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    home_page: Iri
    course_id: Iri


class ResendStatements(BaseModel):
    """What to send again: all statements about a registration, or one."""

    model_config = ConfigDict(extra="forbid")

    registration: UUID | None = None
    statement_id: UUID | None = None

    @model_validator(mode="after")
    def _require_one(self) -> "ResendStatements":
        if (self.registration is None) == (self.statement_id is None):
            raise ValueError("give either registration or statement_id")
        return self


class TrainingPlaces:
    """Places under their ids, which are also the paths of their pages below /learners/.

    The kinds tell one system's documents from another's, which are in the same file.
    """

    def __init__(
        self, store: DocumentStore, sender: WebhookSender, *, place_kind: str, statement_kind: str, key_kind: str
    ) -> None:
        self._store = store
        self._sender = sender
        self._place_kind = place_kind
        self._statement_kind = statement_kind
        self._key_kind = key_kind

    def list_places(self) -> list[Document]:
        """Every place, oldest first."""
        return self._store.list_documents(self._place_kind)

    def list_of_registration(self, registration: str) -> list[Document]:
        """The places that one registration has."""
        return [place for place in self.list_places() if place["registration"] == registration.lower()]

    def find_place(self, place_id: str) -> Document:
        """One place; 404 where there is none."""
        place = self._store.find_document(self._place_kind, place_id)
        if place is None:
            raise Problem(404, "There is no such place")
        return place

    def give_place(self, request: Request, key: str, place_id: str, place: Document, unique_by: str) -> Response:
        """Answers 201 with {id, url}; the same Idempotency-Key again gives 200 with the same document.

        409 for a key that was used for another place, and for a place that is there already; this names `unique_by`,
        the field that would have to be another.
        """
        answer = {"id": place_id, "url": str(request.base_url.replace(path=f"/learners/{place_id}"))}
        given_before = self._store.find_document(self._key_kind, key)
        if given_before is not None:
            if given_before["id"] != place_id:
                raise Problem(409, "This Idempotency-Key was used for another place", fault="Idempotency-Key")
            return JSONResponse(given_before)
        if self._store.find_document(self._place_kind, place_id) is not None:
            raise Problem(409, "There is such a place already", fault=unique_by)
        place = {**place, "url": answer["url"], "statement_ids": []}
        self._store.save_document(self._place_kind, place_id, place)
        self._store.save_document(self._key_kind, key, answer)
        return JSONResponse(answer, status_code=201)

    def report_statement(self, request: Request, place_id: str, place: Document, statement: Document) -> Response:
        """Saves the changed place and reports the statement; a script gets its id, a browser the place's page."""
        place["statement_ids"].append(statement["id"])
        self._store.save_document(self._place_kind, place_id, place)
        event = {
            "id": statement["id"],
            "registration": place["registration"],
            "verb": read_verb(statement),
            "body": write_exact_json(statement),
        }
        self._store.save_document(self._statement_kind, statement["id"], event)
        self._send_event(event)
        if is_form(request):
            return RedirectResponse(f"/learners/{place_id}", status_code=303)
        return JSONResponse({"statement_ids": [statement["id"]]})

    async def resend_statements(self, request: Request) -> Response:
        """Sends again what was sent before: the same statement ids, signed anew."""
        wanted = await read_body(request, ResendStatements)
        if wanted.statement_id:
            ids = [str(wanted.statement_id)]
        else:
            ids = [
                each for place in self.list_of_registration(str(wanted.registration)) for each in place["statement_ids"]
            ]
        events = [event for event in (self._store.find_document(self._statement_kind, each) for each in ids) if event]
        if not events:
            raise Problem(404, "Nothing of that was sent before")
        for event in events:
            self._send_event(event)
        return JSONResponse({"statement_ids": ids}, status_code=202)

    def _send_event(self, event: Document) -> None:
        self._sender.queue_event(event["registration"], event["id"], event["verb"], event["body"])
