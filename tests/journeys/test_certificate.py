"""The certificate: printed and signed once, mailed, and public under a number that can't be guessed (A23, A24)."""

import asyncio
import io
import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from tests.support import documents
from tests.support.marketplace import Marketplace, markets_of
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLIC = {
    "number",
    "status",
    "holder",
    "kind",
    "program",
    "plan_year",
    "issued_at",
    "valid_until",
    "sha256",
    "may_assist",
}
JSON = {"Accept": "application/json"}


def holds(pdf: bytes, cert_file: str) -> bool:
    root = load_cert_from_pemder(cert_file)  # type: ignore[no-untyped-call]
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    return validate_pdf_signature(signature, ValidationContext(trust_roots=[root], allow_fetching=False)).bottom_line


async def attached(world: World, email: str) -> list[bytes]:
    """Every certificate in somebody's mailbox."""
    found = []
    for letter in await world.letters(email):
        for name in letter["attachments"]:
            url = f"{world.stack['mailbox']}/messages/{letter['id']}/attachments/{name}"
            found.append((await world.http.get(url)).content)
    return found


@pytest.mark.parametrize("request_", [documents.broker(), documents.counselor()], ids=["english", "spanish"])
async def test_a23_one_signed_file_is_kept_mailed_and_published(world: World, request_: dict[str, Any]) -> None:
    opened = await world.certified(request_)
    certificate = (await world.status(opened))["certificate"]
    await world.letter(request_["email"], lambda letter: letter["attachments"])
    folder, cert_file = (
        world.stack["settings"][f"CERTIFY_{name}"] for name in ("CERTIFICATES_DIR", "SIGNING_CERT_FILE")
    )
    kept = (Path(folder) / f"{certificate['sha256']}.pdf").read_bytes()
    (mailed,) = await attached(world, request_["email"])
    public = (await world.http.get(f"{world.web}/certificates/{certificate['number']}", headers=JSON)).json()
    assert kept == mailed
    assert sha256(kept).hexdigest() == certificate["sha256"] == public["sha256"]
    assert await asyncio.to_thread(holds, kept, cert_file)
    assert certificate["number"].encode() in (await _link(world, request_["email"])).encode()


async def _link(world: World, email: str) -> str:
    """The public address in the letter that brings the certificate."""
    letter = await world.letter(email, lambda letter: letter["attachments"])
    found = re.search(r"\S+/certificates/\S+", letter["text"])
    assert found
    return found.group()


