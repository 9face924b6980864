"""A stranger with somebody's NPN, name and licence number gets nothing of theirs, and locks nobody out (D2, D3)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import list_rows, load_case, load_snapshot
from db.claim_tables import NpnClaim
from db.engine import Database
from db.reads.cases import read_audit, read_certificate
from db.reads.npn.claims import find_proof_offer
from db.tables import Assister, Case, CertificateRow
from db.writes.commands import check_answer
from db.writes.npn.claims import prove_npn, take_registry_answer
from db.writes.opening import Opened, SecondAccount, open_requested_case
from domain.federal.markets import Market, NpnStatus
from domain.programs.opening import parse_any_request
from domain.programs.reports import describe_fact
from domain.shared.cases.authors import ProofMethod
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.facts import FactKind
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.stages import WaitingFor
from domain.shared.claims import ClaimState, NpnProof, RegisteredOwner
from domain.shared.documents.faults import Invalid
from domain.shared.vouching import ShownProof, Voucher
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.opening import open_case
from tests.support.registrations import profile

NOW = datetime(2024, 11, 4, 17, tzinfo=UTC)
PROOF = NpnProof("in_person", "staff:demo", "a licence card", "came to the office")


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def claimed(office: Office, document: dict[str, Any]) -> Opened:
    """A case whose owner has proven nothing yet."""
    return await open_case(office.database, KEY, document, office.later(), proven=False)


async def proven(office: Office, opened: Opened) -> None:
    await office.database.write(prove_npn, KEY, opened.case_id, PROOF, office.later())


async def case_of(office: Office, opened: Opened) -> Case:
    return await office.database.read(load_case, opened.case_id)


async def owners(office: Office, npn: str) -> list[str]:
    query = select(col(NpnClaim.assister_id)).where(col(NpnClaim.npn) == npn, col(NpnClaim.state) == ClaimState.PROVEN)
    return await office.database.read(list_rows, query)


def stranger(document: dict[str, Any]) -> dict[str, Any]:
    """Everything that is public of somebody, under an address of the stranger's own."""
    return {**document, "email": "stranger@example.net", "phone": "505-555-0199"}


@pytest.mark.parametrize("document", [documents.broker, profile])
@pytest.mark.parametrize("first", ["owner", "stranger"])
async def test_d3_owner_and_stranger_in_both_orders(office: Office, document: Any, first: str) -> None:
    owns = document()
    requests = [owns, stranger(owns)] if first == "owner" else [stranger(owns), owns]
    one, two = [await claimed(office, request) for request in requests]
    assert (one.created, two.created) == (True, True)
    assert one.assister_id != two.assister_id
    flag = "second_account" if owns["program"] == "ffm" else "identity_conflict"
    assert {(await case_of(office, opened)).flag for opened in (one, two)} == {flag}, "staff see both"
    for request, opened in zip(requests, (one, two), strict=True):
        repeat = await claimed(office, request)
        assert (repeat.case_id, repeat.created) == (opened.case_id, False)

    owner, other = (one, two) if first == "owner" else (two, one)
    await proven(office, owner)
    await proven(office, owner)
    assert await owners(office, owns["npn"]) == [owner.assister_id]
    assert not (await case_of(office, owner)).npn_unproven
    assert (await case_of(office, other)).npn_unproven
    with pytest.raises(Refusal, match="Somebody else has proven"):
        await proven(office, other)
    audit = await office.database.read(read_audit, owner.case_id)
    assert [entry["actor"] for entry in audit if entry["action"] == "npn.proven"] == ["staff:demo"]
    with pytest.raises(Refusal):
        await claimed(office, {**owns, "email": "third@example.net"})
    assert (await claimed(office, owns)).case_id == owner.case_id


async def test_d3_two_who_prove_it_at_once(office: Office, migrated_url: str) -> None:
    owns = documents.broker()
    both = [await claimed(office, owns), await claimed(office, stranger(owns))]
    other = Database(migrated_url)
    try:
        answers = await asyncio.gather(
            *(
                database.write(prove_npn, KEY, opened.case_id, PROOF, NOW)
                for database, opened in zip((office.database, other), both, strict=True)
            ),
            return_exceptions=True,
        )
    finally:
        await other.close()
    assert sum(isinstance(answer, Refusal) for answer in answers) == 1
    assert len(await owners(office, owns["npn"])) == 1


