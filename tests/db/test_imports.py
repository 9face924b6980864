"""Earlier years that are brought in are held to whose they are; what isn't taken is kept for staff (D8)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from db.reads.pending import read_uncounted_reports
from db.tables import Assister, AuditRow, Case, EarlierYear, UncountedReport
from db.writes.imports import ImportOutcome, import_person
from db.writes.opening import open_requested_case
from db.writes.webhooks.settlements import Settlement, settle_report
from domain.federal.markets import NpnStatus
from domain.federal.profile import parse_registration
from domain.programs.imports import parse_import
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.claims import RegisteredOwner
from domain.shared.documents.faults import Fault
from tests.support import documents
from tests.support.office import KEY, NOW, Office, office_over
from tests.support.opening import open_case

OTHERS: dict[str, dict[str, Any]] = {
    "name": {"last_name": "Anotherone"},
    "email": {"email": "another.person@example.com"},
}


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def bring_in(office: Office, document: dict[str, Any]) -> ImportOutcome:
    (imported,) = parse_import([document])
    return await office.database.write(import_person, KEY, imported, "staff:ana", office.later())


async def settle(office: Office, count: bool) -> Reason | None:
    (kept,) = (await office.database.read(read_uncounted_reports, None, 25)).rows
    assert kept.id is not None
    settlement = Settlement(count, "staff:olga", "Looked at both.")
    return (await office.database.write(settle_report, kept.id, settlement, {}, office.later())).refused


@pytest.mark.parametrize("other", OTHERS)
async def test_d8_another_name_or_address_under_a_known_npn_hands_over_nothing(office: Office, other: str) -> None:
    owner = documents.broker()
    opened = await office.opened(owner)
    document = documents.earlier({**owner, **OTHERS[other]}, 2022, 2023, lms_account="the-owner-s-account")
    outcome = await bring_in(office, document)
    assert outcome.conflict is not None
    assert outcome.conflict.field == ("person.last_name" if other == "name" else "person.email")
    (person,) = await office.all(Assister)
    assert (person.email, person.last_name) == (owner["email"], owner["last_name"])
    assert (person.lms_account, person.portal_account) == (None, None)
    assert await office.all(EarlierYear) == []
    assert [row.action for row in await office.all(AuditRow) if row.action == "assister.imported"] == []
    # Staff have something that they can open: the flagged case, and what was said.
    assert await office.queued() == [opened.case_id]
    (kept,) = await office.all(UncountedReport, case_id=opened.case_id)
    assert owner["npn"] in kept.body["text"]
    (told,) = await office.all(AuditRow, action="assister.conflict")
    assert (told.actor, told.assister_id, told.case_id) == ("staff:ana", opened.assister_id, opened.case_id)
    # The same file again is no second one.
    await bring_in(office, document)
    assert [row.times for row in await office.all(UncountedReport)] == [2]


async def test_d8_somebody_known_from_a_file_alone_is_no_other_person_s_either(office: Office) -> None:
    owner = documents.broker()
    first = await bring_in(office, documents.earlier(owner, 2023))
    outcome = await bring_in(office, documents.earlier({**owner, **OTHERS["email"]}, 2022))
    assert (outcome.assister_id, outcome.created) == (first.assister_id, False)
    assert outcome.conflict is not None
    assert [year.plan_year for year in await office.all(EarlierYear)] == [2023]
    (kept,) = (await office.database.read(read_uncounted_reports, None, 25)).rows
    assert (kept.case_id, kept.faults[0][:2]) == (None, ["person.email", "known_otherwise"])
    assert (await bring_in(office, documents.earlier(owner, 2023))).conflict is None


async def test_d8_staff_say_that_a_record_is_theirs_and_it_is_joined(office: Office) -> None:
    owner = documents.broker()
    opened = await office.opened(owner)
    married = documents.earlier({**owner, **OTHERS["name"]}, 2023, lms_account="an-old-account")
    del married["years"][0]["registered"]  # what wasn't said is not said by us either
    await bring_in(office, married)
    assert await settle(office, count=True) is None
    (person,) = await office.all(Assister)
    assert (person.last_name, person.lms_account) == (owner["last_name"], "an-old-account")
    assert [year.plan_year for year in await office.all(EarlierYear)] == [2023]
    assert (await office.read_case_file(opened.case_id)).flags == []
    (joined,) = await office.all(AuditRow, action="assister.imported")
    assert (joined.actor, joined.assister_id) == ("staff:olga", opened.assister_id)
    # It was said once, and counts for the same record whenever it comes again.
    assert (await bring_in(office, married)).conflict is None


async def test_d8_staff_dismiss_a_record_of_somebody_else(office: Office) -> None:
    owner = documents.broker()
    opened = await office.opened(owner)
    await bring_in(office, documents.earlier({**owner, **OTHERS["email"]}, 2023))
    assert await settle(office, count=False) is None
    assert (await office.all(EarlierYear), (await office.read_case_file(opened.case_id)).flags) == ([], [])
    assert (await bring_in(office, documents.earlier({**owner, **OTHERS["email"]}, 2023))).conflict is not None
    assert await office.queued() == []


async def test_d3_d8_who_has_only_claimed_an_npn_keeps_its_owners_record_out_of_nothing(office: Office) -> None:
    owner = documents.broker()
    asked = {**owner, "email": "stranger@example.net"}
    stranger = await open_case(office.database, KEY, asked, office.later(), proven=False)
    record = documents.earlier(owner, 2022, 2023, lms_account="the-owner-s-account")
    outcome = await bring_in(office, record)
    assert (outcome.created, outcome.conflict) == (True, None)
    assert outcome.assister_id != stranger.assister_id
    flags = (await office.read_case_file(stranger.case_id)).flags
    assert [flag.what for flag in flags] == ["identity_conflict"], "staff look at who claims it"
    again = await bring_in(office, record)
    assert (again.assister_id, again.created, again.conflict) == (outcome.assister_id, False, None)
    opened = await open_case(office.database, KEY, owner, office.later(), proven=False)
    assert opened.assister_id == outcome.assister_id
    (case,) = await office.all(Case, case_id=opened.case_id)
    assert (case.assister_type, case.has_lms_account) == ("returning", True)


async def test_d3_d8_an_npn_that_a_profile_drops_is_its_owners_again(office: Office) -> None:
    """A stranger's profile names it, and drops it again by its role."""
    owner = documents.registration()
    asked = {**owner, "email": "stranger@example.net"}
    stranger = await open_case(office.database, KEY, asked, office.later(), proven=False)
    await office.desk.saved(stranger, asked, office.later(), owner=RegisteredOwner(owner["npn"], (owner["email"],)))
    trainee = {**asked, "role": "not_an_agent_broker", "npn": None}
    await office.desk.saved(stranger, trainee, office.later(), npn=NpnStatus.NOT_REQUIRED)
    (person,) = await office.all(Assister, assister_id=stranger.assister_id)
    assert person.npn is None
    outcome = await bring_in(office, documents.registered(owner, 2023))
    assert (outcome.created, outcome.conflict) == (True, None)
    assert outcome.assister_id != stranger.assister_id


