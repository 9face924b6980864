"""Opening cases of either program, by the rules handed in: whose case it is, what it begins with (A8–A11, B1–B3)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.reads.history import read_history
from db.reads.npn.claims import has_proven
from db.tables import SYSTEM, Assister, Case
from db.writes.agreements import record_acceptance
from db.writes.facts import append_facts, lock_case, raise_flag, record_audit, record_person_audit
from db.writes.kept_rules import keep_rules
from db.writes.npn.claims import claim_npn, take_shown_proof
from db.writes.persons import (
    add_person,
    describe_person,
    find_by_key,
    find_claimant,
    identity_of,
    remember_words,
    select_accounts,
)
from db.writes.webhooks.uncounted import REQUESTED, find_newest_case, keep_conflict
from domain.programs.opening import OPENING_RULES, AnyRequest
from domain.shared.applicant import Applicant
from domain.shared.assister import AssisterHistory, Identity
from domain.shared.cases.facts import FactKind
from domain.shared.cases.opening import (
    APPLICANT,
    FORM,
    STAFF,
    IdentityMatch,
    NewCase,
    OpeningRules,
    Origin,
    merge_details,
)
from domain.shared.cases.reasons import Refusal
from domain.shared.cases.stages import ENDED, REOPENABLE, Stage
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import make_case_id, make_workflow_id
from domain.shared.policy import find_local_date, find_window_faults
from domain.shared.search_words import make_sort_name
from domain.shared.vouching import Voucher
from domain.state.agreements import AGREEMENT_NAME
from domain.state.request import Request

Rules = OpeningRules[Any, Any, Any]


@dataclass(frozen=True)
class Opened:
    """The answer to a request: the case, and whether this request opened it."""

    assister_id: str
    case_id: str
    workflow_id: str
    created: bool

    def document(self) -> dict[str, Any]:
        """The answer to a request: whose case it is, and whether it was opened now."""
        return asdict(self)


class SecondAccount(Refusal):
    """The person has an account already; the reason points at its recovery (B3)."""


class UnknownAssister(LookupError):
    """There is no such person."""


def open_requested_case(
    session: Session,
    identity_key: bytes,
    request: AnyRequest,
    now: datetime,
    shown: Mapping[str, str] | None = None,
    voucher: Voucher | None = None,
    case_id: str | None = None,
) -> Opened | Refusal:
    """Opens the case a request asks for, or finds the one it repeats (A10).

    ``shown`` is as in `Origin`. ``voucher`` is who sends the request for the applicant, and the proof of its NPN they
    have seen; None where they do so themselves, their address confirmed. ``case_id`` is the one that a new case gets,
    of which its sender was told already. Raises `Invalid` for a request that may not come in, with nothing stored. Who
    gives another person's NPN or e-mail gets a `Refusal`, answered and not raised: what staff are told of it is
    committed. An NPN that nobody has proven is nobody's: who claims it with another address than the one before has a
    case of their own, and staff are told of both (D3).
    """
    rules = OPENING_RULES[request.program]
    asking = rules.identify_applicant(request)
    actor = voucher.actor if voucher else APPLICANT
    person = _find_person(session, identity_key, rules, asking)
    latest, running, match = _judge_applicant(session, rules, asking, person, request.plan_year)
    is_second = False
    if person is not None and match is not IdentityMatch.SAME and _may_claim_too(session, asking, person):
        _tell_of_conflict(session, rules, person, latest, actor, now)
        person, is_second = _find_second_claimant(session, identity_key, rules, asking), True
        latest, running, match = _judge_applicant(session, rules, asking, person, request.plan_year)
    if person is not None and match is IdentityMatch.CONFLICT:
        return _note_conflict(session, rules, person, latest, request, actor, now)
    origin = Origin(actor, FORM, now, shown or {})
    if running is not None:
        opened = _repeat_request(session, running, request, origin)
    else:
        new = _admit_request(session, rules, person, request, origin, case_id)
        person = person or add_person(session, identity_key, new.request, now)
        opened = _store_case(session, rules, person, latest, new, origin, match, is_second=is_second)
    if voucher is not None and voucher.proof is not None:
        take_shown_proof(session, identity_key, lock_case(session, opened.case_id), voucher, now)
    return opened


def begin_case(
    session: Session,
    assister_id: str,
    program: str,
    plan_year: int,
    actor: str,
    now: datetime,
    history: AssisterHistory | None = None,
) -> Opened:
    """Opens the case of somebody known from earlier years, without a form (A11).

    ``history`` is what earlier years left of them, where this transaction has read it already.

    Raises `UnknownAssister`, `Invalid` for a plan year without a policy or outside its window, and `Refusal` for
    somebody whom the program asks to submit its form.
    """
    rules = OPENING_RULES.get(program)
    policy = rules.find_policy(plan_year) if rules else None
    if rules is None or policy is None:
        raise Invalid([Fault("plan_year" if rules else "program", "no_policy")])
    person = session.get(Assister, assister_id)
    if person is None:
        raise UnknownAssister(assister_id)
    latest = _lock_latest_case(session, person, program, plan_year)
    if latest and latest.stage not in REOPENABLE:
        return _answer_found(latest)
    history = read_history(session, person, program) if history is None else history
    if why := rules.find_begin_refusal(person.details, history, plan_year):
        raise Refusal(why)
    if faults := find_window_faults(policy, find_local_date(policy, now)):
        raise Invalid(faults)
    origin = Origin(actor, STAFF, now)
    draft = rules.draft_request(describe_person(person), plan_year)
    new = rules.plan_case(make_case_id(), draft, policy, history, origin)
    return _store_case(session, rules, person, latest, new, origin, IdentityMatch.SAME)


def _find_person(session: Session, identity_key: bytes, rules: Rules, asking: Identity) -> Assister | None:
    """Who asks: by NPN, without one by e-mail; or, where that is an account, by the e-mail of one."""
    found = find_by_key(session, identity_key, asking.npn, asking.email)
    if found is not None or not rules.email_is_account:
        return found
    return _find_account(session, rules, asking.email)


def _judge_applicant(
    session: Session, rules: Rules, asking: Identity, person: Assister | None, plan_year: int
) -> tuple[Case | None, Case | None, IdentityMatch]:
    """The person's last case of the year, the same where it runs, and whether who asks is that person."""
    latest = _lock_latest_case(session, person, rules.program, plan_year) if person else None
    running = latest if latest and latest.stage not in REOPENABLE else None
    known = identity_of(person) if person else None
    match = rules.match_identity(asking, known, applicant_of(running).identity if running else None)
    if person and match is IdentityMatch.DOUBTFUL and _is_anothers(session, asking, person):
        match = IdentityMatch.CONFLICT
    return latest, running, match


