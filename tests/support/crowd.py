"""Many people with a case each, written straight into a database: as it is after some years, with made-up names."""

import json
import random
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import URL, make_url

from domain.programs.kept_rules import describe_rules, hash_rules
from domain.programs.policies import find_policy
from domain.shared.cases.stages import OWNER, Stage, WaitingFor
from domain.shared.ids import make_workflow_id
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.shared.search_words import list_terms, make_sort_name

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)
FIRST = (
    *("Ana", "Ben", "Chloé", "Dario", "Elsa", "Fritz", "Grace", "Hugo", "Iñés", "Jonas", "Klara", "León", "Mila"),
    *("Nora", "Otto", "Paula", "Quinn", "Rosa", "Sven", "Tilda", "Ugo", "Vera", "Willi", "Xenia", "Yara", "Zoë"),
)
LAST = ("Example", "Sample", "Muestra", "Beispiel", "Specimen")
YEARS = {2024: 25, 2025: 30, 2026: 35, 2027: 10}
KINDS = {
    STATE_PROGRAM: {"agent": 45, "broker": 40, "enrollment_counselor": 15},
    FEDERAL_PROGRAM: {"marketplace_agent_broker": 95, "not_an_agent_broker": 5},
}
TYPES = {"new": 30, "returning": 60, "lapsed": 10}
FLAGS = ("identity_conflict", "altered_event", "premature_report", "mail_refused", "list_late")

STAFF = ("staff:demo-alex", "staff:demo-riley", "staff:demo-sam")
AT_DESKS = timedelta(days=3650)  # whatever the clock of who measures says

# Of a hundred cases of a year that is over, and of one that runs: the stage, and what it waits for.
OVER: dict[tuple[Stage, WaitingFor | None], int] = {
    (Stage.CLOSED, None): 82,
    (Stage.WITHDRAWN, None): 8,
    (Stage.DENIED, None): 6,
    (Stage.REVOKED, None): 2,
    (Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR): 2,
}
RUNNING: dict[str, dict[tuple[Stage, WaitingFor | None], int]] = {
    STATE_PROGRAM: {
        (Stage.SCREENING, WaitingFor.SCREENING): 1,
        (Stage.AWAITING_BACKGROUND_CHECK, WaitingFor.BACKGROUND_CHECK): 3,
        (Stage.AWAITING_DECISION, WaitingFor.DECISION): 8,
        (Stage.AWAITING_INFORMATION, WaitingFor.INFORMATION): 4,
        (Stage.INVITED, WaitingFor.LMS_ACCOUNT): 9,
        (Stage.IN_TRAINING, WaitingFor.COURSE_COMPLETION): 20,
        (Stage.AWAITING_EXAM_PASS, WaitingFor.EXAM_PASS): 8,
        (Stage.CERTIFIED, WaitingFor.PORTAL_REGISTRATION): 4,
        (Stage.PORTAL_SETUP, WaitingFor.SCHEDULING_TOOL): 5,
        (Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR): 34,
        (Stage.WITHDRAWN, None): 4,
    },
    FEDERAL_PROGRAM: {
        (Stage.AWAITING_PROFILE, WaitingFor.MARKETPLACE_PROFILE): 20,
        (Stage.IN_TRAINING, WaitingFor.MARKETPLACE_TRAINING): 30,
        (Stage.AWAITING_AGREEMENTS, WaitingFor.MARKETPLACE_AGREEMENTS): 10,
        (Stage.CERTIFIED, WaitingFor.PUBLICATION): 5,
        (Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR): 35,
    },
}
WAY = {
    STATE_PROGRAM: (
        *(Stage.REQUESTED, Stage.SCREENING, Stage.AWAITING_DECISION, Stage.INVITED, Stage.IN_TRAINING),
        *(Stage.AWAITING_EXAM_PASS, Stage.CERTIFIED, Stage.PORTAL_SETUP, Stage.ACTIVE),
    ),
    FEDERAL_PROGRAM: (
        *(Stage.REQUESTED, Stage.AWAITING_PROFILE, Stage.IN_TRAINING, Stage.AWAITING_AGREEMENTS),
        *(Stage.CERTIFIED, Stage.ACTIVE),
    ),
}
DECIDED = WAY[STATE_PROGRAM][3:]

