"""A migrated database is what the models say, however it came about, and refuses to change facts and the audit."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, insert, inspect, make_url, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col

from db import (
    appeal_tables,
    claim_tables,
    desk_tables,
    house_tables,
    import_tables,
    license_tables,
    migrate,
    own_tables,
    recovery_tables,
    season_tables,
)
from db.tables import AccessLogRow, Assister, AuditRow, Case, CertificateRow, FactRow, SearchTerm, StageEntry
from domain.programs.kept_rules import hash_rules
from tests.support.patience import PATIENCE

NOW = datetime(2025, 11, 3, 9, 30, tzinfo=UTC)
LATER = datetime(2025, 11, 4, 9, 30, tzinfo=UTC)
# What stood in each case's row before rules were kept by their hash.
POLICY_OF_BEFORE = {
    "program": "bewellnm",
    "plan_year": 2026,
    "pass_mark": "0.80",
    "contacts": {"general": {"phone": "505-555-0100"}},
    "referrals": {"en": []},
}

# SQLite can't tell an index over an expression; PostgreSQL does, and is compared too.
pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    parsed = make_url(url)
    engine = create_engine(parsed.set(drivername=migrate.DRIVERS[parsed.get_backend_name()]))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def migration(url: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "CERTIFY_DATABASE_URL": url, "DATABASE_URL": ""}
    return subprocess.Popen([sys.executable, "-m", "db.migrate"], env=environment, stderr=subprocess.PIPE, text=True)


def outcome(process: "subprocess.Popen[str]") -> tuple[int, str]:
    errors = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, errors


def differences(connection: Connection) -> list[object]:
    assert (
        claim_tables.NpnClaim.metadata
        is appeal_tables.AppealRow.metadata
        is desk_tables.CaseNote.metadata
        is house_tables.CallCount.metadata
        is import_tables.ImportBatch.metadata
        is license_tables.WatchedLicense.metadata
        is own_tables.CodeRow.metadata
        is recovery_tables.DeliveryFailure.metadata
        is season_tables.Season.metadata
        is SQLModel.metadata
    ), "loaded, so that its tables are compared too"
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, SQLModel.metadata))


def test_an_empty_database_becomes_what_the_models_say(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        assert differences(connection) == []


def test_the_comparison_would_see_an_index_a_column_or_a_uniqueness_that_is_missing(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        connection.execute(text("DROP INDEX ix_case_queue"))
        connection.execute(text("ALTER TABLE assister DROP COLUMN npn"))
        connection.execute(text("ALTER TABLE inbox RENAME COLUMN event_id TO event"))
        assert len(differences(connection)) >= 3


def test_primary_keys_are_those_of_the_models(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        found = inspect(connection)
        for table in SQLModel.metadata.sorted_tables:
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [column.name for column in table.primary_key], table.name


def _assister() -> Assister:
    return Assister(
        assister_id="ast_1",
        person_key="key",
        email="agent@example.org",
        first_name="Sample",
        last_name="Agent",
        created_at=NOW,
    )


def _case() -> Case:
    return Case(
        case_id="case-1",
        assister_id="ast_1",
        program="bewellnm",
        plan_year=2026,
        attempt=1,
        kind="agent",
        assister_type="new",
        has_lms_account=False,
        has_portal_account=False,
        rules_hash="",
        request={},
        workflow_id="assister/bewellnm/2026/case-1",
        stage="requested",
        opened_at=NOW,
    )


def write_a_fact_an_audit_row_and_a_look(connection: Connection) -> None:
    with Session(connection) as session:
        for row in (
            _assister(),
            _case(),
            FactRow(id="fact-1", case_id="case-1", kind="requested", at=NOW, data={}, recorded_at=NOW),
            AuditRow(at=NOW, actor="staff", action="approve", case_id="case-1"),
            AccessLogRow(at=NOW, actor="staff", page="case", case_id="case-1"),
        ):
            session.add(row)
            session.flush()
        session.commit()


@pytest.mark.parametrize("table", ["fact", "audit", "look"])
@pytest.mark.parametrize("change", ["UPDATE {} SET case_id = case_id", "DELETE FROM {}"])
def test_c9_facts_the_audit_and_the_access_log_are_never_changed(url: str, table: str, change: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        write_a_fact_an_audit_row_and_a_look(connection)
        with pytest.raises(IntegrityError, match=f"{table} is append-only"):
            connection.execute(text(change.format(table)))


@pytest.mark.parametrize("table", ["fact", "audit", "look"])
def test_c9_nor_are_they_emptied_at_once(postgres_url: str, table: str) -> None:
    migrate.upgrade(postgres_url)
    with connected(postgres_url) as connection, pytest.raises(IntegrityError, match=f"{table} is append-only"):
        connection.execute(text(f"TRUNCATE {table} CASCADE"))


def test_a_fact_told_twice_may_be_left_out_silently(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        write_a_fact_an_audit_row_and_a_look(connection)
        again = "INSERT INTO fact SELECT * FROM fact WHERE true ON CONFLICT DO NOTHING"
        assert connection.execute(text(again)).rowcount == 0


def test_upgrading_again_changes_nothing(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        write_a_fact_an_audit_row_and_a_look(connection)
    migrate.upgrade(url)
    with connected(url) as connection:
        assert differences(connection) == []
        assert connection.execute(text("SELECT count(*) FROM fact")).scalar() == 1


def test_what_the_first_release_kept_is_still_there(url: str) -> None:
    """Cases and certificates from before there was a federal program: unpublished nothing, of no market."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        first = MetaData()
        first.reflect(connection)
        issued = CertificateRow(
            number="NM26-1", case_id="case-1", issued_at=NOW, valid_until=date(2026, 12, 31), sha256="5a", uri="5a.pdf"
        )
        for name, row in (("assister", _assister()), ("assister_case", _case()), ("certificate", issued)):
            _insert(connection, first, name, row)
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection:
        assert differences(connection) == []
        with Session(connection) as session:
            [certificate] = session.execute(select(CertificateRow)).scalars()
            case = session.get_one(Case, "case-1")
    assert certificate == issued
    assert (certificate.market, certificate.holder, certificate.kind) == ("", None, None)
    assert case.unpublished is False


