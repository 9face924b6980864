"""The status lists of badges say what the certificates' pages say, wherever a case stands (E16)."""

from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.orm import Session

from db.case_state import load_case
from db.reads.badges import list_set_entries
from db.reads.cases import read_certificate
from db.tables import Case, CertificateRow
from db.writes.badges import take_badge_entry
from db.writes.facts import append_facts, lock_case
from domain.programs.badges import BadgePurpose
from domain.programs.certificates import find_newest_number
from domain.programs.stage_table.federal_rows import list_registrations
from domain.programs.stage_table.state_rows import list_certifications
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.stages import Stage, WaitingFor
from tests.support.office import NOW, Office, office_over
from tests.support.tables import add_rows, change_row

# What a badge is by what its certificate's page says; a last day that is over stands in the badge itself, which is why
# one that has expired here is of a case that was closed before its last day.
SAID = {
    "valid": set(),
    "unproven": {BadgePurpose.SUSPENSION},
    "superseded": {BadgePurpose.SUSPENSION},
    "withdrawn": {BadgePurpose.SUSPENSION},
    "revoked": {BadgePurpose.REVOCATION},
    "expired": {BadgePurpose.SUSPENSION},
}
# Where a case may have a certificate; with one in training or at the agreements, it is for a further market.
CERTIFIED = {
    Stage.AWAITING_AGREEMENTS,
    Stage.CERTIFIED,
    Stage.PORTAL_SETUP,
    Stage.ACTIVE,
    Stage.SUSPENDED,
    Stage.UNDER_APPEAL,
    Stage.WITHDRAWN,
    Stage.REVOKED,
    Stage.TERMINATED,
    Stage.CLOSED,
}


def list_places() -> list[tuple[str, tuple[Fact, ...]]]:
    """The facts of a case with a certificate at each stage and wait, with its market."""
    found: dict[tuple[str, Stage, WaitingFor | None], tuple[Fact, ...]] = {}
    for market, journey in (("", list_certifications()[0]), ("individual", list_registrations()[0])):
        for standing in journey.standings.values():
            at = standing.facts[-1].at + timedelta(days=3)
            for end in ((), (_end(FactKind.WITHDRAWN, at),), (_end(FactKind.CLOSED, at),)):
                state = journey.fold((*standing.facts, *end))
                if find_newest_number(state, market) is not None:
                    found.setdefault((market, state.stage, state.waiting_for), (*standing.facts, *end))
    return [(market, facts) for (market, *_), facts in found.items()]


def _end(kind: FactKind, at: datetime) -> Fact:
    data = {"by": "staff:sample", "reason": "a sample"} if kind is FactKind.WITHDRAWN else {}
    return Fact(id=kind.value, kind=kind, at=at, data=data)


async def take_there(office: Office, market: str, facts: tuple[Fact, ...]) -> tuple[str, str]:
    """A case with these facts, whose certificate has superseded one; its case_id and its certificate's number."""
    opened = await office.registered() if market else await office.opened()
    case_id, number = opened.case_id, f"NO24-{uuid4()}".upper()
    ids = {fact.id: f"{case_id}:{fact.id}" for fact in facts}
    told = []
    for fact in facts:
        data = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in fact.data.items()}
        if fact.kind is FactKind.CERTIFICATE_ISSUED:
            data |= {"number": number, "valid_until": None}
        told.append(Fact(id=ids[fact.id], kind=fact.kind, at=fact.at, data=data))
    await office.database.write(append_told, case_id, told)
    before = CertificateRow(
        number=f"{number}-0", case_id=case_id, market=market, issued_at=NOW, sha256="0" * 64, uri="a.pdf"
    )
    newest = CertificateRow(
        number=number,
        case_id=case_id,
        market=market,
        supersedes=before.number,
        issued_at=NOW,
        sha256="1" * 64,
        uri="b.pdf",
    )
    await office.database.write(add_rows, before)
    await office.database.write(add_rows, newest)
    return case_id, number


def append_told(session: Session, /, case_id: str, facts: list[Fact]) -> None:
    append_facts(session, lock_case(session, case_id), facts, facts[-1].at)


async def test_e16_the_status_lists_say_what_the_page_says_wherever_a_case_stands(migrated_url: str) -> None:
    stages, statuses = set(), set()
    async with office_over(migrated_url) as office:
        for market, facts in list_places():
            case_id, number = await take_there(office, market, facts)
            stages.add((await office.database.read(load_case, case_id)).stage)
            for is_unproven in (False, True):
                await office.database.write(change_row, Case, case_id, npn_unproven=is_unproven)
                for one in (number, f"{number}-0"):
                    shown = await office.database.read(read_certificate, one, NOW)
                    assert shown is not None
                    statuses.add(shown["status"])
                    entry = await office.database.write(take_badge_entry, one)
                    said = {
                        purpose
                        for purpose in BadgePurpose
                        if entry in (await office.database.read(list_set_entries, purpose, entry, entry) or ())
                    }
                    assert said == SAID[shown["status"]], shown
    assert stages == {stage.value for stage in CERTIFIED}
    assert statuses == set(SAID)
