"""The federal lists over HTTP, from a real web process: read back as anybody reads them, streamed, told apart."""

import asyncio
import csv
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db.engine import Database
from db.migrate import upgrade
from db.tables import PublishedRow
from db.writes.publications import make_current, open_publication
from domain.federal.markets import NpnStatus
from domain.shared.facts import FactKind
from starter.stack.processes import choose_ports
from tests.support.documents import new_npn
from tests.support.publishing import publish_lists
from tests.support.registrations import MINUTE, Desk, profile

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
NOW = datetime(2023, 10, 3, 16, tzinfo=UTC)
LATER = datetime(2024, 10, 1, 16, tzinfo=UTC)
LISTS = ("rcl", "terminations", "find-local-help", "help-on-demand")


@dataclass(frozen=True)
class Site:
    """A web process over a database of its own, and the hand that writes and publishes there."""

    http: httpx2.AsyncClient
    database: Database
    log: Path

    @property
    def desk(self) -> Desk:
        return Desk(self.database)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.http.get(
            f"/registry/{path}", headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    async def publish(self, at: datetime = NOW) -> None:
        await publish_lists(self.database, at)

    async def taken_out(self, npn: str) -> None:
        """Publishes the RCL without this NPN."""
        number = await self.database.write(open_publication, NOW.date(), NOW, forced=True)
        gone = PublishedRow(list_name="rcl", key=f"2024:{npn}", publication=number, owner=f"ast_{npn}:2024")
        await self.database.write(Session.add, gone)
        await self.database.write(make_current, number, NOW)

    async def filled(self, rows: int) -> list[str]:
        """Publishes an RCL of so many rows; their NPNs."""
        npns = [str(2_000_000_000 + number) for number in range(rows)]
        number = await self.database.write(open_publication, NOW.date(), NOW, forced=True)
        lines = [
            {
                "list_name": "rcl",
                "key": f"2024:{npn}",
                "publication": number,
                "owner": f"ast_{npn}:2024",
                "cells": [npn, "2024", "10/03/2023", "", "10/04/2023", "", "Y", ""],
            }
            for npn in npns
        ]
        await self.database.write(Session.execute, insert(PublishedRow), lines)
        await self.database.write(make_current, number, NOW)
        return npns


@pytest_asyncio.fixture(loop_scope="module")
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One on which nothing was published yet."""
    async with _site(tmp_path) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One with an empty publication; nobody changes it."""
    async with _site(tmp_path_factory.mktemp("shared")) as found:
        await found.publish()
        yield found


@asynccontextmanager
async def _site(folder: Path) -> AsyncIterator[Site]:
    url = f"sqlite+aiosqlite:///{folder / 'app.sqlite'}"
    upgrade(url)
    database = Database(url)
    with served(url, folder) as address:
        async with httpx2.AsyncClient(base_url=address, timeout=20, trust_env=False) as http:
            yield Site(http, database, folder / "web.log")
    await database.close()


@contextmanager
def served(database: str, folder: Path) -> Iterator[str]:
    """`python -m web`, as it is started everywhere; nobody answers as Temporal."""
    ports = choose_ports(("web", "temporal"), {})
    secret = "whsec_" + "c2FtcGxl" * 4
    urls = {
        f"CERTIFY_{name}_URL": "http://127.0.0.1:9"
        for name in ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    }
    secrets = {f"CERTIFY_{name}_WEBHOOK_SECRET": secret for name in ("BACKGROUND_CHECKS", "LMS", "PORTAL")}
    told = {
        "CERTIFY_DATABASE_URL": database,
        "CERTIFY_IDENTITY_KEY": "5a" * 32,
        "CERTIFY_WEB_PORT": str(ports["web"]),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{ports['temporal']}",
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    ours = ("CERTIFY_", "TEMPORAL_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command, address = (sys.executable, "-m", "web"), f"http://127.0.0.1:{ports['web']}"
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**environment, **urls, **secrets, **told}, stdout=log, stderr=log
        )
    try:
        wait_for(f"{address}/healthz")
        yield address
    finally:
        process.kill()
        process.wait()


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx2.TransportError):
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the web did not come up")


