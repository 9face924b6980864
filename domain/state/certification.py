"""The stage of a case: a fold over its facts, idempotent and indifferent to their order; and what follows from it."""

from collections.abc import Hashable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.appeals import APPEAL_FACTS, Appeal, count_reopenings, fold_appeals
from domain.shared.cases.authority import COUNTED_FACTS, Authority, Position, fold_authority, lay_over
from domain.shared.cases.facts import Fact, FactKind, FactLog, GivenReason
from domain.shared.cases.stages import ENDED, ENDINGS, Certificate, Stage, WaitingFor
from domain.state.adverse_actions import ADVERSE_FACTS, AdverseAction, fold_adverse_action
from domain.state.background_reports import BackgroundCheck, fold_check, is_made_on, make_check_finding
from domain.state.eligibility import LICENSING, Check, Finding, Result, Verdict, make_finding
from domain.state.facts import AnsweredData, DecidedData, ExamAttemptedData, QuestionTakenBackData, ScreenedData
from domain.state.lapses import LAPSE_FACTS, Lapse, fold_lapse, lay_lapse_over


class EligibilityStatus(StrEnum):
    """Where the eligibility determination stands (A12)."""

    PENDING = "pending"
    INFORMATION_REQUESTED = "information_requested"
    APPROVED = "approved"
    DENIED = "denied"


class LmsAccount(StrEnum):
    """The assister's account in the LMS (A15–A17)."""

    NONE = "none"
    INVITED = "invited"
    READY = "ready"


class Completeness(StrEnum):
    """Whether a profile, in the LMS or in the portal, is complete."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"


class PortalAccount(StrEnum):
    """The assister's account in the portal (A25–A28)."""

    NONE = "none"
    CREATED = "created"
    REGISTERED = "registered"
    ACTIVE = "active"


class SchedulingTool(StrEnum):
    """The portal's Scheduling Tool (A29)."""

    NOT_READY = "not_ready"
    READY = "ready"


class CertificationOpening(BaseModel):
    """What a case is from its first moment on: who, and what earlier years left in place.

    ``npn_unproven``: whose the NPN is has still to be proven (D2).
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    assister_type: AssisterType
    has_lms_account: bool = False
    has_portal_account: bool = False
    has_portal_profile: bool = False
    has_scheduling_tool: bool = False
    npn_unproven: bool = False


class Decision(GivenReason):
    """Staff's last word on eligibility (A12); ``fields`` are those that a question is about."""

    verdict: Verdict
    by: str
    at: datetime
    reason: str
    override: str | None
    fields: tuple[str, ...] = ()


class TakenBack(BaseModel):
    """The last question, where staff have taken it back: by whom, when and why (A12)."""

    model_config = ConfigDict(frozen=True)

    by: str
    at: datetime
    reason: str


class ExamAttempt(BaseModel):
    """One attempt at the exam; every one is kept (A22). ``witness`` is the number that its score comes from."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    score: str
    passed: bool
    at: datetime
    witness: Literal["raw", "scaled"] | None = None


class CertificationState(BaseModel):
    """Everything the facts of a case come to."""

    model_config = ConfigDict(frozen=True)

    opening: CertificationOpening
    stage: Stage
    waiting_for: WaitingFor | None
    waiting_since: datetime | None
    eligibility: EligibilityStatus
    decision: Decision | None
    findings: tuple[Finding, ...]
    round: int
    take_backs: int
    check: BackgroundCheck
    lms_account: LmsAccount
    lms_profile: Completeness
    trained_at: datetime | None
    passed_at: datetime | None
    attempts: tuple[ExamAttempt, ...]
    certificate: Certificate | None
    portal_account: PortalAccount
    portal_profile: Completeness
    scheduling_tool: SchedulingTool
    position: Position
    authority: Authority
    appeals: tuple[Appeal, ...] = ()
    adverse_action: AdverseAction | None = None
    training_opened_at: datetime | None = None
    lapse: Lapse | None = None
    taken_back: TakenBack | None = None

    @property
    def has_completed_training(self) -> bool:
        """Whether course and exam are complete."""
        return self.trained_at is not None and self.passed_at is not None

    @property
    def is_lapsed(self) -> bool:
        """Whether the training deadline is over and the training isn't complete (E14)."""
        return self.lapse is not None and self.lapse.is_open and not self.ended

    @property
    def reopened(self) -> int:
        """How often an appeal has opened the case again."""
        return count_reopenings(self.appeals)

    @property
    def open_appeal(self) -> Appeal | None:
        """The appeal that is still to be decided."""
        return next((one for one in self.appeals if one.is_open), None)

    @property
    def is_asked(self) -> bool:
        """Whether a question of staff is open (A12)."""
        return self.eligibility is EligibilityStatus.INFORMATION_REQUESTED

    @property
    def is_undecided(self) -> bool:
        """Whether eligibility is still to be decided."""
        return not self.ended and (self.is_asked or self.eligibility is EligibilityStatus.PENDING)

    @property
    def ended(self) -> bool:
        """Whether the case is over: nothing changes it any more."""
        return self.stage in ENDED

    @property
    def has_earned_certificate(self) -> bool:
        """Whether the exam was passed by somebody whose NPN is proven: until then there is no certificate (D2)."""
        return self.passed_at is not None and not self.opening.npn_unproven

    @property
    def has_authority(self) -> bool:
        """Whether there is a certificate, by which its holder assists unless something stands against it."""
        return self.certificate is not None

    @property
    def portal_ready(self) -> bool:
        """Account, profile and Scheduling Tool, in any order (A29)."""
        return (
            _is_account_done(self.opening.kind, self.portal_account)
            and self.portal_profile is Completeness.COMPLETE
            and self.scheduling_tool is SchedulingTool.READY
        )


