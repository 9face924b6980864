"""The web application with its database, and what the tests of the pages do to it; no test."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlmodel import col, select

from db.case_state import applicant_of, list_rows, load_case
from db.engine import Database
from db.tables import AccessLogRow, Case, CertificateRow, CommandRow, FactRow, StaffSession
from db.writes import sessions
from db.writes.cases import record_facts
from db.writes.commands import apply_command
from db.writes.links import ACTIVATION, keep_link
from db.writes.npn.claims import prove_npn
from db.writes.own.codes import finish_code_letters, list_unsent_codes, make_code_letters
from db.writes.own.sessions import open_own_session
from domain.federal.profile import parse_registration
from domain.programs.imports import parse_import
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.claims import NpnProof
from domain.state.request import parse_request
from tests.support.tables import add_rows
from web.http.auth import choose_own_cookie, choose_session_cookie, find_staff_session
from web.http.permissions import StaffRole
from web.services import Services

NUMBER = "NM24-7Q4K2-M2XDA-9RTWB-B6HCD"
PDF = b"%PDF-1.7 sample"
NAMES = {"reviewer": "Rita Example", "auditor": "Aurelio Example", "operator": "Olga Example"}


def fail_once(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    """Has a unit of work, by its full name where it is used, do its work and fail then, the first time."""
    module, _, name = unit.rpartition(".")
    work, failures = getattr(import_module(module), name), [OSError("the database is away")]

    def fail(*arguments: Any, **named: Any) -> Any:
        done = work(*arguments, **named)
        if failures:
            raise failures.pop()
        return done

    monkeypatch.setattr(unit, fail)


@dataclass(frozen=True)
class House:
    """A browser, the parts of the application it visits, and their database."""

    browser: httpx2.AsyncClient
    services: Services
    database: Database

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx2.Response:
        return await self.browser.post(path, data=dict(form), headers=headers)

    async def sign_in(self, *roles: StaffRole) -> str:
        """Somebody of staff, a reviewer if not said otherwise, signed in on this browser; their forms' token."""
        shown = roles or (StaffRole.REVIEWER,)
        actor, now = "-".join(shown), datetime.now(UTC)
        token = await self.open_session(actor, NAMES.get(actor, actor), shown, now)
        self.browser.cookies.set(choose_session_cookie(self.services), token)
        opened = await self.find_session(token, now)
        assert opened is not None
        return opened.csrf

    async def open_session(self, actor: str, name: str, roles: Iterable[str], now: datetime) -> str:
        """A session of somebody of staff; the cookie's secret."""
        return await self.database.write(
            sessions.open_session, actor, name, roles, self.services.settings.session_longest, now
        )

    async def find_session(self, token: str, now: datetime) -> StaffSession | None:
        return await find_staff_session(self.database, token, self.services.settings.session_idle, now)

    async def open_sessions(self, now: datetime) -> list[StaffSession]:
        return await self.database.read(sessions.list_open_sessions, self.services.settings.session_idle, now)

    async def open(self, document: dict[str, Any]) -> str:
        """A case of a request; its id."""
        parse = parse_registration if document["program"] == "ffm" else parse_request
        return (await self.services.cases.submit_request(parse(document))).case_id

    async def begin(self, person: dict[str, Any]) -> str:
        """A returning assister's case, opened without a form; its id."""
        year = {"plan_year": 2023, "registered": True, "trained": True, "certified": True}
        document = {
            "person": person,
            "program": "bewellnm",
            "years": [year],
            "lms_account": True,
            "portal_account": True,
        }
        _, (imported,) = await self.services.imports.import_people(parse_import([document]), "staff")
        return (await self.services.cases.begin_case(imported["assister_id"], "bewellnm", 2024, "staff")).case_id

    async def facts(self, case_id: str, *kinds: FactKind, **data: Any) -> None:
        now = datetime.now(UTC)
        found = [Fact(id=f"{case_id}:{kind}:{uuid4()}", kind=kind, at=now, data=data) for kind in kinds]
        assert await self.services.database.write(record_facts, case_id, found, now, "test")

    async def decide(self, case_id: str, verdict: str, reason: str = "All is well.") -> None:
        decided = {"verdict": verdict, "by": "staff", "reason": reason, "override": None, "round": 0}
        await self.facts(case_id, FactKind.SCREENED, round=0, findings=[])
        await self.facts(case_id, FactKind.DECIDED, **decided)

    async def certify(self, case_id: str) -> None:
        """Everything up to the certificate, whose file is there; whose the NPN is has been proven."""
        await self.decide(case_id, "approve")
        if (await self.database.read(load_case, case_id)).npn_unproven:
            await self.prove(case_id)
        await self.facts(case_id, FactKind.LMS_REGISTERED, FactKind.LMS_PROFILE_COMPLETED, FactKind.COURSE_COMPLETED)
        await self.facts(case_id, FactKind.EXAM_ATTEMPTED, event_id="e", score="0.85", passed=True)
        now, digest = datetime.now(UTC), sha256(PDF).hexdigest()
        shown = {"number": NUMBER, "issued_at": now.isoformat(), "valid_until": None, "sha256": digest}
        await self.facts(case_id, FactKind.CERTIFICATE_ISSUED, **shown)
        row = CertificateRow(number=NUMBER, case_id=case_id, issued_at=now, sha256=digest, uri=f"{digest}.pdf")
        await self.database.write(add_rows, row)
        self.services.settings.certificates_dir.mkdir()
        (self.services.settings.certificates_dir / f"{digest}.pdf").write_bytes(PDF)

    async def activation_link(self, case_id: str, days: int = 7) -> str:
        """The address of an e-mailed link that activates an account."""
        token, now, letter = secrets.token_urlsafe(), datetime.now(UTC), str(uuid4())
        until = now + timedelta(days=days)
        await self.services.database.write(keep_link, token, case_id, ACTIVATION, letter, now, until)
        return f"/activate/{token}"

    async def link(self, case_id: str) -> str:
        """The address of a case's own page, whose owner is now signed in on this browser."""
        case = await self.database.read(load_case, case_id)
        await self.own_session(applicant_of(case).email)
        return f"/me/{case_id}"

    async def own_session(self, email: str) -> str:
        """Somebody signed in to their own pages on this browser; the cookie's secret."""
        token = await self.database.write(open_own_session, email.lower(), None, datetime.now(UTC))
        self.browser.cookies.set(choose_own_cookie(self.services), token)
        return token

    async def code(self, email: str) -> str:
        """The code that a worker sends to an address that has asked for one."""
        now = datetime.now(UTC)
        due = await self.database.read(list_unsent_codes, now)
        key = self.services.settings.identity_key_bytes
        made = await self.database.write(make_code_letters, key, due, now)
        await self.database.write(finish_code_letters, [letter.code_id for letter in made])
        return [letter.code for letter in made if letter.email == email][-1]

    async def list_accesses(self, case_id: str = "") -> list[AccessLogRow]:
        """Who was shown personal data, of one case if it is given; newest first."""
        ours = select(AccessLogRow).where(*[col(AccessLogRow.case_id) == case_id] if case_id else [])
        return await self.database.read(list_rows, ours.order_by(col(AccessLogRow.id).desc()).limit(200))

    async def prove(self, case_id: str) -> None:
        """Staff have seen whose the NPN of a case is."""
        key, proof = self.services.settings.identity_key_bytes, NpnProof("paper", "staff:demo", "a licence card")
        await self.services.database.write(prove_npn, key, case_id, proof, datetime.now(UTC))

    async def cases(self) -> list[Case]:
        return await self.database.read(list_rows, select(Case))

    async def agreement(self, case_id: str) -> list[dict[str, Any]]:
        """What was recorded of the agreement."""
        return await self.list_facts(case_id, FactKind.AGREEMENT_ACCEPTED)

    async def list_facts(self, case_id: str, kind: FactKind) -> list[dict[str, Any]]:
        """What a case's facts of a kind say."""
        query = select(FactRow).where(col(FactRow.case_id) == case_id, col(FactRow.kind) == kind)
        return [row.data for row in await self.database.read(list_rows, query)]

    async def apply_commands(self) -> list[CommandRow]:
        """What a worker does with stored commands."""
        found = await self.database.read(list_rows, select(CommandRow))
        for row in found:
            await self.services.database.write(
                apply_command, self.services.settings.identity_key_bytes, row.id, datetime.now(UTC)
            )
        return found
