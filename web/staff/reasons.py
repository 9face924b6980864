"""Reasons that staff give and the assister is told: the usual ones to be picked, and what a form says of one.

A usual reason is one sentence, known in both languages; what is decided by it is the domain's.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from domain.programs.state import CaseState
from domain.shared.cases.appeals import AppealOutcome
from domain.shared.cases.commands import CommandKind, Wording
from domain.shared.documents.faults import Fault
from domain.shared.documents.texts import find_text_faults
from domain.state.certification import CertificationState
from domain.state.eligibility import Verdict
from templates.catalogs import N_, translate
from templates.labels import find_label
from web.http.forms import Values

# What staff give a reason for: a decision, another command, or what an appeal comes to.
Step = Verdict | CommandKind | AppealOutcome


@dataclass(frozen=True)
class UsualReason:
    """A usual reason of some steps; ``is_licensed`` says for whom: agents and brokers of the state's program, others,
    or both where it is None. ``fields`` are those of the request form that a question is about, by name.
    """

    steps: tuple[Step, ...]
    sentence: str
    is_licensed: bool | None = None
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class TypedReason:
    """The reason that a form gives, as it is recorded, and how the assister is told it."""

    reason: str
    wording: Wording


_ENDS = (CommandKind.REVOKE, CommandKind.GIVE_NOTICE, CommandKind.TERMINATE)
USUAL: dict[str, UsualReason] = {
    "in_order": UsualReason((Verdict.APPROVE,), N_("Everything was checked and is in order.")),
    "proved": UsualReason((Verdict.APPROVE,), N_("What the checks left open was proved to us otherwise.")),
    "no_license": UsualReason(
        (Verdict.DENY,), N_("The license registry shows no active [state] license under your name and NPN."), True
    ),
    "background": UsualReason(
        (Verdict.DENY,), N_("The result of the background check does not allow us to approve your request."), False
    ),
    "out_of_scope": UsualReason(
        (Verdict.DENY,), N_("Your addresses are outside the area in which we take new agents and brokers."), True
    ),
    "no_answer": UsualReason(
        (Verdict.DENY, CommandKind.WITHDRAW), N_("We did not get the information that we had asked you for.")
    ),
    "ask_license": UsualReason(
        (Verdict.ASK,),
        N_("We could not find your license. Please check your NPN and the number of your license."),
        True,
        ("npn", "license_number"),
    ),
    "ask_name": UsualReason(
        (Verdict.ASK,),
        N_("Your name is not the one on your license. Please correct it, or tell us why they differ."),
        True,
        ("first_name", "last_name"),
    ),
    "ask_identity": UsualReason(
        (Verdict.ASK,),
        N_("We know your NPN under another name or e-mail address. Please tell us which is right."),
        True,
        ("first_name", "last_name", "email", "npn"),
    ),
    "ask_address": UsualReason(
        (Verdict.ASK,),
        N_("Please check the addresses that you gave us."),
        fields=("business_address", "physical_address"),
    ),
    "asked_to": UsualReason((CommandKind.WITHDRAW,), N_("You have asked us to withdraw it.")),
    "asked_to_end": UsualReason(_ENDS, N_("You have told us that you do not help consumers any more.")),
    "agreement": UsualReason(
        (CommandKind.SUSPEND, *_ENDS), N_("You have not kept to the agreement that you had accepted.")
    ),
    "complaint": UsualReason(
        (CommandKind.SUSPEND,), N_("We have received a complaint about you, and we are looking into it.")
    ),
    "untrue": UsualReason(_ENDS, N_("What you had told us was not true.")),
    "put_right": UsualReason((CommandKind.LIFT,), N_("What it was about has been put right.")),
    "unfounded": UsualReason((CommandKind.LIFT,), N_("We have looked into it, and nothing speaks against you.")),
    "report": UsualReason(
        (CommandKind.BEGIN_ADVERSE_ACTION,),
        N_("By our rules, what the background report says may keep us from approving your request."),
    ),
    "convinced": UsualReason(
        (AppealOutcome.REVERSED,), N_("What you have sent us shows that our decision was not right.")
    ),
    "unchanged": UsualReason(
        (AppealOutcome.UPHELD,), N_("What you have sent us does not change what our decision rests on.")
    ),
    "look_again": UsualReason((AppealOutcome.SENT_BACK,), N_("What you have sent us has to be checked first.")),
}


def list_usual_reasons(step: Step, is_licensed: bool) -> dict[str, str]:
    """The reasons that fit a step about such a person, by their codes."""
    return {
        code: usual.sentence
        for code, usual in USUAL.items()
        if step in usual.steps and usual.is_licensed in (None, is_licensed)
    }


def list_usual_fields(code: str, askable: Collection[str]) -> tuple[str, ...]:
    """The fields that a usual question is about, of those that can be asked about; none of any other code."""
    usual = USUAL.get(code)
    return tuple(name for name in usual.fields if name in askable) if usual else ()


def translate_usual_reasons(steps: Iterable[Step], is_licensed: bool, language: str) -> dict[Step, dict[str, str]]:
    """The usual reasons of each of these steps, by their codes, in the language of whoever picks one."""
    return {
        step: {code: translate(sentence, language) for code, sentence in list_usual_reasons(step, is_licensed).items()}
        for step in steps
    }


def is_licensed(state: CaseState) -> bool:
    """Whether a case is of an agent or a broker of the state's program."""
    return isinstance(state, CertificationState) and state.opening.kind.is_licensed


def find_reason_faults(values: Mapping[str, str], offered: Mapping[str, str]) -> list[Fault]:
    """What is wrong with a reason that a form gives; ``offered`` are the usual ones of the step."""
    usual, written, told = values.get("usual", ""), values.get("reason", ""), values.get("told", "")
    faults = [Fault("usual", "required")] if usual and usual not in offered else []
    faults += find_text_faults("reason", written) if written or not usual else []
    return faults + (find_text_faults("told", told) if told.strip() else [])


def read_reason(values: Values, language: str, theirs: str) -> TypedReason:
    """The reason that a form without faults gives. A usual one goes before the words that were typed.

    ``language`` is the one of whoever gives it, in which it is recorded, ``theirs`` the assister's: a usual reason is
    known in it, and words are told in it that staff have written in it.
    """
    usual, written = values.get("usual", ""), values.get("reason", "")
    reason = _join(translate(USUAL[usual].sentence, language) if usual else "", written)
    told = values.get("told", "").strip()
    if theirs == language or not (usual or told):
        return TypedReason(reason, Wording(written_in=language))
    if written.strip() and not told:  # a usual reason is theirs, what was added isn't
        told = f"{find_label('as_written', language, theirs)}\n{written.strip()}"
    return TypedReason(reason, Wording(_join(translate(USUAL[usual].sentence, theirs) if usual else "", told)))


def _join(said: str, written: str) -> str:
    return "\n\n".join(part for part in (said, written) if part.strip())
