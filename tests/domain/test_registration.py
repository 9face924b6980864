"""A federal registration is a fold over facts: markets complete on their own, in whatever order facts come (B1–B20)."""

import gc
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import product
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

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
from domain.federal.may_assist import MAY_ASSIST_REASONS, describe_registration, list_marketplace_obstacles
from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.profile import ProfileStatus
from domain.federal.registration import (
    RegistrationOpening,
    RegistrationState,
    fold_registration,
)
from domain.federal.steps import (
    find_acceptance_refusal,
    find_enrollment_refusal,
    find_launch_refusal,
    find_next_refusal,
    find_opening_refusal,
)
from domain.shared.cases.authority import SuspensionCause
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import ENDED, OWNER, Stage, WaitingFor
from tests.domain.test_fold import WAITS_OF_FFM

START = datetime(2026, 1, 5, 17, tzinfo=UTC)
TODAY = date(2026, 6, 1)
OLD, IN_FORCE, NEWER = "2023-1", "2024-1", "2024-2"
VERSIONS = dict.fromkeys(MarketplaceAgreement, IN_FORCE)
BROKER = RegistrationOpening(role=Role.MARKETPLACE_AGENT_BROKER, markets=(Market.INDIVIDUAL,), returning=True)
BOTH = BROKER.model_copy(update={"markets": tuple(Market)})
NEW = BROKER.model_copy(update={"returning": False})
COURSE = {Market.INDIVIDUAL: Curriculum.INDIVIDUAL_RETURNING, Market.SHOP: Curriculum.SHOP}
ENDINGS = FactKind.WITHDRAWN, FactKind.REVOKED, FactKind.TERMINATED, FactKind.CLOSED


def fact(kind: FactKind, hours: float = 0, /, *about: object, **data: Any) -> Fact:
    """A fact so many hours after the start; what it is about makes its id."""
    return Fact(
        id=":".join(map(str, (kind, *about, *data.values()))), kind=kind, at=START + timedelta(hours=hours), data=data
    )


def saved(version: int, hours: float, npn: str = "verified", role: str = "marketplace_agent_broker") -> Fact:
    return fact(FactKind.PROFILE_SAVED, hours, version=version, role=role, npn=npn)


def course(kind: FactKind, hours: float, curriculum: Curriculum, channel: str = MLMS) -> Fact:
    return fact(kind, hours, curriculum=curriculum.value, channel=channel)


def text(kind: FactKind, hours: float, name: MarketplaceAgreement, version: str = IN_FORCE) -> Fact:
    return fact(kind, hours, agreement=name.value, version=version, language="en", sha256="0" * 64)


def trained(market: Market, hours: float = 3) -> list[Fact]:
    return [course(kind, hours, COURSE[market]) for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)]


def agreed(market: Market, hours: float = 4, version: str = IN_FORCE) -> list[Fact]:
    kinds = FactKind.AGREEMENT_OPENED, FactKind.AGREEMENT_ACCEPTED
    return [text(kind, hours, name, version) for name in list_agreements(market) for kind in kinds]


def certified(market: Market, hours: float = 5, until: str | None = "2026-12-31") -> list[Fact]:
    number = {"number": f"FM26-{market}", "issued_at": START.isoformat(), "valid_until": until, "sha256": "0" * 64}
    return [
        fact(FactKind.MARKET_COMPLETED, hours, market=market.value),
        fact(FactKind.CERTIFICATE_ISSUED, hours, market=market.value, **number),
    ]


def watched(market: Market, hours: float = 6) -> Fact:
    due = {FederalList.TRACKER: "2026-01-07", FederalList.RCL: "2026-01-07", FederalList.FIND_LOCAL_HELP: "2026-01-08"}
    data = {"market": market.value, "due": {name.value: day for name, day in due.items()}}
    return Fact(id=f"watch:{market}", kind=FactKind.WATCH_OPENED, at=START + timedelta(hours=hours), data=data)


def listed(market: Market, hours: float = 24) -> list[Fact]:
    return [fact(FactKind.LISTED, hours, market=market.value, list=name.value) for name in FederalList]


def way(*markets: Market) -> list[Fact]:
    """Everything that happens from the request to the published lists."""
    happened = [fact(FactKind.REQUESTED), fact(FactKind.BEGUN, 1), saved(1, 2), fact(FactKind.PROFILE_COMPLETED, 2.5)]
    for market in markets or (Market.INDIVIDUAL,):
        happened += [*trained(market), *agreed(market), *certified(market), watched(market), *listed(market)]
    return happened


def without(happened: Iterable[Fact], *kinds: FactKind) -> list[Fact]:
    return [one for one in happened if one.kind not in kinds]


