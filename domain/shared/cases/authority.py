"""The authority to assist, which lies over the journey: suspended and restored by cause, terminated (E2–E4)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.shared.cases.appeals import Appeal
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog, GivenReason
from domain.shared.cases.messages import AuthoritySnapshot, DueLetter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import SENTENCES
from domain.shared.cases.stages import ENDED, Stage, WaitingFor
from domain.shared.policy import SuspensionRules, find_day_end


class SuspensionCause(StrEnum):
    """Why the authority is suspended; each is a reason why somebody may not assist. Only what began it may end it."""

    LICENSE_LAPSED = "license_lapsed"
    SUSPENDED_BY_STAFF = "suspended_by_staff"
    SYSTEM_SUSPENSION = "system_suspension"


class SuspensionKind(StrEnum):
    """What staff suspend: the agreement, for a term; or the access to systems, until what was wrong is remedied."""

    AGREEMENT = "agreement"
    SYSTEM = "system"


CAUSE_OF_KIND = {
    SuspensionKind.AGREEMENT: SuspensionCause.SUSPENDED_BY_STAFF,
    SuspensionKind.SYSTEM: SuspensionCause.SYSTEM_SUSPENSION,
}
# Facts about the authority; each of them counts.
AUTHORITY_FACTS = frozenset(
    {
        FactKind.AUTHORITY_SUSPENDED,
        FactKind.AUTHORITY_RESTORED,
        FactKind.TERMINATION_NOTICED,
        FactKind.TERMINATION_TAKEN_BACK,
    }
)


# Those that come with no letter, and change nothing that a workflow does.
COUNTED_FACTS = AUTHORITY_FACTS | {FactKind.REBUTTAL_FILED}
# What staff order, and somebody may speak against.
ORDERED = frozenset(CAUSE_OF_KIND.values())


class AuthoritySuspendedData(GivenReason, FactData):
    """A suspension: ``until`` is its last day, none where it has no term; ``reason`` is in a person's own words.

    ``note`` is a code of `domain.shared.cases.reasons` that says what it rests on, where nobody has ordered it.
    One that was ordered ``at_once`` counts while it is appealed, too.
    """

    suspension_id: str
    cause: SuspensionCause
    until: date | None = None
    note: str | None = None
    decided_by: str
    notice_date: date
    at_once: bool = False


class AuthorityRestoredData(GivenReason, FactData):
    """The end of a suspension: by its cause's, by its term's, or since somebody of staff has lifted it."""

    suspension_id: str
    cause: SuspensionCause
    by: str


class TerminationNoticedData(GivenReason, FactData):
    """Notice of a termination; ``last_day`` is the last one on which the authority stands."""

    by: str
    notice_date: date
    last_day: date


class TerminationTakenBackData(GivenReason, FactData):
    """Staff have taken back a termination before its day had come."""

    by: str


class RebuttalFiledData(FactData):
    """What the assister has to say against what staff have ordered, and by when it is answered (E4)."""

    by: str
    text: str
    answer_by: date


class Suspension(GivenReason):
    """An open suspension, with when it was recorded.

    One that is ``stayed`` doesn't count while the appeal against it is under way, and its last day is put off (E7).
    """

    suspension_id: str
    cause: SuspensionCause
    reason: str
    until: date | None
    decided_by: str
    notice_date: date
    since: datetime
    note: str | None = None
    at_once: bool = False
    stayed: bool = False

    @property
    def explanation(self) -> str:
        """What it rests on, as an English sentence of ours; empty where a person has ordered it."""
        return SENTENCES.get(self.note, "") if self.note else ""


class PendingTermination(GivenReason):
    """A termination of which notice was given, and whose last day is not over."""

    by: str
    reason: str
    notice_date: date
    last_day: date
    since: datetime


class Rebuttal(BaseModel):
    """What was said against what is open now."""

    model_config = ConfigDict(frozen=True)

    by: str
    text: str
    answer_by: date
    filed_at: datetime


class AuthorityLetter(BaseModel):
    """A notice that a change of the authority comes with; ``about`` is the suspension, or the fact of a termination."""

    model_config = ConfigDict(frozen=True)

    notice: Notice
    about: str


class Position(BaseModel):
    """Where the journey of a case stands, whatever lies over it."""

    model_config = ConfigDict(frozen=True)

    stage: Stage
    waiting_for: WaitingFor | None
    waiting_since: datetime | None


class Authority(BaseModel):
    """What the facts about the authority come to: nothing is open in a case that has ended.

    ``facts`` is how many there are, those that an appeal has set aside too: of two the one with more is newer, and no
    number comes twice. ``letters`` are in the order of their facts.
    """

    model_config = ConfigDict(frozen=True)

    facts: int = 0
    suspensions: tuple[Suspension, ...] = ()
    termination: PendingTermination | None = None
    rebuttals: tuple[Rebuttal, ...] = ()
    letters: tuple[AuthorityLetter, ...] = ()

    @property
    def ordered_since(self) -> datetime | None:
        """Since when the first of what staff have ordered is open: a suspension, or a termination to come."""
        ordered = [one.since for one in self.suspensions if one.cause in ORDERED]
        return min([*ordered, *([self.termination.since] if self.termination else [])], default=None)

    @property
    def in_force(self) -> tuple[Suspension, ...]:
        """The open suspensions that count: no appeal stays them."""
        return tuple(one for one in self.suspensions if not one.stayed)

    @property
    def is_suspended(self) -> bool:
        """Whether at least one suspension is in force."""
        return bool(self.in_force)

    @property
    def suspended_since(self) -> datetime | None:
        """When the first of those in force began."""
        return min((one.since for one in self.in_force), default=None)

    @property
    def causes(self) -> list[SuspensionCause]:
        """The causes of those in force, each once, as reasons why somebody may not assist."""
        in_force = {one.cause for one in self.in_force}
        return [cause for cause in SuspensionCause if cause in in_force]

    def has_cause(self, cause: SuspensionCause) -> bool:
        """Whether a suspension by this cause is open, in force or stayed: the same cause suspends once at a time."""
        return any(one.cause is cause for one in self.suspensions)

    def find_suspension(self, suspension_id: str) -> Suspension | None:
        """An open suspension by its id."""
        return next((one for one in self.suspensions if one.suspension_id == suspension_id), None)


def fold_authority(log: FactLog, appeals: Iterable[Appeal], *, ended: bool) -> Authority:
    """What a case's facts say of its authority; an open appeal may stay a suspension (E7)."""
    appeals = tuple(appeals)
    count = len(log.find_everything(*AUTHORITY_FACTS)) + sum(one.stay_changes for one in appeals)
    if not count:
        return Authority()
    facts = log.find_all(*AUTHORITY_FACTS)
    letters = tuple(
        AuthorityLetter(notice=_NOTICES[fact.kind], about=fact.data.get("suspension_id") or fact.id) for fact in facts
    )
    if ended:
        return Authority(facts=count, letters=letters)
    open_now = Authority(
        facts=count, suspensions=_fold_suspensions(log, appeals), termination=_fold_termination(log), letters=letters
    )
    return open_now.model_copy(update={"rebuttals": _fold_rebuttals(log, open_now.ordered_since)})


