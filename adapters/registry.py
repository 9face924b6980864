"""Reads the licence registry (NIPR's Producer Database); it judges nothing and caches nothing.

What its documents left open is in the tables below, and marked † in docs/integrations.md.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

import httpx2
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.http import Refused, call_service
from domain.shared.licensing import License, Producer

SERVICE = "registry"
PATH = "/pdb-xml-reports/entityinfo_xml.cgi"
BIOGRAPHIC = "ENTITY_BIOGRAPHIC/BIOGRAPHIC"
CONTACT_EMAILS = "ENTITY_BIOGRAPHIC/CONTACT_INFOS/STATE/CONTACT_INFO/BUSINESS_EMAIL"
NPN_TAGS = ("NPN", "ID_ENTITY")
STATES = ".//PRODUCER_LICENSING/LICENSE_INFORMATION/STATE"

DATE_FORMAT = "%m/%d/%Y"
RESIDENCY: dict[str, Literal["resident", "nonresident"] | None] = {"r": "resident", "n": "nonresident", "": None}
ACTIVE = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
# A line of authority counts unless the registry says that it isn't active.
LINE_STATUS_ACTIVE = frozenset({"", "active"})
NOT_FOUND = re.compile(r"not found|no (record|match|producer|entity|data)", re.IGNORECASE)


@dataclass(frozen=True, repr=False)
class RegistryAnswer:
    """What the registry said: `raw` as received, its SHA-256 in hex, and who it describes (None: nobody)."""

    raw: bytes
    sha256: str
    producer: Producer | None


class RegistryClient:
    """The registry, by Basic credentials. Each look-up is billed."""

    def __init__(self, client: httpx2.AsyncClient, url: str, user: str, password: str) -> None:
        self._client = client
        self._url = url.rstrip("/") + PATH
        self._auth = httpx2.BasicAuth(user, password)

    async def look_up_npn(self, npn: str) -> RegistryAnswer:
        """Looks one NPN up (A13); an answer that can't be read in full raises Refused("registry_unreadable")."""
        response = await call_service(
            self._client, SERVICE, "GET", self._url, params={"id_entity": npn}, auth=self._auth
        )
        raw = response.content
        return RegistryAnswer(raw, hashlib.sha256(raw).hexdigest(), parse_answer(raw, npn))


def parse_answer(raw: bytes, npn: str) -> Producer | None:
    """The producer in a PDB answer, None if it says there is none; also for answers kept from earlier."""
    try:
        # A document may name files or addresses, or unfold into gigabytes, by its type and entities alone.
        root = fromstring(raw, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise _refuse_answer("not XML that is safe to read") from None
    if root.tag != "PDB":
        raise _refuse_answer("not a PDB document")
    error = root.find("ERROR")
    if error is not None:
        if NOT_FOUND.search(_find_text(error, "DESCRIPTION")):
            return None
        raise _refuse_answer("it reports an error of its own")
    entities = [*root.iterfind("PRODUCER/INDIVIDUAL"), *root.iterfind("PRODUCER/FIRM")]
    if len(entities) != 1:
        raise _refuse_answer("not exactly one producer")
    return _parse_producer(entities[0], npn)


def _parse_producer(entity: Element, npn: str) -> Producer:
    biographic = entity.find(BIOGRAPHIC)
    if biographic is None:
        raise _refuse_answer("a producer without BIOGRAPHIC")
    if any(_find_text(biographic, tag).lstrip("0") not in ("", npn) for tag in NPN_TAGS):
        raise _refuse_answer("a producer with another NPN")
    return Producer(
        npn=npn,
        entity="individual" if entity.tag == "INDIVIDUAL" else "firm",
        first_name=_find_text(biographic, "NAME_FIRST"),
        last_name=_find_text(biographic, "NAME_LAST"),
        suffix=_find_text(biographic, "NAME_SUFFIX"),
        company=_find_text(biographic, "NAME_COMPANY"),
        contact_emails=tuple(
            dict.fromkeys(
                text.strip().lower() for email in entity.iterfind(CONTACT_EMAILS) if (text := email.text or "").strip()
            )
        ),
        licenses=tuple(
            _parse_license(state, license_)
            for state in entity.iterfind(STATES)
            for license_ in state.iterfind("LICENSE")
        ),
    )


def _parse_license(state: Element, element: Element) -> License:
    code = state.get("name", "").strip()
    if not re.fullmatch("[A-Z]{2}", code):
        raise _refuse_answer("a state that is not a two-letter code")
    residency = _find_text(element, "RESIDENCY_STATUS").lower()
    active = _find_text(element, "ACTIVE").lower()
    if residency not in RESIDENCY or active not in ACTIVE:
        raise _refuse_answer("a licence with an unknown residency or activity")
    number = _find_text(element, "LICENSE_NUM")
    if not number:
        raise _refuse_answer("a licence without a number")
    return License(
        state=code,
        number=number,
        residency=RESIDENCY[residency],
        active=ACTIVE[active],
        expires=_parse_date(_find_text(element, "DATE_EXPIRE_LICENSE")),
        lines=_list_lines(element, active=True),
        ended_lines=_list_lines(element, active=False),
    )


def _list_lines(element: Element, *, active: bool) -> tuple[str, ...]:
    """The licence's lines of authority that are active, or those that aren't."""
    return tuple(
        line
        for detail in element.iterfind("DETAILS/DETAIL")
        if (line := _find_text(detail, "LOA"))
        and (_find_text(detail, "STATUS").lower() in LINE_STATUS_ACTIVE) is active
    )


def _parse_date(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, DATE_FORMAT).date()  # noqa: DTZ007 - a calendar day has no time zone
    except ValueError:
        raise _refuse_answer("a licence with an unreadable date") from None


def _find_text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _refuse_answer(detail: str) -> Refused:
    return Refused(f"{SERVICE}_unreadable", detail)
