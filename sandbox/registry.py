"""Stands in for the licence registry, NIPR's Producer Database in XML. It decides nobody's eligibility."""

import re
from datetime import date
from typing import Literal
from xml.etree import ElementTree as Xml

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.controls import Controls, application
from sandbox.http.requests import demand_basic, read
from sandbox.seeds import PRODUCERS
from sandbox.store import Document, Shelf

NPN = r"^[1-9][0-9]{0,9}$"
PRODUCER = "producer"
RESIDENCY = {"resident": "R", "nonresident": "N"}
YES_NO = {True: "Yes", False: "No"}
STATUS = {True: "Active", False: "Inactive"}


class License(BaseModel):
    """One licence in one state."""

    model_config = ConfigDict(extra="forbid")

    state: str = Field(pattern=r"^[A-Z]{2}$")
    number: str = Field(min_length=1, max_length=50)
    residency: Literal["resident", "nonresident"] = "resident"
    active: bool = True
    line: str = Field("Accident and Health", max_length=100)
    expires: date | None = None


class Producer(BaseModel):
    """Whom an NPN belongs to, and with which licences."""

    model_config = ConfigDict(extra="forbid")

    npn: str = Field(pattern=NPN)
    entity: Literal["individual", "firm"]
    first_name: str | None = Field(None, max_length=100, validate_default=True)
    last_name: str | None = Field(None, max_length=100, validate_default=True)
    suffix: str | None = Field(None, max_length=20)
    company: str | None = Field(None, max_length=200, validate_default=True)
    licenses: list[License] = Field(default_factory=list, max_length=100)

    @field_validator("first_name", "last_name", "company")
    @classmethod
    def _named(cls, value: str | None, info: ValidationInfo) -> str | None:
        owner = "firm" if info.field_name == "company" else "individual"
        if info.data.get("entity") == owner and not (value or "").strip():
            raise ValueError(f"is required of an entity of the kind {owner}")
        return value


class Registry:
    """The registry: producers by NPN, the seeds and those added since."""

    def __init__(self, user: str, password: str, shelf: Shelf) -> None:
        self._user = user
        self._password = password
        self._shelf = shelf
        self.controls = Controls()
        for producer in PRODUCERS:
            if shelf.get(PRODUCER, producer["npn"]) is None:
                self._put(Producer.model_validate(producer))

    def app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/pdb-xml-reports/entityinfo_xml.cgi", self.entity_info),
            Route("/producers", self.producers),
            Route("/producers", self.add, methods=["POST"]),
        ]
        return application(self.controls, routes, "/pdb-xml-reports", "text/xml")

    async def entity_info(self, request: Request) -> Response:
        """The report on one NPN; an unknown one is an answer too, with status 200†."""
        demand_basic(request, self._user, self._password)
        npn = request.query_params.get("id_entity", "")
        producer = self._shelf.get(PRODUCER, npn) if re.match(NPN, npn) else None
        report = not_found() if producer is None else entity_report(Producer.model_validate(producer))
        return Response(Xml.tostring(report, "utf-8", xml_declaration=True), media_type="text/xml")

    async def producers(self, _request: Request) -> Response:
        """Everybody in the registry."""
        return JSONResponse(self._shelf.all(PRODUCER))

    async def add(self, request: Request) -> Response:
        """Adds a producer, in place of one with the same NPN."""
        return JSONResponse(self._put(await read(request, Producer)), status_code=201)

    def _put(self, producer: Producer) -> Document:
        document = producer.model_dump(mode="json")
        self._shelf.put(PRODUCER, producer.npn, document)
        return document


def not_found() -> Xml.Element:
    """What the registry says of an NPN nobody has†."""
    root = Xml.Element("PDB")
    _text(Xml.SubElement(root, "ERROR"), "DESCRIPTION", "No entity was found for the identifier given")
    return root


def entity_report(producer: Producer) -> Xml.Element:
    """The report on a producer: who it is, then every licence of every state."""
    root = Xml.Element("PDB")
    entity = Xml.SubElement(Xml.SubElement(root, "PRODUCER"), producer.entity.upper())
    _biography(Xml.SubElement(Xml.SubElement(entity, "ENTITY_BIOGRAPHIC"), "BIOGRAPHIC"), producer)
    information = Xml.SubElement(Xml.SubElement(entity, "PRODUCER_LICENSING"), "LICENSE_INFORMATION")
    states: dict[str, Xml.Element] = {}
    for held in producer.licenses:
        if held.state not in states:
            states[held.state] = Xml.SubElement(information, "STATE", name=held.state)
        _license(Xml.SubElement(states[held.state], "LICENSE"), held)
    return root


def _biography(element: Xml.Element, producer: Producer) -> None:
    if producer.entity == "individual":
        _text(element, "NAME_LAST", producer.last_name)
        _text(element, "NAME_FIRST", producer.first_name)
        _text(element, "NAME_MIDDLE", "")
        _text(element, "NAME_SUFFIX", producer.suffix)
        _text(element, "DATE_BIRTH", "01/01/1980")
    _text(element, "NAME_COMPANY", producer.company)


def _license(element: Xml.Element, held: License) -> None:
    _text(element, "LICENSE_NUM", held.number)
    _text(element, "DATE_UPDATED", "01/02/2024")
    _text(element, "DATE_ISSUE_LICENSE_ORIG", "01/02/2020")
    _text(element, "DATE_EXPIRE_LICENSE", _american(held.expires))
    _text(element, "LICENSE_CLASS", "Insurance Producer")
    _text(element, "LICENSE_CLASS_CODE", "1")
    _text(element, "RESIDENCY_STATUS", RESIDENCY[held.residency])
    _text(element, "ACTIVE", YES_NO[held.active])
    detail = Xml.SubElement(Xml.SubElement(element, "DETAILS"), "DETAIL")
    _text(detail, "LOA", held.line)
    _text(detail, "LOA_CODE", "26")
    _text(detail, "AUTHORITY_ISSUE_DATE", "01/02/2020")
    _text(detail, "STATUS", STATUS[held.active])
    _text(detail, "STATUS_REASON", "None" if held.active else "Lapsed")
    _text(detail, "STATUS_REASON_DATE", "01/02/2020")


def _american(day: date | None) -> str:
    return day.strftime("%m/%d/%Y") if day else ""


def _text(parent: Xml.Element, tag: str, text: str | None) -> None:
    Xml.SubElement(parent, tag).text = text or ""