_NOTICES = {
    FactKind.AUTHORITY_SUSPENDED: Notice.AUTHORITY_SUSPENDED,
    FactKind.AUTHORITY_RESTORED: Notice.AUTHORITY_RESTORED,
    FactKind.TERMINATION_NOTICED: Notice.TERMINATION_NOTICED,
    FactKind.TERMINATION_TAKEN_BACK: Notice.TERMINATION_TAKEN_BACK,
}


def find_letter_fact(facts: Iterable[Fact], notice: str, about: str) -> Fact | None:
    """The fact that a notice comes with, by the id it is about; the last of its kind where that names none."""
    kind = next((kind for kind, one in _NOTICES.items() if one == notice), None)
    found = FactLog(facts).find_all(kind) if kind else []
    named = [fact for fact in found if about in (fact.id, fact.data.get("suspension_id"))]
    return next(iter([*reversed(named), *reversed(found)]), None)


def _fold_suspensions(log: FactLog, appeals: Iterable[Appeal]) -> tuple[Suspension, ...]:
    over = {fact.read_as(AuthorityRestoredData).suspension_id for fact in log.find_all(FactKind.AUTHORITY_RESTORED)}
    begun = [(fact.read_as(AuthoritySuspendedData), fact.at) for fact in log.find_all(FactKind.AUTHORITY_SUSPENDED)]
    stayed = {one for appeal in appeals if appeal.is_open for one in appeal.filed.stayed}
    put_off = {one: day for appeal in appeals for one, day in appeal.resumed}
    return tuple(
        Suspension(
            **{**data.model_dump(), "until": put_off.get(data.suspension_id, data.until)},
            since=at,
            stayed=data.suspension_id in stayed,
        )
        for data, at in begun
        if data.suspension_id not in over
    )


