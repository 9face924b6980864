"""Training for the federal marketplace: the short course, each market on its own, MLMS and vendors (B1, B11–B15)."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from tests.support import documents
from tests.support.marketplace import AGREEMENTS, Marketplace, markets_of
from tests.support.patience import PATIENCE
from tests.support.temporal import client_of, history_of
from tests.support.world import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
Known = tuple[Document, str]
SHORT, FULL, SHOP = "individual_returning", "individual_full", "shop"
TABLE: dict[str, tuple[tuple[int, ...], dict[str, bool], str]] = {
    "registered, trained, in the Individual Market": ((2023,), {}, "returning"),
    "for years": ((2020, 2021, 2022, 2023), {}, "returning"),
    "not registered": ((2023,), {"registered": False}, "lapsed"),
    "not trained": ((2023,), {"trained": False}, "lapsed"),
    "not in the Individual Market": ((2023,), {"individual_market": False}, "lapsed"),
    "a year of pause": ((2021, 2022), {}, "lapsed"),
    "a year too early": ((2024, 2025), {}, "new"),
    "nothing": ((), {}, "new"),
}


class Archive:
    """Who was imported for this module, from one file; every test takes its own people from it."""

    def __init__(self, people: dict[str, list[Known]]) -> None:
        self._people = people

    def take(self, who: str = "registered, trained, in the Individual Market") -> Known:
        """The request such a person would make, and their id."""
        return self._people[who].pop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def archive(market: Marketplace) -> Archive:
    """The earlier years of everybody in this module."""
    wanted = [*TABLE, *["registered, trained, in the Individual Market"] * 8]
    known = [(who, documents.registration()) for who in wanted]
    ids = await market.all_imported([documents.registered(one, *TABLE[who][0], **TABLE[who][1]) for who, one in known])
    people: dict[str, list[Known]] = {}
    for (who, request), assister_id in zip(known, ids, strict=True):
        people.setdefault(who, []).append((request, assister_id))
    return Archive(people)


async def courses(market: Marketplace, opened: Document) -> list[tuple[str, str, bool]]:
    """Every enrolment: its course, where, and whether it was automatic."""
    enrollments = (await market.status(opened))["enrollments"]
    return [(one["curriculum"], one["channel"], one["automatic"]) for one in enrollments]


async def places(market: Marketplace, opened: Document) -> list[str]:
    """The courses the MLMS was asked to open for a case."""
    return [
        call["body"]["curriculum"]
        for call in await market.calls("mlms")
        if call["body"] and call["body"].get("registration") == opened["case_id"]
    ]


async def asked_for(market: Marketplace, opened: Document, *wanted: str) -> None:
    """Waits until the MLMS has been asked for these courses, and for no other."""
    async with asyncio.timeout(PATIENCE):
        while sorted(await places(market, opened)) != sorted(wanted):
            await asyncio.sleep(0.05)


# who takes the short course


@pytest.mark.parametrize("who", TABLE)
async def test_b1_b11_the_short_course_is_for_those_who_registered_trained_and_took_part_last_year(
    market: Marketplace, archive: Archive, who: str
) -> None:
    request, assister_id = archive.take(who)
    opened = await market.opened(request)
    assert opened["assister_id"] == assister_id
    assert (await market.status(opened))["assister_type"] == TABLE[who][2]
    if TABLE[who][2] == "returning":
        await asked_for(market, opened, SHORT)
        assert await courses(market, opened) == [(SHORT, "mlms", True)]
        return
    answer = await market.enroll(opened, SHORT)
    assert answer.status_code == 409
    assert "enroll in the full course" in answer.json()["detail"]
    assert await courses(market, opened) == []
    assert (await market.enroll(opened, FULL)).status_code == 201
    await asked_for(market, opened, FULL)


async def test_b1_the_short_course_reported_for_somebody_else_has_no_effect(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    assert (await market.lms(documents.course(await market.policy(), opened, SHORT))).status_code == 202
    status = await market.status(opened)
    assert (status["training"], status["stage"]) == ({"individual": None}, "in_training")
    await market.done(opened, "agreements/individual_general/open")
    answer = await market.accept(opened, "individual_general")
    assert (answer.status_code, "Complete the training" in answer.json()["detail"]) == (409, True)


async def test_b11_a_returning_agent_is_enrolled_once_whoever_opens_the_case_and_however_often(
    market: Marketplace, archive: Archive
) -> None:
    request, assister_id = archive.take()
    await market.know(documents.individual(request))
    url = f"{market.web}/api/assisters/{assister_id}/cases"
    body = {"program": "ffm", "plan_year": 2024}
    answers = await asyncio.gather(*(market.http.post(url, json=body, headers=market.staff) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    opened = answers[0].json()
    assert (await market.submit(request)).json()["case_id"] == opened["case_id"]
    letter = await market.letter(request["email"], lambda letter: "You are enrolled" in letter["subject"])
    assert "automatically" in letter["text"]
    for _ in range(2):
        assert (await market.enroll(opened, SHORT)).status_code == 201
    assert await courses(market, opened) == [(SHORT, "mlms", True)]
    assert await places(market, opened) == [SHORT]
    contacts = {name: request[name] for name in ("business_contact", "professional_contact")}
    await market.done(opened, "profile", contacts)
    await market.done(opened, "profile/next")
    await market.trained(opened, SHORT)
    await market.agreed(opened, "individual")
    status = await market.until(opened, lambda status: status["certificates"])
    assert await places(market, opened) == [SHORT]
    assert len([one for one in await market.letters(request["email"]) if "You are enrolled" in one["subject"]]) == 1
    assert status["assister_type"] == "returning"


async def test_b11_shop_and_the_full_course_can_be_added_each_on_its_own(market: Marketplace, archive: Archive) -> None:
    request, _ = archive.take()
    opened = await market.opened(request)
    for curriculum in (SHOP, FULL, SHOP):
        assert (await market.enroll(opened, curriculum)).status_code == 201
    assert await courses(market, opened) == [(SHORT, "mlms", True), (SHOP, "mlms", False), (FULL, "mlms", False)]
    await asked_for(market, opened, SHORT, SHOP, FULL)
    assert len(await market.facts(opened, "enrolled")) == 3
    assert [one["market"] for one in (await market.status(opened))["markets"]] == ["individual", "shop"]

    async def letters() -> int:
        return len([one for one in await market.letters(request["email"]) if "You are enrolled" in one["subject"]])

    async with asyncio.timeout(PATIENCE):
        while await letters() < 3:
            await asyncio.sleep(0.1)
    assert await letters() == 3


async def test_b11_who_returns_for_shop_alone_is_enrolled_in_nothing(market: Marketplace, archive: Archive) -> None:
    request, _ = archive.take()
    opened = await market.opened({**request, "markets": ["shop"]})
    assert (await market.enroll(opened, SHOP)).status_code == 201
    await asked_for(market, opened, SHOP)
    assert await courses(market, opened) == [(SHOP, "mlms", False)]


async def test_b11_an_enrolment_the_mlms_did_not_answer_is_made_once(market: Marketplace, archive: Archive) -> None:
    request, _ = archive.take()
    await market.control("mlms", mode="error", status=503)  # for how long, not how often: other cases call it too
    try:
        opened = await market.opened(request)
        await market.until(opened, lambda status: status["enrollments"])
        await market.wait_for_retry(opened)
    finally:
        await market.control("mlms", mode="ok")
    async with asyncio.timeout(PATIENCE):
        while "mlms_enrolled" not in await market.history(opened):
            await asyncio.sleep(0.05)
    calls = [one for one in await market.calls("mlms") if opened["case_id"] in str(one["body"])]
    *unanswered, answered = [call["status"] for call in calls]
    assert (set(unanswered), answered) == ({503}, 201)
    assert len({call["idempotency_key"] for call in calls}) == 1


@pytest.mark.parametrize("body", [{"curriculum": "exam", "channel": "mlms"}, {"curriculum": SHOP}, {}, []], ids=str)
async def test_b11_an_enrolment_that_is_none_is_refused(market: Marketplace, body: Any) -> None:
    opened = await market.opened(documents.registration())
    answer = await market.act(opened, "enrollments", body)
    assert answer.status_code == 422
    assert set(fields(answer)) <= {"curriculum", "channel", "body"}
    assert (await market.status(opened))["enrollments"] == []


# each market on its own


@pytest.mark.parametrize(("first", "second"), [("individual", "shop"), ("shop", "individual")])
@pytest.mark.parametrize("other", ["nothing done", "trained", "agreed in part"])
async def test_b12_a_market_is_completed_whatever_the_others_state(
    market: Marketplace, first: str, second: str, other: str
) -> None:
    opened = await market.profiled(documents.registration(markets=["shop", "individual"]))
    course = {"individual": FULL, "shop": SHOP}
    if other != "nothing done":
        await market.trained(opened, course[second])
    if other == "agreed in part" and second == "individual":
        await market.done(opened, "agreements/individual_general/open")
        await market.done(opened, "agreements/individual_general/accept")
    status = await market.completed(opened, first)
    assert list(markets_of(status)) == [first]
    done = {one["market"]: bool(one["completed_at"]) for one in status["markets"]}
    assert done == {first: True, second: False}
    assert status["may_assist"]
    waiting = "marketplace_training" if other == "nothing done" else "marketplace_agreements"
    assert status["waiting_for"] == waiting
    before = markets_of(status)[first]
    if other == "nothing done":
        await market.trained(opened, course[second])
    await market.agreed(opened, second)
    status = await market.until(opened, lambda status: len(status["certificates"]) == 2)
    assert markets_of(status)[first] == before
    assert markets_of(status)[second]["number"] != before["number"]
    assert status["waiting_for"] == "publication"


async def test_b12_completed_suffices_and_no_exam_is_asked(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "mlms"})
    policy = await market.policy()
    for verb in ("passed", "failed", "scored", "registered"):
        answer = await market.lms(documents.course(policy, opened, FULL, verb, result={"score": {"scaled": 0.5}}))
        assert (answer.status_code, fields(answer)) == (422, ["verb.id"])
    low = documents.course(policy, opened, FULL, result={"score": {"scaled": 0.1}, "success": False})
    assert (await market.lms(low)).status_code == 202
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: status["certificates"])


async def test_b12_a_market_not_registered_for_is_none_of_the_case(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    answer = await market.act(opened, "agreements/shop_privacy_security/open")
    assert (answer.status_code, "not registering for its market" in answer.json()["detail"]) == (409, True)
    await market.completed(opened, "individual")
    await market.completed(opened, "shop")
    status = await market.status(opened)
    assert [one["market"] for one in status["markets"]] == ["individual", "shop"]


@pytest.mark.parametrize("markets", [[], ["small"], ["shop", "shop", "shop"], "shop", None], ids=str)
async def test_b12_there_are_two_markets(market: Marketplace, markets: Any) -> None:
    answer = await market.submit(documents.registration(markets=markets))
    assert answer.status_code == 422
    assert all(field.startswith("markets") for field in fields(answer))


# in the MLMS, or at a vendor


@pytest.mark.parametrize(
    ("curriculum", "channel"), [(FULL, "mlms"), (FULL, "vendor-a"), (FULL, "vendor-b"), (SHOP, "vendor-b")]
)
async def test_b13_training_in_the_mlms_or_at_an_approved_vendor_satisfies(
    market: Marketplace, curriculum: str, channel: str
) -> None:
    name = "shop" if curriculum == SHOP else "individual"
    opened = await market.profiled(documents.registration(markets=[name]))
    await market.trained(opened, curriculum, channel)
    await market.agreed(opened, name)
    status = await market.until(opened, lambda status: status["certificates"])
    assert [one["channel"] for one in status["enrollments"]] == [channel]


async def test_b13_either_of_two_places_satisfies_and_the_first_counts(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    await market.trained(opened, FULL, "vendor-a")
    first = (await market.status(opened))["training"]
    await market.trained(opened, FULL, "mlms")
    assert (await market.status(opened))["training"] == first


@pytest.mark.parametrize(
    ("curriculum", "vendor"),
    [(FULL, "vendor-c"), (SHOP, "vendor-c"), (SHORT, "vendor-b"), (FULL, "nobody"), (FULL, "MLMS"), (FULL, "../x")],
)
async def test_b13_a_vendor_not_approved_for_the_course_is_refused(
    market: Marketplace, archive: Archive, curriculum: str, vendor: str
) -> None:
    opened = await market.profiled(documents.registration())
    answer = await market.enroll(opened, curriculum, vendor)
    assert (answer.status_code, fields(answer)) == (422, ["channel"])
    assert "HHS has not approved" in answer.json()["detail"]
    assert "vendor-a" in answer.json()["detail"]
    assert (await market.launch(opened, curriculum, vendor)).status_code in (409, 422)
    status = await market.status(opened)
    assert (status["enrollments"], await market.facts(opened, "launched")) == ([], [])


async def test_b13_what_an_unapproved_vendor_reports_is_not_believed(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-a")
    assert (await market.at_vendor("vendor-a", "redeem", ticket)).status_code == 200
    answer = await market.vendor("vendor-c", documents.vendor_report(ticket, FULL))
    assert (answer.status_code, fields(answer)) == (422, ["ticket"])
    assert (await market.status(opened))["training"] == {"individual": None}


# the launch ticket


async def detail(answer: httpx2.Response) -> str:
    return str(answer.json()["detail"])


async def test_b14_a_ticket_opens_the_vendors_site_once(market: Marketplace) -> None:
    request = documents.registration(language="es")
    opened = await market.profiled(request)
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "vendor-a"})
    launch = await market.launch(opened, FULL, "vendor-a")
    launched = launch.json()
    assert (launch.status_code, launch.headers["cache-control"]) == (201, "no-store")
    sandbox = market.stack["sandbox"]["vendors"]
    assert launched["url"] == f"{sandbox}/vendor-a/training?ticket={launched['ticket']}"
    left = datetime.fromisoformat(launched["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    page = await market.http.get(launched["url"])
    assert (page.status_code, "Completar el curso" in page.text) == (200, True)
    for private in (request["npn"], request["email"], request["last_name"], opened["case_id"], opened["assister_id"]):
        assert private not in page.text
    again = await market.http.get(launched["url"])
    assert again.status_code == 409
    assert "used already" in await detail(await market.at_vendor("vendor-a", "redeem", launched["ticket"]))


async def test_b14_a_vendors_direct_address_is_refused(market: Marketplace) -> None:
    for vendor in ("vendor-a", "vendor-b"):
        for path in ("", "/", "/training"):
            page = await market.http.get(f"{market.stack['sandbox']['vendors']}/{vendor}{path}", follow_redirects=True)
            assert (page.status_code, "CMS Enterprise Portal only" in page.text) == (403, True)


async def test_b14_a_ticket_is_for_its_own_vendor(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-a")
    assert (await market.at_vendor("vendor-b", "redeem", ticket)).status_code == 404
    secrets = market.stack["secrets"]["vendors"]
    forged = await market.signed("/api/vendors/vendor-a/tickets", secrets["vendor-b"], {"ticket": ticket})
    assert forged.status_code == 403
    assert await market.facts(opened, "course_started") == []
    redeemed = await market.signed("/api/vendors/vendor-a/tickets", secrets["vendor-a"], {"ticket": ticket})
    assert (redeemed.status_code, set(redeemed.json())) == (
        200,
        {"learner", "curriculum", "language", "plan_year", "return_url"},
    )
    assert redeemed.json()["return_url"].startswith(f"{market.web}/portal")
    assert opened["case_id"] not in redeemed.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("vendor-a", {"ticket": "never-made"}, 404),
        ("vendor-a", {"ticket": ""}, 422),
        ("vendor-a", {"ticket": "x" * 300}, 422),
        ("vendor-a", {}, 422),
        ("vendor-a", [], 422),
        ("vendor-a", {"ticket": "x", "more": 1}, 422),
        ("nobody", {"ticket": "x"}, 404),
    ],
    ids=str,
)
async def test_b14_what_is_no_ticket_opens_nothing(market: Marketplace, path: str, body: Any, status: int) -> None:
    secret = market.stack["secrets"]["vendors"]["vendor-a"]
    assert (await market.signed(f"/api/vendors/{path}/tickets", secret, body)).status_code == status


async def test_b14_of_two_who_bring_the_ticket_at_once_one_gets_in(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-b")
    answers = await asyncio.gather(*(market.at_vendor("vendor-b", "redeem", ticket) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert len(await market.facts(opened, "course_started")) == 1


async def test_b14_a_ticket_whose_time_is_over_opens_nothing(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "vendor-a"})
    ticket = (await market.launch(opened, FULL, "vendor-a")).json()["ticket"]
    end_tickets(market, opened)
    answer = await market.at_vendor("vendor-a", "redeem", ticket)
    assert (answer.status_code, "has expired" in await detail(answer)) == (410, True)
    assert (await market.vendor("vendor-a", documents.vendor_report(ticket, FULL))).status_code == 422
    assert await market.facts(opened, "course_started") == []


def end_tickets(market: Marketplace, opened: Document) -> None:
    """Lets the time of this case's tickets be over."""
    url = market.stack["settings"]["CERTIFY_DATABASE_URL"]
    with sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"), timeout=PATIENCE) as database:
        database.execute("UPDATE launch_ticket SET expires_at = created_at WHERE case_id = ?", (opened["case_id"],))
    database.close()


