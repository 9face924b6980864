"""Certificates as Open Badges 3.0: the credential, its status list, and the key they are signed with (E16).

Everything is public where the certificate is. The key is a badge's own: it is made of the site's identity key, which
every web process has, by a derivation of which nothing leads back.
"""

from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse, Response
from joserfc import jwt
from joserfc.jwk import ECKey

from db.reads.badges import find_badge_entry, list_set_entries
from db.reads.cases import read_certificate
from db.writes.badges import take_badge_entry
from domain.programs.badges import ENTRIES, BadgeEntry, BadgeIssuer, BadgePurpose, build_badge, build_status_list
from domain.programs.policies import find_newest_policy
from domain.shared.ids import parse_certificate_number
from domain.shared.policy import find_time_zone
from starter.cases import now
from templates.labels import KINDS, PROGRAMS
from web.http.auth import PUBLIC
from web.http.pages import PRIVATE
from web.http.problems import build_problem
from web.http.rate_limits import limit_rate
from web.services import Services, ServicesDep

router = APIRouter(dependencies=[PUBLIC], tags=["certificates"])

JWT = "application/vc+jwt"
LONGEST = 100
# How long a status list may be kept by who reads it: a revocation is seen by everybody after that.
FRESH_FOR = timedelta(minutes=5)
# Entries are integers of four bytes: of a number beyond, PostgreSQL would make an error.
MOST_LISTS = (2**31 - 1) // ENTRIES
ORDER_OF_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ListNumber = Annotated[int, Path(ge=1, le=2**40)]
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is none under this number."}}


@router.get(
    "/certificates/{number}/badge", dependencies=[limit_rate("look_up")], responses=NOT_FOUND, response_class=Response
)
async def show_badge(number: str, services: ServicesDep) -> Response:
    """A certificate as an Open Badges 3.0 credential: a VC-JWT (E16). Its status says whether it counts still."""
    written = parse_certificate_number(number[:LONGEST])
    certificate = await services.database.read(read_certificate, written, now())
    if certificate is None:
        return build_problem(404, "There is no certificate with this number.", headers=PRIVATE)
    entry = await services.database.read(find_badge_entry, certificate["number"])
    if entry is None:
        entry = await services.database.write(take_badge_entry, certificate["number"])
    badge = build_badge(
        _find_issuer(services, certificate["program"]),
        certificate,
        KINDS[certificate["kind"]],
        BadgeEntry(entry),
        find_time_zone(find_newest_policy(certificate["program"], certificate["plan_year"])),
    )
    return Response(_sign(services, badge), media_type=JWT, headers=PRIVATE)


@router.get(
    BadgePurpose.REVOCATION.path, dependencies=[limit_rate("look_up")], responses=NOT_FOUND, response_class=Response
)
async def show_status_list(number: ListNumber, services: ServicesDep) -> Response:
    """A Bitstring Status List as a VC-JWT: which badges were revoked, as their pages say (E16)."""
    return await _show_list(services, BadgePurpose.REVOCATION, number)


@router.get(
    BadgePurpose.SUSPENSION.path, dependencies=[limit_rate("look_up")], responses=NOT_FOUND, response_class=Response
)
async def show_suspension_list(number: ListNumber, services: ServicesDep) -> Response:
    """A Bitstring Status List as a VC-JWT: which badges don't count though nobody revoked them (E16).

    They are superseded, withdrawn or over, or whose their NPN is has still to be proven, as their pages say.
    """
    return await _show_list(services, BadgePurpose.SUSPENSION, number)


async def _show_list(services: Services, purpose: BadgePurpose, number: int) -> Response:
    first = (number - 1) * ENTRIES + 1
    found = None
    if number <= MOST_LISTS:
        found = await services.database.read(list_set_entries, purpose, first, first + ENTRIES - 1)
    if found is None:
        return build_problem(404, "There is no status list with this number.", headers=PRIVATE)
    indices = [BadgeEntry(entry).index for entry in found]
    listed = build_status_list(_find_issuer(services), purpose, number, indices, now(), FRESH_FOR)
    kept = {"Cache-Control": f"public, max-age={int(FRESH_FOR.total_seconds())}"}
    return Response(_sign(services, listed), media_type=JWT, headers=kept)


@router.get("/.well-known/did.json", response_class=JSONResponse)
async def show_issuer(services: ServicesDep) -> JSONResponse:
    """Who issues badges, as a did:web document, with the public key that checks them (E16)."""
    issuer = _find_issuer(services)
    method = {
        "id": issuer.key_id,
        "type": "JsonWebKey2020",
        "controller": issuer.did,
        "publicKeyJwk": _find_key(services).as_dict(private=False),
    }
    document = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
        "id": issuer.did,
        "verificationMethod": [method],
        "assertionMethod": [issuer.key_id],
    }
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=3600"})


def _find_issuer(services: Services, program: str = "") -> BadgeIssuer:
    return BadgeIssuer(services.settings.web_url.rstrip("/"), PROGRAMS.get(program, ""))


def _find_key(services: Services) -> ECKey:
    return _derive_key(services.settings.identity_key_bytes)


@lru_cache(maxsize=4)
def _derive_key(secret: bytes) -> ECKey:
    """A key on P-256; more bytes are drawn than it has, so that no key is likelier than another."""
    drawn = HKDF(algorithm=SHA256(), length=48, salt=None, info=b"open badges, ES256").derive(secret)
    number = int.from_bytes(drawn) % (ORDER_OF_P256 - 1) + 1
    return ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()))


def _sign(services: Services, payload: dict[str, Any]) -> str:
    key = _find_key(services)
    header = {"alg": "ES256", "typ": "vc+jwt", "kid": _find_issuer(services).key_id, "jwk": key.as_dict(private=False)}
    return jwt.encode(header, payload, key, algorithms=["ES256"])