def test_what_the_screens_need_is_made_of_what_was_there(url: str) -> None:
    """People are found by their words, the queue is as it was, and stages begin where the wait did."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    asked = {"first_name": "Otra", "last_name": "Sample", "email": "other@example.org", "npn": "123"}
    cases: dict[str, dict[str, Any]] = {
        "waits": {"waiting_for": "decision", "waiting_since": LATER, "stage": "awaiting_decision"},
        "flagged": {"flag": "mail_refused", "waiting_for": "exam_pass", "waiting_since": LATER, "request": asked},
        "both": {"flag": "altered_event", "waiting_for": "decision", "waiting_since": LATER},
        "ended": {"flag": "list_late", "stage": "closed"},
        "quiet": {"waiting_for": "exam_pass", "waiting_since": LATER},
    }
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        before = MetaData()
        before.reflect(connection)
        _insert(connection, before, "assister", _assister())
        for number, (case_id, changes) in enumerate(cases.items()):
            case = _case()
            for name, value in {"case_id": case_id, "attempt": number + 1, **changes}.items():
                setattr(case, name, value)
            _insert(connection, before, "assister_case", case)
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        found = {case.case_id: case for case in session.execute(select(Case)).scalars()}
        entered = {one.case_id: one for one in session.execute(select(StageEntry)).scalars()}
        words = {one.term for one in session.execute(select(SearchTerm)).scalars()}
    assert {name: (case.attention, case.attention_since, case.flagged_at) for name, case in found.items()} == {
        "waits": ("decision", LATER, None),
        "flagged": ("mail_refused", LATER, LATER),
        "both": ("altered_event", LATER, LATER),
        "ended": ("list_late", NOW, NOW),
        "quiet": (None, None, None),
    }
    assert {name: (one.stage, one.entered_at, one.left_at) for name, one in entered.items()} == {
        name: (case.stage, case.waiting_since or NOW, None) for name, case in found.items()
    }
    assert words == {
        *("sample", "agent", "agent@example.org"),
        *("otra", "other", "other@example.org", "123"),
    }


# By case: its stage, the NPN of its person and of its own request, what it has earned, and whether it waits then.
# Only a registration with the marketplace has a further market, which waits of who has completed one.
NPNS_OF_BEFORE = {
    "open": ("in_training", "1234567", "1234567", "", True),
    "passed": ("awaiting_exam_pass", "1234568", "1234568", "exam", True),
    "certified": ("active", "1234569", "1234569", "certificate", False),
    "completed": ("certified", "1234570", "1234570", "market", False),
    "registered": ("certified", "1234575", "1234575", "market", False),
    "ended": ("closed", "1234571", "1234571", "", False),
    "without": ("in_training", "1234572", None, "", False),
    "alone": ("in_training", None, "1234573", "", True),
    "another": ("in_training", "1234574", "1234567", "", True),
}


def test_d2_npns_of_before_are_unproven_and_take_nothing_from_who_has_earned_it(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
        before = MetaData()
        before.reflect(connection)
        for name, (stage, known, asked, earned, _) in NPNS_OF_BEFORE.items():
            person, case = _assister(), _case()
            person.assister_id = person.person_key = case.assister_id = case.case_id = name
            person.npn, case.stage, case.request = known, stage, {"npn": asked}
            case.program = "ffm" if name in ("registered", "ended") else case.program
            _insert(connection, before, "assister", person)
            _insert(connection, before, "assister_case", case)
            if earned == "certificate":
                issued = CertificateRow(number="NM26-1", case_id=name, issued_at=NOW, sha256="5a", uri="5a.pdf")
                _insert(connection, before, "certificate", issued)
            elif earned:
                kind = {"exam": "exam_attempted", "market": "market_completed"}[earned]
                data = {"event_id": "e", "score": "0.9", "passed": True}
                fact = FactRow(id=name, case_id=name, kind=kind, at=NOW, data=data, recorded_at=NOW)
                _insert(connection, before, "fact", fact)
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        cases = list(session.execute(select(Case)).scalars())
        waits = {case.case_id: case.npn_unproven for case in cases}
        found = list(session.execute(select(claim_tables.NpnClaim)).scalars())
    assert waits == {name: expected for name, (*_, expected) in NPNS_OF_BEFORE.items()}
    assert [case.case_id for case in cases if case.npn_legacy] == ["registered"]
    assert sorted((one.assister_id, one.npn, one.contested_at is not None) for one in found) == [
        ("alone", "1234573", False),
        ("another", "1234567", True),
        ("another", "1234574", False),
        ("certified", "1234569", False),
        ("completed", "1234570", False),
        ("ended", "1234571", False),
        ("open", "1234567", False),
        ("passed", "1234568", False),
        ("registered", "1234575", False),
        ("without", "1234572", False),
    ]
    assert {(one.state, one.claimed_at) for one in found} == {("unproven_legacy", NOW)}


def test_e12_cases_of_before_keep_the_rules_of_their_rows(url: str) -> None:
    """Rules that say the same are kept once, wherever contacts differ; and never changed from then on."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    policies = {
        "first": POLICY_OF_BEFORE,
        "alike": {**POLICY_OF_BEFORE, "contacts": {}},
        "harder": {**POLICY_OF_BEFORE, "pass_mark": "0.90"},
    }
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0016")
        before = MetaData()
        before.reflect(connection)
        _insert(connection, before, "assister", _assister())
        table = before.tables["assister_case"]
        for number, (name, policy) in enumerate(policies.items(), 1):
            row = {column.name: getattr(_case(), column.name, None) for column in table.columns}
            connection.execute(insert(table), {**row, "case_id": name, "attempt": number, "policy": policy})
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        hashes = {case.case_id: case.rules_hash for case in session.execute(select(Case)).scalars()}
        kept = {row.rules_hash: row for row in session.execute(select(house_tables.KeptRules)).scalars()}
        assert hashes["first"] == hashes["alike"] != hashes["harder"]
        assert {kept[hashes[name]].rules["pass_mark"] for name in ("first", "harder")} == {"0.80", "0.90"}
        for rules_hash, row in kept.items():
            assert rules_hash == hash_rules(row.rules)
            assert (row.program, row.plan_year, row.kept_at, "contacts" in row.rules) == ("bewellnm", 2026, NOW, False)
        with pytest.raises(IntegrityError, match="kept_rules is append-only"):
            connection.execute(text("UPDATE kept_rules SET plan_year = 2027"))


