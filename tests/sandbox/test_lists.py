"""The federal lists' stand-in: the exchange's lists pass through it, except for what it is told to alter."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.support.sandbox_process import RunningSandbox, start_sandbox

RCL = [
    {"npn": "9000000101", "applicable_plan_year": "2024", "individual_registration_completion_date": "11/03/2023"},
    {"npn": "9000000102", "applicable_plan_year": "2023", "individual_registration_completion_date": "11/04/2022"},
    {"npn": "9000000102", "applicable_plan_year": "2024", "individual_registration_completion_date": "11/05/2023"},
]
TERMINATIONS = [{"NPN": "9000000101", "Status": "T1", "Effective Plan Year": "2024"}]
HELP = [
    {"first_name": "Testa", "last_name": "Agent", "business_name": 'Ejemplo, "S.A."', "phone": "505-555-0101"},
    {"first_name": "Inventada", "last_name": "Núñez Prueba", "business_name": "Two\nlines", "phone": "505-555-0104"},
]


def write_csv(rows: list[dict[str, Any]], line_end: str = "\r\n") -> str:
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]), lineterminator=line_end)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def parse_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@dataclass
class PublishedListPage:
    """One of the exchange's lists, on a real server, with its version."""

    body: str
    media_type: str = "text/csv; charset=utf-8"
    version: str | None = '"v1"'
    asked: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.asked.append(dict(request.headers))
        headers = {"ETag": self.version} if self.version else {}
        if self.version and request.headers.get("If-None-Match") == self.version:
            return Response(status=304, headers=headers)
        return Response(self.body, content_type=self.media_type, headers=headers)


@pytest.fixture
def published(httpserver: HTTPServer) -> dict[str, PublishedListPage]:
    lists = {
        "rcl.csv": PublishedListPage(write_csv(RCL)),
        "rcl.json": PublishedListPage(json.dumps(RCL), "application/json"),
        "terminations.csv": PublishedListPage(write_csv(TERMINATIONS)),
        "find-local-help.csv": PublishedListPage(write_csv(HELP, "\n")),
        "find-local-help.json": PublishedListPage(json.dumps({"published": 7, "rows": HELP}), "application/json"),
        "help-on-demand.json": PublishedListPage(
            json.dumps([{"npn": 9000000101, "name": "Testa Agent"}]), "application/json"
        ),
        "tracker/9000000101": PublishedListPage(
            json.dumps({"npn": "9000000101", "rows": [{"plan_year": 2024, "individual": "complete"}]}),
            "application/json",
        ),
    }
    for path, one in lists.items():
        httpserver.expect_request(f"/registry/{path}").respond_with_handler(one)
    return lists


async def fetch_list(http: httpx2.AsyncClient, sandbox: RunningSandbox, path: str, **headers: str) -> httpx2.Response:
    answer = await http.get(f"{sandbox.lists}/registry/{path}", headers=headers)
    assert answer.status_code in {200, 304}, answer.text
    return answer


async def add_alteration(http: httpx2.AsyncClient, sandbox: RunningSandbox, **alteration: Any) -> None:
    answer = await http.post(f"{sandbox.lists}/alterations", json=alteration)
    assert answer.status_code == 201, answer.text


