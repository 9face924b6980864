"""Every write about federal registrations: opened once a person, and each of the assister's own steps (B1–B16)."""

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import facts_of, federal_policy_of, one_or_none, registration_of, rows
from db.engine import Database
from db.reads.pending import PENDING
from db.tables import Assister, AuditRow, Case, CommandRow, EarlierYear, FactRow, InboxRow, TicketRow
from db.writes.events import ASSISTER
from db.writes.facts import SYSTEM, again_when_overtaken, append, audit, locked, lower_flag, raise_flag
from db.writes.inbox import tell
from db.writes.opening import Conflict, Opened, UnknownAssister, known, latest, new_person, remembered, same_identity
from db.writes.search_words import remember_words
from domain.federal.agreements import marketplace_agreement
from domain.federal.markets import (
    MLMS,
    Curriculum,
    EarlierRegistration,
    Market,
    MarketplaceAgreement,
    NpnStatus,
    is_returning,
)
from domain.federal.policies import federal_policy_for
from domain.federal.profile import DRAFT_FIELDS, RegistrationRequest, parse_profile
from domain.federal.registration import (
    RegistrationState,
    why_not_accept,
    why_not_enroll,
    why_not_launch,
    why_not_next,
    why_not_open,
)
from domain.shared.agreements import Agreement
from domain.shared.assister import AssisterType
from domain.shared.commands import CommandKind
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid
from domain.shared.ids import new_case_id, person_key, token_hash, workflow_id
from domain.shared.messages import ProfileSaved, RegistrationSnapshot, Report
from domain.shared.parsing import canonical
from domain.shared.policy import local_date, window_faults
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reasons import sentence
from domain.shared.stages import ENDED, REOPENABLE, Stage

NPN_REFUSED, SECOND_ACCOUNT = "npn_refused", "second_account"


class SecondAccount(Conflict):
    """The person has an account already; the message points at its recovery (B3)."""

    def __init__(self) -> None:
        super().__init__(sentence("second_account"))


class NoTicket(Exception):
    """A launch ticket can't be used; the fault says why (B14)."""

    def __init__(self, code: str) -> None:
        self.fault = Fault("ticket", code)
        super().__init__(code)


@dataclass(frozen=True)
class Acted:
    """What an assister's step led to: where the registration stands, and what its workflow is to be told."""

    state: RegistrationState
    to_deliver: Sequence[InboxRow] = ()


@dataclass(frozen=True)
class Redeemed:
    """What a vendor learns from a launch ticket: no personal data (B14)."""

    learner: str
    curriculum: str
    language: str
    plan_year: int