# A reader of the RCL, written from the list of its columns and nothing else.

COLUMNS = """npn, applicable_plan_year, individual_registration_completion_date, individual_marketplace_end_date,
shop_registration_completion_date, shop_end_date, npn_valid_current_plan_year_only, status""".replace("\n", " ").split(
    ", "
)


@dataclass(frozen=True)
class Registered:
    npn: str
    plan_year: int
    individual: tuple[date | None, date | None]
    shop: tuple[date | None, date | None]
    valid: bool
    status: str


def rcl(body: bytes) -> list[Registered]:
    """Every row of an RCL; ValueError or AssertionError for anything that isn't as published."""
    assert not body.startswith(b"\xef\xbb\xbf")
    assert body.endswith(b"\r\n")
    assert body.count(b"\n") == body.count(b"\r\n")
    header, *lines = csv.reader(io.StringIO(body.decode("ascii"), newline=""), strict=True)
    assert header == COLUMNS
    found = [registered(line) for line in lines]
    keys = [(one.plan_year, int(one.npn)) for one in found]
    assert keys == sorted(set(keys))
    return found


def registered(line: list[str]) -> Registered:
    npn, year, individual, individual_end, shop, shop_end, valid, status = line
    assert re.fullmatch(r"[1-9][0-9]{0,9}", npn)
    assert re.fullmatch(r"20[0-9]{2}", year)
    assert valid in ("Y", "N", "")
    assert re.fullmatch(r"([RT][1-4])?", status)
    both = (day(individual), day(individual_end)), (day(shop), day(shop_end))
    assert any(completed for completed, _ in both)
    for completed, end in both:
        assert completed or not end
        assert not (completed and end) or completed <= end
    assert not status.startswith("T") or any(end for _, end in both)
    return Registered(npn, int(year), *both, valid == "Y", status)


def day(text: str) -> date | None:
    if not text:
        return None
    assert re.fullmatch(r"[0-9]{2}/[0-9]{2}/[0-9]{4}", text), text
    return datetime.strptime(text, "%m/%d/%Y").date()  # noqa: DTZ007 -- a date has no zone


async def test_the_reader_takes_nothing_that_is_not_as_published() -> None:
    head = ",".join(COLUMNS).encode()
    good = b"1234567890,2024,10/03/2023,,,,Y,"
    assert len(rcl(head + b"\r\n" + good + b"\r\n")) == 1
    for line in (
        good + b",",
        good[:-1],
        good.replace(b"10/03/2023", b"2023-10-03"),
        good.replace(b"10/03/2023", b"10/3/2023"),
        good.replace(b"10/03/2023", b"02/30/2023"),
        good.replace(b"10/03/2023", b""),
        good.replace(b"1234", b"0234"),
        good + b"T5",
        good + b"T4",
        good.replace(b"Y", b"yes"),
        good + b"\r\n" + good,
    ):
        with pytest.raises((ValueError, AssertionError)):
            rcl(head + b"\r\n" + line + b"\r\n")
    with pytest.raises((ValueError, AssertionError)):
        rcl(head.replace(b"status", b"state") + b"\r\n" + good + b"\r\n")


