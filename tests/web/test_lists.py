"""The federal lists over HTTP: read back as anybody reads them, told apart, refused where there is none."""

import re
from datetime import date, timedelta

import httpx2
import pytest

from domain.federal.markets import NpnStatus
from domain.shared.cases.facts import FactKind
from tests.support import documents
from tests.support.registrations import MINUTE, profile
from tests.web.house import House
from tests.web.lists import COLUMNS, LATER, LISTS, NOW, Registered, Site, rcl, rows


@pytest.fixture
def site(house: House) -> Site:
    """One on which nothing was published yet."""
    return Site(house.browser, house.database)


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


async def test_who_has_the_current_list_is_told_so(site: Site) -> None:
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
async def test_a_plan_year_that_is_none_is_refused(site: Site, year: str) -> None:
    for path in ("rcl.csv", "rcl.json", "tracker/1234567"):
        answer = await site.get(f"{path}?plan_year={year}")
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["plan_year"])


async def test_b19_b21_anybody_asks_whether_an_npn_is_on_the_list(site: Site) -> None:
    listed, revoked, missing = profile(), profile(), profile()
    await site.desk.completed(listed, NOW)
    await site.desk.ended(await site.desk.completed(revoked, NOW), FactKind.REVOKED, NOW)
    await site.desk.saved(await site.desk.opened(missing, NOW), missing, NOW)

    async def ask(npn: str, plan_year: str = "2024", language: str = "en") -> httpx2.Response:
        form = {"npn": npn, "plan_year": plan_year}
        return await site.http.post(f"/registry/listed?lang={language}", data=form)

    assert "Nothing has been published yet" in (await ask(listed["npn"])).text
    await site.publish()
    answer = await ask(f" 00{listed['npn'][:3]}-{listed['npn'][3:5]} {listed['npn'][5:]} ")
    assert answer.headers["cache-control"] == "no-store"
    for said in (f"NPN {listed['npn']} is on the list for plan year 2024", "October 3, 2023"):
        assert said in " ".join(answer.text.split())
    assert "https://www.healthcare.gov/find-assistance/" in answer.text
    assert "https://www.cuidadodesalud.gov/es/find-assistance/" in (await ask(listed["npn"], language="es")).text
    other_year = await ask(listed["npn"], "2025")
    assert "is not on the list for plan year 2025" in other_year.text
    assert "Also on the list for" in other_year.text
    assert "but its registration does not stand now" in (await ask(revoked["npn"])).text
    nobody = documents.new_npn()
    seen = {(await ask(npn)).text.replace(npn, "…") for npn in (missing["npn"], nobody)}
    assert len(seen) == 1, "who is registering is not told from who isn't"
    assert "FFMProducer-AssisterHelpDesk@cms.hhs.gov" in seen.pop()
    for npn in ("", "x", "1" * 300):
        refused = await ask(npn)
        assert (refused.status_code, 'id="npn-error"' in refused.text) == (422, True)
    assert 'value="2026" selected' in (await site.get("listed?plan_year=2026")).text


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


async def test_b18_who_looks_for_an_npn_nobody_has_gets_a_page_that_says_so(site: Site) -> None:
    answer = await site.get("tracker/1234567890", accept="text/html")
    assert answer.status_code == 404
    assert "The tracker does not know this NPN" in answer.text
    assert 'action="/registry/tracker"' in answer.text
    malformed = await site.get("tracker/12a", accept="text/html")
    assert (malformed.status_code, malformed.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "12a" not in malformed.text


@pytest.mark.parametrize("suffix", ["", ".csv"])
async def test_an_npn_unknown_or_malformed_is_a_problem_that_does_not_repeat_it(site: Site, suffix: str) -> None:
    for npn, status in (("1234567890", 404), ("0123456", 404), ("12345678901", 422), ("12a", 422), ("１２３", 422)):
        answer = await site.get(f"tracker/{npn}{suffix}")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert npn not in answer.text
        assert [one["field"] for one in answer.json().get("errors", [])] == ["npn"] * (status == 422)
