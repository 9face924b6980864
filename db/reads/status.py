"""Every read: the status document, lists, the audit, certificates and what a link leads to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, text
from sqlalchemy.orm import Session
from sqlmodel import col, select

from db.case_state import (
    State,
    UnknownCase,
    any_policy_of,
    certification_of,
    facts_of,
    federal_policy_of,
    holder_of,
    npn_faults_of,
    one_or_none,
    policy_of,
    registration_of,
    rows,
    state_of,
)
from db.engine import Database
from db.tables import (
    Assister,
    AuditRow,
    Case,
    CertificateRow,
    CommandRow,
    EffectRow,
    FactRow,
    InboxRow,
    LinkRow,
)
from domain.federal.markets import Market
from domain.federal.policy import FederalPolicy
from domain.federal.profile import REQUIRED
from domain.federal.registration import RegistrationState, may_assist_in_marketplace, registration_parts
from domain.shared.commands import CommandKind
from domain.shared.faults import Fault
from domain.shared.ids import certificate_number, token_hash
from domain.shared.notices import Notice
from domain.shared.policy import local_date
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.stages import ENDED, Stage
from domain.state.certification import CaseState
from domain.state.may_assist import may_assist, status_parts
from domain.state.policy import Policy

MOST = 500


@dataclass(frozen=True)
class Place:
    """What an e-mailed status link leads to: the case with everything its page shows."""

    case: Case
    policy: Policy
    state: CaseState
    may_assist_reasons: list[str]
    certificate_uri: str | None


@dataclass(frozen=True)
class RegistrationPlace:
    """What an e-mailed link of a federal registration leads to: the portal's pages about it."""

    case: Case
    policy: FederalPolicy
    state: RegistrationState
    may_assist_reasons: list[str]
    npn_faults: list[Fault]
    certificate_uris: dict[str, str]


