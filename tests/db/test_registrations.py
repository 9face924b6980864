"""Federal registrations in the database: one account a person, one effect a step, nothing left of what was refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from db.case_state import list_flags, list_rows, load_case, load_snapshot
from db.engine import Database
from db.reads.third_parties import find_account_to_suspend
from db.tables import Assister, AuditRow, Case, CertificateRow, CommandRow, FactRow, InboxRow
from db.writes.cases import record_facts
from db.writes.commands import load_command, refuse_command
from db.writes.effects import intend_certificate
from db.writes.federal.agreements import accept_marketplace_agreement, open_marketplace_agreement
from db.writes.federal.launch_tickets import (
    RedeemedTicket,
    UnusableTicket,
    enroll_in_course,
    keep_launch_ticket,
    redeem_launch_ticket,
)
from db.writes.federal.profiles import (
    complete_profile,
    find_other_account,
    keep_profile,
    load_profile_to_save,
    record_npn_verdict,
    save_profile,
)
from db.writes.imports import import_person
from db.writes.opening import Opened, SecondAccount, begin_case
from db.writes.persons import select_accounts
from db.writes.webhooks.inbox import Received, accept_statements, accept_vendor_report
from domain.federal.agreements import find_marketplace_agreement
from domain.federal.markets import MLMS, Curriculum, Market, MarketplaceAgreement, NpnStatus, list_agreements
from domain.federal.profile import ProfileStatus
from domain.federal.registration import RegistrationState
from domain.federal.vendor_reports import parse_vendor_report
from domain.programs.imports import parse_import
from domain.shared.applicant import Applicant
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import RegistrationSnapshot
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.claims import RegisteredOwner
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import write_canonical
from domain.shared.documents.statements import read_statements
from starter.cases import describe_event
from tests.support import documents, senders
from tests.support.opening import open_case
from tests.support.patience import PATIENCE
from tests.support.registrations import COURSE, Desk, profile
from tests.support.senders import build_vendor
from tests.support.tables import add_rows

KEY = b"a test's key"
NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
GENERAL, PRIVACY = list_agreements(Market.INDIVIDUAL)
VENDOR = "vendor-a"
NAMED = ("email", "first_name", "last_name")


class Process:
    """What one process has of the database."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.desk = Desk(self.database, KEY)

    async def submit(self, document: dict[str, Any], at: datetime = NOW) -> Opened:
        return await open_case(self.database, KEY, document, at)

    async def state(self, opened: Opened) -> RegistrationState:
        return (await self.database.read(load_snapshot, opened.case_id)).registration

    async def case(self, opened: Opened) -> Case:
        return (await self.database.read(load_snapshot, opened.case_id)).case

    async def all(self, table: type[SQLModel], **wanted: object) -> list[Any]:
        query = select(table).where(*(getattr(table, name) == value for name, value in wanted.items()))
        return await self.database.read(list_rows, query)

    async def facts(self, opened: Opened, kind: FactKind) -> list[FactRow]:
        return await self.all(FactRow, case_id=opened.case_id, kind=kind.value)

    async def everything(self) -> str:
        """Every value of every table, as text."""

        def read_every_value(session: Session) -> list[Any]:
            tables = SQLModel.metadata.sorted_tables
            return [value for table in tables for row in session.execute(select(table)) for value in row]

        found = await self.database.read(read_every_value)
        texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in found]
        return json.dumps(texts, default=str, ensure_ascii=False)


