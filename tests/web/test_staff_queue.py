"""Staff's lists of cases over the real database: who waits, why and how long, filters, pages, what is noted."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlmodel import col, select

from db import case_state
from db.tables import AuditRow, Case
from db.writes.cases import flag_case
from domain.shared.cases.facts import FactKind
from domain.state.eligibility import Check, Result, make_finding
from tests.support import documents
from tests.support.crowd import fill
from tests.web.house import House
from tests.web.test_pages import BROWSER, read
from web.http.permissions import StaffRole
from web.staff.queue import AT_A_TIME

NOW = datetime.now(UTC)


async def waiting(house: House, **changes: str) -> str:
    """A broker whom staff have yet to decide on."""
    case_id = await house.open({**documents.broker(), **changes})
    await house.facts(case_id, FactKind.SCREENED, round=0, findings=[])
    return case_id


async def flagged(house: House, what: str, since: datetime, **changes: str) -> str:
    """A broker with a flag up since then."""
    case_id = await house.open({**documents.broker(), **changes})
    await house.services.database.write(flag_case, case_id, what, since)
    return case_id


def rows(page: str) -> list[str]:
    """The cases of the table, in its order."""
    return re.findall(r'<th scope="row"><a href="/staff/cases/([0-9a-f-]{36})', page)


def link(page: str, name: str) -> str | None:
    """Where the link of this id leads."""
    found = re.search(rf'id="{name}" href="([^"]+)"', page)
    return found[1].replace("&amp;", "&") if found else None


async def test_whoever_is_not_signed_in_is_led_to_the_log_in_and_back(house: House) -> None:
    answer = await house.browser.get("/staff?kind=broker", headers={"Accept": BROWSER})
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in?next=%2Fstaff%3Fkind%3Dbroker")


async def test_an_empty_queue_says_so_and_records_no_access(house: House) -> None:
    await house.sign_in()
    reader = read(await house.browser.get("/staff"))
    assert "Nothing waits for staff now." in reader.text
    assert "Cases waiting for staff: 0" in reader.text
    assert not reader.of("table")
    assert await house.list_accesses() == []


async def test_who_has_waited_longest_comes_first_with_why_and_how_long(house: House) -> None:
    await house.sign_in()
    decide = await waiting(house, first_name="Decida")
    late = await flagged(house, "list_late", NOW - timedelta(hours=5, minutes=1), first_name="Tarda")
    mail = await flagged(house, "mail_refused", NOW - timedelta(days=3, hours=1), first_name="Correa")
    answer = await house.browser.get("/staff")
    reader = read(answer)
    assert rows(answer.text) == [mail, late, decide]
    for said in ("E-mail refused by the mail server", "Not on a federal list in time", "Decision to make"):
        assert said in reader.text
    assert "Correa Broker" in reader.text
    for said in ("3 days", "5 hours", "1 minute", "Cases waiting for staff: 3", "New Mexico", "2024"):
        assert said in reader.text
    instants = [attributes["datetime"] for attributes in reader.of("time")]
    assert instants[0] == (NOW - timedelta(days=3, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert all(first < second for first, second in pairwise(map(str, instants)))


async def test_checks_and_age_are_told_in_words_beside_their_colour(house: House) -> None:
    await house.sign_in()
    failed = await house.open({**documents.broker(), "first_name": "Fallo"})
    found = [
        make_finding(Check.NPN_FOUND, True),
        make_finding(Check.LICENSE_ACTIVE, False),
        make_finding(Check.NAME_MATCHES, Result.CONSIDER),
    ]
    await house.facts(failed, FactKind.SCREENED, round=0, findings=[one.model_dump(mode="json") for one in found])
    await waiting(house)
    await flagged(house, "list_late", NOW - timedelta(days=40))
    text = read(await house.browser.get("/staff")).text
    told = "2/5 1 failed: License active 1 to be considered: Name on the license 1 not known: Whose the NPN is"
    assert told in text
    assert re.search(r"40 days \d\d days over since", text)
    assert text.count("due ") == 2
    answer = await house.browser.get("/staff?finding=failed")
    assert rows(answer.text) == [failed]
    assert link(answer.text, "clear") == "/staff"
    assert "1 sin cumplir: Licencia activa" in read(await house.browser.get("/staff?finding=failed&lang=es")).text


async def test_each_column_sorts_and_turns_round_and_the_order_goes_along(house: House) -> None:
    await house.sign_in()
    opened = [await waiting(house, first_name="Ana", last_name=name) for name in ("Zeta", "Medio", "Alfa")]
    answer = await house.browser.get("/staff?kind=broker")
    assert rows(answer.text) == opened
    assert link(answer.text, "sort-name") == "/staff?kind=broker&sort=name"
    assert link(answer.text, "sort-since") == "/staff?kind=broker&sort=-since"
    answer = await house.browser.get("/staff?kind=broker&sort=name")
    reader = read(answer)
    assert rows(answer.text) == opened[::-1]
    assert [one.get("aria-sort") for one in reader.of("th") if one.get("scope") == "col"][:2] == ["ascending", None]
    assert link(answer.text, "sort-name") == "/staff?kind=broker&sort=-name"
    assert f'href="/staff/cases/{opened[0]}?kind=broker&amp;sort=name"' in answer.text
    assert next(one["value"] for one in reader.of("option") if "selected" in one) == "name"
    assert rows((await house.browser.get("/staff?sort=-name")).text) == opened
    case = await house.browser.get(f"/staff/cases/{opened[2]}?sort=name")
    assert f"/staff/cases/{opened[1]}?sort=name" in case.text, "the next one in this order"
    assert rows((await house.browser.get("/staff?sort=nonsense")).text) == opened


async def test_a_view_is_saved_by_name_for_who_saved_it_and_dropped_again(house: House) -> None:
    csrf = await house.sign_in()
    case_id = await waiting(house)
    asked = "?finding=unknown&sort=-name"
    form = {"csrf_token": csrf, "name": "  Open   questions ", "query": f"{asked}&after=x&words=Ana"}
    answer = await house.post("/staff/views", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/staff{asked}")
    page = await house.browser.get(f"/staff{asked}")
    assert rows(page.text) == [case_id]
    (current,) = [one for one in read(page).of("a") if one.get("aria-current") == "true"]
    assert current["href"] == f"/staff{asked}"
    assert "Drop the view Open questions" in read(page).text
    assert "Open questions" in read(await house.browser.get("/staff")).text
    refused = read(await house.post("/staff/views", {**form, "query": "?finding=fail&sort=name"}), 409)
    assert "You have another view of the name Open questions; choose another name" in refused.text
    field = next(one for one in refused.of("input") if one.get("id") == "view-name")
    assert (field["value"], field["aria-describedby"]) == ("Open questions", "view-name-error")
    assert f"/staff{asked}" in [one.get("href") for one in read(await house.browser.get("/staff")).of("a")]
    await house.sign_in(StaffRole.AUDITOR)
    assert "Open questions" not in read(await house.browser.get("/staff")).text
    csrf = await house.sign_in()
    await house.post("/staff/views/drop", {"csrf_token": csrf, "name": "Open questions"})
    assert "Open questions" not in read(await house.browser.get("/staff")).text
    await house.post("/staff/views/drop", {"csrf_token": csrf, "name": "Open questions"})
    of_views = select(AuditRow).where(col(AuditRow.action).startswith("view.")).order_by(col(AuditRow.id))
    audited = await house.database.read(case_state.list_rows, of_views)
    told = {"name": "Open questions", "query": asked}
    assert [(row.actor, row.action, row.details) for row in audited] == [
        ("reviewer", "view.saved", told),
        ("reviewer", "view.dropped", told),
    ]
    for number in range(21):
        answer = await house.post("/staff/views", {"csrf_token": csrf, "name": f"View {number:02d}", "query": asked})
    assert "You have 20 views, as many as one can keep" in read(answer, 409).text
    page = await house.browser.get("/staff")
    assert "View 19" in page.text
    assert "View 20" not in page.text


async def test_the_queue_says_on_whose_desk_a_case_is_and_is_filtered_and_put_in_order_by_it(house: House) -> None:
    opened = [await waiting(house, first_name=name) for name in ("Ana", "Bea", "Cid")]
    await house.sign_in(StaffRole.REVIEWER, StaffRole.AUDITOR)
    await house.browser.get(f"/staff/cases/{opened[1]}")
    csrf = await house.sign_in()
    queue = await house.browser.get("/staff")
    assert 'data-label="Desk">reviewer-auditor<' in queue.text
    assert desks(queue.text) == {"reviewer": 0, "nobody": 2, "reviewer-auditor": 1}
    await house.browser.get(f"/staff/cases/{opened[2]}")
    queue = await house.browser.get("/staff?sort=desk")
    assert 'data-label="Desk">you<' in queue.text
    assert rows(queue.text) == [opened[2], opened[1], opened[0]], "by name, nobody's last"
    assert link(queue.text, "sort-desk") == "/staff?sort=-desk"
    assert rows((await house.browser.get("/staff?sort=-desk")).text) == [opened[0], opened[1], opened[2]]
    mine = await house.browser.get("/staff?desk=reviewer")
    assert rows(mine.text) == [opened[2]]
    assert "Cases waiting for staff: 1" in read(mine).text
    assert f'href="/staff/cases/{opened[2]}?desk=reviewer"' in mine.text
    assert rows((await house.browser.get("/staff?desk=nobody")).text) == [opened[0]]
    assert rows((await house.browser.get("/staff?desk=reviewer-auditor&kind=broker")).text) == [opened[1]]
    assert rows((await house.browser.get("/staff?desk=somebody")).text) == []
    assert len(rows((await house.browser.get("/staff/cases?desk=reviewer")).text)) == 3, "of the queue alone"
    await house.post(f"/staff/cases/{opened[2]}/release", {"csrf_token": csrf})
    assert rows((await house.browser.get("/staff?desk=nobody")).text) == [opened[0], opened[2]]
    form = {"csrf_token": csrf, "name": "Mine", "query": "?desk=reviewer&sort=name"}
    answer = await house.post("/staff/views", form)
    assert answer.headers["location"] == "/staff?desk=reviewer&sort=name"


def desks(page: str) -> dict[str, int]:
    """How many cases the filter says are on each desk."""
    found = re.findall(r'id="desk-([\w-]+)"[^>]*><label[^>]*>[^<]*<span class="facet__count">(\d+)<', page)
    return {who: int(number) for who, number in found}


async def test_whose_names_a_page_shows_is_recorded_once_before_it_is_shown(house: House) -> None:
    await house.sign_in()
    cases = {await waiting(house), await waiting(house)}
    ended = await house.open(documents.broker())
    await house.browser.get("/staff")
    assert [(access.actor, access.page) for access in await house.list_accesses()] == [("reviewer", "queue")] * 2
    assert {access.case_id for access in await house.list_accesses()} == cases
    await house.browser.get("/staff/cases")
    noted = (await house.list_accesses())[:-2]
    assert {(access.page, access.case_id) for access in noted} == {("cases", case) for case in (*cases, ended)}


async def test_a_flag_up_while_a_decision_is_due_shows_both(house: House) -> None:
    await house.sign_in()
    case_id = await waiting(house)
    await house.services.database.write(flag_case, case_id, "identity_conflict", NOW)
    reader = read(await house.browser.get("/staff"))
    assert "Decision to make NPN known under another name or e-mail" in reader.text


async def test_a_flag_of_another_release_hides_no_case(house: House) -> None:
    await house.sign_in()
    await flagged(house, "printer.on_fire", NOW)
    for path in ("/staff", "/staff/cases", "/staff?attention=printer.on_fire", "/staff/dashboard"):
        assert "Something else to look at: printer.on_fire" in read(await house.browser.get(path)).text


async def test_filters_narrow_the_list_and_stand_in_the_address(house: House) -> None:
    await house.sign_in()
    broker = await waiting(house)
    agent = await house.open(documents.agent())
    await house.services.database.write(flag_case, agent, "mail_refused", NOW)
    everybody = await house.browser.get("/staff")
    assert set(rows(everybody.text)) == {broker, agent}
    counted = dict(
        re.findall(r'id="(kind-\w+)"[^>]*><label[^>]*>[^<]*<span class="facet__count">(\d+)<', everybody.text)
    )
    assert counted == {"kind-agent": "1", "kind-broker": "1"}

    answer = await house.browser.get("/staff?kind=agent&stage=")
    reader = read(answer)
    assert rows(answer.text) == [agent]
    chosen = [field["id"] for field in reader.of("input") if "checked" in field and field["type"] == "radio"]
    assert "kind-agent" in chosen
    assert f'href="/staff/cases/{agent}?kind=agent"' in answer.text
    assert link(answer.text, "clear") == "/staff"
    # Counted with the other filters on, so that a reader sees where one more choice leads.
    counted = dict(
        re.findall(
            r'id="((?:kind|attention)-\w+)"[^>]*><label[^>]*>[^<]*<span class="facet__count">(\d+)<', answer.text
        )
    )
    assert counted["kind-broker"] == "1"
    assert counted.get("attention-decision") is None

    nobody = read(await house.browser.get("/staff?kind=agent&attention=decision"))
    assert "Nothing waits that matches these filters." in nobody.text
    assert "Cases waiting for staff: 0" in nobody.text


@pytest.mark.parametrize(
    "query", ["stage=nonsense", "plan_year=24", "plan_year=2024x", "kind=%3Cscript%3E", "attention=%27%20or%201", "x=1"]
)
@pytest.mark.parametrize("path", ["/staff", "/staff/cases"])
async def test_what_no_filter_means_is_left_out(house: House, path: str, query: str) -> None:
    await house.sign_in()
    case_id = await waiting(house)
    answer = await house.browser.get(f"{path}?{query}")
    read(answer)
    assert rows(answer.text) == [case_id]
    assert "Clear the filters" not in answer.text


@pytest.mark.parametrize("path", ["/staff", "/staff/cases"])
async def test_pages_go_through_a_long_list_without_gap_or_repeat_and_back(house: House, path: str) -> None:
    await house.sign_in()
    fill(house.services.settings.database_url, 1500)
    known = await house.database.read(case_state.list_rows, select(Case).where(col(Case.program) == "bewellnm"))
    if path == "/staff":
        queued = sorted((case.attention_since, case.case_id) for case in known if case.attention_since)
        expected = [case_id for _, case_id in queued]
    else:
        expected = [case.case_id for case in sorted(known, key=lambda case: (case.opened_at, case.case_id))][::-1]
    assert len(expected) > 2 * AT_A_TIME

    seen: list[list[str]] = []
    url: str | None = f"{path}?program=bewellnm"
    first = url
    while url:
        assert "program=bewellnm" in url
        answer = await house.browser.get(url)
        read(answer)
        seen.append(rows(answer.text))
        assert (link(answer.text, "page-first") is None) == (len(seen) == 1)
        last, url = answer.text, link(answer.text, "page-next")
        if len(seen) == 4:  # of every case this is enough
            break
    whole = [case_id for page in seen for case_id in page]
    assert whole == expected[: len(whole)]
    assert url is not None or whole == expected
    assert {len(page) for page in seen[:-1]} == {AT_A_TIME}
    previous = link(last, "page-previous")
    assert previous is not None
    assert rows((await house.browser.get(previous)).text) == seen[-2]
    assert link(last, "page-first") == first


@pytest.mark.parametrize("after", ["x", "%00x", "P" * 5000, "PgAGYE-1j", "%C3%A9"])
async def test_no_place_of_the_list_leads_to_its_beginning(house: House, after: str) -> None:
    await house.sign_in()
    await waiting(house)
    answer = await house.browser.get(f"/staff?kind=broker&after={after}")
    if after.startswith("%00"):
        assert answer.status_code == 400
    else:
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff?kind=broker")


async def test_all_cases_come_newest_first_and_lead_back_to_their_list(house: House) -> None:
    await house.sign_in()
    opened = [await house.open(documents.broker()) for _ in range(3)]
    answer = await house.browser.get("/staff/cases?program=bewellnm")
    reader = read(answer)
    assert rows(answer.text) == opened[::-1]
    assert f'href="/staff/cases/{opened[0]}?program=bewellnm&amp;view=all"' in answer.text
    assert "Cases: 3" in reader.text
    assert "Request received" in reader.text


async def test_staff_read_what_a_stage_means_to_them_not_to_the_assister(house: House) -> None:
    await house.sign_in()
    await house.decide(await house.open(documents.broker()), "ask")
    text = read(await house.browser.get("/staff/cases")).text
    assert "Waits for the assister's answer" in text
    assert "your answer" not in text


async def test_the_list_keeps_its_filters_in_spanish(house: House) -> None:
    await house.sign_in()
    await waiting(house)
    answer = await house.browser.get("/staff?kind=broker&lang=es")
    reader = read(answer)
    assert "Casos que esperan al personal: 1" in reader.text
    switch = next(one["href"] for one in reader.of("a") if one.get("hreflang") == "en")
    assert switch == "/staff?kind=broker&lang=en"


async def test_every_role_reads_the_queue_and_only_some_export_it(house: House) -> None:
    case_id = await waiting(house)
    for role in StaffRole:
        await house.sign_in(role)
        answer = await house.browser.get("/staff")
        assert rows(answer.text) == [case_id]
        export = await house.browser.get("/staff/export.csv")
        may = role in (StaffRole.REVIEWER, StaffRole.AUDITOR)
        assert (export.status_code, "/staff/export.csv" in answer.text) == (200 if may else 403, may)


async def test_shortcuts_are_told_on_the_page_and_can_be_switched_off(house: House) -> None:
    await house.sign_in()
    reader = read(await house.browser.get("/staff"))
    assert [one["id"] for one in reader.of("dialog")] == ["shortcuts"]
    assert "Use these shortcuts on this computer" in reader.text
    opener = next(one for one in reader.of("button") if one.get("id") == "shortcuts-open")
    assert "hidden" in opener  # until a script comes that knows them
    assert not [one for _, one in reader.tags if "accesskey" in one or "style" in one or "onclick" in one]
