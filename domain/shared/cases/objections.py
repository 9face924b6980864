"""What an appeal can be filed against, until when, and what it means for suspensions meanwhile and after (E5, E7)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from domain.shared.business_days import DaysOff, list_days_off_from
from domain.shared.cases.appeals import (
    Appeal,
    AppealedDecision,
    choose_appealed,
    find_appealed_end,
    find_filing_refusal,
    find_last_filing_day,
    has_been_appealed,
)
from domain.shared.cases.authority import CAUSE_OF_KIND, ORDERED, Authority, SuspensionKind
from domain.shared.cases.facts import FactKind, FactLog
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage
from domain.shared.policy import AppealRules, Meanwhile, ProgramPolicy, find_local_date

# Suspensions by their ids, each with its new last day.
Resumed = tuple[tuple[str, date], ...]


@dataclass(frozen=True)
class FilingTerms:
    """What an appeal received on a day is against, the first of these decisions giving its dates; or why not.

    ``last_day`` is None where the policy has no appeal.
    """

    appealed: tuple[AppealedDecision, ...]
    notice_on: date | None
    last_day: date | None
    refusal: Reason | None

    @property
    def suspensions(self) -> tuple[str, ...]:
        """The ids of the suspensions that it is against."""
        return tuple(one.suspension_id for one in self.appealed if one.suspension_id)


def find_filing_terms(
    log: FactLog, authority: Authority, policy: ProgramPolicy, days_off: DaysOff, received_on: date
) -> FilingTerms:
    """On which terms an appeal that is received on a day is filed, by the facts and the policy of its case."""
    found, rules = list_appealable(log, authority, policy), policy.appeal
    days = {one.fact: one.notice_on for one in found if one.notice_on is not None}
    last_days = {
        fact: find_last_filing_day(rules, day, list_days_off_from(days_off, day.year))
        for fact, day in days.items()
        if rules
    }
    appealed = choose_appealed(log, found, last_days, received_on)
    first = appealed[0] if appealed else None
    last_day = last_days.get(first.fact) if first else None
    refusal = find_filing_refusal(log, first, last_day, received_on)
    return FilingTerms(appealed, first.notice_on if first else None, last_day, refusal)


def list_appealable(log: FactLog, authority: Authority, policy: ProgramPolicy) -> list[AppealedDecision]:
    """What can be appealed: the end of a case, else what staff have ordered suspended, the earliest first."""
    end = find_appealed_end(log)
    if end is not None:
        return [replace(end, notice_on=find_local_date(policy, end.at))]
    return list_appealable_suspensions(log, authority)


def find_last_day_to_appeal(
    log: FactLog, authority: Authority, policy: ProgramPolicy, days_off: DaysOff, suspension_id: str | None
) -> date | None:
    """The last day to appeal against the end of a case, or a suspension; None where it can't be appealed any more."""
    found = (one for one in list_appealable(log, authority, policy) if one.suspension_id == suspension_id)
    decision = next(found, None)
    if decision is None or decision.notice_on is None or policy.appeal is None or has_been_appealed(log, decision):
        return None
    off = list_days_off_from(days_off, decision.notice_on.year)
    return find_last_filing_day(policy.appeal, decision.notice_on, off)


def list_appealable_suspensions(log: FactLog, authority: Authority) -> list[AppealedDecision]:
    """The open suspensions that staff have ordered, the earliest first; they can be appealed (E7)."""
    facts = {str(fact.data.get("suspension_id")): fact.id for fact in log.find_all(FactKind.AUTHORITY_SUSPENDED)}
    return [
        AppealedDecision(
            Stage.SUSPENDED,
            facts[one.suspension_id],
            one.decided_by,
            one.since,
            one.suspension_id,
            one.notice_date,
        )
        for one in sorted(authority.suspensions, key=lambda one: one.since)
        if one.cause in ORDERED
    ]


def list_stayed(authority: Authority, appealed: Collection[str], rules: AppealRules) -> tuple[str, ...]:
    """Those of the appealed suspensions, by their ids, that don't count while the appeal is under way (E7)."""
    as_before = {kind for kind in SuspensionKind if getattr(rules.meanwhile, kind) is Meanwhile.AS_BEFORE}
    causes = {CAUSE_OF_KIND[kind] for kind in as_before}
    found = (one for one in authority.suspensions if one.suspension_id in appealed)
    return tuple(one.suspension_id for one in found if one.cause in causes and not one.at_once)


def put_off_stayed(authority: Authority, appeal: Appeal, stayed_on: date, today: date) -> Resumed:
    """The new last days of suspensions that an appeal had stayed since a day: their clocks stood still meanwhile."""
    stayed = (one for one in authority.suspensions if one.suspension_id in appeal.filed.stayed)
    return tuple((one.suspension_id, one.until + (today - stayed_on)) for one in stayed if one.until is not None)