def fold(opening: RegistrationOpening, happened: Iterable[Fact], newer: bool = False) -> RegistrationState:
    return fold_registration(opening, happened, dict.fromkeys(MarketplaceAgreement, NEWER) if newer else VERSIONS)


def completed(state: RegistrationState) -> set[Market]:
    """The markets that are complete, recorded as such or about to be."""
    return set(state.completed_at) | set(state.newly_complete)


# any facts at all

openings = st.builds(
    RegistrationOpening,
    role=st.sampled_from(Role),
    markets=st.sampled_from([(Market.INDIVIDUAL,), (Market.SHOP,), tuple(Market)]),
    returning=st.booleans(),
)
courses = {"curriculum": st.sampled_from(list(map(str, Curriculum))), "channel": st.sampled_from([MLMS, "vendor-a"])}
markets = st.sampled_from(list(map(str, Market)))
lists = st.sampled_from(list(map(str, FederalList)))
versions = st.integers(1, 3)
texts = {
    "agreement": st.sampled_from(list(map(str, MarketplaceAgreement))),
    "version": st.sampled_from([OLD, IN_FORCE]),
    "language": st.sampled_from(["en", "es"]),
    "sha256": st.sampled_from(["0" * 64, "1" * 64]),
}
DATA: dict[FactKind, dict[str, st.SearchStrategy[Any]]] = {
    FactKind.REQUESTED: {},
    FactKind.BEGUN: {},
    FactKind.PROFILE_SAVED: {
        "version": versions,
        "role": st.sampled_from(list(map(str, Role))),
        "npn": st.sampled_from(["verified", "unverified", "not_required"]),
    },
    FactKind.NPN_VERIFIED: {"version": versions},
    FactKind.NPN_REFUSED: {"version": versions, "faults": st.just([["npn", "npn_unknown"]])},
    FactKind.PROFILE_COMPLETED: {},
    FactKind.ENROLLED: {**courses, "automatic": st.booleans()},
    FactKind.MLMS_ENROLLED: {"curriculum": courses["curriculum"]},
    FactKind.LAUNCHED: courses,
    FactKind.COURSE_STARTED: courses,
    FactKind.COURSE_COMPLETED: courses,
    FactKind.AGREEMENT_OPENED: texts,
    FactKind.AGREEMENT_ACCEPTED: texts,
    FactKind.MARKET_COMPLETED: {"market": markets},
    FactKind.CERTIFICATE_ISSUED: {
        "market": markets,
        "number": st.sampled_from(["FM26-A", "FM26-B"]),
        "issued_at": st.just(START.isoformat()),
        "valid_until": st.none() | st.sampled_from(["2026-12-31", "2026-05-31"]),
        "sha256": st.just("0" * 64),
    },
    FactKind.WATCH_OPENED: {
        "market": markets,
        "due": st.dictionaries(lists, st.sampled_from(["2026-01-07", "2026-01-08"]), min_size=1),
    },
    FactKind.NAME_CORRECTED: {},
    FactKind.LISTED: {"market": markets, "list": lists},
    FactKind.LIST_LATE: {"market": markets, "list": lists, "due_on": st.just("2026-01-07")},
    FactKind.HELP_DESK_TOLD: {},
    FactKind.WITHDRAWN: {},
    FactKind.REVOKED: {},
    FactKind.CLOSED: {},
    FactKind.TERMINATED: {},
    FactKind.AUTHORITY_SUSPENDED: {
        "suspension_id": st.sampled_from(["s1", "s2"]),
        "cause": st.sampled_from(SuspensionCause),
        "decided_by": st.just("system"),
        "notice_date": st.just("2026-01-05"),
    },
    FactKind.AUTHORITY_RESTORED: {
        "suspension_id": st.sampled_from(["s1", "s2"]),
        "cause": st.sampled_from(SuspensionCause),
        "by": st.just("system"),
    },
}


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Facts of a case in any order, several at the same instant too."""
    kinds = draw(st.lists(st.sampled_from(list(DATA)), max_size=25))
    return [
        Fact(
            id=f"{number}",
            kind=kind,
            at=START + timedelta(hours=draw(st.integers(0, 30))),
            data={name: draw(value) for name, value in DATA[kind].items()},
        )
        for number, kind in enumerate(kinds)
    ]


@st.composite
def lives(draw: st.DrawFn) -> list[Fact]:
    """Most of what happens on the way, at other times, and some facts besides."""
    happened = way(*draw(st.sampled_from([(Market.INDIVIDUAL,), (Market.SHOP,), tuple(Market)])))
    left_out = draw(st.sets(st.integers(0, len(happened) - 1), max_size=3))
    kept = [one for number, one in enumerate(happened) if number not in left_out]
    moved = draw(st.lists(st.integers(0, 40), min_size=len(kept), max_size=len(kept)))
    some = [
        one.model_copy(update={"at": START + timedelta(hours=hours)}) for one, hours in zip(kept, moved, strict=True)
    ]
    return some + draw(facts())


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives(), data=st.data())
def test_c1_c4_facts_permuted_and_repeated_give_the_same_registration(
    opening: RegistrationOpening, happened: list[Fact], data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(happened), max_size=10)) if happened else []
    shuffled = data.draw(st.permutations([*happened, *repeated]))
    assert fold(opening, shuffled) == fold(opening, happened)


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_c2_every_state_can_be_shown_and_its_wait_has_an_owner(
    opening: RegistrationOpening, happened: list[Fact]
) -> None:
    state = fold(opening, happened)
    assert state.ended == (state.waiting_for is None)
    assert state.waiting_for is None or OWNER[state.waiting_for]
    assert describe_registration(state)["stage"] is state.stage
    assert state.take_snapshot().facts == len(happened)
    assert RegistrationState.model_validate_json(state.model_dump_json()) == state


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_b12_a_market_is_complete_in_one_combination_only(opening: RegistrationOpening, happened: list[Fact]) -> None:
    """Unless it was recorded as complete before: that stays."""
    state = fold(opening, happened)
    for market in state.markets:
        trained_, agreed_ = market in state.trained_at, market in state.agreed_at
        complete = state.profile.status is ProfileStatus.COMPLETE and trained_ and agreed_
        assert (market in completed(state)) == (complete or market in state.completed_at)


@settings(max_examples=300, deadline=None)
@given(opening=openings, happened=facts() | lives())
def test_nobody_may_assist_unless_one_market_has_every_step(opening: RegistrationOpening, happened: list[Fact]) -> None:
    state = fold(opening, happened)
    if reasons := list_marketplace_obstacles(state, TODAY):
        assert set(reasons) <= set(MAY_ASSIST_REASONS)
        return
    assert not state.ended
    assert state.profile.role is Role.MARKETPLACE_AGENT_BROKER
    if state.profile.confirmed_before:  # the registry is silent about the profile saved last, and no other one stands
        assert state.profile.npn is NpnStatus.UNVERIFIED
        assert {"verified"} <= {one.data["npn"] for one in happened if one.kind is FactKind.PROFILE_SAVED} or any(
            one.kind is FactKind.NPN_VERIFIED for one in happened
        )
    else:
        assert state.profile.status is ProfileStatus.COMPLETE
        assert state.profile.npn in (NpnStatus.VERIFIED, NpnStatus.NOT_REQUIRED)
    valid = {market for market, one in state.certificates.items() if not one.valid_until or one.valid_until >= TODAY}
    assert valid & set(state.trained_at) & set(state.agreed_at)


@settings(max_examples=200, deadline=None)
@given(opening=openings, happened=facts() | lives(), later=facts())
def test_c8_nothing_that_happens_after_an_end_takes_it_back(
    opening: RegistrationOpening, happened: list[Fact], later: list[Fact]
) -> None:
    before = fold(opening, happened)
    if before.stage not in ENDED:
        return
    much_later = [one.model_copy(update={"id": f"later-{one.id}", "at": one.at + timedelta(days=100)}) for one in later]
    assert fold(opening, [*happened, *much_later]).stage is before.stage


# stages and waits

# What happened last, and where the registration is then.
STEPS: list[tuple[Fact | list[Fact], Stage, WaitingFor]] = [
    (fact(FactKind.REQUESTED), Stage.REQUESTED, WaitingFor.MARKETPLACE_PROFILE),
    (fact(FactKind.BEGUN, 1), Stage.AWAITING_PROFILE, WaitingFor.MARKETPLACE_PROFILE),
    (saved(1, 2, "unverified"), Stage.AWAITING_PROFILE, WaitingFor.MARKETPLACE_PROFILE),
    (fact(FactKind.PROFILE_COMPLETED, 3), Stage.AWAITING_PROFILE, WaitingFor.NPN_VERIFICATION),
    (fact(FactKind.NPN_VERIFIED, 4, version=1), Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING),
    (trained(Market.INDIVIDUAL, 5), Stage.AWAITING_AGREEMENTS, WaitingFor.MARKETPLACE_AGREEMENTS),
    (agreed(Market.INDIVIDUAL, 6), Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING),
    (trained(Market.SHOP, 7), Stage.AWAITING_AGREEMENTS, WaitingFor.MARKETPLACE_AGREEMENTS),
    (
        [*agreed(Market.SHOP, 8), *(certified(market, 8)[0] for market in Market)],
        Stage.CERTIFIED,
        WaitingFor.CERTIFICATE,
    ),
    ([certified(market, 9)[1] for market in Market], Stage.CERTIFIED, WaitingFor.PUBLICATION),
    ([watched(market, 10) for market in Market], Stage.CERTIFIED, WaitingFor.PUBLICATION),
    (listed(Market.INDIVIDUAL, 20), Stage.CERTIFIED, WaitingFor.PUBLICATION),
    (listed(Market.SHOP, 30), Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR),
]
OF_BOTH_PROGRAMS = {WaitingFor.CERTIFICATE, WaitingFor.NEXT_PLAN_YEAR}


def test_every_stage_and_wait_of_the_guide_is_reached_in_its_order() -> None:
    happened: list[Fact] = []
    reached = set()
    for what, stage, waiting_for in STEPS:
        happened += what if isinstance(what, list) else [what]
        state = fold(BOTH, happened)
        assert (state.stage, state.waiting_for) == (stage, waiting_for), happened[-1].id
        assert state.waiting_since is not None
        assert state.waiting_since <= happened[-1].at
        reached.add(waiting_for)
    assert reached == WAITS_OF_FFM | OF_BOTH_PROGRAMS


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_c8_it_ends_from_every_stage(ending: FactKind, steps: int) -> None:
    happened = [one for what, _, _ in STEPS[:steps] for one in (what if isinstance(what, list) else [what])]
    end = fact(ending, 100)
    state = fold(BOTH, [*happened, end])
    assert (state.stage, state.waiting_for, state.ended_at) == (Stage(ending.value), None, end.at)
    assert ending.value in list_marketplace_obstacles(state, TODAY)


def test_waits_count_from_the_step_before() -> None:
    """Not from the last fact: a reminder's cadence is the wait's."""
    happened = without(way(), FactKind.MARKET_COMPLETED, FactKind.CERTIFICATE_ISSUED, FactKind.WATCH_OPENED)
    trained_ = without(happened, FactKind.AGREEMENT_ACCEPTED, FactKind.LISTED)
    since = fold(BROKER, trained_).waiting_since
    assert since == START + timedelta(hours=3)
    launched = course(FactKind.LAUNCHED, 90, Curriculum.INDIVIDUAL_FULL, "vendor-a")
    assert fold(BROKER, [*trained_, launched]).waiting_since == since


# one market

AN_EARLIER_AND_A_LATER_HOUR = (1, 50)
PROFILES: dict[str, list[Fact]] = {
    "never saved": [],
    "saved, no Next": [saved(1, 2)],
    "Next without a save": [fact(FactKind.PROFILE_COMPLETED, 3)],
    "unverified": [saved(1, 2, "unverified"), fact(FactKind.PROFILE_COMPLETED, 3)],
    "refused": [
        saved(1, 2, "unverified"),
        fact(FactKind.PROFILE_COMPLETED, 3),
        fact(FactKind.NPN_REFUSED, 4, version=1, faults=[]),
    ],
    "verified before by an older version": [
        saved(1, 1, "unverified"),
        saved(2, 2, "unverified"),
        fact(FactKind.PROFILE_COMPLETED, 3),
        fact(FactKind.NPN_VERIFIED, 4, version=1),
    ],
    "verified": [saved(1, 2), fact(FactKind.PROFILE_COMPLETED, 3)],
    "verified later": [
        saved(1, 2, "unverified"),
        fact(FactKind.PROFILE_COMPLETED, 3),
        fact(FactKind.NPN_VERIFIED, 4, version=1),
    ],
    "not required": [saved(1, 2, "not_required", "not_an_agent_broker"), fact(FactKind.PROFILE_COMPLETED, 3)],
}
PROFILES_THAT_DO = {"verified", "verified later", "not required"}
COURSES: dict[str, list[Fact]] = {
    "none": [],
    "enrolled": [course(FactKind.ENROLLED, 5, Curriculum.INDIVIDUAL_FULL)],
    "completed, never enrolled": [course(FactKind.COURSE_COMPLETED, 6, Curriculum.INDIVIDUAL_FULL)],
    "completed elsewhere": [
        course(FactKind.ENROLLED, 5, Curriculum.INDIVIDUAL_FULL),
        course(FactKind.COURSE_COMPLETED, 6, Curriculum.INDIVIDUAL_FULL, "vendor-a"),
    ],
    "short course": [
        course(kind, 6, Curriculum.INDIVIDUAL_RETURNING) for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)
    ],
    "SHOP's": [course(kind, 6, Curriculum.SHOP) for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)],
    "full course": [
        course(kind, 6, Curriculum.INDIVIDUAL_FULL) for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)
    ],
    "full course at a vendor": [
        course(kind, 6, Curriculum.INDIVIDUAL_FULL, "vendor-b")
        for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)
    ],
}
COURSES_THAT_DO = {"full course", "full course at a vendor"}
AGREEMENTS: dict[str, list[Fact]] = {
    "none": [],
    "opened": without(agreed(Market.INDIVIDUAL), FactKind.AGREEMENT_ACCEPTED),
    "one of two": agreed(Market.INDIVIDUAL)[:2],
    "an older version": agreed(Market.INDIVIDUAL, version=OLD),
    "SHOP's": agreed(Market.SHOP),
    "both": agreed(Market.INDIVIDUAL),
}
THE_OTHER_MARKET: dict[str, list[Fact]] = {
    "nothing": [],
    "in training": [course(FactKind.ENROLLED, 1, Curriculum.SHOP)],
    "complete": [*trained(Market.SHOP, 1), *agreed(Market.SHOP, 1), *certified(Market.SHOP, 1)],
}


@pytest.mark.parametrize("other", THE_OTHER_MARKET)
def test_b12_b16_the_individual_market_completes_in_one_combination_whatever_the_other_does(other: str) -> None:
    """Profile, course and agreements: everything a table can hold, for somebody who isn't returning (B1)."""
    for profile, trained_, agreed_ in product(PROFILES, COURSES, AGREEMENTS):
        happened = [*PROFILES[profile], *COURSES[trained_], *AGREEMENTS[agreed_], *THE_OTHER_MARKET[other]]
        expected = profile in PROFILES_THAT_DO and trained_ in COURSES_THAT_DO and agreed_ == "both"
        state = fold(NEW, happened)
        assert (Market.INDIVIDUAL in completed(state)) == expected, (profile, trained_, agreed_)


