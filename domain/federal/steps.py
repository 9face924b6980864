"""What may be done with a registration now, why not the rest, and what follows from a step (B7–B16)."""

from collections.abc import Sequence
from datetime import datetime

from domain.federal.facts import MarketData, NpnRefusedData, ProfileVersionData
from domain.federal.markets import MLMS, Curriculum, MarketplaceAgreement, NpnStatus
from domain.federal.policy import FederalPolicy
from domain.federal.profile import ProfileStatus, StoredProfile
from domain.federal.registration import RegistrationState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault


def is_confirmed(profile: StoredProfile, saved: StoredProfile, state: RegistrationState) -> bool:
    """Whether the registry has confirmed the NPNs of a profile before it is saved, for this person (B9)."""
    return state.profile.npn is NpnStatus.VERIFIED and profile.has_npns_of(saved)


def needs_npn_verdict(state: RegistrationState, version: int) -> bool:
    """Whether what the registry says of the profile of this version still counts: no newer one was saved (B9)."""
    return not state.ended and state.profile.version == version and state.profile.npn is NpnStatus.UNVERIFIED


def build_npn_verdict(case_id: str, version: int, faults: Sequence[Fault], at: datetime) -> Fact:
    """The fact that the registry has confirmed the NPNs of a saved profile, or refused them (B9)."""
    kind, data = FactKind.NPN_VERIFIED, ProfileVersionData(version=version)
    if faults:
        kind = FactKind.NPN_REFUSED
        data = NpnRefusedData(version=version, faults=tuple((one.field, one.code) for one in faults))
    return Fact(id=f"{case_id}:{kind}:{version}", kind=kind, at=at, data=data.to_json())


def build_completion_facts(case_id: str, state: RegistrationState) -> list[Fact]:
    """The facts that markets are complete, of those whose last step was just done (B12, B16)."""
    kind = FactKind.MARKET_COMPLETED
    return [
        Fact(id=f"{case_id}:completed:{market}", kind=kind, at=at, data=MarketData(market=market).to_json())
        for market, at in state.newly_complete.items()
    ]


def find_next_refusal(state: RegistrationState) -> Reason | None:
    """Next is refused before a valid save (B7)."""
    return Reason("profile_not_saved") if state.profile.version == 0 or state.profile.npn is NpnStatus.REFUSED else None


def find_enrollment_refusal(state: RegistrationState, curriculum: Curriculum) -> Reason | None:
    """The short course is for those who return (B1)."""
    short = curriculum is Curriculum.INDIVIDUAL_RETURNING
    return Reason("short_course_is_for_returning") if short and not state.opening.returning else None


def find_launch_refusal(
    state: RegistrationState, policy: FederalPolicy, curriculum: Curriculum, channel: str, unused: int
) -> Reason | None:
    """A launch needs an enrolment at this vendor, and not too many ``unused`` tickets (B14)."""
    if not any((one.curriculum, one.channel) == (curriculum, channel) for one in state.enrollments):
        return Reason("not_enrolled")
    return Reason("too_many_tickets") if unused >= policy.launch_tickets_at_once else None


def find_opening_refusal(state: RegistrationState, name: MarketplaceAgreement) -> Reason | None:
    """An agreement is opened when it applies: its market is one of this registration's (B16)."""
    return None if name.market in state.markets else Reason("agreement_not_applicable")


def find_acceptance_refusal(state: RegistrationState, name: MarketplaceAgreement) -> Reason | None:
    """Accepted after the saved profile and the completed training, and only when opened in this version (B16)."""
    if (why := find_opening_refusal(state, name)) is not None:
        return why
    if state.profile.status is not ProfileStatus.COMPLETE:
        return Reason("profile_first")
    if name.market not in state.trained_at:
        return Reason("training_first")
    opened = next(one for one in state.agreements if one.agreement is name).opened_at
    return Reason("agreement_not_opened") if opened is None else None


def find_channel_fault(policy: FederalPolicy, curriculum: Curriculum, channel: str) -> Fault | None:
    """A course is taken in the MLMS, or at a vendor that HHS has approved for it (B13)."""
    approved = [MLMS, *(name for name, vendor in policy.vendors.items() if curriculum in vendor.curricula)]
    return None if channel in approved else Fault("channel", "not_approved", {"channels": ", ".join(approved)})