async def test_d3_an_answer_can_t_take_the_address_under_which_somebody_else_claims_the_npn(office: Office) -> None:
    owns = documents.broker()
    third = {**owns, "email": "third@example.net"}
    _, second, last = [await claimed(office, one) for one in (owns, stranger(owns), third)]
    changes = {"email": "stranger@example.net"}
    with pytest.raises(Invalid) as refused:
        await office.database.read(check_answer, KEY, last.case_id, changes)
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("email", "identity_taken")]
    await office.database.read(check_answer, KEY, second.case_id, changes)


async def test_d2_who_proves_the_npn_of_a_case_is_known_by_it(office: Office) -> None:
    """A case of before may have an NPN that its person was never known by."""
    owns = documents.broker()
    opened = await claimed(office, owns)

    def forget(session: Session) -> None:
        session.get_one(Assister, opened.assister_id).npn = None

    await office.database.write(forget)
    await proven(office, opened)
    assert (await claimed(office, owns)).assister_id == opened.assister_id
    person = await office.database.read(Session.get_one, Assister, opened.assister_id)
    assert person.npn == owns["npn"]


async def test_d2_the_address_that_is_the_registrys_proves_it(office: Office) -> None:
    owns = documents.broker()
    known = RegisteredOwner(owns["npn"], (owns["email"].lower(),))
    impostor, owner = await claimed(office, stranger(owns)), await claimed(office, owns)

    def ask(session: Session, case_id: str) -> None:
        take_registry_answer(session, KEY, load_case(session, case_id), known, NOW)

    for opened in (impostor, owner):
        await office.database.write(ask, opened.case_id)
    assert await owners(office, owns["npn"]) == [owner.assister_id]


async def test_d2_an_answer_about_another_npn_proves_nothing(office: Office) -> None:
    """A look-up of the stranger's own NPN comes late: an answer made it the owner's meanwhile."""
    owns = documents.broker()
    opened = await claimed(office, stranger(owns))
    late = RegisteredOwner(documents.broker()["npn"], ("stranger@example.net",))

    def ask(session: Session) -> None:
        take_registry_answer(session, KEY, load_case(session, opened.case_id), late, NOW)

    await office.database.write(ask)
    assert await owners(office, owns["npn"]) == []
    claims = select(NpnClaim).where(col(NpnClaim.npn) == owns["npn"])
    assert [one.contact_emails for one in await office.database.read(list_rows, claims)] == [None]


@pytest.mark.parametrize(
    ("registered", "by_staff", "printed"),
    [
        (("Testa", "Ejemplo"), False, "Testa Ejemplo"),
        (("TESTA", "BROKER"), False, "Testa Broker"),
        (("Testa", "Ejemplo"), True, "Testa Broker"),
    ],
    ids=["registry", "same name", "staff"],
)
async def test_d2_the_certificate_prints_what_was_proven(
    office: Office, registered: tuple[str, str], by_staff: bool, printed: str
) -> None:
    owns = documents.broker(first_name="Testa", last_name="Broker")
    opened = await office.screened(await claimed(office, owns))
    emails = () if by_staff else (owns["email"].lower(),)
    known = RegisteredOwner(owns["npn"], emails, first_name=registered[0], last_name=registered[1])

    def ask(session: Session) -> None:
        take_registry_answer(session, KEY, load_case(session, opened.case_id), known, NOW)

    await office.database.write(ask)
    if by_staff:
        await proven(office, opened)
    assert (await office.decided(opened)).applied
    number = await office.certified(opened)
    (certificate,) = await office.all(CertificateRow, number=number)
    assert certificate.holder == printed


async def test_d2_an_address_that_comes_later_proves_nothing(office: Office) -> None:
    """The stranger's profile is saved with the owner's address, after the stranger asked with their own."""
    owns = profile()
    opened = await claimed(office, stranger(owns))
    await office.desk.saved(opened, owns, office.later())

    known = RegisteredOwner(owns["npn"], (owns["email"].lower(),))

    def ask(session: Session) -> None:
        take_registry_answer(session, KEY, load_case(session, opened.case_id), known, NOW)

    await office.database.write(ask)
    assert await owners(office, owns["npn"]) == []