def test_b1_the_short_course_counts_for_those_who_return_only() -> None:
    happened = without(way(), FactKind.MARKET_COMPLETED, FactKind.CERTIFICATE_ISSUED)
    assert completed(fold(BROKER, happened)) == {Market.INDIVIDUAL}
    assert completed(fold(NEW, happened)) == set()
    assert fold(NEW, happened).trained_at == {}


def test_b12_a_market_is_complete_from_its_last_step_on() -> None:
    steps = [saved(1, 2), fact(FactKind.PROFILE_COMPLETED, 3), *trained(Market.SHOP, 4), *agreed(Market.SHOP, 5)]
    opening = NEW.model_copy(update={"markets": (Market.SHOP,)})
    assert fold(opening, steps).newly_complete == {Market.SHOP: START + timedelta(hours=5)}
    late_npn = [saved(1, 2, "unverified"), *steps[1:], fact(FactKind.NPN_VERIFIED, 9, version=1)]
    assert fold(opening, late_npn).newly_complete == {Market.SHOP: START + timedelta(hours=9)}


def test_b11_a_course_of_the_other_market_adds_that_market() -> None:
    state = fold(BROKER, [*way(), course(FactKind.ENROLLED, 30, Curriculum.SHOP)])
    assert state.markets == (Market.INDIVIDUAL, Market.SHOP)
    assert (state.stage, state.waiting_for) == (Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING)
    assert list_marketplace_obstacles(state, TODAY) == [], "the Individual Market's certificate is as good as before"


