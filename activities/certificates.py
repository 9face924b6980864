"""The certificate: printed, signed, kept under its content hash, and recorded, once (A23)."""

import asyncio
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from temporalio import activity

from activities import contracts
from activities.effects import Made, key_of, once
from adapters.press import CertificateText, Press
from db.records import CaseView, Intent, Records
from db.tables import CertificateRow
from domain.facts import Fact, FactKind
from domain.messages import CaseRef, Effect

KIND = "certificate.issued"


class CertificatesActivities(contracts.Certificates):
    """Prints certificates into a folder; the PDF never travels through Temporal."""

    def __init__(self, press: Press, records: Records, folder: Path, web_url: str) -> None:
        self._press = press
        self._records = records
        self._folder = folder
        self._web_url = web_url

    @activity.defn(name="certificates.issue")
    async def issue(self, order: CaseRef) -> Effect:
        """See the contract."""
        key = key_of(order, KIND)
        intent = await self._records.intend_certificate(key, order.case_id, order.at)

        async def make(intent: Intent) -> Made:
            pdf = await asyncio.to_thread(self._press.print, self._text(intent.view, intent.data))
            digest = sha256(pdf).hexdigest()
            path = await asyncio.to_thread(_keep, self._folder, digest, pdf)
            return _made(order.case_id, intent.data, digest, path)

        return await once(self._records, order, KIND, make, intent=intent, key=key)

    def _text(self, view: CaseView, data: dict[str, str]) -> CertificateText:
        request = view.case.request
        return CertificateText(
            number=data["number"],
            holder=f"{request['first_name']} {request['last_name']}",
            kind=view.case.kind,
            program=view.case.program,
            plan_year=view.case.plan_year,
            issued_on=date.fromisoformat(data["issued_on"]),
            valid_until=date.fromisoformat(data["valid_until"]) if data["valid_until"] else None,
            verify_url=f"{self._web_url}/certificates/{data['number']}",
            language=request["language"],
        )


def _keep(folder: Path, digest: str, pdf: bytes) -> Path:
    """Stores the file under its hash, whole or not at all."""
    path = folder / f"{digest}.pdf"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{digest}.{uuid4().hex}"
        draft.write_bytes(pdf)
        draft.replace(path)
    return path


def _made(case_id: str, data: dict[str, str], digest: str, path: Path) -> Made:
    issued_at = datetime.fromisoformat(data["issued_at"])
    shown = {
        "number": data["number"],
        "issued_at": data["issued_at"],
        "valid_until": data["valid_until"],
        "sha256": digest,
    }
    fact = Fact(id=f"{case_id}:certificate", kind=FactKind.CERTIFICATE_ISSUED, at=issued_at, data=shown)
    row = CertificateRow(
        number=data["number"],
        case_id=case_id,
        issued_at=issued_at,
        valid_until=date.fromisoformat(data["valid_until"]) if data["valid_until"] else None,
        sha256=digest,
        uri=path.name,
    )
    return Made(shown, (fact,), certificate=row)
