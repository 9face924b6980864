"""A corrected name over a real database: what follows it, each once, and what is refused (E11)."""

from db.case_state import load_case, load_snapshot
from db.reads.cases import read_audit
from db.tables import CertificateRow, CommandRow
from db.writes.commands import apply_command
from db.writes.corrections import intend_corrected_certificates
from db.writes.opening import Opened
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import Applied
from tests.support import documents
from tests.support.office import KEY, Office, office_over
from tests.support.tables import add_rows

NAME = {"first_name": "Corregida", "last_name": "Muestra"}


async def corrected(office: Office, opened: Opened, **changes: str) -> Applied:
    seen = {"method": "in_person", "document": "a sample card"}
    return await office.command(opened, CommandKind.CORRECT, **{**NAME, **seen, **changes})


async def test_e11_person_and_case_have_the_name_and_one_certificate_is_due(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        await office.decided(opened)
        number = await office.certified(opened)
        assert (await corrected(office, opened)).applied
        assert (await office.database.read(load_snapshot, opened.case_id)).applicant.name == "Corregida Muestra"
        assert opened.case_id in await office.found("Corregida")
        for _ in range(2):  # of two attempts the first one's number stands
            intents = await office.database.write(
                intend_corrected_certificates, opened.case_id, "correction-1", office.later()
            )
            (intent,) = intents.values()
        assert intent.data["holder"] == "Corregida Muestra"
        assert intent.data["supersedes"] == number
        newest = CertificateRow(
            number=intent.data["number"],
            case_id=opened.case_id,
            supersedes=number,
            issued_at=office.later(),
            sha256="0" * 64,
            uri="a.pdf",
        )
        await office.database.write(add_rows, newest)
        for one in (number, newest.number):
            assert await office.found(one) == [opened.case_id], "by both numbers"
        (audited,) = [
            one
            for one in await office.database.read(read_audit, opened.case_id)
            if one["action"] == "case.name_corrected"
        ]
        assert audited["reason"] == "a sample reason"
        assert (audited["details"]["method"], audited["details"]["document"]) == ("in_person", "a sample card")
        assert "Corregida" not in str(audited)


async def test_e11_nothing_changes_without_a_certificate_or_after_the_end(migrated_url: str) -> None:
    async with office_over(migrated_url) as office:
        waiting, ended = await office.waiting(), await office.waiting()
        await office.decided(ended)
        await office.certified(ended)
        before = (await office.database.read(load_snapshot, ended.case_id)).applicant
        same = await corrected(office, ended, first_name=before.first_name, last_name=before.last_name)
        assert not same.applied
        await office.command(ended, CommandKind.REVOKE)
        for opened in (waiting, ended):
            assert not (await corrected(office, opened)).applied
            assert (await office.database.read(load_snapshot, opened.case_id)).applicant.name != "Corregida Muestra"


async def test_e11_every_open_case_of_the_person_has_the_name_and_those_that_have_ended_keep_theirs(
    migrated_url: str,
) -> None:
    """In both programs; a certificate by a command of its own case, once, and nobody else's."""
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        request = (await office.database.read(load_case, opened.case_id)).request
        same = {name: request[name] for name in ("first_name", "last_name", "email")}
        federal = await office.desk.completed(documents.registration(request["npn"], **same), office.later())
        await office.issued(federal, "individual")
        ended = await office.opened({**request, "plan_year": 2025})
        await office.command(ended, CommandKind.WITHDRAW)
        next_year = await office.opened({**request, "plan_year": 2025})
        other = await office.waiting(first_name=request["first_name"], last_name=request["last_name"])
        await office.decided(opened)
        await office.certified(opened)
        assert (await corrected(office, opened)).applied
        names = {
            one.case_id: (await office.database.read(load_snapshot, one.case_id)).applicant.name
            for one in (opened, next_year, ended, other)
        }
        before = f"{request['first_name']} {request['last_name']}"
        assert names == {
            opened.case_id: "Corregida Muestra",
            next_year.case_id: "Corregida Muestra",
            ended.case_id: before,
            other.case_id: before,
        }
        (along,) = [one for one in await office.all(CommandRow, case_id=federal.case_id) if one.state == "pending"]
        assert (along.kind, along.actor, along.reason) == ("correct", "riley", "a sample reason")
        for _ in range(2):
            assert (await office.database.write(apply_command, KEY, along.id, office.later())).applied
        intents = await office.database.write(intend_corrected_certificates, federal.case_id, along.id, office.later())
        assert [intent.data["holder"] for intent in intents.values()] == ["Corregida Muestra"]
        assert (await office.database.read(load_case, federal.case_id)).unpublished
        assert [one for one in await office.all(CommandRow) if one.state == "pending"] == [], "it goes no further"
        for one in (next_year, federal):
            audited = [row["action"] for row in await office.database.read(read_audit, one.case_id)]
            assert audited.count("case.name_corrected") == 1
