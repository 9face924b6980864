"""A corrected name over a real database: what follows it, each once, and what is refused (E11)."""

from db.case_state import load_snapshot
from db.reads.cases import read_audit
from db.writes.corrections import intend_corrected_certificates
from db.writes.opening import Opened
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.messages import Applied
from tests.support.office import Office, office_over

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