async def test_b19_the_rcl_is_read_back_by_its_columns(site: Site) -> None:
    individual, shop, both, revoked, again, withdrawn, never = (profile() for _ in range(7))
    shop["markets"], both["markets"] = ["shop"], ["individual", "shop"]
    next_year = {**profile(), "plan_year": 2025}
    for document in (individual, shop, both):
        await site.desk.completed(document, NOW)
    for document, kind in ((revoked, FactKind.REVOKED), (again, FactKind.REVOKED), (withdrawn, FactKind.WITHDRAWN)):
        await site.desk.ended(await site.desk.completed(document, NOW), kind, NOW + timedelta(days=30))
    await site.desk.completed(again, NOW + timedelta(days=60))
    await site.desk.completed(next_year, LATER)
    await site.desk.saved(await site.desk.opened(never, NOW), never, NOW)
    await site.publish(LATER)

    answer = await site.get("rcl.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    first, end, second = date(2023, 10, 3), date(2023, 11, 2), date(2023, 12, 2)
    none: tuple[None, None] = (None, None)
    assert rcl(answer.content) == sorted(
        [
            Registered(individual["npn"], 2024, (first, None), none, True, ""),
            Registered(shop["npn"], 2024, none, (first, None), True, ""),
            Registered(both["npn"], 2024, (first, None), (first, None), True, ""),
            Registered(revoked["npn"], 2024, (first, end), none, True, "T4"),
            Registered(again["npn"], 2024, (second, None), none, True, "R4"),
            Registered(withdrawn["npn"], 2024, (first, end), none, True, ""),
            Registered(next_year["npn"], 2025, (date(2024, 10, 1), date(2025, 12, 31)), none, True, ""),
        ],
        key=lambda one: (one.plan_year, int(one.npn)),
    )
    ended = rows((await site.get("terminations.csv")).content)
    assert [(line["npn"], line["status"]) for line in ended] == sorted(
        [(revoked["npn"], "T4"), (again["npn"], "R4"), (withdrawn["npn"], "")]
    )


def rows(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))


async def test_b8_b19_csv_and_json_say_the_same(site: Site) -> None:
    contact = {
        "name": 'Söhne & "Co"',
        "email": "+help@example.org",
        "phone": "+1 915-555-0100",
        "languages": ["Español"],
    }
    document = profile(business_contact={**profile()["business_contact"], **contact}, professional_contact=contact)
    await site.desk.ended(await site.desk.completed(document, NOW), FactKind.WITHDRAWN, NOW)
    await site.desk.completed(document, NOW + MINUTE)
    other = profile()
    await site.desk.ended(await site.desk.completed(other, NOW), FactKind.REVOKED, NOW)
    await site.publish()
    for name in LISTS:
        as_csv, as_json = await site.get(f"{name}.csv"), await site.get(f"{name}.json")
        said = as_json.json()
        assert as_json.headers["content-type"] == "application/json"
        assert list(said) == ["list", "published_at", "columns", "rows"]
        assert (said["list"], said["published_at"]) == (name, "2023-10-03T16:00:00Z")
        assert said["rows"] == rows(as_csv.content) != []
        assert list(said["rows"][0]) == said["columns"]
    (help_,) = rows((await site.get("find-local-help.csv")).content)
    assert (help_["business_name"], help_["email"]) == ('Söhne & "Co"', "'+help@example.org")
    assert "npn" not in help_


async def test_b19_before_the_first_publication_the_lists_are_empty_and_whole(site: Site) -> None:
    for name in LISTS:
        answer = await site.get(f"{name}.csv")
        assert (answer.status_code, answer.content.count(b"\r\n")) == (200, 1)
        assert "last-modified" not in answer.headers
        said = (await site.get(f"{name}.json")).json()
        assert (said["published_at"], said["rows"]) == (None, [])
    assert (await site.get("tracker/1234567")).status_code == 404


async def test_b19_who_has_the_current_list_is_told_so(site: Site) -> None:
    await site.desk.completed(profile(), NOW)
    await site.publish()
    tags = {}
    for file in ("rcl.csv", "rcl.json", "find-local-help.json", "terminations.csv?plan_year=2024"):
        first = await site.get(file)
        tag = tags[file] = first.headers["etag"]
        assert first.headers["last-modified"] == "Tue, 03 Oct 2023 16:00:00 GMT"
        for given in (tag, f"W/{tag}", f'"another", {tag}', "*"):
            same = await site.get(file, if_none_match=given)
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert (await site.get(file, if_none_match='"another"')).status_code == 200
    await site.publish(NOW + MINUTE)
    for file, tag in tags.items():
        newer = await site.get(file, if_none_match=tag)
        assert (newer.status_code, newer.headers["etag"] != tag) == (200, True)


