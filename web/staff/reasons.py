"""The reasons staff give most often, to be picked: one sentence in both languages; what is decided is the domain's."""

from dataclasses import dataclass

from domain.state.eligibility import Verdict
from templates.catalogs import N_


@dataclass(frozen=True)
class UsualReason:
    """A usual reason; ``is_licensed`` says for whom: agents and brokers, counselors, or both where it is None."""

    verdict: Verdict
    sentence: str
    is_licensed: bool | None = None


USUAL: dict[str, UsualReason] = {
    "in_order": UsualReason(Verdict.APPROVE, N_("Everything was checked and is in order.")),
    "proved": UsualReason(Verdict.APPROVE, N_("What the checks left open was proved to us otherwise.")),
    "no_license": UsualReason(
        Verdict.DENY, N_("The license registry shows no active [state] license under your name and NPN."), True
    ),
    "background": UsualReason(
        Verdict.DENY, N_("The result of the background check does not allow us to approve your request."), False
    ),
    "out_of_scope": UsualReason(
        Verdict.DENY, N_("Your addresses are outside the area in which we take new agents and brokers."), True
    ),
    "no_answer": UsualReason(Verdict.DENY, N_("We did not get the information that we had asked you for.")),
    "ask_license": UsualReason(
        Verdict.ASK, N_("We could not find your license. Please check your NPN and the number of your license."), True
    ),
    "ask_name": UsualReason(
        Verdict.ASK,
        N_("Your name is not the one on your license. Please correct it, or tell us why they differ."),
        True,
    ),
    "ask_identity": UsualReason(
        Verdict.ASK, N_("We know your NPN under another name or e-mail address. Please tell us which is right."), True
    ),
    "ask_address": UsualReason(Verdict.ASK, N_("Please check the addresses that you gave us.")),
}


def list_usual_reasons(verdict: Verdict, is_licensed: bool) -> dict[str, str]:
    """The reasons that fit a verdict about such a person, by their codes."""
    return {
        code: usual.sentence
        for code, usual in USUAL.items()
        if usual.verdict is verdict and usual.is_licensed in (None, is_licensed)
    }