async def test_a23_a24_the_public_page_tells_what_is_needed_and_no_more(world: World) -> None:
    request = documents.broker()
    opened = await world.certified(request)
    certificate = (await world.status(opened))["certificate"]
    address = await _link(world, request["email"])
    answer = await world.http.get(address, headers=JSON)
    assert answer.json() == {
        "number": certificate["number"],
        "status": "valid",
        "holder": "Testa Broker",
        "kind": "broker",
        "program": "bewellnm",
        "plan_year": 2024,
        "issued_at": certificate["issued_at"],
        "valid_until": None,
        "sha256": certificate["sha256"],
        "may_assist": False,
    }
    assert set(answer.json()) == PUBLIC
    page = await world.http.get(address, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert certificate["number"] in page.text
    assert "They may help consumers once their portal account is ready." in page.text
    for private in (request["npn"], request["email"], request["phone"], opened["case_id"], opened["assister_id"]):
        assert private not in page.text + answer.text


@pytest.mark.parametrize("number", ["NM24-00000-00000-00000-00000", "1", "%2e%2e", "%27", "NM24"])
async def test_a24_a_number_nobody_has_is_not_found(world: World, number: str) -> None:
    for accept in ("application/json", "text/html"):
        answer = await world.http.get(f"{world.web}/certificates/{number}", headers={"Accept": accept})
        assert answer.status_code == 404


async def test_numbers_cannot_be_guessed(world: World) -> None:
    cases = [await world.certified(documents.agent()) for _ in range(2)]
    numbers = [(await world.status(opened))["certificate"]["number"] for opened in cases]
    secrets = [number.split("-", 1)[1].replace("-", "") for number in numbers]
    # Twenty characters of an alphabet of 32 are 100 bits.
    assert all(re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{20}", secret) for secret in secrets)
    assert sum(one == other for one, other in zip(*secrets, strict=True)) < 8


async def test_a23_a_certificate_mailed_again_is_the_same_one(world: World) -> None:
    request = documents.agent()
    opened = await world.certified(request)
    await world.letter(request["email"], lambda letter: letter["attachments"])
    assert (await world.command(opened, "resend", notice="certificate_issued", reason="lost")).status_code == 200
    async with asyncio.timeout(PATIENCE):
        while len(found := await attached(world, request["email"])) < 2:
            await asyncio.sleep(0.1)
    assert found[0] == found[1]
    assert (await world.history(opened)).count("certificate_issued") == 1


async def test_e11_a_name_is_corrected_by_the_api_and_by_certify_in_both_programs(
    world: World, market: Marketplace, tmp_path: Path
) -> None:
    """Each time the person's other case has it too; each page leads on, and the whole chain is there."""
    request = documents.broker()
    state = await world.certified(request)
    same = {name: request[name] for name in ("email", "first_name", "last_name")}
    federal = await market.certified(documents.registration(request["npn"], **same))

    async def read_numbers() -> tuple[str, str]:
        registration = await world.status(federal)
        return (await world.status(state))["certificate"]["number"], markets_of(registration)["individual"]["number"]

    async def renamed_from(before: tuple[str, str]) -> tuple[str, str]:
        async with asyncio.timeout(PATIENCE):
            while set(before) & set(numbers := await read_numbers()):
                await asyncio.sleep(0.2)
        return numbers

    chain = [await read_numbers()]
    seen = {"method": "in_person", "document": "a sample card", "reason": "a sample reason"}
    faulty = await world.command(federal, "correct", first_name="Corregida", last_name="7", **{**seen, "method": "x"})
    assert (faulty.status_code, set(fields(faulty))) == (422, {"last_name", "method"})
    given = await world.command(federal, "correct", first_name="Corregida", last_name="Muestra", **seen)
    assert given.status_code == 200, given.text
    chain.append(await renamed_from(chain[-1]))
    again = await world.command(federal, "correct", first_name="Corregida", last_name="Muestra", **seen)
    assert again.status_code == 409
    file = tmp_path / "name.json"
    by = ("--reason", "a sample reason", "--as", "riley", "--id", str(uuid4()))
    file.write_text(json.dumps({"first_name": "Otra"}))
    assert (await market.certify("correct", state["case_id"], str(file), *by))[0] == 1
    name = {"first_name": "Otra", "last_name": "Muestra", "method": "paper", "document": "a sample card"}
    file.write_text(json.dumps(name))
    for _ in range(2):
        done, shown = await market.certify("correct", state["case_id"], str(file), *by)
        assert (done, shown["state"]) == (0, "applied")
    assert (await market.certify("correct", state["case_id"], str(file), *by[:-2]))[0] == 1, "it is printed already"
    chain.append(await renamed_from(chain[-1]))
    for opened in (state, federal):
        history = await world.history(opened)
        assert history.count("name_corrected") == 2
        assert history.count("certificate_issued") == 3
    newest = chain[-1]
    for holder, numbers in zip(("Testa Broker", "Corregida Muestra", "Otra Muestra"), chain, strict=True):
        for number, last in zip(numbers, newest, strict=True):
            address = f"{world.web}/certificates/{number}"
            public = (await world.http.get(address, headers=JSON)).json()
            assert public["holder"] == holder
            assert public.get("superseded_by") == (None if number == last else last)
            assert public["status"] == ("valid" if number == last else "superseded")
            page = (await world.http.get(address, headers={"Accept": "text/html"})).text
            assert (f'href="/certificates/{last}?lang=en"' in page) == (number != last)