async def test_b14_who_is_not_enrolled_at_the_vendor_is_not_launched(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "vendor-a"})
    for curriculum, vendor in ((FULL, "vendor-b"), (SHOP, "vendor-a")):
        answer = await market.launch(opened, curriculum, vendor)
        assert (answer.status_code, "Enroll in this course at this vendor" in await detail(answer)) == (409, True)
    answer = await market.launch(opened, FULL, "mlms")
    assert (answer.status_code, fields(answer)) == (422, ["channel"])
    assert await market.facts(opened, "launched") == []
    assert (await market.launch(opened, FULL, "vendor-a")).status_code == 201


async def test_b14_a_ticket_is_kept_nowhere_in_plain_text(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-a")
    await market.at_vendor("vendor-a", "redeem", ticket)
    await market.at_vendor("vendor-a", "complete", ticket)
    await market.until(opened, lambda status: status["training"]["individual"])
    written = [
        (await market.get(f"/api/cases/{opened['case_id']}?history=true")).text,
        (await market.get(f"/api/cases/{opened['case_id']}/audit")).text,
        await history_of(await client_of(market.stack), opened["workflow_id"]),
    ]
    assert not any(ticket in text for text in written)


# back to the portal


async def test_b15_a_vendors_report_alone_is_no_registration(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.profiled(request)
    await market.trained(opened, FULL, "vendor-a")
    status = await market.until(opened, "awaiting_agreements")
    assert (status["waiting_for"], status["certificates"]) == ("marketplace_agreements", [])
    assert status["markets"] == [{"market": "individual", "completed_at": None}]
    assert status["may_assist_reasons"] == ["agreements_not_accepted", "no_certificate"]
    await market.publish()
    assert await market.rows("rcl", npn=request["npn"]) == []
    (tracked,) = await market.tracked(request["npn"])
    assert (tracked["individual_training"], tracked["individual_completed_on"]) == ("complete", "")
    assert tracked["individual_agreements"] == "incomplete"
    for agreement in AGREEMENTS["individual"]:
        assert (await market.accept(opened, agreement)).status_code == 409
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: status["certificates"])


async def test_b15_a_course_nobody_opened_is_not_completed(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-a")
    for report, named in (
        (documents.vendor_report(ticket, FULL), "ticket"),
        (documents.vendor_report(ticket, SHOP), "curriculum"),
        (documents.vendor_report("never-made", FULL), "ticket"),
    ):
        answer = await market.vendor("vendor-a", report)
        assert (answer.status_code, fields(answer)) == (422, [named])
    assert (await market.at_vendor("vendor-a", "complete", ticket)).status_code == 404
    assert (await market.status(opened))["training"] == {"individual": None}


# late, twice, out of order, forged, altered


async def at_a_vendor(market: Marketplace) -> tuple[Document, Document]:
    """Somebody in the middle of a vendor's course, and the report of its completion."""
    opened = await market.profiled(documents.registration())
    ticket = await market.launched(opened, FULL, "vendor-a")
    assert (await market.at_vendor("vendor-a", "redeem", ticket)).status_code == 200
    return opened, documents.vendor_report(ticket, FULL)


async def in_the_mlms(market: Marketplace) -> tuple[Document, Document]:
    """Somebody in the middle of the MLMS's course, and the report of its completion."""
    opened = await market.profiled(documents.registration())
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "mlms"})
    return opened, documents.course(await market.policy(), opened, FULL)