async def test_d8_a_known_year_is_not_told_otherwise_without_staff(office: Office) -> None:
    owner = documents.broker()
    await bring_in(office, documents.earlier(owner, 2022, 2023, lms_account=None))
    (known,) = await office.all(EarlierYear, plan_year=2022)
    other = documents.earlier(owner, 2022, 2023, lms_account="another-account")
    other["years"][0] = {"plan_year": 2022, "certified": not known.certified}
    outcome = await bring_in(office, other)
    assert outcome.conflict == Fault("years.0.certified", "year_known_otherwise")
    assert [row.certified for row in await office.all(EarlierYear, plan_year=2022)] == [known.certified]
    assert [person.lms_account for person in await office.all(Assister)] == [None], "nothing of the row is taken"
    same = documents.earlier(owner, 2022, lms_account=None)
    same["years"][0] = {"plan_year": 2022}  # what is left out tells nothing
    assert (await bring_in(office, same)).conflict is None
    assert [row.certified for row in await office.all(EarlierYear, plan_year=2022)] == [known.certified]
    assert await settle(office, count=True) is None
    assert [row.certified for row in await office.all(EarlierYear, plan_year=2022)] == [not known.certified]
    assert (await bring_in(office, other)).conflict is None


async def test_who_is_told_that_staff_look_at_it_has_left_them_something_to_open(office: Office) -> None:
    """Somebody known from a file alone has no case to flag: who asked under their NPN and address is kept for staff."""
    owner = documents.registration()
    await bring_in(office, documents.earlier({**documents.broker(owner["npn"]), "email": owner["email"]}, 2023))
    asked = {**owner, "first_name": "Testa", "last_name": "Stranger-Sample", "email": owner["email"]}
    answer = await office.database.write(open_requested_case, KEY, parse_registration(asked), NOW + timedelta(days=1))
    assert isinstance(answer, Refusal)
    assert "staff have been told" in str(answer)
    (kept,) = (await office.database.read(read_uncounted_reports, None, 25)).rows
    assert "Stranger-Sample" in kept.body["text"]
    assert await settle(office, count=True) == Reason("request_not_countable")
    assert await settle(office, count=False) is None
