"""SIGKILL in the middle of a federal registration's steps: nothing is lost, and nothing is done twice (C1).

The worker is killed while a profile is being saved, while the MLMS answers, and between a market's completion and its
certificate; server and web while a vendor reports. What was interrupted is brought to its end by what starts again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents, mortal as support
from tests.support.gates import everything
from tests.support.kept import Kept, until
from tests.support.marketplace import AGREEMENTS, WORD, Marketplace
from tests.support.mortal import Mortal
from tests.support.patience import PATIENCE
from tests.support.world import Document

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

AT_ONCE = 0.004
VENDOR = "vendor-a"
COURSE = "individual_full"
ONCE = (
    "begun",
    "profile_saved",
    "profile_completed",
    "enrolled",
    "course_completed",
    "market_completed",
    "certificate_issued",
    "watch_opened",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mortal]:
    async with support.running(tmp_path_factory.mktemp("mortal")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def market(mortal: Mortal) -> AsyncIterator[Marketplace]:
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        yield Marketplace(mortal.document(), client)


async def test_c1_b7_b12_b15_every_process_killed_in_the_middle_of_federal_steps(
    mortal: Mortal, market: Marketplace
) -> None:
    kept, certificates = Kept(mortal.plan.data / "app.sqlite"), mortal.plan.data / "certificates"
    saving = await market.opened(documents.registration())
    enrolling, reporting, unheard, agreeing = await asyncio.gather(
        *(market.profiled(documents.registration()) for _ in range(4))
    )
    tickets = [await market.launched(opened, COURSE, VENDOR) for opened in (reporting, unheard)]
    for ticket in tickets:
        assert (await market.at_vendor(VENDOR, "redeem", ticket)).is_success
    await market.trained(agreeing, COURSE, "vendor-b")
    first, last = AGREEMENTS["individual"]
    for agreement in (first, last):
        await market.done(agreeing, f"agreements/{agreement}/open")
    await market.done(agreeing, f"agreements/{first}/accept")
    await market.wait_until_idle(saving, enrolling, reporting, unheard, agreeing)

    # A profile is being saved: the registry has not answered. A place in the MLMS is made: its answer is on its way.
    mortal.gates["registry"].hold(requests=everything)
    mortal.gates["mlms"].hold(answers=everything)
    command = {"Idempotency-Key": str(uuid4())}
    pressed = asyncio.create_task(save(market, saving, command))
    await market.done(enrolling, "enrollments", {"curriculum": COURSE, "channel": "mlms"})
    await until(lambda: mortal.gates["registry"].held and mortal.gates["mlms"].held)
    # And a market is complete: its certificate is printed, and not recorded.
    printed = len(list(certificates.glob("[!.]*.pdf")))
    await market.done(agreeing, f"agreements/{last}/accept")
    await until(lambda: kept.intended(agreeing["case_id"], "certificate.issued"), pause=AT_ONCE)
    with kept.locked():
        await until(lambda: len(list(certificates.glob("[!.]*.pdf"))) == printed + 1)
        await mortal.kill("worker")

    # A vendor reports while nobody works; another one, twice, while nobody is there at all.
    assert (await market.at_vendor(VENDOR, "complete", tickets[0])).is_success
    await until(lambda: facts(kept, reporting, "course_completed"))
    await mortal.kill("temporal", "web")
    for _ in range(2):
        assert (await market.at_vendor(VENDOR, "complete", tickets[1])).is_success
    assert isinstance(await pressed, httpx2.TransportError)
    for gate in mortal.gates.values():
        gate.open()
    await mortal.start("temporal")
    await mortal.start("web", "worker")

    # Who pressed Save again, under the same id, is told what became of it.
    again = await save(market, saving, command)
    assert isinstance(again, httpx2.Response)
    assert again.status_code in (200, 202), again.text
    await market.until(saving, lambda status: status["profile"]["version"] == 1)
    await market.done(saving, "profile/next")
    for opened in (saving, enrolling):
        await market.trained(opened, COURSE)
    await until(lambda: facts(kept, unheard, "course_completed"))
    everybody = [saving, enrolling, reporting, unheard, agreeing]
    for opened in everybody:
        if opened is not agreeing:
            await market.until(opened, "awaiting_agreements")
            await market.agreed(opened, "individual")
    for opened in everybody:
        await market.until(opened, lambda status: status["waiting_for"] == "publication")
    await until(lambda: not kept.unfinished() and not kept.rows("SELECT 1 FROM inbox WHERE state = 'pending'"))

    assert kept.rows("SELECT 1 FROM command WHERE state = 'pending'") == []
    for opened in everybody:
        assert (await market.status(opened))["flag"] is None
        _each_step_is_there_once(kept, opened)
    _one_certificate_each(kept, certificates, everybody)
    places = Counter(one["body"]["registration"] for one in await market.calls("mlms") if one["status"] == 201)
    assert places == {opened["case_id"]: 1 for opened in (saving, enrolling)}
    await _one_letter_of_each(market, kept, everybody)


async def save(market: Marketplace, opened: Document, key: dict[str, str]) -> httpx2.Response | httpx2.TransportError:
    """Save/Update under an id; the answer, or how the connection ended."""
    url = f"{market.web}/api/cases/{opened['case_id']}/profile"
    try:
        return await market.http.post(url, json={**WORD, "language": "es"}, headers=market.staff | key)
    except httpx2.TransportError as error:
        return error


def facts(kept: Kept, opened: Document, kind: str) -> int:
    return len(kept.rows("SELECT 1 FROM fact WHERE case_id = ? AND kind = ?", opened["case_id"], kind))


def _each_step_is_there_once(kept: Kept, opened: Document) -> None:
    happened = Counter(kind for (kind,) in kept.rows("SELECT kind FROM fact WHERE case_id = ?", opened["case_id"]))
    assert happened["agreement_opened"] == happened["agreement_accepted"] == 2
    assert {kind: happened[kind] for kind in ONCE} == dict.fromkeys(ONCE, 1)


def _one_certificate_each(kept: Kept, certificates: Path, everybody: list[Document]) -> None:
    found = kept.rows("SELECT case_id, market, uri FROM certificate")
    assert sorted(row[:2] for row in found) == sorted((opened["case_id"], "individual") for opened in everybody)
    assert sorted(row[2] for row in found) == sorted(file.name for file in certificates.iterdir())


async def _one_letter_of_each(market: Marketplace, kept: Kept, everybody: list[Document]) -> None:
    """A letter sent again after a crash is the same letter: it carries the same Message-ID."""
    sent = kept.rows("SELECT case_id, kind, result ->> 'message_id' FROM effect WHERE kind LIKE 'notice.%'")
    letters = (await market.http.get(f"{market.stack['mailbox']}/messages")).json()
    received = {one["headers"]["Message-ID"].strip() for one in letters}
    assert received == {message_id for _, _, message_id in sent}
    expected = {"notice.marketplace_welcome": 1, "notice.marketplace_certificate": 1}
    in_mlms = {**expected, "notice.marketplace_enrolled": 1}
    for number, opened in enumerate(everybody):
        assert Counter(kind for case_id, kind, _ in sent if case_id == opened["case_id"]) == (
            in_mlms if number < 2 else expected
        )
