"""What an operator asks: how each third party answers, what waits and since when, and who works; figures, no people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session
from sqlmodel import col

from db.house_tables import ReturnedLetter, ThirdPartyRow
from db.own_tables import AnswerRow, CodeRow
from db.recovery_tables import DeliveryFailure
from db.tables import AlteredEvent, Case, CommandRow, EffectRow, InboxRow, LeaseRow, StageEntry, UncountedReport
from domain.shared.cases.commands import CommandState
from domain.shared.cases.events import EventState
from domain.shared.cases.stages import DONE_AT_ONCE, ENDED, OWNER, WaitingFor
from domain.shared.third_parties import CallsSeen, ThirdParty

BACKGROUND = "background"
LATE = timedelta(hours=1)
# Letters that came back are looked at together: one is a mistyped address, many are our own sending.
RETURNS_OF = timedelta(days=1)

# Whom an effect is made at, by the beginning of its kind; certificates are made by ourselves.
_MADE_AT = {
    "notice.": ThirdParty.MAIL,
    "training.": ThirdParty.LMS,
    "mlms.": ThirdParty.MLMS,
    "portal.": ThirdParty.PORTAL,
    "background.": ThirdParty.BACKGROUND_CHECKS,
}
# Whose answer a case waits for where no effect says it.
_WAITS_FOR = {
    WaitingFor.SCREENING: ThirdParty.REGISTRY,
    WaitingFor.NPN_VERIFICATION: ThirdParty.REGISTRY,
    WaitingFor.BACKGROUND_CHECK: ThirdParty.BACKGROUND_CHECKS,
    WaitingFor.LMS_INVITATION: ThirdParty.LMS,
    WaitingFor.PORTAL_ACCOUNT: ThirdParty.PORTAL,
}
# A reminder that could not be sent on its day is not sent any more.
_REMINDER, _REMINDER_LIFE = "notice.reminder", timedelta(days=1)
_MADE_AFTER_END = ("notice.", "portal.suspended")


@dataclass(frozen=True)
class Waiting:
    """How many wait, and since when the first of them does; None where none does."""

    number: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class ThirdPartyFigures:
    """A third party: what calls to it came to, and the cases, or of mail the letters, that wait for it."""

    name: str
    calls: CallsSeen
    waiting: Waiting


@dataclass(frozen=True)
class Operations:
    """The figures of a moment.

    ``backlogs`` are, by name: inbox, commands and starts, which Temporal is still to be told; given_up, uncounted and
    altered, which staff have to look at; letters, of every sort. ``owners`` are the waits of cases by whose move it is,
    ``late`` what we should have done at once and haven't for an hour, ``attention`` counts cases by why staff look.
    ``returned`` are the letters that came back in the last day, ``delayed`` those reported late in it that didn't.
    ``background_until`` is until when a worker does the background work; None where none does.
    """

    at: datetime
    third_parties: list[ThirdPartyFigures]
    backlogs: dict[str, Waiting]
    owners: dict[str, Waiting]
    late: Waiting
    returned: Waiting
    delayed: Waiting
    attention: dict[str, int]
    background_until: datetime | None

    @property
    def silent(self) -> list[ThirdPartyFigures]:
        """The third parties that don't answer now."""
        return [one for one in self.third_parties if one.calls.silent_since is not None]


def carries_letters(session: Session) -> bool:
    """Whether the mail server takes addresses with other letters before the @, as far as a worker has heard."""
    row = session.get(ThirdPartyRow, ThirdParty.MAIL)
    return row is not None and bool(row.carries_letters)


def read_operations(session: Session, now: datetime, called: Collection[ThirdParty] = ()) -> Operations:
    """The figures of now; ``called`` are third parties that are among them though nobody has called them yet."""
    waiting = _count_waiting(session, now)
    backlogs = {
        "letters": waiting.get(ThirdParty.MAIL, Waiting()),
        "inbox": _count(session, InboxRow.received_at, col(InboxRow.state) == EventState.PENDING),
        "commands": _count(session, CommandRow.created_at, col(CommandRow.state) == CommandState.PENDING),
        "starts": _count(
            session,
            Case.opened_at,
            col(Case.run_id).is_(None),
            or_(col(Case.stage).not_in(ENDED), col(Case.restarted_at).is_not(None)),
        ),
        "given_up": _count(session, DeliveryFailure.failed_at, col(DeliveryFailure.next_attempt_at).is_(None)),
        "uncounted": _count(session, UncountedReport.received_at, col(UncountedReport.settled_at).is_(None)),
        "altered": _count(session, AlteredEvent.received_at, col(AlteredEvent.released_at).is_(None)),
    }
    at_once = col(Case.waiting_for).in_([one.value for one in DONE_AT_ONCE])
    lease = session.get(LeaseRow, BACKGROUND)
    return Operations(
        at=now,
        third_parties=_list_third_parties(session, waiting, called),
        backlogs=backlogs,
        owners=_count_by_owner(session),
        late=_count(session, Case.waiting_since, at_once, col(Case.waiting_since) < now - LATE),
        returned=_count(session, ReturnedLetter.returned_at, col(ReturnedLetter.returned_at) > now - RETURNS_OF),
        delayed=_count(
            session,
            ReturnedLetter.delayed_at,
            col(ReturnedLetter.delayed_at) > now - RETURNS_OF,
            col(ReturnedLetter.returned_at).is_(None),
        ),
        attention=_count_attention(session),
        background_until=lease.expires_at if lease is not None and lease.expires_at > now else None,
    )


