"""The first questions of the request form: who need not, or can't, go on with it, before its steps; no routes.

Nothing here decides on a request. It spares people steps that would come to nothing, by what they say of themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.shared.assister import AssisterType, Kind
from domain.shared.documents.faults import Fault
from domain.shared.documents.fields import STATES
from domain.shared.programs import STATE_PROGRAM
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from web.http.forms import Values, parse_number

# Answers that are no part of the request: whether somebody was certified before, and where they work.
EXPERIENCE, WORK_STATE = "experience", "work_state"
# Said by who was certified before and fills in the form all the same.
ANYWAY = "form_anyway"
NEW, RETURNING = AssisterType.NEW.value, AssisterType.RETURNING.value


class Detour(StrEnum):
    """Why somebody is sent elsewhere than through the form."""

    RETURNING = "returning"
    OTHER_STATE = "other_state"


@dataclass(frozen=True)
class Destination:
    """Where to ask instead: the exchange that the state runs itself, or what leads on."""

    label: str
    url: str
    is_exchange: bool


def find_detour(answers: Mapping[str, str]) -> Detour | None:
    """Why these answers lead elsewhere; None while they don't, and for a draft that was begun without the questions."""
    if answers.get(EXPERIENCE) == RETURNING and not answers.get(ANYWAY):
        return Detour.RETURNING
    kind, state = answers.get("kind", ""), answers.get(WORK_STATE, "").upper()
    policy = find_state_policy(STATE_PROGRAM, parse_number(answers.get("plan_year", "")) or 0)
    is_answered = answers.get(EXPERIENCE) == NEW and kind in set(Kind) and state in STATES
    if policy is None or not is_answered:
        return None
    # Both addresses are still to come: one that is elsewhere is for the request itself to tell.
    is_taken_in = policy.intake.admits(Kind(kind), AssisterType.NEW, state, state)
    return None if is_taken_in else Detour.OTHER_STATE


def find_destination(policy: Policy, state: str, language: str) -> Destination | None:
    """Where to ask instead, by the policy; None where it doesn't say."""
    if policy.elsewhere is None:
        return None
    if own := policy.elsewhere.exchanges.get(state.upper()):
        return Destination(own.name, own.url, is_exchange=True)
    link = policy.elsewhere.otherwise
    return Destination(link.label[language], link.url[language], is_exchange=False)


def find_first_faults(answers: Mapping[str, str]) -> list[Fault]:
    """What is wrong with the first questions' answers; one that was never asked has no fault."""
    faults = []
    if EXPERIENCE in answers and answers[EXPERIENCE] not in (NEW, RETURNING):
        faults.append(Fault(EXPERIENCE, "required"))
    if WORK_STATE in answers and answers[WORK_STATE].upper() not in STATES:
        faults.append(Fault(WORK_STATE, "state" if answers[WORK_STATE] else "required"))
    return faults


def suggest_states(answers: Mapping[str, str]) -> Values:
    """The state of each address before it is given: the one that somebody works from isn't asked again."""
    state = answers.get(WORK_STATE, "").upper()
    return {f"{group}.state": state for group in ("business_address", "physical_address")} if state in STATES else {}
