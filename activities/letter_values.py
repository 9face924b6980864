"""What the letters to assisters say, gathered from what the database knows; nothing is rendered or sent here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.case_state import CaseSnapshot, npn_faults_of
from db.engine import Database
from db.reads.third_parties import find_lms_url, find_mlms_url
from db.writes.letters import find_activation_expiry
from db.writes.links import ACTIVATION
from domain.federal.markets import MLMS
from domain.federal.registration import Enrollment, RegistrationState
from domain.shared.assister import AssisterType
from domain.shared.business_days import DaysOff
from domain.shared.cases.authority import find_letter_fact
from domain.shared.cases.commands import find_told_ending
from domain.shared.cases.facts import FactLog, GivenReason, ToldReason
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import (
    ABOUT_ADVERSE_ACTIONS,
    ABOUT_APPEALS,
    APPEALABLE_NOTICES,
    FAREWELLS,
    Notice,
    find_topic,
)
from domain.shared.cases.objections import find_last_day_to_appeal, list_stayed
from domain.shared.cases.reasons import read_reason
from domain.shared.cases.reminders import find_wait_reminded_of
from domain.shared.cases.stages import Certificate
from domain.shared.licenses.watch import read_license_expiry
from domain.shared.links import ACTIVATION_PATH, OWN_PATH
from domain.shared.policy import ProgramPolicy, describe_contact, find_local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reference_numbers import make_reference_number
from domain.state.adverse_actions import count_notice_days
from domain.state.certification import PortalAccount
from domain.state.review import expect_decision
from domain.state.training_deadline import describe_deadline, find_awaited_day
from templates.catalogs import translate

_WITH_LMS_LINK = frozenset({Notice.LMS_INVITATION, Notice.LMS_ENROLLED})


@dataclass(frozen=True)
class LetterPlaces:
    """Where letters lead: our own pages, the portal, the LMS and the MLMS; no address ends with a slash."""

    web_url: str
    portal_url: str
    lms_url: str
    mlms_url: str


class LetterValues:
    """What a letter's template says of a case as it stands, or as it would stand."""

    def __init__(self, database: Database, places: LetterPlaces, days_off: DaysOff) -> None:
        self._database = database
        self._places = places
        self._days_off = days_off

    async def gather(
        self, notice: Notice, letter: Letter, tokens: Mapping[str, str], snapshot: CaseSnapshot, now: datetime
    ) -> dict[str, Any]:
        """Everything the notice's template says; see templates/notices."""
        who, language = snapshot.applicant, snapshot.applicant.language
        told = _find_told_reason(notice, letter, snapshot)
        waiting_for = find_wait_reminded_of(letter.about) if notice is Notice.REMINDER else snapshot.case.waiting_for
        own_url = f"{self._places.web_url}{OWN_PATH}"
        values: dict[str, Any] = {
            "first_name": who.first_name,
            "last_name": who.last_name,
            "kind": snapshot.case.kind,
            "program": snapshot.case.program,
            "plan_year": snapshot.case.plan_year,
            "reference": make_reference_number(snapshot.case.case_id),
            "language": language,
            "contact": describe_contact(snapshot.policy, find_topic(notice, waiting_for), language),
            "own_url": own_url,
            "reason": told.words,
            "written_in": told.written_in,
            "withdrawn_on": _find_own_withdrawal(notice, snapshot),
            "waiting_for": waiting_for or "",
            **_describe_authority(notice, letter, snapshot),
            "certificates": [
                {"market": market, **self._describe_certificate(one, snapshot.policy)}
                for market, one in list_corrected(snapshot).items()
                if notice is Notice.CERTIFICATE_CORRECTED
            ],
            "appeal": describe_appeal(snapshot, letter) if notice in ABOUT_APPEALS else None,
            **(describe_filing(notice, letter, snapshot, self._days_off) if notice in APPEALABLE_NOTICES else {}),
            "deadline": _describe_deadline(snapshot),
            "expires_on": read_license_expiry(letter.about) if notice is Notice.LICENSE_EXPIRING else None,
        }
        if snapshot.case.program == FEDERAL_PROGRAM:
            return {**values, **await self._gather_registration(notice, letter, snapshot, own_url)}
        return {**values, **await self._gather_certification(notice, tokens, snapshot, now)}

    async def _gather_certification(
        self, notice: Notice, tokens: Mapping[str, str], snapshot: CaseSnapshot, now: datetime
    ) -> dict[str, Any]:
        policy, state, language = snapshot.state_policy, snapshot.certification, snapshot.applicant.language
        values: dict[str, Any] = {
            "review": expect_decision(state, policy, snapshot.case.opened_at, now, self._days_off),
            "resources": [
                {"label": link.label[language], "url": link.url} for link in policy.resources[state.opening.kind]
            ],
            "referrals": [] if state.opening.kind.is_licensed else list(policy.referrals[language]),
            "question": state.decision.told_reason.words if state.decision else "",
            "asked": list(state.decision.fields) if state.decision else [],
            "adverse": self._describe_adverse_action(snapshot, now) if notice in ABOUT_ADVERSE_ACTIONS else None,
            "certificate": self._format_certificate(state.certificate, policy),
            "portal_url": f"{self._places.portal_url}/register",
            "is_returning": state.opening.assister_type is AssisterType.RETURNING,
            "has_portal_account": state.portal_account in (PortalAccount.REGISTERED, PortalAccount.ACTIVE),
            "portal_ready": state.portal_ready,
        }
        if notice in _WITH_LMS_LINK:
            values["lms_url"] = await self._database.read(find_lms_url, snapshot.case.case_id) or self._places.lms_url
        if notice is Notice.PORTAL_ACTIVATION:
            values["activation_url"] = f"{self._places.web_url}{ACTIVATION_PATH.format(token=tokens[ACTIVATION])}"
            values["activation_expires"] = find_activation_expiry(snapshot, now)
        return values

    async def _gather_registration(
        self, notice: Notice, letter: Letter, snapshot: CaseSnapshot, portal_url: str
    ) -> dict[str, Any]:
        policy, state, language = snapshot.federal_policy, snapshot.registration, snapshot.applicant.language
        market, certificate = find_market_certificate(snapshot, letter)
        curriculum = _find_enrollment(state, letter)
        faults = npn_faults_of(snapshot.facts)
        return {
            "resources": [{"label": link.label[language], "url": link.url} for link in policy.resources],
            "referrals": [],
            "portal_url": portal_url,
            "recovery_url": f"{self._places.web_url}/portal",
            "user_id": snapshot.case.assister_id,
            "fields": [fault.field for fault in faults],
            "problems": [translate(fault.template, language, **fault.details) for fault in faults],
            "curriculum": curriculum.curriculum if curriculum else "",
            "automatic": bool(curriculum and curriculum.automatic),
            "mlms_url": await self._build_mlms_url(notice, snapshot, curriculum),
            "market": market,
            "certificate": self._format_certificate(certificate, policy),
            "tracker_url": f"{self._places.web_url}/portal",
            "listed_url": f"{self._places.web_url}/registry/listed",
            "find_local_help_url": policy.links["find_local_help"].find_url(language),
        }

    async def _build_mlms_url(self, notice: Notice, snapshot: CaseSnapshot, curriculum: Enrollment | None) -> str:
        if notice is not Notice.MARKETPLACE_ENROLLED or curriculum is None:
            return ""
        found = await self._database.read(find_mlms_url, snapshot.case.case_id, curriculum.curriculum)
        return found or self._places.mlms_url

    def _describe_adverse_action(self, snapshot: CaseSnapshot, now: datetime) -> dict[str, Any] | None:
        """What a letter says of an adverse action: {notice_date, last_day, agency, rights}; agency None if not named.

        Until its notice is sent its days are those that they would be if it is sent now.
        """
        action, policy, language = (
            snapshot.certification.adverse_action,
            snapshot.state_policy,
            snapshot.applicant.language,
        )
        if action is None:
            return None
        agency, today = policy.report_agency, find_local_date(policy, now)
        days = count_notice_days(action, policy.adverse_action, self._days_off((today.year, today.year + 1)), today)
        return {
            "notice_date": days.counted_from,
            "last_day": days.last_day,
            "agency": agency.model_dump(exclude={"summary_of_rights"}) if agency else None,
            "rights": agency.summary_of_rights[language] if agency else "",
        }

    def _format_certificate(self, certificate: Certificate | None, policy: ProgramPolicy) -> Mapping[str, Any] | None:
        return self._describe_certificate(certificate, policy) if certificate else None

    def _describe_certificate(self, certificate: Certificate, policy: ProgramPolicy) -> Mapping[str, Any]:
        return {
            "number": certificate.number,
            "issued_on": find_local_date(policy, certificate.issued_at),
            "valid_until": certificate.valid_until,
            "verify_url": f"{self._places.web_url}/certificates/{certificate.number}",
            "supersedes": certificate.supersedes,
        }