def _is_anothers(session: Session, asking: Identity, known: Assister) -> bool:
    """Whether somebody known has proven the NPN that is given with another address than theirs (D3)."""
    if asking.npn is None or known.email.lower() == asking.email.lower():
        return False
    return has_proven(session, known.assister_id, asking.npn)


def _may_claim_too(session: Session, asking: Identity, known: Assister) -> bool:
    """Whether who gives the NPN of somebody known, with another address, may claim it: nobody has proven it (D3)."""
    if asking.npn is None or known.npn != asking.npn or known.email.lower() == asking.email.lower():
        return False
    return not _is_anothers(session, asking, known)


def _find_second_claimant(session: Session, identity_key: bytes, rules: Rules, asking: Identity) -> Assister | None:
    """Who claims an NPN beside the first: by NPN and e-mail, or by the e-mail of an account (B3)."""
    assert asking.npn is not None, "only an NPN is claimed"
    found = find_claimant(session, identity_key, asking.npn, asking.email)
    if found is not None or not rules.email_is_account:
        return found
    return _find_account(session, rules, asking.email)


def _find_account(session: Session, rules: Rules, email: str) -> Assister | None:
    owners = select_accounts(rules.program, email).order_by(col(Assister.created_at)).limit(1)
    return next(iter(list_rows(session, owners)), None)


def _admit_request(
    session: Session, rules: Rules, person: Assister | None, request: AnyRequest, origin: Origin, case_id: str | None
) -> NewCase:
    """The case a request opens, not stored yet, with an id of its own by default.

    Raises `Invalid` with what keeps it out.
    """
    policy = rules.find_policy(request.plan_year)
    assert policy is not None, "a parsed request has a policy"
    history = read_history(session, person, rules.program)
    assister_type = rules.classify_assister(history, request.plan_year)
    if faults := rules.find_admission_faults(request, policy, assister_type, find_local_date(policy, origin.at)):
        raise Invalid(faults)
    return rules.plan_case(case_id or make_case_id(), rules.describe_request(request), policy, history, origin)


def _lock_latest_case(session: Session, person: Assister, program: str, plan_year: int) -> Case | None:
    """The person's last case of the year, locked; of two that open one at once, the unique key stops the second."""
    cases = _select_cases(person, program).where(col(Case.plan_year) == plan_year)
    latest = cases.order_by(col(Case.attempt).desc()).limit(1).with_for_update()
    found: Case | None = one_or_none(session, latest)
    return found


def _lock_newest_case(session: Session, person: Assister, program: str) -> Case | None:
    """The person's newest case of any plan year, locked."""
    newest = _select_cases(person, program).order_by(col(Case.opened_at).desc()).limit(1).with_for_update()
    found: Case | None = one_or_none(session, newest)
    return found


def _select_cases(person: Assister, program: str) -> Any:
    return select(Case).where(col(Case.assister_id) == person.assister_id, col(Case.program) == program)