@pytest_asyncio.fixture
async def two(migrated_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes over a migrated database."""
    processes = Process(migrated_url), Process(migrated_url)
    yield processes
    for process in processes:
        await process.database.close()


async def at_once(*work: Awaitable[Any]) -> list[Any]:
    """All of it side by side; what fails is in the list as its exception."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*work, return_exceptions=True)


def refusals(answers: Iterable[object], kind: type[Exception]) -> int:
    return sum(isinstance(answer, kind) for answer in answers)


async def stored(process: Process, opened: Opened, command_id: str, changes: dict[str, Any]) -> CommandRow:
    """A profile kept under a command, as the door keeps it."""
    return await process.database.write(keep_profile, KEY, command_id, opened.case_id, changes, THE_ASSISTER, NOW)


async def trained(process: Process, document: dict[str, Any]) -> Opened:
    """Everything but the agreements."""
    opened = await process.submit(document)
    await process.desk.saved(opened, document, NOW)
    await process.desk.trained(opened, NOW, [Market(market) for market in document["markets"]])
    return opened


async def ticket(process: Process, opened: Opened, minutes: int = 0, vendor: str = VENDOR) -> str:
    """A launch ticket bought so many minutes before now."""
    token, at = uuid4().hex, NOW - timedelta(minutes=minutes)
    await process.database.write(enroll_in_course, opened.case_id, Curriculum.SHOP, vendor, THE_ASSISTER, at)
    await process.database.write(keep_launch_ticket, opened.case_id, Curriculum.SHOP, vendor, token, THE_ASSISTER, at)
    return token


async def reported(process: Process, token: str, event_id: str = "", **changes: Any) -> Received:
    vendor, event_id = changes.pop("vendor", VENDOR), event_id or uuid4().hex
    body = {"type": "training.completed", "ticket": token, "curriculum": "shop", "occurred_at": NOW.isoformat()}
    told, digest = parse_vendor_report(body | changes)
    return await process.database.write(
        accept_vendor_report, build_vendor(vendor), event_id, told, digest, body | changes, NOW
    )


# one account a person


async def test_b3_requests_of_one_person_at_once_open_one_registration(two: tuple[Process, Process]) -> None:
    for _ in range(4):
        document = profile()
        opened = await at_once(*(process.submit(document) for process in two * 3))
        assert len({one.case_id for one in opened}) == 1
        assert [one.created for one in opened].count(True) == 1
        assert len(await two[0].all(Assister, npn=document["npn"])) == 1
        assert len(await two[0].facts(opened[0], FactKind.REQUESTED)) == 1


@pytest.mark.parametrize("how", ["the same NPN, another e-mail", "the same e-mail, another NPN", "another name"])
async def test_b3_a_second_account_is_refused_and_nothing_of_the_request_is_kept(
    two: tuple[Process, Process], how: str
) -> None:
    one, other = two
    document = profile()
    opened = await one.submit(document)
    second = {
        **profile(document["npn"], first_name="Zweitkonto", phone="915-555-0177"),
        **{
            "the same NPN, another e-mail": {"email": "zweitkonto@example.net"},
            "the same e-mail, another NPN": {"npn": "1999999999", "email": document["email"].upper()},
            "another name": {"email": document["email"]},
        }[how],
    }
    answers = await at_once(other.submit(second), one.submit(second))
    assert refusals(answers, SecondAccount) == 2
    assert (await one.case(opened)).flag == "second_account"
    assert "request.conflict" in [row.action for row in await one.all(AuditRow, case_id=opened.case_id)]
    everything = (await one.everything()).lower()
    assert not [value for value in ("zweitkonto", "915-555-0177", "1999999999") if value in everything]
    assert (await one.submit(document)).case_id == opened.case_id


async def test_b9_somebody_without_an_npn_is_known_by_their_e_mail(two: tuple[Process, Process]) -> None:
    one, _ = two
    document = profile(role="not_an_agent_broker", email=f"{uuid4().hex}@example.com")
    del document["npn"]
    opened = await one.submit(document)
    again = await one.submit({**document, "email": document["email"].upper()})
    assert (again.case_id, again.created) == (opened.case_id, False)


@pytest.mark.parametrize("end", [FactKind.WITHDRAWN, FactKind.REVOKED])
async def test_after_an_end_a_request_opens_another_attempt(two: tuple[Process, Process], end: FactKind) -> None:
    one, other = two
    document = profile()
    first = await one.desk.completed(document, NOW)
    await one.desk.ended(first, end, NOW)
    again = await at_once(*(process.submit(document) for process in (one, other) * 2))
    assert {opened.case_id for opened in again} - {first.case_id} == {again[0].case_id}
    assert (await one.case(again[0])).attempt == 2
    assert (await one.state(again[0])).completed_at == {}, "the new attempt begins at the beginning"


async def test_c6_outside_the_window_nothing_is_stored(two: tuple[Process, Process]) -> None:
    one, _ = two
    document = profile(plan_year=2027, first_name="Zufrueh")
    with pytest.raises(Invalid) as caught:
        await one.submit(document, datetime(2026, 7, 31, 17, tzinfo=UTC))
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [("plan_year", "window_not_open")]
    assert "Zufrueh" not in await one.everything()


# who returns


def earlier(document: dict[str, Any], *years: int, **changes: Any) -> dict[str, Any]:
    every = {"registered": True, "trained": True, "individual_market": True, **changes}
    return {
        "person": {"kind": "agent", **{name: document[name] for name in ("npn", "email", "first_name", "last_name")}},
        "program": "ffm",
        "years": [{"plan_year": year, **every} for year in years],
    }


async def imported(process: Process, *given: Any, **changes: Any) -> str:
    [person] = parse_import([earlier(*given, **changes)])
    assister_id, *_ = await process.database.write(import_person, KEY, person, "import", NOW)
    return assister_id


@pytest.mark.parametrize(
    ("years", "changes", "found", "short"),
    [
        ((2023,), {}, "returning", True),
        ((2022,), {}, "lapsed", False),  # a gap year
        ((2022, 2023), {}, "returning", True),
        ((2023,), {"individual_market": False}, "lapsed", False),
        ((2023,), {"trained": False}, "lapsed", False),
        ((2024,), {}, "new", False),
    ],
)
async def test_b1_b11_who_returns_is_enrolled_in_the_short_course_once(
    two: tuple[Process, Process], years: tuple[int, ...], changes: dict[str, bool], found: str, short: bool
) -> None:
    one, other = two
    document = profile()
    assister_id = await imported(one, document, *years, **changes)
    begun = await at_once(
        *(process.database.write(begin_case, assister_id, "ffm", 2024, "staff", NOW) for process in (one, other) * 3),
        *(process.submit(document) for process in two),
    )
    assert len({case.case_id for case in begun}) == 1
    assert [case.created for case in begun].count(True) == 1
    assert (await one.case(begun[0])).assister_type == found
    enrolled = (await one.state(begun[0])).enrollments
    assert [(each.curriculum, each.channel, each.automatic) for each in enrolled] == (
        [(Curriculum.INDIVIDUAL_RETURNING, MLMS, True)] if short else []
    )


@pytest.mark.parametrize(
    ("markets", "end", "found"),
    [
        (["individual"], None, "returning"),
        (["individual", "shop"], None, "returning"),
        (["individual"], FactKind.CLOSED, "returning"),
        (["individual"], FactKind.REVOKED, "new"),
        (["individual"], FactKind.WITHDRAWN, "new"),
        (["shop"], None, "lapsed"),
    ],
)
async def test_b1_our_own_registration_of_last_year_counts_unless_it_was_taken_back(
    two: tuple[Process, Process], markets: list[str], end: FactKind | None, found: str
) -> None:
    one, _ = two
    document = profile(markets=markets)
    last_year = await one.desk.completed(document, NOW)
    if end is not None:
        await one.desk.ended(last_year, end, NOW)
    next_year = await one.submit({**document, "plan_year": 2025, "markets": ["individual"]}, NOW.replace(year=2025))
    assert next_year.assister_id == last_year.assister_id
    assert (await one.case(next_year)).assister_type == found


@pytest.mark.parametrize("plan_year", [1999, 2**63])
async def test_c6_a_year_without_a_policy_is_begun_by_nobody(two: tuple[Process, Process], plan_year: int) -> None:
    one, _ = two
    opened = await one.submit(profile())
    with pytest.raises(Invalid, match="no certification policy"):
        await one.database.write(begin_case, opened.assister_id, "ffm", plan_year, "staff", NOW)


async def test_b1_nobody_begins_who_never_registered(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.submit(profile(plan_year=2026), NOW)
    with pytest.raises(Refusal):
        await one.database.write(begin_case, opened.assister_id, "ffm", 2024, "staff", NOW)


async def test_b1_begun_without_a_form_it_has_no_profile_yet(two: tuple[Process, Process]) -> None:
    one, _ = two
    document = profile()
    opened = await one.database.write(begin_case, await imported(one, document, 2023), "ffm", 2024, "staff", NOW)
    state = await one.state(opened)
    assert (state.profile.status, state.profile.role.value) == (ProfileStatus.INCOMPLETE, document["role"])
    with pytest.raises(Invalid) as caught:
        await stored(one, opened, str(uuid4()), {"phone": "915-555-0100"})
    assert {fault.field for fault in caught.value.faults} == {"business_contact", "professional_contact"}


# the profile

REFUSED = {
    "first_name": "Verworfen",
    "last_name": "Ablehnung",
    "email": "verworfen@example.net",
    "phone": "915-555-0188",
    "npn": "1888888888",
    "business_npn": "1777777777",
    "professional_contact": {"email": "abgelehnt@example.net", "phone": "915-555-0166", "languages": ["Esperanto"]},
}
VALUES = [
    "Verworfen",
    "Ablehnung",
    "verworfen@example.net",
    "915-555-0188",
    "1888888888",
    "1777777777",
    "abgelehnt@example.net",
    "915-555-0166",
    "Esperanto",
]


async def _by_the_registry(process: Process, opened: Opened, command_id: str) -> None:
    faults = [Fault("npn", "npn_unknown"), Fault("business_npn", "npn_of_individual")]
    saved = await process.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, faults, {}, NOW)
    assert saved.outcome == "refused"
    row = await process.database.read(load_command, command_id)
    assert row.data["faults"] == [["npn", "npn_unknown"], ["business_npn", "npn_of_individual"]]


async def _by_an_end(process: Process, opened: Opened, command_id: str) -> None:
    await process.desk.ended(opened, FactKind.WITHDRAWN, NOW)
    saved = await process.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, (), {}, NOW)
    assert saved.outcome == "refused"