@pytest.mark.parametrize("hours", AN_EARLIER_AND_A_LATER_HOUR)
def test_c3_a_course_completed_before_its_enrolment_is_held_and_counts_then(hours: float) -> None:
    done = course(FactKind.COURSE_COMPLETED, hours, Curriculum.SHOP, "vendor-a")
    assert fold(BOTH, [done]).trained_at == {}
    enrolled = course(FactKind.ENROLLED, 20, Curriculum.SHOP, "vendor-a")
    assert fold(BOTH, [done, enrolled]).trained_at == {Market.SHOP: done.at}


def test_b13_the_first_of_two_channels_counts() -> None:
    at_both = [
        course(kind, hours, Curriculum.SHOP, channel)
        for channel, hours in ((MLMS, 30), ("vendor-a", 10))
        for kind in (FactKind.ENROLLED, FactKind.COURSE_COMPLETED)
    ]
    assert fold(BOTH, at_both).trained_at == {Market.SHOP: START + timedelta(hours=10)}


# the profile

SWITCHED = saved(2, 40, "not_required", "not_an_agent_broker")


def test_b6_b9_who_switches_to_not_an_agent_broker_may_not_assist_and_is_waited_for_in_no_list() -> None:
    unlisted = without(way(), FactKind.LISTED)
    assert fold(BROKER, unlisted).waiting_for is WaitingFor.PUBLICATION
    switched = fold(BROKER, [*unlisted, SWITCHED])
    assert (switched.stage, switched.is_listed_role) == (Stage.ACTIVE, False)
    assert list_marketplace_obstacles(switched, TODAY) == ["not_an_agent_broker"]
    back = fold(BROKER, [*unlisted, SWITCHED, saved(3, 50)])
    assert (back.waiting_for, back.is_listed_role) == (WaitingFor.PUBLICATION, True)
    assert list_marketplace_obstacles(back, TODAY) == []
    assert back.profile.completed_at == START + timedelta(hours=2.5), "its first complete moment counts"


