"""What the federal lists say of a person's registrations: dates in the East, codes, NPNs, contacts, no formula."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.federal.agreements import list_versions_in_force
from domain.federal.listed_years import read_listed_years
from domain.federal.lists import (
    COLUMNS,
    ListedRegistration,
    ListRow,
    PublishedList,
    build_rows,
    format_cell,
    select_contact,
)
from domain.federal.markets import MLMS, Curriculum, Market, Role, list_agreements
from domain.federal.policy import ListCodes
from domain.federal.profile import StoredProfile
from domain.federal.registration import RegistrationOpening, fold_registration
from domain.shared.cases.facts import Fact, FactKind

NPN, OTHER_NPN = "1000000017", "1000000025"
NOON = datetime(2023, 10, 3, 16, tzinfo=UTC)
COURSE = {Market.INDIVIDUAL: Curriculum.INDIVIDUAL_FULL, Market.SHOP: Curriculum.SHOP}
BOTH = (Market.INDIVIDUAL, Market.SHOP)


def profile(npn: str | None = NPN, **changes: Any) -> StoredProfile:
    address = {"line1": "1 Sample Street", "line2": None, "city": "Sampletown", "state": "TX", "postal_code": "79901"}
    document = {
        "role": Role.MARKETPLACE_AGENT_BROKER.value,
        "markets": ["individual"],
        "first_name": "Testa",
        "last_name": "Agente",
        "email": "testa@example.com",
        "phone": "915-555-0100",
        "npn": npn,
        "business_contact": {
            "name": "Sample Insurance",
            "email": "office@example.org",
            "phone": "915-555-0101",
            "address": address,
            "website": "https://office.example.org",
            "languages": ["English", "Spanish"],
        },
        "professional_contact": {"email": "help@example.org", "phone": "+1 915-555-0102", "languages": ["Spanish"]},
        **changes,
    }
    return StoredProfile.model_validate(document)


def facts_of(
    *completed: Market,
    at: datetime = NOON,
    role: Role = Role.MARKETPLACE_AGENT_BROKER,
    npn: str = "verified",
    saved: bool = True,
    end: tuple[FactKind, datetime] | None = None,
) -> list[Fact]:
    """An attempt's facts: these markets completed at this time, and its end."""
    before = at - timedelta(days=3)
    found: list[tuple[FactKind, datetime, dict[str, Any]]] = [
        (FactKind.REQUESTED, before, {}),
        (FactKind.BEGUN, before, {}),
    ]
    if saved:
        found.append((FactKind.PROFILE_SAVED, before, {"version": 1, "role": role.value, "npn": npn}))
        found.append((FactKind.PROFILE_COMPLETED, before, {}))
    for market in completed:
        course = {"curriculum": COURSE[market].value, "channel": MLMS}
        found += [(FactKind.ENROLLED, before, course), (FactKind.COURSE_COMPLETED, before, course)]
        for name in list_agreements(market):
            accepted = {
                "agreement": name.value,
                "version": list_versions_in_force()[name],
                "language": "es",
                "sha256": "0",
            }
            found.append((FactKind.AGREEMENT_ACCEPTED, at, accepted))
        found.append((FactKind.MARKET_COMPLETED, at, {"market": market.value}))
    if end:
        found.append((*end, {}))
    return [Fact(id=f"{number}", kind=kind, at=when, data=data) for number, (kind, when, data) in enumerate(found)]


def attempt(
    *completed: Market,
    markets: tuple[Market, ...] = (Market.INDIVIDUAL,),
    of: StoredProfile | None = None,
    closes_on: date | None = None,
    **facts: Any,
) -> ListedRegistration:
    opening = RegistrationOpening(role=Role.MARKETPLACE_AGENT_BROKER, markets=markets, returning=False)
    state = fold_registration(opening, facts_of(*completed, **facts), list_versions_in_force())
    return ListedRegistration(state, profile() if of is None else of, closes_on)


def said(rows: Iterable[ListRow], name: PublishedList) -> list[dict[str, str]]:
    return [dict(zip(COLUMNS[name], row.cells, strict=True)) for row in rows if row.list is name]


