"""Temporal's file and all logs after a whole federal life with failures on the way: nothing personal, no secret (C1).

Addresses are where it could slip out: the tracker's path holds an NPN, a launch ticket and a status link are secrets.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from temporalio.testing import TimeSkipper

from starter.stack.embedded import run_stack
from tests.histories.record import SKIPPING, told
from tests.privacy.test_no_personal_data import FAULTS, MAIL_FAULTS, Search, calls, fail, files, histories, spellings
from tests.support import documents
from tests.support.marketplace import Marketplace
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of
from tests.support.world import Document

pytestmark = pytest.mark.slow

NPN, VENDOR = "1680357924", "vendor-a"
CONTACT = {
    "email": "wq.counter@help.example.org",
    "phone": "+1 575 291 6483",
    "website": "https://quackenbusher-and-daughters.example.org",
    "languages": ["English", "Volapükish"],
}
ADDRESS = documents.address("NM", line1="77 Vanderquist Alley", city="Quartzopolis")
PERSON = documents.registration(
    npn=NPN,
    language="es",
    first_name="Wilhelmantha",
    last_name="Quackenbusher-Íñigo",
    email="wilhelmantha.q+mkt@inbox.example.com",
    phone="(575) 768-3194",
    business_contact={**CONTACT, "name": "Quackenbusher and Daughters", "address": ADDRESS},
    professional_contact=CONTACT,
    markets=["individual", "shop"],
)
FIRM = documents.firm("1579246810")
STRANGER = {"first_name": "Zebediahnne", "email": "zebediahnne@elsewhere.example.net", "phone": "575-204-9917"}
REASON = "Quackenbusher-Íñigo left; write to Wilhelmantha at wilhelmantha.q+mkt@inbox.example.com"


def strings(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def needles() -> set[str]:
    """Everything personal in what people send here."""
    theirs = {name: PERSON[name] for name in PERSON if name not in ("program", "role", "markets")}
    said = [*strings(theirs), *strings(STRANGER), REASON, FIRM["npn"], "Wilhelmantha", "Quackenbusher", "Íñigo"]
    generic = {"English", "79901", "individual"}
    return {spelled for text in said if text not in generic for spelled in spellings(text) if len(spelled) >= 5}


async def life(market: Marketplace, secrets: set[str]) -> Document:
    """A returning person's registration for both markets, while everybody else fails now and then."""
    await market.know(documents.individual(PERSON))
    (assister_id,) = await market.all_imported([documents.registered(PERSON, 2023)])
    path = f"{market.web}/api/assisters/{assister_id}/cases"
    failing = asyncio.gather(fail(market, "mailbox", MAIL_FAULTS), fail(market, "mlms", FAULTS))
    await asyncio.sleep(0.2)
    opened: Document = (
        await market.http.post(path, json={"program": "ffm", "plan_year": 2024}, headers=market.staff)
    ).json()
    await failing
    profile = {name: PERSON[name] for name in ("language", "phone", "business_contact", "professional_contact")}
    silent = asyncio.create_task(fail(market, "registry", FAULTS))
    while not silent.done():
        await market.done(opened, "profile", profile)
        await asyncio.sleep(0.1)
    await market.done(opened, "profile", profile)
    await market.done(opened, "profile/next")
    await market.until(opened, "in_training")
    await market.trained(opened, "individual_returning")
    secrets |= await at_a_vendor(market, opened)
    for name in PERSON["markets"]:
        await market.agreed(opened, name)
    await market.until(opened, lambda status: len(status["publication"]["lists"]) == 6)
    return opened


async def at_a_vendor(market: Marketplace, opened: Document) -> set[str]:
    """SHOP's course, reached as a browser reaches it; and tickets that are refused."""
    tickets = set()
    for _ in range(2):
        ticket = await market.launched(opened, "shop", VENDOR)
        tickets.add(ticket)
        site = f"{market.stack['sandbox']['vendors']}/{VENDOR}"
        assert (await market.http.get(f"{site}/training", params={"ticket": ticket})).status_code == 200
        used = await market.signed(
            f"/api/vendors/{VENDOR}/tickets", market.stack["secrets"]["vendors"][VENDOR], {"ticket": ticket}
        )
        assert used.status_code == 409
        assert (await market.at_vendor("vendor-b", "redeem", ticket)).status_code == 404
    assert (await market.at_vendor(VENDOR, "complete", ticket)).is_success
    await market.until(opened, lambda status: status["training"]["shop"])
    return tickets


async def watch(market: Marketplace, opened: Document) -> None:
    """The lists are read while they can't be, then without the NPN; the help desk is asked."""
    alteration = {"list": "rcl", "npn": NPN, "how": "omit"}
    assert (await market.http.post(f"{market.stack['sandbox']['lists']}/alterations", json=alteration)).is_success
    await market.publish()
    client = await client_of(market.stack)
    handle = client.get_workflow_handle(opened["workflow_id"])
    failing = asyncio.create_task(fail(market, "lists", FAULTS))
    await asyncio.sleep(0.2)
    await asyncio.gather(failing, TimeSkipper(client).fast_forward(handle, timedelta(days=8)))
    await market.until(opened, lambda status: status["publication"]["help_desk_told_at"])