def _fold_rebuttals(log: FactLog, since: datetime | None) -> tuple[Rebuttal, ...]:
    filed = log.find_all(FactKind.REBUTTAL_FILED) if since else []
    return tuple(
        Rebuttal(**fact.read_as(RebuttalFiledData).model_dump(), filed_at=fact.at)
        for fact in filed
        if since is not None and fact.at >= since
    )


def _fold_termination(log: FactLog) -> PendingTermination | None:
    last = log.find_last(FactKind.TERMINATION_NOTICED, FactKind.TERMINATION_TAKEN_BACK)
    if last is None or last.kind is FactKind.TERMINATION_TAKEN_BACK:
        return None
    return PendingTermination(**last.read_as(TerminationNoticedData).model_dump(), since=last.at)


def lay_over(position: Position, authority: Authority) -> Position:
    """Where a case is said to be: suspended while its authority is, else where its journey stands."""
    if not authority.is_suspended or position.stage in ENDED:
        return position
    return Position(stage=Stage.SUSPENDED, waiting_for=WaitingFor.RESTORATION, waiting_since=authority.suspended_since)


def find_last_day_allowed(kind: SuspensionKind, rules: SuspensionRules, notice_date: date) -> date | None:
    """The last day that a suspension may have whose notice is of this date; None where the policy has no bound."""
    days = rules.agreement_days_at_most if kind is SuspensionKind.AGREEMENT else rules.system_days_at_most
    return notice_date + timedelta(days=days) if days is not None else None


def find_termination_day(rules: SuspensionRules, notice_date: date) -> date:
    """The last day of the authority after a notice of this date."""
    return notice_date + timedelta(days=rules.termination_notice_days)


def take_authority_snapshot(authority: Authority, zone: tzinfo) -> AuthoritySnapshot:
    """What a workflow goes by; a last day is over at midnight in the program's zone."""
    ends = [one.until for one in authority.in_force if one.until is not None]
    if authority.termination is not None:
        ends.append(authority.termination.last_day)
    return AuthoritySnapshot(
        facts=authority.facts,
        suspended_since=authority.suspended_since,
        due_at=find_day_end(min(ends), zone) if ends else None,
        letters=[DueLetter(notice=one.notice, about=one.about) for one in authority.letters],
    )


# How letters put a reason that the document has as staff wrote it.
_OF_LETTERS = {"told", "written_in"}


def describe_authority(authority: Authority) -> dict[str, Any]:
    """The parts of the status document about the authority: what is open, and a termination to come."""
    termination = authority.termination
    return {
        "suspensions": [one.model_dump(exclude=_OF_LETTERS) for one in authority.suspensions],
        "termination": termination.model_dump(exclude=_OF_LETTERS) if termination else None,
        "rebuttals": [one.model_dump(exclude={"text"}) for one in authority.rebuttals],
    }
