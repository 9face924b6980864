"""The certificate: printed, signed, kept under its content hash, and recorded, once (A23)."""

import asyncio
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock, see_through
from adapters.certificate_signer import CertificateSigner
from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.tables import CertificateRow
from db.writes.corrections import intend_corrected_certificates
from db.writes.effects import CERTIFICATE, EffectResult, Intent, intend_certificate
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, Correction, Effect, MarketOrder
from domain.shared.cases.stages import Certificate, CertificateToIssue
from templates.certificates import CertificateText


class CertificatesActivities(contracts.Certificates):
    """Prints certificates into a folder; the PDF never travels through Temporal."""

    def __init__(self, signer: CertificateSigner, database: Database, folder: Path, web_url: str) -> None:
        self._signer = signer
        self._database = database
        self._folder = folder
        self._web_url = web_url

    @activity.defn(name="certificates.issue")
    async def issue_certificate(self, order: CaseRef) -> Effect:
        """See the contract."""
        return await self._print_and_record(order, build_effect_key(order, CERTIFICATE))

    @activity.defn(name="certificates.issue_for_market")
    async def issue_for_market(self, order: MarketOrder) -> Effect:
        """See the contract."""
        return await self._print_and_record(
            order, f"{build_effect_key(order, CERTIFICATE)}:{order.market}", order.market
        )

    @activity.defn(name="certificates.supersede")
    async def supersede_certificates(self, order: Correction) -> Effect:
        """See the contract."""
        return await see_through(self._print_corrected(order))

    async def _print_corrected(self, order: Correction) -> Effect:
        intents = await self._database.write(
            intend_corrected_certificates, order.case_id, order.command_id, read_clock(order.at)
        )
        snapshot = await self._database.read(load_snapshot, order.case_id)
        made = Effect(ended=snapshot.state.ended, standing=snapshot.take_registration_snapshot())
        for key, intent in intents.items():
            made = await self._print_intended(order, key, intent)
        return made

    async def _print_and_record(self, order: CaseRef, key: str, market: str = "") -> Effect:
        return await see_through(self._print_and_tidy(order, key, market))

    async def _print_and_tidy(self, order: CaseRef, key: str, market: str) -> Effect:
        intent = await self._database.write(intend_certificate, key, order.case_id, read_clock(order.at), market)
        return await self._print_intended(order, key, intent)

    async def _print_intended(self, order: CaseRef, key: str, intent: Intent) -> Effect:
        fixed = CertificateToIssue.model_validate(intent.data)
        draft = self._folder / f".{fixed.number}.pdf"

        async def make(intent: Intent) -> EffectResult:
            pdf = await asyncio.to_thread(self._print_once, intent.snapshot, fixed, draft)
            digest = sha256(pdf).hexdigest()
            path = self._folder / f"{digest}.pdf"
            await asyncio.to_thread(_keep_file, pdf, path, draft)
            return _describe_certificate(order.case_id, fixed, digest, path)

        async def undo(made: EffectResult) -> None:
            (self._folder / f"{made.result['sha256']}.pdf").unlink(missing_ok=True)

        effect = await make_once(self._database, order, CERTIFICATE, make, intent=intent, key=key, undo=undo)
        await asyncio.to_thread(_remove_drafts, draft)
        return effect

    def _print_once(self, snapshot: CaseSnapshot, fixed: CertificateToIssue, draft: Path) -> bytes:
        """The first print stands: a signature differs each time, and a retry must not leave a second certificate."""
        if not draft.exists():
            _keep_file(self._signer.print_certificate(self._compose_text(snapshot, fixed)), draft, draft)
        return draft.read_bytes()

    def _compose_text(self, snapshot: CaseSnapshot, fixed: CertificateToIssue) -> CertificateText:
        return CertificateText(
            number=fixed.number,
            holder=fixed.holder or snapshot.applicant.name,
            kind=fixed.market or fixed.kind or snapshot.case.kind,
            program=snapshot.case.program,
            plan_year=snapshot.case.plan_year,
            issued_on=fixed.issued_on,
            valid_until=fixed.valid_until,
            verify_url=f"{self._web_url}/certificates/{fixed.number}",
            language=snapshot.applicant.language,
            addressed_as=snapshot.applicant.addressed_as,
        )


def _keep_file(pdf: bytes, path: Path, draft: Path) -> None:
    """Writes a file, whole or not at all; one that is there already stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = draft.with_name(f"{draft.name}.{uuid4().hex}")
    with part.open("wb") as file:
        file.write(pdf)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(part)
    part.unlink()


def _remove_drafts(draft: Path) -> None:
    """Removes what printing left behind, in this attempt or one that was killed."""
    for left in draft.parent.glob(f"{draft.name}*"):
        left.unlink(missing_ok=True)


def _describe_certificate(case_id: str, fixed: CertificateToIssue, digest: str, path: Path) -> EffectResult:
    certificate = Certificate(
        number=fixed.number,
        issued_at=fixed.issued_at,
        valid_until=fixed.valid_until,
        sha256=digest,
        **({"supersedes": fixed.supersedes} if fixed.supersedes else {}),
    )
    shown, market = certificate.to_json(), fixed.market
    fact = Fact(
        id=f"{case_id}:certificate:{market}:{fixed.supersedes}".rstrip(":"),
        kind=FactKind.CERTIFICATE_ISSUED,
        at=certificate.issued_at,
        data={**shown, **({"market": market} if market else {})},
    )
    row = CertificateRow(
        number=certificate.number,
        case_id=case_id,
        market=market,
        holder=fixed.holder,
        kind=fixed.kind,
        supersedes=fixed.supersedes or None,
        issued_at=certificate.issued_at,
        valid_until=certificate.valid_until,
        sha256=digest,
        uri=path.name,
    )
    return EffectResult(shown, (fact,), certificate=row)