class Registrations:
    """Writes about registrations with the federal marketplace; one transaction each, and repeatable."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._key = identity_key

    # opening

    @again_when_overtaken
    async def submit(self, request: RegistrationRequest, now: datetime) -> Opened:
        """Opens the registration a request asks for, or finds the one it repeats.

        Raises `Invalid` outside the plan year's window, with nothing stored; `SecondAccount` when the NPN or e-mail is
        another account's (B3), which staff are told of.
        """
        data = request.model_dump(mode="json", exclude_none=True)
        async with self._database.open_writer() as session:
            person = await session.run_sync(self._person, request)
            current = await session.run_sync(latest, person, FEDERAL_PROGRAM, request.plan_year) if person else None
            if person is None or _same_account(person, data):
                if current is not None and current.stage not in REOPENABLE:
                    return Opened(current.assister_id, current.case_id, current.workflow_id, created=False)
                return await session.run_sync(self._open, person, data, current, "applicant", "form", now)
            newest = current or await session.run_sync(_newest, person)
            _note_second_account(session, person, newest, now)
            federal = newest is not None or bool(await session.run_sync(_years, person))
        raise SecondAccount if federal else Conflict(sentence("npn_in_use"))

    def _person(self, session: Session, request: RegistrationRequest) -> Assister | None:
        """Who asks: by NPN, without one by e-mail; and an e-mail that is a federal account's stands for its owner."""
        key = person_key(self._key, request.npn, request.email)
        found: Assister | None = one_or_none(session, select(Assister).where(col(Assister.person_key) == key))
        if found is not None:
            return found
        of_email = _federal_accounts(request.email).order_by(col(Assister.created_at)).limit(1)
        owners: list[Assister] = rows(session, of_email)
        return owners[0] if owners else None

    @again_when_overtaken
    async def begin(self, assister_id: str, plan_year: int, actor: str, now: datetime) -> Opened:
        """Opens the registration of somebody known from earlier years, without a form; the profile is theirs to save.

        Raises `UnknownAssister`, `Invalid` for a plan year without a policy or outside its window, `Conflict` for
        somebody who never registered before.
        """
        if federal_policy_for(plan_year) is None:
            raise Invalid([Fault("plan_year", "no_policy")])
        async with self._database.open_writer() as session:
            person = await session.get(Assister, assister_id)
            if person is None:
                raise UnknownAssister(assister_id)
            current = await session.run_sync(latest, person, FEDERAL_PROGRAM, plan_year)
            if current is not None and current.stage not in REOPENABLE:
                return Opened(person.assister_id, current.case_id, current.workflow_id, created=False)
            if not await session.run_sync(_years, person):
                raise Conflict("This person never registered before; they submit the registration request.")
            details = {name: value for name, value in known(person).items() if name in DRAFT_FIELDS}
            role = "marketplace_agent_broker" if person.npn else "not_an_agent_broker"
            data = {"role": role, "markets": ["individual"], **details}
            data |= {"program": FEDERAL_PROGRAM, "plan_year": plan_year}
            return await session.run_sync(self._open, person, data, current, actor, "staff", now)

    def _open(
        self,
        session: Session,
        person: Assister | None,
        data: dict[str, Any],
        earlier: Case | None,
        actor: str,
        source: str,
        now: datetime,
    ) -> Opened:
        policy = federal_policy_for(data["plan_year"])
        assert policy is not None, "a registration is opened for a year with a policy"
        if faults := window_faults(policy, local_date(policy, now)):
            raise Invalid(faults)
        if person is None:
            person = new_person(self._key, data, now)
            session.add(person)
            session.flush()
        years = _years(session, person)
        case_id = new_case_id()
        case = Case(
            case_id=case_id,
            assister_id=person.assister_id,
            program=FEDERAL_PROGRAM,
            plan_year=policy.plan_year,
            attempt=earlier.attempt + 1 if earlier else 1,
            kind=data["role"],
            assister_type=_assister_type(years, policy.plan_year),
            has_lms_account=bool(years),
            has_portal_account=False,
            policy=policy.model_dump(mode="json"),
            request=data,
            workflow_id=workflow_id(FEDERAL_PROGRAM, policy.plan_year, case_id),
            stage=Stage.REQUESTED,
            opened_at=now,
        )
        person.details = remembered(person, data, DRAFT_FIELDS)
        session.add_all([person, case])
        session.flush()
        append(session, case, _first_facts(case, source, now), now)
        remember_words(session, person.assister_id)
        described = {"source": source, "role": case.kind, "assister_type": case.assister_type}
        audit(session, now, actor, "case.opened", case, **described)
        return Opened(person.assister_id, case_id, case.workflow_id, created=True)

    # the assister's own steps, recorded at the door; the workflow is told

    async def next(self, case_id: str, actor: str, now: datetime) -> Acted:
        """Next, after Save/Update (B7). Raises `Conflict` before a valid save."""
        async with self._database.open_writer() as session:
            case, state = await session.run_sync(_open_case, case_id)
            _refuse(why_not_next(state))
            fact = Fact(id=f"{case_id}:next", kind=FactKind.PROFILE_COMPLETED, at=now)
            return await session.run_sync(_record, case, fact, actor, "profile.completed", now)

    async def enroll(self, case_id: str, curriculum: Curriculum, channel: str, actor: str, now: datetime) -> Acted:
        """Enrols in a course, in the MLMS or at an approved vendor; once each (B11, B13).

        Raises `Invalid` for a vendor that isn't approved for it, `Conflict` for the short course without returning.
        """
        async with self._database.open_writer() as session:
            case, state = await session.run_sync(_open_case, case_id)
            vendors = federal_policy_of(case).vendors
            if channel != MLMS and (channel not in vendors or curriculum not in vendors[channel].curricula):
                approved = [name for name, vendor in vendors.items() if curriculum in vendor.curricula]
                raise Invalid([Fault("channel", "not_approved", (("channels", ", ".join([MLMS, *approved])),))])
            _refuse(why_not_enroll(state, curriculum))
            fact = _enrolled(case_id, curriculum, channel, False, now)
            return await session.run_sync(_record, case, fact, actor, "training.enrolled", now, **fact.data)

    async def launch(
        self, case_id: str, curriculum: Curriculum, channel: str, token: str, actor: str, now: datetime
    ) -> datetime:
        """Keeps a launch ticket by its hash, and answers when it expires (B14).

        Raises `Conflict` when not enrolled, or when there are too many unused tickets.
        """
        async with self._database.open_writer() as session:
            case, state = await session.run_sync(_open_case, case_id)
            policy = federal_policy_of(case)
            _refuse(why_not_launch(state, curriculum, channel))
            _refuse(
                "too_many_tickets"
                if await session.run_sync(_unused, case, now) >= policy.launch_tickets_at_once
                else None
            )
            expires_at = now + timedelta(minutes=policy.launch_ticket_minutes)
            digest = token_hash(token)
            session.add(
                TicketRow(
                    token_hash=digest,
                    case_id=case_id,
                    vendor=channel,
                    curriculum=curriculum,
                    created_at=now,
                    expires_at=expires_at,
                )
            )
            data = {"curriculum": curriculum.value, "channel": channel}
            await session.run_sync(
                append, case, [Fact(id=f"{case_id}:launch:{digest}", kind=FactKind.LAUNCHED, at=now, data=data)], now
            )
            audit(session, now, actor, "training.launched", case, **data)
            return expires_at

    async def redeem(self, vendor: str, token: str, now: datetime) -> Redeemed:
        """Uses a launch ticket up, for its vendor only (B14). Raises `NoTicket` saying why it can't be used."""
        async with self._database.open_writer() as session:
            ticket = await session.get(TicketRow, token_hash(token))
            if ticket is None or ticket.vendor != vendor:
                raise NoTicket("ticket_unknown")
            case = await session.run_sync(locked, ticket.case_id)
            await session.refresh(ticket)
            if case.stage in ENDED:
                raise NoTicket("ticket_unknown")
            if ticket.redeemed_at is not None:
                raise NoTicket("ticket_used")
            if ticket.expires_at <= now:
                raise NoTicket("ticket_expired")
            ticket.redeemed_at = now
            session.add(ticket)
            data = {"curriculum": ticket.curriculum, "channel": vendor}
            started = Fact(id=f"started:{ticket.token_hash}", kind=FactKind.COURSE_STARTED, at=now, data=data)
            await session.run_sync(append, case, [started], now)
            audit(session, now, vendor, "training.ticket_redeemed", case, **data)
            return Redeemed(
                learner=ticket.token_hash[:32],
                curriculum=ticket.curriculum,
                language=str(case.request.get("language", "en")),
                plan_year=case.plan_year,
            )

    async def open_agreement(
        self, case_id: str, name: MarketplaceAgreement, language: str, actor: str, now: datetime
    ) -> Agreement:
        """Records that the text in force was opened, and answers it (B16). Raises `Conflict` where it doesn't apply."""
        text = marketplace_agreement(name, language)
        async with self._database.open_writer() as session:
            case, state = await session.run_sync(_open_case, case_id)
            _refuse(why_not_open(state, name))
            data = _of_text(name, text)
            if await session.run_sync(_opened, case_id, name, None) != data:  # the text that was opened last counts
                fact_id = f"{case_id}:opened:{name}:{text.version}:{text.language}:{state.facts}"
                fact = Fact(id=fact_id, kind=FactKind.AGREEMENT_OPENED, at=now, data=data)
                await session.run_sync(_record, case, fact, actor, "agreement.opened", now, **data)
        return text

    async def accept_agreement(
        self, case_id: str, name: MarketplaceAgreement, sha256: str | None, actor: str, now: datetime
    ) -> Acted:
        """Accepts the text that was opened last, by "I Agree" (B16).

        ``sha256`` is the hash of the text the reader had before them, where it is known. Raises `Conflict` when it was
        not opened, or before profile and training are complete; `Invalid` for another text's hash.
        """
        async with self._database.open_writer() as session:
            case, state = await session.run_sync(_open_case, case_id)
            _refuse(why_not_accept(state, name))
            opened = await session.run_sync(_opened, case_id, name, sha256)
            if opened is None:
                raise Invalid([Fault("sha256", "another_text")])
            fact = Fact(
                id=f"{case_id}:accepted:{name}:{opened['version']}",
                kind=FactKind.AGREEMENT_ACCEPTED,
                at=now,
                data=opened,
            )
            return await session.run_sync(_record, case, fact, actor, "agreement.accepted", now, **fact.data)

    # the profile: saved by its workflow, once the registry has been asked

    @again_when_overtaken
    async def store_profile(
        self, command_id: str, case_id: str, profile: dict[str, Any], given: Collection[str], actor: str, now: datetime
    ) -> CommandRow:
        """Keeps a profile under the caller's id before its workflow is told; a repeat of the id finds the first.

        ``given`` are the fields the caller sent. Raises `Conflict` when the id was used for something else.
        """
        sent = {name: value for name, value in profile.items() if name in given}
        # Keyed, since a refused profile leaves nothing behind that its NPN could be guessed from.
        digest = hmac.new(self._key, canonical(sent).encode(), sha256).hexdigest()
        async with self._database.open_writer() as session:
            row = await session.get(CommandRow, command_id)
            if row is None:
                row = CommandRow(
                    id=command_id,
                    case_id=case_id,
                    kind=CommandKind.SAVE_PROFILE,
                    actor=actor,
                    reason="profile saved",
                    data={"digest": digest, "given": sorted(sent), "profile": profile},
                    created_at=now,
                )
                session.add(row)
            elif (row.case_id, row.kind, row.data.get("digest")) != (case_id, CommandKind.SAVE_PROFILE, digest):
                raise Conflict(sentence("id_used"))
            return row

    async def profile_to_save(self, command_id: str) -> dict[str, Any] | None:
        """The profile a stored command would save; None when it is done already.

        Raises `Invalid` where it can't be saved any more, since another one was saved meanwhile.
        """
        async with self._database.open_reader() as session:
            row = await session.get_one(CommandRow, command_id)
            if row.state != "pending":
                return None
            return _as_it_would_be(await session.get_one(Case, row.case_id), row)

    @again_when_overtaken
    async def save_profile(
        self, command_id: str, npn: NpnStatus, faults: Sequence[Fault], now: datetime
    ) -> ProfileSaved:
        """Saves the profile of a stored command, or refuses it with the fields at fault, once (B7–B10).

        A refused one leaves nothing of itself behind but the fields' names.
        """
        async with self._database.open_writer() as session:
            row = await session.get_one(CommandRow, command_id)
            case = await session.run_sync(locked, row.case_id)
            await session.refresh(row)
            state = registration_of(case, await session.run_sync(facts_of, case.case_id))
            if row.state != "pending":
                return ProfileSaved(outcome=row.state, standing=state.take_snapshot())
            if faults or state.ended:
                named = [[fault.field, fault.code] for fault in faults]
                row.state, row.data = "refused", {"digest": row.data["digest"], "faults": named}
                row.answer = sentence("case_ended", stage=state.stage.value) if state.ended else None
                session.add(row)
                audit(session, now, row.actor, "profile.refused", case, faults=named)
                return ProfileSaved(outcome="refused", standing=state.take_snapshot())
            state = await session.run_sync(self._store_profile, case, row, state, npn, now)
            return ProfileSaved(outcome="applied", standing=state.take_snapshot())

    def _store_profile(
        self,
        session: Session,
        case: Case,
        row: CommandRow,
        state: RegistrationState,
        npn: NpnStatus,
        now: datetime,
    ) -> RegistrationState:
        profile = _as_it_would_be(case, row)
        version = state.profile.version + 1
        changed = sorted(name for name in {*profile, *case.request} if profile.get(name) != case.request.get(name))
        self._rename(session, case, profile)
        case.request, case.kind = profile, profile["role"]
        lower_flag(case, NPN_REFUSED)  # it was put right
        row.state = "applied"
        row.data = {"digest": row.data["digest"], "version": version, "npn": npn.value, "changed": changed}
        session.add_all([case, row])
        data = {"version": version, "role": profile["role"], "npn": npn.value}
        remember_words(session, case.assister_id)
        fact = Fact(id=f"{case.case_id}:profile:{version}", kind=FactKind.PROFILE_SAVED, at=now, data=data)
        audit(session, now, row.actor, "profile.saved", case, changed=changed, **data)
        return _appended(session, case, fact, now)

    def _rename(self, session: Session, case: Case, profile: dict[str, Any]) -> None:
        """Moves the person along with a profile; one that names no NPN leaves the one they are known by (A10, B3)."""
        person = session.get_one(Assister, case.assister_id)
        person.npn, person.email = profile.get("npn") or person.npn, profile["email"]
        person.person_key = person_key(self._key, person.npn, person.email)
        person.first_name, person.last_name = profile["first_name"], profile["last_name"]
        person.language, person.details = profile["language"], remembered(person, profile, DRAFT_FIELDS)
        session.add(person)
        session.flush()

    async def others_account(self, case_id: str, profile: Mapping[str, Any]) -> Fault | None:
        """The field by which a profile is another person's, if it is: one account a person (B3)."""
        async with self._database.open_reader() as session:
            case = await session.get_one(Case, case_id)
            person = await session.get_one(Assister, case.assister_id)
            key = person_key(self._key, profile.get("npn") or person.npn, profile["email"])
            others = col(Assister.assister_id) != case.assister_id
            by_key = await session.run_sync(rows, select(Assister).where(col(Assister.person_key) == key, others))
            by_email = await session.run_sync(rows, _federal_accounts(profile["email"]).where(others).limit(1))
        if by_key and profile.get("npn"):
            return Fault("npn", "second_account")
        return Fault("email", "second_account") if by_key or by_email else None

    async def judge_npns(
        self, case_id: str, version: int, faults: Sequence[Fault], now: datetime
    ) -> RegistrationSnapshot:
        """Records what the registry said of a profile saved as unverified (B9); nothing, if a newer one was saved."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            state = registration_of(case, await session.run_sync(facts_of, case_id))
            if state.ended or state.profile.version != version or state.profile.npn is not NpnStatus.UNVERIFIED:
                return state.take_snapshot()
            kind = FactKind.NPN_REFUSED if faults else FactKind.NPN_VERIFIED
            named = [[fault.field, fault.code] for fault in faults]
            data: dict[str, Any] = {"version": version, **({"faults": named} if faults else {})}
            fact = Fact(id=f"{case_id}:{kind}:{version}", kind=kind, at=now, data=data)
            found = await session.run_sync(_appended, case, fact, now)
            if faults:
                raise_flag(case, NPN_REFUSED, now)
                session.add(case)
            audit(session, now, SYSTEM, kind.value.replace("_", "."), case, **data)
            return found.take_snapshot()


def _as_it_would_be(case: Case, row: CommandRow) -> dict[str, Any]:
    """The profile as a command would save it now: what was not sent with it is as the last save left it (B7)."""
    return parse_profile(case.request, {name: row.data["profile"][name] for name in row.data["given"]})


def _note_second_account(session: AsyncSession, person: Assister, current: Case | None, now: datetime) -> None:
    """Staff are told of a second account that was asked for; nothing else is stored of it."""
    reason = "a second account was asked for"
    if current is not None:
        raise_flag(current, SECOND_ACCOUNT, now)
        session.add(current)
        audit(session, now, "applicant", "request.conflict", current, reason, flag=SECOND_ACCOUNT)
        return
    session.add(
        AuditRow(
            at=now,
            actor="applicant",
            action="request.conflict",
            assister_id=person.assister_id,
            reason=reason,
            details={},
        )
    )


def _same_account(person: Assister, data: dict[str, Any]) -> bool:
    """Whether a request is its owner's: equal e-mail and name, and no NPN that is another one (B3)."""
    other_npn = person.npn and data.get("npn") and person.npn != data["npn"]
    return not other_npn and same_identity(known(person), data)