def only(name: PublishedList, *attempts: ListedRegistration, plan_year: int = 2024) -> dict[str, str]:
    (found,) = said(build_rows("ast_1", plan_year, attempts), name)
    return found


def test_b19_the_rcl_has_the_columns_as_published() -> None:
    assert ",".join(COLUMNS[PublishedList.RCL]) == (
        "npn,applicable_plan_year,individual_registration_completion_date,individual_marketplace_end_date,"
        "shop_registration_completion_date,shop_end_date,npn_valid_current_plan_year_only,status"
    )
    assert "npn" not in COLUMNS[PublishedList.FIND_LOCAL_HELP]


def test_b19_one_market_completed_is_a_line_of_the_rcl() -> None:
    assert list(only(PublishedList.RCL, attempt(Market.INDIVIDUAL)).values()) == [
        NPN, "2024", "10/03/2023", "", "", "", "Y", "",
    ]  # fmt: skip


def test_b19_each_market_has_its_own_date_and_both_the_windows_end() -> None:
    early, late = facts_of(Market.INDIVIDUAL), facts_of(Market.SHOP, at=NOON + timedelta(days=9))
    opening = RegistrationOpening(role=Role.MARKETPLACE_AGENT_BROKER, markets=BOTH, returning=False)
    facts = [Fact(id=f"{n}", kind=one.kind, at=one.at, data=one.data) for n, one in enumerate([*early, *late])]
    state = fold_registration(opening, facts, list_versions_in_force())
    line = only(PublishedList.RCL, ListedRegistration(state, profile(), date(2024, 12, 31)))
    assert (line["individual_registration_completion_date"], line["individual_marketplace_end_date"]) == (
        "10/03/2023",
        "12/31/2024",
    )
    assert (line["shop_registration_completion_date"], line["shop_end_date"]) == ("10/12/2023", "12/31/2024")


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (datetime(2023, 10, 7, 3, 59, tzinfo=UTC), "10/06/2023"),  # Friday night, daylight saving time
        (datetime(2023, 10, 7, 4, 0, tzinfo=UTC), "10/07/2023"),
        (datetime(2024, 1, 1, 4, 59, tzinfo=UTC), "12/31/2023"),  # New Year's Eve, standard time
        (datetime(2024, 1, 1, 5, 0, tzinfo=UTC), "01/01/2024"),
    ],
)
def test_b19_dates_are_those_of_the_east(at: datetime, day: str) -> None:
    line = only(PublishedList.RCL, attempt(Market.INDIVIDUAL, at=at))
    assert line["individual_registration_completion_date"] == day


def test_b9_who_is_not_an_agent_broker_is_on_no_list() -> None:
    assert build_rows("ast_1", 2024, [attempt(Market.INDIVIDUAL, role=Role.NOT_AN_AGENT_BROKER)]) == []


@pytest.mark.parametrize(("npn", "lists"), [("unverified", ["tracker"]), ("refused", [])])
def test_b9_an_npn_nobody_confirmed_is_at_most_on_the_tracker(npn: str, lists: list[str]) -> None:
    rows = build_rows("ast_1", 2024, [attempt(Market.INDIVIDUAL, npn=npn)])
    assert [row.list for row in rows] == lists
    assert not any(row.firm for row in rows)


def test_b18_the_tracker_begins_with_the_first_saved_profile() -> None:
    assert build_rows("ast_1", 2024, [attempt(saved=False)]) == []
    (row,) = build_rows("ast_1", 2024, [attempt(markets=BOTH)])
    assert row.list is PublishedList.TRACKER
    assert row.key == f"2024:{NPN}"
    assert row.firm


def test_b18_the_tracker_tells_the_steps_of_each_market() -> None:
    assert list(only(PublishedList.TRACKER, attempt(Market.SHOP, markets=BOTH)).values()) == [
        NPN, "2024", "complete", "verified", "incomplete", "incomplete", "", "complete", "complete", "10/03/2023",
        "in_progress",
    ]  # fmt: skip
    assert list(only(PublishedList.TRACKER, attempt(Market.INDIVIDUAL)).values()) == [
        NPN, "2024", "complete", "verified", "complete", "complete", "10/03/2023", "not_applicable", "not_applicable",
        "", "complete",
    ]  # fmt: skip