def _find_told_reason(notice: Notice, letter: Letter, snapshot: CaseSnapshot) -> ToldReason:
    """The reason, or the question, that a letter tells in somebody's words; empty where it tells none.

    Why a suspension began that nobody has ordered is said in ours, in the assister's language.
    """
    if notice is Notice.ADVERSE_ACTION_BEGUN:
        action = snapshot.certification.adverse_action
        return action.told_reason if action else ToldReason()
    if notice in (Notice.DENIED, Notice.ADVERSE_ACTION_FINAL, Notice.INFORMATION_NEEDED):
        decision = snapshot.certification.decision
        return decision.told_reason if decision else ToldReason()
    if notice in FAREWELLS:
        return find_told_ending(snapshot.facts).reason
    fact = find_letter_fact(snapshot.facts, notice, letter.about)
    told = GivenReason.model_validate(fact.data).told_reason if fact else ToldReason()
    if fact is None or told.words:
        return told
    return ToldReason(_explain(fact.data.get("note"), snapshot.applicant.language))


def _find_own_withdrawal(notice: Notice, snapshot: CaseSnapshot) -> date | None:
    """The day on which an assister withdrew the case themselves; None where others did, or a letter tells no end."""
    at = find_told_ending(snapshot.facts).withdrawn_at if notice is Notice.WITHDRAWN else None
    return find_local_date(snapshot.policy, at) if at else None