def _answer_found(case: Case) -> Opened:
    return Opened(case.assister_id, case.case_id, case.workflow_id, created=False)


def _repeat_request(session: Session, case: Case, request: AnyRequest, origin: Origin) -> Opened:
    """The same request again changes nothing; a form after `begin` still brings the agreement along (A3, A11).

    Not so where others send it: to accept it then is the person's own, in their own session (D6).
    """
    if (
        origin.actor == APPLICANT
        and isinstance(request, Request)
        and request.agreement_accepted
        and case.stage not in ENDED
    ):
        record_acceptance(session, case, origin.shown.get(AGREEMENT_NAME), origin.source, origin.actor, origin.at)
    return _answer_found(case)


def _note_conflict(
    session: Session,
    rules: Rules,
    person: Assister,
    latest: Case | None,
    request: AnyRequest,
    actor: str,
    now: datetime,
) -> Refusal:
    """Staff are told that somebody gave another person's NPN or e-mail.

    Nothing else is stored of it, but where the person has no case of the program, which could be flagged: then who
    asked is kept for staff, since what they are told of has to be something that they can open.
    """
    case = _tell_of_conflict(session, rules, person, latest, actor, now)
    if case is None:
        fault = Fault("npn" if rules.identify_applicant(request).npn else "email", "known_otherwise")
        about = find_newest_case(session, person)
        keep_conflict(session, REQUESTED, _describe_asking(request), fault, person, about, actor, now)
    has_account = case is not None or bool(read_history(session, person, rules.program).years)
    reason = rules.name_conflict(has_account)
    return SecondAccount(reason) if reason.code == "second_account" else Refusal(reason)


def _tell_of_conflict(
    session: Session, rules: Rules, person: Assister, latest: Case | None, actor: str, now: datetime
) -> Case | None:
    """Staff are told of somebody else who gave a person's NPN or e-mail, at the person's newest case, if any."""
    case = latest or _lock_newest_case(session, person, rules.program)
    if case is not None:
        raise_flag(case, rules.conflict, now)
        session.add(case)
        record_audit(session, now, actor, "request.conflict", case, rules.conflict_reason, flag=rules.conflict)
    else:
        record_person_audit(session, now, actor, "request.conflict", person.assister_id, rules.conflict_reason)
    return case


def _describe_asking(request: AnyRequest) -> dict[str, Any]:
    """Who asked for what: by this staff can reach both."""
    asked = ("program", "plan_year", "npn", "first_name", "last_name", "email", "phone")
    document = request.model_dump(mode="json")
    return {name: document[name] for name in asked if document.get(name) is not None}


def _store_case(
    session: Session,
    rules: Rules,
    person: Assister,
    earlier: Case | None,
    new: NewCase,
    origin: Origin,
    match: IdentityMatch,
    *,
    is_second: bool = False,
) -> Opened:
    """Stores a case with its first facts; where it is doubtful whose it is, nothing of it is kept of the person.

    ``is_second``: somebody else claims the same NPN, and staff are to look at both (D3).
    """
    policy, applicant = new.policy, Applicant.model_validate(new.request)
    case = Case(
        case_id=new.case_id,
        assister_id=person.assister_id,
        program=policy.program,
        plan_year=policy.plan_year,
        attempt=earlier.attempt + 1 if earlier else 1,
        kind=new.kind,
        assister_type=new.assister_type,
        **asdict(new.accounts),
        rules_hash=keep_rules(session, policy, origin.at),
        request=new.request,
        identity_matches=match is IdentityMatch.SAME,
        npn_unproven=claim_npn(session, person.assister_id, applicant.npn, origin.at),
        first_email=applicant.email,
        workflow_id=make_workflow_id(policy.program, policy.plan_year, new.case_id),
        stage=Stage.REQUESTED,
        sort_name=make_sort_name(person.first_name, person.last_name),
        opened_at=origin.at,
    )
    if match is IdentityMatch.SAME:
        person.details = merge_details(person.details, new.request, rules.form)
    if is_second or match is not IdentityMatch.SAME:
        raise_flag(case, rules.conflict, origin.at)
        record_audit(session, origin.at, SYSTEM, f"case.flagged.{rules.conflict}", case)
    session.add_all([person, case])
    # Of two who open the same case at once, the second fails here by the unique key, and is done again.
    session.flush()
    append_facts(session, case, new.facts, origin.at)
    remember_words(session, person.assister_id)
    described = {"source": origin.source, rules.kind_field: case.kind, "assister_type": case.assister_type}
    record_audit(session, origin.at, origin.actor, "case.opened", case, **described)
    if any(fact.kind is FactKind.AGREEMENT_ACCEPTED for fact in new.facts):
        record_audit(session, origin.at, origin.actor, "agreement.accepted", case, source=origin.source)
    return Opened(person.assister_id, case.case_id, case.workflow_id, created=True)