def _federal_accounts(email: str) -> Any:
    """Whose federal account this e-mail is: who registered here, or in an earlier year."""
    here = exists().where(col(Case.assister_id) == col(Assister.assister_id), col(Case.program) == FEDERAL_PROGRAM)
    earlier = exists().where(
        col(EarlierYear.assister_id) == col(Assister.assister_id), col(EarlierYear.program) == FEDERAL_PROGRAM
    )
    return select(Assister).where(func.lower(col(Assister.email)) == email.lower(), here | earlier)


def _newest(session: Session, person: Assister) -> Case | None:
    """The person's newest registration of any plan year, locked."""
    query = select(Case).where(col(Case.assister_id) == person.assister_id, col(Case.program) == FEDERAL_PROGRAM)
    found: list[Case] = rows(session, query.order_by(col(Case.opened_at).desc()).limit(1).with_for_update())
    return found[0] if found else None


def _years(session: Session, person: Assister) -> list[EarlierRegistration]:
    """What earlier years left of a person: imported ones, and our own completed registrations (B1)."""
    imported = rows(
        session,
        select(EarlierYear).where(
            col(EarlierYear.assister_id) == person.assister_id, col(EarlierYear.program) == FEDERAL_PROGRAM
        ),
    )
    completed = session.execute(
        select(col(Case.plan_year), col(FactRow.data))
        .join(FactRow, col(FactRow.case_id) == col(Case.case_id))
        .where(
            col(Case.assister_id) == person.assister_id,
            col(Case.program) == FEDERAL_PROGRAM,
            col(Case.stage).not_in((Stage.REVOKED.value, Stage.WITHDRAWN.value)),
            col(FactRow.kind) == FactKind.MARKET_COMPLETED.value,
        )
    )
    own = [
        EarlierRegistration(
            plan_year=year, registered=True, trained=True, individual_market=data["market"] == Market.INDIVIDUAL
        )
        for year, data in completed
    ]
    return own + [
        EarlierRegistration(
            plan_year=one.plan_year,
            registered=one.registered,
            trained=one.trained,
            individual_market=one.individual_market,
        )
        for one in imported
    ]