COLUMNS = {
    "assister": "assister_id person_key npn email first_name last_name language details created_at",
    "assister_case": "case_id assister_id program plan_year attempt kind assister_type has_lms_account "
    "has_portal_account has_portal_profile has_scheduling_tool rules_hash request identity_matches workflow_id run_id "
    "stage waiting_for waiting_since flag flagged_at attention attention_since finding checks sort_name opened_at "
    "unpublished",
    "search_term": "term assister_id",
    "stage_entry": "id case_id stage entered_at left_at",
    "fact": "id case_id kind at data recorded_at",
    "effect": "key case_id kind data result intended_at done_at",
    "certificate": "number case_id market holder issued_at sha256 uri",
    "kept_rules": "rules_hash program plan_year rules kept_at",
    "case_assignment": "case_id actor since until",
}
Rows = dict[str, list[tuple[Any, ...]]]


def fill(url: str, number: int, now: datetime = NOW, seed: int = 7) -> "Crowd":
    """Fills a migrated, empty database with so many people and cases; who they are depends on the seed alone."""
    crowd = Crowd(number, now, random.Random(seed))
    rows = crowd.rows()
    parsed = make_url(url)
    (_into_sqlite if parsed.get_backend_name() == "sqlite" else _into_postgres)(parsed, rows)
    return crowd


@dataclass
class Crowd:
    """The people, by their places in the crowd."""

    number: int
    now: datetime
    chance: random.Random
    rules: dict[tuple[str, int], str] = field(default_factory=dict)

    def name(self, place: int) -> tuple[str, str]:
        """First and last name: *Ana*, *Example-00017*."""
        return FIRST[place * 7 % len(FIRST)], f"{LAST[place % len(LAST)]}-{place:05d}"

    def email(self, place: int) -> str:
        return f"person.{place:05d}@{'mail' if place % 3 else 'post'}.example.com"

    def npn(self, place: int) -> str:
        return str(20_000_000 + place * 13)

    def certificate(self, place: int) -> str:
        """The number of their certificate, if they have one."""
        text = sha256(b"%d" % place).hexdigest().upper()[:20]
        return "NM26-" + "-".join(text[at : at + 5] for at in range(0, 20, 5))

    def rows(self) -> Rows:
        found: Rows = {table: [] for table in COLUMNS}
        ids = sorted(str(UUID(int=self.chance.getrandbits(128), version=4)) for _ in range(self.number))
        for place, case_id in enumerate(ids):
            self._person(found, place)
            self._case(found, place, case_id)
        found["search_term"].sort()  # which a tree of them takes much faster
        return found

    def _person(self, found: Rows, place: int) -> None:
        first, last = self.name(place)
        assister_id = _id(place)
        known = ("es" if place % 4 == 0 else "en", "{}", _at(self.now - timedelta(days=900)))
        found["assister"].append((assister_id, f"key-{place}", self.npn(place), self.email(place), first, last, *known))
        found["search_term"] += [
            (term, assister_id) for term in list_terms(first, last, self.email(place), self.npn(place))
        ]

    def _case(self, found: Rows, place: int, case_id: str) -> None:
        program = FEDERAL_PROGRAM if self.chance.random() < 0.35 else STATE_PROGRAM
        year, kind = self._one_of(YEARS), self._one_of(KINDS[program])
        stage, waiting_for = self._one_of(OVER if year < self.now.year else RUNNING[program])
        opened = self.now - timedelta(days=max(self.now.year - year, 0) * 365 + self.chance.uniform(1, 230))
        since = min(opened + timedelta(days=self.chance.uniform(0, 120)), self.now) if waiting_for else None
        flag = self.chance.choice(FLAGS) if self.chance.random() < 0.02 else None
        decides = waiting_for is WaitingFor.DECISION
        attention = flag or ("decision" if decides else None)
        flagged = since or self.now - timedelta(days=self.chance.uniform(0, 60))
        if decides and place % 10 == 0:
            until = _at(self.now + AT_DESKS)
            found["case_assignment"].append((case_id, STAFF[place % len(STAFF)], _at(self.now), until))
        first, last = self.name(place)
        request = {"first_name": first, "last_name": last, "email": self.email(place), "npn": self.npn(place)}
        found["assister_case"].append(
            (
                *(case_id, _id(place), program, year, 1, kind, self._one_of(TYPES), 0, 0, 0, 0),
                *(self._keep_rules(found, program, year), json.dumps({**request, "markets": ["individual"]}), 1),
                *(make_workflow_id(program, year, case_id), f"run-{place}", stage.value, waiting_for, _at(since)),
                *(flag, _at(flagged) if flag else None, attention, _at(flagged) if attention else None),
                *(*_checked(place, decides=decides), make_sort_name(first, last)),
                *(_at(opened), 0),
            )
        )
        self._past(found, case_id, program, stage, opened)
        if stage in (Stage.CERTIFIED, Stage.PORTAL_SETUP, Stage.ACTIVE) and program == STATE_PROGRAM:
            issued = (self.certificate(place), case_id, "", f"{first} {last}", _at(self.now), "0" * 64, "none.pdf")
            found["certificate"].append(issued)
        if waiting_for and since and OWNER[waiting_for] == "assister" and place % 2:
            self._reminded(found, case_id, waiting_for, since)

    def _past(self, found: Rows, case_id: str, program: str, stage: Stage, opened: datetime) -> None:
        """The stages it came through, one after the other, and the facts that count days."""
        way = WAY[program]
        passed = way[: way.index(stage)] if stage in way else way[: self.chance.randrange(1, len(way))]
        at, entered = opened, _at(opened)
        found["fact"].append((f"{case_id}:requested", case_id, "requested", entered, "{}", entered))
        for each in passed:
            at = min(at + timedelta(days=self.chance.expovariate(1 / 8)), self.now)
            left = _at(at)
            found["stage_entry"].append((len(found["stage_entry"]) + 1, case_id, each.value, entered, left))
            if each is Stage.AWAITING_DECISION:
                verdict = "deny" if stage is Stage.DENIED else "approve"
                decided = json.dumps({"verdict": verdict, "by": "staff", "reason": "sample", "round": 0})
                found["fact"].append((f"{case_id}:decided", case_id, "decided", left, decided, left))
            entered = left
        found["stage_entry"].append((len(found["stage_entry"]) + 1, case_id, stage.value, entered, None))

    def _reminded(self, found: Rows, case_id: str, waiting_for: WaitingFor, since: datetime) -> None:
        """Their last reminder is on its way out already."""
        zone = timedelta(hours=7)
        began, today = (since - zone).date(), (self.now - zone).date()
        due = today - timedelta(days=(today - began).days % 14)
        key, at = f"{case_id}:notice:reminder:0:{waiting_for}:{due}", _at(self.now)
        found["effect"].append((key, case_id, "notice.reminder", "{}", "{}", at, at))

    def _one_of(self, weighted: dict[Any, int]) -> Any:
        return self.chance.choices([*weighted], [*weighted.values()])[0]

    def _keep_rules(self, found: Rows, program: str, year: int) -> str:
        if (program, year) not in self.rules:
            policy = find_policy(program, year)
            assert policy
            rules = describe_rules(policy)
            self.rules[program, year] = hash_rules(rules)
            found["kept_rules"].append((hash_rules(rules), program, year, json.dumps(rules), _at(self.now)))
        return self.rules[program, year]


