"""Two people, one NPN: staff see both identities side by side, and decide between them (D3)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_case
from db.claim_tables import NpnClaim
from db.own_tables import AnswerRow
from db.reads.badges import list_set_entries
from db.reads.cases import read_audit
from db.tables import Assister, CertificateRow
from db.writes.badges import take_badge_entry
from db.writes.corrections import intend_corrected_certificates
from db.writes.npn.rivals import settle_same_person
from domain.programs.badges import BadgePurpose
from domain.shared.cases.facts import FactKind
from domain.shared.claims import ClaimState, NpnProof
from tests.support import documents
from tests.support.tables import add_rows, change_row
from tests.web.house import NUMBER, House
from tests.web.test_npn_proof import REGISTRYS, screened
from tests.web.test_pages import read
from web.http.permissions import StaffRole

LIST = "/staff/claims"
SAME = {"email": "second", "method": "in_person", "document": "a licence card", "reason": "Came to the office."}


async def pair(
    house: House, named: dict[str, str] | None = None, **changes: Any
) -> tuple[dict[str, Any], str, str, str]:
    """What the first one asked with, both cases, and the page of the pair; a reviewer is signed in.

    The second one has the same name, if ``named`` doesn't say another.
    """
    first = documents.broker(**changes)
    second = {**first, "email": "second.address@example.net", "phone": "505-555-0199", **(named or {})}
    cases = [await house.open(one) for one in (first, second)]
    await house.sign_in()
    page = read(await house.browser.get(LIST))
    (there,) = [str(link["href"]) for link in page.of("a") if str(link.get("href")).startswith(f"{LIST}/")]
    return first, cases[0], cases[1], there


async def decide(house: House, there: str, which: str, form: dict[str, str]) -> Any:
    csrf = await house.sign_in()
    return await house.post(f"{there}/{which}", {"csrf_token": csrf, **form})


async def letters(house: House) -> set[tuple[str, str]]:
    return {(row.email, row.answer) for row in await house.database.read(list_rows, select(AnswerRow))}


async def states(house: House) -> list[str]:
    return await house.database.read(list_rows, select(col(NpnClaim.state)).order_by(col(NpnClaim.id)))


async def actions(house: House, case_id: str) -> list[str]:
    return [entry["action"] for entry in await house.database.read(read_audit, case_id)]


async def test_d3_both_identities_stand_side_by_side(house: House) -> None:
    first, one, two, there = await pair(house)
    await screened(house, one, REGISTRYS)
    page = read(await house.browser.get(there))
    for said in (first["email"], "second.address@example.net", first["phone"], "505-555-0199", REGISTRYS, first["npn"]):
        assert said in page.text
    assert "differs" in page.text
    assert {access.page for case_id in (one, two) for access in await house.list_accesses(case_id)} == {"claims"}
    queue = read(await house.browser.get("/staff"))
    assert "Two people, one NPN 1 to be decided" in queue.text, "counted in the navigation"


@pytest.mark.parametrize("role", [StaffRole.APPEALS_REVIEWER, StaffRole.OPERATOR, StaffRole.AUDITOR])
async def test_d3_who_may_not_confirm_identity_sees_and_decides_nothing(house: House, role: StaffRole) -> None:
    *_, there = await pair(house)
    csrf = await house.sign_in(role)
    assert "Two people, one NPN" not in (await house.browser.get("/staff/cases")).text
    for path in (LIST, there):
        assert (await house.browser.get(path)).status_code == 403
    for which in ("same", "other"):
        assert (await house.post(f"{there}/{which}", {"csrf_token": csrf, **SAME})).status_code == 403
    assert await states(house) == ["claimed", "claimed"]


async def test_d3_the_same_person_goes_on_under_the_address_that_is_theirs_now(house: House) -> None:
    first, one, two, there = await pair(house)
    answer = await decide(house, there, "same", SAME)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}?done=same")
    assert await states(house) == ["proven", "claimed"]
    kept, other = [await house.database.read(load_case, case_id) for case_id in (one, two)]
    assert (applicant_of(kept).email, kept.npn_unproven, kept.flag) == ("second.address@example.net", False, None)
    people = {row.assister_id: row.email for row in await house.database.read(list_rows, select(Assister))}
    assert people == {kept.assister_id: "second.address@example.net", other.assister_id: first["email"]}
    assert await letters(house) == {(first["email"], "same_person"), ("second.address@example.net", "same_person")}
    assert {"npn.proven", "npn.same_person"} <= set(await actions(house, one))
    await house.apply_commands()
    assert (await house.database.read(load_case, two)).stage == "withdrawn"
    page = read(await house.browser.get(f"{LIST}?done=same"))
    assert "There is nothing to be decided." in page.text
    # Whoever asks again under that address finds the case that went on.
    repeat = await house.open({**first, "email": "second.address@example.net"})
    assert repeat == one


async def test_e11_one_person_under_the_other_name_has_their_certificate_printed_anew(house: House) -> None:
    _, one, two, there = await pair(house, named={"first_name": "Corregida", "last_name": "Muestra"})
    await house.certify(one)
    page = read(await house.browser.get(there))
    assert [field["value"] for field in page.of("input") if field.get("name") == "name"] == ["first", "second"]
    answer = await decide(house, there, "same", SAME)
    assert "Choose the name that is theirs now." in read(answer, 422).text
    assert (await decide(house, there, "same", {**SAME, "name": "second"})).status_code == 303
    for row in await house.apply_commands():
        assert row.actor == "reviewer"
    cases = [await house.database.read(load_case, case_id) for case_id in (one, two)]
    assert [applicant_of(case).name for case in cases] == ["Corregida Muestra"] * 2
    assert cases[1].stage == "withdrawn"
    intents = await house.database.write(intend_corrected_certificates, one, "correction", datetime.now(UTC))
    assert [(intent.data["holder"], intent.data["supersedes"]) for intent in intents.values()] == [
        ("Corregida Muestra", NUMBER)
    ]
    assert (await actions(house, one)).count("case.name_corrected") == 1


async def test_e11_a_certificate_of_who_is_one_with_somebody_before_leads_to_the_one_that_is_theirs(
    house: House,
) -> None:
    """The second one was certified before claims were proven; the first one's certificate is the person's."""
    _, one, two, there = await pair(house)
    await house.certify(two)
    claim = [row.id for row in await house.database.read(list_rows, select(NpnClaim).order_by(col(NpnClaim.id)))][1]
    await house.database.write(change_row, NpnClaim, claim, state=ClaimState.UNPROVEN_LEGACY)
    page = f"/certificates/{NUMBER}"

    async def read_page() -> dict[str, Any]:
        return dict((await house.browser.get(page, headers={"Accept": "application/json"})).json())

    assert (await read_page())["status"] == "valid"
    assert (await decide(house, there, "same", SAME)).status_code == 303
    await house.apply_commands()
    assert (await house.database.read(load_case, two)).stage == "withdrawn"
    assert (await read_page())["status"] == "withdrawn", "the person has no certificate yet"
    theirs = CertificateRow(
        number="NM24-8H2N4-P5VCB-3KXRC-J9DAE",
        case_id=one,
        holder="Testa Broker",
        issued_at=datetime.now(UTC),
        sha256="0" * 64,
        uri="a.pdf",
    )
    await house.database.write(add_rows, theirs)
    assert ((await read_page())["status"], (await read_page())["superseded_by"]) == ("superseded", theirs.number)
    assert f"Superseded by {theirs.number}" in (await house.browser.get(page, headers={"Accept": "text/html"})).text
    entry = await house.database.write(take_badge_entry, NUMBER)
    listed = {one: await house.database.read(list_set_entries, one, entry, entry) for one in BadgePurpose}
    assert listed == {BadgePurpose.REVOCATION: [], BadgePurpose.SUSPENSION: [entry]}, "its badge says so, too (E16)"
    await house.facts(one, FactKind.REVOKED, by="staff:sample", reason="a sample")
    assert (await read_page())["status"] == "withdrawn"


async def test_d3_the_second_one_is_withdrawn_even_if_the_web_dies_then(house: House) -> None:
    *_, two, there = await pair(house)
    proof = NpnProof("in_person", "staff:demo", "a licence card", "Came to the office.")
    key, number = house.services.settings.identity_key_bytes, int(there.rpartition("/")[2])
    await house.database.write(
        settle_same_person, key, number, takes_second_email=False, proof=proof, now=datetime.now(UTC)
    )
    await house.apply_commands()
    assert (await house.database.read(load_case, two)).stage == "withdrawn"
    assert "case.withdrawn" in await actions(house, two)


async def test_d3_a_decision_on_one_of_two_rivals_leaves_the_other_to_be_seen(house: House) -> None:
    first, one, two, there = await pair(house)
    third = await house.open({**first, "email": "third.address@example.net"})
    flags = []
    for number in (int(there.rpartition("/")[2]), int(there.rpartition("/")[2]) + 1):
        assert (await decide(house, f"{LIST}/{number}", "other", {"reason": "Two faces."})).status_code == 303
        flags.append([(await house.database.read(load_case, case_id)).flag for case_id in (one, two, third)])
    conflict = "identity_conflict"
    assert flags == [[conflict, None, conflict], [None, None, None]]


async def test_d3_the_first_address_may_be_the_right_one(house: House) -> None:
    first, one, two, there = await pair(house)
    assert (await decide(house, there, "same", {**SAME, "email": "first"})).status_code == 303
    assert applicant_of(await house.database.read(load_case, one)).email == first["email"]
    await house.apply_commands()
    assert (await house.database.read(load_case, two)).stage == "withdrawn"


async def test_d3_two_people_are_both_written_to_and_hold_nothing_yet(house: House) -> None:
    first, one, two, there = await pair(house)
    answer = await decide(house, there, "other", {"reason": "Two faces."})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}?done=other")
    assert await states(house) == ["claimed", "claimed"]
    assert await letters(house) == {(first["email"], "someone_else"), ("second.address@example.net", "someone_else")}
    for case_id in (one, two):
        case = await house.database.read(load_case, case_id)
        assert (case.npn_unproven, case.flag, case.stage) == (True, None, "requested")
        assert "npn.someone_else" in await actions(house, case_id)
    assert "There is nothing to be decided." in read(await house.browser.get(LIST)).text


async def test_d3_what_was_decided_before_is_refused(house: House) -> None:
    *_, there = await pair(house)
    await decide(house, there, "other", {"reason": "Two faces."})
    before = await letters(house)
    for which in ("same", "other"):
        assert (await decide(house, there, which, SAME)).status_code == 409
    assert (await states(house), await letters(house)) == (["claimed", "claimed"], before)
    assert (await house.browser.get(f"{LIST}/4711")).status_code == 404


@pytest.mark.parametrize("missing", [*SAME])
async def test_d3_what_is_missing_is_asked_for(house: House, missing: str) -> None:
    *_, there = await pair(house)
    answer = await decide(house, there, "same", {**SAME, missing: " "})
    page = read(answer, 422)
    assert f"#same-{missing}" in {link.get("href") for link in page.of("a")}
    assert await states(house) == ["claimed", "claimed"]


async def test_d2_staff_prove_an_npn_on_the_page_of_its_case(house: House) -> None:
    case_id = await house.open(documents.broker())
    csrf = await house.sign_in()
    here = f"/staff/cases/{case_id}"
    proof = {name: text for name, text in SAME.items() if name != "email"}
    assert "Prove whose the NPN is" in (await house.browser.get(here)).text
    faulty = read(await house.post(f"{here}/identity", {"csrf_token": csrf, "reason": "Seen."}), 422)
    assert "Say which document you have seen." in faulty.text
    answer = await house.post(f"{here}/identity", {"csrf_token": csrf, **proof})
    assert answer.status_code == 303
    assert await states(house) == ["proven"]
    page = read(await house.browser.get(answer.headers["location"].partition("#")[0]))
    assert "It is proven whose the NPN is." in page.text
    assert "Prove whose the NPN is" not in page.text
