"""When a command may be carried out on a case of either program; who may give it is not decided here."""

from domain.federal import commands as federal
from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.commands import CommandKind
from domain.shared.notices import Notice
from domain.shared.reasons import Reason
from domain.state import commands as state_program
from domain.state.eligibility import Verdict


def find_refusal(
    kind: CommandKind,
    state: CaseState,
    verdict: Verdict | None = None,
    override: str | None = None,
    notice: Notice | None = None,
) -> Reason | None:
    """Why the case can't do this now; None when it can. The workflow's validator has the last word."""
    if state.ended:
        return Reason("case_ended", {"stage": state.stage.value})
    if isinstance(state, RegistrationState):
        return federal.find_refusal(kind, state, notice)
    return state_program.find_refusal(kind, state, verdict, override, notice)