def _id(place: int) -> str:
    return "ast_" + sha256(b"person %d" % place).hexdigest()[:24]


def _checked(place: int, *, decides: bool) -> tuple[str, str | None]:
    """What the checks come to of a case that waits for a decision: of most, that they all passed."""
    failed = {"failed": {"license_active": "fail"}, "consider": {"name_matches": "consider"}}
    finding = (*("passed",) * 7, "failed", "consider", "answered")[place % 10] if decides else "without"
    return finding, json.dumps({"number": 7, "open": failed.get(finding, {})}) if decides else None


def _at(moment: datetime | None) -> str | None:
    """As SQLite keeps it, and PostgreSQL understands it."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds") if moment else None


def _into_sqlite(url: URL, rows: Rows) -> None:
    with sqlite3.connect(str(url.database)) as connection:
        for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
            connection.execute(f"PRAGMA {pragma}")
        # Made anew at the end, which is much quicker.
        ours = "type = 'index' AND sql IS NOT NULL AND tbl_name IN (SELECT value FROM json_each(?))"
        indexes = connection.execute(
            f"SELECT name, sql FROM sqlite_master WHERE {ours}", [json.dumps([*COLUMNS])]
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for table, columns in COLUMNS.items():
            names = columns.split()
            places = ", ".join("?" * len(names))
            query = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"
            connection.executemany(query, rows[table])
        for _, query in indexes:
            connection.execute(query)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _into_postgres(url: URL, rows: Rows) -> None:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, options="-c timezone=UTC -c session_replication_role=replica") as connection:
        for table, columns in COLUMNS.items():
            names: Iterable[str] = columns.split()
            with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
                for row in rows[table]:
                    copy.write_row(row)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SELECT setval('stage_entry_id_seq', (SELECT max(id) FROM stage_entry))")
        connection.execute("VACUUM ANALYZE")