async def _by_its_workflow(process: Process, opened: Opened, command_id: str) -> None:
    await process.database.write(refuse_command, command_id, Reason("case_ended", {"stage": "closed"}), NOW)


@pytest.mark.parametrize("refuse", [_by_the_registry, _by_an_end, _by_its_workflow], ids=lambda how: how.__name__)
async def test_b7_of_a_refused_profile_nothing_is_left_but_its_fields_names(
    two: tuple[Process, Process], refuse: Any
) -> None:
    one, _ = two
    document = profile()
    opened = await one.submit(document)
    await one.desk.saved(opened, document, NOW)
    before = (await one.case(opened)).request
    command_id = str(uuid4())
    await stored(one, opened, command_id, REFUSED)
    kept = await one.everything()
    assert all(value in kept for value in VALUES), "while it waits for its answer it is kept"
    await refuse(one, opened, command_id)
    assert (await one.database.read(load_command, command_id)).state == "refused"
    after = await one.everything()
    assert [value for value in VALUES if value in after] == []
    assert (await one.case(opened)).request == before
    assert (await one.state(opened)).profile.version == 1


async def test_p19_a_name_only_like_the_registrys_is_saved_and_flagged_until_it_is_the_same(
    two: tuple[Process, Process],
) -> None:
    one, _ = two
    document = profile(first_name="Mary Ann", last_name="García López")
    opened, npn = await one.submit(document), document["npn"]

    async def save(owner: RegisteredOwner | None) -> dict[str, datetime]:
        command_id = str(uuid4())
        await stored(one, opened, command_id, {})
        saved = await one.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, (), {}, NOW, owner)
        assert saved.outcome == "applied"
        return list_flags(await one.case(opened))

    assert list(await save(RegisteredOwner(npn, first_name="MARY", last_name="GARCIA"))) == ["name_alike"]
    assert list(await save(None)) == ["name_alike"], "the registry's silence says nothing"
    assert await save(RegisteredOwner(npn, first_name="MARY ANN", last_name="GARCIA LOPEZ")) == {}


