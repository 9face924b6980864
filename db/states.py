"""A case's state, folded from its stored facts; shared by what writes and what reads."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from db.tables import Case, FactRow
from domain.assister import AssisterType, Kind
from domain.facts import Fact, FactKind
from domain.policy import Policy
from domain.stages import CaseState, Opening, fold


class UnknownCase(LookupError):
    """There is no such case."""


async def one_or_none(session: AsyncSession, query: Any) -> Any:
    """The single row a query finds, or None."""
    return (await session.execute(query)).scalar_one_or_none()


async def rows(session: AsyncSession, query: Any) -> list[Any]:
    """Every row a query finds."""
    return list((await session.execute(query)).scalars())


def opening_of(case: Case) -> Opening:
    """What the case is from its first moment on."""
    return Opening(
        kind=Kind(case.kind),
        assister_type=AssisterType(case.assister_type),
        has_lms_account=case.has_lms_account,
        has_portal_account=case.has_portal_account,
        has_portal_profile=case.has_portal_profile,
        has_scheduling_tool=case.has_scheduling_tool,
    )


def policy_of(case: Case) -> Policy:
    """The policy the case began with."""
    return Policy.model_validate(case.policy)


async def facts_of(session: AsyncSession, case_id: str) -> list[Fact]:
    """The case's stored facts. Every write reads them: columns, since rows as objects would cost twice as much."""
    columns = select(col(FactRow.id), col(FactRow.kind), col(FactRow.at), col(FactRow.data))
    found = await session.execute(columns.where(col(FactRow.case_id) == case_id))
    return [Fact(id=fact_id, kind=FactKind(kind), at=at, data=data) for fact_id, kind, at, data in found]


async def state_of(session: AsyncSession, case: Case) -> CaseState:
    """The fold over the case's facts."""
    return fold(opening_of(case), await facts_of(session, case.case_id))
