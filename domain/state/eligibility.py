"""Eligibility: what screening finds, and when staff may decide (A3, A7, A12–A14)."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.shared.assister import is_alike_name, is_same_name
from domain.shared.cases.reasons import Reason
from domain.shared.licenses.watch import LicenseStanding, LicenseVerdict, find_expiry
from domain.shared.licensing import (
    HealthLine,
    License,
    Producer,
    find_health_line,
    is_being_renewed,
    is_in_force,
    strip_number,
)


class Check(StrEnum):
    """What is looked at; its sentence stands in `domain.shared.cases.reasons`."""

    NPN_FOUND = "npn_found"
    NPN_INDIVIDUAL = "npn_individual"
    NAME_MATCHES = "name_matches"
    LICENSE_FOUND = "license_found"
    LICENSE_ACTIVE = "license_active"
    LICENSE_NOT_EXPIRED = "license_not_expired"
    HEALTH_LINE = "health_line"
    AGREEMENT_ACCEPTED = "agreement_accepted"
    IDENTITY_MATCHES = "identity_matches"
    NPN_OWNER = "npn_owner"
    INTAKE_SCOPE = "intake_scope"
    BACKGROUND_CHECK = "background_check"


class Result(StrEnum):
    """What a check came to; *unknown* is never *failed* (A13)."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    CONSIDER = "consider"
    PENDING = "pending"


SOURCE: dict[Check, str] = {
    Check.NPN_FOUND: "A13",
    Check.NPN_INDIVIDUAL: "A13",
    Check.NAME_MATCHES: "A13",
    Check.LICENSE_FOUND: "A13",
    Check.LICENSE_ACTIVE: "A13",
    Check.LICENSE_NOT_EXPIRED: "A13",
    Check.HEALTH_LINE: "E15",
    Check.AGREEMENT_ACCEPTED: "A3",
    Check.IDENTITY_MATCHES: "A10",
    Check.NPN_OWNER: "D2",
    Check.INTAKE_SCOPE: "A7",
    Check.BACKGROUND_CHECK: "A14",
}


class CheckSource(StrEnum):
    """Who is asked anew where staff have checks made again; *records* are our own."""

    REGISTRY = "registry"
    RECORDS = "records"
    BACKGROUND_CHECK = "background_check"


class Finding(BaseModel):
    """One check of a screening, with the requirement it comes from.

    ``note`` is a code of `domain.shared.cases.reasons` that says more of how it came out; most findings have none.
    """

    model_config = ConfigDict(frozen=True)

    check: Check
    result: Result
    source: str
    note: str | None = None


class ChecksOutcome(StrEnum):
    """What the checks of a case come to for who decides on it; lists of cases are filtered and sorted by it."""

    ANSWERED = "answered"
    CONSIDER = "consider"
    FAILED = "failed"
    PASSED = "passed"
    UNKNOWN = "unknown"
    WITHOUT = "without"


class ChecksSummary(BaseModel):
    """The checks of a case in a line: how many there are, and the result of each that did not pass."""

    model_config = ConfigDict(frozen=True)

    number: int
    open: dict[Check, Result]


class Verdict(StrEnum):
    """What staff may decide (A12)."""

    APPROVE = "approve"
    DENY = "deny"
    ASK = "ask"


def make_finding(check: Check, result: Result | bool, note: str | None = None) -> Finding:
    """A finding with its source; True is pass, False is fail."""
    if isinstance(result, bool):
        result = Result.PASS if result else Result.FAIL
    noted = {"note": note} if note else {}  # one without a note is stored as it always was
    return Finding(check=check, result=result, source=SOURCE[check], **noted)


LICENSING = (
    Check.NPN_FOUND,
    Check.NPN_INDIVIDUAL,
    Check.NAME_MATCHES,
    Check.LICENSE_FOUND,
    Check.LICENSE_ACTIVE,
    Check.LICENSE_NOT_EXPIRED,
    Check.HEALTH_LINE,
)


def list_unknown_findings() -> list[Finding]:
    """The findings while the registry can't be asked, or its answer can't be read: unknown, never failed (A13)."""
    return [make_finding(check, Result.UNKNOWN) for check in LICENSING]


def check_license(
    producer: Producer | None,
    first_name: str,
    last_name: str,
    license_number: str | None,
    today: date,
    state: str = "NM",
) -> list[Finding]:
    """What the registry's answer says of the person and the licence on the form (A13).

    ``producer`` is None when the registry knows no such NPN. ``today`` is the exchange's date. What is neither right
    nor wrong by itself is for a person to look at, with a note: a likeness of names, a state that has numbered its
    licences by the NPN, a renewal under way.
    """
    if producer is None:
        return [make_finding(check, False) for check in LICENSING]
    of_state = [one for one in producer.licenses if one.state == state]
    named = [one for one in of_state if _is_same_number(one.number, license_number)]
    licenses = named or [one for one in of_state if strip_number(one.number) == strip_number(producer.npn)]
    active = [one for one in licenses if one.active]
    return [
        make_finding(Check.NPN_FOUND, True),
        make_finding(Check.NPN_INDIVIDUAL, producer.entity == "individual"),
        _check_name(producer, first_name, last_name),
        make_finding(Check.LICENSE_FOUND, bool(named))
        if named or not licenses
        else make_finding(Check.LICENSE_FOUND, Result.CONSIDER, "license_numbered_by_npn"),
        make_finding(Check.LICENSE_ACTIVE, bool(active)),
        _check_expiry(active or licenses, today),
        _check_health_line(active or licenses),
    ]


