"""The journeys of the state's program, and what may arrive on them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain.programs.stage_table.adverse_rows import list_adverse_arrivals, list_adverse_detours
from domain.programs.stage_table.deadline_rows import list_deadline_arrivals, list_lapsed
from domain.programs.stage_table.shared_rows import (
    list_clocks,
    list_commands,
    list_objections,
    list_overlays,
    make_command_arrival,
    make_ending,
    make_fact,
    make_filing,
    make_withdrawal_of_appeal,
)
from domain.programs.stage_table.table import BEGAN, Arrival, Detour, Journey, Standing, list_suspensions
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.commands import ActivateAccount, SaveProfile
from domain.shared.cases.events import find_reason_without_effect
from domain.shared.cases.facts import Fact, FactData, FactKind
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Coded, Reason
from domain.shared.cases.stages import Certificate, Stage, WaitingFor
from domain.shared.claims import find_proof_refusal
from domain.shared.documents.faults import Fault
from domain.state.background_reports import find_outdated_reason
from domain.state.certification import CertificationOpening, CertificationState, fold_certification
from domain.state.commands import AnswerQuestion, Decide, ReorderCheck, RepeatChecks, TakeQuestionBack
from domain.state.eligibility import Verdict
from domain.state.facts import (
    AgreementAcceptedData,
    BackgroundChangedData,
    BackgroundConsentedData,
    BackgroundOrderedData,
    BackgroundReportedData,
    CheckChange,
    DecidedData,
    ExamAttemptedData,
    ScreenedData,
)
from domain.state.portal_reports import PORTAL_FACT, PortalEvent, find_premature_reason

_NEW_BROKER = CertificationOpening(kind=Kind.BROKER, assister_type=AssisterType.NEW)
_COUNSELOR = CertificationOpening(kind=Kind.ENROLLMENT_COUNSELOR, assister_type=AssisterType.NEW)
_RETURNING = CertificationOpening(
    kind=Kind.BROKER,
    assister_type=AssisterType.RETURNING,
    has_lms_account=True,
    has_portal_account=True,
    has_portal_profile=True,
    has_scheduling_tool=True,
)
_UNPROVEN = _NEW_BROKER.model_copy(update={"npn_unproven": True})

_DATA: dict[FactKind, FactData] = {
    FactKind.AGREEMENT_ACCEPTED: AgreementAcceptedData(version="1", language="en", sha256="0" * 64, source="form"),
    FactKind.SCREENED: ScreenedData(round=0, findings=()),
    FactKind.BACKGROUND_CONSENTED: BackgroundConsentedData(version="1", language="en", sha256="0" * 64, source="form"),
    FactKind.BACKGROUND_ORDERED: BackgroundOrderedData(),
    FactKind.BACKGROUND_REPORTED: BackgroundReportedData(result="clear"),
    FactKind.DECIDED: DecidedData(verdict=Verdict.APPROVE, by="staff:sample", reason="a sample reason"),
    FactKind.EXAM_ATTEMPTED: ExamAttemptedData(event_id="1", score="0.8", passed=True),
    FactKind.CERTIFICATE_ISSUED: Certificate(
        number="1", issued_at=BEGAN, valid_until=date(2026, 12, 31), sha256="0" * 64
    ),
}
_TRAINED = (FactKind.COURSE_COMPLETED, FactKind.EXAM_ATTEMPTED)
_INVITED = (FactKind.LMS_INVITED, FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED)
_BEGUN = (FactKind.REQUESTED, FactKind.BEGUN)
_SET_UP = (FactKind.PORTAL_PROFILE_COMPLETED, FactKind.SCHEDULING_TOOL_READY)
_OF_BROKER = (*_BEGUN, FactKind.AGREEMENT_ACCEPTED, FactKind.SCREENED, FactKind.DECIDED)
_BROKERS_WAY = (
    *_OF_BROKER,
    *_INVITED,
    *_TRAINED,
    FactKind.CERTIFICATE_ISSUED,
    FactKind.PORTAL_REGISTERED,
    *_SET_UP,
)
_COUNSELORS_WAY = (
    FactKind.REQUESTED,
    FactKind.BACKGROUND_CONSENTED,
    FactKind.BEGUN,
    FactKind.SCREENED,
    FactKind.BACKGROUND_ORDERED,
    FactKind.BACKGROUND_REPORTED,
    FactKind.DECIDED,
    *_INVITED,
    *_TRAINED,
    FactKind.CERTIFICATE_ISSUED,
    FactKind.PORTAL_ACCOUNT_CREATED,
    FactKind.PORTAL_ACTIVATED,
    *_SET_UP,
)
_RETURNING_WAY = (
    *_OF_BROKER,
    FactKind.LMS_ENROLLED,
    *_TRAINED,
    FactKind.CERTIFICATE_ISSUED,
    FactKind.PORTAL_ACCOUNT_REUSED,
)
_UNPROVEN_WAY = (
    *_OF_BROKER,
    *_INVITED,
    *_TRAINED,
    FactKind.NPN_PROVEN,
    FactKind.CERTIFICATE_ISSUED,
    FactKind.PORTAL_REGISTERED,
    *_SET_UP,
)

_NOTICES = (
    Notice.REQUEST_RECEIVED,
    Notice.INFORMATION_NEEDED,
    Notice.QUESTION_TAKEN_BACK,
    Notice.LMS_INVITATION,
    Notice.LMS_ENROLLED,
    Notice.TRAINING_LAPSED,
    Notice.CERTIFICATE_ISSUED,
    Notice.PORTAL_ACTIVATION,
    Notice.ACTIVE,
    Notice.AUTHORITY_SUSPENDED,
    Notice.TERMINATION_NOTICED,
    Notice.ADVERSE_ACTION_BEGUN,
)


def _make(kind: FactKind, at: datetime, data: FactData | None = None) -> Fact:
    return make_fact(kind, at, data or _DATA.get(kind))


def _build(kind: FactKind, data: FactData | None = None) -> Callable[[Standing, datetime], list[Fact]]:
    return lambda standing, at: [_make(kind, at, data)]


def _refuse_event(own: Callable[[Standing], Reason | None]) -> Callable[[Standing], Coded | None]:
    """What the inbox says of a report: its case had ended, or what else speaks against it."""
    return lambda standing: find_reason_without_effect(standing.state.stage, own(standing))


def _find_check_refusal(standing: Standing) -> Coded | None:
    """A report is of an order; without one it is nobody's."""
    ordered = [fact for fact in standing.facts if fact.kind is FactKind.BACKGROUND_ORDERED]
    if not ordered:
        return Fault("data.object.candidate_id", "mismatch")
    state = _read_certification(standing)
    return find_reason_without_effect(state.stage, find_outdated_reason(None, 0, state.check))


