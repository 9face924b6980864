"""The verbs of the federal program on the real stack: what assisters and staff do from the command line."""

from typing import Any

import pytest

from tests.starter.command import Clerk, is_one_sentence
from tests.support import documents
from tests.support.marketplace import Marketplace
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

STAFF = ("--reason", "looked at it", "--as", "ana")
WORD = ("--as", "ana", "--method", "paper", "--reason", "signed at the office")


@pytest.fixture
def market(world: World) -> Marketplace:
    return Marketplace(world.stack, world.http)


def registrant(**changes: Any) -> dict[str, Any]:
    """Somebody's request, the contacts left for the profile."""
    request = documents.registration(**{"language": "es", **changes})
    return {name: value for name, value in request.items() if name not in ("business_contact", "professional_contact")}


def contacts(request: dict[str, Any]) -> dict[str, Any]:
    whole = documents.registration(request["npn"])
    return {name: whole[name] for name in ("business_contact", "professional_contact")}


async def test_a_request_opens_one_registration_and_is_listed_by_its_role(clerk: Clerk) -> None:
    opened = await clerk.json("request", "-", given=(request := registrant()))
    assert await clerk.json("request", "-", given=request) == {**opened, "created": False}
    case = opened["case_id"]
    wanted = ("--program", "ffm", "--kind")
    assert case in [one["case_id"] for one in await clerk.json("list", *wanted, "marketplace_agent_broker")]
    assert case not in [one["case_id"] for one in await clerk.json("list", *wanted, "not_an_agent_broker")]
    assert "needs npn, business contact" in await clerk.shown("status", case)
    assert "no such step" in await clerk.refused("decide", case, "approve", *STAFF)


async def test_a_second_account_is_pointed_at_its_recovery(clerk: Clerk) -> None:
    request = registrant()
    case = (await clerk.json("request", "-", given=request))["case_id"]
    said = await clerk.refused("request", "-", given={**request, "first_name": "Otra"})
    assert "sign in to it by a code" in said
    assert (await clerk.json("status", case))["flag"] == "second_account"


async def test_who_returns_is_in_the_short_course(clerk: Clerk, market: Marketplace) -> None:
    request = registrant()
    await market.know(documents.individual(request))
    earlier = documents.registered(request, 2023)
    earlier["person"] |= contacts(request)
    imported = await clerk.json("import", "-", given=[earlier])
    begin = ("begin", imported["assisters"][0]["assister_id"], "--plan-year", "2024", "--as", "ana", "--program", "ffm")
    opened = await clerk.json(*begin)
    assert await clerk.json(*begin) == {**opened, "created": False}
    status = await clerk.json("status", opened["case_id"])
    assert status["assister_type"] == "returning"
    (course,) = status["enrollments"]
    assert (course["curriculum"], course["channel"], course["automatic"]) == ("individual_returning", "mlms", True)
    saved = await clerk.json("ffm", "profile", opened["case_id"], "-", "--next", *WORD, given={})
    assert (saved["state"], saved["stage"]) == ("applied", "in_training")


async def test_a_profile_is_saved_once_the_registry_agrees(clerk: Clerk, market: Marketplace) -> None:
    request = registrant()
    await market.know(documents.individual(request))
    case = (await clerk.json("request", "-", given=request))["case_id"]
    profile = ("ffm", "profile", case, "-", "--next", *WORD)
    refused = await clerk.refused(*profile, given={**contacts(request), "web_entity_npn": request["npn"]})
    assert refused.startswith("web_entity_npn:")
    assert "deny compensation" in refused
    unknown = await clerk.refused(*profile, given={**contacts(request), "business_npn": documents.new_npn()})
    assert unknown.startswith("business_npn:")
    assert (await clerk.json("status", case))["profile"]["version"] == 0
    saved = await clerk.json(*profile, "--id", "mine", given=contacts(request))
    assert (saved["command_id"], saved["state"]) == ("mine", "applied")
    assert (saved["profile"]["status"], saved["profile"]["npn"]) == ("complete", "verified")


