"""Every write about a running case: commands, facts, effects, links; idempotent, audited in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import (
    State,
    UnknownCase,
    any_policy_of,
    facts_of,
    federal_policy_of,
    holder_of,
    one_or_none,
    opening_of,
    policy_of,
    registration_of,
    rows,
    state_of,
)
from db.engine import Database
from db.reads.search import remember_words
from db.tables import (
    Assister,
    Case,
    CertificateRow,
    CommandRow,
    EffectRow,
    EvidenceRow,
    FactRow,
    LinkRow,
    SentMail,
)
from db.writes.facts import SYSTEM, again_when_overtaken, append, audit, locked, lower_flag, raise_flag
from db.writes.opening import IDENTITY_CONFLICT, Conflict, agreement_facts, remembered
from domain.federal.markets import Market
from domain.federal.policy import FederalPolicy
from domain.federal.registration import RegistrationState
from domain.programs.commands import find_refusal
from domain.shared.commands import CommandKind
from domain.shared.facts import Fact, FactKind
from domain.shared.faults import Fault, Invalid
from domain.shared.ids import new_certificate_number, person_key, token_hash
from domain.shared.messages import Applied, Claim, Claimed, Letter, RegistrationSnapshot
from domain.shared.notices import Notice
from domain.shared.policy import ProgramPolicy, local_date, zone_of
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.reasons import sentence
from domain.shared.stages import ENDED, OWNER
from domain.state.certification import CaseState, fold
from domain.state.eligibility import Check, Verdict
from domain.state.may_assist import certificate_due
from domain.state.policy import Policy
from domain.state.request import FORM, amended

ACTIVATION, STATUS = "activation", "status"


@dataclass(frozen=True)
class CaseView:
    """A case as an effect needs it: who, which policy, and where it stands, by the rules of its program."""

    case: Case
    facts: Sequence[Fact]

    @cached_property
    def policy(self) -> Policy:
        """The state program's policy."""
        return policy_of(self.case)

    @cached_property
    def federal(self) -> FederalPolicy:
        """The federal program's policy."""
        return federal_policy_of(self.case)

    @cached_property
    def rules(self) -> ProgramPolicy:
        """The policy of whichever program."""
        return self.federal if self.case.program == FEDERAL_PROGRAM else self.policy

    @cached_property
    def state(self) -> CaseState:
        """Where a case of the state program stands."""
        return fold(opening_of(self.case), self.facts)

    @cached_property
    def registration(self) -> RegistrationState:
        """Where a federal registration stands."""
        return registration_of(self.case, self.facts)

    @cached_property
    def stands(self) -> State:
        """Where the case stands, in whichever program."""
        return self.registration if self.case.program == FEDERAL_PROGRAM else self.state


@dataclass(frozen=True)
class Intent:
    """An effect about to be made: ``result`` is there when it was made already; ``ended`` when it must not be."""

    view: CaseView
    data: dict[str, Any]
    result: dict[str, Any] | None
    ended: bool


def refused(kind: str) -> str:
    """The flag of a case one of whose effects a third party refuses."""
    return f"{kind}.refused"


