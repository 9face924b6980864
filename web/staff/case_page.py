"""What the page of a case shows: its file, where it stands, what can be done with it, and what was tried; no routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from db.case_state import UnknownCase, load_snapshot
from db.desk_tables import CaseAssignment
from db.reads.case_file import CaseFile, read_case_file
from db.reads.desk.case_desk import CaseDesk, DeskReader, read_case_desk
from db.reads.queue import Filters
from db.reads.timeline import EntryKind
from db.tables import EvidenceRow
from db.writes.desk.assignments import assign_case
from domain.federal.registration import RegistrationState
from domain.programs.state import CaseState
from domain.shared.cases.authors import ProofMethod, WordMethod
from domain.shared.cases.commands import CommandState
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import OWNER, WaitingFor
from domain.shared.documents.faults import Fault
from domain.shared.policy import find_local_date
from domain.shared.staff_names import name_people
from domain.state.agreements import find_consent_text
from domain.state.certification import CertificationState
from domain.state.comparisons import Comparison, compare_with_registry
from domain.state.eligibility import Check, Verdict
from domain.state.policy import Policy
from domain.state.request import StoredRequest
from domain.state.training_deadline import describe_deadline
from starter.cases import now
from starter.registry_answers import read_registered
from templates.catalogs import N_, translate
from templates.letters import RenderedNotice
from web.http.auth import StaffMember
from web.http.defence.file_access import check_file_access
from web.http.forms import Values
from web.http.permissions import DECIDERS, Permission
from web.http.sentences import explain_notes, explain_reason
from web.services import Services
from web.staff.filters import ALL, QUEUE, build_address, read_filters
from web.staff.layout import StaffVisit
from web.staff.panel import FORMS, build_panel
from web.staff.timeline import describe_entries
from web.state_form import drop_copied_faults, list_values, mark_same_address

# What is asked for where it is missing.
_MISSING = {
    "verdict": N_("Choose what you decide."),
    "usual": N_("Pick a reason that fits your decision, or none."),
    "reason": N_("Give a reason."),
    "override": N_("Say why you approve over the checks that did not pass."),
    "notice": N_("Choose a notice."),
    "source": N_("Choose which checks are made again."),
    "method": N_("Choose how you have seen it."),
    "word": N_("Choose how you have their word."),
    "document": N_("Say which document you have seen."),
    "text": N_("Write down what they say."),
    "message": N_("Write down what they answered."),
    "note": N_("Write the note."),
    "colleague": N_("Choose a colleague who decides on cases."),
    "first_name": N_("Give the first name; who has one name alone writes a hyphen for the other."),
    "last_name": N_("Give the last name; who has one name alone writes a hyphen for the other."),
}
# Forms in which the method is how staff have an assister's word, not what they have seen.
_BY_WORD = frozenset({"answer", "dispute", "rebut", "withdraw"})
_SENT_BEFORE = N_(
    "You sent this form before, with other words, and what you sent first counts. "
    "Look at the case, then send it again if that is still needed."
)
# What is said on top once something was done, by what stands in the address.
_DONE = {
    "withdraw": N_("The request is withdrawn."),
    "revoke": N_("The certification is revoked."),
    "resend": N_("The notice is sent again."),
    "answer": N_("The answer is written down."),
    "address": N_(
        "The e-mail address is corrected. The address before is told, and what the mail server had refused is sent "
        "again, as is a question that is open."
    ),
    "question": N_("The question is taken back. The assister is told that no answer is needed any more."),
    "check": N_("The background check is ordered anew."),
    "repeat": N_("The checks are made again; what comes of it stands here as soon as it is known."),
    "correct": N_("The name is corrected. A new certificate supersedes the one before."),
    "suspend": N_("The authority to assist is suspended."),
    "lift": N_("The suspension is lifted."),
    "adverse": N_("Notice is given that the report may lead to a denial."),
    "dispute": N_("The report is disputed."),
    "end_dispute": N_("The dispute is over."),
    "take_back": N_("The termination is taken back."),
    "give_notice": N_("Notice of the termination is given."),
    "terminate": N_("The authority to assist is terminated."),
    "rebut": N_("What they say is written down."),
    "flag": N_("The flag is taken down."),
    "raise_flag": N_("The flag is up."),
    "note": N_("The note is kept."),
    "assign": N_("The case is on your colleague's desk."),
    "identity": N_("It is proven whose the NPN is."),
    "restart": N_("The case is begun again from what is recorded."),
}

# What of it leaves an entry of its own in the timeline, and which.
_AUDITED = {
    "restart": (EntryKind.AUDIT, "case.restarted"),
    "flag": (EntryKind.FLAG, "cleared"),
    "raise_flag": (EntryKind.FLAG, "raised"),
    "note": (EntryKind.AUDIT, "case.noted"),
    "assign": (EntryKind.AUDIT, "case.assigned"),
    "address": (EntryKind.AUDIT, "case.address_corrected"),
}


@dataclass(frozen=True)
class FormAttempt:
    """A form that was sent and not taken: what was typed, what is wrong with it, or why it can't be done now.

    ``previewed``: it was not to be taken, but shown as the assister would read it, in ``letter`` if there is one.
    """

    form: str
    values: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    refused: Reason | None = None
    previewed: bool = False
    letter: RenderedNotice | None = None


async def render_case(
    visit: StaffVisit, case_id: str, attempt: FormAttempt | None = None, status: int = 200
) -> HTMLResponse:
    """The page of a case; raises `UnknownCase` and `NotAllowed`. Whose data it shows is recorded."""
    await check_file_access(visit.services, visit.me, case_id)
    language, view = visit.language, visit.request.query_params.get("view")
    filters = read_filters(visit.request.query_params)
    file = await visit.services.database.read(read_case_file, case_id, now())
    state = file.state
    done = await _describe_done(visit, file)
    await visit.record_access("case", [case_id, *([done["of"]] if done and done.get("of") else [])])
    reader = _describe_reader(visit, file, None if view == "all" else filters)
    desk = await visit.services.database.read(read_case_desk, case_id, reader, now())
    return visit.render_page(
        "staff/case.html",
        here=build_address(f"{ALL}/{case_id}", filters, view=view),
        status=status,
        file=file,
        state=state,
        now=now(),
        is_federal=isinstance(state, RegistrationState),
        deadline=_describe_deadline(file),
        owner=OWNER[state.waiting_for] if state.waiting_for else None,
        missing=[explain_reason(Reason(code), language) for code in file.status["may_assist_reasons"]],
        compared=_compare_with_registry(file, desk.evidence),
        report_url=_find_report_url(visit.services, file),
        checks={one.check: explain_reason(Reason(one.check), language) for one in file.findings},
        finding_notes={one.note: explain_reason(Reason(one.note), language) for one in file.findings if one.note},
        assignment=await _take_to_desk(visit, file, desk),
        colleagues=desk.colleagues,
        lines=describe_entries(file.timeline, visit.staff_names, language),
        notes=explain_notes(file.held, language),
        answer_values=_list_answer_values(file),
        consent=find_consent_text(language),
        panel=build_panel(file, visit.me, visit.staff_names, language),
        methods=list(ProofMethod),
        word_methods=list(WordMethod),
        flag_words=_find_flag_words(file),
        accesses=desk.accesses,
        workflow_url=_find_workflow_url(visit.services, file),
        done=done,
        **_describe_attempt(attempt, state, visit),
        **_find_ways(filters, view, desk),
    )


def _describe_reader(visit: StaffVisit, file: CaseFile, queue: Filters | None) -> DeskReader:
    may = visit.me.may
    decides = file.state.waiting_for is WaitingFor.DECISION and may(Permission.DECIDE)
    return DeskReader(
        visit.me.actor,
        deciders=DECIDERS if decides else (),
        reads_log=may(Permission.READ_ACCESS_LOG),
        evidence=next((one.evidence.key for one in file.findings if one.evidence), None),
        queue=queue,
    )


def _find_flag_words(file: CaseFile) -> dict[str, tuple[str, str]]:
    """Who put a flag up by hand last, and what they wrote, by the flag."""
    return {
        str(one.data["flag"]): (one.actor, one.reason)
        for one in file.timeline
        if (one.kind, one.name) == (EntryKind.FLAG, "raised") and one.reason and "reason" not in one.coded
    }


def _list_answer_values(file: CaseFile) -> Values:
    """What the form of an answer shows of the request; a consent that was given isn't one to another check (D5)."""
    shown = {name: value for name, value in file.request.items() if name != "background_check_consent"}
    return {**list_values(shown), **mark_same_address(file.request)}