@pytest.mark.parametrize("name", LISTS)
async def test_b19_a_list_is_a_file_by_name_and_head_tells_of_it(shared: Site, name: str) -> None:
    for file, named in ((f"{name}.csv", f"{name}.csv"), (f"{name}.json?plan_year=2024", f"{name}-2024.json")):
        got, head = await shared.get(file), await shared.http.head(f"/registry/{file}")
        assert got.headers["content-disposition"] == f'attachment; filename="{named}"'
        assert (head.status_code, head.content) == (200, b"")
        for header in ("etag", "last-modified", "content-type", "content-disposition"):
            assert head.headers[header] == got.headers[header]


async def test_b19_a_plan_year_is_picked_out(site: Site) -> None:
    document = profile()
    await site.desk.completed(document, NOW)
    await site.desk.completed({**document, "plan_year": 2025}, LATER)
    await site.publish(LATER)
    for name in ("rcl", "help-on-demand"):
        assert len(rows((await site.get(f"{name}.csv")).content)) == 2
        for year in (2024, 2025):
            (line,) = (await site.get(f"{name}.json?plan_year={year}")).json()["rows"]
            assert line["applicable_plan_year"] == str(year)
        assert rows((await site.get(f"{name}.csv?plan_year=2026")).content) == []


@pytest.mark.parametrize("year", ["", "24", "9" * 30, "2024a", "-2024", "99999"])
async def test_b19_a_plan_year_that_is_none_is_refused(shared: Site, year: str) -> None:
    for path in ("rcl.csv", "rcl.json", "tracker/1234567"):
        answer = await shared.get(f"{path}?plan_year={year}")
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["plan_year"])


@pytest.mark.parametrize(
    "file", ["tracker.csv", "find_local_help.csv", "nothing.json", "rcl.xml", "rcl", "..%2Frcl.csv"]
)
async def test_b19_there_is_no_other_list(shared: Site, file: str) -> None:
    answer = await shared.get(file)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_b18_the_tracker_answers_by_npn(site: Site) -> None:
    document = profile()
    await site.desk.completed(document, NOW)
    again = {**document, "plan_year": 2025}
    await site.desk.saved(await site.desk.opened(again, LATER), again, LATER, npn=NpnStatus.UNVERIFIED)
    await site.publish(LATER)
    path = f"tracker/{document['npn']}"
    said = (await site.get(path)).json()
    assert (said["npn"], said["published_at"]) == (document["npn"], "2024-10-01T16:00:00Z")
    assert [(row["plan_year"], row["npn_status"], row["individual_completed_on"]) for row in said["rows"]] == [
        ("2024", "verified", "10/03/2023"),
        ("2025", "unverified", ""),
    ]
    assert rows((await site.get(f"{path}.csv")).content) == said["rows"]
    assert (await site.get(f"{path}?plan_year=2025")).json()["rows"] == said["rows"][1:]
    tag = (await site.http.head(f"/registry/{path}")).headers["etag"]
    assert (await site.get(path, if_none_match=tag)).status_code == 304
    assert document["npn"] not in tag


async def test_b18_the_tracker_is_a_page_for_people_and_json_for_programs(site: Site) -> None:
    document = profile()
    await site.desk.completed(document, NOW)
    again = {**document, "plan_year": 2025}
    await site.desk.saved(await site.desk.opened(again, LATER), again, LATER)
    await site.publish(LATER)
    path = f"tracker/{document['npn']}"
    shown = await site.get(path, accept="text/html,application/xhtml+xml,*/*;q=0.8", accept_language="es")
    assert (shown.status_code, shown.headers["content-language"]) == (200, "es")
    words = " ".join(re.sub(r"<[^>]+>", " ", shown.text).split())
    assert words.index("Año del plan 2025") < words.index("Año del plan 2024")
    for said in (document["npn"], "3 de octubre de 2023", "Confirmado por el registro de licencias", "En curso"):
        assert said in words
    assert "Vary" in shown.headers
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.9"):
        assert (await site.get(path, accept=accept)).headers["content-type"] == "application/json"
    one = await site.get(f"{path}?plan_year=2024", accept="text/html")
    assert "Plan year 2025" not in one.text
    assert f"/registry/{path}?plan_year=2024&amp;lang=es" in one.text