async def test_b3_b7_a_profile_renames_its_person_and_never_makes_another(two: tuple[Process, Process]) -> None:
    one, other = two
    document = profile()
    opened = await one.submit(document)
    renamed = {
        "first_name": "Umbenannt",
        "last_name": "Sample",
        "email": f"{uuid4().hex}@example.net",
        "npn": documents.new_npn(),
    }
    command_id = str(uuid4())
    await stored(one, opened, command_id, renamed)
    await one.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, (), {}, NOW)
    [person] = await other.all(Assister, assister_id=opened.assister_id)
    assert {name: getattr(person, name) for name in renamed} == renamed
    assert len(await other.all(Assister)) == 1
    again = await other.submit({**document, **renamed})
    assert (again.case_id, again.created) == (opened.case_id, False)
    stranger = await other.submit({**profile(document["npn"]), "email": f"{uuid4().hex}@example.org"})
    assert stranger.assister_id != opened.assister_id, "the old NPN is nobody's any more"


async def test_whose_e_mail_it_is_is_found_by_an_index(migrated_sqlite_url: str) -> None:
    """Everybody may ask for a registration: of a hundred thousand people none but the asked for are looked at."""
    database = Database(migrated_sqlite_url)
    query = select_accounts("ffm", "somebody@example.net").compile(compile_kwargs={"literal_binds": True})
    explained = await database.read(Session.execute, text(f"EXPLAIN QUERY PLAN {query}"))
    plan = [row[3] for row in explained]
    await database.close()
    assert any("ix_assister_email" in step for step in plan)
    assert not [step for step in plan if step.startswith("SCAN")]


async def test_b3_a_profile_can_t_take_another_person_s_account(two: tuple[Process, Process]) -> None:
    one, _ = two
    mine, theirs = profile(), profile()
    opened = await one.submit(mine)
    await one.submit(theirs)

    async def others(case_id: str, document: dict[str, Any]) -> Fault | None:
        def find(session: Session) -> Fault | None:
            return find_other_account(session, KEY, load_case(session, case_id), Applicant.model_validate(document))

        return await one.database.read(find)

    assert await others(opened.case_id, mine) is None
    assert await others(opened.case_id, {**mine, "npn": theirs["npn"]}) == Fault("npn", "second_account")
    assert await others(opened.case_id, {**mine, "email": theirs["email"]}) == Fault("email", "second_account")


async def test_a10_b3_a_profile_without_an_npn_leaves_the_one_its_owner_is_known_by(
    two: tuple[Process, Process],
) -> None:
    """The state program, too, tells people apart by their NPN."""
    one, _ = two
    broker = documents.broker()
    certification = await open_case(one.database, KEY, broker, NOW)
    opened = await one.submit({**profile(), **{name: broker[name] for name in ("npn", *NAMED)}})
    assert opened.assister_id == certification.assister_id
    trainee = {**(await one.case(opened)).request, "role": "not_an_agent_broker", "npn": None}
    await one.desk.saved(opened, trainee, NOW, NpnStatus.NOT_REQUIRED)
    again = await open_case(one.database, KEY, broker, NOW)
    assert (again.case_id, again.created) == (certification.case_id, False)
    with pytest.raises(SecondAccount):
        await one.submit(profile(broker["npn"]))


async def test_a9_accounts_elsewhere_are_none_in_the_state_program(two: tuple[Process, Process]) -> None:
    """Who registered with the federal marketplace only has to be invited to the exchange's LMS."""
    one, _ = two
    broker = documents.broker()
    earlier = {**documents.registered(broker, 2023), "lms_account": True, "portal_account": "a federal account"}
    await one.database.write(import_person, KEY, parse_import([earlier])[0], "staff", NOW)
    case = await one.case(await open_case(one.database, KEY, broker, NOW))
    assert (case.assister_type, case.has_lms_account, case.has_portal_account) == ("new", False, False)