async def test_courses_are_enrolled_in_and_vendors_launched(clerk: Clerk, market: Marketplace) -> None:
    opened = await market.profiled(documents.registration())
    case = opened["case_id"]
    shop = (case, "shop", *WORD, "--channel")
    assert "who return after last year" in await clerk.refused("ffm", "enroll", case, "individual_returning", *WORD)
    assert "vendor-a, vendor-b" in await clerk.refused("ffm", "enroll", *shop, "vendor-c")
    assert "Enroll in this course" in await clerk.refused("ffm", "launch", *shop, "vendor-b")
    assert "Enrolled in individual full, mlms." in await clerk.shown("ffm", "enroll", case, "individual_full", *WORD)
    enrolled = await clerk.json("ffm", "enroll", *shop, "vendor-b")
    assert [one["channel"] for one in enrolled["enrollments"]] == ["mlms", "vendor-b"]
    ticket = await clerk.json("ffm", "launch", *shop, "vendor-b")
    assert ticket["url"] == f"{market.stack['sandbox']['vendors']}/vendor-b/training?ticket={ticket['ticket']}"
    assert ticket["expires_at"].endswith("Z")
    for step in ("redeem", "complete"):
        assert (await market.at_vendor("vendor-b", step, ticket["ticket"])).status_code == 200
    await market.until(opened, lambda status: status["training"]["shop"])
    assert "needs agreements" in await clerk.shown("status", case)


async def test_agreements_are_read_and_accepted_in_words(clerk: Clerk, market: Marketplace) -> None:
    opened = await market.profiled(documents.registration(language="es", markets=["individual"]))
    case = opened["case_id"]
    agree = ("ffm", "agree", case, "individual_general", *WORD)
    untrained = await clerk(*agree, "--yes")
    assert (untrained.status, untrained.err) == (1, "Complete the training of this market first.\n")
    await market.trained(opened, "individual_full")

    other = await clerk.at_a_terminal(b"maybe\n", *agree)
    assert (other.status, is_one_sentence(other.err)) == (1, True)
    assert "Convenio general con el Mercado" in other.out
    first, _ = (await clerk.json("status", case))["agreements"]
    assert (bool(first["opened_at"]), first["accepted_at"]) == (True, None)

    typed = await clerk.at_a_terminal(b"I  agree\n", *agree)
    assert (typed.status, "Accepted." in typed.out) == (0, True)
    english = ("ffm", "agree", case, "individual_privacy_security", "--language", "en", "--yes")
    accepted = await clerk.json(*english, *WORD)
    assert [(one["language"], bool(one["accepted_at"])) for one in accepted["agreements"]] == [
        ("es", True),
        ("en", True),
    ]
    audit = await clerk.json("audit", case)
    deeds = [(one["actor"], one["action"], one["reason"], one["details"].get("method")) for one in audit]
    for action in ("agreement.opened", "agreement.accepted"):
        assert deeds.count(("staff:ana", action, "signed at the office", "paper")) == 2
    assert not [action for actor, action, *_ in deeds if actor == "sender:certify"]


async def test_what_is_published_is_shown(clerk: Clerk, market: Marketplace) -> None:
    request = documents.registration(language="es", markets=["individual", "shop"])
    opened = await market.certified(request)
    case, npn = opened["case_id"], request["npn"]
    assert (await clerk.json("ffm", "publish", "--force"))["number"] > 0
    (row,) = await clerk.json("ffm", "rcl", npn, "--plan-year", "2024")
    assert row["npn"] == npn
    assert all(row[f"{name}_registration_completion_date"] for name in ("individual", "shop"))
    assert row in await clerk.json("ffm", "rcl")
    assert "not on the Registration" in await clerk.refused("ffm", "rcl", npn, "--plan-year", "2025")
    assert npn in await clerk.shown("ffm", "rcl")

    status = await market.status(opened)
    at_the_end = await clerk.shown("status", case, "--history")
    for said in (*[one["number"] for one in status["certificates"]], "find local help", "2024-1 es"):
        assert said in at_the_end
    await clerk.shown("list", "--program", "ffm")
    assert (await clerk.json("resend", case, "marketplace_certificate", *STAFF))["state"] == "applied"
    assert (await clerk.json("revoke", case, *STAFF))["state"] == "applied"
    assert (await clerk.json("status", case))["stage"] == "revoked"
    assert "ended" in await clerk.refused("ffm", "enroll", case, "shop", *WORD)
