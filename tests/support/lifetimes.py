"""What people and third parties do in a certification that lives for years, by the interfaces of either program."""

import hmac
import json
import re
from datetime import UTC, datetime
from hashlib import sha256

from tests.support import evidence
from tests.support.marketplace import Marketplace, markets_of
from tests.support.world import FORM, Document, World


async def register_broker(world: World, opened: Document, request: Document, number: str) -> None:
    """A broker registers at their portal, sets their profile up and the tool by which consumers find them."""
    portal = world.stack["sandbox"]["portal"]
    answer = await world.http.post(f"{portal}/register", json={"email": request["email"], "certificate_number": number})
    assert answer.status_code == 201, answer.text
    await world.until(opened, lambda status: status["portal"]["account"] == "registered")
    await world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")


async def accept_agreement(world: World, opened: Document, request: Document) -> None:
    """Somebody who returns accepts the year's agreement on their own page."""
    page = await world.own_page(opened, request["email"])
    text = (await world.http.get(page, headers=FORM)).text
    shown = {
        name: re.findall(rf'name="{name}" value="([^"]+)"', text)[0]
        for name in ("agreement_version", "agreement_language")
    }
    answer = await world.http.post(f"{page}/agreement", data={**shown, "agreement_accepted": "true"}, headers=FORM)
    assert answer.status_code == 303, answer.text


async def file_appeal(world: World, opened: Document, request: Document, grounds: str) -> None:
    """Somebody appeals on their own page, and adds a file."""
    page = f"{await world.own_page(opened, request['email'])}/appeal"
    answer = await world.http.post(page, data={"grounds": grounds}, headers=FORM)
    assert answer.status_code == 303, answer.text
    file = {"file": ("letter.pdf", evidence.pdf(), "application/pdf")}
    answer = await world.http.post(f"{page}/evidence", files=file, headers=FORM)
    assert answer.status_code == 303, answer.text


async def open_season(world: World, program: str, plan_year: int) -> int:
    """Staff open a season and wait for its end; how many cases it opened."""
    season = f"/api/seasons/{program}/{plan_year}"
    answer = await world.http.post(f"{world.web}{season}/open", json={"reason": "It is time."}, headers=world.staff)
    assert answer.status_code == 201, answer.text

    async def read() -> Document:
        found: Document = (await world.get(f"{season}/status")).json()
        return found

    status = await world.changes.poll(read, lambda status: status["state"] == "finished")
    return int(status["opened"])


async def find_case(world: World, assister_id: str, plan_year: int) -> Document:
    """Somebody's case of a plan year."""
    found = (await world.get("/api/cases", params={"plan_year": plan_year})).json()
    (case,) = [one for one in found if one["assister_id"] == assister_id]
    return await world.status(case)


async def dispute_check(world: World, opened: Document, request: Document, what: str) -> None:
    """Somebody disputes their background report on their own page."""
    page = await world.own_page(opened, request["email"])
    answer = await world.http.post(f"{page}/dispute", data={"dispute": what}, headers=FORM)
    assert answer.status_code == 303, answer.text


async def file_rebuttal(world: World, opened: Document, request: Document, text: str) -> None:
    """Somebody says on their own page what they have against what staff ordered."""
    page = await world.own_page(opened, request["email"])
    answer = await world.http.post(f"{page}/rebuttal", data={"text": text}, headers=FORM)
    assert answer.status_code == 303, answer.text


async def set_check(world: World, request: Document, result: str) -> None:
    """The vendor's checks of this person find this from now on."""
    body = {"email": request["email"], "result": result, "after_seconds": 0}
    answer = await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=body)
    assert answer.status_code == 201, answer.text


async def report_clear(world: World, opened: Document) -> None:
    """The vendor has looked at a report again, which is clear now."""
    asked = [call for call in await world.calls("background_checks") if call["path"] == "/v1/invitations"]
    candidate = asked[-1]["body"]["candidate_id"]
    report = {"id": "again", "object": "report", "status": "complete", "result": "clear", "candidate_id": candidate}
    event = {"id": "again", "object": "event", "type": "report.completed", "data": {"object": report}}
    text = json.dumps({**event, "created_at": datetime.now(UTC).isoformat()})
    key = world.stack["secrets"]["background_checks_webhook"]
    headers = {"X-Checkr-Signature": hmac.new(key.encode(), text.encode(), sha256).hexdigest()}
    answer = await world.http.post(f"{world.web}/webhooks/background-checks", content=text, headers=headers)
    assert answer.status_code == 202, answer.text


async def return_to_market(market: Marketplace, opened: Document) -> None:
    """Somebody who returns saves their profile again, takes the short course and accepts the agreements."""
    await market.done(opened, "profile", {})
    await market.until(opened, lambda status: status["profile"]["saved_at"])
    await market.done(opened, "profile/next")
    await market.trained(opened, "individual_returning")
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: "individual" in markets_of(status))
