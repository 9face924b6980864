"""Static files as a browser gets them: small, kept for ever, and all there; pages ask for nothing else."""

import re
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from tests.templates.pages import EVERY_PAGE
from tests.templates.rendered import page
from tests.templates.test_every_page import Asked
from web.http.static_files import FOREVER, STATIC, StaticFiles, build_static_address, load_files

VENDOR = STATIC / "vendor"
FIRST_VISIT = 200_000
MOST_REQUESTS = 8

# Of the families the style sheet of USWDS knows, ours is the only one that is used; no page has a hero.
NOT_ASKED_FOR = re.compile(r"fonts/(source-sans-pro|merriweather|roboto-mono)/|img/hero\.jpg")


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=StaticFiles(load_files()))
    async with httpx2.AsyncClient(transport=transport, base_url="http://certify.example.org") as found:
        yield found


async def fetched(browser: httpx2.AsyncClient, address: str, **headers: str) -> httpx2.Response:
    """What is mounted at /static answers; asked below it, as a mount does."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return await browser.get(address.removeprefix("/static"), headers=named)


async def weight(browser: httpx2.AsyncClient, address: str) -> int:
    """How many bytes travel."""
    async with browser.stream("GET", address.removeprefix("/static"), headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200, address
        return sum([len(piece) async for piece in answer.aiter_raw()])


async def test_a_file_is_compressed_and_kept_for_ever(browser: httpx2.AsyncClient) -> None:
    address = build_static_address("vendor/uswds/css/uswds.min.css")
    answer = await fetched(browser, address, accept_encoding="gzip")
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    whole = await fetched(browser, address, accept_encoding="br;q=1, gzip;q=0")
    assert "content-encoding" not in whole.headers
    assert whole.content == answer.content == (VENDOR / "uswds/css/uswds.min.css").read_bytes()
    assert int(answer.headers["content-length"]) < len(whole.content) / 5
    assert whole.headers["etag"] != answer.headers["etag"]


async def test_who_has_it_is_told_so(browser: httpx2.AsyncClient) -> None:
    address = build_static_address("site.css")
    tag = (await fetched(browser, address, accept_encoding="gzip")).headers["etag"]
    again = await fetched(browser, address, accept_encoding="gzip", if_none_match=f'"other", W/{tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert (await fetched(browser, address, accept_encoding="gzip", if_none_match='"other"')).status_code == 200


async def test_an_address_of_another_release_finds_todays_file_and_is_asked_for_again(
    browser: httpx2.AsyncClient,
) -> None:
    for address in ("/static/000000000000/site.css", "/static/site.css"):
        answer = await fetched(browser, address)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


async def test_only_what_is_in_the_store_is_given_and_only_to_read(browser: httpx2.AsyncClient) -> None:
    for path in (
        "/../app.py",
        "/..%2Fapp.py",
        "/nothing.css",
        "/",
        "",
        "/vendor",
        f"/{load_files().version}/../../app.py",
    ):
        assert (await browser.get(path)).status_code == 404, path
    assert (await browser.post("/site.css")).status_code == 405
    answer = await browser.head("/site.css")
    assert (answer.status_code, answer.content) == (200, b"")
    with pytest.raises(KeyError):
        build_static_address("nothing.css")


def test_another_byte_is_another_version(tmp_path: Path) -> None:
    versions = set()
    for text in ("a {}", "b {}"):
        (tmp_path / "site.css").write_text(text)
        versions.add(load_files.__wrapped__(tmp_path).version)
    assert len(versions) == 2


@pytest.mark.parametrize("name", ["site.css", "vendor/uswds/css/uswds.min.css"])
def test_what_a_style_sheet_asks_for_is_there(name: str) -> None:
    folder = (STATIC / name).parent
    asked = set(re.findall(r"url\(\"?(?!data:)([^)\"]+)", (STATIC / name).read_text("utf-8")))
    assert len(asked) > 4
    assert {one for one in asked if not (folder / one).resolve().is_file() and not NOT_ASKED_FOR.search(one)} == set()


def test_our_own_style_sheet_names_one_family_for_everything() -> None:
    text = (STATIC / "site.css").read_text("utf-8")
    assert "*, ::before, ::after { font-family: inherit !important; }" in text
    assert not re.search(r"Source Sans|Merriweather", text)


def test_vendored_files_are_the_ones_the_readme_names() -> None:
    text = (VENDOR / "README.md").read_text("utf-8")
    named = dict(re.findall(r"^\| `(\S+)` \| .*? \| `([0-9a-f]{64})`", text, re.MULTILINE))
    files = {path.relative_to(VENDOR).as_posix(): path for path in VENDOR.rglob("*") if path.is_file()}
    assert set(named) == {name for name in files if name.endswith((".css", ".js", ".woff2"))}
    assert named == {name: sha256(files[name].read_bytes()).hexdigest() for name in named}
    assert not [name for name, path in files.items() if b"sourceMappingURL" in path.read_bytes()]
    assert {"uswds/LICENSE.md", "htmx/LICENSE", "uswds/fonts/public-sans/OFL.txt"} <= set(files)


async def test_a_first_visit_is_light_and_few_requests(browser: httpx2.AsyncClient) -> None:
    for name in EVERY_PAGE.keys() - {"gallery"}:  # for who develops it, and made of pictures
        source = page(name, "es")
        urls = Asked(source).urls
        assert len(urls) + 1 <= MOST_REQUESTS
        total = len(source.encode()) + sum([await weight(browser, url) for url in urls])
        assert total < FIRST_VISIT, (name, total)