def test_b18_the_tracker_tells_an_end() -> None:
    ended = attempt(end=(FactKind.WITHDRAWN, NOON))
    assert only(PublishedList.TRACKER, ended)["status"] == "withdrawn"


REVOKED = (FactKind.REVOKED, datetime(2024, 2, 6, 2, tzinfo=UTC))
WITHDRAWN = (FactKind.WITHDRAWN, datetime(2024, 2, 6, 2, tzinfo=UTC))


def test_b19_a_revoked_registration_is_terminated_on_both_lists() -> None:
    revoked = attempt(*BOTH, markets=BOTH, closes_on=date(2024, 12, 31), end=REVOKED)
    line = only(PublishedList.RCL, revoked)
    assert (line["status"], line["individual_marketplace_end_date"], line["shop_end_date"]) == (
        "T4",
        "02/05/2024",
        "02/05/2024",
    )
    assert list(only(PublishedList.TERMINATIONS, revoked).values()) == [
        NPN, "T4", "BOTH", "2024", "10/03/2023", "02/05/2024",
    ]  # fmt: skip
    assert said(build_rows("ast_1", 2024, [revoked]), PublishedList.FIND_LOCAL_HELP) == []
    assert said(build_rows("ast_1", 2024, [revoked]), PublishedList.HELP_ON_DEMAND) == []


TERMINATED = (FactKind.TERMINATED, datetime(2024, 2, 6, 2, tzinfo=UTC))


def suspended(cause: str, codes: ListCodes | None = None) -> ListedRegistration:
    """A registration of both markets that was suspended the night after it was completed."""
    data = {"suspension_id": "s1", "cause": cause, "decided_by": "system", "notice_date": "2024-02-05"}
    at = datetime(2024, 2, 6, 2, tzinfo=UTC)
    fact = Fact(id="suspended", kind=FactKind.AUTHORITY_SUSPENDED, at=at, data=data)
    opening = RegistrationOpening(role=Role.MARKETPLACE_AGENT_BROKER, markets=BOTH, returning=False)
    state = fold_registration(opening, [*facts_of(*BOTH), fact], list_versions_in_force())
    return ListedRegistration(state, profile(), date(2024, 12, 31), codes or ListCodes())


@pytest.mark.parametrize(
    ("cause", "status"), [("suspended_by_staff", "T4"), ("system_suspension", "T4"), ("license_lapsed", "T1")]
)
def test_e2_a_suspended_registration_is_on_the_lists_as_one_that_is_terminated(cause: str, status: str) -> None:
    one = suspended(cause)
    line = only(PublishedList.RCL, one)
    assert (line["status"], line["individual_marketplace_end_date"]) == (status, "02/05/2024")
    assert line["npn_valid_current_plan_year_only"] == ""
    assert list(only(PublishedList.TERMINATIONS, one).values()) == [
        NPN, status, "BOTH", "2024", "10/03/2023", "02/05/2024",
    ]  # fmt: skip
    assert only(PublishedList.TRACKER, one)["status"] == "suspended"
    names = {row.list for row in build_rows("ast_1", 2024, [one])}
    assert not names & {PublishedList.FIND_LOCAL_HELP, PublishedList.HELP_ON_DEMAND}


def test_e4_the_codes_of_the_lists_are_the_policy_s() -> None:
    codes = ListCodes(suspended_by_staff="X9")
    assert only(PublishedList.RCL, suspended("suspended_by_staff", codes))["status"] == "TX9"


def test_e4_a_terminated_registration_is_on_the_termination_list() -> None:
    terminated = attempt(Market.INDIVIDUAL, end=TERMINATED)
    assert only(PublishedList.TERMINATIONS, terminated)["status"] == "T4"
    assert only(PublishedList.TRACKER, terminated)["status"] == "terminated"