# Why a licence has lapsed, by the first check that fails.
_LAPSES: dict[Check, str] = {
    Check.NPN_FOUND: "npn_gone",
    Check.NPN_INDIVIDUAL: "license_of_another",
    Check.NAME_MATCHES: "license_of_another",
    Check.LICENSE_FOUND: "license_gone",
    Check.LICENSE_ACTIVE: "license_inactive",
    Check.LICENSE_NOT_EXPIRED: "license_run_out",
    Check.HEALTH_LINE: "health_line_gone",
}


def judge_license(
    producer: Producer | None,
    first_name: str,
    last_name: str,
    license_number: str | None,
    today: date,
    state: str,
    overridden: Collection[Check] = (),
) -> LicenseVerdict:
    """How the licence of somebody certified stands by the registry's answer of today (E2, E15).

    ``overridden`` are the checks that hadn't passed when staff approved all the same: what was known then is no lapse.
    """
    findings = check_license(producer, first_name, last_name, license_number, today, state)
    held = [] if producer is None else [one for one in producer.licenses if one.state == state and one.active]
    expires_on = find_expiry([one for one in held if _is_same_number(one.number, license_number)] or held)
    said = {one.check: one.result for one in findings if one.check not in overridden}
    failed = [check for check in _LAPSES if said.get(check) is Result.FAIL]
    if failed:
        return LicenseVerdict(LicenseStanding.LAPSED, _LAPSES[failed[0]], expires_on)
    if Result.CONSIDER in said.values():
        return LicenseVerdict(LicenseStanding.UNCLEAR, None, expires_on)
    return LicenseVerdict(LicenseStanding.GOOD, None, expires_on)


def _check_name(producer: Producer, first_name: str, last_name: str) -> Finding:
    names = first_name, last_name, producer.first_name, producer.last_name
    if is_same_name(*names) or not is_alike_name(*names):
        return make_finding(Check.NAME_MATCHES, is_same_name(*names))
    return make_finding(Check.NAME_MATCHES, Result.CONSIDER, "names_alike")


def _check_expiry(licenses: Sequence[License], today: date) -> Finding:
    if any(is_in_force(one, today) for one in licenses):
        return make_finding(Check.LICENSE_NOT_EXPIRED, True)
    if any(is_being_renewed(one, today) for one in licenses):
        return make_finding(Check.LICENSE_NOT_EXPIRED, Result.CONSIDER, "renewal_under_way")
    return make_finding(Check.LICENSE_NOT_EXPIRED, False)


def _check_health_line(licenses: Sequence[License]) -> Finding:
    """Whether one of the licences has it, by its state's own words (E15)."""
    match find_health_line(licenses) if licenses else HealthLine.MISSING:
        case HealthLine.HELD:
            return make_finding(Check.HEALTH_LINE, True)
        case HealthLine.OTHER_WORDS:
            return make_finding(Check.HEALTH_LINE, Result.CONSIDER, "health_line_in_other_words")
        case HealthLine.NOT_REPORTED:
            return make_finding(Check.HEALTH_LINE, Result.CONSIDER, "lines_not_reported")
    return make_finding(Check.HEALTH_LINE, Result.FAIL, "no_health_line" if licenses else None)


def _is_same_number(one: str, wanted: str | None) -> bool:
    """Imported people may come without a licence number: then any licence of the state will do."""
    return wanted is None or strip_number(one) == strip_number(wanted)


_STOPPED = ("check_canceled", "check_expired")  # notes of a check of which nothing comes any more


def find_override_refusal(verdict: Verdict, findings: Sequence[Finding], override: str | None) -> Reason | None:
    """Why this decision can't be taken on these findings; None when it can (A13, A14)."""
    if verdict is not Verdict.APPROVE:
        return None
    waited = next((one for one in findings if one.check is Check.BACKGROUND_CHECK), None)
    if waited is not None and waited.result is Result.PENDING:
        return Reason("check_needed_anew" if waited.note in _STOPPED else "awaiting_background_check")
    open_checks = find_open_checks(findings)
    if not open_checks or override:
        return None
    if open_checks == [Check.AGREEMENT_ACCEPTED]:
        return Reason("agreement_needed")
    return Reason("override_needed", {"checks": ", ".join(open_checks)})


def find_open_checks(findings: Sequence[Finding]) -> list[Check]:
    """The checks that did not pass: approving over them needs a recorded override."""
    return [one.check for one in findings if one.result is not Result.PASS]


def summarize_checks(findings: Sequence[Finding]) -> ChecksSummary:
    """The findings in a line."""
    return ChecksSummary(
        number=len(findings), open={one.check: one.result for one in findings if one.result is not Result.PASS}
    )


def judge_checks(findings: Sequence[Finding], answers: int) -> ChecksOutcome:
    """What the findings come to: what an assister has answered is read by somebody, whatever the checks say of it.

    A check that failed comes before one to be considered, and that before one of which nothing is known (A13).
    """
    results = {one.result for one in findings}
    if answers:
        return ChecksOutcome.ANSWERED
    if not results:
        return ChecksOutcome.WITHOUT
    if Result.FAIL in results:
        return ChecksOutcome.FAILED
    if Result.CONSIDER in results:
        return ChecksOutcome.CONSIDER
    return ChecksOutcome.PASSED if results == {Result.PASS} else ChecksOutcome.UNKNOWN