def _count(session: Session, moment: Any, *which: Any) -> Waiting:
    number, since = session.execute(select(func.count(), func.min(col(moment))).where(*which)).one()
    return Waiting(number, since)


def _list_third_parties(
    session: Session, waiting: Mapping[str, Waiting], called: Collection[ThirdParty]
) -> list[ThirdPartyFigures]:
    """Those that were called, are waited for or are to be called, in the order of their enumeration."""
    rows = {row.name: row for row in session.execute(select(ThirdPartyRow)).scalars()}
    return [
        ThirdPartyFigures(
            name.value,
            CallsSeen(**{one.name: getattr(rows[name], one.name) for one in fields(CallsSeen)})
            if name in rows
            else CallsSeen(),
            waiting.get(name, Waiting()),
        )
        for name in ThirdParty
        if name in rows or name in waiting or name in called
    ]


def _count_waiting(session: Session, now: datetime) -> dict[str, Waiting]:
    """What waits for each third party: a case once, a letter each."""
    codes = select(literal(ThirdParty.MAIL.value), col(CodeRow.id), col(CodeRow.asked_at))
    answers = select(literal(ThirdParty.MAIL.value), col(AnswerRow.id), col(AnswerRow.asked_at))
    everything = union_all(
        _select_undone(now), _select_waits(), codes.where(col(CodeRow.next_attempt_at).is_not(None)), answers
    ).subquery()
    name, item, since = everything.c
    found = session.execute(select(name, func.count(item.distinct()), func.min(since)).group_by(name))
    return {one: Waiting(number, first) for one, number, first in found}


def _select_undone(now: datetime) -> Any:
    """Effects that are intended and not made: third party, what waits, since when.

    Of cases that have ended only those that belong to the end: what was under way then is not made any more.
    """
    kind = col(EffectRow.kind)
    made_at = case(*[(kind.startswith(prefix), name.value) for prefix, name in _MADE_AT.items()])
    letter = kind.startswith("notice.")
    in_end = exists().where(
        col(StageEntry.case_id) == col(Case.case_id),
        col(StageEntry.left_at).is_(None),
        col(StageEntry.entered_at) <= col(EffectRow.intended_at),
    )
    after_end = or_(*[kind.startswith(prefix) for prefix in _MADE_AFTER_END]) & in_end
    return (
        select(
            made_at.label("name"),
            case((letter, col(EffectRow.key)), else_=col(EffectRow.case_id)).label("item"),
            col(EffectRow.intended_at).label("since"),
        )
        .join(Case, col(Case.case_id) == col(EffectRow.case_id))
        .where(
            col(EffectRow.result).is_(None),
            made_at.is_not(None),
            or_(kind != _REMINDER, col(EffectRow.intended_at) > now - _REMINDER_LIFE),
            or_(col(Case.stage).not_in(ENDED), after_end),
        )
    )


def _select_waits() -> Any:
    """Cases that wait for a third party's answer."""
    waiting_for = col(Case.waiting_for)
    name = case(*[(waiting_for == wait.value, name.value) for wait, name in _WAITS_FOR.items()])
    return select(name, col(Case.case_id), col(Case.waiting_since)).where(
        waiting_for.in_([wait.value for wait in _WAITS_FOR])
    )


def _count_by_owner(session: Session) -> dict[str, Waiting]:
    query = select(col(Case.waiting_for), func.count(), func.min(col(Case.waiting_since)))
    sums: dict[str, Waiting] = {}
    for wait, number, since in session.execute(
        query.where(col(Case.waiting_for).is_not(None)).group_by(col(Case.waiting_for))
    ):
        owner = OWNER[WaitingFor(str(wait))]
        before = sums.get(owner, Waiting())
        moments = [one for one in (before.since, since) if one is not None]
        sums[owner] = Waiting(before.number + number, min(moments, default=None))
    return sums


def _count_attention(session: Session) -> dict[str, int]:
    why = col(Case.attention)
    found = session.execute(
        select(why, func.count()).where(col(Case.attention_since).is_not(None), why.is_not(None)).group_by(why)
    )
    return {str(reason): number for reason, number in found}
