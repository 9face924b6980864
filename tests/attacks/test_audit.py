"""The audit proves itself: the application's role can't change it, and what somebody else changed is found."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db import migrate
from db.engine import Database
from db.reads.house.audit_chain import digest_due_day, find_last_day
from db.rights import APPEND_ONLY, list_changeable_tables
from db.tables import AuditRow
from db.writes.house.audit_digests import keep_digest
from starter import background
from tests.attacks.variables import make_variables
from tests.fixtures.postgres import make_role
from tests.starter.command import Ran, call_certify
from tests.support.office import Office
from tests.support.tables import add_rows

FIRST = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NOW = FIRST + timedelta(days=5)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """An audit of three days, two of which have passed and are digested: two rows and one, and one not yet."""
    database = Database(migrated_url)
    for hours, action in ((0, "approve"), (3, "revoke"), (30, "resend"), (120, "withdraw")):
        row = AuditRow(at=FIRST + timedelta(hours=hours), actor="clerk", action=action, reason="José asked", details={})
        await database.write(add_rows, row)
    while made := await database.read(digest_due_day, NOW):
        assert await database.write(keep_digest, made, NOW)
    yield database
    await database.close()


def change(url: str, *statements: str) -> None:
    """What somebody does who owns the database: triggers don't stop them."""
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername=migrate.DRIVERS[parsed.get_backend_name()]))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for table in ("audit", "audit_digest"):
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def call(url: str, folder: Path, *arguments: str) -> Ran:
    """Somebody at the command line of a database; a thread has the loop that commands need."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(partial(call_certify, folder, *arguments, **make_variables(url))).result()


@pytest.fixture
def certify(migrated_url: str, tmp_path: Path) -> Callable[..., Ran]:
    return partial(call, migrated_url, tmp_path)


ALTERED = {
    "altered": ("UPDATE audit SET actor = 'nobody' WHERE action = 'approve'", "2026-03-02 are not as they were"),
    "its reason": ("UPDATE audit SET reason = NULL WHERE action = 'resend'", "2026-03-03 are not as they were"),
    "removed": ("DELETE FROM audit WHERE action = 'revoke'", "2026-03-02 has 1 rows in the audit and had 2"),
    "added": (
        "INSERT INTO audit (id, at, actor, action, details) SELECT -1, at, 'clerk', 'deny', details FROM audit "
        "WHERE action = 'approve'",
        "2026-03-02 has 3 rows in the audit and had 2",
    ),
    "a day removed": ("DELETE FROM audit_digest WHERE number = 1", "The digest of day 1 of the chain was removed"),
    "a day altered": ("UPDATE audit_digest SET rows = 0 WHERE number = 2", "had 0 when it was digested"),
    "another chain": ("UPDATE audit_digest SET previous = 'x' WHERE number = 2", "does not follow on the day before"),
}


async def test_an_audit_as_it_was_written_is_proven(database: Database, certify: Callable[..., Ran]) -> None:
    last = await database.read(find_last_day)
    assert last is not None
    document = certify("audit", "verify", "--json").document
    assert document == {"days": 2, "rows": 3, "digest": last.digest, "not_digested_yet": 1}
    assert certify("audit", "verify", "--digest", last.previous).status == 0


@pytest.mark.parametrize("what", ALTERED)
async def test_a_changed_audit_is_found(
    database: Database, migrated_url: str, certify: Callable[..., Ran], what: str
) -> None:
    statement, words = ALTERED[what]
    change(migrated_url, statement)
    ran = certify("audit", "verify")
    assert (ran.status, ran.out) == (1, "")
    assert words in ran.err


async def test_a_chain_made_anew_is_found_by_a_digest_noted_before(
    database: Database, migrated_url: str, certify: Callable[..., Ran]
) -> None:
    noted = certify("audit", "verify", "--json").document["digest"]
    change(migrated_url, "UPDATE audit SET actor = 'nobody' WHERE action = 'approve'", "DELETE FROM audit_digest")
    while made := await database.read(digest_due_day, NOW):
        await database.write(keep_digest, made, NOW)
    assert certify("audit", "verify").status == 0
    ran = certify("audit", "verify", "--digest", noted)
    assert ran.status == 1
    assert "not in the chain" in ran.err


async def test_an_export_is_checked_by_itself(database: Database, certify: Callable[..., Ran], tmp_path: Path) -> None:
    exported = certify("audit", "export").out
    file = tmp_path / "audit.jsonl"
    file.write_text(exported, encoding="utf-8")
    assert certify("audit", "verify", str(file), "--json").document["rows"] == 3
    for altered in (exported.replace('"actor":"clerk"', '"actor":"nobody"', 1), exported.replace("José", "Josef", 1)):
        file.write_text(altered, encoding="utf-8")
        assert "2026-03-02 are not as they were" in certify("audit", "verify", str(file)).err
    lines = exported.splitlines()
    assert [json.loads(line).get("day") for line in lines] == ["2026-03-02", None, None, "2026-03-03", None]
    file.write_text("\n".join(lines[:1] + lines[2:]), encoding="utf-8")
    assert "has 1 rows" in certify("audit", "verify", str(file)).err
    file.write_text('{"sample": 1}\n', encoding="utf-8")
    assert "is no export" in certify("audit", "verify", str(file)).err


async def test_a_day_that_is_not_over_is_not_digested_and_late_rows_are_the_next_days(migrated_url: str) -> None:
    database = Database(migrated_url)
    await database.write(add_rows, AuditRow(at=FIRST, actor="clerk", action="approve", details={}))
    midnight = FIRST.replace(hour=0, minute=0) + timedelta(days=1)
    assert await database.read(digest_due_day, midnight + timedelta(minutes=59)) is None
    made = await database.read(digest_due_day, midnight + timedelta(hours=1))
    assert made is not None
    await database.write(keep_digest, made, NOW)
    assert not await database.write(keep_digest, made, NOW)
    await database.write(add_rows, AuditRow(at=FIRST, actor="clerk", action="revoke", details={}))
    late = await database.read(digest_due_day, NOW)
    assert late is not None
    assert (late.day - made.day, late.rows, late.previous) == (timedelta(days=1), 1, made.digest)
    await database.close()


async def test_the_worker_digests_what_is_over(database: Database, migrated_url: str) -> None:
    await database.write(add_rows, AuditRow(at=NOW, actor="clerk", action="approve", details={}))
    work = asyncio.create_task(background.keep_digesting(database, 0.01))
    last = await database.read(find_last_day)
    while last is None or last.number < 3:
        await asyncio.sleep(0.01)
        last = await database.read(find_last_day)
    work.cancel()


# the application's role


@pytest.fixture
def application_url(postgres_url: str) -> str:
    """A database whose tables belong to one role; the URL of another one, the application's."""
    url = make_role(postgres_url)
    for _ in range(2):
        migrate.upgrade(postgres_url, make_url(url).username)
    return url


