"""A made-up second exchange, from a folder of its own: the whole journey of a broker under its name and rules (E12)."""

import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pypdf import PdfReader

from starter.stack.embedded import run_stack
from tests.support import documents
from tests.support.other_exchange import FULL_NAME, NAME, write_other_exchange
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """An embedded stack of the other exchange."""
    folder: Path = tmp_path_factory.mktemp("other")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CERTIFY_POLICIES", str(write_other_exchange(folder)))
        async with run_stack(folder / "data") as document:
            yield document


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(stack: dict[str, Any]) -> AsyncIterator[World]:
    async with httpx2.AsyncClient(timeout=PATIENCE) as client:
        yield World(stack, client)


def asks(**changes: Any) -> dict[str, Any]:
    npn = documents.new_npn()
    theirs = {"license_state": "AZ", "license_number": f"AZ-{npn}", "physical_address": documents.address("AZ")}
    return documents.broker(npn, **{**theirs, "business_address": documents.address("AZ"), **changes})


async def read(world: World, path: str, language: str = "en") -> str:
    answer = await world.http.get(f"{world.web}{path}", params={"lang": language}, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def shows_none_of_the_shipped(text: str) -> bool:
    return not re.search(r"bewell\w*nm(?!/)|New Mexic|Nuevo México", text, re.IGNORECASE)


async def test_e12_a_broker_goes_the_whole_way_under_another_exchange(world: World) -> None:
    request = asks()
    opened = await world.opened(request, license={"state": "AZ"})
    await world.approved(opened)
    deadline = (await world.until(opened, "invited"))["training"]["deadline"]
    assert date.fromisoformat(deadline["last_day"]) > datetime.now(UTC).date() + timedelta(days=40)
    until_when = "Please complete the lessons and the exam by"
    letter = await world.letter(request["email"], lambda letter: until_when in " ".join(letter["text"].split()))
    assert "There is no deadline" not in letter["text"], "its own rules have one (E14)"
    await world.reported(opened, "account", "profile", "started", "course", "0.85")
    await world.until(opened, lambda status: status["exam"]["attempts"])
    status = await world.status(opened)
    assert (status["stage"], status["exam"]["attempts"][0]["passed"]) == ("awaiting_exam_pass", False)
    await world.reported(opened, "0.9")
    await world.until(opened, lambda status: status["certificate"])
    await world.reported_by_portal(opened, "account.registered", "profile.completed", "scheduling_tool.ready")
    status = await world.until(opened, "active")
    assert status["may_assist"] is True
    number = status["certificate"]["number"]
    assert number.startswith("AZ24-")
    await world.letter(request["email"], lambda letter: "Every step is complete" in letter["text"])
    for letter in await world.letters(request["email"]):
        assert shows_none_of_the_shipped(f"{letter['subject']} {letter['text']} {letter['headers']}"), letter["text"]
        assert NAME in letter["text"]
    page = await read(world, f"/certificates/{number}")
    assert NAME in page
    assert shows_none_of_the_shipped(page)
    kept = Path(world.stack["settings"]["CERTIFY_CERTIFICATES_DIR"]) / f"{status['certificate']['sha256']}.pdf"
    pdf = PdfReader(io.BytesIO(kept.read_bytes()))
    text = pdf.pages[0].extract_text()
    assert "Sample Signatory" in text
    assert "Director, by way of example" in text
    assert kept.read_bytes().count(b"/Subtype/Image") == 1, "its seal"
    assert "THESAMPLEEXCHANGE" in text.upper().replace(" ", "")
    assert pdf.metadata is not None
    assert pdf.metadata.author == NAME
    assert shows_none_of_the_shipped(text)


async def test_e12_its_agreement_is_the_one_that_is_accepted(world: World) -> None:
    opened = await world.opened(asks(), license={"state": "AZ"})
    history = (await world.get(f"/api/cases/{opened['case_id']}?history=true")).json()["history"]
    (accepted,) = [entry["data"] for entry in history if entry["kind"] == "agreement_accepted"]
    text = f"A made-up agreement with {NAME} (en).\n"
    assert (accepted["version"], accepted["sha256"]) == ("7", sha256(text.encode()).hexdigest())


async def test_e12_its_state_and_whom_it_takes_in_are_its_own(world: World) -> None:
    answer = await world.submit(documents.broker())
    assert (answer.status_code, fields(answer)) == (422, ["license_state"])
    assert "A license of Arizona is needed" in answer.text
    await world.opened(
        asks(kind="agent", insurers=["Sample Health"], physical_address=documents.address("TX")),
        license={"state": "AZ"},
    )
    refused = await world.submit(asks(physical_address=documents.address("TX")))
    assert refused.status_code == 422, "agents come from anywhere, brokers don't"


@pytest.mark.parametrize("language", ["en", "es"])
async def test_e12_pages_and_documents_bear_its_name_and_colours(world: World, language: str) -> None:
    for path in ("/", "/request", "/me"):
        page = await read(world, path, language)
        assert NAME in page, path
        assert shows_none_of_the_shipped(page), path
    if language == "en":
        assert FULL_NAME in await read(world, "/request")
    (style,) = re.findall(r'href="([^"]*look-state\.css)"', page)
    assert "--brand: #5a3600" in (await world.http.get(world.web + style)).text
    assert (await world.http.get(world.web + style.replace(".css", ".svg"))).text.startswith("<svg")
    portal = await read(world, "/portal", language)
    assert NAME not in portal.partition("<main")[0], "the marketplace's pages are the marketplace's"
