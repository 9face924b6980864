"""The journeys of federal registrations, and what may arrive on them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from domain.federal.facts import (
    AgreementData,
    CourseData,
    CurriculumData,
    EnrolledData,
    ListingData,
    ListingsDueData,
    ListLateData,
    NpnRefusedData,
    ProfileSavedData,
    ProfileVersionData,
)
from domain.federal.markets import (
    MLMS,
    Curriculum,
    FederalList,
    Market,
    MarketplaceAgreement,
    NpnStatus,
    Role,
    list_agreements,
)
from domain.federal.registration import RegistrationOpening, RegistrationState, fold_registration
from domain.federal.steps import (
    build_completion_facts,
    find_acceptance_refusal,
    find_enrollment_refusal,
    find_next_refusal,
    find_opening_refusal,
)
from domain.programs.stage_table.shared_rows import (
    CASE,
    DAY,
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
from domain.shared.cases.commands import ActivateAccount, SaveProfile
from domain.shared.cases.events import find_reason_without_effect
from domain.shared.cases.facts import Fact, FactData, FactKind
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Coded, Reason
from domain.shared.cases.stages import Certificate, Stage, WaitingFor
from domain.shared.claims import find_proof_refusal
from domain.shared.documents.faults import Fault
from domain.state.commands import AnswerQuestion, Decide, ReorderCheck, RepeatChecks, TakeQuestionBack
from domain.state.eligibility import Verdict

_VENDOR, _VERSION, _MARKET = "vendor-a", "1", Market.INDIVIDUAL
_IN_FORCE = dict.fromkeys(MarketplaceAgreement, _VERSION)
_ROLE = Role.MARKETPLACE_AGENT_BROKER
_NEW = RegistrationOpening(role=_ROLE, markets=(_MARKET,), returning=False)
_NOTICES = (
    Notice.MARKETPLACE_WELCOME,
    Notice.PORTAL_RECOVERY,
    Notice.MARKETPLACE_PROFILE_NPN,
    Notice.MARKETPLACE_ENROLLED,
    Notice.MARKETPLACE_CERTIFICATE,
    Notice.MARKETPLACE_ACTIVE,
    Notice.AUTHORITY_SUSPENDED,
    Notice.TERMINATION_NOTICED,
)
_Make = Callable[[Standing, datetime], list[Fact]]


def _read_registration(standing: Standing) -> RegistrationState:
    assert isinstance(standing.state, RegistrationState), "a federal registration"
    return standing.state


def _enroll(curriculum: Curriculum, channel: str = MLMS) -> EnrolledData:
    return EnrolledData(curriculum=curriculum, channel=channel)


def _text(name: MarketplaceAgreement) -> AgreementData:
    return AgreementData(agreement=name, version=_VERSION, language="en", sha256="0" * 64)


def _make_completion(at: datetime) -> Fact:
    return Fact(id=f"{CASE}:completed:{_MARKET}", kind=FactKind.MARKET_COMPLETED, at=at, data={"market": _MARKET.value})


def _make_certificate(at: datetime) -> Fact:
    issued = Certificate(number="1", issued_at=BEGAN, valid_until=None, sha256="0" * 64)
    data = {**issued.to_json(), "market": _MARKET.value}
    return Fact(id="certificate", kind=FactKind.CERTIFICATE_ISSUED, at=at, data=data)


def _list_way(curriculum: Curriculum) -> tuple[Fact, ...]:
    saved = ProfileSavedData(version=1, role=_ROLE, npn=NpnStatus.VERIFIED)
    course = CourseData(curriculum=curriculum, channel=MLMS)
    kinds: list[tuple[FactKind, FactData | None]] = [
        (FactKind.REQUESTED, None),
        (FactKind.BEGUN, None),
        (FactKind.PROFILE_SAVED, saved),
        (FactKind.PROFILE_COMPLETED, None),
        (FactKind.ENROLLED, _enroll(curriculum)),
        (FactKind.MLMS_ENROLLED, CurriculumData(curriculum=curriculum)),
        (FactKind.COURSE_STARTED, course),
        (FactKind.COURSE_COMPLETED, course),
    ]
    if curriculum is Curriculum.INDIVIDUAL_RETURNING:  # who returns is enrolled as the registration is opened (B11)
        kinds.insert(1, kinds.pop(4))
    for name in list_agreements(_MARKET):
        kinds += [(FactKind.AGREEMENT_OPENED, _text(name)), (FactKind.AGREEMENT_ACCEPTED, _text(name))]
    facts = [make_fact(kind, _later(number), data) for number, (kind, data) in enumerate(kinds)]
    due = ListingsDueData(market=_MARKET, due=dict.fromkeys(FederalList, DAY))
    listed = [make_fact(FactKind.LISTED, _later(50), ListingData(market=_MARKET, list=one), one) for one in FederalList]
    watched = make_fact(FactKind.WATCH_OPENED, _later(45), due)
    return (*facts, _make_completion(_later(40)), _make_certificate(_later(42)), watched, *listed)


def _later(minutes: int) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def _fold_for(opening: RegistrationOpening) -> Callable[[Iterable[Fact]], RegistrationState]:
    """The program's fold; that a market is complete is recorded in the same moment (B12, B16)."""

    def fold(facts: Iterable[Fact]) -> RegistrationState:
        happened = list(facts)
        state = fold_registration(opening, happened, _IN_FORCE)
        completed = build_completion_facts(CASE, state)
        return fold_registration(opening, [*happened, *completed], _IN_FORCE) if completed else state

    return fold