def _read_certification(standing: Standing) -> CertificationState:
    assert isinstance(standing.state, CertificationState), "a case of the state program"
    return standing.state


def _list_reports() -> list[Arrival]:
    counts = _refuse_event(lambda standing: None)
    lms = (FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_STARTED, FactKind.COURSE_COMPLETED)
    failed = ExamAttemptedData(event_id="2", score="0.7", passed=False)
    reported, changed = FactKind.BACKGROUND_REPORTED, FactKind.BACKGROUND_CHANGED
    vendor = "background-check vendor"
    return [
        *(Arrival(kind, "LMS", _build(kind), find_refusal=counts) for kind in lms),
        Arrival(FactKind.EXAM_ATTEMPTED, "LMS", _build(FactKind.EXAM_ATTEMPTED), "passed", counts),
        Arrival(FactKind.EXAM_ATTEMPTED, "LMS", _build(FactKind.EXAM_ATTEMPTED, failed), "failed", counts),
        *(
            Arrival(
                reported, vendor, _build(reported, BackgroundReportedData(result=result)), result, _find_check_refusal
            )
            for result in ("clear", "consider")
        ),
        *(
            Arrival(
                changed,
                vendor,
                _build(changed, BackgroundChangedData(change=change)),
                change.value,
                _find_check_refusal,
            )
            for change in CheckChange
        ),
        *(
            Arrival(kind, "portal", _build(kind), find_refusal=_refuse_portal(event))
            for event, kind in PORTAL_FACT.items()
        ),
        Arrival(FactKind.NPN_PROVEN, "assister, staff", _build(FactKind.NPN_PROVEN), find_refusal=_find_proof_refusal),
    ]


def _find_proof_refusal(standing: Standing) -> Coded | None:
    """Counselors have no NPN."""
    state = _read_certification(standing)
    npn = "1" if state.opening.kind.is_licensed else None
    return find_proof_refusal(npn, state.stage, is_settled=True, is_taken=False)


def _refuse_portal(event: PortalEvent) -> Callable[[Standing], Coded | None]:
    return _refuse_event(lambda standing: find_premature_reason(event, _read_certification(standing)))


def _list_own_steps() -> list[Arrival]:
    """What we do ourselves while a case waits for it."""
    during = {
        FactKind.BEGUN: (Stage.REQUESTED, WaitingFor.SCREENING),
        FactKind.SCREENED: (Stage.SCREENING, WaitingFor.SCREENING),
        FactKind.BACKGROUND_ORDERED: (Stage.AWAITING_BACKGROUND_CHECK, WaitingFor.BACKGROUND_CHECK),
        FactKind.LMS_INVITED: (Stage.INVITED, WaitingFor.LMS_INVITATION),
        FactKind.LMS_ENROLLED: (Stage.INVITED, WaitingFor.LMS_INVITATION),
        FactKind.CERTIFICATE_ISSUED: (Stage.AWAITING_EXAM_PASS, WaitingFor.CERTIFICATE),
        FactKind.PORTAL_ACCOUNT_CREATED: (Stage.CERTIFIED, WaitingFor.PORTAL_ACCOUNT),
        FactKind.PORTAL_ACCOUNT_REUSED: (Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR),
    }
    return [Arrival(kind, "us", _build(kind), during=wait) for kind, wait in during.items()]


