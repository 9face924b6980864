"""The verbs of `certify` that act on a case: the commands of staff and assisters."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
from starter.cli.arguments import (
    DEFAULTS,
    FLAG,
    REQUEST_BYTES,
    Actor,
    BehalfOptions,
    CaseId,
    CommandId,
    CommonOptions,
    File,
    Method,
    Reason,
    Told,
    Word,
    build_wording,
    read_file,
    require_choice,
    require_text,
)
from starter.cli.context import CommandServices, UsageError, open_services
from starter.cli.output import note_language, open_console, print_json
from starter.cli.status_output import print_summary

if TYPE_CHECKING:
    from domain.shared.cases.commands import Wording
    from starter.cases import CommandOutcome

CheckAct = Literal["repeat", "reorder", "adverse", "dispute", "end-dispute"]
SourceName = Literal["registry", "records", "background_check"]


async def decide_case(
    case: CaseId,
    decision: Annotated[Literal["approve", "deny", "ask"], Parameter(help="The decision; ask is for information.")],
    /,
    *,
    reason: Reason,
    actor: Actor,
    override: Annotated[str | None, Parameter(help="Why to approve over checks that did not pass.")] = None,
    field: Annotated[
        tuple[str, ...],
        Parameter(help="A field of the request that ask is about, such as npn; once for each.", negative=""),
    ] = (),
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Decide on a request, as staff; answered at once."""
    from domain.state.eligibility import Verdict

    require_text(reason=reason, actor=actor, override=override, told=told)
    actor = name_staff_actor(actor)
    verdict, wording = Verdict(decision), build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.decide_eligibility(
            case, verdict, reason, actor, override, command_id, fields=field, wording=wording
        ),
        None if verdict is Verdict.APPROVE else wording,
    )


async def answer_question(
    case: CaseId, file: File, /, *, behalf: BehalfOptions, options: CommonOptions = DEFAULTS
) -> None:
    """Answer what staff asked, for the assister: changed request fields and a message, in JSON."""
    author = behalf.name_author()
    changes, message = _parse_answer(read_file(file, REQUEST_BYTES))
    await _send_command(options, case, lambda services: services.cases.answer_question(case, changes, message, author))


async def take_question_back(
    case: CaseId, /, *, reason: Reason, actor: Actor, command_id: CommandId = None, options: CommonOptions = DEFAULTS
) -> None:
    """Take back what staff asked, as staff; the assister is told that no answer is needed any more."""
    require_text(reason=reason, actor=actor)
    actor = name_staff_actor(actor)
    await _send_command(
        options, case, lambda services: services.cases.take_question_back(case, reason, actor, command_id)
    )


async def withdraw_request(
    case: CaseId,
    /,
    *,
    reason: Reason,
    actor: Actor,
    method: Annotated[
        Word | None, Parameter(help="How the assister gave their word, where they wish it; it is audited.")
    ] = None,
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Withdraw a request: at the assister's wish, with --method, or as staff."""
    from domain.shared.cases.authors import WordMethod

    require_text(reason=reason, actor=actor, told=told)
    actor, wish, wording = name_staff_actor(actor), WordMethod(method) if method else None, build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.withdraw_request(case, reason, actor, command_id, wish, wording=wording),
        wording,
    )


async def revoke_certification(
    case: CaseId,
    /,
    *,
    reason: Reason,
    actor: Actor,
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Revoke a certification, as staff."""
    require_text(reason=reason, actor=actor, told=told)
    actor, wording = name_staff_actor(actor), build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.revoke_certification(case, reason, actor, command_id, wording=wording),
        wording,
    )


async def suspend_authority(
    case: CaseId,
    /,
    *,
    reason: Reason,
    actor: Actor,
    kind: Annotated[
        Literal["agreement", "system"], Parameter(help="The agreement, for a term; or the access to systems.")
    ] = "agreement",
    until: Annotated[date | None, Parameter(help="Its last day; the policy's last without one.")] = None,
    at_once: Annotated[bool, FLAG, Parameter(help="It counts while it is appealed, too.")] = False,
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Suspend the authority to assist, as staff."""
    from domain.shared.cases.authority import SuspensionKind

    require_text(reason=reason, actor=actor, told=told)
    actor, what, wording = name_staff_actor(actor), SuspensionKind(kind), build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.suspend_authority(
            case, what, reason, actor, until, command_id, at_once=at_once, wording=wording
        ),
        wording,
    )