def _screened(case_id: str, number: int, **results: str) -> FactRow:
    findings = [{"check": check, "result": result} for check, result in results.items()]
    at, data = NOW if number == 0 else LATER, {"round": number, "findings": findings}
    return FactRow(id=f"{case_id}-{number}", case_id=case_id, kind="screened", at=at, data=data, recorded_at=at)


# By case: its changes, its facts, and what its checks come to then: the finding, the number of checks, those open.
CHECKS_OF_BEFORE: dict[str, tuple[dict[str, Any], list[FactRow], tuple[str, int, dict[str, str]] | None]] = {
    "passed": (
        {},
        [
            _screened("passed", 0, npn_found="pass", license_active="pass"),
            FactRow(id="accepted", case_id="passed", kind="agreement_accepted", at=LATER, data={}, recorded_at=LATER),
        ],
        ("passed", 3, {}),
    ),
    "failed": (
        {},
        [_screened("failed", 0, npn_found="pass", license_active="fail", name_matches="consider")],
        ("failed", 4, {"license_active": "fail", "name_matches": "consider", "agreement_accepted": "fail"}),
    ),
    "unproven": (
        {"npn_unproven": True},
        [
            _screened("unproven", 0, npn_found="pass"),
            FactRow(id="agreed", case_id="unproven", kind="agreement_accepted", at=LATER, data={}, recorded_at=LATER),
        ],
        ("unknown", 3, {"npn_owner": "unknown"}),
    ),
    "answered": (
        {"kind": "enrollment_counselor"},
        [
            _screened("answered", 0, name_matches="fail"),
            FactRow(id="answer", case_id="answered", kind="answered", at=LATER, data={}, recorded_at=LATER),
            _screened("answered", 1, name_matches="pass"),
        ],
        ("answered", 2, {"background_check": "pending"}),
    ),
    "reported": (
        {"kind": "enrollment_counselor"},
        [
            _screened("reported", 0, name_matches="pass"),
            FactRow(
                id="report",
                case_id="reported",
                kind="background_reported",
                at=LATER,
                data={"result": "consider"},
                recorded_at=LATER,
            ),
        ],
        ("consider", 2, {"background_check": "consider"}),
    ),
    "waits for them": ({"waiting_for": "information"}, [_screened("waits for them", 0, npn_found="fail")], None),
}


