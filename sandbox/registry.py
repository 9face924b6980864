"""Stands in for the licence registry: NIPR's Producer Database, in XML. It decides nobody's eligibility.

What is marked † no document confirmed (docs/integrations.md).
"""

import re
from datetime import date
from typing import Literal
from xml.etree import ElementTree as Xml

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.http.application import build_application
from sandbox.http.controls import Controls
from sandbox.http.requests import read_body, require_basic_credentials
from sandbox.registry_alerts import PATH as ALERTS_PATH, AlertsStandIn
from sandbox.seeds import PRODUCERS
from sandbox.store import Document, DocumentStore

NPN = r"^[1-9][0-9]{0,9}$"
PRODUCER = "producer"
RESIDENCY = {"resident": "R", "nonresident": "N"}
YES_NO = {True: "Yes", False: "No"}
STATUS = {True: "Active", False: "Inactive"}


class RegistryLicense(BaseModel):
    """One licence in one state."""

    model_config = ConfigDict(extra="forbid")

    state: str = Field(pattern=r"^[A-Z]{2}$")
    number: str = Field(min_length=1, max_length=50)
    residency: Literal["resident", "nonresident"] = "resident"
    active: bool = True
    line: str = Field("Accident and Health", max_length=100)
    expires: date | None = None


class RegistryProducer(BaseModel):
    """Whom an NPN belongs to, and with which licences."""

    model_config = ConfigDict(extra="forbid")

    npn: str = Field(pattern=NPN)
    entity: Literal["individual", "firm"]
    first_name: str | None = Field(None, max_length=100, validate_default=True)
    last_name: str | None = Field(None, max_length=100, validate_default=True)
    suffix: str | None = Field(None, max_length=20)
    company: str | None = Field(None, max_length=200, validate_default=True)
    contact_email: str | None = Field(None, max_length=254)
    licenses: list[RegistryLicense] = Field(default_factory=list, max_length=100)

    @field_validator("first_name", "last_name", "company")
    @classmethod
    def _require_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        owner = "firm" if info.field_name == "company" else "individual"
        if info.data.get("entity") == owner and not (value or "").strip():
            raise ValueError(f"is required of an entity of the kind {owner}")
        return value


class RegistryStandIn:
    """The registry: producers by NPN, the seeds and those added since."""

    def __init__(self, user: str, password: str, store: DocumentStore) -> None:
        self._user = user
        self._password = password
        self._store = store
        self._alerts = AlertsStandIn(user, password, store)
        self.controls = Controls()
        for producer in PRODUCERS:
            if store.find_document(PRODUCER, producer["npn"]) is None:
                self._save_producer(RegistryProducer.model_validate(producer))

    def build_app(self) -> Starlette:
        """Its web application."""
        routes = [
            Route("/pdb-xml-reports/entityinfo_xml.cgi", self.report_entity),
            Route("/producers", self.list_producers),
            Route("/producers", self.add_producer, methods=["POST"]),
            *self._alerts.build_routes(),
        ]
        return build_application(self.controls, routes, ("/pdb-xml-reports", ALERTS_PATH), "text/xml")

    async def report_entity(self, request: Request) -> Response:
        """The report on one NPN; an unknown one is an answer too, with status 200†."""
        require_basic_credentials(request, self._user, self._password)
        npn = request.query_params.get("id_entity", "")
        producer = self._store.find_document(PRODUCER, npn) if re.match(NPN, npn) else None
        report = (
            build_not_found_report()
            if producer is None
            else build_entity_report(RegistryProducer.model_validate(producer))
        )
        return Response(Xml.tostring(report, "utf-8", xml_declaration=True), media_type="text/xml")

    async def list_producers(self, _request: Request) -> Response:
        """Everybody in the registry."""
        return JSONResponse(self._store.list_documents(PRODUCER))

    async def add_producer(self, request: Request) -> Response:
        """Adds a producer, in place of one with the same NPN; alerts tell of it today."""
        saved = self._save_producer(await read_body(request, RegistryProducer))
        self._alerts.note_change(saved["npn"])
        return JSONResponse(saved, status_code=201)

    def _save_producer(self, producer: RegistryProducer) -> Document:
        document = producer.model_dump(mode="json")
        self._store.save_document(PRODUCER, producer.npn, document)
        return document