def _is_account_done(kind: Kind, account: PortalAccount) -> bool:
    """A broker's or agent's account counts once registered, a counselor's once activated (A25, A28)."""
    if account is PortalAccount.REGISTERED:
        return kind.is_licensed
    return account is PortalAccount.ACTIVE


def fold_certification(opening: CertificationOpening, facts: Iterable[Fact]) -> CertificationState:
    """The state the facts come to. Facts repeated or permuted give the same state."""
    log = FactLog(facts)
    eligibility, decision = _fold_eligibility(log)
    check = fold_check(log)
    # Enrolling an existing account counts as its profile: nothing would ever report one completed in an earlier year.
    profile_at = log.find_time(FactKind.LMS_PROFILE_COMPLETED) or (
        log.find_time(FactKind.LMS_ENROLLED) if opening.has_lms_account else None
    )
    course_at = log.find_time(FactKind.COURSE_COMPLETED)
    attempts = tuple(
        ExamAttempt(**fact.read_as(ExamAttemptedData).model_dump(), at=fact.at)
        for fact in log.find_all(FactKind.EXAM_ATTEMPTED)
    )
    state = CertificationState(
        opening=opening,
        stage=Stage.REQUESTED,
        waiting_for=None,
        waiting_since=None,
        eligibility=eligibility,
        decision=decision,
        findings=_fold_findings(opening, log, check),
        round=_count_answers(log),
        take_backs=_count_take_backs(log),
        check=check,
        lms_account=_fold_lms_account(opening, log),
        lms_profile=Completeness.COMPLETE if profile_at else Completeness.INCOMPLETE,
        trained_at=max(course_at, profile_at) if course_at and profile_at else None,
        passed_at=next((attempt.at for attempt in attempts if attempt.passed), None),
        attempts=attempts,
        certificate=_fold_certificate(log),
        portal_account=_fold_portal_account(opening, log),
        portal_profile=(
            Completeness.COMPLETE
            if opening.has_portal_profile or log.has(FactKind.PORTAL_PROFILE_COMPLETED)
            else Completeness.INCOMPLETE
        ),
        scheduling_tool=(
            SchedulingTool.READY
            if opening.has_scheduling_tool or log.has(FactKind.SCHEDULING_TOOL_READY)
            else SchedulingTool.NOT_READY
        ),
        position=Position(stage=Stage.REQUESTED, waiting_for=None, waiting_since=None),
        authority=Authority(),
        appeals=fold_appeals(log),
        adverse_action=fold_adverse_action(log),
        training_opened_at=_find_training_start(opening, log, eligibility, decision),
        taken_back=_find_taken_back(log) if eligibility is EligibilityStatus.PENDING else None,
    )
    state = state.model_copy(update={"lapse": fold_lapse(log, is_complete=state.has_completed_training)})
    stage, waiting_for = _find_stage(state, log)
    since = _find_wait_start(log, waiting_for) if waiting_for else None
    position = Position(stage=stage, waiting_for=waiting_for, waiting_since=since)
    authority = fold_authority(log, state.appeals, ended=stage in ENDED)
    said = lay_over(lay_lapse_over(position, state.lapse), authority)
    return state.model_copy(update={"position": position, "authority": authority, **dict(said)})