def test_what_the_queue_shows_is_made_of_what_was_there(url: str) -> None:
    """Each case by its person's name and by what its checks came to; people by the numbers of their last request."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    person = _assister()
    person.first_name, person.last_name = "Óscar", "Ñandú"
    person.details = {"phone": "+1 (505) 555-0100"}
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0082")
        before = MetaData()
        before.reflect(connection)
        _insert(connection, before, "assister", person)
        connection.execute(insert(before.tables["search_term"]), {"term": "5055550100", "assister_id": "ast_1"})
        for number, (case_id, (changes, facts, _)) in enumerate(CHECKS_OF_BEFORE.items(), 1):
            case = _case()
            case.request = {"license_number": f"NM-{number:03d}"}
            given = {"waiting_for": "decision", "waiting_since": LATER, **changes}
            for name, value in {"case_id": case_id, "attempt": number, **given}.items():
                setattr(case, name, value)
            _insert(connection, before, "assister_case", case)
            for fact in facts:
                _insert(connection, before, "fact", fact)
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        cases = {case.case_id: case for case in session.execute(select(Case)).scalars()}
        terms = sorted(one.term for one in session.execute(select(SearchTerm)).scalars())
    for case_id, (_, _, expected) in CHECKS_OF_BEFORE.items():
        finding, number, still_open = expected or ("without", 0, {})
        checks = {"number": number, "open": still_open} if expected else None
        assert (cases[case_id].finding, cases[case_id].checks) == (finding, checks), case_id
    assert {case.sort_name for case in cases.values()} == {"nandu, oscar"}
    assert terms == ["5055550100", *(f"nm{number:03d}" for number in range(1, len(cases) + 1))]


def test_people_are_brought_along_page_by_page(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    many = 1203
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        before = MetaData()
        before.reflect(connection)
        for number in range(many):
            person = _assister()
            person.assister_id = person.person_key = f"ast_{number * 7919 % many:05d}"
            person.npn = str(1000 + number)
            _insert(connection, before, "assister", person)
        connection.commit()
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        npns = select(SearchTerm).where(col(SearchTerm.term) >= "1000", col(SearchTerm.term) <= "9999")
        found = session.execute(npns).scalars().all()
    assert len({one.assister_id for one in found}) == len(found) == many


def _insert(connection: Connection, tables: MetaData, name: str, row: SQLModel) -> None:
    table = tables.tables[name]
    given = {column.name: getattr(row, column.name, POLICY_OF_BEFORE) for column in table.columns}
    connection.execute(insert(table), given)


def test_several_processes_may_upgrade_at_once(url: str) -> None:
    processes = [migration(url) for _ in range(3)]
    assert [outcome(process) for process in processes] == [(0, "")] * 3
    with connected(url) as connection:
        assert differences(connection) == []


def test_a_failed_upgrade_leaves_nothing_behind(url: str) -> None:
    with connected(url) as connection:
        connection.execute(text("CREATE TABLE link (something INTEGER)"))
        connection.commit()
    with pytest.raises(migrate.CannotMigrate, match="link"):
        migrate.upgrade(url)
    with connected(url) as connection:
        assert inspect(connection).get_table_names() == ["link"]


def test_the_newest_revision_is_alembics_only_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.newest()]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "No database is named: set CERTIFY_DATABASE_URL or DATABASE_URL."),
        ("nonsense", "The database's URL is neither sqlite"),
        ("mysql://who:secret@localhost/x", "The database's URL is neither sqlite"),
        ("sqlite+aiosqlite:////no/such/folder/app.sqlite", "unable to open database file."),
        ("postgresql+psycopg://who:secret@127.0.0.1:1/x", "The database postgresql+psycopg://who:***@127.0.0.1:1/x"),
    ],
)
def test_a_database_out_of_reach_is_one_plain_sentence(url: str, sentence: str) -> None:
    status, errors = outcome(migration(url))
    assert status == 1
    assert sentence in errors
    assert errors.count("\n") == 1
    assert "secret" not in errors


def test_the_plain_name_of_the_variable_does_too(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CERTIFY_DATABASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    assert migrate.main() == 0
    with connected(sqlite_url) as connection:
        assert differences(connection) == []


def test_a_database_newer_than_the_program_is_left_alone(url: str) -> None:
    migrate.upgrade(url)
    with connected(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    with pytest.raises(migrate.CannotMigrate, match="9999"):
        migrate.upgrade(url)
