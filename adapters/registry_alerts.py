"""The alerts of the licence registry (NIPR's PDB Alerts): whom to watch, and whose record a day has changed (E1).

SOAP over HTTP Basic; a report is an XML document attached to the answer (MTOM). What no document confirmed is marked †
in docs/integrations.md. Nothing here is billed by the call.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BytesIO
from xml.etree import ElementTree as Xml

import httpx2
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from adapters.http import Refused, Unavailable, open_stream, read_pieces

SERVICE = "registry_alerts"
PATH = "/pdb-alerts-industry-services/services/industry-ws"
NAMESPACE = "https://pdb-services.nipr.com/pdb-alerts-industry-services/industry-ws"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
# What may take a licence away, or say whose it is.
ALERT_TYPES = ("LICENSING", "RIRS", "DEMOGRAPHICS")
NPN_TYPE = "NAICProducerCode"
NPN = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
REPORT_ROOT = "ReportProcessResult"
FAULT_STATUS = 500
MOST_BYTES = 16 * 1024 * 1024
SECONDS = 60.0


class RegistryAlertsClient:
    """The registry's alerts, by Basic credentials. Raises `Unavailable` and `Refused`."""

    def __init__(self, client: httpx2.AsyncClient, url: str, user: str, password: str, email: str) -> None:
        self._client = client
        self._url = url.rstrip("/") + PATH
        self._auth = httpx2.BasicAuth(user, password)
        self._email = email

    async def add_subscription(self, name: str) -> None:
        """Opens a subscription to alerts of every state under a name of ours; one that is there stays as it is.

        A fault changes nothing here: in which words one that is there is refused is nowhere published, and where there
        is none, `add_targets` fails.
        """
        call = _begin_call("addSubscription")
        data = _add(call, "subscriptionInputData")
        _add(data, "subscriptionName", name)
        _add(data, "email", self._email)
        affiliations = _add(data, "affiliationList")
        _add(affiliations, "None", "false")
        _add(affiliations, "All", "false")
        _add(_add(data, "stateList"), "allStates", "true")
        types = _add(data, "alertTypeList")
        for one in ALERT_TYPES:
            _add(types, "alertTypeList", one)
        await self._call(call, takes_fault=True)

    async def add_targets(self, name: str, npns: Sequence[str]) -> None:
        """Has a subscription name these NPNs too."""
        await self._call(_name_targets("addTargets", name, npns))

    async def remove_targets(self, name: str, npns: Sequence[str]) -> None:
        """Has a subscription name these NPNs no more."""
        await self._call(_name_targets("removeTargets", name, npns))

    async def read_report(self, day: date) -> tuple[str, ...]:
        """The NPNs whose record has changed on a day, by all our subscriptions, each once."""
        call = _begin_call("receiveSpecificReport")
        _add(call, "reportDate", day.isoformat())
        media_type, body = await self._call(call)
        return parse_report(media_type, body)

    async def _call(self, call: Xml.Element, *, takes_fault: bool = False) -> tuple[str, bytes]:
        """The answer's media type and body; a SOAP fault is one only where that is said."""
        envelope = Xml.Element(f"{{{ENVELOPE}}}Envelope")
        Xml.SubElement(envelope, f"{{{ENVELOPE}}}Body").append(call)
        action = call.tag.partition("}")[2]
        async with open_stream(
            self._client,
            SERVICE,
            self._url,
            within=SECONDS,
            method="POST",
            answers={FAULT_STATUS} if takes_fault else (),
            auth=self._auth,
            content=Xml.tostring(envelope, "utf-8", xml_declaration=True),
            headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NAMESPACE}/{action}"'},
        ) as response:
            body = b"".join([piece async for piece in read_pieces(response, SERVICE, MOST_BYTES)])
        if response.status_code == FAULT_STATUS and not _is_fault(body):
            raise Unavailable(f"{SERVICE}_unreachable", f"answered {FAULT_STATUS}")
        return response.headers.get("content-type", ""), body


def parse_report(media_type: str, body: bytes) -> tuple[str, ...]:
    """The NPNs that the answer to `receiveSpecificReport` names; what can't be read raises Refused."""
    try:
        return tuple(dict.fromkeys(npn for report in _find_reports(media_type, body) for npn in _list_npns(report)))
    except (Xml.ParseError, DefusedXmlException, ValueError, LookupError):
        raise _refuse_report("not XML that is safe to read") from None


def _find_reports(media_type: str, body: bytes) -> list[bytes]:
    """The documents that came with the envelope: attached, or written into it as base64, which means the same."""
    if media_type.lower().startswith("multipart/"):
        whole = message_from_bytes(b"Content-Type: " + media_type.encode("latin-1") + b"\r\n\r\n" + body, policy=_MIME)
        parts = [bytes(part.get_payload(decode=True) or b"") for part in _list_parts(whole)]
        if len(parts) < 2:
            raise _refuse_report("no report is attached")
        return parts[1:]
    root = fromstring(body, forbid_dtd=True)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise _refuse_report("not a SOAP envelope")
    written = [
        text
        for one in root.iter()
        if _strip_namespace(one.tag) == "alertsReport" and (text := (one.text or "").strip())
    ]
    if not written:
        raise _refuse_report("an answer without a report")
    return [base64.b64decode(text, validate=True) for text in written]


_MIME = policy.default.clone(raise_on_defect=False)


def _list_parts(whole: EmailMessage) -> Iterator[EmailMessage]:
    return (part for part in whole.walk() if not part.is_multipart())


def _list_npns(report: bytes) -> Iterator[str]:
    """The NPNs in one report, read as it comes: what was read is forgotten."""
    root: str | None = None
    for event, element in iterparse(BytesIO(report), ("start", "end"), forbid_dtd=True):
        name = _strip_namespace(element.tag)
        if root is None:
            root = name
            if not root.endswith(REPORT_ROOT):
                raise _refuse_report("not a report")
        if event == "end" and name == "ExternalIdentifier":
            said = {_strip_namespace(one.tag): (one.text or "").strip() for one in element}
            npn = said.get("Id", "").lstrip("0")
            if said.get("TypeCode") == NPN_TYPE and NPN.fullmatch(npn):
                yield npn
        elif event == "end" and name in ("Person", "JurisdictionReport"):
            element.clear()


def _is_fault(body: bytes) -> bool:
    try:
        return fromstring(body, forbid_dtd=True).find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault") is not None
    except (Xml.ParseError, DefusedXmlException, ValueError):
        return False


def _begin_call(name: str) -> Xml.Element:
    return Xml.Element(f"{{{NAMESPACE}}}{name}")


def _name_targets(action: str, name: str, npns: Sequence[str]) -> Xml.Element:
    call = _begin_call(action)
    _add(call, "subscriptionName", name)
    data = _add(call, "targetInputData")
    _add(data, "inputFormat", "NPN")
    listed = _add(data, "targetInputList")
    for npn in npns:
        _add(listed, "npnList", npn)
    return call


def _add(parent: Xml.Element, name: str, text: str | None = None) -> Xml.Element:
    child = Xml.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = text
    return child


def _strip_namespace(tag: str) -> str:
    return tag.rpartition("}")[2]


def _refuse_report(detail: str) -> Refused:
    return Refused(f"{SERVICE}_unreadable", detail)
