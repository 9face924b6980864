"""Policies are read from files, with every fault named by file, line and a sentence (E12)."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from domain.federal.policies import FEDERAL_POLICIES, list_closed_days
from domain.programs.policy_files import LONGEST, MOST_FAULTS, FaultyPolicies, PolicyFile, read_policies
from domain.shared.policy import ProgramPolicy
from domain.state.policies import POLICIES
from starter.policies import SHIPPED

KEPT = json.loads((Path(__file__).parents[1] / "fixtures/policies/kept_in_cases_of_2024.json").read_text("utf-8"))
STATE = (SHIPPED / "bewellnm" / "2024.toml").read_text("utf-8")
FEDERAL = (SHIPPED / "ffm" / "2024.toml").read_text("utf-8")
FFM = PolicyFile("ffm/2024.toml", "ffm", "2024", FEDERAL)
CARRIED = "carried_over_from = 2024\nwindows = {}\n"


def state(text: str, year: int | str = 2024) -> PolicyFile:
    """A file of the exchange's."""
    return PolicyFile(f"bewellnm/{year}.toml", "bewellnm", str(year), text)


def faults_of(*files: PolicyFile) -> list[str]:
    """What is said of these files."""
    with pytest.raises(FaultyPolicies) as refused:
        read_policies(files)
    return refused.value.list_lines()


def line_of(text: str, part: str) -> int:
    """The number of the line that holds this."""
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


def carried_over(program: str, year: int) -> dict[str, Any]:
    """The rules of another year as they were before they stood in files."""
    text = json.dumps(KEPT[f"{program}/2024"])
    rules: dict[str, Any] = json.loads(text.replace("/activities/2024/", f"/activities/{year}/"))
    month = 9 if program == "bewellnm" else 8
    windows = {"opens_on": f"{year - 1}-0{month}-01", "closes_on": f"{year}-12-31"}
    return rules | {"plan_year": year, "carried_over_from": 2024, "windows": windows}


@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026, 2027])
def test_e12_a_case_is_handed_the_same_rules_from_files_as_from_code_before(year: int) -> None:
    for program, policy in (("bewellnm", POLICIES["bewellnm", year]), ("ffm", FEDERAL_POLICIES[year])):
        expected = KEPT[f"{program}/2024"] if year == 2024 else carried_over(program, year)
        found = policy.model_dump(mode="json")
        for link in found.get("links", {}).values():
            link.pop("urls", None)  # addresses by language came later; links are no rules of a case
        assert {name: found[name] for name in expected} == expected


def test_e12_a_year_carried_over_says_only_what_differs() -> None:
    told = state(f'{CARRIED}pass_mark = "0.85"\n[contacts.general]\nphone = "1-800-555-0100"\n', 2028)
    found = {(one.program, one.plan_year): one for one in read_policies([FFM, told, state(STATE)])}
    new, old = found["bewellnm", 2028], found["bewellnm", 2024]
    assert isinstance(new, ProgramPolicy)
    assert (new.carried_over_from, str(new.model_dump()["pass_mark"])) == (2024, "0.85")
    assert new.contacts.general.phone == "1-800-555-0100"
    assert new.contacts.general.label == old.contacts.general.label
    assert new.contacts.training == old.contacts.training


def test_e12_every_fault_is_named_at_once_by_file_and_line() -> None:
    bad = STATE.replace('pass_mark = "0.80"', 'pass_mark = "1.5"').replace("reminder_every_days = 14", "reminders = 14")
    bad = bad.replace('phone = "1-833-862-3935"', "phone = 1").replace('label.es = "Primeros pasos"\n', "", 1)
    broken = '# A year.\ncarried_over_from = 2024\npass_mark = = "0.8"\n'
    assert faults_of(FFM, state(bad), state(broken, 2028)) == [
        "bewellnm/2024.toml:8: pass_mark: Input should be less than or equal to 1.",
        f"bewellnm/2024.toml:{line_of(bad, 'reminders = 14')}: reminders: "
        "A policy has no such field; correct its name, or remove it.",
        f"bewellnm/2024.toml:{line_of(bad, 'phone = 1')}: contacts.general.phone: Enter text.",
        f"bewellnm/2024.toml:{line_of(bad, 'Getting Started')}: resources.agent.0.label: "
        "say it in en and es; es is missing.",
        "bewellnm/2028.toml:3: This is not TOML: Invalid value; correct the line.",
    ]


