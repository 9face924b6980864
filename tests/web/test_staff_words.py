"""The console's lists in a language nobody speaks: what is not in its brackets escapes translation."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from domain.shared.cases.facts import FactKind
from tests.support import documents
from tests.templates.test_pseudo import Pseudo, Shown, left_of
from tests.web.house import NAMES, House
from tests.web.test_staff_queue import flagged, waiting
from web.http.environments import build_environments
from web.http.permissions import StaffRole
from web.services import TEMPLATES
from web.staff.export import COLUMNS
from web.staff.layout import NAVIGATION

# Dates, spans and times of day, which the catalogs don't hold.
MEASURED = re.compile(
    r"(?:[A-Z][a-z]+ \d+, \d{4}(?:, \d+:\d\d [AP]M [A-Z]+)?)|(?:[\d.]+ (?:days?|hours?|minutes?|hr|min|sec))"
    r"|<kbd>\w+</kbd>"
)
VALUES = {
    "people": ["Testa", "Broker", "Agent", *NAMES.values(), "reviewer", "auditor-operator-reviewer"],
    "columns": list(COLUMNS),
    "codes": ["printer.on_fire"],
    "translated by code": [*(label for _, label, _ in NAVIGATION), "beWellnm Customer Engagement Center"],
}


@pytest.fixture(autouse=True)
def _pseudo(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for language, pages in build_environments(TEMPLATES, lambda _: Pseudo()).items():
        monkeypatch.setitem(house.services.pages, language, pages)


async def full(house: House) -> None:
    """Something for every page to show."""
    now = datetime.now(UTC)
    await house.sign_in()
    await waiting(house)
    await house.decide(await house.open(documents.agent()), "approve")
    for what in ("mail_refused", "printer.on_fire"):
        await flagged(house, what, now - timedelta(days=2))
    await house.facts(await house.open(documents.broker()), FactKind.WITHDRAWN, reason="x", by="staff")
    await house.browser.get("/staff")
    await house.browser.get("/staff/export.csv")
    csrf = await house.sign_in(StaffRole.AUDITOR, StaffRole.OPERATOR, StaffRole.REVIEWER)
    house.browser.headers["x-csrf-token"] = csrf


@pytest.mark.parametrize(
    "path",
    [
        *("/staff", "/staff?kind=broker", "/staff?attention=list_late", "/staff/cases", "/staff/search"),
        *(
            "/staff/dashboard",
            "/staff/access-log",
            "/staff/access-log?actor=x",
            "/staff/sessions",
            "/staff/sessions?told=ended",
        ),
    ],
)
async def test_no_word_of_the_console_escapes_translation(house: House, path: str) -> None:
    await full(house)
    answer = await house.browser.get(path)
    assert answer.status_code == 200
    told(answer.text)


@pytest.mark.parametrize("words", ["testa", "nobody"])
async def test_no_word_of_what_was_found_escapes_translation(house: House, words: str) -> None:
    await full(house)
    answer = await house.post("/staff/search", {"words": words})
    assert answer.status_code == 200
    told(answer.text)


async def test_nor_of_the_pages_that_are_empty(house: House) -> None:
    await house.sign_in(StaffRole.AUDITOR)
    for path in ("/staff", "/staff/cases", "/staff/dashboard", "/staff/access-log"):
        told((await house.browser.get(path)).text)


def told(page: str) -> None:
    """Every word of the page is translated, but for what nobody translates."""
    shown = " ".join(Shown(re.sub(r"<kbd>[^<]*</kbd>", "", page)).words)
    assert "⟦" in shown
    shown = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", MEASURED.sub("", shown))
    assert left_of(shown, VALUES) == []