def test_b9_a_profile_saved_again_with_a_silent_registry_is_looked_up_and_takes_nothing_back() -> None:
    happened = [*way(), saved(2, 60, "unverified")]
    state = fold(BROKER, happened)
    assert (state.stage, state.waiting_for) == (Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR)
    assert list_marketplace_obstacles(state, TODAY) == []
    assert (state.profile.npn, state.take_snapshot().npn_unverified) == (NpnStatus.UNVERIFIED, True)
    assert completed(state) == {Market.INDIVIDUAL}
    again = fold(BROKER, [*happened, fact(FactKind.NPN_VERIFIED, 61, version=2)])
    assert (again.stage, list_marketplace_obstacles(again, TODAY)) == (Stage.ACTIVE, [])
    wrong = fold(BROKER, [*happened, fact(FactKind.NPN_REFUSED, 61, version=2)])
    assert (wrong.stage, wrong.waiting_for) == (Stage.AWAITING_PROFILE, WaitingFor.MARKETPLACE_PROFILE)
    assert list_marketplace_obstacles(wrong, TODAY) == ["npn_not_verified"]


def test_b9_a_market_that_is_left_waits_for_the_registry_though_another_is_complete() -> None:
    """A certificate would say a name that nobody has confirmed; what is complete already stays so."""
    both = fold(BOTH, [*way(), saved(2, 60, "unverified"), *trained(Market.SHOP), *agreed(Market.SHOP)])
    assert (both.stage, both.waiting_for) == (Stage.AWAITING_PROFILE, WaitingFor.NPN_VERIFICATION)
    assert (completed(both), both.newly_complete) == ({Market.INDIVIDUAL}, {})
    assert list_marketplace_obstacles(both, TODAY) == []


