"""What the status page shows of a case (A30): read from the case's state, in the reader's language; no routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from db.case_state import find_ending, request_of
from db.reads.answer_files import ListedFile, list_answer_files, list_answered_questions
from db.reads.own_pages import OwnCertification
from db.reads.third_parties import find_lms_url
from domain.shared.cases.commands import ToldEnding
from domain.shared.cases.facts import ToldReason
from domain.shared.cases.notices import TOPIC_OF_WAITING, Topic
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import OWNER, SUSPENDING, Stage, WaitingFor
from domain.shared.documents.evidence import LARGEST_FILE, LARGEST_FORM, MEGABYTE, MOST_FILES
from domain.shared.documents.faults import Fault
from domain.shared.documents.zip_codes import find_zip_doubts
from domain.shared.links import OWN_CASE_PATH
from domain.shared.policy import describe_contact, describe_npn_lookup
from domain.shared.reference_numbers import make_reference_number
from domain.state.adverse_actions import find_dispute_refusal
from domain.state.agreements import find_agreement, find_consent_text
from domain.state.certification import CertificationState, EligibilityStatus, LmsAccount
from domain.state.eligibility import Check, Result
from domain.state.questions import count_questions, list_asked_fields
from domain.state.training_deadline import describe_deadline
from starter.cases import now
from starter.review_targets import expect_case_decision
from web.codes import describe_proof
from web.field_words import word_faults, word_zip_doubts
from web.http.appeals import describe_appeal_way
from web.http.auth import OwnVisitor, describe_session
from web.http.forms import Values, parse_number
from web.http.negotiation import choose_language
from web.http.pages import mark_steps, render_page
from web.http.sentences import explain_reason
from web.services import Services
from web.state_form import drop_copied_faults, list_values, mark_same_address


async def render_status(
    request: Request,
    services: Services,
    reference: str,
    visitor: OwnVisitor,
    certification: OwnCertification,
    values: Values | None = None,
    faults: Sequence[Fault] = (),
    unsent: str | None = None,
) -> HTMLResponse:
    """The page of a case; ``values`` and ``faults`` after an answer that could not be taken.

    ``unsent`` is the message of one that came after the question was taken back.
    """
    case, policy, state = certification.case, certification.policy, certification.state
    asked = request_of(case)
    language = choose_language(request, asked.language)
    here = OWN_CASE_PATH.format(reference=reference)
    told = _read_told_round(request)
    asking = state.stage is Stage.AWAITING_INFORMATION and told != state.round + 1
    waiting_for = state.waiting_for if asking or state.stage is not Stage.AWAITING_INFORMATION else None
    is_corrected = request.query_params.get("corrected") == "1"
    ending = await _find_ending(services, certification)
    topic = TOPIC_OF_WAITING[waiting_for] if waiting_for else Topic.GENERAL
    return render_page(
        services,
        "status.html",
        language,
        describe_contact(policy, topic, language),
        here=here,
        status=422 if faults else 409 if unsent is not None else 200,
        addressed_as=asked.addressed_as,
        own=describe_session(visitor),
        name=asked.name,
        kind=case.kind,
        plan_year=case.plan_year,
        reference=make_reference_number(case.case_id),
        stage=state.stage if asking or state.stage is not Stage.AWAITING_INFORMATION else Stage.SCREENING,
        waiting_for=waiting_for,
        may_assist=not certification.may_assist_reasons,
        missing=[explain_reason(Reason(code), language) for code in certification.may_assist_reasons],
        steps=list_steps(state, not certification.may_assist_reasons),
        reason=ending.reason,
        withdrawn_at=ending.withdrawn_at,
        pass_mark=policy.pass_mark,
        attempts=state.attempts,
        awaits_portal=certification.may_assist_reasons == ["portal_not_ready"],
        lms_url=await services.database.read(find_lms_url, case.case_id) or services.settings.lms_url,
        portal_url=_find_portal_url(services, waiting_for),
        certificate=_describe_certificate(certification, here, language),
        train_meanwhile=_trains_meanwhile(state),
        question=await _describe_question(services, certification, here, language) if asking else None,
        answers=await _list_answers(services, certification, here),
        values=values if values is not None else _list_asked_values(case.request) if asking else {},
        errors=word_faults(drop_copied_faults(values or {}, faults), language),
        answered=told in (state.round, state.round + 1) and not asking and not _is_untaken(state, told),
        taken_back=state.taken_back is not None,
        unsent=unsent,
        accepted=request.query_params.get("accepted") == "1" and not lacks_agreement(state),
        agreement=_describe_agreement(certification, f"{here}/agreement?lang={language}", language),
        agreed=find_agreement(case.program, language).model_dump() if asked.agreement_accepted else None,
        consented=None if state.opening.kind.is_licensed else asked.background_check_consent,
        consent=find_consent_text(language),
        resources=[{"label": link.label[language], "url": link.url} for link in policy.resources[state.opening.kind]],
        referrals=policy.referrals[language],
        npn_proof=describe_proof(services, certification.proof, reference, language),
        program=case.program,
        deadline=describe_deadline(state, policy),
        authority=state.authority,
        rebuttal_action=f"{here}/rebuttal?lang={language}",
        adverse=_describe_adverse_action(certification, f"{here}/dispute?lang={language}", language),
        appeal=await describe_appeal_way(services, case.case_id, state.appeals, language),
        doubts=_list_doubts(case.request, f"{here}/contacts?lang={language}", language) if is_corrected else [],
        corrected=is_corrected,
        contacts_url=None if state.ended else f"{here}/contacts?lang={language}",
        review=expect_case_decision(state, policy, case.opened_at, now()),
        npn_lookup=describe_npn_lookup(policy, language),
        withdraw_action=None if state.ended else f"{here}/withdraw?lang={language}",
    )


def _list_asked_values(asked: Mapping[str, Any]) -> Values:
    """What the answer's form shows of a request: a consent that was given isn't one to another check (D5)."""
    shown = {name: value for name, value in asked.items() if name != "background_check_consent"}
    return {**list_values(shown), **mark_same_address(asked)}


def lacks_agreement(state: CertificationState) -> bool:
    """Whether an agent's or broker's open case still needs the agreement."""
    return not state.ended and any(
        one.check is Check.AGREEMENT_ACCEPTED and one.result is not Result.PASS for one in state.findings
    )


def list_steps(state: CertificationState, may_assist: bool) -> list[dict[str, str]]:
    """The seven steps of the guide, as `mark_steps` says; the next is in progress while others alone have the move."""
    done = {
        "request": True,
        "eligibility": state.eligibility is EligibilityStatus.APPROVED,
        "training": state.trained_at is not None,
        "exam": state.passed_at is not None,
        "certificate": state.certificate is not None,
        "portal": state.portal_ready,
        "begin": may_assist,
    }
    awaited = OWNER.get(state.waiting_for) if state.waiting_for else None
    is_others_turn = awaited not in (None, "assister", "nobody") and not lacks_agreement(state)
    return mark_steps(done, state.ended, others=done if is_others_turn else ())


def _read_told_round(request: Request) -> int | None:
    """The round an answer led to, right after it was sent: the page then waits with us until it is carried out."""
    told = request.query_params.get("answered", "")
    return parse_number(told, 8)


def _is_untaken(state: CertificationState, told: int | None) -> bool:
    """Whether the answer that leads to this round isn't taken: the question was taken back first."""
    return state.taken_back is not None and told == state.round + 1