async def lift_suspension(
    case: CaseId,
    /,
    *,
    reason: Reason,
    actor: Actor,
    suspension: Annotated[str | None, Parameter(help="Its id, as status has it; else all staff ordered.")] = None,
    termination: Annotated[bool, FLAG, Parameter(help="Take back a termination that is still to come.")] = False,
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Lift a suspension, or take back a termination of which notice was given, as staff."""
    require_text(reason=reason, actor=actor, told=told)
    if suspension is not None and termination:
        raise UsageError("--suspension and --termination exclude each other; give one of them.")
    actor, wording = name_staff_actor(actor), build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.lift_suspension(
            case, reason, actor, suspension, command_id, termination=termination, wording=wording
        ),
        wording,
    )


async def terminate_authority(
    case: CaseId,
    /,
    *,
    reason: Reason,
    actor: Actor,
    at_once: Annotated[bool, FLAG, Parameter(help="Without notice: the case ends now.")] = False,
    told: Told = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Terminate the authority to assist, as staff: after the policy's days of notice, or at once."""
    require_text(reason=reason, actor=actor, told=told)
    actor, wording = name_staff_actor(actor), build_wording(told)
    await _send_command(
        options,
        case,
        lambda services: services.cases.terminate_authority(
            case, reason, actor, command_id, at_once=at_once, wording=wording
        ),
        wording,
    )


async def resend_notice(
    case: CaseId,
    notice: Annotated[str, Parameter(help="Name of the e-mail, such as lms_invitation or portal_activation.")],
    /,
    *,
    reason: Reason,
    actor: Actor,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Send an e-mail again; a new activation link voids the one before."""
    from domain.shared.cases.notices import Notice

    require_choice("NOTICE", notice, [one.value for one in Notice])
    require_text(reason=reason, actor=actor)
    actor = name_staff_actor(actor)
    wanted = Notice(notice)
    await _send_command(
        options, case, lambda services: services.cases.resend_notice(case, wanted, reason, actor, command_id)
    )


async def check_case(
    case: CaseId,
    act: Annotated[
        CheckAct,
        Parameter(
            help="repeat: have the case's checks made again. reorder: have the background check ordered anew. "
            "adverse: give notice that it may lead to a denial. dispute: the "
            "assister disputes the report. end-dispute: say that the dispute is over."
        ),
    ],
    /,
    *,
    reason: Reason,
    actor: Actor,
    consent: Annotated[str | None, Parameter(help="How the assister agreed to a new one, if not by request.")] = None,
    method: Annotated[Word | None, Parameter(help="How you have the assister's word that they dispute it.")] = None,
    source: Annotated[SourceName | None, Parameter(help="With repeat: who alone is asked again.")] = None,
    told: Annotated[
        str | None, Parameter(help="With adverse: the reason in the assister's language, where that isn't English.")
    ] = None,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Have checks made again, as staff, or act on a background check: order it anew, go on towards a denial by it."""
    from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
    from domain.state.eligibility import CheckSource

    require_text(reason=reason, actor=actor, consent=consent, told=told)
    actor = name_staff_actor(actor)
    if (act == "dispute") is (method is None):
        raise UsageError("--method goes with dispute, and dispute with --method: say how you have the assister's word.")
    if source is not None and act != "repeat":
        raise UsageError("--source goes with repeat: it says who alone is asked again.")
    if told is not None and act != "adverse":
        raise UsageError("--told goes with adverse: the assister is told no other reason.")
    wording = build_wording(told)

    async def carry_out(services: CommandServices) -> "CommandOutcome":
        cases = services.cases
        if act == "repeat":
            return await cases.repeat_checks(case, reason, actor, CheckSource(source) if source else None, command_id)
        if method is not None:
            author = StepAuthor(actor, OnBehalf(method=WordMethod(method), reason=reason))
            return await cases.dispute_check(case, reason, author, command_id)
        if act == "reorder":
            return await cases.reorder_check(case, reason, actor, consent, command_id)
        if act == "adverse":
            return await cases.begin_adverse_action(case, reason, actor, command_id, wording=wording)
        return await cases.end_dispute(case, reason, actor, command_id)

    await _send_command(options, case, carry_out, wording if act == "adverse" else None)


async def correct_name(
    case: CaseId,
    file: File,
    /,
    *,
    reason: Reason,
    actor: Actor,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Correct the name of who is certified, as staff: first_name, last_name, method and document, in JSON."""
    from domain.shared.cases.corrections import parse_correction
    from domain.shared.documents.parsing import read_json

    require_text(reason=reason, actor=actor)
    actor, command = name_staff_actor(actor), parse_correction(read_json(read_file(file, REQUEST_BYTES)))
    await _send_command(
        options, case, lambda services: services.cases.correct_name(case, command, reason, actor, command_id)
    )


async def prove_identity(
    case: CaseId,
    /,
    *,
    method: Annotated[Method, Parameter(help="How you have seen it.")],
    document: Annotated[str, Parameter(help="The document you have seen.")],
    reason: Reason,
    actor: Actor,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Prove whose the NPN of a case is, as staff."""
    from domain.shared.claims import NpnProof
    from domain.shared.documents.texts import LONGEST_DOCUMENT

    require_text(document=document, reason=reason, actor=actor)
    if len(document.strip()) > LONGEST_DOCUMENT:
        raise UsageError(f"--document has more than {LONGEST_DOCUMENT} characters; name the document in fewer.")
    actor, document = name_staff_actor(actor), document.strip()
    async with open_services(options.data) as services:
        await services.claims.prove_identity(case, NpnProof(method, actor, document, reason))
        status, names = await services.read_status(case), await services.read_staff_names()
    if options.json:
        print_json(status)
    else:
        print_summary(open_console(), status, names)


async def restart_case(
    case: CaseId,
    /,
    *,
    reason: Reason = "asked for at the command line",
    actor: Actor = "operator",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Begin the workflow of an open case again, from what is recorded, where it isn't running."""
    require_text(reason=reason, actor=actor)
    actor = name_staff_actor(actor)
    async with open_services(options.data) as services:
        outcome = await services.cases.restart_case(case, reason, actor)
        if options.json:
            print_json({"case_id": case, "begun": outcome.begun, "may_repeat": outcome.may_repeat})
            return
        status, names = await services.read_status(case), await services.read_staff_names()
    out = open_console()
    out.print(
        "Begun again; its flag comes down once its workflow has taken it on."
        if outcome.begun
        else "It is begun again as soon as Temporal answers."
    )
    if outcome.may_repeat:
        out.print(f"No record is left of what may now be done twice: {', '.join(outcome.may_repeat)}.")
    print_summary(out, status, names)


async def _send_command(
    options: CommonOptions,
    case: str,
    send: Callable[[CommandServices], Awaitable["CommandOutcome"]],
    wording: "Wording | None" = None,
) -> None:
    """Sends a command and prints what became of it, to people with where the case is then.

    ``wording`` is how its reason is put, where the assister is told it.
    """
    from domain.shared.cases.reasons import Refusal
    from domain.shared.staff_names import name_people

    async with open_services(options.data) as services:
        names = await services.read_staff_names()
        try:
            answer = await send(services)
        except Refusal as refusal:
            raise Refusal(name_people(refusal.reason, names)) from None
        if wording:
            note_language(await services.read_language(case), wording)
        if options.json:
            print_json(answer.document())
            return
        status = await services.read_status(case)
    out = open_console()
    if answer.state == "pending":
        out.print(f"Kept as {answer.command_id}: its workflow has not answered yet; it is carried out when it does.")
    else:
        out.print(f"Done, as {answer.command_id}.")
    print_summary(out, status, names)


def _parse_answer(body: bytes) -> tuple[dict[str, Any], str]:
    """The changed fields, flat or inside ``changes``, and the message. Raises `Invalid` naming every field at fault."""
    from domain.shared.documents.faults import Fault, Invalid
    from domain.shared.documents.parsing import read_json
    from domain.shared.documents.texts import find_text_faults

    document = read_json(body)
    if not isinstance(document, dict):
        raise Invalid([Fault("body", "object")])
    message = document.pop("message", None)
    changes = document.pop("changes", None)
    faults = [Fault(name, "unknown_field") for name in document] if changes is not None else []
    if not isinstance(message, str) or not message.strip():
        faults.append(Fault("message", "required" if message in (None, "") else "text"))
    else:
        faults += find_text_faults("message", message)
    if not isinstance(changes, dict | None):
        faults.append(Fault("changes", "object"))
    if faults:
        raise Invalid(faults)
    return (document if changes is None else changes), str(message)
