"""Open cases that go by other rules than those asked for, and what these would make of each (E12)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import any_policy_of, list_rows, request_of, state_of
from db.tables import Case
from domain.programs.kept_rules import describe_rules, hash_rules
from domain.programs.outcomes import OutcomeChange, list_outcome_changes
from domain.shared.cases.stages import ENDED
from domain.shared.policy import ProgramPolicy, find_local_date
from domain.shared.programs import FEDERAL_PROGRAM

PAGE = 200


@dataclass(frozen=True)
class RulesMove:
    """A case that would go by other rules: where it stands, by which it goes, and what would come out otherwise."""

    case_id: str
    stage: str
    kind: str
    rules_hash: str
    changes: tuple[OutcomeChange, ...]


def list_rule_moves(
    session: Session, policy: ProgramPolicy, chosen: Collection[str], after: str, now: datetime
) -> tuple[list[RulesMove], str]:
    """A page of the open cases of a policy's plan year that go by other rules than its, and after which case to go on.

    ``chosen`` are ids of cases, none for all of them. The second is empty after the last page.
    """
    rules = describe_rules(policy)
    wanted = hash_rules(rules)
    query = select(Case).where(
        col(Case.program) == policy.program,
        col(Case.plan_year) == policy.plan_year,
        col(Case.case_id) > after,
        col(Case.rules_hash) != wanted,
        col(Case.stage).not_in(sorted(ENDED)),
    )
    if chosen:
        query = query.where(col(Case.case_id).in_(sorted(chosen)))
    found: list[Case] = list_rows(session, query.order_by(col(Case.case_id)).limit(PAGE))
    moves = [
        RulesMove(case.case_id, case.stage, case.kind, case.rules_hash, _list_changes(session, case, policy, now))
        for case in found
    ]
    return moves, found[-1].case_id if len(found) == PAGE else ""


def _list_changes(session: Session, case: Case, after: ProgramPolicy, now: datetime) -> tuple[OutcomeChange, ...]:
    before = any_policy_of(session, case)
    request = None if case.program == FEDERAL_PROGRAM else request_of(case)
    today = find_local_date(before, now)
    return tuple(list_outcome_changes(before, after, state_of(session, case), request, today))
