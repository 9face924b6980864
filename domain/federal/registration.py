"""One registration with the federal marketplace: a fold over its facts, and what it allows now (B5–B17)."""

from collections.abc import Collection, Hashable, Iterable, Mapping
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from domain.federal.facts import (
    AgreementData,
    CourseData,
    EnrolledData,
    ListingData,
    ListingsDueData,
    MarketData,
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
from domain.federal.profile import Profile, ProfileStatus, fold_profile
from domain.shared.cases.appeals import APPEAL_FACTS, Appeal, count_reopenings, fold_appeals
from domain.shared.cases.authority import COUNTED_FACTS, Authority, Position, fold_authority, lay_over
from domain.shared.cases.facts import Fact, FactKind, FactLog
from domain.shared.cases.messages import RegistrationSnapshot
from domain.shared.cases.stages import ENDED, ENDINGS, Certificate, Stage, WaitingFor

Versions = Mapping[MarketplaceAgreement, str]


class RegistrationOpening(BaseModel):
    """What a registration is from its first moment on: the role asked for, the markets, and whether one returns.

    ``npn_unproven``: whose the NPN is has still to be proven (D2). ``npn_legacy``: so it is, and since a market was
    completed before proofs were asked for, nothing but the next market waits for it.
    """

    model_config = ConfigDict(frozen=True)

    role: Role
    markets: tuple[Market, ...]
    returning: bool
    npn_unproven: bool = False
    npn_legacy: bool = False

    @property
    def awaits_proof(self) -> bool:
        """Whether no market is completed before it is proven whose the NPN is."""
        return self.npn_unproven or self.npn_legacy


class Enrollment(BaseModel):
    """A course somebody takes: in the MLMS, or at a vendor (B11, B13)."""

    model_config = ConfigDict(frozen=True)

    curriculum: Curriculum
    market: Market
    channel: str
    automatic: bool
    enrolled_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class Acceptance(BaseModel):
    """One applicable agreement: what was opened last, and the acceptance that counts (B16)."""

    model_config = ConfigDict(frozen=True)

    agreement: MarketplaceAgreement
    market: Market
    version: str
    opened_at: datetime | None = None
    accepted_at: datetime | None = None
    language: str | None = None
    sha256: str | None = None


class Listed(BaseModel):
    """Whether a completed market is in a federal list yet (B18–B20); ``due_on`` is the last day it may be missing."""

    model_config = ConfigDict(frozen=True)

    market: Market
    list: FederalList
    due_on: date
    listed_at: datetime | None
    late: bool


class RegistrationState(BaseModel):
    """Everything the facts of a registration come to."""

    model_config = ConfigDict(frozen=True)

    opening: RegistrationOpening
    facts: int
    stage: Stage
    waiting_for: WaitingFor | None
    waiting_since: datetime | None
    profile: Profile
    markets: tuple[Market, ...]
    enrollments: tuple[Enrollment, ...]
    trained_at: dict[Market, datetime]
    agreements: tuple[Acceptance, ...]
    agreed_at: dict[Market, datetime]
    completed_at: dict[Market, datetime]
    certificates: dict[Market, Certificate]
    publication: tuple[Listed, ...]
    help_desk_told_at: datetime | None
    npn_proven_at: datetime | None
    ended_at: datetime | None
    position: Position
    authority: Authority
    appeals: tuple[Appeal, ...] = ()

    @property
    def reopened(self) -> int:
        """How often an appeal has opened the case again."""
        return count_reopenings(self.appeals)

    @property
    def open_appeal(self) -> Appeal | None:
        """The appeal that is still to be decided."""
        return next((one for one in self.appeals if one.is_open), None)

    @property
    def ended(self) -> bool:
        """Whether the case is over: nothing changes it any more."""
        return self.stage in ENDED

    @property
    def has_authority(self) -> bool:
        """Whether a market is complete, in which one assists unless something stands against it."""
        return bool(self.completed_at)

    @property
    def is_listed_role(self) -> bool:
        """Who is not an agent broker may train, and never appears on a list (B9)."""
        return self.profile.role is Role.MARKETPLACE_AGENT_BROKER

    @property
    def unlisted(self) -> list[Market]:
        """Certified markets that the lists should show and don't, as far as we looked (B18–B20).

        They show nobody whose role, or at present whose NPN or suspension, keeps them off (B9, E2).
        """
        if (
            self.ended
            or self.authority.is_suspended
            or self.opening.npn_unproven
            or not self.is_listed_role
            or self.profile.npn is not NpnStatus.VERIFIED
        ):
            return []
        seen = {one.market for one in self.publication} - {one.market for one in self.publication if not one.listed_at}
        return [market for market in self.certificates if market not in seen]

    @property
    def awaits_late_entry(self) -> bool:
        """Whether an entry that is late in a list is still waited for (B18–B20)."""
        return any(one.late and one.market in self.unlisted for one in self.publication)

    @property
    def newly_complete(self) -> dict[Market, datetime]:
        """Markets whose last step was just done, with its time: not yet recorded as completed (B12).

        None is complete before the NPN is proven (D2).
        """
        profile_at = self.profile.completed_at
        if profile_at is None or self.opening.awaits_proof:
            return {}
        return {
            market: max(profile_at, self.trained_at[market], self.agreed_at[market], self.npn_proven_at or profile_at)
            for market in self.markets
            if market in self.trained_at and market in self.agreed_at and market not in self.completed_at
        }

    def take_snapshot(self) -> RegistrationSnapshot:
        """The verdicts the workflow branches on."""
        return RegistrationSnapshot(
            facts=self.facts,
            stage=self.stage,
            waiting_for=self.waiting_for or "",
            profile_version=self.profile.version,
            npn_unverified=self.profile.npn is NpnStatus.UNVERIFIED,
            npn_problem=self.profile.version if self.profile.npn is NpnStatus.REFUSED else 0,
            completed=[market.value for market in self.markets if market in self.completed_at],
            unlisted=[market.value for market in self.unlisted],
            mlms=[one.curriculum.value for one in self.enrollments if one.channel == MLMS],
        )


def fold_registration(
    opening: RegistrationOpening, facts: Iterable[Fact], in_force: Versions, total: int | None = None
) -> RegistrationState:
    """The state the facts come to. Facts repeated or permuted give the same state.

    ``total`` is how many there are, where those that can't change it any more were left out.
    """
    log = FactLog(facts)
    enrollments = _fold_enrollments(opening, log)
    markets = tuple(market for market in Market if market in opening.markets or _is_enrolled(market, enrollments))
    trained_at = _find_first_times((one.market, one.completed_at) for one in enrollments)
    completed_at = {fact.read_as(MarketData).market: fact.at for fact in log.find_all(FactKind.MARKET_COMPLETED)}
    acceptances = tuple(_fold_acceptance(name, log, in_force) for market in markets for name in list_agreements(market))
    ending = log.find_first(*ENDINGS)
    state = RegistrationState(
        opening=opening,
        facts=len(log) if total is None else total,
        stage=Stage.REQUESTED,
        waiting_for=None,
        waiting_since=None,
        profile=fold_profile(opening.role, log),
        markets=markets,
        enrollments=enrollments,
        trained_at=trained_at,
        agreements=acceptances,
        agreed_at=_find_agreed_times(markets, acceptances),
        completed_at=completed_at,
        certificates=_fold_certificates(log),
        publication=_fold_publication(log),
        help_desk_told_at=log.find_time(FactKind.HELP_DESK_TOLD),
        npn_proven_at=proven.at if (proven := log.find_last(FactKind.NPN_PROVEN)) else None,
        ended_at=ending.at if ending else None,
        position=Position(stage=Stage.REQUESTED, waiting_for=None, waiting_since=None),
        authority=fold_authority(log, appeals := fold_appeals(log), ended=ending is not None),
        appeals=appeals,
    )
    stage, waiting_for, since = _find_stage(state, log)
    position = Position(stage=stage, waiting_for=waiting_for, waiting_since=since)
    return state.model_copy(update={"position": position, **dict(lay_over(position, state.authority))})


def _fold_enrollments(opening: RegistrationOpening, log: FactLog) -> tuple[Enrollment, ...]:
    found: dict[tuple[Curriculum, str], Enrollment] = {}
    started, completed = (_find_courses(log, kind) for kind in (FactKind.COURSE_STARTED, FactKind.COURSE_COMPLETED))
    for fact in log.find_all(FactKind.ENROLLED):
        enrolled = fact.read_as(EnrolledData)
        course = (enrolled.curriculum, enrolled.channel)
        counts = enrolled.curriculum is not Curriculum.INDIVIDUAL_RETURNING or opening.returning
        found.setdefault(
            course,
            Enrollment(
                curriculum=enrolled.curriculum,
                market=enrolled.curriculum.market,
                channel=enrolled.channel,
                automatic=enrolled.automatic,
                enrolled_at=fact.at,
                started_at=started.get(course),
                completed_at=completed.get(course) if counts else None,
            ),
        )
    return tuple(found.values())


def _find_courses(log: FactLog, kind: FactKind) -> dict[tuple[Curriculum, str], datetime]:
    """When each course was first reported to be started, or completed, where it is taken."""
    reported = [(fact.read_as(CourseData), fact.at) for fact in reversed(log.find_all(kind))]
    return {(course.curriculum, course.channel): at for course, at in reported}


def _is_enrolled(market: Market, enrollments: Iterable[Enrollment]) -> bool:
    return any(one.market is market for one in enrollments)


def _find_first_times(times: Iterable[tuple[Market, datetime | None]]) -> dict[Market, datetime]:
    found: dict[Market, datetime] = {}
    for market, at in times:
        if at is not None:
            found[market] = min(at, found.get(market, at))
    return found


def _fold_acceptance(name: MarketplaceAgreement, log: FactLog, in_force: Versions) -> Acceptance:
    """How one agreement stands in the version in force; an older version's acceptance doesn't count any more.

    Of openings the last counts, of acceptances the first.
    """
    opened = _find_texts(log, FactKind.AGREEMENT_OPENED, name, in_force)[-1:]
    accepted = _find_texts(log, FactKind.AGREEMENT_ACCEPTED, name, in_force)[:1]
    text = next((text for text, _ in accepted or opened), None)
    return Acceptance(
        agreement=name,
        market=name.market,
        version=in_force[name],
        opened_at=next((at for _, at in opened), None),
        accepted_at=next((at for _, at in accepted), None),
        language=text.language if text else None,
        sha256=text.sha256 if text else None,
    )


def _find_texts(
    log: FactLog, kind: FactKind, name: MarketplaceAgreement, in_force: Versions
) -> list[tuple[AgreementData, datetime]]:
    texts = [(fact.read_as(AgreementData), fact.at) for fact in log.find_all(kind)]
    return [(text, at) for text, at in texts if (text.agreement, text.version) == (name, in_force[name])]


def _find_agreed_times(markets: Iterable[Market], acceptances: Iterable[Acceptance]) -> dict[Market, datetime]:
    accepted = {one.agreement: one.accepted_at for one in acceptances}
    found: dict[Market, datetime] = {}
    for market in markets:
        times = [accepted[name] for name in list_agreements(market)]
        if all(times):
            found[market] = max(at for at in times if at)
    return found


def _fold_certificates(log: FactLog) -> dict[Market, Certificate]:
    """The newest of each market: a corrected one supersedes the one before (E11)."""
    issued = {fact.read_as(MarketData).market: fact for fact in log.find_all(FactKind.CERTIFICATE_ISSUED)}
    return {market: issued[market].read_as(Certificate) for market in Market if market in issued}


def _fold_publication(log: FactLog) -> tuple[Listed, ...]:
    listed_at = _find_listings(log, FactKind.LISTED)
    late = _find_listings(log, FactKind.LIST_LATE)
    return tuple(
        Listed(
            market=expected.market,
            list=name,
            due_on=due_on,
            listed_at=listed_at.get((expected.market, name)),
            late=(expected.market, name) in late and (expected.market, name) not in listed_at,
        )
        for expected in (fact.read_as(ListingsDueData) for fact in log.find_all(FactKind.WATCH_OPENED))
        for name, due_on in expected.due.items()
    )


def _find_listings(log: FactLog, kind: FactKind) -> dict[tuple[Market, FederalList], datetime]:
    """When each market was first seen, or missed, in each list."""
    seen = [(fact.read_as(ListingData), fact.at) for fact in reversed(log.find_all(kind))]
    return {(one.market, one.list): at for one, at in seen}


def _find_stage(state: RegistrationState, log: FactLog) -> tuple[Stage, WaitingFor | None, datetime | None]:
    """The four steps of the guide, asked in order: the first that isn't done in every market is where it is."""
    ending = log.find_first(*ENDINGS)
    if ending and state.open_appeal:
        return Stage.UNDER_APPEAL, WaitingFor.APPEAL_DECISION, state.open_appeal.phase_began_at
    if ending:
        return ENDINGS[ending.kind], None, None
    began = log.find_time(FactKind.REQUESTED)
    if log.find_first(FactKind.BEGUN) is None:
        return Stage.REQUESTED, WaitingFor.MARKETPLACE_PROFILE, began
    profile = state.profile
    # A registry that is down takes nothing away: what is complete stays so until it has answered (B9).
    stands = profile.confirmed_before and set(state.markets) <= set(state.completed_at)
    if profile.status is not ProfileStatus.COMPLETE and not stands:
        next_at = log.find_time(FactKind.PROFILE_COMPLETED)
        if next_at is not None and profile.npn is NpnStatus.UNVERIFIED:
            return Stage.AWAITING_PROFILE, WaitingFor.NPN_VERIFICATION, profile.saved_at
        return Stage.AWAITING_PROFILE, WaitingFor.MARKETPLACE_PROFILE, profile.saved_at or began
    issued = _find_first_times(
        (fact.read_as(MarketData).market, fact.at) for fact in log.find_all(FactKind.CERTIFICATE_ISSUED)
    )
    return _find_stage_after_profile(state, issued.values())


def _find_stage_after_profile(
    state: RegistrationState, issued: Collection[datetime]
) -> tuple[Stage, WaitingFor, datetime | None]:
    """``issued`` is when each market had its first certificate: a corrected one begins no wait anew (E11)."""
    missing = [market for market in state.markets if market not in state.completed_at]
    to_agree = [market for market in state.markets if market in state.trained_at and market not in state.agreed_at]
    if to_agree:
        since = _find_latest(state.profile.completed_at, *(state.trained_at[market] for market in to_agree))
        return Stage.AWAITING_AGREEMENTS, WaitingFor.MARKETPLACE_AGREEMENTS, since
    if missing and state.opening.awaits_proof and all(market in state.agreed_at for market in missing):
        since = _find_latest(state.profile.completed_at, *(state.agreed_at[market] for market in missing))
        return Stage.AWAITING_AGREEMENTS, WaitingFor.NPN_PROOF, since
    if missing:
        return Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING, state.profile.completed_at
    if set(state.certificates) != set(state.markets):
        return Stage.CERTIFIED, WaitingFor.CERTIFICATE, _find_latest(*state.completed_at.values())
    watched = {one.market for one in state.publication}
    if state.is_listed_role and (
        watched != set(state.markets) or any(one.listed_at is None for one in state.publication)
    ):
        return Stage.CERTIFIED, WaitingFor.PUBLICATION, _find_latest(*issued)
    listed = [one.listed_at for one in state.publication]
    return Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR, _find_latest(*issued, *listed)


def _find_latest(*times: datetime | None) -> datetime | None:
    return max((at for at in times if at), default=None)


# What the registry says is about one version of the profile; of a suspension and its end, and of appeals, each counts.
_ALL_COUNT = (
    COUNTED_FACTS
    | APPEAL_FACTS
    | {
        FactKind.PROFILE_SAVED,
        FactKind.NPN_VERIFIED,
        FactKind.NPN_REFUSED,
        FactKind.WATCH_OPENED,
    }
)

# Of the other kinds, by what facts of one kind are told apart.
_TOLD_APART: dict[FactKind, tuple[str, ...]] = {
    FactKind.ENROLLED: ("curriculum", "channel"),
    FactKind.COURSE_STARTED: ("curriculum", "channel"),
    FactKind.COURSE_COMPLETED: ("curriculum", "channel"),
    FactKind.AGREEMENT_OPENED: ("agreement", "version", "language", "sha256"),
    FactKind.AGREEMENT_ACCEPTED: ("agreement", "version"),
    FactKind.MARKET_COMPLETED: ("market",),
    FactKind.CERTIFICATE_ISSUED: ("market",),
    FactKind.LISTED: ("market", "list"),
    FactKind.LIST_LATE: ("market", "list"),
}


def find_registration_group(fact: Fact) -> Hashable | None:
    """The group of facts of which the first and the last count; None where every one counts."""
    if fact.kind in _ALL_COUNT:
        return None
    return fact.kind, *(fact.data.get(name) for name in _TOLD_APART.get(fact.kind, ()))
