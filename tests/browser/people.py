"""People in every state that a page shows, each made once in a test process, over the real interfaces; no test."""

import functools
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from playwright.async_api import Page

from tests.support import documents
from tests.support.evidence import pdf
from tests.support.kept import Kept
from tests.support.lapses import lapse_case
from tests.support.marketplace import Marketplace
from tests.support.patience import PATIENCE
from tests.support.world import Document, World

Make = Callable[["People"], Awaitable[str]]


def once(make: Make) -> Make:
    """The address of somebody's page, who is made when first asked for."""

    @functools.wraps(make)
    async def kept(people: "People") -> str:
        if make.__name__ not in people.known:
            people.known[make.__name__] = await make(people)
        return people.known[make.__name__]

    return kept


class People:
    """Each is known by the address of a page of theirs."""

    def __init__(self, world: World, market: Marketplace) -> None:
        self.world = world
        self.market = market
        self.known: dict[str, str] = {}
        self._sessions: dict[str, Any] = {}
        self._owners: dict[str, str] = {}

    async def activation_link(self, request: Document) -> str:
        """The link in the newest letter to somebody that has one which activates an account."""

        def link_in(letter: Document) -> str:
            found = re.search(r"https?://\S+/activate/[\w-]+", letter["text"])
            return found.group() if found else ""

        return link_in(await self.world.letter(request["email"], link_in))

    def own_page(self, request: Document, opened: Document) -> str:
        """The address of somebody's own page of a case; whose it is, is remembered for `owner_signs_in`."""
        url = f"{self.world.web}/me/{opened['case_id']}"
        self._owners[url] = request["email"]
        return url

    async def owner_signs_in(self, page: Page, url: str) -> None:
        """Whose own page this is, if it is anybody's, signs in; from the second time on with the session they have."""
        email = next((email for own, email in self._owners.items() if url.startswith(own)), None)
        if email is None:
            return
        if email not in self._sessions:
            async with httpx2.AsyncClient(timeout=PATIENCE) as browser:
                await self.world.sign_in(email, browser)
                cookie = {"name": "own", "value": browser.cookies["own"], "url": self.world.web}
            self._sessions[email] = [cookie]
        await page.context.add_cookies(self._sessions[email])

    async def signs_in(self, page: Page, person: str) -> None:
        """One of the identity provider's people signs in; from the second time on with the session they have."""
        if person in self._sessions:
            await page.context.add_cookies(self._sessions[person])
            return
        await page.goto(f"{self.world.web}/staff/sign-in")
        await page.locator("main a[href*='/staff/sign-in/start']").click()
        await page.get_by_role("button", name=person, exact=True).click()
        await page.locator("[action='/staff/sign-out']").wait_for()
        self._sessions[person] = [one for one in await page.context.cookies() if one["name"] != "lang"]

    async def signs_in_anew(self, page: Page, person: str) -> None:
        """One of the identity provider's people signs in, with a session that others don't use and the test may end."""
        await page.goto(f"{self.world.web}/staff/sign-in/start")
        await page.get_by_role("button", name=person, exact=True).click()
        await page.locator("[action='/staff/sign-out']").wait_for()

    async def end_staff_session(self, page: Page) -> None:
        """The session of who is signed in on a page ends while the page is open."""
        token = await page.locator("[action='/staff/sign-out'] [name=csrf_token]").get_attribute("value")
        secret = next(one["value"] for one in await page.context.cookies() if one["name"] == "staff")
        async with httpx2.AsyncClient(cookies={"staff": secret}, timeout=PATIENCE) as elsewhere:
            answer = await elsewhere.post(f"{self.world.web}/staff/sign-out", data={"csrf_token": token})
        assert answer.status_code == 303

    # the state program, by their status pages

    @once
    async def waiting(self) -> str:
        """A broker whom staff have yet to decide on."""
        request = documents.broker()
        opened = await self.world.opened(request)
        await self.world.until(opened, "awaiting_decision")
        self.known |= {"waiting_case": opened["case_id"], "waiting_email": request["email"]}
        return self.own_page(request, opened)

    @once
    async def asked(self) -> str:
        """A broker whom staff asked something."""
        return await self._asked(documents.broker())

    @once
    async def asked_counselor(self) -> str:
        """A counselor whom staff asked about some of the fields."""
        return await self._asked(documents.counselor(), fields=["last_name", "employer"])

    async def asked_case(self) -> str:
        """The counselor's, with the open question."""
        return f"/staff/cases/{(await self.asked_counselor()).rpartition('/')[2]}"

    @once
    async def asked_in_vain(self) -> str:
        """A broker whose question was taken back."""
        request = documents.broker()
        opened = await self.world.opened(request)
        await self.world.approved(opened, decision="ask", reason="Which of the addresses is right?")
        taken_back = await self.world.command(opened, "question/take-back", reason="It was in the file.")
        assert taken_back.status_code == 200, taken_back.text
        await self.world.until(opened, "awaiting_decision")
        return self.own_page(request, opened)

    async def _asked(self, request: Document, **named: Any) -> str:
        opened = await self.world.opened(request)
        await self.world.approved(opened, decision="ask", reason="Which of the addresses is right?", **named)
        await self.world.until(opened, "awaiting_information")
        return self.own_page(request, opened)

    async def _answer(self, request: Document, opened: Document, **changes: Any) -> None:
        """Somebody answers the question that staff ask them about these fields."""
        await self.world.approved(opened, decision="ask", reason="Is this up to date?", fields=list(changes))
        async with httpx2.AsyncClient(timeout=PATIENCE) as browser:
            page = await self.world.own_page(opened, request["email"], browser)
            answer = await browser.post(f"{page}/information", json={"message": "It has changed.", **changes})
        assert answer.status_code == 200, answer.text

    @once
    async def returning(self) -> str:
        """A returning agent whose case staff opened: the agreement is still to be accepted."""
        request = documents.agent()
        assister_id = await self.world.imported(documents.earlier(request, 2023))
        await self.world.know(documents.producer(request))
        opened = await self.world.begun(assister_id, 2024)
        return self.own_page(request, opened)

    @once
    async def denied(self) -> str:
        """An agent who was denied, and told why."""
        request = documents.agent()
        opened = await self.world.opened(request)
        await self.world.approved(opened, decision="deny", reason="The license belongs to somebody else.")
        await self.world.until(opened, "denied")
        return self.own_page(request, opened)

    @once
    async def appealed(self) -> str:
        """A broker who was denied, and whose appeal came by letter."""
        request = documents.broker()
        opened = await self.world.opened(request)
        await self.world.approved(opened, decision="deny", reason="The license belongs to somebody else.")
        await self.world.until(opened, "denied")
        filing = {"grounds": "It is mine; see the copy.", "method": "letter", "reason": "It came by mail."}
        answer = await self.world.command(opened, "appeal", **filing)
        assert answer.status_code == 201, answer.text
        upload = {"file": ("copy of the license.pdf", pdf(), "application/pdf")}
        there = f"{self.world.web}/api/cases/{opened['case_id']}/appeal/evidence"
        added = await self.world.http.post(there, files=upload, headers=self.world.staff)
        assert added.status_code == 201, added.text
        return self.own_page(request, opened)

    async def appealed_case(self) -> str:
        """The same case's appeals, as staff see them."""
        return f"/staff/appeals/{(await self.appealed()).rpartition('/')[2]}"

    async def appeals(self) -> str:
        """The appeals to be decided, of which there is one at least."""
        await self.appealed()
        return "/staff/appeals"

    @once
    async def certified(self) -> str:
        """A broker with a certificate, after a question that they answered, who has yet to register at the portal.

        The first letter to them came back, and the second one is late.
        """
        request = documents.broker()
        opened = await self.world.opened(request)
        moved = {**request["business_address"], "city": "Newtown"}
        await self._answer(request, opened, phone="505-555-0177", business_address=moved, insurers=["Sample Health"])
        await self.world.approved_and_trained(opened)
        self.known["certified_case"] = opened["case_id"]
        reports = ({"action": "failed", "status": "5.1.1"}, {"action": "delayed", "status": "4.4.1"})
        for letter, report in zip(await self.world.letters(request["email"]), reports, strict=False):
            bounce = f"{self.world.stack['mailbox']}/messages/{letter['id']}/bounce"
            assert (await self.world.http.post(bounce, json=report)).headers["X-Exchange-Status"] == "202"
        return self.own_page(request, opened)

    @once
    async def suspended(self) -> str:
        """A suspended broker, given notice of a termination as well, who has something to say against both."""
        request = documents.broker()
        opened = await self.world.certified(request)
        self.known["suspended_case"] = opened["case_id"]
        for what in ("suspend", "terminate"):
            assert (await self.world.command(opened, what, reason="A complaint is looked into.")).status_code == 200
        page = await self.world.own_page(opened, request["email"])
        said = {"text": "It was somebody else, and I can show it."}
        assert (await self.world.http.post(f"{page}/rebuttal", data=said)).status_code == 303
        return self.own_page(request, opened)

    async def suspended_case(self) -> str:
        """That broker's, for staff."""
        await self.suspended()
        return f"/staff/cases/{self.known['suspended_case']}"

    @once
    async def lapsed(self) -> str:
        """A broker whose training deadline is over, by rules of this case alone."""
        request = documents.broker()
        opened = await self.world.opened(request)
        await self.world.approved(opened)
        await self.world.reported(opened, "account", "profile")
        await lapse_case(self.world.stack["settings"]["CERTIFY_DATABASE_URL"], opened["case_id"])
        await self.world.until(opened, "lapsed")
        self.known["lapsed_case"] = opened["case_id"]
        return self.own_page(request, opened)

    async def lapsed_case(self) -> str:
        """That broker's, for staff."""
        await self.lapsed()
        return f"/staff/cases/{self.known['lapsed_case']}"

    @once
    async def active(self) -> str:
        """A counselor who may help consumers."""
        request = documents.counselor()
        opened = await self.world.certified(request)
        self.known["activated"] = await self.activation_link(request)
        assert (await self.world.http.post(self.known["activated"])).status_code == 200
        await self.world.reported_by_portal(opened, "profile.completed", "scheduling_tool.ready")
        await self.world.until(opened, "active")
        return self.own_page(request, opened)

    async def activated(self) -> str:
        """That counselor's activation link, which is used."""
        await self.active()
        return self.known["activated"]

    @once
    async def activation(self) -> str:
        """The activation link of a counselor who has yet to use it."""
        request = documents.counselor()
        await self.world.certified(request)
        return await self.activation_link(request)

    async def own(self) -> str:
        """The list of that counselor's cases."""
        self._owners[f"{self.world.web}/me?"] = self._owners[await self.active()]
        return f"{self.world.web}/me?"

    async def address(self) -> str:
        """Where that counselor changes the address they go by."""
        url = f"{self.world.web}/me/email"
        self._owners[url] = self._owners[await self.active()]
        return url

    async def unknown(self) -> str:
        """A case that isn't that counselor's, or nobody's."""
        url = f"{self.world.web}/me/unknown"
        self._owners[url] = self._owners[await self.active()]
        return url

    async def end_session(self, secret: str) -> None:
        """Somebody signs out elsewhere."""
        async with httpx2.AsyncClient(cookies={"own": secret}) as elsewhere:
            answer = await elsewhere.post(f"{self.world.web}/me/sign-out")
        assert answer.status_code == 303
        self._sessions = {email: kept for email, kept in self._sessions.items() if kept[0]["value"] != secret}

    async def owner_signs_in_again(self, page: Page, url: str) -> None:
        """The owner of a page signs in, on the page that asks for their address."""
        await self.sign_in(page, self._owners[url])

    async def sign_in(self, page: Page, email: str) -> None:
        """Somebody signs in to their own pages by the code in their mailbox."""
        await page.locator("main [name=email]").fill(email)
        code = await self.world.code_after(email, page.locator("main form button").first.click)
        await page.locator("main [name=code]").fill(code)
        await page.locator("main form button").first.click()

    @once
    async def unproven(self) -> str:
        """A broker whose NPN the registry has another address for: a code can be sent there."""
        request = documents.broker()
        opened = await self.world.opened(request, contact_email=f"office.{request['email']}")
        await self.world.until(opened, "awaiting_decision")
        await self.world.opened({**request, "email": f"rival.{request['email']}"}, known=False)
        return self.own_page(request, opened)

    # the federal program, by their pages of the portal

    @once
    async def registered(self) -> str:
        """Somebody who has just asked to register."""
        request = documents.registration()
        opened = await self.market.opened(request)
        await self.market.settled(opened)
        return self.own_page(request, opened)

    @once
    async def profiled(self) -> str:
        """Somebody whose profile is complete, and who trains: one course in the MLMS, one at a vendor."""
        request = documents.registration(markets=["individual", "shop"])
        opened = await self.market.profiled(request)
        for curriculum, channel in (("individual_full", "mlms"), ("shop", "vendor-a")):
            assert (await self.market.enroll(opened, curriculum, channel)).is_success
        return self.own_page(request, opened)

    @once
    async def trained(self) -> str:
        """Somebody who has read one agreement, accepted none, and not opened the other."""
        request = documents.registration()
        opened = await self.market.profiled(request)
        await self.market.trained(opened, "individual_full")
        await self.market.done(opened, "agreements/individual_general/open")
        return self.own_page(request, opened)

    @once
    async def completed(self) -> str:
        """Somebody with a certificate, who is in the published lists."""
        request = documents.registration()
        opened = await self.market.certified(request)
        await self.market.publish()
        (certificate,) = (await self.market.status(opened))["certificates"]
        self.known |= {"federal_certificate": certificate["number"], "npn": request["npn"]}
        self.known["completed_case"] = opened["case_id"]
        return self.own_page(request, opened)

    async def federal_certificate(self) -> str:
        """The public page of their certificate."""
        await self.completed()
        return f"/certificates/{self.known['federal_certificate']}"

    async def tracked(self) -> str:
        """The tracker's page of their NPN."""
        await self.completed()
        return f"/registry/tracker/{self.known['npn']}"

    # their cases in the console

    async def rivals(self) -> str:
        """Two people who claim one NPN."""
        await self.unproven()
        return "/staff/claims"

    async def queue(self) -> str:
        """The work queue, with somebody in it."""
        await self.waiting()
        return "/staff"

    @once
    async def unopened(self) -> str:
        """The work queue, with somebody in it whose case nobody opens: what is on a desk isn't approved in bulk."""
        await self.world.until(await self.world.opened(documents.broker()), "awaiting_decision")
        return "/staff"

    async def waiting_case(self) -> str:
        """The broker's who waits for a decision."""
        await self.waiting()
        return f"/staff/cases/{self.known['waiting_case']}"

    async def certified_case(self) -> str:
        """The broker's with a certificate."""
        await self.certified()
        return f"/staff/cases/{self.known['certified_case']}"

    async def completed_case(self) -> str:
        """The federal one with a certificate."""
        await self.completed()
        return f"/staff/cases/{self.known['completed_case']}"

    @once
    async def held(self) -> str:
        """Webhooks: one held, since it came before the account was there, one kept aside, one that can't be counted."""
        opened = await self.world.opened(documents.counselor())
        webhook_id = str(uuid4())
        answer = await self.world.portal(opened, "account.activated", webhook_id=webhook_id)
        assert answer.status_code == 202, answer.text
        answer = await self.world.portal(opened, "profile.completed", webhook_id=webhook_id)
        assert answer.status_code == 409, answer.text
        self.known["altered_event"] = webhook_id
        answer = await self.world.lms(documents.statement(await self.world.policy(), opened, "passed", "exam"))
        assert answer.status_code == 422, answer.text
        self.known["uncounted_case"] = opened["case_id"]
        return "/staff/webhooks"

    @once
    async def season(self) -> str:
        """A season that is paused, so that nobody else's case is opened by it, and has left somebody out."""
        left_out = await self.world.imported(documents.registered(documents.registration(), 2025))
        at = "2026-11-02 17:00:00.000000"
        kept = Kept(Path(self.world.stack["data"]) / "app.sqlite")
        kept.change(
            "INSERT INTO season (program, plan_year, state, opened_at, opened_by, people, after, changed_at) "
            f"VALUES ('ffm', 2026, 'paused', '{at}', 'staff:olga', 40, '', '{at}')"
        )
        kept.change(
            "INSERT INTO season_entry (program, plan_year, assister_id, outcome, reason, at) "
            f"VALUES ('ffm', 2026, '{left_out}', 'left_out', 'revoked_before', '{at}')"
        )
        return "/staff/season"

    @once
    async def import_with_refusals(self) -> str:
        """Somebody's earlier years, loaded by an operator."""
        await self.world.imported(documents.earlier(documents.broker(), 2025))
        return "/staff/imports"