@pytest.mark.parametrize(
    ("facts", "stands"),
    [
        ([saved(1, 1), saved(2, 2, "unverified")], True),
        ([saved(1, 1), saved(2, 2, "unverified"), saved(3, 3, "unverified")], True),
        ([saved(1, 1, "unverified"), fact(FactKind.NPN_VERIFIED, 2, version=1), saved(2, 3, "unverified")], True),
        ([saved(1, 1, "unverified")], False),
        (
            [
                saved(1, 1),
                saved(2, 2, "unverified"),
                fact(FactKind.NPN_REFUSED, 3, version=2),
                saved(3, 4, "unverified"),
            ],
            False,
        ),
        ([saved(1, 1), saved(2, 2, "not_required", "not_an_agent_broker"), saved(3, 3, "unverified")], False),
    ],
)
def test_b9_what_the_registry_said_last_stands_while_it_is_silent(facts: list[Fact], stands: bool) -> None:
    assert fold(BROKER, facts).profile.confirmed_before is stands


def test_a_profile_saved_thousands_of_times_is_folded_in_no_time() -> None:
    """Every page and every write folds: what grows with the square of the saves would stop them all."""
    saves = [saved(version, version, "unverified") for version in range(1, 4001)]
    verdicts = [fact(FactKind.NPN_VERIFIED, version, version, version=version) for version in range(1, 4001)]
    gc.disable()  # whose own time grows with what other tests have left
    try:
        began = process_time()
        assert fold(BROKER, [*saves, *verdicts]).profile.npn is NpnStatus.VERIFIED
        assert process_time() - began < 1
    finally:
        gc.enable()


def test_b9_what_the_registry_said_of_an_older_version_says_nothing_of_the_newer_one() -> None:
    refused = fact(FactKind.NPN_REFUSED, 9, version=1, faults=[["npn", "npn_unknown"]])
    state = fold(BROKER, [saved(1, 2, "unverified"), saved(2, 3, "unverified"), refused])
    assert (state.profile.version, state.profile.npn) == (2, NpnStatus.UNVERIFIED)
    assert state.take_snapshot().npn_unverified
    assert fold(BROKER, [saved(1, 2, "unverified"), refused]).take_snapshot().npn_problem == 1


# agreements

RENEWED = text(FactKind.AGREEMENT_OPENED, 70, MarketplaceAgreement.INDIVIDUAL_GENERAL, NEWER)