MIDDLE = {"mlms": in_the_mlms, "vendor": at_a_vendor}


def source(market: Marketplace, channel: str) -> tuple[str, str]:
    """Where this channel's webhooks go, and what they are signed with."""
    secrets = market.stack["secrets"]
    if channel == "mlms":
        return "/webhooks/lms", secrets["mlms_webhook"]
    return "/webhooks/vendors/vendor-a", secrets["vendors"]["vendor-a"]


@pytest.mark.parametrize("channel", MIDDLE)
async def test_c4_d7_a_forged_or_stale_report_is_401_and_another_sender_s_403(
    market: Marketplace, channel: str
) -> None:
    opened, report = await MIDDLE[channel](market)
    path, secret = source(market, channel)
    others = source(market, "vendor" if channel == "mlms" else "mlms")[1]
    secrets = market.stack["secrets"]
    for somebody_else in (others, secrets["vendors"]["vendor-b"], secrets["lms_webhook"]):
        assert (await market.signed(path, somebody_else, report)).status_code == 403
    assert (await market.http.post(market.web + path, json=report)).status_code == 401
    for minutes in (-6, 6):
        at = datetime.now(UTC) + timedelta(minutes=minutes)
        assert (await market.signed(path, secret, report, at=at)).status_code == 401
    status = await market.status(opened)
    assert (status["training"], status["flag"]) == ({"individual": None}, None)
    assert (await market.signed(path, secret, report)).status_code == 202


