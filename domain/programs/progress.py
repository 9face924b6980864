"""A workflow's progress as a case's facts and recorded effects have it: for one that is begun again, and to compare."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from domain.programs.state import CaseState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import (
    AdverseActionSnapshot,
    CaseProgress,
    Command,
    Progress,
    RebuiltProgress,
    RegistrationProgress,
    RegistrationSnapshot,
)
from domain.shared.cases.notices import AUTHORITY_NOTICES, Notice
from domain.shared.cases.reconciliation import Difference
from domain.state.certification import CertificationState, EligibilityStatus
from domain.state.facts import ScreenedData

# The step of the state's journey that an effect of this kind is, by the name its workflow gives it.
_STEPS = {
    "training.invited": "invited",
    "background.ordered": "background",
    "certificate.issued": "certificate",
    "portal.account_created": "account",
    "portal.account_reused": "reused",
}
# Those of either program of which something is recorded once they are done.
_WHOLE_STEPS = frozenset({*_STEPS.values(), "enrolled", "help desk"})
_NUMBERED_STEPS = ("background ", "screened ", "notice ", "mlms ", "certificate ")
# What third parties report and a certification waits for.
_REPORTED = frozenset(
    {
        FactKind.BACKGROUND_REPORTED.value,
        FactKind.LMS_REGISTERED.value,
        FactKind.LMS_PROFILE_COMPLETED.value,
        FactKind.COURSE_COMPLETED.value,
        FactKind.PORTAL_REGISTERED.value,
        FactKind.PORTAL_ACTIVATED.value,
        FactKind.PORTAL_PROFILE_COMPLETED.value,
        FactKind.SCHEDULING_TOOL_READY.value,
    }
)
# What a workflow knows of the authority, beside the journey.
AUTHORITY = "authority"
ADVERSE_ACTION = "adverse_action"
# Kinds of reports that are no facts: by them a reconciliation tells where these stand.
_TOLD_AS = frozenset({AUTHORITY, ADVERSE_ACTION})
_FINAL = (EligibilityStatus.APPROVED, EligibilityStatus.DENIED)


@dataclass(frozen=True)
class RecordedEffect:
    """An effect whose result is recorded: its key is the case, the step, and what tells repeats apart."""

    kind: str
    key: str


def rebuild_progress(
    state: CaseState,
    facts: Sequence[Fact],
    effects: Collection[RecordedEffect],
    applied: Iterable[str],
    side_tasks: Sequence[Command],
) -> RebuiltProgress:
    """What the facts and effects come to, with the commands that were applied, or are still to be carried out.

    A step is done only when all of it is recorded: one that is begun again finds what is recorded by its keys.
    """
    rebuilt = RebuiltProgress(
        applied=list(applied),
        side_tasks=list(side_tasks),
        waiting_for=state.position.waiting_for or "",
        waiting_since=state.position.waiting_since,
    )
    done = _list_sent_notices(effects)
    if isinstance(state, CertificationState):
        decided = state.decision is not None and state.eligibility in _FINAL
        rebuilt.facts = sorted({fact.kind.value for fact in facts} - _list_outdated_kinds(state))
        rebuilt.passed = state.has_earned_certificate
        rebuilt.rounds, rebuilt.take_backs = state.round, state.take_backs
        rebuilt.check_round = state.check.number
        rebuilt.unknown_license = _is_license_unknown(facts, state.round)
        rebuilt.asked = state.is_asked
        rebuilt.verdict = state.decision.verdict.value if state.decision and decided else ""
        done |= _list_state_steps(facts, effects)
    else:
        done |= _list_federal_steps(effects)
    rebuilt.done = sorted(done)
    return rebuilt


def compare_progress(
    progress: Progress | RegistrationProgress, rebuilt: RebuiltProgress, recorded: RegistrationSnapshot | None
) -> Difference:
    """How a running workflow's progress differs from what is recorded, ``recorded`` of a federal registration.

    Everything is recorded first and told next: where the record is read after the workflow was asked, a workflow that
    knows more goes by records that are lost. One that knows less may just not have been told yet.
    """
    repeats = find_repeats(progress, rebuilt)
    if isinstance(progress, RegistrationProgress):
        assert recorded is not None, "a federal registration has a snapshot"
        found = _compare_snapshots(progress.standing, recorded, repeats)
    else:
        found = _compare_certification(progress, rebuilt, repeats)
    known = progress.authority.facts - (rebuilt.authority.facts if rebuilt.authority else 0)
    if known > 0:
        return replace(found, ahead=found.ahead | {AUTHORITY})
    return replace(found, unheard=found.unheard | {AUTHORITY}) if known < 0 else found


def _compare_certification(progress: Progress, rebuilt: RebuiltProgress, repeats: frozenset[str]) -> Difference:
    ahead = {*(progress.facts - set(rebuilt.facts) - _TOLD_AS), *repeats}
    if progress.rounds < rebuilt.rounds:  # an answer it is not told of yet may have outdated the check
        ahead.discard(FactKind.BACKGROUND_REPORTED.value)
    unheard = set(rebuilt.facts) & _REPORTED - progress.facts
    if progress.passed != rebuilt.passed:
        (ahead if progress.passed else unheard).add(FactKind.EXAM_ATTEMPTED)
    if progress.lapsed and FactKind.TRAINING_LAPSED not in rebuilt.facts:
        ahead.add(FactKind.TRAINING_LAPSED)
    action = progress.adverse_action
    recorded = rebuilt.adverse_action or AdverseActionSnapshot()
    if (action.number, action.version) != (recorded.number, recorded.version):
        later = (action.number, action.version) > (recorded.number, recorded.version)
        (ahead if later else unheard).add(ADVERSE_ACTION)
    known, stored = ((one.rounds, one.take_backs, one.asked, one.verdict) for one in (progress, rebuilt))
    if known == stored or progress.pending:  # what is pending is being applied
        return Difference(frozenset(ahead), repeats, frozenset(unheard))
    knows_more = progress.rounds > rebuilt.rounds or progress.take_backs > rebuilt.take_backs
    if bool(progress.verdict) > bool(rebuilt.verdict) or knows_more:
        ahead.add(FactKind.DECIDED)
    return Difference(frozenset(ahead), repeats, frozenset(unheard), commands=True)


def find_repeats(progress: CaseProgress, rebuilt: RebuiltProgress) -> frozenset[str]:
    """The steps that a workflow had done and no record of which is left: whoever goes by the record does them again."""
    recorded = {*rebuilt.done, *(["enrolled"] if FactKind.LMS_ENROLLED in rebuilt.facts else [])}
    return frozenset(step for step in progress.done - recorded if _is_recorded_step(step))


def _compare_snapshots(
    known: RegistrationSnapshot, recorded: RegistrationSnapshot, repeats: frozenset[str]
) -> Difference:
    if known.facts > recorded.facts:
        return Difference(repeats | {"facts"}, repeats)
    if known == recorded.model_copy(update={"facts": known.facts}):
        return Difference(repeats, repeats)
    if known.facts == recorded.facts:  # as many, and others
        return Difference(repeats | {"facts"}, repeats)
    return Difference(repeats, repeats, frozenset({"facts"}))


def _is_recorded_step(step: str) -> bool:
    return step in _WHOLE_STEPS or step.startswith(_NUMBERED_STEPS)


def _list_state_steps(facts: Iterable[Fact], effects: Collection[RecordedEffect]) -> set[str]:
    steps = {_name_step(effect) for effect in effects if effect.kind in _STEPS}
    screenings = (fact.read_as(ScreenedData) for fact in facts if fact.kind is FactKind.SCREENED)
    steps |= {f"screened {screened.round}" for screened in screenings}
    kinds = {effect.kind for effect in effects}
    if {"training.enrolled", f"notice.{Notice.LMS_ENROLLED}"} <= kinds:
        steps.add("enrolled")
    return steps


def _name_step(effect: RecordedEffect) -> str:
    """A step that is repeated, as a background check on somebody else is, has the number of its repeat in its name."""
    occurrence = effect.key.rpartition(":")[2]
    step = _STEPS[effect.kind]
    return f"{step} {occurrence}" if step == "background" and occurrence not in ("", "0") else step


def _list_outdated_kinds(state: CertificationState) -> set[str]:
    return set() if state.check.report else {FactKind.BACKGROUND_REPORTED.value}


def _list_federal_steps(effects: Iterable[RecordedEffect]) -> set[str]:
    """Courses and certificates whose letters are sent too, which are the last part of the step."""
    steps = set()
    for effect in effects:
        notice, _, about = _split_notice(effect)
        if notice == Notice.MARKETPLACE_ENROLLED and about:
            steps.add(f"mlms {about}")
        elif notice == Notice.MARKETPLACE_CERTIFICATE and about:
            steps.add(f"certificate {about}")
        elif effect.kind == f"notice.{Notice.HELP_DESK}":
            steps.add("help desk")
    return steps


def _list_sent_notices(effects: Iterable[RecordedEffect]) -> set[str]:
    """Notices of the journey and of the authority; others that are about something are no steps of their own."""
    found = [_split_notice(effect) for effect in effects]
    of_authority = {f"notice {notice} {about}" for notice, _, about in found if notice in AUTHORITY_NOTICES and about}
    return of_authority | {
        f"notice {notice} {occurrence}" for notice, occurrence, about in found if notice and not about
    }


def _split_notice(effect: RecordedEffect) -> tuple[str, str, str]:
    """The notice, its occurrence and what it is about, from the key of the letter; empty for another effect."""
    _, _, letter = effect.key.partition(":notice:")
    notice, _, rest = letter.partition(":")
    occurrence, _, about = rest.partition(":")
    return notice, occurrence, about


def _is_license_unknown(facts: Iterable[Fact], last_round: int) -> bool:
    """Whether the last screening had to do without the registry, and nothing was heard of it since."""
    screenings = [fact.read_as(ScreenedData) for fact in facts if fact.kind is FactKind.SCREENED]
    of_round = [screened for screened in screenings if screened.round == last_round]
    return bool(of_round) and not any(screened.is_answered for screened in of_round)