async def test_d2_a_stranger_trains_for_the_state_and_gets_no_certificate(office: Office) -> None:
    opened = await office.screened(await claimed(office, stranger(documents.broker())))
    findings = (await office.database.read(load_snapshot, opened.case_id)).certification.findings
    assert [(one.check, one.result) for one in findings if one.source == "D2"] == [("npn_owner", "unknown")]
    assert not (await office.decided(opened)).applied
    assert (await office.decided(opened, override="may begin to train")).applied
    for kind in (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED):
        await office.fact(opened, kind)
    await office.fact(opened, FactKind.EXAM_ATTEMPTED, {"event_id": "e", "score": "0.9", "passed": True})
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    passed = next(fact for fact in snapshot.facts if fact.kind is FactKind.EXAM_ATTEMPTED)
    assert snapshot.state.waiting_for is WaitingFor.NPN_PROOF
    assert not describe_fact(opened.case_id, passed, None, snapshot.state).passed, "its workflow is not told to go on"

    await proven(office, opened)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    proof = next(fact for fact in snapshot.facts if fact.kind is FactKind.NPN_PROVEN)
    assert snapshot.state.waiting_for is WaitingFor.CERTIFICATE
    told = describe_fact(opened.case_id, proof, None, snapshot.state)
    assert (told.kind, told.passed) == (FactKind.EXAM_ATTEMPTED, True)


async def test_d2_a_stranger_completes_no_market_and_is_in_no_list(office: Office) -> None:
    document = stranger(profile())
    opened = await office.desk.completed(
        document, office.later(), again=await claimed(office, document), owner=RegisteredOwner(document["npn"])
    )
    await office.fact(opened, FactKind.BEGUN)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert snapshot.state.waiting_for is WaitingFor.NPN_PROOF
    assert not snapshot.registration.completed_at
    assert snapshot.registration.take_snapshot().completed == [], "no certificate is ordered"
    await proven(office, opened)
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert list(snapshot.registration.completed_at) == ["individual"]


async def test_d2_who_was_certified_before_changes_a_phone_number_and_loses_nothing(office: Office) -> None:
    """The NPN stays the one of before; another one is a claim as everybody's."""
    mine = profile()
    opened = await office.desk.completed(mine, office.later())

    def age(session: Session) -> None:
        (claim,) = list_rows(session, select(NpnClaim).where(col(NpnClaim.assister_id) == opened.assister_id))
        claim.state = ClaimState.UNPROVEN_LEGACY
        session.add(claim)

    await office.database.write(age)
    for change, is_unproven in (({"phone": "505-555-0142"}, False), ({"npn": profile()["npn"]}, True)):
        await office.desk.saved(opened, {**mine, **change}, office.later(), owner=RegisteredOwner(mine["npn"]))
        assert (await case_of(office, opened)).npn_unproven is is_unproven


async def test_d2_a_proof_is_heard_by_the_persons_cases_under_another_address_and_by_no_doubtful_one(
    office: Office,
) -> None:
    """The registration's profile has another address of theirs; of a third case staff have still to say whose it is."""
    request = documents.broker()
    certification = await claimed(office, request)
    names = {name: request[name] for name in ("npn", "first_name", "last_name", "email")}
    mine = profile(**names)
    registration = await claimed(office, mine)
    doubtful = await claimed(office, {**request, "plan_year": 2025})
    await office.desk.saved(
        registration, {**mine, "email": "another@example.com"}, office.later(), owner=RegisteredOwner(request["npn"])
    )
    assert {certification.assister_id} == {registration.assister_id, doubtful.assister_id}

    def doubt(session: Session) -> None:
        case = load_case(session, doubtful.case_id)
        case.identity_matches, case.request = False, {**case.request, "email": "a.stranger@example.com"}
        session.add(case)

    await office.database.write(doubt)
    told = await office.database.write(prove_npn, KEY, registration.case_id, PROOF, office.later())
    assert {row.case_id for row in told} == {certification.case_id, registration.case_id}
    assert (await case_of(office, doubtful)).npn_unproven


async def test_d2_who_completed_a_market_before_proves_before_the_next_one(office: Office) -> None:
    """What was completed stays; the workflow is told of the next market by the proof."""
    mine = profile(markets=["individual", "shop"])
    opened = await office.desk.opened(mine, office.later())
    await office.desk.saved(opened, mine, office.later())
    await office.desk.completed_markets(opened, office.later(), [Market.INDIVIDUAL])

    def age(session: Session) -> None:
        (claim,) = list_rows(session, select(NpnClaim).where(col(NpnClaim.assister_id) == opened.assister_id))
        case = load_case(session, opened.case_id)
        claim.state, case.npn_legacy = ClaimState.UNPROVEN_LEGACY, True
        session.add_all([claim, case])

    await office.database.write(age)
    await office.fact(opened, FactKind.BEGUN)
    await office.desk.completed_markets(opened, office.later(), [Market.SHOP])
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert snapshot.registration.take_snapshot().completed == ["individual"]
    assert snapshot.state.waiting_for is WaitingFor.NPN_PROOF
    offer = await office.database.read(find_proof_offer, snapshot.case)
    assert offer is not None
    assert offer.is_needed
    told = await office.database.write(prove_npn, KEY, opened.case_id, PROOF, office.later())
    snapshot = await office.database.read(load_snapshot, opened.case_id)
    assert (len(told), snapshot.registration.take_snapshot().completed) == (1, ["individual", "shop"])
    assert not snapshot.case.npn_legacy