# what may arrive


def _build(kind: FactKind, data: FactData | None = None) -> _Make:
    return lambda standing, at: [make_fact(kind, at, data)]


def _refuse_step(own: Callable[[RegistrationState], Reason | None]) -> Callable[[Standing], Coded | None]:
    """A step of the assister's own: none after the end."""

    def refuse(standing: Standing) -> Coded | None:
        state = _read_registration(standing)
        return Reason("case_ended", {"stage": state.stage.value}) if state.ended else own(state)

    return refuse


def _find_next_agreement(state: RegistrationState) -> MarketplaceAgreement:
    return next((one.agreement for one in state.agreements if one.accepted_at is None), list_agreements(_MARKET)[0])


def _build_text(kind: FactKind) -> _Make:
    return lambda standing, at: [make_fact(kind, at, _text(_find_next_agreement(_read_registration(standing))))]


def _find_launch_refusal(state: RegistrationState) -> Reason | None:
    return None if any(one.channel == _VENDOR for one in state.enrollments) else Reason("not_enrolled")


def _list_steps() -> list[Arrival]:
    """What assisters do themselves, or portals and staff for them."""
    launched = CourseData(curriculum=Curriculum.INDIVIDUAL_FULL, channel=_VENDOR)
    sender = "assister, portal, staff"
    courses = {"short": Curriculum.INDIVIDUAL_RETURNING, "full": Curriculum.INDIVIDUAL_FULL}
    next_step = _refuse_step(find_next_refusal)
    return [
        Arrival(FactKind.PROFILE_COMPLETED, sender, _build(FactKind.PROFILE_COMPLETED), find_refusal=next_step),
        *(
            Arrival(
                FactKind.ENROLLED,
                sender,
                _build(FactKind.ENROLLED, _enroll(course)),
                variant,
                _refuse_step(partial(find_enrollment_refusal, curriculum=course)),
            )
            for variant, course in courses.items()
        ),
        Arrival(
            FactKind.LAUNCHED,
            sender,
            _build(FactKind.LAUNCHED, launched),
            find_refusal=_refuse_step(_find_launch_refusal),
        ),
        Arrival(
            FactKind.AGREEMENT_OPENED,
            sender,
            _build_text(FactKind.AGREEMENT_OPENED),
            find_refusal=_refuse_step(lambda state: find_opening_refusal(state, _find_next_agreement(state))),
        ),
        Arrival(
            FactKind.AGREEMENT_ACCEPTED,
            sender,
            _build_text(FactKind.AGREEMENT_ACCEPTED),
            find_refusal=_refuse_step(lambda state: find_acceptance_refusal(state, _find_next_agreement(state))),
        ),
    ]


