"""When staff may suspend, lift or terminate, and the facts that each comes to (E4)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from domain.shared.cases.authority import (
    CAUSE_OF_KIND,
    ORDERED,
    Authority,
    AuthorityRestoredData,
    AuthoritySuspendedData,
    Suspension,
    TerminationNoticedData,
    TerminationTakenBackData,
    find_last_day_allowed,
    find_termination_day,
)
from domain.shared.cases.commands import (
    CommandData,
    CommandOrigin,
    GiveNotice,
    Lift,
    Suspend,
    Terminate,
    build_fact,
)
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault
from domain.shared.policy import SuspensionRules

# Against one order; more is said by mail or on the phone.
MOST_REBUTTALS = 5
# Where the policy has no bound: a day that can be reckoned with, whatever the calendar ends with.
LONGEST_TERM = timedelta(days=36_525)
_NOTHING_TOLD: Mapping[str, Any] = {}
AuthorityCommand = Suspend | Lift | GiveNotice | Terminate


def find_authority_refusal(command: AuthorityCommand, authority: Authority, *, has_authority: bool) -> Reason | None:
    """Why an open case can't do this now; ``has_authority`` says whether it has a certificate to assist by."""
    match command:
        case Lift(termination=True):
            return None if authority.termination else Reason("no_termination")
        case Lift():
            return None if list_lifted(command, authority) else _find_lift_refusal(command, authority)
        case Suspend() if authority.has_cause(CAUSE_OF_KIND[command.suspension]):
            return Reason("suspended_before")
        case GiveNotice() if authority.termination:
            return Reason("termination_noticed", {"last_day": authority.termination.last_day.isoformat()})
    return None if has_authority else Reason("no_authority")


def list_lifted(command: Lift, authority: Authority) -> list[Suspension]:
    """The open suspensions that are lifted: the one that is named, or each that staff ordered.

    That of a license ends when the registry has it in force again, unless staff name it (E2).
    """
    if command.suspension_id is None:
        return [one for one in authority.suspensions if one.cause in ORDERED]
    return [one for one in authority.suspensions if one.suspension_id == command.suspension_id]


def _find_lift_refusal(command: Lift, authority: Authority) -> Reason:
    is_of_license = command.suspension_id is None and authority.suspensions
    return Reason("not_ordered" if is_of_license else "not_suspended")


def find_term_faults(command: CommandData, rules: SuspensionRules, today: date) -> list[Fault]:
    """What is wrong with the last day of a suspension, by the policy's rules; ``today`` is the program's date."""
    if not isinstance(command, Suspend) or command.until is None:
        return []
    if command.until < today:
        return [Fault("until", "day_past")]
    last = find_last_day_allowed(command.suspension, rules, today) or today + LONGEST_TERM
    if command.until > last:
        return [Fault("until", "day_too_late", {"last": last.isoformat()})]
    return []


def build_authority_facts(
    command: AuthorityCommand,
    origin: CommandOrigin,
    authority: Authority,
    rules: SuspensionRules,
    today: date,
    language: str,
) -> list[Fact]:
    """The facts that a command about the authority comes to; none for a termination at once.

    ``today`` is the program's date, ``language`` the one that the assister reads.
    """
    told = command.wording.describe_to(language)
    match command:
        case Suspend():
            return [_build_suspension(command, origin, rules, today, told)]
        case Lift(termination=True):
            taken_back = TerminationTakenBackData(by=origin.actor, reason=origin.reason, **told)
            return [build_fact(FactKind.TERMINATION_TAKEN_BACK, origin, taken_back)]
        case Lift():
            return [build_restoration(one, origin, told) for one in list_lifted(command, authority)]
        case GiveNotice():
            noticed = TerminationNoticedData(
                by=origin.actor,
                reason=origin.reason,
                notice_date=today,
                last_day=find_termination_day(rules, today),
                **told,
            )
            return [build_fact(FactKind.TERMINATION_NOTICED, origin, noticed)]
    return []


def find_rebuttal_refusal(authority: Authority) -> Reason | None:
    """Why nothing can be said against what is open."""
    if authority.ordered_since is None:
        return Reason("nothing_to_rebut")
    if len(authority.rebuttals) >= MOST_REBUTTALS:
        return Reason("rebuttals_enough", {"times": str(MOST_REBUTTALS)})
    return None


def _build_suspension(
    command: Suspend, origin: CommandOrigin, rules: SuspensionRules, today: date, told: Mapping[str, Any]
) -> Fact:
    ordered: dict[str, Any] = {"at_once": True} if command.at_once else {}
    suspended = AuthoritySuspendedData(
        suspension_id=origin.command_id,
        cause=CAUSE_OF_KIND[command.suspension],
        reason=origin.reason,
        until=command.until or find_last_day_allowed(command.suspension, rules, today),
        decided_by=origin.actor,
        notice_date=today,
        **ordered,
        **told,
    )
    return build_fact(FactKind.AUTHORITY_SUSPENDED, origin, suspended)


def build_restoration(suspension: Suspension, origin: CommandOrigin, told: Mapping[str, Any] = _NOTHING_TOLD) -> Fact:
    """The fact that a suspension is over; its id follows from the suspension's, since it ends once.

    ``told`` is what it says besides of a reason that the assister is told, as `Wording` puts it.
    """
    restored = AuthorityRestoredData(
        suspension_id=suspension.suspension_id, cause=suspension.cause, reason=origin.reason, by=origin.actor, **told
    )
    fact_id = f"restored:{suspension.suspension_id}"
    return Fact(id=fact_id, kind=FactKind.AUTHORITY_RESTORED, at=origin.at, data=restored.to_json())