def test_e12_a_field_left_out_is_told_where_its_table_begins() -> None:
    bad = STATE.replace(next(line for line in STATE.split("\n") if line.startswith("exam_id")), "")
    assert faults_of(FFM, state(bad)) == [
        f"bewellnm/2024.toml:{line_of(bad, '[lms]')}: lms.exam_id: This field is required."
    ]


@pytest.mark.parametrize(
    ("text", "year", "expected"),
    [
        ("", "next", "1: A policy's file is called by its plan year, such as 2024.toml; rename it."),
        ("carried_over_from = 1999\n", 2028, "1: carried_over_from: 1999 has no file that can be read; "),
        ("carried_over_from = 2027\n", 2028, "1: carried_over_from: 2027 is carried over itself; "),
        ("carried_over_from = 2028\n", 2028, "1: carried_over_from: 2028 is carried over itself; "),
        (f"{CARRIED}plan_year = 2028\n", 2028, "3: plan_year: The file's folder and name say this; remove it."),
        (
            "carried_over_from = 2024\n\n[windows]\nopens_on = 2029-01-01\ncloses_on = 2028-01-01\n",
            2028,
            "3: windows: closes_on is be",
        ),
        ("carried_over_from = 2024\n", 2028, "1: windows: This field is required."),
        (f"{CARRIED}time_zone = 'Mars/Base'\n", 2028, '3: time_zone: name a time zone such as "America/Denver".'),
        (f"{CARRIED}a = [\n  1,\n", 2028, "5: This is not TOML: "),
        (
            "carried_over_from = 2024\n\n[windows]\nopens_on = 'soon'\n",
            2028,
            "4: windows.opens_on: Enter a date",
        ),
        (
            "carried_over_from = 2024\n\n[windows]\ncloses_on = 9999-12-31\n",
            2028,
            "4: windows.closes_on: no calendar reckons with this day",
        ),
        (
            f"{CARRIED}\n[training_deadline]\ndays = 30\nnot_before = 9999-12-31\n",
            2028,
            "6: training_deadline.not_before: no calendar reckons",
        ),
        (f"{CARRIED}lms.exam_id = '''\n\n'''\nretired = 1\n", 2028, "6: retired: A policy has no such field"),
        ("#" * (LONGEST + 1), 2028, f"1: The file is longer than {LONGEST} characters; shorten it."),
    ],
)
def test_e12_a_fault_of_a_file_is_a_sentence(text: str, year: int | str, expected: str) -> None:
    carried = state(f"{CARRIED}\n", 2027)
    [told] = faults_of(FFM, state(STATE), carried, state(text, year))
    assert told.startswith(f"bewellnm/{year}.toml:{expected}"), told


def test_e12_a_fault_of_the_year_carried_over_is_told_once() -> None:
    bad = STATE.replace('pass_mark = "0.80"', 'pass_mark = "none"')
    [told] = faults_of(FFM, state(bad), state(CARRIED, 2028))
    assert told.startswith("bewellnm/2024.toml:8: pass_mark: ")


def test_e12_both_programs_need_a_policy_and_there_are_no_others() -> None:
    assert faults_of(PolicyFile("other/2024.toml", "other", "2024", ""), FFM) == [
        "bewellnm:1: The program bewellnm has no policy; add a file such as bewellnm/2024.toml.",
        "other/2024.toml:1: There is no program 'other'; the folders are called bewellnm and ffm.",
    ]


def test_e12_of_very_many_faults_the_first_are_named() -> None:
    many = "".join(f"field_{number:03} = 1\n" for number in range(200))
    told = faults_of(FFM, state(STATE), state(CARRIED + many, 2028))
    assert len(told) == MOST_FAULTS + 1
    assert told[0].startswith("bewellnm/2028.toml:3: field_000: ")
    assert told[-1] == "and 150 more"


def test_p26_days_closed_by_executive_order_are_data() -> None:
    assert list_closed_days() == {date(2024, 12, 24), date(2025, 1, 9)}
