"""Commands of either program: read from what is kept of them, judged, and the facts they come to.

Who may give a command is not decided here.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from domain.federal import commands as federal
from domain.federal.profile import parse_profile
from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.cases.authority_commands import AuthorityCommand, build_authority_facts, find_authority_refusal
from domain.shared.cases.authors import THE_ASSISTER, StepAuthor
from domain.shared.cases.commands import (
    ActivateAccount,
    CommandData,
    CommandKind,
    CommandOrigin,
    CorrectName,
    GiveNotice,
    Lift,
    MoveRules,
    NameCorrectedData,
    ResendNotice,
    Revoke,
    SaveProfile,
    Suspend,
    Terminate,
    Withdraw,
    build_ending_fact,
    build_fact,
)
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import Command
from domain.shared.cases.reasons import Reason, Refusal
from domain.shared.documents.parsing import write_canonical
from domain.shared.policy import ProgramPolicy, find_local_date
from domain.state import commands as state_program
from domain.state.certification import CertificationState
from domain.state.commands import (
    AdverseCommand,
    AnswerQuestion,
    BeginAdverseAction,
    Decide,
    DisputeCheck,
    EndDispute,
    ReorderCheck,
    RepeatChecks,
    TakeQuestionBack,
    build_adverse_facts,
    build_answer_facts,
    build_decision_facts,
    build_reorder_facts,
    build_taking_back,
)
from domain.state.finding_inputs import ChangedInputs

COMMANDS: Mapping[CommandKind, type[CommandData]] = {
    command.kind: command
    for command in (
        Decide,
        AnswerQuestion,
        TakeQuestionBack,
        Withdraw,
        Revoke,
        ResendNotice,
        ActivateAccount,
        SaveProfile,
        ReorderCheck,
        Suspend,
        Lift,
        GiveNotice,
        Terminate,
        MoveRules,
        BeginAdverseAction,
        DisputeCheck,
        EndDispute,
        CorrectName,
        RepeatChecks,
    )
}
_UNCHANGED = ChangedInputs()


def parse_command(kind: str, data: Mapping[str, Any]) -> CommandData:
    """A command as it was stored."""
    return COMMANDS[CommandKind(kind)].model_validate(data)


def describe_command(command_id: str, case_id: str, kind: str, data: Mapping[str, Any]) -> Command:
    """What the workflow is told of a stored command: no personal data, and no reason."""
    return Command(
        case_id=case_id,
        command_id=command_id,
        kind=kind,
        verdict=str(data.get("verdict") or ""),
        notice=str(data.get("notice") or ""),
        answer_when_applied=True,
    )


def find_refusal(command: CommandData, state: CaseState) -> Reason | None:
    """Why the case can't do this now; None when it can. The workflow's validator has the last word."""
    if state.ended:
        return Reason("case_ended", {"stage": state.stage.value})
    if isinstance(command, AuthorityCommand):
        return find_authority_refusal(command, state.authority, has_authority=state.has_authority)
    if isinstance(command, CorrectName):
        return None if state.has_authority else Reason("no_certificate_to_correct")
    if isinstance(state, RegistrationState):
        return federal.find_refusal(command, state)
    return state_program.find_refusal(command, state)


def plan_profile(
    identity_key: bytes,
    saved: Mapping[str, Any],
    changes: object,
    state: CaseState,
    author: StepAuthor = THE_ASSISTER,
) -> SaveProfile:
    """The command by which its author would save these changes (parsed JSON) to a profile (B7).

    Raises `Invalid` with every field at fault, and `Refusal` when the case can't take a profile now.
    """
    if not isinstance(state, RegistrationState):
        raise Refusal(Reason("not_in_program"))
    profile = parse_profile(saved, changes)
    if why := find_refusal(SaveProfile(), state):
        raise Refusal(why)
    assert isinstance(changes, Mapping), "what was parsed has fields"
    given = {name: value for name, value in profile.items() if name in changes}
    digest = hmac.new(identity_key, write_canonical(given).encode(), sha256).hexdigest()
    return SaveProfile(
        digest=digest,
        given=tuple(sorted(given)),
        profile=profile,
        on_behalf=author.on_behalf,
        portal_pass=author.portal_pass,
    )


def plan_facts(
    command: CommandData,
    origin: CommandOrigin,
    state: CaseState,
    language: str,
    policy: ProgramPolicy,
    now: datetime,
    changed: ChangedInputs = _UNCHANGED,
) -> list[Fact]:
    """The facts that any command comes to by the policy of its case, whatever it is about."""
    if isinstance(command, Suspend | Lift | GiveNotice):
        today = find_local_date(policy, now)
        return build_authority_facts(command, origin, state.authority, policy.suspension, today, language)
    if isinstance(command, AdverseCommand) and isinstance(state, CertificationState):
        return build_adverse_facts(command, origin, state, find_local_date(policy, now), language)
    return build_facts(command, origin, state, language, changed)


def build_facts(
    command: CommandData,
    origin: CommandOrigin,
    state: CaseState,
    language: str,
    changed: ChangedInputs = _UNCHANGED,
) -> list[Fact]:
    """The facts that a command comes to, none for most; ``language`` is the request's, ``changed`` an answer's."""
    if isinstance(command, Withdraw | Revoke | Terminate):
        return [build_ending_fact(command, origin, language)]
    if isinstance(command, CorrectName):
        corrected = NameCorrectedData(
            by=origin.actor, reason=origin.reason, method=command.method, document=command.document
        )
        return [build_fact(FactKind.NAME_CORRECTED, origin, corrected)]
    if isinstance(command, Decide) and isinstance(state, CertificationState):
        return build_decision_facts(command, origin, state, language)
    if isinstance(command, ReorderCheck) and isinstance(state, CertificationState):
        return build_reorder_facts(command, origin, state)
    if isinstance(command, TakeQuestionBack):
        return build_taking_back(origin)
    if isinstance(command, AnswerQuestion) and isinstance(state, CertificationState):
        return build_answer_facts(command, origin, state, language, changed)
    return []