async def test_c8_a_federal_certificate_keeps_no_account_of_the_state_program_open(
    two: tuple[Process, Process],
) -> None:
    one, _ = two
    broker = documents.broker()
    certification = await open_case(one.database, KEY, broker, NOW)
    opened = await one.submit({**profile(), **{name: broker[name] for name in ("npn", *NAMED)}})
    row = CertificateRow(number=uuid4().hex, case_id=opened.case_id, market="shop", issued_at=NOW, sha256="", uri="")
    await one.database.write(add_rows, row)
    assert await one.database.read(find_account_to_suspend, certification.case_id) == certification.case_id


async def test_b7_one_profile_told_twice_is_saved_once(two: tuple[Process, Process]) -> None:
    one, other = two
    document = profile()
    opened = await one.submit(document)
    command_id = str(uuid4())
    kept = await at_once(*(stored(process, opened, command_id, {}) for process in two * 2))
    assert {row.id for row in kept} == {command_id}
    saved = await at_once(
        *(
            process.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, (), {}, NOW)
            for process in (one, other) * 3
        )
    )
    assert {one_.outcome for one_ in saved} == {"applied"}
    assert len(await one.facts(opened, FactKind.PROFILE_SAVED)) == 1
    with pytest.raises(Refusal):
        await stored(one, opened, command_id, {"phone": "915-555-0144"})