def test_b16_a_newer_version_is_asked_for_again_and_takes_no_completion_back() -> None:
    before, after = fold(BROKER, way()), fold(BROKER, way(), newer=True)
    assert (before.stage, after.stage) == (Stage.ACTIVE, Stage.AWAITING_AGREEMENTS)
    assert (after.agreed_at, after.completed_at) == ({}, before.completed_at)
    assert {one.version for one in after.agreements} == {NEWER}
    assert list_marketplace_obstacles(after, TODAY) == ["agreements_not_accepted"]
    assert find_acceptance_refusal(after, MarketplaceAgreement.INDIVIDUAL_GENERAL) == Reason("agreement_not_opened")
    opened = fold(BROKER, [*way(), RENEWED], newer=True)
    assert find_acceptance_refusal(opened, MarketplaceAgreement.INDIVIDUAL_GENERAL) is None
    accepted = fold(BROKER, [*way(), *agreed(Market.INDIVIDUAL, 71, NEWER)], newer=True)
    assert (accepted.stage, accepted.newly_complete) == (Stage.ACTIVE, {})
    assert accepted.completed_at == before.completed_at


def test_b16_of_two_texts_opened_the_last_is_shown_and_the_acceptance_keeps_its_own() -> None:
    name = MarketplaceAgreement.SHOP_PRIVACY_SECURITY
    english, spanish = (
        text(FactKind.AGREEMENT_OPENED, hours, name).model_copy(
            update={"id": language, "data": {"agreement": name, "version": IN_FORCE, "language": language, "sha256": s}}
        )
        for hours, language, s in ((1, "en", "a" * 64), (2, "es", "b" * 64))
    )
    accepted = english.model_copy(update={"id": "accepted", "kind": FactKind.AGREEMENT_ACCEPTED})
    opening = BROKER.model_copy(update={"markets": (Market.SHOP,)})
    (one,) = fold(opening, [english, spanish]).agreements
    assert (one.language, one.sha256, one.opened_at) == ("es", "b" * 64, spanish.at)
    (one,) = fold(opening, [english, spanish, accepted]).agreements
    assert (one.language, one.sha256, one.accepted_at) == ("en", "a" * 64, accepted.at)


# what may be done now

NOT_BEFORE = [
    ("nothing", [], "profile_first"),
    ("saved", [saved(1, 2)], "profile_first"),
    ("unverified", PROFILES["unverified"], "profile_first"),
    ("profile complete", PROFILES["verified"], "training_first"),
    ("trained, not opened", [*PROFILES["verified"], *COURSES["full course"]], "agreement_not_opened"),
    (
        "an older one opened",
        [*PROFILES["verified"], *COURSES["full course"], *agreed(Market.INDIVIDUAL, version=OLD)],
        "agreement_not_opened",
    ),
    ("opened", [*PROFILES["verified"], *COURSES["full course"], *AGREEMENTS["opened"]], None),
]


@pytest.mark.parametrize(("happened", "why"), [row[1:] for row in NOT_BEFORE], ids=[row[0] for row in NOT_BEFORE])
def test_b16_an_agreement_is_accepted_after_profile_and_training_and_when_it_was_opened(
    happened: list[Fact], why: str | None
) -> None:
    assert find_acceptance_refusal(fold(NEW, happened), MarketplaceAgreement.INDIVIDUAL_GENERAL) == (
        Reason(why) if why else None
    )


def test_b16_only_the_agreements_of_ones_markets_apply() -> None:
    state = fold(BROKER, way())
    assert {one.agreement for one in state.agreements} == set(list_agreements(Market.INDIVIDUAL))
    shop = MarketplaceAgreement.SHOP_PRIVACY_SECURITY
    assert (
        find_opening_refusal(state, shop) == find_acceptance_refusal(state, shop) == Reason("agreement_not_applicable")
    )
    assert find_opening_refusal(fold(BOTH, way()), shop) is None


def test_b7_next_needs_a_profile_that_was_saved_and_not_refused() -> None:
    assert find_next_refusal(fold(NEW, [])) == Reason("profile_not_saved")
    assert find_next_refusal(fold(NEW, PROFILES["refused"])) == Reason("profile_not_saved")
    assert find_next_refusal(fold(NEW, [saved(1, 2, "unverified")])) is None
    assert find_next_refusal(fold(NEW, [*PROFILES["refused"], saved(2, 9)])) is None


