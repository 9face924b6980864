"""What the registry's answer comes to for somebody certified, and when they are asked about again (E1–E3, E15)."""

from datetime import date
from typing import Any

import pytest

from domain.federal.profile import judge_marketplace_license
from domain.shared.cases.reminders import find_reminder
from domain.shared.licenses.watch import (
    LicenseStanding,
    find_next_due,
    name_license_reminder,
    read_license_expiry,
)
from domain.shared.licensing import License, Producer
from domain.shared.policy import LicenseWatch
from domain.state.eligibility import Check, judge_license

TODAY = date(2026, 11, 20)
LICENSE = License(
    state="NM", number="NM-7", residency="resident", active=True, expires=date(2027, 12, 31), lines=("health",)
)
PERSON = Producer(
    npn="1234567", entity="individual", first_name="Testa", last_name="Broker", company="", licenses=(LICENSE,)
)
OTHER_STATE = LICENSE.model_copy(update={"state": "TX", "number": "TX-7"})
GOOD, LAPSED, UNCLEAR = LicenseStanding.GOOD, LicenseStanding.LAPSED, LicenseStanding.UNCLEAR
RULES = LicenseWatch(every_days=30, lapsed_every_days=7, remind_days_before=(60, 30, 7))


def licensed(*licenses: License, **changes: Any) -> Producer:
    return PERSON.model_copy(update={"licenses": licenses or (LICENSE.model_copy(update=changes),)})


def judge(producer: Producer | None, *overridden: Check) -> tuple[LicenseStanding, str | None]:
    found = judge_license(producer, "Testa", "Broker", "NM-7", TODAY, "NM", overridden)
    return found.standing, found.reason


@pytest.mark.parametrize(
    ("producer", "standing", "reason"),
    [
        (PERSON, GOOD, None),
        (licensed(expires=None), GOOD, None),
        (licensed(expires=TODAY), GOOD, None),
        (licensed(active=False), LAPSED, "license_inactive"),
        (licensed(active=False, expires=date(2020, 1, 1)), LAPSED, "license_inactive"),
        (licensed(expires=date(2026, 10, 20)), LAPSED, "license_run_out"),
        (licensed(expires=date(2026, 10, 21)), UNCLEAR, None),
        (licensed(lines=("Property", "Casualty")), LAPSED, "health_line_gone"),
        (licensed(lines=("Major Medical",)), UNCLEAR, None),
        (licensed(lines=()), UNCLEAR, None),
        (licensed(number="NM-8"), LAPSED, "license_gone"),
        (licensed(number="1234567"), UNCLEAR, None),
        (licensed(OTHER_STATE), LAPSED, "license_gone"),
        (PERSON.model_copy(update={"last_name": "Persona"}), LAPSED, "license_of_another"),
        (PERSON.model_copy(update={"last_name": "Broker Ejemplo"}), UNCLEAR, None),
        (PERSON.model_copy(update={"entity": "firm"}), LAPSED, "license_of_another"),
        (None, LAPSED, "npn_gone"),
    ],
)
def test_e2_e15_p16_p17_p18_what_takes_a_state_license_away(
    producer: Producer | None, standing: LicenseStanding, reason: str | None
) -> None:
    assert judge(producer) == (standing, reason)


def test_e2_what_staff_approved_over_is_no_lapse_and_what_came_after_is() -> None:
    other = licensed(number="NM-8")
    assert (
        judge(other, Check.LICENSE_FOUND, Check.LICENSE_ACTIVE, Check.LICENSE_NOT_EXPIRED, Check.HEALTH_LINE)[0] is GOOD
    )
    renamed = PERSON.model_copy(update={"last_name": "Persona", "licenses": licensed(active=False).licenses})
    assert judge(renamed, Check.NAME_MATCHES) == (LAPSED, "license_inactive")


@pytest.mark.parametrize(
    ("producer", "standing", "reason"),
    [
        (PERSON, GOOD, None),
        (licensed(OTHER_STATE), GOOD, None),
        (licensed(LICENSE.model_copy(update={"active": False}), OTHER_STATE), GOOD, None),
        (licensed(active=False), LAPSED, "license_inactive"),
        (PERSON.model_copy(update={"licenses": ()}), UNCLEAR, None),
        (licensed(expires=date(2026, 10, 20)), LAPSED, "license_run_out"),
        (licensed(expires=date(2026, 11, 19)), UNCLEAR, None),
        (licensed(LICENSE.model_copy(update={"expires": date(2026, 11, 19)}), OTHER_STATE), GOOD, None),
        (licensed(lines=("Property",)), LAPSED, "health_line_gone"),
        (licensed(lines=()), UNCLEAR, None),
        (PERSON.model_copy(update={"last_name": "Persona"}), LAPSED, "license_of_another"),
        (PERSON.model_copy(update={"last_name": "Broker Ejemplo"}), GOOD, None),
        (PERSON.model_copy(update={"entity": "firm"}), LAPSED, "license_of_another"),
        (None, LAPSED, "npn_gone"),
    ],
)
def test_e2_e15_p16_p17_what_takes_a_registration_s_license_away(
    producer: Producer | None, standing: LicenseStanding, reason: str | None
) -> None:
    found = judge_marketplace_license(producer, "Testa", "Broker", TODAY)
    assert (found.standing, found.reason) == (standing, reason)


@pytest.mark.parametrize(
    ("is_suspended", "expires_on", "due"),
    [
        (False, None, date(2026, 12, 20)),
        (False, date(2027, 6, 30), date(2026, 12, 20)),
        (False, date(2026, 11, 25), date(2026, 11, 26)),  # the day after its last one
        (False, TODAY, date(2026, 11, 21)),
        (False, date(2026, 11, 1), date(2026, 12, 2)),  # once no renewal can be under way
        (False, date(2026, 10, 1), date(2026, 12, 20)),
        (True, date(2026, 11, 25), date(2026, 11, 27)),
        (True, None, date(2026, 11, 27)),
    ],
)
def test_e1_the_next_turn_is_by_the_cadence_and_sooner_where_a_license_ends(
    is_suspended: bool, expires_on: date | None, due: date
) -> None:
    assert find_next_due(RULES, TODAY, expires_on, is_suspended=is_suspended) == due


@pytest.mark.parametrize(
    ("expires_on", "before"),
    [
        (date(2027, 1, 20), None),
        (date(2027, 1, 19), 60),
        (date(2026, 12, 21), 60),
        (date(2026, 12, 20), 30),
        (date(2026, 11, 27), 7),
        (TODAY, 7),
        (date(2026, 11, 19), None),
    ],
)
def test_e1_a_reminder_is_due_so_many_days_before_the_last_one(expires_on: date, before: int | None) -> None:
    assert find_reminder(RULES.remind_days_before, TODAY, expires_on) == before


def test_e1_what_a_reminder_is_about_names_the_last_day() -> None:
    assert read_license_expiry(name_license_reminder(TODAY, 30)) == TODAY