async def test_d2_who_is_registered_can_t_take_a_strangers_npn_into_the_lists(office: Office) -> None:
    mine, theirs = profile(), profile()
    opened = await office.desk.completed(mine, office.later())
    await office.desk.saved(
        opened, {**mine, "npn": theirs["npn"]}, office.later(), owner=RegisteredOwner(theirs["npn"], (theirs["email"],))
    )
    case = await case_of(office, opened)
    assert case.npn_unproven
    assert (await claimed(office, theirs)).created, "its owner is not locked out"


async def test_d2_a_certificate_of_before_becomes_none_of_the_owners_by_role_and_npn(office: Office) -> None:
    """Issued to somebody who is no agent or broker, in the owner's name; then the profile takes the owner's NPN."""
    owns = profile(markets=["shop"])
    trainee = {**stranger(owns), "role": "not_an_agent_broker", "npn": None}
    opened = await office.desk.opened(trainee, office.later())
    await office.desk.completed(trainee, office.later(), again=opened, npn=NpnStatus.NOT_REQUIRED)
    number = await office.issued(opened, "shop")

    async def shown() -> tuple[str, str]:
        found = await office.database.read(read_certificate, number, office.later())
        assert found is not None
        return found["status"], found["kind"]

    assert await shown() == ("valid", "not_an_agent_broker")
    await office.desk.saved(
        opened, stranger(owns), office.later(), owner=RegisteredOwner(owns["npn"], (owns["email"],))
    )
    assert await shown() == ("unproven", "not_an_agent_broker")
    await proven(office, await claimed(office, owns))
    assert await shown() == ("unproven", "not_an_agent_broker")
    await office.desk.saved(opened, trainee, office.later(), npn=NpnStatus.NOT_REQUIRED)
    assert await shown() == ("valid", "not_an_agent_broker"), "it is what was earned"


@pytest.mark.parametrize("document", [documents.broker, profile])
async def test_d2_staff_vouch_by_what_they_have_seen_and_a_partner_for_the_address_alone(
    office: Office, document: Any
) -> None:
    owns = document()
    proof = ShownProof(method=ProofMethod.PAPER, document="a licence card")
    for voucher, proven_by in ((Voucher("sender:intake"), []), (Voucher("staff:demo", proof), ["staff:demo"])):
        opened = await office.database.write(
            open_requested_case, KEY, parse_any_request(owns), office.later(), None, voucher
        )
        assert isinstance(opened, Opened)
        assert (await case_of(office, opened)).npn_unproven is not bool(proven_by)
        query = select(col(NpnClaim.proven_by)).where(col(NpnClaim.npn) == owns["npn"])
        assert [one for one in await office.database.read(list_rows, query) if one] == proven_by
    refused = await office.database.write(
        open_requested_case, KEY, parse_any_request(stranger(owns)), office.later(), None, Voucher("staff:demo", proof)
    )
    assert isinstance(refused, Refusal), "it is proven by somebody else"


async def test_d3_a_mistyped_npn_locks_nobody_out_and_after_withdrawal_neither(office: Office) -> None:
    """Somebody mistypes theirs as another's, and withdraws; the owner comes later, and has it."""
    owns = documents.broker()
    mistyped = await claimed(office, stranger(owns))
    assert (await office.command(mistyped, CommandKind.WITHDRAW)).applied
    owner = await claimed(office, owns)
    assert owner.created
    await proven(office, owner)
    assert await owners(office, owns["npn"]) == [owner.assister_id]


async def test_d3_a_second_account_of_one_address_stays_refused(office: Office) -> None:
    document = profile()
    await claimed(office, document)
    with pytest.raises(SecondAccount):
        await claimed(office, {**profile(), "email": document["email"]})
