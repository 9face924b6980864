"""Nobody agrees in another's name: not without a session, not in somebody else's, not by a third party's credential."""

from typing import Any

import pytest
from sqlmodel import select

from db.case_state import list_rows
from db.reads.cases import read_audit
from db.tables import FactRow
from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import MarketplaceAgreement
from domain.shared.cases.facts import FactKind
from domain.state.agreements import find_agreement
from tests.support import documents
from tests.support.sending import build_credential
from tests.web.conftest import SENDERS
from tests.web.house import House
from tests.web.test_pages import returning

HTML = {"Accept": "text/html", "Accept-Language": "en"}
NAME = MarketplaceAgreement.INDIVIDUAL_GENERAL
AGREED = {"agreement_accepted": "true", "agreement_version": "2024-1", "agreement_language": "en"}
SHA256 = {"sha256": find_marketplace_agreement(NAME, "en").sha256}


async def list_agreed(house: House) -> list[Any]:
    """What is recorded of agreements, whosever, and of whoever opened one."""
    facts = await house.database.read(list_rows, select(FactRow))
    kinds = {kind for kind in FactKind if "agreement" in kind}
    assert len(kinds) >= 2
    audits = [await house.database.read(read_audit, case.case_id) for case in await house.cases()]
    audited = [row for rows in audits for row in rows if "agreement" in row["action"]]
    return [fact for fact in facts if fact.kind in kinds] + audited


@pytest.mark.parametrize("who", ["nobody", "another", "made up"])
async def test_an_agreement_needs_its_owner_s_session(house: House, who: str) -> None:
    """The state's agreement and the marketplace's, by every address that takes one."""
    state, federal = await house.begin(returning()), await house.open(documents.registration())
    before = await list_agreed(house)
    if who == "another":
        await house.own_session("somebody.else@example.com")
    elif who == "made up":
        house.browser.cookies.set("own", state)
    pages = {
        f"/me/{state}/agreement": AGREED,
        f"/me/{state}/information": AGREED | {"message": "I agree."},
        **{f"/me/{federal}/agreements/{NAME}/{step}": SHA256 for step in ("open", "accept")},
    }
    for path, form in pages.items():
        answer = await house.browser.post(path, data=form, headers=HTML)
        assert answer.status_code == (404 if who == "another" else 401), (path, answer.status_code)
        script = await house.browser.post(path, json=form)
        assert script.status_code in (401, 404, 415), (path, script.status_code)
    for step in ("open", "accept"):
        answer = await house.browser.post(f"/api/cases/{federal}/agreements/{NAME}/{step}", json=SHA256)
        assert answer.status_code == 401, answer.text
    assert await list_agreed(house) == before


@pytest.mark.parametrize("sender", SENDERS)
async def test_a_third_party_agrees_for_nobody(house: House, sender: str) -> None:
    """Neither does the Marketplace's own portal, whose token takes other steps by a pass of the owner's."""
    federal = await house.open(documents.registration())
    before = await list_agreed(house)
    for step in ("open", "accept"):
        headers = build_credential(sender, b"{}")
        path = f"/api/cases/{federal}/agreements/{NAME}/{step}"
        answer = await house.browser.post(path, content=b"{}", headers=headers)
        assert answer.status_code in (401, 403), answer.text
    assert await list_agreed(house) == before


async def test_an_agreement_with_another_text_is_none(house: House) -> None:
    """What was read is what is agreed to: an older version, another language, another text."""
    state = await house.begin(returning())
    await house.link(state)
    for changes in ({"agreement_version": "2020-1"}, {"agreement_language": "fr"}, {"agreement_accepted": "on"}):
        answer = await house.browser.post(f"/me/{state}/agreement", data=AGREED | changes, headers=HTML)
        assert answer.status_code == 422, answer.text
    assert await house.agreement(state) == []
    assert (await house.browser.post(f"/me/{state}/agreement", data=AGREED, headers=HTML)).status_code == 303
    (agreed,) = await house.agreement(state)
    assert agreed["sha256"] == find_agreement("bewellnm", "en").sha256
    audit = await house.database.read(read_audit, state)
    assert [row["actor"] for row in audit if row["action"] == "agreement.accepted"] == ["assister"]
