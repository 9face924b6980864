"""The federal lists are read as published: one copy a version, nothing taken from a list that is not whole."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import astuple, dataclass, field
from datetime import date
from pathlib import Path

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from adapters import lists
from adapters.http import Refused, Unavailable
from adapters.lists import FederalListReader
from domain.federal.lists import COLUMNS, PublishedList
from domain.federal.markets import Market
from tests.adapters.conftest import Peer, everything_said

# As published, written down here on its own.
RCL_HEAD = (
    "npn,applicable_plan_year,individual_registration_completion_date,individual_marketplace_end_date,"
    "shop_registration_completion_date,shop_end_date,npn_valid_current_plan_year_only,status"
)
HELP_HEAD = "first_name,last_name,business_name,address,city,state,zip,phone,email,website,languages,markets,helps"
NPN = "9000000301"
LINE = f"{NPN},2024,11/03/2023,12/31/2024,,,Yes,"


def csv_of(head: str, *lines: str) -> str:
    return "".join(f"{line}\r\n" for line in (head, *lines))


def listing(**cells: str) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(cells.get(name, "") for name in HELP_HEAD.split(","))
    return written.getvalue()


@dataclass
class Published:
    """A list on a real server: its text, its version, and how often it was read whole."""

    text: str = ""
    version: str | None = '"1"'
    whole: int = 0
    conditions: list[str | None] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.conditions.append(request.headers.get("If-None-Match"))
        headers = {"ETag": self.version} if self.version else {}
        if self.version and self.conditions[-1] == self.version:
            return Response(status=304, headers=headers)
        self.whole += 1
        return Response(self.text, content_type="text/csv; charset=utf-8", headers=headers)


@pytest.fixture
def rcl(httpserver: HTTPServer) -> Published:
    published = Published(csv_of(RCL_HEAD, LINE))
    httpserver.expect_request("/registry/rcl.csv", "GET").respond_with_handler(published)
    return published


@pytest.fixture
def listings(httpserver: HTTPServer) -> Published:
    published = Published(csv_of(HELP_HEAD))
    httpserver.expect_request("/registry/find-local-help.csv", "GET").respond_with_handler(published)
    return published


@pytest.fixture
async def federal(http: httpx2.AsyncClient, httpserver: HTTPServer) -> AsyncIterator[FederalListReader]:
    opened = FederalListReader(http, httpserver.url_for("/"))
    yield opened
    opened.delete_copies()


def test_the_columns_are_the_published_ones() -> None:
    assert ",".join(COLUMNS[PublishedList.RCL]) == RCL_HEAD
    assert ",".join(COLUMNS[PublishedList.FIND_LOCAL_HELP]) == HELP_HEAD


# The Registration Completion List (B19).


async def test_b19_a_line_is_found_by_npn_and_plan_year(federal: FederalListReader, rcl: Published) -> None:
    rcl.text = csv_of(RCL_HEAD, f"{NPN},2023,10/01/2022,12/31/2023,10/02/2022,12/31/2023,No,T1", LINE)
    found = await federal.find_rcl_entry(NPN, 2024)
    assert found is not None
    assert astuple(found) == (NPN, 2024, date(2023, 11, 3), date(2024, 12, 31), None, None, "Yes", "")
    earlier = await federal.find_rcl_entry(NPN, 2023)
    assert earlier is not None
    assert (earlier.shop_registration_completion_date, earlier.status) == (date(2022, 10, 2), "T1")
    assert await federal.find_rcl_entry(NPN, 2025) is None
    assert await federal.find_rcl_entry("9000000302", 2024) is None
    assert NPN not in repr(found)


@pytest.mark.parametrize("written", ["123", "0000000123"])
@pytest.mark.parametrize("asked", ["123", "0000000123"])
async def test_leading_zeros_tell_nobody_apart(
    federal: FederalListReader, rcl: Published, written: str, asked: str
) -> None:
    rcl.text = csv_of(RCL_HEAD, f"{written},2024,,,,,,", "1230,2024,,,,,,")
    found = await federal.find_rcl_entry(asked, 2024)
    assert found is not None
    assert found.npn == "123"


async def test_the_whole_list_is_read_once_a_version(federal: FederalListReader, rcl: Published) -> None:
    for _ in range(3):
        assert await federal.find_rcl_entry(NPN, 2024)
    assert (rcl.whole, rcl.conditions) == (1, [None, '"1"', '"1"'])
    rcl.text, rcl.version = csv_of(RCL_HEAD), '"2"'
    assert await federal.find_rcl_entry(NPN, 2024) is None
    assert rcl.whole == 2


async def test_look_ups_at_the_same_time_share_one_reading(federal: FederalListReader, rcl: Published) -> None:
    rcl.text = csv_of(RCL_HEAD, *(f"{number},2024,,,,,," for number in range(1, 2001)))
    found = await asyncio.gather(*(federal.find_rcl_entry(str(number), 2024) for number in range(1, 2001, 100)))
    assert [each and each.npn for each in found] == [str(number) for number in range(1, 2001, 100)]
    assert rcl.whole == 1


async def test_a_list_without_a_version_is_read_again_after_a_while(
    federal: FederalListReader, rcl: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    rcl.version = None
    assert await federal.find_rcl_entry(NPN, 2024)
    assert await federal.find_rcl_entry(NPN, 2024)
    assert rcl.whole == 1
    monkeypatch.setattr(lists, "UNTAGGED_SECONDS", -1.0)
    rcl.text = csv_of(RCL_HEAD)
    assert await federal.find_rcl_entry(NPN, 2024) is None
    assert rcl.whole == 2


async def test_a_list_of_several_pieces_keeps_its_lines_whole(federal: FederalListReader, rcl: Published) -> None:
    count = 25_000
    rcl.text = csv_of(RCL_HEAD, *(f"{9000000000 + each},2024,11/03/2023,,,,Yes," for each in range(count)))
    assert len(rcl.text) > 3 * 256 * 1024
    found = [await federal.find_rcl_entry(str(9000000000 + each), 2024) for each in range(0, count, 999)]
    assert all(found)
    assert await federal.find_rcl_entry(str(9000000000 + count), 2024) is None


async def test_its_copy_is_kept_in_the_folder_and_leaves_nothing_there(
    http: httpx2.AsyncClient, httpserver: HTTPServer, rcl: Published, tmp_path: Path
) -> None:
    opened = FederalListReader(http, httpserver.url_for("/"), tmp_path)
    assert await opened.find_rcl_entry(NPN, 2024)
    here = [file for file in Path("/proc/self/fd").iterdir() if str(file.resolve()).startswith(str(tmp_path))]
    assert len(here) == 1
    assert list(tmp_path.iterdir()) == []
    opened.delete_copies()


async def test_a_folder_that_is_full_or_gone_is_no_answer(
    http: httpx2.AsyncClient, httpserver: HTTPServer, rcl: Published, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    opened = FederalListReader(http, httpserver.url_for("/"), tmp_path / "file" / "in no folder")
    with pytest.raises(Unavailable, match="lists_unreachable"):
        await opened.find_rcl_entry(NPN, 2024)
    opened.delete_copies()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\r\n",
        RCL_HEAD,
        csv_of(RCL_HEAD, LINE)[:-20],
        csv_of(RCL_HEAD) + LINE,
        csv_of(f"{RCL_HEAD},more", f"{LINE},x"),
        csv_of(RCL_HEAD.replace("status", "state"), LINE),
        csv_of(RCL_HEAD.removesuffix(",status"), LINE.removesuffix(",")),
        csv_of(RCL_HEAD, f"{NPN},2024"),
        csv_of(RCL_HEAD, f"{LINE},"),
        csv_of(RCL_HEAD, LINE, '"9000000302,2024,,,,,,'),
        csv_of(RCL_HEAD, f"{NPN},2024,2023-11-03,,,,,"),
        csv_of(RCL_HEAD, f"{NPN},2024,02/30/2023,,,,,"),
        csv_of(RCL_HEAD, LINE, f"{NPN},2024,,,,,,T1"),
        csv_of(RCL_HEAD, LINE, "x" * 70_000),
        csv_of("<html>", "<p>not a list</p>"),
    ],
)
async def test_b19_a_list_that_is_not_whole_or_not_the_list_is_no_answer(
    federal: FederalListReader, rcl: Published, text: str
) -> None:
    rcl.text = text
    with pytest.raises(Refused) as raised:
        await federal.find_rcl_entry(NPN, 2024)
    assert raised.value.code == "lists_unreadable"
    assert NPN not in everything_said(raised.value)


async def test_bytes_that_are_no_text(federal: FederalListReader, httpserver: HTTPServer) -> None:
    body = csv_of(RCL_HEAD).encode() + b"\xff\xfe\r\n"
    httpserver.expect_request("/registry/rcl.csv").respond_with_data(body)
    with pytest.raises(Refused, match="lists_unreadable"):
        await federal.find_rcl_entry(NPN, 2024)


async def test_a_reading_that_failed_is_not_kept(federal: FederalListReader, rcl: Published) -> None:
    whole = rcl.text
    assert await federal.find_rcl_entry(NPN, 2024)
    rcl.text, rcl.version = whole[:-1], '"2"'
    for _ in range(2):
        with pytest.raises(Refused, match="lists_unreadable"):
            await federal.find_rcl_entry(NPN, 2024)
    rcl.text = whole
    assert await federal.find_rcl_entry(NPN, 2024)
    assert rcl.conditions == [None, '"1"', '"1"', '"1"']


async def test_a_look_up_given_up_leaves_the_next_one_alone(
    http: httpx2.AsyncClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{number},2024,,,,,,\r\n" for number in range(1, 30_000))
    slow = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        writer.write(f"{RCL_HEAD}\r\n{rows}".encode())
        await writer.drain()
        if not slow.is_set():
            slow.set()
            await asyncio.sleep(30)

    async with peer(talk) as port:
        opened = FederalListReader(http, f"http://127.0.0.1:{port}")
        first = asyncio.create_task(opened.find_rcl_entry("7", 2024))
        await slow.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await opened.find_rcl_entry("29999", 2024)
        opened.delete_copies()


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (500, Unavailable, "lists_unreachable"),
        (429, Unavailable, "lists_unreachable"),
        (404, Refused, "lists_refused"),
        (302, Refused, "lists_refused"),
        (304, Refused, "lists_unreadable"),
    ],
)
async def test_refusals(
    federal: FederalListReader, httpserver: HTTPServer, status: int, expected: type[Unavailable | Refused], code: str
) -> None:
    httpserver.expect_request("/registry/rcl.csv").respond_with_data("", status=status)
    with pytest.raises(expected) as raised:
        await federal.find_rcl_entry(NPN, 2024)
    assert raised.value.code == code


@pytest.mark.parametrize(
    "said",
    [
        "",
        f"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{csv_of(RCL_HEAD, LINE)}",
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{RCL_HEAD[:5]}\r\n",
    ],
)
async def test_a_connection_that_breaks_is_unreachable(http: httpx2.AsyncClient, peer: Peer, said: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said.encode())
        await writer.drain()

    async with peer(talk) as port:
        with pytest.raises(Unavailable, match="lists_unreachable"):
            await FederalListReader(http, f"http://127.0.0.1:{port}").find_rcl_entry(NPN, 2024)


async def test_silence_and_a_trickle_come_to_an_end(
    http: httpx2.AsyncClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n\r\n{RCL_HEAD}\r\n".encode())
        for _ in range(100):
            writer.write(b"1,2024,,,,,,\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)

    monkeypatch.setattr(lists, "LIST_SECONDS", 1.0)
    for talk in (silence, trickle):
        async with peer(talk) as port:
            with pytest.raises(Unavailable, match="timed out"):
                await FederalListReader(http, f"http://127.0.0.1:{port}").find_rcl_entry(NPN, 2024)


async def test_a_list_has_a_bounded_size(
    federal: FederalListReader, rcl: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    rcl.text = csv_of(RCL_HEAD, *[LINE] * 100)
    monkeypatch.setattr(lists, "LIST_BYTES", len(rcl.text) - 1)
    with pytest.raises(Refused, match="too large"):
        await federal.find_rcl_entry(NPN, 2024)
    monkeypatch.setattr(lists, "LIST_BYTES", len(rcl.text))
    assert await federal.find_rcl_entry(NPN, 2024), "the same line a hundred times is one"


# The Registration Tracker (B18).


def tracked(plan_year: int | str = 2024, individual: object = "11/03/2023", shop: object = "") -> dict[str, object]:
    return {"plan_year": plan_year, "individual_completed_on": individual, "shop_completed_on": shop, "more": "x"}


def expect_tracker(httpserver: HTTPServer, answer: object, status: int = 200) -> None:
    httpserver.expect_request(
        f"/registry/tracker/{NPN}", "GET", query_string={"plan_year": "2024"}, headers={"Accept": "application/json"}
    ).respond_with_json(answer, status=status)


@pytest.mark.parametrize(
    ("row", "individual", "shop"),
    [
        (tracked(), True, False),
        (tracked("2024", None, "01/02/2024"), False, True),
        (tracked(2024, "11/03/2023", "01/02/2024"), True, True),
        (tracked(2024, "", None), False, False),
    ],
)
async def test_b18_the_tracker_shows_which_markets_are_completed(
    federal: FederalListReader, httpserver: HTTPServer, row: dict[str, object], individual: bool, shop: bool
) -> None:
    expect_tracker(httpserver, {"npn": NPN, "rows": [tracked(2023, "11/05/2022", "11/05/2022"), row]})
    found = await federal.read_tracker(NPN, 2024)
    assert found is not None
    assert (found.shows_completed(Market.INDIVIDUAL), found.shows_completed(Market.SHOP)) == (individual, shop)


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"npn": NPN, "rows": []}, 200), ({"npn": NPN, "rows": [tracked(2023)]}, 200), ({"title": "Unknown"}, 404)],
)
async def test_b18_the_tracker_may_know_nothing(
    federal: FederalListReader, httpserver: HTTPServer, answer: object, status: int
) -> None:
    expect_tracker(httpserver, answer, status)
    assert await federal.read_tracker(NPN, 2024) is None


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"npn": NPN},
        {"npn": "9000000302", "rows": []},
        {"npn": NPN, "rows": [tracked("next")]},
        {"npn": NPN, "rows": [tracked(2024, "2023-11-03")]},
        {"npn": NPN, "rows": [tracked(2024, True)]},
        {"npn": NPN, "rows": [{"plan_year": 2024, "individual_completed_on": ""}]},
    ],
)
async def test_a_tracker_that_says_something_else(
    federal: FederalListReader, httpserver: HTTPServer, answer: object
) -> None:
    expect_tracker(httpserver, answer)
    with pytest.raises(Refused) as raised:
        await federal.read_tracker(NPN, 2024)
    assert raised.value.code == "lists_unreadable"
    assert NPN not in everything_said(raised.value)


async def test_a_tracker_that_is_down(federal: FederalListReader, httpserver: HTTPServer) -> None:
    expect_tracker(httpserver, {}, 503)
    with pytest.raises(Unavailable, match="lists_unreachable") as raised:
        await federal.read_tracker(NPN, 2024)
    assert NPN not in everything_said(raised.value)


# Find Local Help (B20).


def person(first_name: str, last_name: str, phone: str) -> str:
    return listing(first_name=first_name, last_name=last_name, phone=phone, business_name="Ejemplo, S.A.\nSeguros")


@pytest.mark.parametrize(
    "asked",
    [
        ("Inventada", "Núñez Prueba", "505-555-0104"),
        ("INVENTADA", "NÚÑEZ PRUEBA", "(505) 555-0104"),
        ("Inventada", "Nu\u0301n\u0303ez  Prueba ", "+1 505 555 0104"),
        ("-Made", "=Up", "505-555-0106"),
    ],
)
async def test_b20_a_listing_is_known_by_name_and_phone(
    federal: FederalListReader, listings: Published, asked: tuple[str, str, str]
) -> None:
    listings.text = csv_of(
        HELP_HEAD,
        person("Testa", "Agent", "505-555-0101"),
        person("Inventada", "Núñez Prueba", "15055550104"),
        person("'-Made", "'=Up", "505-555-0106"),
    )
    assert await federal.is_in_local_help(*asked)


@pytest.mark.parametrize(
    "asked",
    [
        ("Testa", "Agent", "505-555-0104"),
        ("Inventada", "Prueba", "505-555-0104"),
        ("Inventada", "Núñez Prueba", "505-555-0105"),
        ("", "", ""),
    ],
)
async def test_b20_another_name_or_phone_is_no_listing(
    federal: FederalListReader, listings: Published, asked: tuple[str, str, str]
) -> None:
    listings.text = csv_of(HELP_HEAD, person("Inventada", "Núñez Prueba", "505-555-0104"))
    assert not await federal.is_in_local_help(*asked)


async def test_b20_every_listing_of_a_name_and_phone_is_looked_at(
    federal: FederalListReader, listings: Published
) -> None:
    """Somebody is listed for several plan years, or beside a namesake in the same office."""
    who = {"first_name": "Testa", "last_name": "Agent", "phone": "505-555-0101"}
    for_individuals = [listing(**who, city=f"Ejemplo {number}", markets="individual") for number in range(3)]
    listings.text = csv_of(HELP_HEAD, *for_individuals, listing(**who, markets="individual; shop"))
    assert await federal.is_in_local_help(**who, market=Market.SHOP)
    listings.text, listings.version = csv_of(HELP_HEAD, *for_individuals), '"2"'
    assert not await federal.is_in_local_help(**who, market=Market.SHOP)


async def test_listings_are_a_list_of_their_own(
    federal: FederalListReader, rcl: Published, listings: Published
) -> None:
    listings.text = csv_of(HELP_HEAD, person("Testa", "Agent", "505-555-0101"))
    assert await federal.find_rcl_entry(NPN, 2024)
    assert await federal.is_in_local_help("Testa", "Agent", "505-555-0101")
    assert (rcl.whole, listings.whole) == (1, 1)
    listings.text, listings.version = csv_of(RCL_HEAD), '"2"'
    with pytest.raises(Refused, match="not the columns"):
        await federal.is_in_local_help("Testa", "Agent", "505-555-0101")
    assert await federal.find_rcl_entry(NPN, 2024)


def test_nothing_here_reads_a_whole_list_at_once() -> None:
    async def body() -> AsyncIterator[bytes]:
        for piece in (b"a,b\r\n1,", b'"x\r\n', b'y"\r\n2,', b"3\r\n"):
            yield piece

    async def blocks() -> list[bytes]:
        return [block async for block in lists._split_records(body())]

    assert asyncio.run(blocks()) == [b"a,b\r\n", b'1,"x\r\ny"\r\n', b"2,3\r\n"]