def build_not_found_report() -> Xml.Element:
    """The report on an NPN that nobody has†."""
    root = Xml.Element("PDB")
    _add_text(Xml.SubElement(root, "ERROR"), "DESCRIPTION", "No entity was found for the identifier given")
    return root


def build_entity_report(producer: RegistryProducer) -> Xml.Element:
    """The report on a producer: who it is, then every licence of every state."""
    root = Xml.Element("PDB")
    entity = Xml.SubElement(Xml.SubElement(root, "PRODUCER"), producer.entity.upper())
    biographic = Xml.SubElement(entity, "ENTITY_BIOGRAPHIC")
    _add_biography(Xml.SubElement(biographic, "BIOGRAPHIC"), producer)
    if producer.contact_email:
        _add_contacts(Xml.SubElement(biographic, "CONTACT_INFOS"), producer)
    information = Xml.SubElement(Xml.SubElement(entity, "PRODUCER_LICENSING"), "LICENSE_INFORMATION")
    states: dict[str, Xml.Element] = {}
    for held in producer.licenses:
        if held.state not in states:
            states[held.state] = Xml.SubElement(information, "STATE", name=held.state)
        _add_license(Xml.SubElement(states[held.state], "LICENSE"), held)
    return root


def _add_biography(element: Xml.Element, producer: RegistryProducer) -> None:
    if producer.entity == "individual":
        _add_text(element, "NAME_LAST", producer.last_name)
        _add_text(element, "NAME_FIRST", producer.first_name)
        _add_text(element, "NAME_MIDDLE", "")
        _add_text(element, "NAME_SUFFIX", producer.suffix)
        _add_text(element, "DATE_BIRTH", "01/01/1980")
    _add_text(element, "NAME_COMPANY", producer.company)


def _add_contacts(element: Xml.Element, producer: RegistryProducer) -> None:
    """The same contact in every state of a licence; without one, in New Mexico."""
    for name in dict.fromkeys(held.state for held in producer.licenses) or ("NM",):
        contact = Xml.SubElement(Xml.SubElement(element, "STATE", name=name), "CONTACT_INFO")
        _add_text(contact, "BUSINESS_EMAIL", producer.contact_email)


def _add_license(element: Xml.Element, held: RegistryLicense) -> None:
    _add_text(element, "LICENSE_NUM", held.number)
    _add_text(element, "DATE_UPDATED", "01/02/2024")
    _add_text(element, "DATE_ISSUE_LICENSE_ORIG", "01/02/2020")
    _add_text(element, "DATE_EXPIRE_LICENSE", _format_date(held.expires))
    _add_text(element, "LICENSE_CLASS", "Insurance Producer")
    _add_text(element, "LICENSE_CLASS_CODE", "1")
    _add_text(element, "RESIDENCY_STATUS", RESIDENCY[held.residency])
    _add_text(element, "ACTIVE", YES_NO[held.active])
    detail = Xml.SubElement(Xml.SubElement(element, "DETAILS"), "DETAIL")
    _add_text(detail, "LOA", held.line)
    _add_text(detail, "LOA_CODE", "26")
    _add_text(detail, "AUTHORITY_ISSUE_DATE", "01/02/2020")
    _add_text(detail, "STATUS", STATUS[held.active])
    _add_text(detail, "STATUS_REASON", "None" if held.active else "Lapsed")
    _add_text(detail, "STATUS_REASON_DATE", "01/02/2020")


def _format_date(day: date | None) -> str:
    return day.strftime("%m/%d/%Y") if day else ""


def _add_text(parent: Xml.Element, tag: str, text: str | None) -> None:
    Xml.SubElement(parent, tag).text = text or ""