def _list_own_commands() -> list[Arrival]:
    """The state program's own commands."""
    answer = AnswerQuestion(changes={})
    return [
        *(make_command_arrival(Decide(verdict=verdict), "staff", verdict.value) for verdict in Verdict),
        make_command_arrival(Decide(verdict=Verdict.APPROVE, override="seen on paper"), "staff", "approve, override"),
        make_command_arrival(answer, "assister, staff"),
        make_command_arrival(TakeQuestionBack(), "staff"),
        make_command_arrival(ReorderCheck(consent="by phone"), "staff"),
        make_command_arrival(RepeatChecks(), "staff"),
        make_command_arrival(ActivateAccount(), "assister", "by a link in force"),
        make_command_arrival(SaveProfile(), "assister, portal"),
    ]


def _fold_for(opening: CertificationOpening) -> Callable[[Iterable[Fact]], CertificationState]:
    """The program's fold; that an NPN is proven is known of the case, which isn't unproven from then on (D2)."""

    def fold(facts: Iterable[Fact]) -> CertificationState:
        happened = list(facts)
        is_proven = any(fact.kind is FactKind.NPN_PROVEN for fact in happened)
        known = opening.model_copy(update={"npn_unproven": False}) if is_proven else opening
        return fold_certification(known, happened)

    return fold


def _list_detours(way: tuple[FactKind, ...]) -> list[Detour]:
    """Places beside the way: questions, checks that end badly, ends, and appeals against those."""
    at = BEGAN + timedelta(days=1)
    undecided, last = way.index(FactKind.DECIDED), len(way)
    denied = _make(FactKind.DECIDED, at, DecidedData(verdict=Verdict.DENY, by="staff:sample", reason="a sample"))
    asked = _make(FactKind.DECIDED, at, DecidedData(verdict=Verdict.ASK, by="staff:sample", reason="a sample"))
    revoked, terminated = (make_ending(kind, at) for kind in (FactKind.REVOKED, FactKind.TERMINATED))
    detours = [Detour(undecided, (asked,))]
    if FactKind.NPN_PROVEN in way:  # before it is waited for
        proven = _make(FactKind.NPN_PROVEN, at)
        detours += [Detour(steps, (proven,)) for steps in range(undecided, way.index(FactKind.NPN_PROVEN))]
    if FactKind.BACKGROUND_REPORTED in way:
        unreported = way.index(FactKind.BACKGROUND_REPORTED)
        considered = _make(FactKind.BACKGROUND_REPORTED, at, BackgroundReportedData(result="consider"))
        stopped = _make(FactKind.BACKGROUND_CHANGED, at, BackgroundChangedData(change=CheckChange.CANCELED))
        detours += [
            Detour(unreported, (considered,)),
            Detour(unreported, (considered, asked)),
            *list_adverse_detours(unreported, considered),
            Detour(unreported, (stopped,)),
            Detour(unreported, (stopped, asked)),
        ]
    ends = ((undecided, denied, Stage.DENIED), (last, revoked, Stage.REVOKED), (last, terminated, Stage.TERMINATED))
    for steps, end, stage in ends:
        filed = make_filing(stage, end.id, at)
        detours += [
            Detour(steps, facts)
            for facts in ((end,), (end, filed), (end, filed, make_withdrawal_of_appeal(at + timedelta(hours=1))))
        ]
    return [*detours, *(Detour(last, (make_ending(kind, at),)) for kind in (FactKind.WITHDRAWN, FactKind.CLOSED))]


def _make_journey(holder: str, opening: CertificationOpening, kinds: tuple[FactKind, ...]) -> Journey:
    way = tuple(_make(kind, BEGAN + timedelta(minutes=number)) for number, kind in enumerate(kinds))
    arrivals = (
        *(one for one in _list_own_steps() if one.kind in kinds),
        *_list_reports(),
        *_list_own_commands(),
        *list_adverse_arrivals(),
        *list_commands(_NOTICES),
        *list_clocks(),
        *list_deadline_arrivals(),
        *list_objections(),
    )
    journey = Journey(holder, _fold_for(opening), way, arrivals, tuple(_list_detours(kinds)))
    at = BEGAN + timedelta(days=1)
    overlays = list_suspensions(journey.standings, list_overlays(at))
    return replace(journey, detours=(*journey.detours, *overlays, *list_lapsed(journey.standings.values(), at)))


def list_certifications() -> list[Journey]:
    """Those whose ways differ: new, counselors, returning, and those whose NPN somebody else may hold."""
    return [
        _make_journey("broker", _NEW_BROKER, _BROKERS_WAY),
        _make_journey("counselor", _COUNSELOR, _COUNSELORS_WAY),
        _make_journey("returning", _RETURNING, _RETURNING_WAY),
        _make_journey("unproven", _UNPROVEN, _UNPROVEN_WAY),
    ]