class Records:
    """Writes about cases that are open. Every method is one transaction and may be repeated."""

    def __init__(self, database: Database, identity_key: bytes) -> None:
        self._database = database
        self._key = identity_key

    async def claim(self, claim: Claim) -> Claimed:
        """Claims the case for the chain of runs that began with ``claim.run_id``."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, claim.case_id)
            if case.run_id not in (None, claim.run_id):
                return Claimed(mine=False)
            if case.run_id is None:
                case.run_id = claim.run_id
                begun = Fact(id=f"{case.case_id}:begun", kind=FactKind.BEGUN, at=claim.at)
                await session.run_sync(append, case, [begun], claim.at)
                audit(session, claim.at, SYSTEM, "case.begun", case)
            policy = any_policy_of(case)
            patience = policy.license_unknown_after_seconds if isinstance(policy, Policy) else 0
            return Claimed(
                mine=True,
                kind=case.kind,
                assister_type=case.assister_type,
                has_lms_account=case.has_lms_account,
                has_portal_account=case.has_portal_account,
                identity_matches=case.identity_matches,
                has_portal_profile=case.has_portal_profile,
                has_scheduling_tool=case.has_scheduling_tool,
                closes_at=policy.windows.closes_at(zone_of(policy)),
                license_unknown_after_seconds=patience,
                standing=await session.run_sync(_standing, case),
            )

    async def view(self, case_id: str) -> CaseView:
        """The case with its policy and state. Raises `UnknownCase`."""
        async with self._database.open_reader() as session:
            case = await session.get(Case, case_id)
            if case is None:
                raise UnknownCase(case_id)
            return CaseView(case, await session.run_sync(facts_of, case_id))

    async def standing(self, case_id: str) -> RegistrationSnapshot | None:
        """Where a federal registration stands, for its workflow; None for a case of the state program."""
        async with self._database.open_reader() as session:
            return await session.run_sync(_standing, await session.get_one(Case, case_id))

    async def record(self, case_id: str, facts: Sequence[Fact], now: datetime, action: str, **details: Any) -> bool:
        """Appends facts to an open case, with their audit row; False, and nothing written, when the case has ended."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if case.stage in ENDED:
                return False
            await session.run_sync(append, case, facts, now)
            audit(session, now, SYSTEM, action, case, **details)
            return True

    async def end(self, case_id: str, kind: str, now: datetime) -> None:
        """Ends a case whose window has closed (C6); nothing happens to one that has ended already."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if case.stage in ENDED:
                return
            await session.run_sync(append, case, [Fact(id=f"{case_id}:{kind}", kind=FactKind(kind), at=now)], now)
            await session.run_sync(_void, case_id, now)
            audit(session, now, SYSTEM, f"case.{kind}", case)

    async def flag(self, case_id: str, what: str, now: datetime, why: str | None = None) -> None:
        """Puts a case before staff's eyes; said once while the flag is up, however often it is tried again."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if raise_flag(case, what, now):
                session.add(case)
                audit(session, now, SYSTEM, f"case.flagged.{what}", case, why)

    async def unflag(self, case_id: str, what: str, now: datetime) -> None:
        """Takes a flag back once what it was about is put right; another flag stays."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if lower_flag(case, what):
                session.add(case)
                audit(session, now, SYSTEM, f"case.unflagged.{what}", case)

    async def attend(self, case_id: str, what: str, actor: str, reason: str, now: datetime) -> None:
        """Staff take a flag down, having looked at what it is about; others stay.

        Raises `Invalid` without a reason, `Conflict` where the flag isn't up any more.
        """
        if not reason.strip():
            raise Invalid([Fault("reason", "required")])
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if not lower_flag(case, what):
                raise Conflict(sentence("flag_not_up"))
            session.add(case)
            audit(session, now, actor, "case.flag_cleared", case, reason.strip(), flag=what)

    async def lms_account(self, assister_id: str) -> str | None:
        """The name of the person's account in the LMS, if there is one."""
        async with self._database.open_reader() as session:
            return (await session.get_one(Assister, assister_id)).lms_account

    async def portal_account(self, case_id: str) -> str | None:
        """The portal's id of the account that was set up for this case."""
        async with self._database.open_reader() as session:
            kind = col(EffectRow.kind) == "portal.account_created"
            found = await session.run_sync(rows, select(EffectRow).where(col(EffectRow.case_id) == case_id, kind))
            return next((row.external_id for row in found), None)

    async def portal_known_as(self, case_id: str) -> str | None:
        """The id by which the portal knows this person's account: the case that used it last, or an imported id."""
        async with self._database.open_reader() as session:
            case = await session.get_one(Case, case_id)
            return (await session.get_one(Assister, case.assister_id)).portal_account

    async def account_to_suspend(self, case_id: str) -> str | None:
        """The case under which the portal knows this person's account; None while another year's case needs it (C6)."""
        async with self._database.open_reader() as session:
            case = await session.get_one(Case, case_id)
            others = await session.run_sync(
                rows,
                select(col(Case.case_id))
                .join(CertificateRow, col(CertificateRow.case_id) == col(Case.case_id))
                .where(
                    col(Case.assister_id) == case.assister_id,
                    col(Case.program) == case.program,
                    col(Case.case_id) != case_id,
                    col(Case.stage).not_in(ENDED),
                ),
            )
            person = await session.get_one(Assister, case.assister_id)
            return None if others else person.portal_account or case_id

    async def lms_url(self, case_id: str) -> str | None:
        """The page where this learner goes on, once the LMS has said so."""
        async with self._database.open_reader() as session:
            kinds = col(EffectRow.kind).in_(("training.invited", "training.enrolled"))
            found = await session.run_sync(rows, select(EffectRow).where(col(EffectRow.case_id) == case_id, kinds))
            return next((str(row.result["url"]) for row in found if row.result), None)

    async def mlms_url(self, case_id: str, curriculum: str) -> str | None:
        """The page of the MLMS where this curriculum is taken, once the MLMS has said so."""
        async with self._database.open_reader() as session:
            kind = col(EffectRow.kind) == f"mlms.enrolled.{curriculum}"
            found = await session.run_sync(rows, select(EffectRow).where(col(EffectRow.case_id) == case_id, kind))
            return next((str(row.result["url"]) for row in found if row.result), None)

    async def ending_reason(self, case_id: str) -> str:
        """Why the case was withdrawn or revoked; empty when nobody said."""
        async with self._database.open_reader() as session:
            kinds = col(FactRow.kind).in_((FactKind.WITHDRAWN.value, FactKind.REVOKED.value))
            found = await session.run_sync(rows, select(FactRow).where(col(FactRow.case_id) == case_id, kinds))
            return str(found[0].data.get("reason") or "") if found else ""

    # evidence

    async def evidence(self, key: str) -> bytes | None:
        """A third party's raw answer kept under this key (case, source, round), if there is one."""
        async with self._database.open_reader() as session:
            row = await session.get(EvidenceRow, key)
            return row.raw if row else None

    async def keep_evidence(self, key: str, case_id: str, source: str, raw: bytes, sha256: str, now: datetime) -> None:
        """Keeps a third party's raw answer with its hash; the first one under a key stands."""
        async with self._database.open_writer() as session:
            if await session.get(EvidenceRow, key) is None:
                session.add(EvidenceRow(key=key, case_id=case_id, source=source, raw=raw, sha256=sha256, at=now))

    # effects

    async def intend(
        self, key: str, case_id: str, kind: str, data: dict[str, Any], now: datetime, *, after_end: bool = False
    ) -> Intent:
        """Writes down an effect before it is made. The first intent's data stands, and its result where it has one."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            view = CaseView(case, await session.run_sync(facts_of, case_id))
            ended = case.stage in ENDED and not after_end
            row = await session.get(EffectRow, key)
            if row is None:
                if ended:
                    return Intent(view, data, None, ended=True)
                row = EffectRow(key=key, case_id=case_id, kind=kind, data=data, intended_at=now)
                session.add(row)
            return Intent(view, row.data, row.result, ended=ended)

    async def complete(
        self,
        key: str,
        case_id: str,
        result: dict[str, Any],
        facts: Sequence[Fact],
        now: datetime,
        *,
        external_id: str | None = None,
        certificate: CertificateRow | None = None,
        mail: SentMail | None = None,
        after_end: bool = False,
    ) -> bool:
        """Stores an effect's result with its facts; True when the case ended meanwhile, and the caller compensates.

        The first result stands: a repeat changes nothing.
        """
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            row = await session.get_one(EffectRow, key)
            ended = case.stage in ENDED and not after_end
            if row.result is not None:
                return ended
            row.result, row.done_at, row.external_id = result, now, external_id
            session.add(row)
            if mail is not None:  # it went out, whatever became of the case meanwhile
                session.add(mail)
            if lower_flag(case, refused(row.kind)):  # it healed
                session.add(case)
                audit(session, now, SYSTEM, f"case.unflagged.{refused(row.kind)}", case)
            if ended:
                audit(session, now, SYSTEM, f"{row.kind}.after_end", case)
                return True
            if certificate is not None:
                session.add(certificate)
                await session.flush()
            if facts:
                await session.run_sync(append, case, facts, now)
            audit(session, now, SYSTEM, row.kind, case)
            return False

    async def intend_certificate(self, key: str, case_id: str, now: datetime, market: str = "") -> Intent:
        """The certificate's intent: number, name and time of issue are fixed before it is printed (A23, B17).

        Raises `Conflict` when none is due (not eligible, trained and passed; the market not complete).
        """
        view = await self.view(case_id)
        until = view.rules.windows.closes_on
        if not view.stands.ended and not _certificate_due(view, market):
            raise Conflict("The certificate is not due.")
        data = {
            "number": new_certificate_number(view.case.program, view.case.plan_year),
            "holder": holder_of(view.case),
            "issued_at": now.isoformat(),
            "issued_on": local_date(view.rules, now).isoformat(),
            "valid_until": until.isoformat() if until else None,
            **({"market": market} if market else {}),
        }
        return await self.intend(key, case_id, "certificate.issued", data, now)

    # commands

    @again_when_overtaken
    async def store_command(
        self,
        command_id: str,
        case_id: str,
        kind: CommandKind,
        actor: str,
        reason: str,
        data: dict[str, Any],
        now: datetime,
    ) -> CommandRow:
        """Keeps a command under the caller's id before it is sent; a repeat of the id finds the first.

        Raises `Conflict` when the id was used for something else.
        """
        async with self._database.open_writer() as session:
            row = await session.get(CommandRow, command_id)
            if row is None:
                row = CommandRow(
                    id=command_id, case_id=case_id, kind=kind, actor=actor, reason=reason, data=data, created_at=now
                )
                session.add(row)
            elif (row.case_id, row.kind, row.actor, row.reason, row.data) != (case_id, kind, actor, reason, data):
                raise Conflict(sentence("id_used"))
            return row

    async def command_state(self, command_id: str) -> str | None:
        """pending, applied or refused; None for an id never seen."""
        async with self._database.open_reader() as session:
            row = await session.get(CommandRow, command_id)
            return row.state if row else None

    async def command(self, command_id: str) -> CommandRow:
        """A stored command as it stands now."""
        async with self._database.open_reader() as session:
            return await session.get_one(CommandRow, command_id)

    async def note_refusal(
        self, case_id: str, kind: CommandKind, actor: str, reason: str, why: str, now: datetime
    ) -> None:
        """Audits a command that was refused at the door (C9)."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            audit(session, now, actor, f"{kind}.refused", case, reason, answer=why)

    async def refuse_command(self, command_id: str, answer: str, now: datetime) -> None:
        """Keeps why the workflow refused a command."""
        async with self._database.open_writer() as session:
            row = await session.get_one(CommandRow, command_id)
            case = await session.run_sync(locked, row.case_id)
            await session.refresh(row)
            if row.state == "pending":
                await session.run_sync(_refuse, case, row, answer, now)

    @again_when_overtaken
    async def apply_command(self, command_id: str, now: datetime) -> Applied:
        """Carries out a stored command, once: facts, the request's changes, links voided; a repeat finds it done."""
        async with self._database.open_reader() as session:  # most often it is done already, and no lock is needed
            row = await session.get(CommandRow, command_id)
        if row is None or row.state != "pending":
            return _applied(row)
        async with self._database.open_writer() as session:
            row = await session.get_one(CommandRow, command_id)
            case = await session.run_sync(locked, row.case_id)
            await session.refresh(row)
            if row.state == "pending":
                why = await session.run_sync(self._carry_out, case, row, now)
                if why is None:
                    row.state = "applied"
                    session.add(row)
                    audit(session, now, row.actor, f"case.{_past(row)}", case, row.reason, **_told(row))
                else:
                    await session.run_sync(_refuse, case, row, why, now)
            return _applied(row)

    def _carry_out(self, session: Session, case: Case, row: CommandRow, now: datetime) -> str | None:
        """Does what the command says; answers why not, as a sentence, when the case doesn't allow it."""
        kind, data = CommandKind(row.kind), row.data
        state = state_of(session, case)
        verdict = Verdict(data["verdict"]) if data.get("verdict") else None
        notice = Notice(data["notice"]) if data.get("notice") else None
        why = find_refusal(kind, state, verdict, data.get("override"), notice)
        if why:
            return why
        if kind is CommandKind.SAVE_PROFILE:
            return sentence("not_in_program")  # its workflow asks the registry first
        if kind is CommandKind.ANSWER:
            why = self._answer(session, case, data["changes"])
        elif verdict is Verdict.APPROVE and not case.identity_matches:
            # Staff have looked at who this is: from now on the person goes by this name and e-mail.
            why = self._rename(session, case, case.request)
        if why:
            return why
        decided = verdict in (Verdict.APPROVE, Verdict.DENY) and not case.identity_matches
        if decided and lower_flag(case, IDENTITY_CONFLICT):  # which is what they looked at
            audit(session, now, SYSTEM, f"case.unflagged.{IDENTITY_CONFLICT}", case)
        append(session, case, _facts_of(case, row, state), now)
        if kind in (CommandKind.WITHDRAW, CommandKind.REVOKE):
            _void(session, case.case_id, now)
        return None

    def _answer(self, session: Session, case: Case, changes: dict[str, Any]) -> str | None:
        """Lays the answer's changes over the request; why not, where they can't be taken any more."""
        try:
            request = amended(case.request, changes)
        except Invalid as invalid:
            return str(invalid)
        # Whose NPN it really is, is for staff to say first: nobody's record changes by a stranger's answer.
        why = self._rename(session, case, request) if case.identity_matches else None
        if why is None:
            case.request = request
            session.add(case)
            remember_words(session, case.assister_id)
        return why

    def _rename(self, session: Session, case: Case, request: dict[str, Any]) -> str | None:
        """Moves the person along with a request; why not, where its NPN or e-mail is another person's."""
        other = self._other(session, case, request)
        if other is not None:
            return other.sentence()
        person = session.get_one(Assister, case.assister_id)
        person.person_key = person_key(self._key, request.get("npn"), request["email"])
        person.npn, person.email = request.get("npn"), request["email"]
        person.first_name, person.last_name = request["first_name"], request["last_name"]
        person.details = remembered(person, request, FORM)
        session.add(person)
        remember_words(session, person.assister_id)
        return None

    def _other(self, session: Session, case: Case, request: dict[str, Any]) -> Fault | None:
        """The field by which a request is another person's, if it is."""
        key = person_key(self._key, request.get("npn"), request["email"])
        query = select(Assister).where(col(Assister.person_key) == key, col(Assister.assister_id) != case.assister_id)
        if one_or_none(session, query) is None:
            return None
        return Fault("npn" if request.get("npn") else "email", "identity_taken")

    async def check_answer(self, case_id: str, changes: dict[str, Any]) -> None:
        """Raises `Invalid` for changes the request form would not take; nothing is stored."""
        async with self._database.open_reader() as session:
            case = await session.get_one(Case, case_id)
            other = await session.run_sync(self._other, case, amended(case.request, changes))
        if other is not None:
            raise Invalid([other])

    # links

    async def keep_link(self, token: str, case_id: str, purpose: str, now: datetime, expires_at: datetime) -> None:
        """Keeps an e-mailed link by its hash; a new activation link voids the ones before it (A28)."""
        async with self._database.open_writer() as session:
            await session.run_sync(locked, case_id)
            if await session.get(LinkRow, token_hash(token)) is not None:
                return
            if purpose == ACTIVATION:
                await session.run_sync(_void, case_id, now)
            session.add(
                LinkRow(
                    token_hash=token_hash(token),
                    case_id=case_id,
                    purpose=purpose,
                    created_at=now,
                    expires_at=expires_at,
                )
            )

    async def use_link(self, token: str, now: datetime) -> CommandRow | None:
        """Uses up an activation link, and keeps the command it comes to; None if it is unknown, used, expired or void.

        Both in one transaction: a link that is spent without an account activated would be the last one.
        """
        async with self._database.open_writer() as session:
            row = await session.get(LinkRow, token_hash(token))
            if row is None or row.purpose != ACTIVATION:
                return None
            case = await session.run_sync(locked, row.case_id)
            await session.refresh(row)
            if row.used_at or row.voided_at or row.expires_at <= now:
                return None
            row.used_at = now
            session.add(row)
            audit(session, now, "assister", "portal.activation_link_used", case)
            command = CommandRow(
                id=f"activate:{row.token_hash}",
                case_id=case.case_id,
                kind=CommandKind.ACTIVATE,
                actor="assister",
                reason="activation link used",
                data={},
                created_at=now,
            )
            session.add(command)
            return command

    async def accept_agreement(self, case_id: str, language: str, now: datetime) -> bool:
        """Records that the agreement was accepted on the page, once; False when the case has ended (A3)."""
        async with self._database.open_writer() as session:
            case = await session.run_sync(locked, case_id)
            if case.stage in ENDED:
                return False
            if not case.request.get("agreement_accepted"):
                case.request = {**case.request, "agreement_accepted": True}
                await session.run_sync(append, case, agreement_facts(case, language, now, "page"), now)
                audit(session, now, "assister", "agreement.accepted", case, source="page")
            return True

    # the daily round

    async def due_reminders(self, now: datetime, after: str, page: int = 200) -> tuple[list[Letter], str]:
        """The reminders due today, a page at a time by case id; ``after`` is "" for the first page (A18)."""
        waits = [wait.value for wait, owner in OWNER.items() if owner == "assister"]
        async with self._database.open_reader() as session:
            found = await session.run_sync(
                rows,
                select(Case)
                .where(
                    col(Case.case_id) > after, col(Case.waiting_for).in_(waits), col(Case.waiting_since).is_not(None)
                )
                .order_by(col(Case.case_id))
                .limit(page),
            )
            letters = [letter for case in found if (letter := _reminder(case, now)) is not None]
            keys = [effect_key(letter) for letter in letters]
            sent = set(
                await session.run_sync(
                    rows,
                    select(col(EffectRow.key)).where(col(EffectRow.key).in_(keys), col(EffectRow.result).is_not(None)),
                )
            )
        return [x for x in letters if effect_key(x) not in sent], found[-1].case_id if len(found) == page else ""


