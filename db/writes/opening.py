"""Opening cases: who is the same person, what earlier years make of them, and imported years (A8–A11)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import one_or_none, rows, state_of
from db.engine import Database
from db.tables import Assister, AuditRow, Case, CertificateRow, EarlierYear, FactRow
from db.writes.facts import SYSTEM, again_when_overtaken, append, audit, raise_flag
from db.writes.search_words import remember_words
from domain.programs.imports import ImportedPerson
from domain.shared.assister import AssisterHistory, AssisterType, classify, same_name
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid
from domain.shared.ids import new_assister_id, new_case_id, person_key, workflow_id
from domain.shared.policy import local_date, window_faults
from domain.shared.programs import STATE_PROGRAM
from domain.shared.reasons import sentence
from domain.shared.stages import REOPENABLE, Stage
from domain.state.agreements import agreement
from domain.state.policies import policy_for
from domain.state.policy import Policy
from domain.state.request import FORM, CounselorRequest, Request, admission_faults

IDENTITY_CONFLICT = "identity_conflict"


@dataclass(frozen=True)
class Opened:
    """The answer to a request: the case, and whether this request opened it."""

    assister_id: str
    case_id: str
    workflow_id: str
    created: bool

    def document(self) -> dict[str, Any]:
        """The answer to a request: whose case it is, and whether it was opened now."""
        return {
            "assister_id": self.assister_id,
            "case_id": self.case_id,
            "workflow_id": self.workflow_id,
            "created": self.created,
        }


class Conflict(Exception):
    """It can't be done as things stand; the message is a sentence for people."""


class UnknownAssister(LookupError):
    """There is no such person."""


class People:
    """Writes about persons and the opening of their cases."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._key = identity_key

    @again_when_overtaken
    async def submit(self, request: Request, now: datetime, shown: str | None = None) -> Opened:
        """Opens the case a request asks for, or finds the one it repeats (A10).

        ``shown`` is the language in which the agreement was shown; by default the request's.

        Raises `Invalid` when it is outside the window or the intake scope, with nothing stored; `Conflict` when the
        NPN is in use under another name or e-mail, which staff are told of.
        """
        npn = None if isinstance(request, CounselorRequest) else request.npn
        data = request.model_dump(mode="json")
        async with self._database.open_writer() as session:
            person = await session.run_sync(self._person, npn, request.email)
            current = await session.run_sync(latest, person, request.program, request.plan_year) if person else None
            if current is None or current.stage in REOPENABLE:
                return await session.run_sync(self._open_requested, person, request, current, now, shown)
            if npn is None or same_identity(current.request, data):
                return await session.run_sync(_repeat, current, data, now, shown)
            raise_flag(current, IDENTITY_CONFLICT, now)
            session.add(current)
            reason = "same NPN under another name or e-mail"
            audit(session, now, "applicant", "request.conflict", current, reason, flag=IDENTITY_CONFLICT)
        raise Conflict(sentence("npn_in_use"))

    def _open_requested(
        self,
        session: Session,
        person: Assister | None,
        request: Request,
        earlier: Case | None,
        now: datetime,
        shown: str | None,
    ) -> Opened:
        policy = policy_for(request.program, request.plan_year)
        assert policy is not None, "a parsed request has a policy"
        standing = _standing(session, person, request.program)
        assister_type = classify(standing.before(request.plan_year))
        faults = admission_faults(request, policy, assister_type, local_date(policy, now))
        if faults:
            raise Invalid(faults)
        data = request.model_dump(mode="json")
        matches = person is None or isinstance(request, CounselorRequest) or same_identity(known(person), data)
        if person is None:
            person = new_person(self._key, data, now)
            session.add(person)
            session.flush()
        opening = _Opening(person, data, policy, standing, earlier, "applicant", "form", matches, shown)
        return _open(session, opening, now)

    @again_when_overtaken
    async def begin(self, assister_id: str, program: str, plan_year: int, actor: str, now: datetime) -> Opened:
        """Opens a returning assister's case without a form (A11).

        Raises `UnknownAssister`, `Invalid` for a plan year without a policy or outside its window, and `Conflict` for
        somebody who isn't returning.
        """
        policy = policy_for(program, plan_year)
        if policy is None:
            raise Invalid([Fault("plan_year" if program == STATE_PROGRAM else "program", "no_policy")])
        async with self._database.open_writer() as session:
            person = await session.get(Assister, assister_id)
            if person is None:
                raise UnknownAssister(assister_id)
            current = await session.run_sync(latest, person, program, plan_year)
            if current and current.stage not in REOPENABLE:
                return Opened(person.assister_id, current.case_id, current.workflow_id, created=False)
            standing = await session.run_sync(_standing, person, program)
            if classify(standing.before(plan_year)) is not AssisterType.RETURNING or "kind" not in person.details:
                raise Conflict("This person is not a returning assister; they submit the Certification Request Form.")
            if faults := window_faults(policy, local_date(policy, now)):
                raise Invalid(faults)
            details = {name: value for name, value in known(person).items() if name in FORM}
            data = details | {"program": program, "plan_year": plan_year, "agreement_accepted": False}
            return await session.run_sync(_open, _Opening(person, data, policy, standing, current, actor, "staff"), now)

    @again_when_overtaken
    async def import_person(self, imported: ImportedPerson, actor: str, now: datetime) -> tuple[str, bool]:
        """Stores what an import knows of one person's earlier years, audited; answers the id and whether it is new."""
        who = imported.person
        async with self._database.open_writer() as session:
            person = await session.run_sync(self._person, who.npn, who.email)
            created = person is None
            if person is None:
                person = new_person(self._key, imported.details(), now)
            else:
                await session.refresh(person, with_for_update=True)
                person.details = imported.details() | person.details
            if imported.program == STATE_PROGRAM:  # accounts elsewhere are none in the exchange's LMS and portal
                person.lms_account = person.lms_account or imported.account(imported.lms_account, person.assister_id)
                person.portal_account = person.portal_account or imported.account(
                    imported.portal_account, person.assister_id
                )
            session.add(person)
            await session.flush()
            if created:
                await session.run_sync(remember_words, person.assister_id)
            for year in imported.years:
                await session.merge(
                    EarlierYear(assister_id=person.assister_id, program=imported.program, **year.model_dump())
                )
            session.add(
                AuditRow(
                    at=now,
                    actor=actor,
                    action="assister.imported",
                    assister_id=person.assister_id,
                    details={"program": imported.program, "years": [year.plan_year for year in imported.years]},
                )
            )
            return person.assister_id, created

    def _person(self, session: Session, npn: str | None, email: str) -> Assister | None:
        key = person_key(self._key, npn, email)
        found: Assister | None = one_or_none(session, select(Assister).where(col(Assister.person_key) == key))
        return found