def _list_reports(curriculum: Curriculum) -> list[Arrival]:
    course, of_vendor = (
        CourseData(curriculum=one, channel=channel)
        for one, channel in ((curriculum, MLMS), (Curriculum.INDIVIDUAL_FULL, _VENDOR))
    )

    def counts(standing: Standing) -> Coded | None:
        return find_reason_without_effect(standing.state.stage, None)

    def has_ticket(standing: Standing) -> Coded | None:
        launched = any(fact.kind is FactKind.LAUNCHED for fact in standing.facts)
        return counts(standing) if launched else Fault("ticket", "ticket_unknown")

    def find_proof(standing: Standing) -> Coded | None:
        return find_proof_refusal("1", standing.state.stage, is_settled=True, is_taken=False)

    started, completed = FactKind.COURSE_STARTED, FactKind.COURSE_COMPLETED
    return [
        Arrival(started, "MLMS", _build(started, course), "at the MLMS", counts),
        Arrival(completed, "MLMS", _build(completed, course), "at the MLMS", counts),
        Arrival(completed, "vendor", _build(completed, of_vendor), "at a vendor", has_ticket),
        Arrival(FactKind.NPN_PROVEN, "assister, staff", _build(FactKind.NPN_PROVEN), find_refusal=find_proof),
    ]


def _list_own_steps(curriculum: Curriculum) -> list[Arrival]:
    """What we do, or look up, ourselves while a registration waits for it."""
    asked = Stage.AWAITING_PROFILE, WaitingFor.NPN_VERIFICATION
    listing = Stage.CERTIFIED, WaitingFor.PUBLICATION
    training = Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING
    refused, verified = NpnRefusedData(version=1, faults=(("npn", "mismatch"),)), ProfileVersionData(version=1)
    late = ListLateData(market=_MARKET, list=FederalList.FIND_LOCAL_HELP, due_on=DAY)
    due = ListingsDueData(market=_MARKET, due=dict.fromkeys(FederalList, DAY))
    opened = CurriculumData(curriculum=curriculum)
    begin = Stage.REQUESTED, WaitingFor.MARKETPLACE_PROFILE
    print_ = Stage.CERTIFIED, WaitingFor.CERTIFICATE
    return [
        Arrival(FactKind.BEGUN, "us", _build(FactKind.BEGUN), during=begin),
        Arrival(FactKind.NPN_VERIFIED, "us", _build(FactKind.NPN_VERIFIED, verified), during=asked),
        Arrival(FactKind.NPN_REFUSED, "us", _build(FactKind.NPN_REFUSED, refused), during=asked),
        Arrival(FactKind.MLMS_ENROLLED, "us", _build(FactKind.MLMS_ENROLLED, opened), during=training),
        Arrival(FactKind.CERTIFICATE_ISSUED, "us", lambda standing, at: [_make_certificate(at)], during=print_),
        Arrival(FactKind.WATCH_OPENED, "us", _build(FactKind.WATCH_OPENED, due), during=listing),
        *(
            Arrival(
                FactKind.LISTED,
                "us",
                _build(FactKind.LISTED, ListingData(market=_MARKET, list=one)),
                one.value,
                during=listing,
            )
            for one in FederalList
        ),
        Arrival(FactKind.LIST_LATE, "us", _build(FactKind.LIST_LATE, late), during=listing),
        Arrival(FactKind.HELP_DESK_TOLD, "us", _build(FactKind.HELP_DESK_TOLD), during=listing),
    ]