async def test_b18_who_looks_for_an_npn_nobody_has_gets_a_page_that_says_so(shared: Site) -> None:
    answer = await shared.get("tracker/1234567890", accept="text/html")
    assert answer.status_code == 404
    assert "The tracker does not know this NPN" in answer.text
    assert 'action="/registry/tracker"' in answer.text
    malformed = await shared.get("tracker/12a", accept="text/html")
    assert (malformed.status_code, malformed.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "12a" not in malformed.text


@pytest.mark.parametrize("suffix", ["", ".csv"])
async def test_b18_an_npn_unknown_or_malformed_is_a_problem_that_does_not_repeat_it(shared: Site, suffix: str) -> None:
    for npn, status in (("1234567890", 404), ("0123456", 422), ("12345678901", 422), ("12a", 422), ("１２３", 422)):
        answer = await shared.get(f"tracker/{npn}{suffix}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert npn not in answer.text
        assert [one["field"] for one in answer.json().get("errors", [])] == ["npn"] * (status == 422)


async def test_b18_no_npn_reaches_the_log_not_even_when_everything_fails(site: Site) -> None:
    npn = new_npn()
    for path in (npn, f"{npn}.csv", f"{npn}0", f"{npn}?plan_year=2024&npn={npn}"):
        await site.get(f"tracker/{path}")
    await site.database.write(Session.execute, text("ALTER TABLE published_row RENAME TO elsewhere"))
    assert (await site.get(f"tracker/{npn}")).status_code == 500
    log = site.log.read_text()
    assert "request failed" in log
    assert npn not in log


async def test_b19_a_long_list_comes_whole_in_pieces(site: Site) -> None:
    npns = await site.filled(7001)
    async with site.http.stream("GET", "/registry/rcl.csv") as answer:
        pieces = [piece async for piece in answer.aiter_raw()]
    assert "content-length" not in answer.headers
    assert len(pieces) > 3
    assert [one.npn for one in rcl(b"".join(pieces))] == npns
    assert [row["npn"] for row in (await site.get("rcl.json?plan_year=2024")).json()["rows"]] == npns


MANY = 150_000


async def test_b19_readers_who_stop_reading_keep_nobody_waiting(site: Site) -> None:
    """More of them than there are connections to the database."""
    await site.filled(MANY)
    limits = httpx2.Limits(max_connections=100)
    async with AsyncExitStack() as stack, httpx2.AsyncClient(base_url=site.http.base_url, limits=limits) as crowd:
        for _ in range(20):
            answer = await stack.enter_async_context(crowd.stream("GET", "/registry/rcl.csv"))
            assert answer.status_code == 200
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            assert (await site.get("tracker/1234567")).status_code == 404
            assert len((await site.get("terminations.csv")).content.splitlines()) == 1


async def test_b19_a_reader_gets_the_list_it_began_or_is_cut_off_and_never_told_a_mixture(site: Site) -> None:
    """One publication meanwhile does no harm; after two, what was said at first can't be told to its end."""
    await site.filled(MANY)
    async with (
        site.http.stream("GET", "/registry/rcl.csv") as slow,
        site.http.stream("GET", "/registry/rcl.csv") as slower,
    ):
        read, unread = slow.aiter_raw(), slower.aiter_raw()
        pieces = [await anext(read)]
        await anext(unread)
        await site.taken_out("2000149999")
        pieces += [piece async for piece in read]
        assert len(rcl(b"".join(pieces))) == MANY
        assert len(rows((await site.get("rcl.csv")).content)) == MANY - 1
        await site.publish(NOW + MINUTE)
        with pytest.raises(httpx2.RemoteProtocolError):
            _ = [piece async for piece in unread]
    assert "Superseded" in site.log.read_text()