def _find_training_start(
    opening: CertificationOpening, log: FactLog, eligibility: EligibilityStatus, decision: Decision | None
) -> datetime | None:
    """When the training was open to somebody approved: from then on a deadline runs (E14)."""
    opened_at = log.find_time(FactKind.LMS_ENROLLED if opening.has_lms_account else FactKind.LMS_INVITED)
    if eligibility is not EligibilityStatus.APPROVED or decision is None or opened_at is None:
        return None
    return max(decision.at, opened_at)


def _count_answers(log: FactLog) -> int:
    """How often the request was answered: each answer is screened again (A12)."""
    return len(log.find_all(FactKind.ANSWERED))


def _count_take_backs(log: FactLog) -> int:
    """How often staff took a question back: nothing is screened again for it (A12)."""
    return len(log.find_all(FactKind.QUESTION_TAKEN_BACK))


def _find_taken_back(log: FactLog) -> TakenBack | None:
    """What closed the last question, where that was no answer."""
    closed = log.find_last(FactKind.QUESTION_TAKEN_BACK, FactKind.ANSWERED)
    if closed is None or closed.kind is FactKind.ANSWERED:
        return None
    return TakenBack(**closed.read_as(QuestionTakenBackData).model_dump(), at=closed.at)


def _fold_eligibility(log: FactLog) -> tuple[EligibilityStatus, Decision | None]:
    """Where the determination stands, and the decision that counts: the first final one, else the last question."""
    decisions = [
        Decision(**fact.read_as(DecidedData).model_dump(exclude={"round"}), at=fact.at)
        for fact in log.find_all(FactKind.DECIDED)
    ]
    if not decisions:
        return EligibilityStatus.PENDING, None
    final = next((one for one in decisions if one.verdict is not Verdict.ASK), None)
    if final is not None:
        approved = final.verdict is Verdict.APPROVE
        return (EligibilityStatus.APPROVED if approved else EligibilityStatus.DENIED), final
    asked = len(decisions) > _count_answers(log) + _count_take_backs(log)
    return (EligibilityStatus.INFORMATION_REQUESTED if asked else EligibilityStatus.PENDING), decisions[-1]


def _find_screenings(log: FactLog) -> list[tuple[Fact, ScreenedData]]:
    """The screenings of the request as it was answered last; earlier ones are of another request (A12)."""
    screenings = [(fact, fact.read_as(ScreenedData)) for fact in log.find_all(FactKind.SCREENED)]
    answers = _count_answers(log)
    current = next((one.registry_inputs for one in _list_answers(log) if one.registry_inputs), None)
    return [
        (fact, screened)
        for fact, screened in screenings
        if screened.round == answers and (screened.inputs is None or is_made_on(screened.inputs, current))
    ]


def _list_screenings(log: FactLog) -> list[tuple[Fact, ScreenedData]]:
    """Those of the request as it is, the one that counts last."""
    return sorted(_find_screenings(log), key=lambda one: (one[1].is_answered, one[0].at, one[0].id))


def find_former_screening(facts: Iterable[Fact]) -> tuple[Fact, ScreenedData] | None:
    """The screening of the request as it is that counted before checks were made again; None where none were."""
    screenings = _list_screenings(FactLog(facts))
    return screenings[-2] if len(screenings) > 1 else None


def _list_answers(log: FactLog) -> list[AnsweredData]:
    """The answers, the last first."""
    return [fact.read_as(AnsweredData) for fact in reversed(log.find_all(FactKind.ANSWERED))]


def _fold_findings(opening: CertificationOpening, log: FactLog, check: BackgroundCheck) -> tuple[Finding, ...]:
    """The last screening's findings, with the agreement and the background check as they stand now.

    What the registry said of a request stands over its silence, whichever was recorded last: a look-up that was given
    up may have got its answer all the same (A13).
    """
    screenings = _list_screenings(log)
    found = [*screenings[-1][1].findings] if screenings else _list_pending_findings(opening, log)
    if opening.kind.is_licensed:
        found.append(make_finding(Check.AGREEMENT_ACCEPTED, log.has(FactKind.AGREEMENT_ACCEPTED)))
        if opening.npn_unproven:
            found.append(make_finding(Check.NPN_OWNER, Result.UNKNOWN))
    else:
        found.append(make_check_finding(check))
    return tuple(found)


def _list_pending_findings(opening: CertificationOpening, log: FactLog) -> list[Finding]:
    """What the registry is to say anew, since an answer changed whom or which licence it is asked about (D5)."""
    changed = any(one.registry_inputs for one in _list_answers(log))
    return [make_finding(check, Result.PENDING) for check in LICENSING] if changed and opening.kind.is_licensed else []


def _fold_lms_account(opening: CertificationOpening, log: FactLog) -> LmsAccount:
    if opening.has_lms_account or log.has(FactKind.LMS_REGISTERED):
        return LmsAccount.READY
    return LmsAccount.INVITED if log.has(FactKind.LMS_INVITED) else LmsAccount.NONE