def _list_own_commands() -> list[Arrival]:
    """The profile, and what the other program alone has."""

    def save(npn: NpnStatus) -> _Make:
        def build(standing: Standing, at: datetime) -> list[Fact]:
            version = _read_registration(standing).profile.version + 1
            return [make_fact(FactKind.PROFILE_SAVED, at, ProfileSavedData(version=version, role=_ROLE, npn=npn))]

        return build

    variants = {"NPN confirmed": NpnStatus.VERIFIED, "registry down": NpnStatus.UNVERIFIED}
    return [
        *(
            make_command_arrival(SaveProfile(), "assister, portal, staff", variant, build_facts=save(npn))
            for variant, npn in variants.items()
        ),
        make_command_arrival(Decide(verdict=Verdict.APPROVE), "staff"),
        make_command_arrival(AnswerQuestion(changes={}), "assister, staff"),
        make_command_arrival(TakeQuestionBack(), "staff"),
        make_command_arrival(ReorderCheck(), "staff"),
        make_command_arrival(RepeatChecks(), "staff"),
        make_command_arrival(ActivateAccount(), "assister"),
    ]


def _list_detours(way: tuple[Fact, ...]) -> list[Detour]:
    """A registry that is down, a course at a vendor, ends and appeals against those."""
    at = BEGAN + timedelta(days=1)
    unverified = ProfileSavedData(version=1, role=_ROLE, npn=NpnStatus.UNVERIFIED)
    saved, completed = make_fact(FactKind.PROFILE_SAVED, at, unverified), make_fact(FactKind.PROFILE_COMPLETED, at)
    refused = make_fact(FactKind.NPN_REFUSED, at, NpnRefusedData(version=1))
    enrolled = make_fact(FactKind.ENROLLED, at, _enroll(Curriculum.INDIVIDUAL_FULL, _VENDOR))
    course = CourseData(curriculum=Curriculum.INDIVIDUAL_FULL, channel=_VENDOR)
    launched = make_fact(FactKind.LAUNCHED, at, course)
    kinds = [fact.kind for fact in way]
    begun, ready = kinds.index(FactKind.BEGUN) + 1, kinds.index(FactKind.PROFILE_COMPLETED) + 1
    detours = [
        Detour(begun, (saved,)),
        Detour(begun, (saved, completed)),
        Detour(begun, (saved, completed, refused)),
        Detour(ready, (enrolled, launched)),
    ]
    for kind, stage in ((FactKind.REVOKED, Stage.REVOKED), (FactKind.TERMINATED, Stage.TERMINATED)):
        end = make_ending(kind, at)
        filed = make_filing(stage, end.id, at)
        withdrawn = make_withdrawal_of_appeal(at + timedelta(hours=1))
        detours += [Detour(len(way), facts) for facts in ((end,), (end, filed), (end, filed, withdrawn))]
    ends = (make_ending(FactKind.WITHDRAWN, at), make_fact(FactKind.CLOSED, at))
    return [*detours, *(Detour(len(way), (end,)) for end in ends)]


def _make_journey(holder: str, opening: RegistrationOpening, curriculum: Curriculum) -> Journey:
    way = _list_way(curriculum)
    arrivals = (
        *_list_own_steps(curriculum),
        *_list_steps(),
        *_list_reports(curriculum),
        *_list_own_commands(),
        *list_commands(_NOTICES),
        *list_clocks(),
        *list_objections(),
    )
    journey = Journey(holder, _fold_for(opening), way, arrivals, tuple(_list_detours(way)))
    overlays = list_suspensions(journey.standings, list_overlays(BEGAN + timedelta(days=1)))
    return replace(journey, detours=(*journey.detours, *overlays))


def list_registrations() -> list[Journey]:
    """Those whose ways differ: new ones, and those who return, who may take the short course."""
    returning = _NEW.model_copy(update={"returning": True})
    return [
        _make_journey("new", _NEW, Curriculum.INDIVIDUAL_FULL),
        _make_journey("returning", returning, Curriculum.INDIVIDUAL_RETURNING),
    ]