def _compare_with_registry(file: CaseFile, evidence: EvidenceRow | None) -> Comparison | None:
    """The request beside the registry's answer on which the findings stand; None where none is kept, or can be read."""
    npn = file.request.get("npn")
    if evidence is None or npn is None or not isinstance(file.policy, Policy):
        return None
    registered = read_registered(evidence.raw, npn)
    if registered is None:
        return None
    request, today = StoredRequest.model_validate(file.request), find_local_date(file.policy, now())
    return compare_with_registry(request, registered.producer, today, file.policy.home_state)


def _describe_deadline(file: CaseFile) -> dict[str, Any] | None:
    """The training deadline of a case of the state's program, if there is one (E14)."""
    if not (isinstance(file.state, CertificationState) and isinstance(file.policy, Policy)):
        return None
    return describe_deadline(file.state, file.policy)


async def _take_to_desk(visit: StaffVisit, file: CaseFile, desk: CaseDesk) -> CaseAssignment | None:
    """Who has the case on their desk: the reader by opening it, where they decide and nobody else has it."""
    if file.state.waiting_for is not WaitingFor.DECISION:
        return None
    if desk.assignment is not None or not visit.me.may(Permission.DECIDE):
        return desk.assignment  # most often: nothing is to be written
    lasts = timedelta(minutes=file.policy.review_target.assigned_minutes)
    return await visit.services.database.write(assign_case, file.case_id, visit.me.actor, now(), lasts)