def _fold_certificate(log: FactLog) -> Certificate | None:
    """The newest: a corrected one supersedes the one before (E11)."""
    issued = log.find_last(FactKind.CERTIFICATE_ISSUED)
    return issued.read_as(Certificate) if issued else None


def _fold_portal_account(opening: CertificationOpening, log: FactLog) -> PortalAccount:
    if opening.has_portal_account or log.has(FactKind.PORTAL_ACTIVATED):
        return PortalAccount.ACTIVE
    if log.has(FactKind.PORTAL_REGISTERED) and opening.kind.is_licensed:
        return PortalAccount.REGISTERED
    return PortalAccount.CREATED if log.has(FactKind.PORTAL_ACCOUNT_CREATED) else PortalAccount.NONE


def _find_stage(state: CertificationState, log: FactLog) -> tuple[Stage, WaitingFor | None]:
    """The seven steps of the guide, asked in order: the first that isn't done is where the case is."""
    ending = log.find_first(*ENDINGS)
    if ending or state.eligibility is EligibilityStatus.DENIED:
        if state.open_appeal:
            return Stage.UNDER_APPEAL, WaitingFor.APPEAL_DECISION
        return ENDINGS[ending.kind] if ending else Stage.DENIED, None
    if state.eligibility is not EligibilityStatus.APPROVED:
        return _find_stage_before_decision(state, log)
    if state.certificate is None:
        return _find_stage_in_training(state)
    return _find_stage_after_certificate(state)


def _find_stage_before_decision(state: CertificationState, log: FactLog) -> tuple[Stage, WaitingFor]:
    if state.is_asked:
        return Stage.AWAITING_INFORMATION, WaitingFor.INFORMATION
    if not _find_screenings(log):
        return Stage.SCREENING if log.has(FactKind.BEGUN) else Stage.REQUESTED, WaitingFor.SCREENING
    if any(one.result is Result.PENDING for one in state.findings):
        return Stage.AWAITING_BACKGROUND_CHECK, WaitingFor.BACKGROUND_CHECK
    return Stage.AWAITING_DECISION, WaitingFor.DECISION


def _find_stage_in_training(state: CertificationState) -> tuple[Stage, WaitingFor]:
    if state.lms_account is LmsAccount.NONE:
        return Stage.INVITED, WaitingFor.LMS_INVITATION
    if state.lms_account is LmsAccount.INVITED:
        return Stage.INVITED, WaitingFor.LMS_ACCOUNT
    if state.lms_profile is Completeness.INCOMPLETE and state.opening.has_lms_account:
        return Stage.INVITED, WaitingFor.NPN_PROOF if state.opening.npn_unproven else WaitingFor.LMS_INVITATION
    if state.lms_profile is Completeness.INCOMPLETE:
        return Stage.INVITED, WaitingFor.LMS_PROFILE
    if state.trained_at is None:
        return Stage.IN_TRAINING, WaitingFor.COURSE_COMPLETION
    if state.passed_at is None:
        return Stage.AWAITING_EXAM_PASS, WaitingFor.EXAM_PASS
    if state.opening.npn_unproven:
        return Stage.AWAITING_EXAM_PASS, WaitingFor.NPN_PROOF
    return Stage.AWAITING_EXAM_PASS, WaitingFor.CERTIFICATE


def _find_stage_after_certificate(state: CertificationState) -> tuple[Stage, WaitingFor]:
    if state.portal_account is PortalAccount.NONE:
        licensed = state.opening.kind.is_licensed
        return Stage.CERTIFIED, WaitingFor.PORTAL_REGISTRATION if licensed else WaitingFor.PORTAL_ACCOUNT
    if not _is_account_done(state.opening.kind, state.portal_account):
        return Stage.PORTAL_SETUP, WaitingFor.PORTAL_ACTIVATION
    if state.portal_profile is Completeness.INCOMPLETE:
        return Stage.PORTAL_SETUP, WaitingFor.PORTAL_PROFILE
    if state.scheduling_tool is SchedulingTool.NOT_READY:
        return Stage.PORTAL_SETUP, WaitingFor.SCHEDULING_TOOL
    return Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR


# After the last of these a case waits for a decision.
READY_FACTS = (FactKind.SCREENED, FactKind.BACKGROUND_REPORTED, FactKind.QUESTION_TAKEN_BACK)