def test_b19_who_withdraws_is_on_the_termination_list_and_barred_from_nothing() -> None:
    withdrawn = attempt(Market.SHOP, markets=(Market.SHOP,), end=WITHDRAWN)
    assert only(PublishedList.RCL, withdrawn)["status"] == ""
    assert only(PublishedList.RCL, withdrawn)["shop_end_date"] == "02/05/2024"
    assert list(only(PublishedList.TERMINATIONS, withdrawn).values()) == [
        NPN, "", "SHOP", "2024", "10/03/2023", "02/05/2024",
    ]  # fmt: skip


def test_b19_a_later_registration_that_completes_reinstates() -> None:
    again = attempt(Market.INDIVIDUAL, at=datetime(2024, 3, 4, 17, tzinfo=UTC))
    revoked = attempt(Market.INDIVIDUAL, end=REVOKED)
    assert list(only(PublishedList.RCL, revoked, again).values()) == [
        NPN, "2024", "03/04/2024", "", "", "", "Y", "R4",
    ]  # fmt: skip
    assert list(only(PublishedList.TERMINATIONS, revoked, again).values()) == [
        NPN, "R4", "INDIVIDUAL", "2024", "10/03/2023", "02/05/2024",
    ]  # fmt: skip
    assert len(said(build_rows("ast_1", 2024, [revoked, again]), PublishedList.FIND_LOCAL_HELP)) == 1


def test_b19_until_it_completes_the_termination_stands() -> None:
    revoked = attempt(Market.INDIVIDUAL, end=REVOKED)
    for begun in (attempt(), attempt(saved=False), attempt(npn="unverified"), attempt(npn="refused")):
        assert only(PublishedList.RCL, revoked, begun)["status"] == "T4"
        assert only(PublishedList.TERMINATIONS, revoked, begun)["status"] == "T4"


def test_b19_a_market_that_is_not_taken_up_again_stays_ended() -> None:
    revoked = attempt(*BOTH, markets=BOTH, end=REVOKED)
    again = attempt(Market.SHOP, markets=(Market.SHOP,), at=datetime(2024, 3, 4, 17, tzinfo=UTC))
    line = only(PublishedList.RCL, revoked, again)
    assert (line["individual_marketplace_end_date"], line["shop_end_date"], line["status"]) == ("02/05/2024", "", "R4")
    assert only(PublishedList.TERMINATIONS, revoked, again)["marketplaces"] == "BOTH"


def test_b19_coming_back_after_a_withdrawal_is_no_reinstatement() -> None:
    again = attempt(Market.INDIVIDUAL, at=datetime(2024, 3, 4, 17, tzinfo=UTC))
    rows = build_rows("ast_1", 2024, [attempt(Market.INDIVIDUAL, end=WITHDRAWN), again])
    assert said(rows, PublishedList.TERMINATIONS) == []
    assert said(rows, PublishedList.RCL)[0]["status"] == ""


def test_b19_who_ends_before_completion_is_neither_registered_nor_terminated() -> None:
    rows = build_rows("ast_1", 2024, [attempt(end=REVOKED)])
    assert [row.list for row in rows] == [PublishedList.TRACKER]


def test_b19_a_plan_year_that_is_over_ends_without_a_termination() -> None:
    closed = attempt(Market.INDIVIDUAL, closes_on=date(2025, 12, 31), end=(FactKind.CLOSED, NOON))
    line = only(PublishedList.RCL, closed)
    assert (line["individual_marketplace_end_date"], line["npn_valid_current_plan_year_only"]) == ("12/31/2025", "")
    names = {row.list for row in build_rows("ast_1", 2024, [closed])}
    assert names == {PublishedList.TRACKER, PublishedList.RCL}


def test_b19_what_was_done_under_another_npn_stays_under_that_one() -> None:
    revoked = attempt(Market.INDIVIDUAL, end=REVOKED)
    corrected = attempt(Market.INDIVIDUAL, of=profile(OTHER_NPN), at=datetime(2024, 3, 4, 17, tzinfo=UTC))
    rows = build_rows("ast_1", 2024, [revoked, corrected])
    lines = {line["npn"]: line["status"] for line in said(rows, PublishedList.RCL)}
    assert lines == {NPN: "T4", OTHER_NPN: ""}