async def test_without_alterations_every_byte_passes(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(http, sandbox, list="help_on_demand", npn="9000000999", how="omit")
    for path, one in published.items():
        if path != "help-on-demand.json":
            answer = await fetch_list(http, sandbox, path)
            assert answer.content == one.body.encode(), path
            assert (answer.headers["etag"], answer.headers["content-type"]) == (one.version, one.media_type)


async def test_b19_an_npn_is_left_out_of_the_rcl(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(http, sandbox, list="rcl", npn="9000000102", how="omit")
    assert parse_csv((await fetch_list(http, sandbox, "rcl.csv")).text) == RCL[:1]
    assert (await fetch_list(http, sandbox, "rcl.json")).json() == RCL[:1]
    assert (await fetch_list(http, sandbox, "terminations.csv")).text == published["terminations.csv"].body


async def test_one_plan_year_alone_is_left_out(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    where = {"applicable_plan_year": 2023}
    await add_alteration(http, sandbox, list="rcl", npn="9000000102", where=where, how="omit")
    assert parse_csv((await fetch_list(http, sandbox, "rcl.csv")).text) == [RCL[0], RCL[2]]
    assert (await fetch_list(http, sandbox, "rcl.json")).json() == [RCL[0], RCL[2]]


async def test_cells_are_altered(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    column = "individual_registration_completion_date"
    await add_alteration(http, sandbox, list="rcl", npn="9000000101", how="alter", set={column: None, "no_column": "x"})
    await add_alteration(
        http, sandbox, list="rcl", where={"applicable_plan_year": "2023"}, how="alter", set={"npn": "1"}
    )
    altered = parse_csv((await fetch_list(http, sandbox, "rcl.csv")).text)
    assert altered == [{**RCL[0], column: ""}, {**RCL[1], "npn": "1"}, RCL[2]]
    assert (await fetch_list(http, sandbox, "rcl.json")).json() == [
        {**RCL[0], column: None},
        {**RCL[1], "npn": "1"},
        RCL[2],
    ]


async def test_leading_zeros_tell_no_npns_apart(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    published["rcl.csv"].body = "npn,status\r\n0000000123,\r\n1230,\r\n"
    await add_alteration(http, sandbox, list="rcl", npn="123", how="omit")
    assert parse_csv((await fetch_list(http, sandbox, "rcl.csv")).text) == [{"npn": "1230", "status": ""}]


async def test_columns_may_be_written_otherwise(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(
        http, sandbox, list="terminations", npn="9000000101", how="alter", set={"effective_plan_year": "2025"}
    )
    assert parse_csv((await fetch_list(http, sandbox, "terminations.csv")).text) == [
        {**TERMINATIONS[0], "Effective Plan Year": "2025"}
    ]


@pytest.mark.parametrize(
    "whom",
    [
        {"name": "inventada  núñez prueba"},
        {"where": {"phone": "505-555-0104"}},
        {"where": {"last_name": "Núñez Prueba"}},
    ],
)
async def test_b20_a_listing_is_left_out_by_what_it_holds(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage], whom: dict[str, Any]
) -> None:
    await add_alteration(http, sandbox, list="find_local_help", **whom, how="omit")
    text = (await fetch_list(http, sandbox, "find-local-help.csv")).text
    assert parse_csv(text) == HELP[:1]
    assert "\r" not in text
    assert (await fetch_list(http, sandbox, "find-local-help.json")).json() == {"published": 7, "rows": HELP[:1]}


async def test_rows_that_stay_keep_commas_quotes_and_line_breaks(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(http, sandbox, list="find_local_help", name="Testa Agent", how="alter", set={"phone": "1, 2"})
    expected = [{**HELP[0], "phone": "1, 2"}, HELP[1]]
    assert parse_csv((await fetch_list(http, sandbox, "find-local-help.csv")).text) == expected
    assert (await fetch_list(http, sandbox, "find-local-help.json")).json()["rows"] == expected


async def test_b18_the_trackers_address_says_whose_rows_they_are(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    path = "tracker/9000000101?plan_year=2024"
    await add_alteration(http, sandbox, list="tracker", npn="9000000102", how="omit")
    assert len((await fetch_list(http, sandbox, path)).json()["rows"]) == 1
    await add_alteration(http, sandbox, list="tracker", npn="9000000101", how="alter", set={"individual": "missing"})
    assert (await fetch_list(http, sandbox, path)).json()["rows"] == [{"plan_year": 2024, "individual": "missing"}]
    await add_alteration(http, sandbox, list="tracker", npn="9000000101", how="omit")
    assert (await fetch_list(http, sandbox, path)).json() == {"npn": "9000000101", "rows": []}


async def test_a_number_is_an_npn_too(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(http, sandbox, list="help_on_demand", npn="9000000101", how="omit")
    assert (await fetch_list(http, sandbox, "help-on-demand.json")).json() == []


async def test_an_unchanged_list_is_a_304(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    tags = []
    for alteration in (None, {"npn": "9000000101", "how": "omit"}, {"npn": "9000000102", "how": "omit"}):
        if alteration:
            await add_alteration(http, sandbox, list="rcl", **alteration)
        tags.append((await fetch_list(http, sandbox, "rcl.csv")).headers["etag"])
        again = await fetch_list(http, sandbox, "rcl.csv", **{"If-None-Match": tags[-1]})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[-1])
        for earlier in tags[:-1]:
            changed = await fetch_list(http, sandbox, "rcl.csv", **{"If-None-Match": earlier})
            assert (changed.status_code, changed.headers["etag"]) == (200, tags[-1])
    assert len(set(tags)) == 3
    assert tags[0] == '"v1"'
    assert (await http.delete(f"{sandbox.lists}/alterations")).status_code == 204
    for tag, status in zip(tags, (304, 200, 200), strict=True):
        assert (await fetch_list(http, sandbox, "rcl.csv", **{"If-None-Match": tag})).status_code == status
    published["rcl.csv"].version = 'W/"v2"'
    for tag in tags:
        assert (await fetch_list(http, sandbox, "rcl.csv", **{"If-None-Match": tag})).status_code == 200


async def test_the_tag_of_an_altered_list_follows_the_lists_own(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await add_alteration(http, sandbox, list="rcl", npn="9000000101", how="omit")
    first = (await fetch_list(http, sandbox, "rcl.csv")).headers["etag"]
    published["rcl.csv"].version = 'W/"v2"'
    changed = await fetch_list(http, sandbox, "rcl.csv", **{"If-None-Match": f'"else", {first}'})
    assert changed.status_code == 200
    assert changed.headers["etag"].startswith('W/"v2~')
    published["rcl.csv"].version = None
    assert "etag" not in (await fetch_list(http, sandbox, "rcl.csv")).headers
    untouched = (await fetch_list(http, sandbox, "terminations.csv")).headers["etag"]
    assert untouched == '"v1"'


async def test_what_is_asked_and_answered_passes_on(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request(
        "/registry/rcl.csv", query_string="since=2024&x=%2F", headers={"Accept": "text/csv", "Accept-Language": "es"}
    ).respond_with_data("no", status=404, headers={"Retry-After": "7"}, content_type="text/plain")
    await add_alteration(http, sandbox, list="rcl", npn="9000000101", how="omit")
    asked = {"Accept": "text/csv", "Accept-Language": "es"}
    answer = await http.get(f"{sandbox.lists}/registry/rcl.csv?since=2024&x=%2F", headers=asked)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (404, "no", "7")


async def test_a_large_list_streams(http: httpx2.AsyncClient, sandbox: RunningSandbox, httpserver: HTTPServer) -> None:
    count = 300_000

    def stream_body(rows: int) -> Iterator[bytes]:
        yield b"npn,applicable_plan_year,status\r\n"
        for first in range(0, rows, 1000):
            yield "".join(
                f"{9100000000 + each},2024,a status of some length\r\n" for each in range(first, first + 1000)
            ).encode()

    httpserver.expect_request("/registry/rcl.csv").respond_with_handler(
        lambda asked: Response(stream_body(int(asked.args["rows"])), content_type="text/csv")
    )
    await add_alteration(http, sandbox, list="rcl", npn=str(9100000000 + count - 1), how="omit")
    # What the first list of some size takes once, and keeps, is not what is measured.
    await http.get(f"{sandbox.lists}/registry/rcl.csv?rows={count // 10}")
    before = measure_peak_memory(sandbox)
    lines, size, last = 0, 0, b""
    async with http.stream("GET", f"{sandbox.lists}/registry/rcl.csv?rows={count}") as answer:
        async for piece in answer.aiter_bytes():
            lines, size, last = lines + piece.count(b"\n"), size + len(piece), piece or last
    assert lines == count
    assert last.endswith(f"{9100000000 + count - 2},2024,a status of some length\r\n".encode())
    assert measure_peak_memory(sandbox) - before < 8 * 1024**2 < size


def measure_peak_memory(sandbox: RunningSandbox) -> int:
    status = Path(f"/proc/{sandbox.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


@pytest.mark.parametrize("altered", [True, False])
@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
async def test_a_list_that_breaks_off_breaks_off_here_too(
    http: httpx2.AsyncClient, tmp_path: Path, head: str, altered: bool
) -> None:
    text = write_csv(RCL)
    body = f"{len(text):x}\r\n{text}\r\n" if "chunked" in head else text

    async def send_and_break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n{head}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(send_and_break_off, "127.0.0.1", 0) as server:
        running = start_sandbox(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            if altered:
                await add_alteration(http, running, list="rcl", npn="9000000101", how="omit")
            with pytest.raises(httpx2.RemoteProtocolError):
                await fetch_list(http, running, "rcl.csv")
        finally:
            running.stop_process()


async def test_a_last_line_without_an_end_stays_so(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    published["rcl.csv"].body = write_csv(RCL)[:-5]
    await add_alteration(http, sandbox, list="rcl", npn="9000000101", how="omit")
    text = (await fetch_list(http, sandbox, "rcl.csv")).text
    assert text == "".join(published["rcl.csv"].body.splitlines(keepends=True)[i] for i in (0, 2, 3))


async def test_json_passes_in_any_layout(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    people = [{"npn": str(9200000000 + each), "name": 'Núñez ]",{' * (each % 7)} for each in range(5000)]
    await add_alteration(http, sandbox, list="rcl", npn="9200000007", how="omit")
    wanted = [one for one in people if one["npn"] != "9200000007"]
    for text in (
        json.dumps(people, ensure_ascii=False, indent=1),
        "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in people) + "\n]\n",
    ):
        published["rcl.json"].body = text
        assert (await fetch_list(http, sandbox, "rcl.json")).json() == wanted
    published["rcl.json"].body = json.dumps({"rows": people, "count": 5000}, separators=(",", ":"))
    assert (await fetch_list(http, sandbox, "rcl.json")).json() == {"rows": wanted, "count": 5000}


async def test_an_exchange_that_does_not_answer_is_a_503(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    alone = start_sandbox(tmp_path, "http://127.0.0.1:9")
    try:
        assert (await http.get(f"{alone.lists}/registry/rcl.csv")).status_code == 503
    finally:
        alone.stop_process()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"npn": "9000000101", "how": "omit"}, "list"),
        ({"list": "everything", "npn": "9000000101", "how": "omit"}, "list"),
        ({"list": "rcl", "how": "omit"}, "body"),
        ({"list": "rcl", "npn": "9000000101"}, "how"),
        ({"list": "rcl", "npn": "9000000101", "how": "alter"}, "body"),
        ({"list": "rcl", "npn": "9000000101", "how": "omit", "set": {"status": "T1"}}, "body"),
        ({"list": "rcl", "npn": "agent", "how": "omit"}, "npn"),
        ({"list": "rcl", "npn": "9000000101", "how": "omit", "why": "x"}, "why"),
        ({"list": "rcl", "where": {"npn": ["9000000101"]}, "how": "omit"}, "where.npn"),
    ],
)
async def test_an_alteration_not_understood_alters_nothing(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, wrong: dict[str, Any], field: str
) -> None:
    answer = await http.post(f"{sandbox.lists}/alterations", json=wrong)
    assert answer.status_code == 422
    assert field in {error["field"].removesuffix(".str") for error in answer.json()["errors"]}
    assert (await http.get(f"{sandbox.lists}/alterations")).json() == []


async def test_alterations_outlive_the_process_until_forgotten(http: httpx2.AsyncClient, tmp_path: Path) -> None:
    for known in (0, 1):
        running = start_sandbox(tmp_path, "http://127.0.0.1:9")
        try:
            assert len((await http.get(f"{running.lists}/alterations")).json()) == known
            await add_alteration(http, running, list="rcl", npn="9000000101", how="omit")
        finally:
            running.stop_process()


async def test_orders_concern_the_lists_alone(
    http: httpx2.AsyncClient, sandbox: RunningSandbox, published: dict[str, PublishedListPage]
) -> None:
    await http.post(f"{sandbox.lists}/controls", json={"mode": "down", "times": 1})
    assert (await http.get(f"{sandbox.lists}/alterations")).status_code == 200
    assert (await http.get(f"{sandbox.lists}/registry/rcl.csv")).status_code == 503
    assert (await http.get(f"{sandbox.lists}/registry/rcl.csv")).status_code == 200
    calls = (await http.get(f"{sandbox.lists}/calls")).json()
    assert [(call["path"], call["status"]) for call in calls] == [
        ("/registry/rcl.csv", 503),
        ("/registry/rcl.csv", 200),
    ]