def _standing(session: Session, case: Case) -> RegistrationSnapshot | None:
    """Where a federal registration stands, for its workflow."""
    if case.program != FEDERAL_PROGRAM:
        return None
    return registration_of(case, facts_of(session, case.case_id)).take_snapshot()


def _certificate_due(view: CaseView, market: str) -> bool:
    if view.case.program == FEDERAL_PROGRAM:
        return Market(market) in view.registration.completed_at
    return view.state.certificate is not None or certificate_due(view.state)


def effect_key(letter: Letter) -> str:
    """The key of a notice's intent: case, notice, occurrence and what it is about."""
    return f"{letter.case_id}:notice:{letter.notice}:{letter.occurrence}:{letter.about}"


def _reminder(case: Case, now: datetime) -> Letter | None:
    """The reminder of the latest due date on or before today, if any is due and the cadence isn't exhausted."""
    policy = any_policy_of(case)
    assert case.waiting_since is not None
    number = (local_date(policy, now) - local_date(policy, case.waiting_since)).days // policy.reminder_every_days
    if not 1 <= number <= policy.reminders_at_most:
        return None
    due = local_date(policy, case.waiting_since) + timedelta(days=number * policy.reminder_every_days)
    return Letter(case_id=case.case_id, at=now, notice=Notice.REMINDER, about=f"{case.waiting_for}:{due.isoformat()}")