def describe_filing(notice: Notice, letter: Letter, snapshot: CaseSnapshot, days_off: DaysOff) -> dict[str, Any]:
    """Until when what a letter tells can be appealed, None for not at all; and whether a suspension waits meanwhile."""
    authority, suspension_id = snapshot.state.authority, None
    if notice is Notice.AUTHORITY_SUSPENDED:
        fact = find_letter_fact(snapshot.facts, notice, letter.about)
        suspension_id = str(fact.data.get("suspension_id")) if fact else ""
    last_day = find_last_day_to_appeal(
        FactLog(snapshot.facts),
        authority,
        snapshot.policy,
        days_off,
        suspension_id,
    )
    rules = snapshot.policy.appeal
    waits = bool(rules and suspension_id and list_stayed(authority, (suspension_id,), rules))
    return {"appeal_by": last_day, "appeal_waits": waits}


def describe_appeal(snapshot: CaseSnapshot, letter: Letter) -> dict[str, Any] | None:
    """What a letter says of the appeal and the phase it is about; one sent again is about the last one.

    {appealed, filed_on, due_on, phase, phases, label, overdue, outcome, reason, written_in, effective_on, stayed,
    until}: whether a suspension waits for it, and the last day of that once it goes on.
    """
    state, policy, language = snapshot.state, snapshot.policy, snapshot.applicant.language
    number, _, phase = letter.about.partition(".")
    about = next((one for one in state.appeals if str(one.number) == number), None)
    about = about or (state.appeals[-1] if state.appeals else None)
    if about is None or policy.appeal is None:
        return None
    at = int(phase) if phase.isdigit() else about.phase
    escalated = next((one for one, _ in about.escalations if one.phase == at), None)
    decided = next((one for one, _ in about.decisions if one.phase == at), None)
    told = decided.told_reason if decided else ToldReason()
    return {
        "appealed": about.filed.appealed,
        "filed_on": about.filed.received_on,
        "due_on": escalated.due_on if escalated else about.filed.due_on,
        "phase": at,
        "phases": len(policy.appeal.phases),
        "label": policy.appeal.phases[at - 1].label[language] if at <= len(policy.appeal.phases) else "",
        "overdue": bool(escalated and escalated.overdue),
        "outcome": decided.outcome if decided else "",
        "reason": told.words,
        "written_in": told.written_in,
        "effective_on": decided.effective_on if decided else None,
        "stayed": bool(about.filed.stayed),
        "until": max((day for _, day in about.resumed), default=None),
    }


