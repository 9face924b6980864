"""The console at many cases: how long its pages take beside an empty one, and what a first visit loads."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import quote

import httpx2
from playwright.async_api import async_playwright

from db.engine import Database
from db.migrate import upgrade
from db.reads.queue import NOBODY, SortedBy
from db.writes.sessions import open_session
from starter.stack.embedded import run_stack
from starter.stack.processes import choose_ports
from tests.bench.pace import Size
from tests.bench.stack import run_postgres
from tests.support.crowd import STAFF, Crowd, fill

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 150
WARM_UP = 10
EMPTY = "an empty page"
HTML = {"Accept": "text/html"}
# Filters of the queue as an address has them; one leaves most of it, one next to nothing.
FILTERS = {
    "of one program": "program=bewellnm",
    "of a kind and a year": "kind=enrollment_counselor&plan_year=2027",
    "for a reason": "attention=mail_refused",
    "of a finding": "finding=failed",
    "in a stage": "stage=awaiting_decision",
    "on nobody's desk": f"desk={NOBODY}",
    "on one desk": f"desk={quote(STAFF[0])}",
}
# At the most, the p99 of a page held against that of an empty one.
WANTED = {"queue": 3, "all cases": 3, "a case": 4, "search": 4}


async def measure(folder: Path, size: Size) -> dict[str, Any]:
    """Every page on SQLite and on PostgreSQL, each with so many people; and the weight of first visits."""
    folder, people = folder / "screens", size.people
    async with run_stack(folder) as stack:
        with run_postgres() as postgres_url:
            urls = {"sqlite": f"sqlite+aiosqlite:///{folder / 'crowd.sqlite'}", "postgresql": postgres_url}
            pages: dict[str, Any] = {}
            weights: dict[str, Any] = {}
            for name, url in urls.items():
                await asyncio.to_thread(upgrade, url)
                crowd = await asyncio.to_thread(fill, url, people)
                async with web_over(url, stack["settings"]) as address, signed_in(url) as cookie:
                    pages[name] = await times(address, cookie, crowd)
                    weights = weights or await weights_of(address, cookie)
    return {"people": people, "rounds": ROUNDS, "pages": pages, "first_visits": weights}


@asynccontextmanager
async def web_over(url: str, settings: Mapping[str, str]) -> AsyncIterator[str]:
    """A web process over this database; its address."""
    port = choose_ports(("web",), {})["web"]
    address = f"http://127.0.0.1:{port}"
    own = {"CERTIFY_DATABASE_URL": url, "CERTIFY_WEB_PORT": str(port), "CERTIFY_WEB_URL": address}
    process = subprocess.Popen([sys.executable, "-m", "web"], cwd=ROOT, env={**os.environ, **settings, **own})
    try:
        async with httpx2.AsyncClient() as http:
            for _ in range(300):
                try:
                    await http.get(f"{address}/healthz")
                    break
                except httpx2.TransportError:
                    await asyncio.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@asynccontextmanager
async def signed_in(url: str) -> AsyncIterator[str]:
    """A session of somebody who may read everything; its cookie."""
    database = Database(url)
    roles, longest = ["reviewer", "auditor"], timedelta(hours=2)
    yield await database.write(open_session, "bench", "Bea Benchmark-Sample", roles, longest, datetime.now(UTC))
    await database.close()


async def times(address: str, cookie: str, crowd: Crowd) -> dict[str, dict[str, float]]:
    """Milliseconds of each page, p50 and p99; the pages take turns, so that a busy moment is everybody's."""
    place = crowd.number // 3
    first, last = crowd.name(place)
    async with httpx2.AsyncClient(base_url=address, cookies={"staff": cookie}, headers=HTML, timeout=60) as http:
        form = await http.get("/staff/search")
        csrf = form.text.split('name="csrf_token" value="')[1].split('"')[0]
        one = await http.get("/staff")
        waiting = (await http.get("/staff?program=bewellnm&attention=decision")).text
        case = waiting.split('href="/staff/cases/')[1].split('"')[0].split("?")[0]
        after = one.text.split("after=")[1].split('"')[0].replace("&amp;", "&")
        by_name = (await http.get("/staff?sort=name")).text.split("after=")[1].split('"')[0].split("&")[0]

        async def search(words: str) -> httpx2.Response:
            return await http.post("/staff/search", data={"words": words, "csrf_token": csrf})

        visits: dict[str, Callable[[], Awaitable[httpx2.Response]]] = {
            EMPTY: lambda: http.get("/staff/search"),
            "queue": lambda: http.get("/staff"),
            "queue, next page": lambda: http.get(f"/staff?after={after}"),
            "queue by name, next page": lambda: http.get(f"/staff?sort=name&after={by_name}"),
            **{f"queue {told}": partial(http.get, f"/staff?{query}") for told, query in FILTERS.items()},
            **{f"queue by {by}": partial(http.get, f"/staff?sort={by}") for by in SortedBy},
            **{f"queue by {by} turned round": partial(http.get, f"/staff?sort=-{by}") for by in SortedBy},
            **{
                f"queue by {by} {told}": partial(http.get, f"/staff?sort={by}&{FILTERS[told]}")
                for by in SortedBy
                for told in ("of one program", "of a finding")
                if by is not SortedBy.SINCE
            },
            "all cases": lambda: http.get("/staff/cases"),
            "all cases, a rare filter": lambda: http.get("/staff/cases?stage=screening&kind=broker&plan_year=2027"),
            "search by name": lambda: search(f"{first} {last}"),
            "search by half a name": lambda: search(last[:6]),
            "search by NPN": lambda: search(crowd.npn(place)),
            "search by e-mail": lambda: search(crowd.email(place)),
            "search with a typo": lambda: search(f"{first} {last[:2]}{last[3:]}"),
            "search with a typo beside a common word": lambda: search(f"{first[:1]}x{first[1:]} example"),
            "search with a typo in a common word": lambda: search(f"{first} exmaple"),
            "search that finds nobody": lambda: search("qwertz asdfgh"),
            "a case": lambda: http.get(f"/staff/cases/{case}"),
        }
        taken: dict[str, list[float]] = {name: [] for name in visits}
        for number in range(ROUNDS + WARM_UP):
            for name, go in visits.items():
                began = time.perf_counter()
                answer = await go()
                seconds = time.perf_counter() - began
                assert answer.status_code == 200, (name, answer.status_code)
                if number >= WARM_UP:
                    taken[name].append(seconds * 1000)
    return {name: _percentiles(found, taken[EMPTY]) for name, found in taken.items()}


