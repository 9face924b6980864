"""Certificates as Open Badges 3.0, verified by a library of somebody else's: openbadgeslib (E16)."""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from openbadgeslib.ob3.verifier import OB3VerificationError, OB3Verifier
from sqlalchemy.orm import Session

from db.case_state import load_case
from db.tables import Case, CertificateRow
from domain.programs.badges import ENTRIES, BadgePurpose, encode_bits
from domain.shared.cases.facts import FactKind
from domain.state.policies import POLICIES
from tests.support.documents import broker
from tests.support.patience import PATIENCE
from tests.support.tables import add_rows, change_row
from tests.web.house import NUMBER, House
from web.public import badges

DID = "did:web:127.0.0.1%3A8000"  # of the address that the application under test has
NEWER = "NM24-8H2N4-P5VCB-3KXRC-J9DAE"


def fetch_from(house: House) -> Callable[[str], bytes]:
    """What the library fetches by itself, from the application under test: the issuer's document, the status list."""
    loop = asyncio.get_running_loop()

    def fetch(url: str) -> bytes:
        answer = asyncio.run_coroutine_threadsafe(house.browser.get(urlsplit(url).path), loop).result(PATIENCE)
        assert answer.status_code == 200, answer.text
        return answer.content

    return fetch


async def verify(house: House, badge: str) -> object:
    """The credential, if the library takes signature, issuer, dates and status."""
    fetch = fetch_from(house)

    def ask() -> object:
        return OB3Verifier.for_issuer_did(DID, download=fetch).verify(badge, check_status=True, download=fetch)

    return await asyncio.to_thread(ask)


def read_payload(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


async def badge_of(house: House, number: str = NUMBER) -> str:
    answer = await house.browser.get(f"/certificates/{number}/badge")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/vc+jwt")
    return answer.text


async def test_e16_a_badge_is_verified_by_another_library_and_names_no_number_of_its_holder(house: House) -> None:
    request = broker()
    await house.certify(await house.open(request))
    badge = await badge_of(house)
    assert read_payload(await badge_of(house)) == read_payload(badge)
    assert await verify(house, badge) is not None
    payload = read_payload(badge)
    assert "vc" not in payload
    assert payload["iss"] == DID
    for secret in (request["npn"], request["email"]):
        assert secret not in json.dumps(payload)
    head, body, signature = badge.split(".")
    forged = f"{head}.{body}.{signature[::-1]}"
    with pytest.raises(OB3VerificationError):
        await verify(house, forged)


async def test_e16_a_certificate_that_is_not_valid_at_present_has_a_badge_that_is_suspended(house: House) -> None:
    """Its page says so since the registration has named another NPN, and until that one is proven."""
    case_id = await house.open(broker())
    await house.certify(case_id)
    badge = await badge_of(house)
    await house.database.write(change_row, Case, case_id, npn_unproven=True)
    shown = await house.browser.get(f"/certificates/{NUMBER}", headers={"Accept": "application/json"})
    assert shown.json()["status"] == "unproven"
    with pytest.raises(OB3VerificationError, match="suspension"):
        await verify(house, badge)
    await house.database.write(change_row, Case, case_id, npn_unproven=False)
    assert await verify(house, badge) is not None


@pytest.mark.parametrize("how", ["revoked", "under_appeal", "superseded", "withdrawn", "closed"])
async def test_e16_the_status_lists_follow_what_becomes_of_a_certificate(house: House, how: str) -> None:
    case_id = await house.open(broker())
    await house.certify(case_id)
    badge = await badge_of(house)
    assert await verify(house, badge) is not None
    if how == "withdrawn":
        await house.facts(case_id, FactKind.WITHDRAWN, by="staff:sample", reason="a sample")
    elif how == "closed":
        await house.facts(case_id, FactKind.CLOSED)
    elif how != "superseded":
        await house.facts(case_id, FactKind.REVOKED, by="staff:sample", reason="a sample")
        if how == "under_appeal":
            appeal = f"{await house.link(case_id)}/appeal"
            assert (await house.post(appeal, {"grounds": "It was a mistake."})).status_code == 303
            assert (await house.database.read(load_case, case_id)).stage == "under_appeal"
    else:
        row = CertificateRow(
            number=NEWER, case_id=case_id, supersedes=NUMBER, issued_at=datetime.now(UTC), sha256="0" * 64, uri="a.pdf"
        )
        await house.database.write(add_rows, row)
        assert await verify(house, await badge_of(house, NEWER)) is not None
    purpose = "revocation" if how in ("revoked", "under_appeal") else "suspension"
    with pytest.raises(OB3VerificationError, match=purpose):
        await verify(house, badge)


async def test_e16_there_is_no_badge_and_no_list_without_a_certificate(house: House) -> None:
    for path in (f"/certificates/{NUMBER}/badge", "/certificates/x/badge", "/badges/status/1", "/badges/suspensions/1"):
        assert (await house.browser.get(path)).status_code == 404


async def test_e16_no_list_is_looked_for_whose_entries_are_no_numbers_of_a_database(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def list_none(session: Session, purpose: BadgePurpose, first: int, last: int) -> None:
        asked.append(last)

    monkeypatch.setattr(badges, "list_set_entries", list_none)
    for number in (1, 16_383, 16_384, 2**40):
        assert (await house.browser.get(f"/badges/status/{number}")).status_code == 404
    assert max(asked) < 2**31


async def test_e16_a_certificate_of_a_year_whose_policy_is_gone_has_a_badge(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.certify(await house.open(broker()))
    monkeypatch.delitem(POLICIES, ("bewellnm", 2024))
    assert read_payload(await badge_of(house))["iss"] == DID


def test_e16_a_list_has_131_072_entries_and_index_0_is_its_leftmost_bit() -> None:
    encoded = encode_bits([0, 9, ENTRIES - 1])
    assert encoded.startswith("u")
    assert "=" not in encoded
    bits = gzip.decompress(base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4)))
    assert len(bits) * 8 == ENTRIES == 131_072
    assert (bits[0], bits[1], bits[-1]) == (0b1000_0000, 0b0100_0000, 0b0000_0001)