def test_b8_find_local_help_has_the_contacts_of_the_profile_and_no_npn() -> None:
    row = only(PublishedList.FIND_LOCAL_HELP, attempt(*BOTH, markets=BOTH))
    assert row == {
        "first_name": "Testa",
        "last_name": "Agente",
        "business_name": "Sample Insurance",
        "address": "1 Sample Street",
        "city": "Sampletown",
        "state": "TX",
        "zip": "79901",
        "phone": "1 915-555-0102",
        "email": "help@example.org",
        "website": "https://office.example.org",
        "languages": "Spanish; English",
        "markets": "individual; shop",
        "helps": "consumers; small employers and their employees",
    }
    assert NPN not in str(row)


@pytest.mark.parametrize(
    ("market", "helps"),
    [(Market.INDIVIDUAL, "consumers"), (Market.SHOP, "small employers and their employees")],
)
def test_b8_both_listings_say_whom_somebody_helps(market: Market, helps: str) -> None:
    one = attempt(market, markets=BOTH)
    assert only(PublishedList.FIND_LOCAL_HELP, one)["helps"] == helps
    on_demand = only(PublishedList.HELP_ON_DEMAND, one)
    assert (on_demand["npn"], on_demand["available_for"], on_demand["phone"]) == (NPN, helps, "1 915-555-0102")


def test_b8_without_a_professional_contact_the_business_is_listed_and_without_any_the_person() -> None:
    assert select_contact(profile(professional_contact=None)).email == "office@example.org"
    alone = select_contact(profile(professional_contact=None, business_contact=None))
    assert (alone.email, alone.phone, alone.address, alone.zip) == ("testa@example.com", "915-555-0100", "", "")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1 915", "'+1 915"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'=1"),
        ("\t=1", "'=1"),
        ("\r\n+1", "'+1"),
        ("\ufeff=1", "'=1"),
        ("\u200b=1", "'=1"),
        ("＝1", "'＝1"),
        ("a\tb\nc\x00d", "a b c d"),
        ('O\'Brien & Söhne, "Ltd"', 'O\'Brien & Söhne, "Ltd"'),
        ("", ""),
        (2024, "2024"),
    ],
)
def test_no_cell_begins_a_formula(text: object, safe: str) -> None:
    assert format_cell(text) == safe


def test_every_cell_of_every_list_is_made_safe() -> None:
    evil = "\t=cmd|' /C calc'!A0"
    contact = {
        "name": evil, "email": "=1@example.com", "phone": "+1 915-555-0103", "website": evil, "languages": [evil],
        "address": {"line1": evil, "line2": evil, "city": evil, "state": "TX", "postal_code": "79901"},
    }  # fmt: skip
    hurt = profile(first_name=evil, last_name=evil, business_contact=contact, professional_contact=contact)
    for row in build_rows("ast_1", 2024, [attempt(*BOTH, markets=BOTH, of=hurt, end=None)]):
        assert not [one for one in row.cells if re.match(r"[=+\-@\t\r\n]", one)]
        assert not [one for one in row.cells if not one.isprintable()]


@pytest.mark.parametrize(
    ("cells", "stands"),
    [
        ("10/03/2023,,,,Y,", [True]),
        ("10/03/2023,12/31/2024,,,Y,", [True]),
        ("10/03/2023,10/02/2024,,,Y,", [False]),
        ("10/03/2023,10/03/2024,,,Y,", [True]),  # who withdrew: the last day
        ("10/03/2023,10/03/2024,,,Y,T4", [False]),  # who was barred: from the day on
        ("10/03/2023,,10/03/2023,10/02/2024,Y,", [True, False]),
        ("10/03/2023,,,,,", [False]),  # suspended, or the window has closed
        ("10/03/2023,,,,Y,R4", [True]),
    ],
)
def test_b19_a_line_says_whether_the_registration_stands(cells: str, stands: list[bool]) -> None:
    years = read_listed_years([[NPN, "2024", *cells.split(",")]], date(2024, 10, 3))
    assert [one.stands for one in years[2024].markets] == stands
    assert years[2024].stands is any(stands)
    assert years[2024].markets[0].since == date(2023, 10, 3)