def new_person(identity_key: bytes, data: Mapping[str, Any], now: datetime) -> Assister:
    """A person as a request or an import describes them; not stored yet."""
    npn = data.get("npn")
    return Assister(
        assister_id=new_assister_id(),
        person_key=person_key(identity_key, npn, data["email"]),
        npn=npn,
        email=data["email"],
        first_name=data["first_name"],
        last_name=data["last_name"],
        language=data["language"],
        details=dict(data),
        created_at=now,
    )


def same_identity(known: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Whether two documents name the same person: equal e-mail and the same name (A10)."""
    return known["email"].lower() == data["email"].lower() and same_name(
        known["first_name"], known["last_name"], data["first_name"], data["last_name"]
    )


def known(person: Assister) -> dict[str, Any]:
    """What is known of a person from their last request or import, for a case without a form."""
    return {
        "language": person.language,
        **person.details,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        **({"npn": person.npn} if person.npn else {}),
    }


def remembered(person: Assister, data: Mapping[str, Any], form: Collection[str]) -> dict[str, Any]:
    """What is known of a person once a form was filled in: that, and of what was known what only other forms ask."""
    return {name: value for name, value in person.details.items() if name not in form} | dict(data)


def latest(session: Session, person: Assister, program: str, plan_year: int) -> Case | None:
    """The person's last case of the year, locked; of two that open one at once, the unique key stops the second."""
    query = (
        select(Case)
        .where(
            col(Case.assister_id) == person.assister_id, col(Case.program) == program, col(Case.plan_year) == plan_year
        )
        .order_by(col(Case.attempt).desc())
        .limit(1)
        .with_for_update()
    )
    found: Case | None = one_or_none(session, query)
    return found


def _standing(session: Session, person: Assister | None, program: str) -> AssisterHistory:
    """What earlier years left of a person, by our own records and imported ones (A8, A9)."""
    if person is None:
        return AssisterHistory()
    imported = rows(
        session,
        select(EarlierYear).where(
            col(EarlierYear.assister_id) == person.assister_id, col(EarlierYear.program) == program
        ),
    )
    own = rows(
        session,
        select(col(Case.plan_year))
        .join(CertificateRow, col(CertificateRow.case_id) == col(Case.case_id))
        .where(col(Case.assister_id) == person.assister_id, col(Case.program) == program),
    )
    reported = rows(
        session,
        select(col(FactRow.kind))
        .join(Case, col(Case.case_id) == col(FactRow.case_id))
        .where(
            col(Case.assister_id) == person.assister_id,
            col(FactRow.kind).in_((FactKind.PORTAL_PROFILE_COMPLETED.value, FactKind.SCHEDULING_TOOL_READY.value)),
        ),
    )
    return AssisterHistory(
        certified_years=frozenset(own) | {year.plan_year for year in imported if year.certified},
        ever_registered=any(year.registered or year.trained for year in imported),
        has_lms_account=person.lms_account is not None,
        has_portal_account=person.portal_account is not None,
        has_portal_profile=FactKind.PORTAL_PROFILE_COMPLETED in reported,
        has_scheduling_tool=FactKind.SCHEDULING_TOOL_READY in reported,
    )


def _repeat(session: Session, case: Case, data: Mapping[str, Any], now: datetime, shown: str | None) -> Opened:
    """The same request again changes nothing; a form after `begin` still brings the agreement along (A3, A11)."""
    state = state_of(session, case)
    if data.get("agreement_accepted") and not state.ended and not case.request.get("agreement_accepted"):
        append(session, case, agreement_facts(case, shown, now, "form"), now)
        case.request = {**case.request, "agreement_accepted": True}
        audit(session, now, "applicant", "agreement.accepted", case, source="form")
    return Opened(case.assister_id, case.case_id, case.workflow_id, created=False)


def agreement_facts(case: Case, language: str | None, now: datetime, source: str, **more: str) -> list[Fact]:
    """The agreement as a record: version, language and hash of the text, time and source (A3)."""
    text = agreement(case.program, language or case.request.get("language", "en"))
    record = {"version": text.version, "language": text.language, "sha256": text.sha256, "source": source, **more}
    return [Fact(id=f"{case.case_id}:agreement", kind=FactKind.AGREEMENT_ACCEPTED, at=now, data=record)]


@dataclass(frozen=True)
class _Opening:
    """What a case is opened with: whose, by whom, and from where."""

    person: Assister
    data: dict[str, Any]
    policy: Policy
    standing: AssisterHistory
    earlier: Case | None
    actor: str
    source: str
    matches: bool = True
    shown: str | None = None


def _open(session: Session, opening: _Opening, now: datetime) -> Opened:
    person, policy, standing, data = opening.person, opening.policy, opening.standing, opening.data
    case_id = new_case_id()
    assister_type = classify(standing.before(policy.plan_year))
    returning = assister_type is AssisterType.RETURNING
    case = Case(
        case_id=case_id,
        assister_id=person.assister_id,
        program=policy.program,
        plan_year=policy.plan_year,
        attempt=opening.earlier.attempt + 1 if opening.earlier else 1,
        kind=data["kind"],
        assister_type=assister_type,
        has_lms_account=standing.has_lms_account,
        has_portal_account=standing.has_portal_account,
        has_portal_profile=standing.has_portal_account and (returning or standing.has_portal_profile),
        has_scheduling_tool=standing.has_portal_account and (returning or standing.has_scheduling_tool),
        policy=policy.model_dump(mode="json"),
        request=data,
        identity_matches=opening.matches,
        workflow_id=workflow_id(policy.program, policy.plan_year, case_id),
        stage=Stage.REQUESTED,
        opened_at=now,
    )
    if opening.matches:
        person.details = remembered(person, data, FORM)
    else:
        raise_flag(case, IDENTITY_CONFLICT, now)
        audit(session, now, SYSTEM, f"case.flagged.{IDENTITY_CONFLICT}", case)
    session.add_all([person, case])
    session.flush()
    facts = [Fact(id=f"{case_id}:requested", kind=FactKind.REQUESTED, at=now, data={"opened_by": opening.source})]
    if data.get("agreement_accepted"):
        facts += agreement_facts(case, opening.shown, now, opening.source)
    append(session, case, facts, now)
    remember_words(session, person.assister_id)
    described = {"source": opening.source, "kind": case.kind, "assister_type": case.assister_type}
    audit(session, now, opening.actor, "case.opened", case, **described)
    return Opened(person.assister_id, case_id, case.workflow_id, created=True)