async def what_is_refused(market: Marketplace, opened: Document, own: str) -> None:
    """Another's account, faults in a profile, the tracker's addresses, pages with and without their secret."""
    await market.know(FIRM)
    assert (await market.submit({**PERSON, **STRANGER})).status_code == 409
    assert (await market.submit({**PERSON, "npn": f"{NPN}0"})).status_code == 422
    assert (await market.save(opened, npn=FIRM["npn"])).status_code == 422
    assert (await market.save(opened, business_npn=NPN, **STRANGER)).status_code == 422
    assert (await market.save(opened, business_npn=documents.new_npn(), **STRANGER)).status_code == 422
    for base in (market.web, market.stack["sandbox"]["lists"]):
        for path in (NPN, f"{NPN}.csv", "1000000000", "Quackenbusher", f"{NPN}?plan_year=2024"):
            await market.http.get(f"{base}/registry/tracker/{path}")
    for page in ("", "/profile", "/training", "/agreements"):
        await market.http.get(f"{own}{page}")
    for page in ("/profile", "/profile/person", "/profile/npn"):
        await market.http.post(f"{own}{page}", data={"step": "save", **STRANGER, "npn": "x"})
    for path in (f"/activate/{NPN}", f"/api/cases/{PERSON['email']}", f"/certificates/Quackenbusher?npn={NPN}"):
        assert (await market.get(path)).status_code == 404
    assert (await market.vendor(VENDOR, {"type": "training.completed", "ticket": NPN})).status_code == 422
    statement = {"id": str(uuid4()), "actor": {"mbox": f"mailto:{PERSON['email']}"}, "verb": PERSON["last_name"]}
    assert (await market.lms(statement)).status_code == 422
    assert (await market.command(opened, "withdraw", reason=REASON)).status_code == 200


async def test_a_federal_life_leaves_nothing_personal_and_no_secret_in_temporal_or_in_any_log(
    tmp_path: Path,
) -> None:
    secrets: set[str] = set()
    async with (
        run_stack(tmp_path, build=told(SKIPPING)) as stack,
        httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http,
    ):
        market = Marketplace(stack, http)
        opened = await life(market, secrets)
        await watch(market, opened)
        await market.command(opened, "resend", notice="portal_recovery", reason=REASON)
        await market.letter(PERSON["email"], lambda one: one["subject"] == "Su ID de usuario para el portal")
        own = await market.own_page(opened, PERSON["email"])
        secrets |= {http.cookies["own"], http.cookies["browser"]}
        await what_is_refused(market, opened, own)
        await market.letter(PERSON["email"], lambda one: "Íñigo left;" in one["text"])
        asked = await market.letters("FFMProducer-AssisterHelpDesk@cms.hhs.gov")
        decoded = await histories(stack["temporal"])
        heard = {name: {one["status"] for one in await calls(market, name)} for name in ("registry", "mlms", "lists")}
        market.changes.close()

    # They did fail, and were tried again; the life is in the histories, and the lists were read by their addresses.
    assert all(statuses >= {200, 500, 503} for statuses in heard.values()), heard
    assert all(word in decoded for word in (opened["case_id"], "profiles.verify", "mlms.enroll", "watch.look"))
    assert len(asked) == 1
    assert len(secrets) == 4

    search, hidden = Search(needles()), Search(secrets)
    assert search.found(decoded.encode()) == set()
    assert hidden.found(decoded.encode()) == set()
    searched = {file.name: file.read_bytes() for file in files(tmp_path) if file.is_file()}
    assert {"temporal.sqlite", "worker.log", "web.log", "sandbox.log"} <= set(searched)
    assert {name: found for name, content in searched.items() if (found := search.found(content))} == {}
    assert {name: found for name, content in searched.items() if (found := hidden.found(content))} == {}

    # Our own database knows the person, and secrets by their hashes only; what is refused stays in drafts alone.
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("app.sqlite*"))
    assert hidden.found(kept) == set()
    assert search.found(kept) >= {NPN, PERSON["email"], "Wilhelmantha", "Quackenbusher", REASON}
    without_drafts = tmp_path / "without_drafts.sqlite"
    with closing(sqlite3.connect(tmp_path / "app.sqlite")) as database:
        database.execute("DELETE FROM request_draft")
        database.commit()
        database.execute("VACUUM INTO ?", (str(without_drafts),))
    assert search.found(without_drafts.read_bytes()).isdisjoint(
        {STRANGER["first_name"], STRANGER["email"], FIRM["npn"]}
    )
    # The twins: what the searches would find.
    written = json.dumps([*secrets, PERSON], ensure_ascii=False).encode()
    assert hidden.found(written) == secrets
    assert NPN in search.found(written)