def find_market_certificate(snapshot: CaseSnapshot, letter: Letter) -> tuple[str, Certificate | None]:
    """The market a letter is about and its certificate; one sent again is about the last one issued."""
    certificates = snapshot.registration.certificates
    last = max(certificates, key=lambda market: certificates[market].issued_at, default=None)
    market = next((market for market in certificates if market == letter.about), last)
    return (market.value, certificates[market]) if market else ("", None)


def list_corrected(snapshot: CaseSnapshot) -> dict[str, Certificate]:
    """The newest certificates that supersede another one, by market; it is empty in the state program (E11)."""
    state = snapshot.state
    if isinstance(state, RegistrationState):
        return {market.value: one for market, one in state.certificates.items() if one.supersedes}
    return {"": state.certificate} if state.certificate and state.certificate.supersedes else {}


def _find_enrollment(state: RegistrationState, letter: Letter) -> Enrollment | None:
    """The enrolment a letter is about; one sent again is about the automatic one."""
    found = [one for one in state.enrollments if one.channel == MLMS]
    about = next((one for one in found if one.curriculum == letter.about), None)
    return about or next(iter(sorted(found, key=lambda one: not one.automatic)), None)


def _describe_authority(notice: Notice, letter: Letter, snapshot: CaseSnapshot) -> dict[str, Any]:
    """What a notice about the authority says of the change it comes with; one sent again is about the last one."""
    fact = find_letter_fact(snapshot.facts, notice, letter.about)
    if fact is None:
        return {}
    days = {
        name: date.fromisoformat(day) for name in ("notice_date", "until", "last_day") if (day := fact.data.get(name))
    }
    return {
        "cause": fact.data.get("cause", ""),
        "until": None,
        **days,
        "suspended": snapshot.state.authority.is_suspended,
    }


def _describe_deadline(snapshot: CaseSnapshot) -> dict[str, Any] | None:
    """What letters say of a training deadline, if there is one: {day, last_day, reactivate_until, lapsed, …}.

    ``day`` is the one that comes next, None where none does; ``lapsed`` says so of a case that is closed since, too.
    """
    if snapshot.case.program == FEDERAL_PROGRAM:
        return None
    state, policy = snapshot.certification, snapshot.state_policy
    said = describe_deadline(state, policy)
    if said is None:
        return None
    lapsed = state.lapse is not None and state.lapse.is_open
    return {**said, "day": find_awaited_day(state, policy), "lapsed": lapsed}


def _explain(note: str | None, language: str) -> str:
    """What a suspension that nobody has ordered rests on."""
    reason = read_reason(note, None)
    return translate(reason.template, language) if reason is not None else ""