def _describe_adverse_action(certification: OwnCertification, action: str, language: str) -> dict[str, Any] | None:
    """An open notice before a denial by the background report; None where there is none (E8)."""
    adverse, agency = certification.state.adverse_action, certification.policy.report_agency
    if adverse is None or not adverse.is_open:
        return None
    return {
        "status": adverse.status.value,
        "notice_date": adverse.notice_date,
        "last_day": adverse.last_day,
        "agency": agency.model_dump(exclude={"summary_of_rights"}) if agency else None,
        "rights": agency.summary_of_rights[language] if agency else "",
        "action": action if find_dispute_refusal(adverse) is None else None,
    }


async def _describe_question(
    services: Services, certification: OwnCertification, here: str, language: str
) -> dict[str, Any]:
    """What staff ask, the fields that the answer's form has, and the documents that we have for it already."""
    decision, number = certification.state.decision, count_questions(certification.state)
    files = await services.database.read(list_answer_files, certification.case.case_id, number)
    action = f"{here}/information/documents?lang={language}"
    return {
        "told": decision.told_reason if decision else ToldReason(),
        "action": action,
        "fields": list_asked_fields(certification.state),
        "is_narrow": bool(decision and decision.fields),
        "files": _link_files(files, here),
        "most_files": MOST_FILES,
        "largest_file": LARGEST_FILE // MEGABYTE,
        "largest_form": LARGEST_FORM // MEGABYTE,
    }


async def _list_answers(services: Services, certification: OwnCertification, here: str) -> list[dict[str, Any]]:
    """What was asked and answered before, the last first."""
    found = await services.database.read(list_answered_questions, certification.case.case_id)
    return [{**vars(one), "files": _link_files(one.files, here)} for one in found]


def _link_files(files: Sequence[ListedFile], here: str) -> list[dict[str, str]]:
    return [{"name": one.name, "url": f"{here}/answers/{one.question}/{one.number}"} for one in files]


async def _find_ending(services: Services, certification: OwnCertification) -> ToldEnding:
    if certification.state.stage is Stage.DENIED and certification.state.decision:
        return ToldEnding(certification.state.decision.told_reason)
    if certification.state.stage in SUSPENDING:
        return await services.database.read(find_ending, certification.case.case_id)
    return ToldEnding()


def _describe_agreement(certification: OwnCertification, action: str, language: str) -> dict[str, str] | None:
    if not lacks_agreement(certification.state):
        return None
    return {**find_agreement(certification.case.program, language).model_dump(), "action": action}


def _trains_meanwhile(state: CertificationState) -> bool:
    """Returning assisters train while eligibility is determined (A11)."""
    trains = state.opening.has_lms_account and state.lms_account is LmsAccount.READY
    return state.is_undecided and trains and state.passed_at is None


def _list_doubts(stored: Mapping[str, Any], contacts_url: str, language: str) -> list[dict[str, Any]]:
    """The addresses, as they were just corrected, that are to be looked at again."""
    doubts = word_zip_doubts(find_zip_doubts(stored), language)
    return [{**one, "url": f"{contacts_url}#{one['field']}"} for one in doubts]


def _find_portal_url(services: Services, waiting_for: WaitingFor | None) -> str:
    portal = services.settings.portal_url
    return f"{portal}/register" if waiting_for is WaitingFor.PORTAL_REGISTRATION else portal


def _describe_certificate(certification: OwnCertification, here: str, language: str) -> dict[str, Any] | None:
    certificate = certification.state.certificate
    if certificate is None:
        return None
    return {
        "number": certificate.number,
        "url": f"/certificates/{certificate.number}?lang={language}",
        "file_url": f"{here}/certificate",
        "valid_until": certificate.valid_until,
    }