_BEGINS: dict[WaitingFor, tuple[FactKind, ...]] = {
    WaitingFor.SCREENING: (FactKind.REQUESTED, FactKind.ANSWERED),
    WaitingFor.BACKGROUND_CHECK: (
        FactKind.SCREENED,
        FactKind.BACKGROUND_ORDERED,
        FactKind.BACKGROUND_REORDERED,
        FactKind.QUESTION_TAKEN_BACK,
    ),
    WaitingFor.DECISION: READY_FACTS,
    WaitingFor.INFORMATION: (FactKind.DECIDED,),
    WaitingFor.LMS_INVITATION: (FactKind.DECIDED, FactKind.NPN_PROVEN),
    WaitingFor.LMS_ACCOUNT: (FactKind.LMS_INVITED, FactKind.DECIDED),
    WaitingFor.LMS_PROFILE: (FactKind.LMS_REGISTERED, FactKind.DECIDED),
    WaitingFor.COURSE_COMPLETION: (FactKind.LMS_PROFILE_COMPLETED, FactKind.LMS_ENROLLED, FactKind.DECIDED),
    WaitingFor.EXAM_PASS: (FactKind.COURSE_COMPLETED, FactKind.LMS_PROFILE_COMPLETED, FactKind.DECIDED),
    WaitingFor.NPN_PROOF: (FactKind.EXAM_ATTEMPTED, FactKind.COURSE_COMPLETED, FactKind.DECIDED),
    WaitingFor.CERTIFICATE: (
        FactKind.EXAM_ATTEMPTED,
        FactKind.NPN_PROVEN,
        FactKind.COURSE_COMPLETED,
        FactKind.LMS_PROFILE_COMPLETED,
        FactKind.DECIDED,
    ),
    WaitingFor.PORTAL_REGISTRATION: (FactKind.CERTIFICATE_ISSUED,),
    WaitingFor.PORTAL_ACCOUNT: (FactKind.CERTIFICATE_ISSUED,),
    WaitingFor.PORTAL_ACTIVATION: (FactKind.PORTAL_ACCOUNT_CREATED,),
    WaitingFor.PORTAL_PROFILE: (FactKind.CERTIFICATE_ISSUED, FactKind.PORTAL_REGISTERED, FactKind.PORTAL_ACTIVATED),
    WaitingFor.SCHEDULING_TOOL: (
        FactKind.PORTAL_PROFILE_COMPLETED,
        FactKind.PORTAL_REGISTERED,
        FactKind.PORTAL_ACTIVATED,
    ),
    WaitingFor.APPEAL_DECISION: (FactKind.APPEAL_FILED, FactKind.APPEAL_ESCALATED),
    WaitingFor.NEXT_PLAN_YEAR: (
        FactKind.CERTIFICATE_ISSUED,
        FactKind.PORTAL_REGISTERED,
        FactKind.PORTAL_ACTIVATED,
        FactKind.PORTAL_PROFILE_COMPLETED,
        FactKind.SCHEDULING_TOOL_READY,
    ),
}


def _find_wait_start(log: FactLog, waiting_for: WaitingFor) -> datetime | None:
    """When the wait began: the latest of the first facts that lead into it (a decision, an answer: the last)."""
    begins = [_find_begin(log, kind) for kind in _BEGINS[waiting_for]]
    return max((fact.at for fact in begins if fact), default=None)


def _find_begin(log: FactLog, kind: FactKind) -> Fact | None:
    """The first or the last fact of a kind; checks that staff had made again begin no wait anew."""
    if kind is FactKind.SCREENED:
        return next((one for one in reversed(log.find_all(kind)) if not one.data.get("asked_by")), None)
    return log.find_last(kind) if kind in _ALL_COUNT else log.find_first(kind)


# Each is a step of its own: what staff decided, asked, took back, suspended and ordered anew, what was answered, what
# screenings found, appeals, what goes before a denial by a report, lapses.
_ALL_COUNT = (
    COUNTED_FACTS
    | APPEAL_FACTS
    | ADVERSE_FACTS
    | LAPSE_FACTS
    | {FactKind.DECIDED, FactKind.ANSWERED, FactKind.QUESTION_TAKEN_BACK}
    | {FactKind.SCREENED, FactKind.BACKGROUND_REORDERED}
)


def find_certification_group(fact: Fact) -> Hashable | None:
    """The group of facts of which the first and the last count; None where every one counts."""
    if fact.kind in _ALL_COUNT:
        return None
    if fact.kind is FactKind.EXAM_ATTEMPTED:
        return fact.kind, bool(fact.data.get("passed"))
    if fact.kind in (FactKind.BACKGROUND_REPORTED, FactKind.BACKGROUND_CHANGED):
        return fact.kind, fact.data.get("inputs"), fact.data.get("order")
    return fact.kind
