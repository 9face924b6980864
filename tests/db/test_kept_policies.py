"""A case keeps the rules it began with; contacts and links are those in force (E12)."""

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from db.case_state import load_snapshot
from db.house_tables import KeptRules
from db.tables import Case
from domain.federal.markets import FederalList
from domain.programs.kept_rules import describe_rules
from domain.state.policies import POLICIES
from starter.policies import SHIPPED, load_policies
from tests.support.office import Office, office_over
from tests.support.tables import add_rows, change_row


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """The policies that other tests of this process go by, in force again afterwards."""
    yield
    load_policies(trying=True)


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


def change_files(folder: Path, changes: Mapping[str, str]) -> Path:
    """The policies shipped with some texts changed in every file, as a folder."""
    copy = Path(shutil.copytree(SHIPPED, folder / "policies"))
    for file in copy.glob("*/2024.toml"):
        text = file.read_text("utf-8")
        for before, after in changes.items():
            text = text.replace(before, after)
        file.write_text(text, "utf-8")
    return copy


async def test_e12_a_case_keeps_its_rules_and_has_the_contacts_and_links_in_force(
    office: Office, tmp_path: Path
) -> None:
    opened, registered = await office.opened(), await office.registered()
    changes = {
        'pass_mark = "0.80"': 'pass_mark = "0.90"',
        "reminder_every_days = 14": "reminder_every_days = 7",
        "find_local_help = 3": "find_local_help = 5",
        "1-833-862-3935": "1-800-555-0100",
        "FFMProducer-AssisterHelpDesk@cms.hhs.gov": "desk@example.org",
        "https://portal.cms.gov": "https://portal.example.org",
        "https://nipr.com/help/look-up-your-npn": "https://npn.example.org",
        "Presbyterian Health Plan": "Sample Health Plan",
        "Nevada Health Link": "Sample Health Link",
    }
    load_policies(change_files(tmp_path, changes), trying=True)
    state = (await office.database.read(load_snapshot, opened.case_id)).state_policy
    assert (str(state.pass_mark), state.reminder_every_days) == ("0.80", 14)
    assert state.contacts.general.phone == "1-800-555-0100"
    federal = (await office.database.read(load_snapshot, registered.case_id)).federal_policy
    assert (federal.lags[FederalList.FIND_LOCAL_HELP], federal.reminder_every_days) == (3, 14)
    assert (federal.help_desk, federal.links["cms_portal"].url) == ("desk@example.org", "https://portal.example.org")
    assert state.npn_lookup == federal.npn_lookup
    assert state.npn_lookup is not None
    assert state.elsewhere is not None
    assert state.npn_lookup.url == "https://npn.example.org"
    assert "Sample Health Plan" in state.insurers
    assert state.elsewhere.exchanges["NV"].name == "Sample Health Link"
    later = (
        await office.database.read(load_snapshot, (await office.opened(plan_year=2024, npn="77001235")).case_id)
    ).state_policy
    assert (str(later.pass_mark), later.reminder_every_days) == ("0.90", 7)


async def test_e12_cases_that_begin_with_the_same_rules_share_them_by_their_hash(office: Office) -> None:
    for npn in ("77001236", "77001237"):
        await office.opened(npn=npn)
    await office.opened(npn="77001238", plan_year=2025)
    kept = await office.all(KeptRules)
    assert [(row.program, row.plan_year) for row in kept] == [("bewellnm", 2024), ("bewellnm", 2025)]
    cases = await office.all(Case)
    assert {case.plan_year: case.rules_hash for case in cases} == {row.plan_year: row.rules_hash for row in kept}


async def test_e12_what_the_file_of_the_first_day_did_not_have_applies_at_once(office: Office, tmp_path: Path) -> None:
    opened = await office.opened()
    rules = describe_rules(POLICIES["bewellnm", 2024])
    del rules["activation_link_days"]
    older = KeptRules(rules_hash="older", program="bewellnm", plan_year=2024, rules=rules, kept_at=office.later())
    await office.database.write(add_rows, older)
    await office.database.write(change_row, Case, opened.case_id, rules_hash="older")
    changes = {
        "activation_link_days = 7": "activation_link_days = 3",
        "reminders_at_most = 12": "reminders_at_most = 6",
    }
    load_policies(change_files(tmp_path, changes), trying=True)
    policy = (await office.database.read(load_snapshot, opened.case_id)).state_policy
    assert (policy.activation_link_days, policy.reminders_at_most) == (3, 12)


async def test_e12_a_case_of_a_year_without_a_file_keeps_what_it_has(office: Office, tmp_path: Path) -> None:
    opened = await office.opened(plan_year=2025)
    copy = change_files(tmp_path, {})
    (copy / "bewellnm" / "2025.toml").unlink()
    load_policies(copy)
    policy = (await office.database.read(load_snapshot, opened.case_id)).state_policy
    assert (policy.plan_year, policy.contacts.general.phone) == (2025, "1-833-862-3935")
