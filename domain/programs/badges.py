"""A certificate as an Open Badges 3.0 credential, and the lists that say which don't count (E16).

The payloads of VC-JWTs: a payload is the credential itself, with the registered claims beside its own. Neither an NPN
nor an e-mail address is in one.
"""

import base64
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlsplit

from domain.shared.documents.instants import format_instant

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
# As many as a Bitstring Status List has at least, so that nobody is known by their list.
ENTRIES = 131_072


class BadgePurpose(StrEnum):
    """What a status list says of a badge: that it was revoked, or that it doesn't count though nobody revoked it."""

    REVOCATION = "revocation"
    SUSPENSION = "suspension"

    @property
    def path(self) -> str:
        """Where its lists are, by their number."""
        return STATUS_PATHS[self]


STATUS_PATHS = {
    BadgePurpose.REVOCATION: "/badges/status/{number}",
    BadgePurpose.SUSPENSION: "/badges/suspensions/{number}",
}


@dataclass(frozen=True)
class BadgeIssuer:
    """Who issues badges: the address of this site, and its name."""

    web_url: str
    name: str

    @property
    def did(self) -> str:
        """The issuer as a did:web, whose document is at /.well-known/did.json of this site."""
        return f"did:web:{quote(urlsplit(self.web_url).netloc, safe='')}"

    @property
    def key_id(self) -> str:
        """The id of the key with which badges are signed."""
        return f"{self.did}#badges"


@dataclass(frozen=True)
class BadgeEntry:
    """The place of a certificate in the status lists: the first one is entry 1, at index 0 of list 1."""

    entry: int

    @property
    def list_number(self) -> int:
        """The number of its list; the first is 1."""
        return (self.entry - 1) // ENTRIES + 1

    @property
    def index(self) -> int:
        """Its index in the list; 0 is the leftmost bit."""
        return (self.entry - 1) % ENTRIES


def build_badge(
    issuer: BadgeIssuer, certificate: Mapping[str, Any], label: str, entry: BadgeEntry, zone: tzinfo
) -> dict[str, Any]:
    """The credential of a certificate, as the public's document describes it.

    ``label`` says what its holder is certified as. It is valid until the end of the last day in ``zone``; one without a
    last day is of a plan year for trying only, which its name says as its page does.
    """
    url = f"{issuer.web_url}/certificates/{certificate['number']}"
    issued = datetime.fromisoformat(certificate["issued_at"])
    title = f"{label}, {certificate['plan_year']}{'' if certificate['valid_until'] else ' (for trying only)'}"
    credential: dict[str, Any] = {
        "@context": [CREDENTIALS, OPEN_BADGES],
        "id": f"{url}/badge",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": title,
        "issuer": {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.web_url},
        "validFrom": certificate["issued_at"],
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "identityType": "name",
                    "identityHash": certificate["holder"],
                    "hashed": False,
                }
            ],
            "achievement": {
                "id": f"{issuer.web_url}/api/policies/{certificate['program']}/{certificate['plan_year']}",
                "type": ["Achievement"],
                "achievementType": "Certification",
                "name": title,
                "description": f"Certificate {certificate['number']}; {url} says what it is worth today.",
                "criteria": {"narrative": "The training of the plan year was completed and what it asks for was met."},
            },
        },
        "credentialStatus": [_build_status(issuer, purpose, entry) for purpose in BadgePurpose],
    }
    claims: dict[str, Any] = {"iss": issuer.did, "jti": credential["id"], "nbf": int(issued.timestamp())}
    if certificate["valid_until"]:
        day_after = date.fromisoformat(certificate["valid_until"]) + timedelta(days=1)
        ends = datetime.combine(day_after, time(), zone)
        credential["validUntil"], claims["exp"] = format_instant(ends), int(ends.timestamp())
    return credential | claims


def _build_status(issuer: BadgeIssuer, purpose: BadgePurpose, entry: BadgeEntry) -> dict[str, str]:
    status_list = issuer.web_url + purpose.path.format(number=entry.list_number)
    return {
        "id": f"{status_list}#{entry.index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose.value,
        "statusListIndex": str(entry.index),
        "statusListCredential": status_list,
    }


def build_status_list(
    issuer: BadgeIssuer,
    purpose: BadgePurpose,
    number: int,
    indices: Iterable[int],
    now: datetime,
    fresh_for: timedelta,
) -> dict[str, Any]:
    """The credential of a status list, in which the bits of these indices are set; it is good for a while."""
    url = issuer.web_url + purpose.path.format(number=number)
    return {
        "@context": [CREDENTIALS],
        "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer.did,
        "validFrom": format_instant(now),
        "validUntil": format_instant(now + fresh_for),
        "credentialSubject": {
            "id": f"{url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": purpose.value,
            "encodedList": encode_bits(indices),
            "ttl": int(fresh_for.total_seconds() * 1000),
        },
        "iss": issuer.did,
        "jti": url,
        "nbf": int(now.timestamp()),
    }


def encode_bits(indices: Iterable[int]) -> str:
    """A list in which these indices are set: index 0 is the leftmost bit; gzip, base64url without padding, a ``u``."""
    bits = bytearray(ENTRIES // 8)
    for index in indices:
        bits[index // 8] |= 0x80 >> index % 8
    packed = gzip.compress(bytes(bits), mtime=0)
    return "u" + base64.urlsafe_b64encode(packed).decode().rstrip("=")