CHANGES = (
    "DROP TRIGGER {table}_append_only ON {table}",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
    "DROP TABLE {table} CASCADE",
    "SET session_replication_role = replica",
)


def test_the_applications_role_can_only_add(application_url: str) -> None:
    engine = create_engine(application_url)
    for table in APPEND_ONLY:
        with engine.connect() as connection:
            column = next(iter(connection.execute(text(f"SELECT * FROM {table}")).keys()))
        for statement in CHANGES:
            with engine.connect() as connection, pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
                connection.execute(text(statement.format(table=table, column=column)))
    engine.dispose()


async def test_the_applications_role_does_its_work(application_url: str) -> None:
    """A case from its request to its certificate, and the digests, by the role that may only add."""
    database = Database(application_url)
    office = Office(database)
    opened = await office.waiting()
    await office.decided(opened)
    await office.certified(opened)
    await office.mailed(opened, "invitation")
    assert await database.read(digest_due_day, NOW) is not None
    with Session(create_engine(application_url)) as session:
        assert list_changeable_tables(session) == []
    await database.close()


def test_doctor_warns_of_a_role_that_could_alter_the_audit(
    postgres_url: str, application_url: str, tmp_path: Path
) -> None:
    of_texts, warned = json.loads(call(postgres_url, tmp_path, "doctor", "--json").out)["warnings"]
    assert of_texts["setting"] == "CERTIFY_POLICIES", "the texts shipped are samples (A3)"
    assert "audit, audit_digest, case_note, certificate" in warned["fault"]
    said = call(application_url, tmp_path, "doctor", "--json").document
    (outage,) = said.pop("outages")  # nobody works here
    assert outage["setting"] == "worker"
    assert said == {"production": True, "faults": [], "warnings": [of_texts]}