class Views:
    """Reads about cases; nothing here writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def status(self, case_id: str, now: datetime, history: bool = False) -> dict[str, Any]:
        """The status document; with ``history``, the facts too. Raises `UnknownCase`."""
        async with self._database.open_reader() as session:
            case = await session.run_sync(_case, case_id)
            state = await session.run_sync(state_of, case)
            document = status_document(case, state, now)
            if history:
                document["history"] = await session.run_sync(_history, case_id)
            return document

    async def cases(
        self, *, limit: int = MOST, after: str | None = None, **wanted: str | int | None
    ) -> list[dict[str, Any]]:
        """Cases, newest first, by program, plan_year, stage or kind; ``after`` is the page before's last case_id."""
        query = select(Case).order_by(col(Case.opened_at).desc(), col(Case.case_id)).limit(min(limit, MOST))
        for name, value in wanted.items():
            if value is not None:
                query = query.where(getattr(Case, name) == value)
        async with self._database.open_reader() as session:
            if after is not None:
                last = await session.run_sync(_case, after)
                query = query.where(
                    (col(Case.opened_at) < last.opened_at)
                    | ((col(Case.opened_at) == last.opened_at) & (col(Case.case_id) > after))
                )
            return [_listed(case) for case in await session.run_sync(rows, query)]

    async def audit(self, case_id: str) -> list[dict[str, Any]]:
        """Every write about a case: when, who, what, why (C9). Raises `UnknownCase`."""
        async with self._database.open_reader() as session:
            await session.run_sync(_case, case_id)
            found = await session.run_sync(
                rows, select(AuditRow).where(col(AuditRow.case_id) == case_id).order_by(col(AuditRow.id))
            )
            return [
                {
                    "at": _instant(row.at),
                    "actor": row.actor,
                    "action": row.action,
                    "reason": row.reason,
                    "details": row.details,
                }
                for row in found
            ]

    async def certificate(self, number: str, now: datetime) -> dict[str, Any] | None:
        """What the public may know of a certificate; None where there is no such number."""
        async with self._database.open_reader() as session:
            row = await session.get(CertificateRow, certificate_number(number))
            if row is None:
                return None
            case = await session.run_sync(_case, row.case_id)
            state = await session.run_sync(state_of, case)
            return {
                "number": row.number,
                "status": certificate_status(state, row, local_date(any_policy_of(case), now)),
                "holder": row.holder or holder_of(case),
                "kind": case.kind,
                "program": case.program,
                "plan_year": case.plan_year,
                "issued_at": _instant(row.issued_at),
                "valid_until": row.valid_until.isoformat() if row.valid_until else None,
                "sha256": row.sha256,
                **({"market": row.market} if row.market else {}),
            }

    async def applicant(self, email: str, number: str | None, now: datetime) -> dict[str, Any] | None:
        """For the portal: the case of this e-mail (the certificate's, if it is theirs; else the newest)."""
        async with self._database.open_reader() as session:
            people = await session.run_sync(
                rows,
                select(col(Assister.assister_id)).where(func.lower(col(Assister.email)) == email.lower()),
            )
            found = await session.run_sync(
                rows,
                select(Case)
                .where(col(Case.assister_id).in_(people), col(Case.program) != FEDERAL_PROGRAM)
                .order_by(col(Case.opened_at).desc())
                .limit(50),
            )
            certificate = await session.get(CertificateRow, certificate_number(number)) if number else None
        if not found:
            return None
        case = next((one for one in found if certificate and one.case_id == certificate.case_id), found[0])
        shown = None
        if certificate is not None and certificate.case_id == case.case_id:
            public = await self.certificate(certificate.number, now)
            shown = {"number": certificate.number, "status": public["status"]} if public else None
        return {"case_id": case.case_id, "kind": case.kind, "certificate": shown}

    async def place(self, token: str, now: datetime) -> Place | None:
        """What a status link of the state program leads to; None where it is unknown or has expired."""
        async with self._database.open_reader() as session:
            case = await session.run_sync(_linked, token, now)
            if case is None or case.program == FEDERAL_PROGRAM:
                return None
            state = await session.run_sync(certification_of, case)
            certificate = await session.run_sync(
                one_or_none, select(CertificateRow).where(col(CertificateRow.case_id) == case.case_id)
            )
            reasons = may_assist(state, local_date(policy_of(case), now))
            return Place(case, policy_of(case), state, reasons, certificate.uri if certificate else None)

    async def registration_place(self, token: str, now: datetime) -> RegistrationPlace | None:
        """What a link of a federal registration leads to; None where it is unknown or has expired."""
        async with self._database.open_reader() as session:
            case = await session.run_sync(_linked, token, now)
            if case is None or case.program != FEDERAL_PROGRAM:
                return None
            facts = await session.run_sync(facts_of, case.case_id)
            state, policy = registration_of(case, facts), federal_policy_of(case)
            certificates = await session.run_sync(
                rows, select(CertificateRow).where(col(CertificateRow.case_id) == case.case_id)
            )
            return RegistrationPlace(
                case,
                policy,
                state,
                may_assist_in_marketplace(state, local_date(policy, now)),
                npn_faults_of(facts),
                {row.market: row.uri for row in certificates},
            )

    async def mlms_urls(self, case_id: str) -> dict[str, str]:
        """Where a registration's courses in the MLMS go on, by curriculum, once the MLMS has said so (B4)."""
        async with self._database.open_reader() as session:
            kind = col(EffectRow.kind).like("mlms.enrolled.%")
            found = await session.run_sync(rows, select(EffectRow).where(col(EffectRow.case_id) == case_id, kind))
            return {row.kind.rpartition(".")[2]: str(row.result["url"]) for row in found if row.result}

    async def last_save(self, case_id: str) -> CommandRow | None:
        """The profile that was sent last: saved, refused, or waiting for a worker (B7)."""
        async with self._database.open_reader() as session:
            kind = col(CommandRow.kind) == CommandKind.SAVE_PROFILE.value
            query = select(CommandRow).where(col(CommandRow.case_id) == case_id, kind)
            found: CommandRow | None = await session.run_sync(
                one_or_none, query.order_by(col(CommandRow.created_at).desc()).limit(1)
            )
            return found

    async def to_recover(self, email: str, since: datetime) -> str | None:
        """The newest open registration of an address, for its log-in to be sent again (B3).

        None where there is none, and where somebody asked for it after ``since`` already.
        """
        async with self._database.open_reader() as session:
            owners = select(col(Assister.assister_id)).where(func.lower(col(Assister.email)) == email.lower())
            query = select(Case).where(
                col(Case.assister_id).in_(owners), col(Case.program) == FEDERAL_PROGRAM, col(Case.stage).not_in(ENDED)
            )
            case: Case | None = await session.run_sync(one_or_none, query.order_by(col(Case.opened_at).desc()).limit(1))
            if case is None:
                return None
            resent = select(CommandRow).where(
                col(CommandRow.case_id) == case.case_id,
                col(CommandRow.kind) == CommandKind.RESEND.value,
                col(CommandRow.created_at) > since,
            )
            asked = [
                row for row in await session.run_sync(rows, resent) if row.data["notice"] == Notice.PORTAL_RECOVERY
            ]
            return None if asked else case.case_id

    async def activation(self, token: str, now: datetime) -> tuple[str, Case | None]:
        """The state of an activation link (ready, used, expired, void or unknown), and its case."""
        async with self._database.open_reader() as session:
            link = await session.get(LinkRow, token_hash(token))
            if link is None or link.purpose != "activation":
                return "unknown", None
            case = await session.run_sync(_case, link.case_id)
            if link.used_at:
                return "used", case
            if link.voided_at:
                return "void", case
            return ("expired" if link.expires_at <= now else "ready"), case

    async def counts(self) -> dict[str, int]:
        """How many cases are in each stage, and how many events wait for delivery: for the metrics."""
        async with self._database.open_reader() as session:
            by_stage = await session.execute(select(col(Case.stage), func.count()).group_by(col(Case.stage)))
            pending = await session.execute(
                select(func.count()).select_from(InboxRow).where(col(InboxRow.state) == "pending")
            )
            return {**{row[0]: row[1] for row in by_stage.all()}, "inbox_pending": pending.scalar_one()}

    async def alive(self) -> None:
        """Raises when the database does not answer."""
        async with self._database.open_reader() as session:
            await session.execute(text("SELECT 1 FROM assister_case LIMIT 1"))


