"""Everything about one case for the staff page that shows it, read in one unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from sqlmodel import col

from db.case_state import any_policy_of, applicant_of, fold_case, list_flags, list_rows, load_case
from db.desk_tables import CaseNote
from db.house_tables import ReturnedLetter
from db.reads.answer_files import ListedFile, find_answered_question, list_answer_files
from db.reads.certificates import judge_certificate
from db.reads.desk.notes import list_notes
from db.reads.npn.claims import ProofOffer, find_proof_offer
from db.reads.pending import (
    EventKeptAside,
    HeldEvent,
    list_altered_events,
    list_held_events,
    list_uncounted_reports,
)
from db.reads.queue import ListedCase, list_matching
from db.reads.status import describe_status
from db.reads.third_parties import Evidence, list_evidence
from db.reads.timeline import TimelineEntry, build_timeline
from db.tables import (
    Assister,
    AuditRow,
    Case,
    CertificateRow,
    CommandRow,
    EarlierYear,
    EffectRow,
    FactRow,
    SentMail,
    UncountedReport,
)
from domain.programs.state import CaseState
from domain.shared.cases.commands import COMPARED, CommandKind, CommandState, list_shown_data
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.stages import WaitingFor
from domain.shared.policy import ProgramPolicy
from domain.shared.reference_numbers import make_reference_number
from domain.state.background_reports import BackgroundCheck, read_order_number
from domain.state.certification import CertificationState, find_former_screening
from domain.state.eligibility import LICENSING, Check, Finding
from domain.state.facts import BackgroundReportedData, is_of_command

MOST_CASES = 50
# While staff may have checks made again.
_UNDECIDED = (WaitingFor.DECISION, WaitingFor.BACKGROUND_CHECK, WaitingFor.INFORMATION)
# Address, mailbox, mail system, network, protocol, content, policy.
RETURN_SUBJECTS = ("", "1", "2", "3", "4", "5", "6", "7")


@dataclass(frozen=True)
class ExplainedFinding:
    """A finding of the screening with what it stands on.

    ``basis`` depends on the check. Of the licence {npn, license_number}; agreement_accepted {version, language, sha256,
    source, at} and who and how, where staff recorded it; background_check {result, reported_at, ordered_at,
    candidate: the vendor's own id}; intake_scope {physical_address, business_address}; identity_matches {known,
    requested: each a name and e-mail}. ``note`` is the code of a sentence that says more of how it came out. ``before``
    is what came of it before the checks were made again, and when that was.
    """

    check: str
    result: str
    source: str
    evidence: Evidence | None
    basis: dict[str, Any]
    note: str | None = None
    before: tuple[str, datetime] | None = None


@dataclass(frozen=True)
class Mail:
    """An e-mail that was sent; ``number`` counts those of the case from 1.

    ``returned_at`` is when it came back, ``delayed_at`` when it was reported to be late, with the mail server's
    ``return_status``.
    """

    number: int
    key: str
    notice: str
    language: str
    recipient: str
    subject: str
    attachments: list[str]
    message_id: str
    sent_at: datetime
    returned_at: datetime | None = None
    delayed_at: datetime | None = None
    return_status: str = ""

    @property
    def return_subject(self) -> str:
        """What the status is about, by its second number (RFC 3463); empty without one, "0" for another reason."""
        subject = self.return_status.split(".")[1] if self.return_status else ""
        return subject if subject in RETURN_SUBJECTS else "0"


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate of the case: valid, superseded, withdrawn, revoked, expired or unproven."""

    number: str
    market: str
    holder: str
    status: str
    issued_at: datetime
    valid_until: date | None
    sha256: str
    uri: str


@dataclass(frozen=True)
class GivenCommand:
    """A command somebody gave: pending, applied, or refused with a sentence; ``data`` is what it says besides."""

    id: str
    kind: str
    actor: str
    reason: str
    state: str
    answer: str | None
    created_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class GivenAnswer:
    """An assister's answer that was applied: the message, and each changed field with what it was and what it became.

    ``method`` is how staff had their word, where staff answered for them; ``files`` are the documents that came along.
    """

    at: datetime
    actor: str
    message: str
    method: str | None
    changed: list[tuple[str, Any, Any]]
    files: list[ListedFile]


@dataclass(frozen=True)
class Flag:
    """What staff should look at, and since when."""

    what: str
    since: datetime