@pytest.mark.parametrize("channel", MIDDLE)
async def test_c4_a_late_report_counts_and_keeps_its_own_time(market: Marketplace, channel: str) -> None:
    opened, report = await MIDDLE[channel](market)
    field = "timestamp" if channel == "mlms" else "occurred_at"
    answer = await market.signed(*source(market, channel), {**report, field: "2026-01-02T03:04:05-05:00"})
    assert answer.status_code == 202
    assert (await market.status(opened))["training"] == {"individual": "2026-01-02T08:04:05Z"}


@pytest.mark.parametrize("channel", MIDDLE)
async def test_c4_the_same_report_twice_has_no_second_effect(market: Marketplace, channel: str) -> None:
    opened, report = await MIDDLE[channel](market)
    webhook_id = str(uuid4())
    answers = await asyncio.gather(
        *(market.signed(*source(market, channel), report, webhook_id=webhook_id) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["status"] for answer in answers) == ["repeated", "repeated", "repeated", "stored"]
    assert len(await market.facts(opened, "course_completed")) == 1
    assert len([one for one in await market.audit(opened) if one["action"].startswith("webhook.")]) == 1


async def test_c4_a_vendors_second_report_of_one_course_is_kept_without_effect(market: Marketplace) -> None:
    opened, report = await at_a_vendor(market)
    for _ in range(2):
        assert (await market.vendor("vendor-a", report, webhook_id=str(uuid4()))).status_code == 202
    assert len(await market.facts(opened, "course_completed")) == 1
    noted = [one for one in await market.audit(opened) if one["action"] == "webhook.training.completed"]
    assert [one["details"].get("note") for one in noted] == [None, "It was reported before under this launch ticket."]
    assert (await market.status(opened))["flag"] is None


async def test_c4_the_stand_ins_send_again_when_asked_and_nothing_happens_twice(market: Marketplace) -> None:
    opened = await market.profiled(documents.registration(markets=["individual", "shop"]))
    await market.trained(opened, SHOP)
    ticket = await market.launched(opened, FULL, "vendor-a")
    for step in ("redeem", "complete"):
        await market.at_vendor("vendor-a", step, ticket)
    await market.until(opened, lambda status: all(status["training"].values()))
    before = await market.recorded(opened), await market.audit(opened)
    sent = await market.at_vendor("vendor-a", "resend", ticket)
    url = f"{market.stack['sandbox']['mlms']}/webhooks/resend"
    again = await market.http.post(url, json={"registration": opened["case_id"]})
    assert (sent.status_code, again.status_code) == (202, 202)
    ids = [*sent.json()["event_ids"], *again.json()["statement_ids"]]
    async with asyncio.timeout(PATIENCE):
        while True:
            deliveries = [
                one
                for name in ("vendors", "mlms")
                for one in (await market.http.get(f"{market.stack['sandbox'][name]}/deliveries")).json()
                if one["event_id"] in ids
            ]
            if len(deliveries) == 2 * len(ids) and all(one["outcome"] == "delivered" for one in deliveries):
                break
            await asyncio.sleep(0.05)
    assert (await market.recorded(opened), await market.audit(opened)) == before


async def test_c4_a_course_reported_before_profile_and_enrolment_is_held(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    policy = await market.policy()
    for verb in ("completed", "initialized"):
        assert (await market.lms(documents.course(policy, opened, FULL, verb))).status_code == 202
    assert (await market.status(opened))["training"] == {"individual": None}
    await market.done(opened, "enrollments", {"curriculum": FULL, "channel": "mlms"})
    status = await market.status(opened)
    assert status["training"]["individual"]
    assert status["waiting_for"] == "marketplace_profile"
    await market.done(opened, "profile", {})
    await market.done(opened, "profile/next")
    await market.agreed(opened, "individual")
    await market.until(opened, lambda status: status["certificates"])


@pytest.mark.parametrize("channel", MIDDLE)
async def test_c5_the_same_id_with_another_body_is_409_and_kept_aside(market: Marketplace, channel: str) -> None:
    opened, report = await MIDDLE[channel](market)
    field = "timestamp" if channel == "mlms" else "occurred_at"
    webhook_id = str(uuid4())
    path, secret = source(market, channel)
    assert (await market.signed(path, secret, report, webhook_id=webhook_id)).status_code == 202
    before = await market.status(opened)
    altered = {**report, field: "2026-11-20T10:00:00Z"}
    answer = await market.signed(path, secret, altered, webhook_id=webhook_id)
    assert (answer.status_code, "kept aside" in await detail(answer)) == (409, True)
    assert await market.status(opened) == {**before, "flag": "altered_event"}
    (noted,) = [one for one in await market.audit(opened) if one["action"] == "webhook.altered"]
    assert noted["actor"] == ("sender:mlms" if channel == "mlms" else "sender:vendor-a")


WRONG: dict[str, tuple[Document, str]] = {
    "another person": ({"actor": {"account": {"homePage": "", "name": "ast_x"}}}, "actor.account"),
    "another activity": ({"object": {"id": "https://lms.example.org/other"}}, "object.id"),
    "another verb": ({"verb": {"id": documents.VERBS + "laughed"}}, "verb.id"),
    "no registration": ({"context": {}}, "context.registration"),
    "no time": ({"timestamp": "yesterday"}, "timestamp"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_c4_a_statement_of_the_mlms_that_does_not_fit_is_422_naming_the_field(
    market: Marketplace, wrong: str
) -> None:
    opened, report = await in_the_mlms(market)
    changes, named = WRONG[wrong]
    answer = await market.lms(report | changes)
    assert answer.status_code == 422
    assert any(field.startswith(named) for field in fields(answer))
    assert (await market.status(opened))["training"] == {"individual": None}


async def test_c4_another_years_course_is_422(market: Marketplace) -> None:
    opened, _ = await in_the_mlms(market)
    answer = await market.lms(documents.course(await market.policy(2025), opened, FULL))
    assert (answer.status_code, fields(answer)) == (422, ["object.id"])


BAD_REPORT: dict[str, tuple[Document, str]] = {
    "another type": ({"type": "training.failed"}, "type"),
    "no ticket": ({"ticket": None}, "ticket"),
    "an unknown course": ({"curriculum": "exam"}, "curriculum"),
    "no time": ({"occurred_at": "yesterday"}, "occurred_at"),
}


@pytest.mark.parametrize("bad", BAD_REPORT)
async def test_c4_a_vendors_report_that_does_not_fit_is_422_naming_the_field(market: Marketplace, bad: str) -> None:
    opened, report = await at_a_vendor(market)
    changes, named = BAD_REPORT[bad]
    answer = await market.vendor("vendor-a", report | changes)
    assert (answer.status_code, fields(answer)) == (422, [named])
    for text in ("", "{", "[]", "7", "null", '{"a": 1, "a": 2}'):
        assert (await market.vendor("vendor-a", text)).status_code == 422
    assert (await market.status(opened))["training"] == {"individual": None}
    assert (await market.vendor("vendor-a", report)).status_code == 202


async def test_c4_a_report_of_the_state_programs_portal_is_none_of_this_case(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    answer = await market.portal(opened, "account.registered")
    assert answer.status_code == 403
