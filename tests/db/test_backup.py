"""Backups as docs/production.md has them: what is restored is what was there, and is kept from changes as before."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.reads.cases import read_audit
from db.reads.house.audit_chain import check_day, digest_due_day
from db.writes.house.audit_digests import keep_digest
from tests.fixtures import postgres
from tests.support.office import Office, office_over

LATER = timedelta(days=2)


@contextmanager
def restored(url: str, folder: Path, server: Path) -> Iterator[str]:
    """The URL of another database with the backup of this one in it, made while this one is in use."""
    name = make_url(url).database
    assert name
    if "sqlite" in url:
        copy = folder / "restored.sqlite"
        with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        yield f"sqlite+aiosqlite:///{copy}"
        return
    there = (f"--host={server}", "--username=postgres")
    dump = str(folder / "certify.dump")
    postgres.run_program("pg_dump", *there, "--format=custom", f"--file={dump}", name)
    with postgres.database(server) as empty:
        postgres.run_program("pg_restore", *there, "--exit-on-error", f"--dbname={make_url(empty).database}", dump)
        yield empty


@pytest.mark.asyncio
async def test_what_is_restored_is_what_was_backed_up(migrated_url: str, tmp_path: Path, postgres_server: Path) -> None:
    async with office_over(migrated_url) as office:
        opened = await office.waiting()
        await office.decided(opened)
        await office.certified(opened)
        await office.database.write(digest_audit, office)
        before, audit = await office.status(opened), await office.database.read(read_audit, opened.case_id)
        with restored(migrated_url, tmp_path, postgres_server) as url:
            async with office_over(url) as other:
                other.now = office.now
                assert await other.status(opened) == before
                assert await other.database.read(read_audit, opened.case_id) == audit
                checked = await other.database.read(check_day, 1, None)
                assert checked
                assert checked[1] is None, "the chain of the audit is whole"
                with pytest.raises(IntegrityError, match="append-only"):
                    await other.database.write(forge_audit)
                await other.waiting(email="somebody.else@example.com", npn="1000000042")


def digest_audit(session: Session, office: Office) -> None:
    """Digests the audit's first day, once it is over."""
    made = digest_due_day(session, office.now + LATER)
    assert made
    keep_digest(session, made, office.now + LATER)


def forge_audit(session: Session) -> None:
    """Changes who did what."""
    session.execute(text("UPDATE audit SET actor = 'nobody'"))