def _facts_of(case: Case, row: CommandRow, state: State) -> list[Fact]:
    """The facts a command comes to; its id is theirs."""
    kind, at = CommandKind(row.kind), row.created_at
    if kind is CommandKind.DECIDE and isinstance(state, CaseState):
        override = row.data.get("override")
        decided = {
            "verdict": row.data["verdict"],
            "by": row.actor,
            "reason": row.reason,
            "override": override,
            "round": state.round,
        }
        facts = [Fact(id=f"command:{row.id}", kind=FactKind.DECIDED, at=at, data=decided)]
        missing = any(one.check is Check.AGREEMENT_ACCEPTED and one.result != "pass" for one in state.findings)
        if missing and override and row.data["verdict"] == Verdict.APPROVE:
            facts += agreement_facts(case, None, at, "staff", by=row.actor, evidence=override)
        return facts
    if kind is CommandKind.ANSWER and isinstance(state, CaseState):
        answered = Fact(id=f"command:{row.id}", kind=FactKind.ANSWERED, at=at, data={"round": state.round + 1})
        accepted = row.data["changes"].get("agreement_accepted") is True
        return [answered, *(agreement_facts(case, row.data.get("language"), at, "page") if accepted else ())]
    if kind in (CommandKind.WITHDRAW, CommandKind.REVOKE):
        ending = FactKind.WITHDRAWN if kind is CommandKind.WITHDRAW else FactKind.REVOKED
        return [Fact(id=f"command:{row.id}", kind=ending, at=at, data={"by": row.actor, "reason": row.reason})]
    return []