def test_b1_b14_courses_are_begun_by_those_they_are_for_and_launched_once_enrolled() -> None:
    assert find_enrollment_refusal(fold(NEW, []), Curriculum.INDIVIDUAL_RETURNING) == Reason(
        "short_course_is_for_returning"
    )
    assert find_enrollment_refusal(fold(BROKER, []), Curriculum.INDIVIDUAL_RETURNING) is None
    policy, enrolled = FEDERAL_POLICIES[2024], course(FactKind.ENROLLED, 5, Curriculum.SHOP, "vendor-a")

    def why_not(facts: list[Fact], curriculum: Curriculum, channel: str, unused: int = 0) -> Reason | None:
        return find_launch_refusal(fold(NEW, facts), policy, curriculum, channel, unused)

    assert why_not([], Curriculum.SHOP, "vendor-a") == Reason("not_enrolled")
    assert why_not([enrolled], Curriculum.SHOP, "vendor-b") == Reason("not_enrolled")
    assert why_not([enrolled], Curriculum.INDIVIDUAL_FULL, "vendor-a") == Reason("not_enrolled")
    assert why_not([enrolled], Curriculum.SHOP, "vendor-a", policy.launch_tickets_at_once - 1) is None
    assert why_not([enrolled], Curriculum.SHOP, "vendor-a", policy.launch_tickets_at_once) == Reason("too_many_tickets")


# who may assist

REMOVED: list[tuple[FactKind, str]] = [
    (FactKind.PROFILE_SAVED, "profile_not_complete"),
    (FactKind.PROFILE_COMPLETED, "profile_not_complete"),
    (FactKind.ENROLLED, "training_not_complete"),
    (FactKind.COURSE_COMPLETED, "training_not_complete"),
    (FactKind.AGREEMENT_ACCEPTED, "agreements_not_accepted"),
    (FactKind.CERTIFICATE_ISSUED, "no_certificate"),
]


@pytest.mark.parametrize(("removed", "named"), REMOVED)
def test_the_step_that_is_missing_is_named(removed: FactKind, named: str) -> None:
    assert list_marketplace_obstacles(fold(BROKER, way()), TODAY) == []
    assert list_marketplace_obstacles(fold(BROKER, without(way(), removed)), TODAY) == [named]


@pytest.mark.parametrize("name", list_agreements(Market.INDIVIDUAL))
def test_each_agreement_is_a_step(name: MarketplaceAgreement) -> None:
    happened = [one for one in way() if one.kind is not FactKind.AGREEMENT_ACCEPTED or one.data["agreement"] != name]
    assert list_marketplace_obstacles(fold(BROKER, happened), TODAY) == ["agreements_not_accepted"]


def test_steps_of_two_markets_don_t_make_up_for_each_other() -> None:
    """Certified in one market whose agreements have to be accepted anew, agreed in the other: neither is enough."""
    individual = [*trained(Market.INDIVIDUAL), *agreed(Market.INDIVIDUAL, version=OLD), *certified(Market.INDIVIDUAL)]
    shop = [*trained(Market.SHOP, 20), *agreed(Market.SHOP, 21)]
    state = fold(BOTH, [*PROFILES["verified"], *individual, *shop])
    assert list_marketplace_obstacles(state, TODAY) != []
    issued = fold(BOTH, [*PROFILES["verified"], *individual, *shop, *certified(Market.SHOP, 22)])
    assert list_marketplace_obstacles(issued, TODAY) == []


def test_publication_is_watched_and_no_step_of_the_assister_s() -> None:
    assert list_marketplace_obstacles(fold(BROKER, without(way(), FactKind.LISTED)), TODAY) == []


def test_c6_a_certificate_is_good_through_its_last_day_and_not_after() -> None:
    state = fold(BROKER, way())
    assert list_marketplace_obstacles(state, date(2026, 12, 31)) == []
    assert list_marketplace_obstacles(state, date(2027, 1, 1)) == ["certificate_expired"]
    other = certified(Market.SHOP, until=None)
    both = fold(BOTH, [*way(), *trained(Market.SHOP), *agreed(Market.SHOP), *other])
    assert list_marketplace_obstacles(both, date(2027, 1, 1)) == [], "the other market's is good still"


# the lists

LATE = fact(FactKind.LIST_LATE, 60, market="individual", list="rcl", due_on="2026-01-07")


def test_b18_b19_b20_a_late_list_is_late_until_it_has_the_registration() -> None:
    unlisted = [*without(way(), FactKind.LISTED), LATE]
    late = {one.list: one.late for one in fold(BROKER, unlisted).publication}
    assert late == {FederalList.TRACKER: False, FederalList.RCL: True, FederalList.FIND_LOCAL_HELP: False}
    state = fold(BROKER, [*unlisted, *listed(Market.INDIVIDUAL, 90)])
    assert (state.stage, [one.late for one in state.publication]) == (Stage.ACTIVE, [False] * 3)
    assert state.waiting_since == START + timedelta(hours=90)


def test_b20_a_listing_of_one_market_says_nothing_of_the_other() -> None:
    state = fold(BOTH, without(way(*Market), FactKind.LISTED) + listed(Market.SHOP))
    assert {one.market for one in state.publication if one.listed_at} == {Market.SHOP}
    assert state.waiting_for is WaitingFor.PUBLICATION