def _percentiles(found: list[float], empty: list[float]) -> dict[str, float]:
    cuts, beside = quantiles(found, n=100), quantiles(empty, n=100)
    return {
        "p50": cuts[49],
        "p99": cuts[98],
        "times_empty": cuts[49] / beside[49],
        "p99_times_empty": cuts[98] / beside[98],
    }


async def weights_of(address: str, cookie: str) -> dict[str, dict[str, float]]:
    """Requests and kilobytes on the wire of a first visit, each in a fresh browser; nothing where there is none."""
    finder = subprocess.run([ROOT / ".ci" / "browser", "--find"], capture_output=True, text=True, check=False)
    if finder.returncode:
        return {}
    found = {}
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=finder.stdout.strip())
        for path in ("/", "/request", "/certificates", "/registry", "/staff/sign-in", "/staff", "/staff/dashboard"):
            context = await chromium.new_context()
            await context.add_cookies([{"name": "staff", "value": cookie, "url": address}])
            page = await context.new_page()
            wire = await context.new_cdp_session(page)
            await wire.send("Network.enable")
            bytes_of: list[float] = []
            wire.on("Network.loadingFinished", lambda event, kept=bytes_of: kept.append(event["encodedDataLength"]))
            await page.goto(address + path, wait_until="networkidle")
            found[path] = {"requests": len(bytes_of), "kilobytes": sum(bytes_of) / 1000}
            await context.close()
        await chromium.close()
    return found


def list_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The figures, with what is wanted of them."""
    for database, pages in found["pages"].items():
        yield f"{found['people']:,} cases on {database}: p50, p99; each times an empty page's", "", "p99 < 100 ms"
        for name, page in pages.items():
            figure = (
                f"{page['p50']:.1f} ms, {page['p99']:.1f} ms; {page['times_empty']:.1f}, {page['p99_times_empty']:.1f}"
            )
            most = next((times for begins, times in WANTED.items() if name.startswith(begins)), None)
            yield f"  {name}", figure, f"p99 <= {most} times" if most else ""
    for path, visit in found["first_visits"].items():
        yield f"first visit of {path}", f"{visit['kilobytes']:.0f} kB in {visit['requests']} requests", "< 200 kB"