def _assister_type(years: Sequence[EarlierRegistration], plan_year: int) -> AssisterType:
    """Returning with the year before complete; a gap, or another market only, is lapsed: the full course (B1)."""
    if is_returning(years, plan_year):
        return AssisterType.RETURNING
    return AssisterType.LAPSED if any(year.plan_year < plan_year for year in years) else AssisterType.NEW


def _first_facts(case: Case, source: str, now: datetime) -> list[Fact]:
    """Who returns and takes part in the Individual Market is enrolled in the short course at once (B11)."""
    facts = [Fact(id=f"{case.case_id}:requested", kind=FactKind.REQUESTED, at=now, data={"opened_by": source})]
    if case.assister_type == AssisterType.RETURNING and Market.INDIVIDUAL in case.request["markets"]:
        facts.append(_enrolled(case.case_id, Curriculum.INDIVIDUAL_RETURNING, MLMS, True, now))
    return facts


def _enrolled(case_id: str, curriculum: Curriculum, channel: str, automatic: bool, now: datetime) -> Fact:
    data = {"curriculum": curriculum.value, "channel": channel, "automatic": automatic}
    return Fact(id=f"{case_id}:enrolled:{curriculum}:{channel}", kind=FactKind.ENROLLED, at=now, data=data)


def _open_case(session: Session, case_id: str) -> tuple[Case, RegistrationState]:
    """The registration, locked. Raises `UnknownCase`, and `Conflict` when it has ended or is no federal one."""
    case = locked(session, case_id)
    if case.program != FEDERAL_PROGRAM:
        raise Conflict(sentence("not_in_program"))
    if case.stage in ENDED:
        raise Conflict(sentence("case_ended", stage=case.stage))
    return case, registration_of(case, facts_of(session, case_id))