def _linked(session: Session, token: str, now: datetime) -> Case | None:
    link = session.get(LinkRow, token_hash(token))
    if link is None or link.purpose != "status" or link.expires_at <= now:
        return None
    return _case(session, link.case_id)


def _case(session: Session, case_id: str) -> Case:
    case = session.get(Case, case_id)
    if case is None:
        raise UnknownCase(case_id)
    return case


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """Instants and dates as text, the rest as it is."""
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def status_document(case: Case, state: State, now: datetime) -> dict[str, Any]:
    """The status document of either program; docs/stages.md lists every value it may hold."""
    if isinstance(state, RegistrationState):
        parts = _registration_parts(case, state, now)
    else:
        parts = _certification_parts(case, state, now)
    document = {
        "case_id": case.case_id,
        "assister_id": case.assister_id,
        "workflow_id": case.workflow_id,
        "program": case.program,
        "plan_year": case.plan_year,
        "kind": case.kind,
        "assister_type": case.assister_type,
        "stage": parts.pop("stage"),
        "waiting_for": parts.pop("waiting_for"),
        "waiting_since": parts.pop("waiting_since"),
        "may_assist": not parts["may_assist_reasons"],
        "may_assist_reasons": parts.pop("may_assist_reasons"),
        "flag": case.flag,
        **parts,
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def _certification_parts(case: Case, state: CaseState, now: datetime) -> dict[str, Any]:
    policy = policy_of(case)
    parts = status_parts(state)
    parts["training"]["course"] = policy.lms.course_id
    reasons = may_assist(state, local_date(policy, now))
    return {**parts, "may_assist_reasons": reasons, "insurers": list(case.request.get("insurers") or [])}


def _registration_parts(case: Case, state: RegistrationState, now: datetime) -> dict[str, Any]:
    reasons = may_assist_in_marketplace(state, local_date(federal_policy_of(case), now))
    parts = registration_parts(state)
    parts["profile"] |= {"required": REQUIRED[state.profile.role]}
    return {**parts, "may_assist_reasons": reasons}


def _listed(case: Case) -> dict[str, Any]:
    listed: dict[str, Any] = _plain(
        {
            "case_id": case.case_id,
            "assister_id": case.assister_id,
            "program": case.program,
            "plan_year": case.plan_year,
            "kind": case.kind,
            "assister_type": case.assister_type,
            "stage": case.stage,
            "waiting_for": case.waiting_for,
            "waiting_since": case.waiting_since,
            "opened_at": case.opened_at,
            "flag": case.flag,
        }
    )
    return listed


def _history(session: Session, case_id: str) -> list[dict[str, Any]]:
    """Facts and notices, in the order of their times."""
    facts = rows(session, select(FactRow).where(col(FactRow.case_id) == case_id))
    notices = rows(
        session,
        select(EffectRow).where(col(EffectRow.case_id) == case_id, col(EffectRow.kind).like("notice.%")),
    )
    entries = [{"id": row.id, "kind": row.kind, "at": row.at, "data": row.data} for row in facts]
    entries += [
        {"id": row.key, "kind": row.kind, "at": row.done_at, "data": {"subject": row.result.get("subject")}}
        for row in notices
        if row.result
    ]
    return [_plain(entry) for entry in sorted(entries, key=lambda entry: (entry["at"], entry["id"]))]


def certificate_status(state: State, row: CertificateRow, today: date) -> str:
    """valid, superseded, revoked or expired."""
    if state.stage in (Stage.REVOKED, Stage.WITHDRAWN):
        return "revoked"
    standing = state.certificates.get(Market(row.market)) if isinstance(state, RegistrationState) else state.certificate
    if standing is not None and standing.number != row.number:
        return "superseded"
    if state.stage is Stage.CLOSED or (row.valid_until is not None and today > row.valid_until):
        return "expired"
    return "valid"