@dataclass(frozen=True)
class CaseFile:
    """A case with everything that is known of it; ``person`` is who it is about, as they are known now.

    ``unanswered_files`` came for a question that isn't answered yet, or was taken back.
    """

    case_id: str
    workflow_id: str
    attempt: int
    opened_at: datetime
    flags: list[Flag]
    state: CaseState
    policy: ProgramPolicy
    status: dict[str, Any]
    request: dict[str, Any]
    person: Assister
    earlier_years: list[EarlierYear]
    other_cases: list[ListedCase]
    findings: list[ExplainedFinding]
    evidence: list[Evidence]
    timeline: list[TimelineEntry]
    mails: list[Mail]
    certificates: list[IssuedCertificate]
    commands: list[GivenCommand]
    answers: list[GivenAnswer]
    unanswered_files: list[ListedFile]
    held: list[HeldEvent]
    altered: list[EventKeptAside]
    uncounted: list[UncountedReport]
    proof: ProofOffer | None
    repeat: GivenCommand | None
    notes: list[CaseNote]

    @property
    def reference(self) -> str:
        """The number by which the assister speaks of it."""
        return make_reference_number(self.case_id)


def read_case_file(session: Session, case_id: str, now: datetime) -> CaseFile:
    """The file of a case. Raises `UnknownCase`."""
    case = load_case(session, case_id)
    person = session.get_one(Assister, case.assister_id)
    facts = _read_rows(session, FactRow, case_id)
    known = [Fact(id=row.id, kind=FactKind(row.kind), at=row.at, data=row.data) for row in facts]
    state = fold_case(case, known)
    commands = _read_rows(session, CommandRow, case_id)
    effects = _read_rows(session, EffectRow, case_id)
    audited: list[AuditRow] = _read_rows(session, AuditRow, case_id)
    evidence, mails = list_evidence(session, case), _list_mails(session, case_id)
    files = list_answer_files(session, case_id)
    answers = _list_answers(commands, known, files)
    answered = {file for one in answers for file in one.files}
    return CaseFile(
        case_id=case_id,
        workflow_id=case.workflow_id,
        attempt=case.attempt,
        opened_at=case.opened_at,
        flags=[Flag(what, at) for what, at in list_flags(case).items()],
        state=state,
        policy=any_policy_of(session, case),
        status=describe_status(session, case, state, now),
        request=case.request,
        person=person,
        earlier_years=_list_earlier_years(session, person),
        other_cases=_list_other_cases(session, case),
        findings=_explain_findings(case, person, state, known, effects, evidence),
        evidence=evidence,
        timeline=build_timeline(facts, effects, commands, audited, {mail.key: mail.number for mail in mails}),
        mails=mails,
        certificates=_list_certificates(session, case, state, now),
        commands=[_describe_command(row) for row in sorted(commands, key=lambda row: row.created_at)],
        answers=answers,
        unanswered_files=[one for one in files if one not in answered],
        held=list_held_events(session, case_id),
        altered=list_altered_events(session, case_id),
        uncounted=list_uncounted_reports(session, case_id),
        proof=find_proof_offer(session, case),
        repeat=_find_repeat(commands, known) if case.waiting_for in _UNDECIDED else None,
        notes=list_notes(session, case_id),
    )


def find_mail(session: Session, case_id: str, key: str) -> SentMail | None:
    """An e-mail as it was sent, without the secrets of its links; None where it is another case's, or there is none."""
    row = session.get(SentMail, key)
    return row if row is not None and row.case_id == case_id else None


def _read_rows(session: Session, table: Any, case_id: str) -> list[Any]:
    return list_rows(session, _select_rows_of_case(table), case_id=case_id)


@cache  # putting the statement together takes as long as carrying it out
def _select_rows_of_case(table: Any) -> Any:
    return select(table).where(table.case_id == bindparam("case_id"))


def _list_earlier_years(session: Session, person: Assister) -> list[EarlierYear]:
    query = select(EarlierYear).where(col(EarlierYear.assister_id) == person.assister_id)
    return list_rows(session, query.order_by(col(EarlierYear.plan_year).desc(), col(EarlierYear.program)))


def _list_other_cases(session: Session, case: Case) -> list[ListedCase]:
    theirs, others = col(Case.assister_id) == case.assister_id, col(Case.case_id) != case.case_id
    return list_matching(session, theirs, others, limit=MOST_CASES)


def _list_mails(session: Session, case_id: str) -> list[Mail]:
    names = ("key", "notice", "language", "recipient", "subject", "attachments", "message_id", "sent_at")
    query: Any = select(*(getattr(SentMail, name) for name in names))
    ours = query.where(col(SentMail.case_id) == case_id).order_by(col(SentMail.sent_at), col(SentMail.key))
    reported = select(ReturnedLetter).where(col(ReturnedLetter.case_id) == case_id)
    returns = {row.message_id: row for row in list_rows(session, reported)}
    return [
        replace(mail, returned_at=row.returned_at, delayed_at=row.delayed_at, return_status=row.status)
        if (row := returns.get(mail.message_id))
        else mail
        for mail in (Mail(number, *row) for number, row in enumerate(session.execute(ours), 1))
    ]