_PAST = {
    CommandKind.DECIDE: "decided",
    CommandKind.ANSWER: "answered",
    CommandKind.WITHDRAW: "withdrawn",
    CommandKind.REVOKE: "revoked",
    CommandKind.RESEND: "notice_resent",
    CommandKind.ACTIVATE: "portal_activation_asked",
    CommandKind.SAVE_PROFILE: "profile_saved",
}


def _past(row: CommandRow) -> str:
    return _PAST[CommandKind(row.kind)]


def _told(row: CommandRow) -> dict[str, Any]:
    """What the audit keeps of a command besides its reason."""
    kept = {name: row.data[name] for name in ("verdict", "override", "notice") if row.data.get(name)}
    return {
        **kept,
        "command_id": row.id,
        **({"changed": sorted(row.data["changes"])} if row.data.get("changes") else {}),
    }


def _applied(row: CommandRow | None) -> Applied:
    if row is None:
        return Applied(applied=False)
    return Applied(applied=row.state == "applied", verdict=str(row.data.get("verdict") or ""))


def _refuse(session: Session, case: Case, row: CommandRow, why: str, now: datetime) -> None:
    row.state, row.answer = "refused", why
    row.data = {name: value for name, value in row.data.items() if name != "profile"}  # nothing of it is kept
    session.add(row)
    audit(session, now, row.actor, f"{row.kind}.refused", case, row.reason, answer=why, **_told(row))


def _void(session: Session, case_id: str, now: datetime) -> None:
    session.execute(
        update(LinkRow)
        .where(
            col(LinkRow.case_id) == case_id,
            col(LinkRow.purpose) == ACTIVATION,
            col(LinkRow.used_at).is_(None),
            col(LinkRow.voided_at).is_(None),
        )
        .values(voided_at=now)
    )
