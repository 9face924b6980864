"""Stands in for the registry's alerts: subscriptions, whom they name, and a report of what a day has changed.

SOAP as public code of others speaks it; what is marked † no document confirmed (docs/integrations.md).
"""

import re
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.http.problems import Problem
from sandbox.http.requests import require_basic_credentials
from sandbox.store import Document, DocumentStore

PATH = "/pdb-alerts-industry-services/services/industry-ws"
NAMESPACE = "https://pdb-services.nipr.com/pdb-alerts-industry-services/industry-ws"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
INCLUDE = "http://www.w3.org/2004/08/xop/include"
SUBSCRIPTION, CHANGE = "alert_subscription", "alert_change"
MOST_TARGETS = 500
EASTERN = ZoneInfo("America/New_York")
# Days from the beginning of a week; the next Monday follows its Sunday.
FRIDAY, MONDAY = 4, 7
BOUNDARY = "uuid-of-a-report"


class AlertsStandIn:
    """The alerts: what changes is written down by day, and told of those that a subscription names."""

    def __init__(self, user: str, password: str, store: DocumentStore) -> None:
        self._user = user
        self._password = password
        self._store = store

    def build_routes(self) -> list[BaseRoute]:
        """The one address of the service."""
        return [Route(PATH, self.answer_call, methods=["POST"])]

    def note_change(self, npn: str) -> None:
        """Writes down that somebody's record has changed today; at a weekend that is Monday's report."""
        day = datetime.now(EASTERN).date()
        day += timedelta(days=max(0, day.weekday() - FRIDAY) and MONDAY - day.weekday())
        self._store.save_document(CHANGE, f"{day}:{npn}", {"day": day.isoformat(), "npn": npn})

    async def answer_call(self, request: Request) -> Response:
        """Carries one operation out; 500 with a SOAP fault for what can't be understood."""
        require_basic_credentials(request, self._user, self._password)
        raw = await request.body()
        if b"<!" in raw:  # no document type, no entity
            return _build_fault("The envelope is not understood")
        try:
            call = Xml.fromstring(raw).find(f"{{{ENVELOPE}}}Body/*")  # noqa: S314 it declares nothing
        except Xml.ParseError:
            return _build_fault("The envelope is not XML")
        operations = {
            "addSubscription": self._add_subscription,
            "addTargets": self._add_targets,
            "removeTargets": self._remove_targets,
            "receiveSpecificReport": self._report_day,
        }
        name = "" if call is None else call.tag.rpartition("}")[2]
        if call is None or name not in operations:
            return _build_fault("There is no such operation")
        try:
            return operations[name](call)
        except (ValueError, Problem) as error:
            return _build_fault(str(error))

    def _add_subscription(self, call: Xml.Element) -> Response:
        """Opens one; of a name that is there already it is refused†."""
        name = _read(call, ".//{*}subscriptionName")
        if self._store.find_document(SUBSCRIPTION, name) is not None:
            raise ValueError("There is a subscription of this name already")
        self._store.save_document(SUBSCRIPTION, name, {"name": name, "npns": []})
        return _build_answer("addSubscriptionResponse")

    def _add_targets(self, call: Xml.Element) -> Response:
        found, npns = self._find_subscription(call), _read_npns(call)
        wanted = list(dict.fromkeys([*found["npns"], *npns]))
        if len(wanted) > MOST_TARGETS:
            raise ValueError(f"A subscription has {MOST_TARGETS} targets at most")
        self._store.save_document(SUBSCRIPTION, found["name"], {**found, "npns": wanted})
        return _build_answer("addTargetsResponse")

    def _remove_targets(self, call: Xml.Element) -> Response:
        found, npns = self._find_subscription(call), set(_read_npns(call))
        kept = [npn for npn in found["npns"] if npn not in npns]
        self._store.save_document(SUBSCRIPTION, found["name"], {**found, "npns": kept})
        return _build_answer("removeTargetsResponse")

    def _find_subscription(self, call: Xml.Element) -> Document:
        found = self._store.find_document(SUBSCRIPTION, _read(call, "{*}subscriptionName"))
        if found is None:
            raise ValueError("There is no subscription of this name")
        return found

    def _report_day(self, call: Xml.Element) -> Response:
        """A day's report, attached to the answer: those a subscription names whose record has changed."""
        day = date.fromisoformat(_read(call, "{*}reportDate")).isoformat()
        watched = {npn for one in self._store.list_documents(SUBSCRIPTION) for npn in one["npns"]}
        changed = [one["npn"] for one in self._store.list_documents(CHANGE) if one["day"] == day]
        return _build_report([npn for npn in changed if npn in watched])


def _build_report(npns: list[str]) -> Response:
    envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
    answer = Xml.SubElement(
        Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{NAMESPACE}}}receiveSpecificReportResponse"
    )
    said = Xml.SubElement(Xml.SubElement(answer, f"{{{NAMESPACE}}}alertsReport"), f"{{{NAMESPACE}}}alertsReport")
    Xml.SubElement(said, f"{{{INCLUDE}}}Include", href="cid:report@registry.example")
    root = Xml.Element("LicensingReportProcessResult")
    report = Xml.SubElement(root, "LicensingReport")
    for npn in npns:
        identifier = Xml.SubElement(Xml.SubElement(report, "Person", key=f"Person{npn}"), "ExternalIdentifier")
        Xml.SubElement(identifier, "TypeCode").text = "NAICProducerCode"
        Xml.SubElement(identifier, "Id").text = npn
    for npn in npns:
        references = Xml.SubElement(Xml.SubElement(report, "JurisdictionReport"), "PersonReferences")
        references.set("personReference", f"Person{npn}")
    parts = [
        ('application/xop+xml; charset=utf-8; type="text/xml"', "<root@registry.example>", envelope),
        ("text/xml", "<report@registry.example>", root),
    ]
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Type: {media}\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: {name}\r\n\r\n".encode()
        + Xml.tostring(element, "utf-8")
        + b"\r\n"
        for media, name, element in parts
    )
    media_type = (
        f'multipart/related; type="application/xop+xml"; boundary="{BOUNDARY}"; '
        'start="<root@registry.example>"; start-info="text/xml"'
    )
    return Response(body + f"--{BOUNDARY}--\r\n".encode(), media_type=media_type)


def _build_answer(name: str) -> Response:
    envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
    Xml.SubElement(Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{NAMESPACE}}}{name}")
    return Response(Xml.tostring(envelope, "utf-8", xml_declaration=True), media_type="text/xml")


def _build_fault(sentence: str) -> Response:
    envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
    fault = Xml.SubElement(Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body"), f"{{{ENVELOPE}}}Fault")
    Xml.SubElement(fault, "faultcode").text = "soapenv:Client"
    Xml.SubElement(fault, "faultstring").text = sentence
    return Response(Xml.tostring(envelope, "utf-8", xml_declaration=True), 500, media_type="text/xml")


def _read(call: Xml.Element, path: str) -> str:
    text = (call.findtext(path) or "").strip()
    if not text or len(text) > 100:
        raise ValueError(f"{path.rpartition('}')[2]} is missing")
    return text


def _read_npns(call: Xml.Element) -> list[str]:
    npns = [(one.text or "").strip() for one in call.iterfind(".//{*}npnList")]
    if not npns or not all(re.fullmatch(r"[1-9][0-9]{0,9}", npn) for npn in npns):
        raise ValueError("npnList has to name NPNs")
    return npns