def _list_certificates(session: Session, case: Case, state: CaseState, now: datetime) -> list[IssuedCertificate]:
    rows = sorted(_read_rows(session, CertificateRow, case.case_id), key=lambda row: row.issued_at)
    return [
        IssuedCertificate(
            number=row.number,
            market=row.market,
            holder=row.holder or applicant_of(case).name,
            status=worth.status,
            issued_at=row.issued_at,
            valid_until=worth.valid_until,
            sha256=row.sha256,
            uri=row.uri,
        )
        for row in rows
        for worth in [judge_certificate(session, case, state, row, now)]
    ]


def _describe_command(row: CommandRow) -> GivenCommand:
    shown = list_shown_data(row.data)
    return GivenCommand(row.id, row.kind, row.actor, row.reason, row.state, row.answer, row.created_at, shown)


def _list_answers(rows: Iterable[CommandRow], facts: Sequence[Fact], files: Sequence[ListedFile]) -> list[GivenAnswer]:
    """The answers to questions, the last first, each with the documents that came for its question."""
    answers = [row for row in rows if row.kind == CommandKind.ANSWER and row.state == CommandState.APPLIED]
    return [
        GivenAnswer(
            at=row.created_at,
            actor=row.actor,
            message=row.reason,
            method=(row.data.get("on_behalf") or {}).get("method"),
            changed=[(name, *pair) for name, pair in row.data.get(COMPARED, {}).items()],
            files=[one for one in files if one.question == find_answered_question(facts, row.id)],
        )
        for row in sorted(answers, key=lambda row: row.created_at, reverse=True)
    ]


# findings


def _explain_findings(
    case: Case,
    person: Assister,
    state: CaseState,
    facts: Sequence[Fact],
    effects: Sequence[EffectRow],
    evidence: Sequence[Evidence],
) -> list[ExplainedFinding]:
    if not isinstance(state, CertificationState):
        return []
    of_round = next((one for one in reversed(evidence) if one.round == state.round), None)
    former = find_former_screening(facts)
    before = {one.check: (one.result.value, former[0].at) for one in former[1].findings} if former else {}
    return [
        ExplainedFinding(
            one.check,
            one.result,
            one.source,
            of_round if one.check in LICENSING else None,
            _find_basis(one, case, person, facts, effects, state.check),
            one.note,
            before.get(one.check),
        )
        for one in state.findings
    ]


def _find_repeat(commands: Iterable[CommandRow], facts: Iterable[Fact]) -> GivenCommand | None:
    """The checks that staff had made again and of which nothing has come yet."""
    known = [fact.id for fact in facts if fact.kind is FactKind.SCREENED]
    waiting = (
        row
        for row in commands
        if row.kind == CommandKind.REPEAT_CHECKS
        and row.state == CommandState.APPLIED
        and not any(is_of_command(one, row.id) for one in known)
    )
    row = max(waiting, key=lambda row: row.created_at, default=None)
    return _describe_command(row) if row else None


_NAMED = ("first_name", "last_name", "email")


def _find_basis(
    finding: Finding,
    case: Case,
    person: Assister,
    facts: Iterable[Fact],
    effects: Iterable[EffectRow],
    check: BackgroundCheck,
) -> dict[str, Any]:
    request = case.request
    if finding.check in LICENSING:
        return {name: request.get(name) for name in ("npn", "license_number")}
    if finding.check is Check.AGREEMENT_ACCEPTED:
        accepted = min(_select_facts(facts, FactKind.AGREEMENT_ACCEPTED), key=lambda fact: fact.at, default=None)
        return {**accepted.data, "at": accepted.at} if accepted else {}
    if finding.check is Check.BACKGROUND_CHECK:
        return _describe_background_check(facts, effects, check)
    if finding.check is Check.INTAKE_SCOPE:
        return {name: request.get(name) for name in ("physical_address", "business_address")}
    known: Mapping[str, Any] = {name: getattr(person, name) for name in _NAMED}
    return {"known": known, "requested": {name: request.get(name) for name in _NAMED}}


def _describe_background_check(
    facts: Iterable[Fact], effects: Iterable[EffectRow], check: BackgroundCheck
) -> dict[str, Any]:
    """Order and report of the check that counts."""
    told = _select_facts(facts, FactKind.BACKGROUND_REPORTED)
    current = [fact for fact in told if check.is_current(fact.data.get("inputs"), fact.data.get("order", 0))]
    reported = max(current, key=lambda fact: fact.at, default=None)
    orders = [
        row
        for row in effects
        if row.kind == "background.ordered" and check.is_current(row.data.get("inputs"), read_order_number(row.key))
    ]
    last = max((row for row in orders if row.done_at), key=lambda row: row.done_at or row.intended_at, default=None)
    return {
        "ordered_at": last.done_at if last else None,
        "candidate": last.external_id if last else None,
        "result": reported.read_as(BackgroundReportedData).result if reported else None,
        "reported_at": reported.at if reported else None,
    }


def _select_facts(facts: Iterable[Fact], kind: FactKind) -> list[Fact]:
    return [fact for fact in facts if fact.kind is kind]