async def test_b7_two_profiles_at_once_are_two_versions(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.submit(profile())
    commands = [str(uuid4()) for _ in range(4)]
    for number, command_id in enumerate(commands):
        await stored(one, opened, command_id, {"phone": f"915-555-010{number}"})
    saving = zip(two * 2, commands, strict=True)
    await at_once(
        *(
            process.database.write(save_profile, KEY, command, NpnStatus.VERIFIED, (), {}, NOW)
            for process, command in saving
        )
    )
    versions = sorted(fact.data["version"] for fact in await one.facts(opened, FactKind.PROFILE_SAVED))
    assert versions == [1, 2, 3, 4]
    last = next(row for row in await one.all(CommandRow) if row.data["version"] == 4)
    assert (await one.case(opened)).request["phone"] == f"915-555-010{commands.index(last.id)}"


async def test_b7_a_save_changes_what_was_sent_with_it_and_nothing_else(two: tuple[Process, Process]) -> None:
    """Two that were kept at the same moment, one of them while no worker answered: neither takes the other back."""
    one, _ = two
    document = profile()
    opened = await one.submit(document)
    await one.desk.saved(opened, document, NOW)
    changes: dict[str, dict[str, Any]] = {
        str(uuid4()): {"phone": "915-555-0142"},
        str(uuid4()): {"language": "es", "web_entity_npn": None},
    }
    for command_id, changed in changes.items():
        await stored(one, opened, command_id, changed)
    for command_id in changes:
        await one.database.write(save_profile, KEY, command_id, NpnStatus.VERIFIED, (), {}, NOW)
    request = (await one.case(opened)).request
    assert (request["phone"], request["language"]) == ("915-555-0142", "es")
    first = next(iter(changes))
    assert (await stored(one, opened, first, changes[first])).state == "applied", "the same sent again is the same"


async def test_b7_a_save_that_does_not_fit_what_was_saved_meanwhile_is_refused(two: tuple[Process, Process]) -> None:
    one, _ = two
    document = profile(business_npn=documents.new_npn())
    opened = await one.submit(document)
    await one.desk.saved(opened, document, NOW)
    command_id, firm = str(uuid4()), documents.new_npn()
    await stored(one, opened, command_id, {"web_entity_npn": firm})
    await one.desk.saved(opened, {**document, "business_npn": firm}, NOW)
    with pytest.raises(Invalid) as caught:
        await one.database.read(load_profile_to_save, KEY, command_id)
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [("web_entity_npn", "npn_copied")]
    saved = await one.database.write(
        save_profile, KEY, command_id, NpnStatus.NOT_REQUIRED, caught.value.faults, {}, NOW
    )
    assert (saved.outcome, (await one.state(opened)).profile.version) == ("refused", 2)


async def test_no_npn_can_be_guessed_from_what_a_refused_profile_left(two: tuple[Process, Process]) -> None:
    one, _ = two
    document = profile()
    opened = await one.submit(document)
    command_id = str(uuid4())
    row = await stored(one, opened, command_id, {"npn": "1888888888"})
    sent = [{"npn": "1888888888"}, row.data["profile"]]
    await _by_the_registry(one, opened, command_id)
    kept = await one.everything()
    assert not [one_ for one_ in sent if sha256(write_canonical(one_).encode()).hexdigest() in kept]


async def test_b9_the_registry_s_late_answer_is_about_the_version_it_was_asked_for(
    two: tuple[Process, Process],
) -> None:
    one, other = two
    document = profile()
    opened = await one.submit(document)

    async def judge(version: int, faults: list[Fault], process: Process = one) -> RegistrationSnapshot:
        return await process.database.write(record_npn_verdict, KEY, opened.case_id, version, faults, {}, NOW)

    await one.desk.saved(opened, document, NOW, NpnStatus.UNVERIFIED)
    await one.desk.saved(opened, {**document, "phone": "915-555-0122"}, NOW, NpnStatus.UNVERIFIED)
    unknown = [Fault("npn", "npn_unknown")]
    assert (await judge(1, unknown)).npn_unverified, "nothing was said of the second version"
    await at_once(*(judge(2, unknown, process) for process in (one, other) * 2))
    assert len(await one.facts(opened, FactKind.NPN_REFUSED)) == 1
    assert (await one.case(opened)).flag == "npn_refused"
    assert (await judge(2, [])).npn_problem == 2, "an answer stands"
    await one.desk.saved(opened, document, NOW)
    assert (await one.case(opened)).flag is None, "it was put right"


# launch tickets


async def test_b14_of_vendors_that_redeem_a_ticket_at_once_one_wins(two: tuple[Process, Process]) -> None:
    one, other = two
    opened = await one.submit(profile(language="es"))
    for _ in range(4):
        token = await ticket(one, opened)
        answers = await at_once(
            *(process.database.write(redeem_launch_ticket, VENDOR, token, NOW) for process in (one, other) * 2)
        )
        (won,) = (answer for answer in answers if isinstance(answer, RedeemedTicket))
        assert (won.curriculum, won.language, won.plan_year) == ("shop", "es", 2024)
        assert [answer.fault.code for answer in answers if isinstance(answer, UnusableTicket)] == ["ticket_used"] * 3
    assert len(await one.facts(opened, FactKind.COURSE_STARTED)) == 4


async def test_b14_a_ticket_is_of_one_vendor_and_half_an_hour(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.submit(profile())

    async def refused(vendor: str, token: str) -> str:
        with pytest.raises(UnusableTicket) as caught:
            await one.database.write(redeem_launch_ticket, vendor, token, NOW)
        return caught.value.fault.code

    assert await refused(VENDOR, "never issued") == "ticket_unknown"
    assert await refused("vendor-b", await ticket(one, opened)) == "ticket_unknown"
    assert await refused(VENDOR, await ticket(one, opened, minutes=30)) == "ticket_expired"
    assert (
        await one.database.write(redeem_launch_ticket, VENDOR, await ticket(one, opened, minutes=29), NOW)
    ).curriculum == "shop"
    open_one = await ticket(one, opened)
    await one.desk.ended(opened, FactKind.WITHDRAWN, NOW)
    assert await refused(VENDOR, open_one) == "ticket_unknown"


async def test_b14_there_are_only_so_many_unused_tickets(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.submit(profile())

    async def launch(token: str, at: datetime = NOW) -> None:
        await one.database.write(keep_launch_ticket, opened.case_id, Curriculum.SHOP, VENDOR, token, THE_ASSISTER, at)

    most = (await one.database.read(load_snapshot, opened.case_id)).federal_policy.launch_tickets_at_once
    await ticket(one, opened, minutes=29)
    tokens = [uuid4().hex for _ in range(most - 1)]
    for token in tokens:
        await launch(token)
    with pytest.raises(Refusal, match="too many"):
        await launch(uuid4().hex)
    await one.database.write(redeem_launch_ticket, VENDOR, tokens[0], NOW)
    await launch(uuid4().hex)
    with pytest.raises(Refusal, match="too many"):
        await launch(uuid4().hex)
    await launch(uuid4().hex, NOW + timedelta(minutes=1))
    assert len(await one.facts(opened, FactKind.LAUNCHED)) == most + 2


async def test_b14_no_ticket_s_secret_is_in_the_database(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.submit(profile())
    token = await ticket(one, opened)
    await one.database.write(redeem_launch_ticket, VENDOR, token, NOW)
    await reported(one, token)
    assert token not in await one.everything()


async def test_b15_a_completion_reported_twice_at_once_counts_once(two: tuple[Process, Process]) -> None:
    one, other = two
    opened = await one.submit(profile())
    token = await ticket(one, opened)
    await one.database.write(redeem_launch_ticket, VENDOR, token, NOW)
    await at_once(*(reported(process, token, "event 1") for process in (one, other) * 2))
    await reported(one, token, "event 2")
    assert len(await one.facts(opened, FactKind.COURSE_COMPLETED)) == 1
    events = {row.event_id: row.note for row in await one.all(InboxRow, source="vendors")}
    assert events == {
        f"{VENDOR}:event 1": None,
        f"{VENDOR}:event 2": "It was reported before under this launch ticket.",
    }
    assert (await reported(one, token, "event 1", occurred_at="2026-11-02T16:00:00Z")).altered


async def test_b18_a_third_party_s_fast_clock_moves_no_completion_into_the_future(
    two: tuple[Process, Process],
) -> None:
    """Business days count from completion: a course is never completed later than it was reported."""
    one, _ = two
    opened = await one.submit(profile())
    token = await ticket(one, opened)
    await one.database.write(redeem_launch_ticket, VENDOR, token, NOW)
    await reported(one, token, occurred_at="2099-01-01T00:00:00Z")
    await one.database.write(enroll_in_course, opened.case_id, Curriculum.INDIVIDUAL_FULL, MLMS, THE_ASSISTER, NOW)
    policy = (await one.database.read(load_snapshot, opened.case_id)).federal_policy.model_dump(mode="json")
    for verb, timestamp in (("initialized", "2026-11-02T16:00:00Z"), ("completed", "2099-01-01T00:00:00Z")):
        told = documents.course(policy, vars(opened), "individual_full", verb, timestamp=timestamp)
        await one.database.write(accept_statements, senders.MLMS, read_statements([told]), NOW)
    assert (await one.state(opened)).trained_at == dict.fromkeys((Market.SHOP, Market.INDIVIDUAL), NOW)
    [started] = [row for row in await one.facts(opened, FactKind.COURSE_STARTED) if row.data["channel"] == MLMS]
    assert started.at == NOW - timedelta(hours=1), "what happened earlier happened then"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"curriculum": "individual_full"}, ("curriculum", "mismatch")),
        ({"ticket": "never issued"}, ("ticket", "ticket_unknown")),
        ({"vendor": "vendor-b"}, ("ticket", "ticket_unknown")),
    ],
)
async def test_b15_a_completion_that_fits_no_ticket_is_refused(
    two: tuple[Process, Process], changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    one, _ = two
    opened = await one.submit(profile())
    token = await ticket(one, opened)
    with pytest.raises(Invalid) as unredeemed:
        await reported(one, token)
    assert [(found.field, found.code) for found in unredeemed.value.faults] == [("ticket", "ticket_not_redeemed")]
    await one.database.write(redeem_launch_ticket, VENDOR, token, NOW)
    with pytest.raises(Invalid) as caught:
        await reported(one, token, **changes)
    assert [(found.field, found.code) for found in caught.value.faults] == [fault]
    assert await one.facts(opened, FactKind.COURSE_COMPLETED) == []


# agreements


def opened_text(opened: Opened, name: MarketplaceAgreement, version: str) -> Fact:
    data = {"agreement": name.value, "version": version, "language": "en", "sha256": "0" * 64}
    fact_id = f"{opened.case_id}:opened:{name}:{version}:en"
    return Fact(id=fact_id, kind=FactKind.AGREEMENT_OPENED, at=NOW, data=data)


async def test_b16_what_was_opened_in_an_older_version_can_t_be_accepted(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await trained(one, profile())
    await one.database.write(record_facts, opened.case_id, [opened_text(opened, GENERAL, "2023-1")], NOW, "test")
    with pytest.raises(Refusal):
        await one.database.write(accept_marketplace_agreement, opened.case_id, GENERAL, None, THE_ASSISTER, NOW)
    text = await one.database.write(open_marketplace_agreement, opened.case_id, GENERAL, "es", THE_ASSISTER, NOW)
    with pytest.raises(Invalid) as caught:
        await one.database.write(accept_marketplace_agreement, opened.case_id, GENERAL, "0" * 64, THE_ASSISTER, NOW)
    assert [(fault.field, fault.code) for fault in caught.value.faults] == [("sha256", "another_text")]
    await one.database.write(accept_marketplace_agreement, opened.case_id, GENERAL, text.sha256, THE_ASSISTER, NOW)
    [accepted] = await one.facts(opened, FactKind.AGREEMENT_ACCEPTED)
    kept = {"agreement": GENERAL, "version": text.version, "language": "es", "sha256": text.sha256}
    assert accepted.data == kept


@pytest.mark.parametrize(
    ("read", "given", "kept"),
    [
        (["en"], None, "en"),
        (["en", "es"], None, "es"),
        (["en", "es", "en"], None, "en"),
        (["en", "es", "es", "en", "es"], None, "es"),
        (["en", "es"], "en", "en"),
    ],
)
async def test_b16_the_text_that_counts_is_the_one_the_reader_had_before_them(
    two: tuple[Process, Process], read: list[str], given: str | None, kept: str
) -> None:
    """The one opened last, unless its hash says which."""
    one, _ = two
    opened = await trained(one, profile())
    for minute, language in enumerate(read):
        at = NOW + timedelta(minutes=minute)
        await one.database.write(open_marketplace_agreement, opened.case_id, GENERAL, language, THE_ASSISTER, at)
    sha256 = find_marketplace_agreement(GENERAL, given).sha256 if given else None
    await one.database.write(
        accept_marketplace_agreement, opened.case_id, GENERAL, sha256, THE_ASSISTER, NOW + timedelta(hours=1)
    )
    [accepted] = await one.facts(opened, FactKind.AGREEMENT_ACCEPTED)
    text = find_marketplace_agreement(GENERAL, kept)
    assert (accepted.data["language"], accepted.data["sha256"]) == (kept, text.sha256)


async def test_b16_a_text_opened_again_and_again_is_one_fact(two: tuple[Process, Process]) -> None:
    one, other = two
    opened = await one.submit(profile())
    await at_once(
        *(
            process.database.write(open_marketplace_agreement, opened.case_id, GENERAL, "en", THE_ASSISTER, NOW)
            for process in (one, other) * 3
        )
    )
    assert len(await one.facts(opened, FactKind.AGREEMENT_OPENED)) == 1


async def test_b12_b16_the_last_steps_at_once_complete_the_market_once(two: tuple[Process, Process]) -> None:
    one, other = two
    for _ in range(4):
        opened = await trained(one, profile())
        for name in (GENERAL, PRIVACY):
            await one.database.write(open_marketplace_agreement, opened.case_id, name, "en", THE_ASSISTER, NOW)
        await at_once(
            *(
                process.database.write(accept_marketplace_agreement, opened.case_id, name, None, THE_ASSISTER, NOW)
                for process in (one, other)
                for name in (GENERAL, PRIVACY)
            )
        )
        assert len(await one.facts(opened, FactKind.AGREEMENT_ACCEPTED)) == 2
        assert len(await one.facts(opened, FactKind.MARKET_COMPLETED)) == 1
        snapshot = await one.database.read(load_snapshot, opened.case_id)
        told = [describe_event(row, snapshot).standing for row in await one.all(InboxRow, case_id=opened.case_id)]
        standing = (await one.state(opened)).take_snapshot()
        assert standing.completed == ["individual"]
        assert told == [standing] * len(told)


async def test_b12_each_market_completes_by_its_own_steps(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await trained(one, profile(markets=["individual", "shop"]))
    for name in list_agreements(Market.SHOP):
        await one.database.write(open_marketplace_agreement, opened.case_id, name, "en", THE_ASSISTER, NOW)
        await one.database.write(accept_marketplace_agreement, opened.case_id, name, None, THE_ASSISTER, NOW)
    state = await one.state(opened)
    assert set(state.completed_at) == {Market.SHOP}
    assert (await one.database.write(intend_certificate, "a key", opened.case_id, NOW, "shop")).data["market"] == "shop"
    with pytest.raises(Refusal):
        await one.database.write(intend_certificate, "another key", opened.case_id, NOW, "individual")


# what a registration has ended with


async def test_c8_no_step_is_taken_after_the_end_nor_in_the_other_program(two: tuple[Process, Process]) -> None:

    one, _ = two
    ended = await trained(one, profile())
    await one.desk.ended(ended, FactKind.REVOKED, NOW)
    other = await open_case(one.database, KEY, documents.broker(), NOW)
    for opened in (ended, other):
        write = one.database.write
        for step in (
            write(complete_profile, opened.case_id, THE_ASSISTER, NOW),
            write(enroll_in_course, opened.case_id, Curriculum.SHOP, MLMS, THE_ASSISTER, NOW),
            write(keep_launch_ticket, opened.case_id, Curriculum.SHOP, VENDOR, "token", THE_ASSISTER, NOW),
            write(open_marketplace_agreement, opened.case_id, GENERAL, "en", THE_ASSISTER, NOW),
            write(accept_marketplace_agreement, opened.case_id, GENERAL, None, THE_ASSISTER, NOW),
        ):
            with pytest.raises(Refusal):
                await step
    assert (await one.state(ended)).markets == (Market.INDIVIDUAL,)


async def test_b13_enrolling_twice_at_once_is_one_place_and_a_vendor_must_be_approved(
    two: tuple[Process, Process],
) -> None:
    one, other = two
    opened = await one.submit(profile())

    async def enroll(curriculum: Curriculum, channel: str, process: Process = one) -> None:
        await process.database.write(enroll_in_course, opened.case_id, curriculum, channel, THE_ASSISTER, NOW)

    await at_once(*(enroll(Curriculum.SHOP, MLMS, process) for process in (one, other) * 3))
    assert len(await one.facts(opened, FactKind.ENROLLED)) == 1
    assert len(await one.all(InboxRow, case_id=opened.case_id)) == 1
    for curriculum, channel in ((Curriculum.SHOP, "vendor-c"), (Curriculum.INDIVIDUAL_RETURNING, "vendor-b")):
        with pytest.raises(Invalid) as caught:
            await enroll(curriculum, channel)
        assert [(fault.field, fault.code) for fault in caught.value.faults] == [("channel", "not_approved")]
    with pytest.raises(Refusal):
        await enroll(Curriculum.INDIVIDUAL_RETURNING, MLMS)
    assert COURSE[Market.SHOP] in {each.curriculum for each in (await one.state(opened)).enrollments}


async def test_c9_every_step_is_audited_with_who_took_it(two: tuple[Process, Process]) -> None:
    one, _ = two
    opened = await one.desk.completed(profile(), NOW)
    query = select(AuditRow).where(col(AuditRow.case_id) == opened.case_id).order_by(col(AuditRow.id))
    audited = [(row.actor, row.action) for row in await one.database.read(list_rows, query)]
    opened_and_accepted = [("assister", "agreement.opened"), ("assister", "agreement.accepted")] * 2
    assert audited == [
        ("applicant", "case.opened"),
        ("assister", "profile.saved"),
        ("assister", "profile.completed"),
        ("assister", "training.enrolled"),
        ("system", "test"),
        *opened_and_accepted[:3],
        ("system", "market.completed"),
        *opened_and_accepted[3:],
    ]