async def _describe_done(visit: StaffVisit, file: CaseFile) -> dict[str, Any] | None:
    """What was just done, if it was: anybody can write that into an address.

    For a decision {verdict, name, of, is_here}, else {sentence}.
    """
    query, me = visit.request.query_params, visit.me
    what, of = query.get("done", ""), query.get("of", "")
    if what in _DONE and of == file.case_id:
        return {"sentence": translate(_DONE[what], visit.language)} if _has_acted(what, file, me) else None
    if what not in list(Verdict):
        return None
    try:
        view = await visit.services.database.read(load_snapshot, of)
    except UnknownCase:
        return None
    decision = view.state.decision if isinstance(view.state, CertificationState) else None
    if decision is None or (decision.verdict, decision.by) != (what, me.actor):
        return None
    return {"verdict": what, "name": view.applicant.name, "of": of, "is_here": of == file.case_id}


def _has_acted(what: str, file: CaseFile, me: StaffMember) -> bool:
    """Whether this person did that to the case."""
    if what == "identity":
        return any(one.name in ("npn_proven", "npn.proven") and one.actor == me.actor for one in file.timeline)
    if what in _AUDITED:
        entry = (*_AUDITED[what], me.actor)
        return any((one.kind, one.name, one.actor) == entry for one in file.timeline)
    _, kind = FORMS[what]
    return any((one.kind, one.actor, one.state) == (kind, me.actor, CommandState.APPLIED) for one in file.commands)


def _describe_attempt(attempt: FormAttempt | None, state: CaseState, visit: StaffVisit) -> dict[str, Any]:
    """What a form that was not taken shows: which it was, its words, faults by field, and why not now."""
    if attempt is None:
        return {"tried": None, "values": {}, "errors": [], "refused": None, "overtaken_by": None, "previewed": False}
    decision = state.decision if isinstance(state, CertificationState) else None
    return {
        "tried": attempt.form,
        "values": attempt.values,
        "previewed": attempt.previewed,
        "letter": attempt.letter,
        "errors": [
            {"field": one.field, "message": _explain_fault(one, attempt.form, visit.language)}
            for one in drop_copied_faults(attempt.values, attempt.faults)
        ],
        "refused": _explain_refused(attempt.refused, visit) if attempt.refused else None,
        "overtaken_by": decision if attempt.form == "decision" else None,
    }


def _explain_fault(fault: Fault, form: str, language: str) -> str:
    field = "word" if fault.field == "method" and form in _BY_WORD else fault.field
    own = _MISSING.get(field) if fault.code == "required" else None
    return translate(own, language) if own else explain_reason(fault, language)


def _explain_refused(reason: Reason, visit: StaffVisit) -> str:
    if reason.code == "id_used":
        return translate(_SENT_BEFORE, visit.language)
    return explain_reason(name_people(reason, visit.staff_names), visit.language)


def _find_workflow_url(services: Services, file: CaseFile) -> str | None:
    """The case's workflow in the Temporal UI, where there is one."""
    ui = services.settings.temporal_ui_url.rstrip("/")
    if not ui:
        return None
    return f"{ui}/namespaces/{quote(services.cases.namespace, safe='')}/workflows/{quote(file.workflow_id, safe='')}"


def _find_report_url(services: Services, file: CaseFile) -> str | None:
    """The vendor's own page of a background check, where it is known how such a page is called."""
    found = (one.basis.get("candidate") for one in file.findings if one.check == Check.BACKGROUND_CHECK)
    candidate, link = next(found, None), services.settings.background_checks_report_link
    return link.replace("{candidate}", quote(candidate, safe="")) if candidate and link else None


def _find_ways(filters: Filters, view: str | None, desk: CaseDesk) -> dict[str, Any]:
    """Where one came from, and the case after this one there; both under the same filters."""
    if view == "all":
        return {
            "back_url": build_address(ALL, filters),
            "next_url": None,
            "query": build_address("", filters, view="all"),
        }
    return {
        "back_url": build_address(QUEUE, filters),
        "next_url": build_address(f"{ALL}/{desk.following}", filters) if desk.following else None,
        "query": build_address("", filters),
    }