def _unused(session: Session, case: Case, now: datetime) -> int:
    """How many launch tickets of a registration could still be used."""
    ours = col(TicketRow.case_id) == case.case_id, col(TicketRow.redeemed_at).is_(None), col(TicketRow.expires_at) > now
    found = session.execute(select(func.count()).select_from(TicketRow).where(*ours))
    return int(found.scalar_one())


def _refuse(why: str | None) -> None:
    if why is not None:
        raise Conflict(sentence(why))


def _of_text(name: MarketplaceAgreement, text: Agreement) -> dict[str, Any]:
    return {"agreement": name.value, "version": text.version, "language": text.language, "sha256": text.sha256}


def _opened(session: Session, case_id: str, name: MarketplaceAgreement, sha256: str | None) -> dict[str, Any] | None:
    """Of the texts opened in the version in force, the last one, or the one with this hash."""
    version = marketplace_agreement(name, "en").version
    found = [
        fact
        for fact in facts_of(session, case_id)
        if fact.kind is FactKind.AGREEMENT_OPENED
        and (fact.data["agreement"], fact.data["version"]) == (name.value, version)
        and sha256 in (None, fact.data["sha256"])
    ]
    last = max(found, key=lambda fact: fact.at, default=None)
    return dict(last.data) if last else None


def _appended(session: Session, case: Case, fact: Fact, now: datetime) -> RegistrationState:
    state = append(session, case, [fact], now)
    assert isinstance(state, RegistrationState), "a federal case folds to a registration"
    return state


def _record(
    session: Session, /, case: Case, fact: Fact, actor: str, action: str, now: datetime, **details: Any
) -> Acted:
    """Appends a step's fact with its audit row and the message for the workflow; a repeat changes nothing."""
    if session.get(FactRow, fact.id) is not None:
        return Acted(registration_of(case, facts_of(session, case.case_id)))
    state = _appended(session, case, fact, now)
    row = InboxRow(
        source=ASSISTER,
        event_id=fact.id,
        case_id=case.case_id,
        kind=fact.kind,
        digest="",
        fact_id=fact.id,
        message=Report(case_id=case.case_id, fact_id=fact.id, kind=fact.kind).model_dump(mode="json"),
        state=PENDING,
        received_at=now,
    )
    tell([row], case, state)
    session.add(row)
    audit(session, now, actor, action, case, **details)
    return Acted(state, [row])
