"""Knows somebody of staff again by their identity provider and their subject there, whatever they are called."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none
from db.house_tables import StaffAccount
from domain.shared.ids import name_staff_actor


class Recognized(NamedTuple):
    """Who the audit names, and the roles of the log-in before this one; None for the first."""

    actor: str
    roles_before: list[str] | None


def recognize_staff(
    session: Session,
    issuer: str,
    subject: str,
    name: str,
    roles: Iterable[str],
    now: datetime,
    taken: Collection[str] = (),
    called: str | None = None,
) -> Recognized:
    """The actor of somebody who signs in. They keep it; who comes with a name that another person has gets a number.

    So does who comes with one of the names ``taken``: those that bearer tokens go by. ``called`` is what pages of
    staff show in the place of the actor.
    """
    given, account = sorted(roles), session.get(StaffAccount, (issuer, subject))
    if account is not None:
        before, account.roles = account.roles, given
        account.name = called or account.name
        session.add(account)
        return Recognized(account.actor, before)
    actor = wanted = name_staff_actor(name)
    number, of_tokens = 1, set(map(name_staff_actor, taken))
    while actor in of_tokens or _is_somebody_s(session, actor):
        number += 1
        actor = f"{wanted}~{number}"
    account = StaffAccount(
        issuer=issuer, subject=subject, actor=actor, roles=given, first_seen_at=now, name=called or None
    )
    session.add(account)
    return Recognized(actor, None)


def _is_somebody_s(session: Session, actor: str) -> bool:
    return one_or_none(session, select(StaffAccount).where(col(StaffAccount.actor) == actor)) is not None
