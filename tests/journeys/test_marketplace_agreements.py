"""Agreements with the Marketplace, launched, read and accepted; then the certificates (B16, B17)."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_certificate import JSON, PUBLIC, attached, holds
from tests.support import documents
from tests.support.marketplace import AGREEMENTS, COURSE, Marketplace, markets_of
from tests.support.patience import PATIENCE
from tests.support.world import fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
GENERAL, PRIVACY = AGREEMENTS["individual"]
(SHOP,) = AGREEMENTS["shop"]
BEGINS = {"en": "SAMPLE TEXT", "es": "TEXTO DE MUESTRA"}
MARKET = {
    "en": {"individual": "Individual Market", "shop": "Small Business Health Options Program (SHOP)"},
    "es": {
        "individual": "Mercado Individual",
        "shop": "Programa de Opciones de Salud para Pequeñas Empresas (SHOP)",
    },
}
HELP_DESK = "FFMProducer-AssisterHelpDesk@cms.hhs.gov"


async def ready(market: Marketplace, **changes: Any) -> Document:
    """Somebody with profile and training, who has opened no agreement yet."""
    request = documents.registration(**changes)
    opened = await market.profiled(request)
    for name in request["markets"]:
        await market.trained(opened, COURSE[name])
    return opened


async def refused(market: Marketplace, opened: Document, agreement: str, why: str) -> None:
    """ "I Agree" is refused, and nothing is stored."""
    before = await market.recorded(opened)
    answer = await market.accept(opened, agreement)
    assert (answer.status_code, why in answer.json()["detail"]) == (409, True), answer.text
    assert await market.recorded(opened) == before


async def accepted(market: Marketplace, opened: Document) -> dict[str, Any]:
    """When each agreement of a case was accepted."""
    return {one["agreement"]: one["accepted_at"] for one in (await market.status(opened))["agreements"]}


# launched, read, accepted


async def test_b16_one_that_was_not_opened_cannot_be_accepted(market: Marketplace) -> None:
    opened = await ready(market)
    for agreement in (GENERAL, PRIVACY):
        await refused(market, opened, agreement, "Open the agreement and read it")
    await market.done(opened, f"agreements/{GENERAL}/open")
    await refused(market, opened, PRIVACY, "Open the agreement and read it")
    status = await market.done(opened, f"agreements/{GENERAL}/accept")
    assert (status["waiting_for"], status["certificates"]) == ("marketplace_agreements", [])
    assert [bool(at) for at in (await accepted(market, opened)).values()] == [True, False]


async def test_b16_none_is_accepted_before_profile_and_training(market: Marketplace) -> None:
    opened = await market.opened(documents.registration())
    await market.done(opened, f"agreements/{GENERAL}/open")
    await market.settled(opened)
    await refused(market, opened, GENERAL, "Complete your profile first")
    await market.done(opened, "profile", {})
    await refused(market, opened, GENERAL, "Complete your profile first")
    await market.done(opened, "profile/next")
    await refused(market, opened, GENERAL, "Complete the training of this market first")
    await market.trained(opened, "shop")
    await refused(market, opened, GENERAL, "Complete the training of this market first")
    await market.trained(opened, "individual_full", "vendor-a")
    await market.done(opened, f"agreements/{GENERAL}/accept")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("chosen", [False, True], ids=["the registration's language", "another one"])
async def test_b16_version_language_and_hash_of_the_text_that_was_shown_are_kept(
    market: Marketplace, language: str, chosen: bool
) -> None:
    shown_in = {"en": "es", "es": "en"}[language] if chosen else language
    opened = await ready(market, language=language, markets=["individual", "shop"])
    for agreement in (GENERAL, PRIVACY, SHOP):
        shown = await market.done(opened, f"agreements/{agreement}/open", {"language": shown_in} if chosen else None)
        assert shown["text"].startswith(BEGINS[shown_in])
        assert shown["version"] in shown["text"]
        assert sha256(shown["text"].encode()).hexdigest() == shown["sha256"]
        await market.done(opened, f"agreements/{agreement}/accept", {"sha256": shown["sha256"], "read_to_end": True})
        kept = {name: shown[name] for name in ("agreement", "version", "language", "sha256")}
        facts = await market.facts(opened, "agreement_accepted")
        assert facts[-1] == kept
        (told,) = [one for one in (await market.status(opened))["agreements"] if one["agreement"] == agreement]
        assert {name: told[name] for name in kept} == kept
        (noted,) = [
            one
            for one in await market.audit(opened)
            if one["action"] == "agreement.accepted" and one["details"]["agreement"] == agreement
        ]
        assert (noted["actor"], noted["details"]) == ("staff:staff", {**kept, "method": "paper"})


async def test_b16_the_text_that_was_open_last_is_the_one_accepted(market: Marketplace) -> None:
    opened = await ready(market)
    for language in ("en", "es", "en"):
        await market.done(opened, f"agreements/{GENERAL}/open", {"language": language})
    await market.done(opened, f"agreements/{GENERAL}/accept")
    (kept,) = await market.facts(opened, "agreement_accepted")
    assert kept["language"] == "en"


async def test_b16_of_two_texts_opened_the_readers_own_is_accepted(market: Marketplace) -> None:
    opened = await ready(market)
    spanish, english = [
        await market.done(opened, f"agreements/{GENERAL}/open", {"language": language}) for language in ("es", "en")
    ]
    assert spanish["sha256"] != english["sha256"]
    await market.done(opened, f"agreements/{GENERAL}/accept", {"sha256": spanish["sha256"]})
    (kept,) = await market.facts(opened, "agreement_accepted")
    assert (kept["language"], kept["sha256"]) == ("es", spanish["sha256"])


async def test_b16_another_text_or_one_not_read_to_its_end_is_not_accepted(market: Marketplace) -> None:
    opened = await ready(market)
    shown = {name: await market.done(opened, f"agreements/{name}/open") for name in (GENERAL, PRIVACY)}
    before = await market.recorded(opened)
    for body, named in (
        ({"sha256": shown[PRIVACY]["sha256"]}, "sha256"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"sha256": "none"}, "sha256"),
        ({"read_to_end": False}, "read_to_end"),
        ({"agreed": True}, "agreed"),
    ):
        answer = await market.accept(opened, GENERAL, **body)
        assert (answer.status_code, fields(answer)) == (422, [named])
    assert await market.recorded(opened) == before


async def test_b16_the_same_acceptance_again_changes_nothing(market: Marketplace) -> None:
    opened = await ready(market)
    await market.agreed(opened, "individual")
    before = (await market.until(opened, lambda status: status["certificates"]))["agreements"]
    answers = await asyncio.gather(*(market.accept(opened, GENERAL) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await market.status(opened))["agreements"] == before
    assert len(await market.facts(opened, "agreement_accepted")) == 2


@pytest.mark.parametrize("name", ["participation", "..%2Fx", "INDIVIDUAL_GENERAL"])
async def test_b16_there_are_three_agreements(market: Marketplace, name: str) -> None:
    opened = await ready(market)
    for step in ("open", "accept"):
        assert (await market.act(opened, f"agreements/{name}/{step}")).status_code in (404, 422)
    assert (await market.act(opened, f"agreements/{GENERAL}/open", {"language": "fr"})).status_code == 422


async def test_b16_staff_may_do_it_in_their_name_and_it_is_said_who_did(market: Marketplace) -> None:
    opened = await ready(market)
    assert (await market.act(opened, f"agreements/{GENERAL}/open")).status_code == 200
    said = {"method": "paper", "reason": "signed at the office"}
    wrong = await market.command(opened, f"agreements/{GENERAL}/accept", **said | {"method": "hearsay"})
    assert wrong.status_code == 422
    assert (await market.command(opened, f"agreements/{GENERAL}/accept", **said)).status_code == 200
    (accepted,) = [one for one in await market.audit(opened) if one["action"] == "agreement.accepted"]
    assert (accepted["reason"], accepted["details"]["method"]) == (said["reason"], "paper")
    assert {
        (one["action"], one["actor"]) for one in await market.audit(opened) if one["action"].startswith("agreement.")
    } == {("agreement.opened", "staff:staff"), ("agreement.accepted", "staff:staff")}


# certificates


async def test_b17_there_is_no_certificate_before_every_step_is_complete(market: Marketplace) -> None:
    opened = await ready(market)
    await market.done(opened, f"agreements/{GENERAL}/open")
    await market.done(opened, f"agreements/{GENERAL}/accept")
    status = await market.status(opened)
    assert (status["certificate"], status["certificates"]) == (None, [])
    assert status["may_assist_reasons"] == ["agreements_not_accepted", "no_certificate"]
    answer = await market.command(opened, "resend", notice="marketplace_certificate", reason="wanted")
    assert answer.status_code == 409
    assert "certificate_issued" not in await market.history(opened)


@pytest.mark.parametrize("language", ["en", "es"])
async def test_b17_each_market_has_one_signed_certificate_that_anybody_can_check(
    market: Marketplace, language: str
) -> None:
    request = documents.registration(language=language, markets=["individual", "shop"])
    opened = await market.certified(request)
    certificates = markets_of(await market.status(opened))
    assert set(certificates) == {"individual", "shop"}
    folder, cert_file = (
        market.stack["settings"][f"CERTIFY_{name}"] for name in ("CERTIFICATES_DIR", "SIGNING_CERT_FILE")
    )
    async with asyncio.timeout(PATIENCE):
        while len(mailed := await attached(market, request["email"])) < 2:
            await asyncio.sleep(0.1)
    for name, certificate in certificates.items():
        kept = (Path(folder) / f"{certificate['sha256']}.pdf").read_bytes()
        assert kept in mailed
        assert sha256(kept).hexdigest() == certificate["sha256"]
        assert await asyncio.to_thread(holds, kept, cert_file)
        address = f"{market.web}/certificates/{certificate['number']}"
        public = await market.http.get(address, headers=JSON)
        assert public.json() == {
            "number": certificate["number"],
            "status": "valid",
            "holder": "Testa Marketagent",
            "kind": "marketplace_agent_broker",
            "program": "ffm",
            "plan_year": 2024,
            "issued_at": certificate["issued_at"],
            "valid_until": None,
            "sha256": certificate["sha256"],
            "may_assist": True,
            "market": name,
        }
        assert set(public.json()) == {*PUBLIC, "market"}
        page = await market.http.get(f"{address}?lang={language}", headers={"Accept": "text/html"})
        assert (page.status_code, certificate["number"] in page.text) == (200, True)
        assert f"<dd>{MARKET[language][name]}</dd>" in page.text
        assert HELP_DESK in page.text
        assert "exam" not in page.text
        for private in (request["npn"], request["email"], request["phone"], opened["case_id"], opened["assister_id"]):
            assert private not in page.text + public.text


async def test_b17_a_certificate_stays_its_holders_whatever_the_profile_says_later(market: Marketplace) -> None:
    """Who is Not an Agent Broker may go by any name: no valid certificate is shown under it."""
    opened = await market.certified(documents.registration(first_name="Testa", last_name="Holdername"))
    renamed = {"role": "not_an_agent_broker", "npn": None, "first_name": "Sombra", "last_name": "Othername"}
    await market.done(opened, "profile", renamed)
    (certificate,) = (await market.status(opened))["certificates"]
    url = f"{market.web}/certificates/{certificate['number']}"
    public = await market.http.get(url, headers={"Accept": "application/json"})
    assert (public.json()["status"], public.json()["holder"]) == ("valid", "Testa Holdername")


async def test_b17_a_certificate_mailed_again_is_the_same_one(market: Marketplace) -> None:
    request = documents.registration()
    opened = await market.certified(request)
    await market.letter(request["email"], lambda letter: letter["attachments"])
    answer = await market.command(opened, "resend", notice="marketplace_certificate", reason="lost")
    assert answer.status_code == 200
    async with asyncio.timeout(PATIENCE):
        while len(found := await attached(market, request["email"])) < 2:
            await asyncio.sleep(0.1)
    assert found[0] == found[1]
    assert len(await market.facts(opened, "certificate_issued")) == 1
