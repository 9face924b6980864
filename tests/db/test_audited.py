"""The audit says what was done: each agreement that was accepted, and of which market a certificate is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from db.tables import AuditRow
from db.writes import facts
from db.writes.effects import EffectResult, complete_effect, intend_effect
from db.writes.imports import import_person
from db.writes.opening import begin_case
from domain.programs.imports import parse_import
from domain.shared.cases.commands import CommandKind
from tests.support import documents
from tests.support.office import KEY, Office, office_over


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


async def list_accepted(office: Office, case_id: str) -> list[tuple[str, dict[str, Any]]]:
    rows = await office.all(AuditRow, case_id=case_id, action="agreement.accepted")
    return [(row.actor, row.details) for row in rows]


async def begin(office: Office) -> Any:
    """A case that staff have opened, without a form and so without an agreement."""
    (imported,) = parse_import([documents.earlier(documents.broker(), 2023)])
    person = await office.database.write(import_person, KEY, imported, "staff", office.later())
    opened = await office.database.write(begin_case, person.assister_id, "bewellnm", 2024, "staff:ana", office.later())
    return await office.screened(opened)


async def test_c9_an_agreement_accepted_on_the_form_is_audited(office: Office) -> None:
    opened = await office.opened()
    assert await list_accepted(office, opened.case_id) == [("applicant", {"source": "form"})]
    # It is one thing that happened, and is shown once.
    file = await office.read_case_file(opened.case_id)
    assert [(one.kind, one.name) for one in file.timeline if "agree" in one.name] == [("fact", "agreement_accepted")]


async def test_c9_an_agreement_accepted_with_an_answer_is_audited_once(office: Office) -> None:
    opened = await begin(office)
    assert await list_accepted(office, opened.case_id) == []
    for _ in range(2):
        await office.decided(opened, "ask")
        changes = {"agreement_accepted": True}
        assert (await office.command(opened, CommandKind.ANSWER, changes=changes, language="es")).applied
        await office.screened(opened, number=1)
    assert await list_accepted(office, opened.case_id) == [("riley", {"source": "page"})]


async def test_c9_an_agreement_that_staff_record_is_audited(office: Office) -> None:
    opened = await begin(office)
    await office.decided(opened, "approve", override="Signed on paper, seen in person.")
    assert await list_accepted(office, opened.case_id) == [("riley", {"source": "staff"})]


async def test_c9_a_certificate_is_audited_with_its_number_and_its_market(office: Office) -> None:
    opened = await office.registered()
    for market in ("individual", "shop"):
        key, fixed = f"{opened.case_id}:certificate:{market}", {"number": f"FFM-{market}", "market": market}
        kind = "certificate.issued"
        await office.database.write(intend_effect, key, opened.case_id, kind, fixed, office.later())
        await office.database.write(complete_effect, key, opened.case_id, EffectResult(), office.later())
    rows = await office.all(AuditRow, case_id=opened.case_id, action="certificate.issued")
    assert [row.details for row in rows] == [
        {"number": "FFM-individual", "market": "individual"},
        {"number": "FFM-shop", "market": "shop"},
    ]


def test_c9_audit_rows_are_made_by_those_alone_that_say_of_whom() -> None:
    """Of a case or of a person (`db.writes.facts`); sessions, views, seasons and imports as wholes are of neither."""
    writes = Path(facts.__file__).parent
    makers = {str(file.relative_to(writes)) for file in writes.rglob("*.py") if "AuditRow(" in file.read_text("utf-8")}
    assert makers == {
        *("facts.py", "sessions.py", "own/sessions.py"),
        *("seasons/changes.py", "seasons/imports.py"),
        "house/saved_views.py",
    }
