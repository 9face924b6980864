"""Complete contexts for the pages anybody may open, as the templates' comments ask for."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

from domain.federal.listed_years import ListedMarket
from domain.federal.markets import Market, NpnStatus
from domain.shared.assister import Kind
from domain.shared.cases.stages import Stage
from tests.templates.contexts import FEDERAL_CONTACT, HELP_DESK, frame
from web.http.addresses import set_language

AT = datetime(2024, 3, 6, 1, 0, tzinfo=UTC)
STANDS = ListedMarket(Market.INDIVIDUAL, date(2024, 3, 6), None, stands=True)
ENDED = ListedMarket(Market.SHOP, date(2024, 3, 6), date(2024, 4, 6), stands=False)
LISTS = ("rcl", "terminations", "find-local-help", "help-on-demand")
FAULTS = {name: [{"field": name, "message": f"Fault of {name}."}] for name in ("number", "npn")}

Build = Callable[..., dict[str, object]]


def home(language: str, is_open: bool = True) -> dict[str, object]:
    return {
        **frame(language, "/"),
        "plan_year": 2024,
        "is_open": is_open,
        "kinds": [{"kind": kind.value, "url": f"/resources/{kind}"} for kind in Kind],
        "values": {},
        "errors": [],
    }


def verify(language: str, typed: str | None = None) -> dict[str, object]:
    faults = FAULTS["number"] if typed is not None else []
    return {**frame(language, "/certificates"), "values": {"number": typed or ""}, "errors": faults}


def federal(language: str, path: str) -> dict[str, object]:
    return {"contact": FEDERAL_CONTACT, "switch_url": set_language(path, "en" if language == "es" else "es")}


def registry(language: str, published_at: datetime | None = AT, typed: str | None = None) -> dict[str, object]:
    return {
        **federal(language, "/registry"),
        "published_at": published_at,
        "lists": [
            {"list": name, "csv_url": f"/registry/{name}.csv", "json_url": f"/registry/{name}.json"} for name in LISTS
        ],
        "values": {"npn": typed or ""},
        "errors": FAULTS["npn"] if typed is not None else [],
    }


def listed(language: str, published_at: datetime | None = AT, **changes: object) -> dict[str, object]:
    """Is my NPN on the list?"""
    return {
        **federal(language, "/registry/listed?plan_year=2024"),
        "action": "/registry/listed",
        "plan_year": 2024,
        "plan_years": [2026, 2025, 2024],
        "published_at": published_at,
        "answer": None,
        "lag": 2,
        "help_desk": HELP_DESK,
        "tracker_url": "/registry/tracker/1234567",
        "own_url": "/me",
        "find_local_help": {"label": "Help of somebody", "url": "https://help.example.gov"},
        "values": {},
        "errors": [],
        **changes,
    }


def answer(*markets: ListedMarket, other_years: tuple[int, ...] = ()) -> dict[str, object]:
    """What the list says of an NPN."""
    return {
        "npn": "1234567",
        "is_listed": bool(markets),
        "stands": any(one.stands for one in markets),
        "markets": markets,
        "other_years": list(other_years),
    }


def tracker(language: str, **changes: object) -> dict[str, object]:
    """The tracker's page; without ``status`` one that knows nothing of the NPN."""
    market = {"training": "complete", "agreements": "incomplete", "completed_on": None}
    whole = {"training": "complete", "agreements": "complete", "completed_on": date(2024, 3, 6)}
    none = {"training": "not_applicable", "agreements": "not_applicable", "completed_on": None}
    year = {"plan_year": "2024", "profile": "complete", "npn_status": "verified", **changes}
    one = {**(whole if changes.get("status") == "complete" else market), "market": "individual"}
    return {
        **federal(language, "/registry/tracker/1234567"),
        "npn": "1234567",
        "published_at": AT if changes else None,
        "years": [{**year, "markets": [one, {**none, "market": "shop"}]}] if changes else [],
        "csv_url": "/registry/tracker/1234567.csv",
        "back_url": "/me?lang=en" if changes else None,
        "values": {},
        "errors": [],
    }


PUBLIC_PAGES: dict[str, tuple[str, Build]] = {
    "home": ("home.html", home),
    "home, closed": ("home.html", partial(home, is_open=False)),
    "verify": ("verify.html", verify),
    "verify with a fault": ("verify.html", partial(verify, typed="<b>&")),
    "registry": ("registry.html", registry),
    "registry, nothing published": ("registry.html", partial(registry, published_at=None)),
    "registry with a fault": ("registry.html", partial(registry, typed="12 <b>")),
    "listed, asked": ("registry_listed.html", listed),
    "listed, nothing published": ("registry_listed.html", partial(listed, published_at=None, answer=answer())),
    "listed with a fault": ("registry_listed.html", partial(listed, values={"npn": "x"}, errors=FAULTS["npn"])),
    "listed, stands": ("registry_listed.html", partial(listed, answer=answer(STANDS, ENDED, other_years=(2023,)))),
    "listed, ended": ("registry_listed.html", partial(listed, answer=answer(ENDED))),
    "listed, missing": ("registry_listed.html", partial(listed, answer=answer(other_years=(2025, 2023)))),
    "tracker, unknown": ("tracker.html", tracker),
    **{
        f"tracker, {status}": ("tracker.html", partial(tracker, status=status))
        for status in ("complete", "in_progress", Stage.WITHDRAWN, Stage.REVOKED, Stage.CLOSED)
    },
    **{
        f"tracker, NPN {status}": ("tracker.html", partial(tracker, status="in_progress", npn_status=status.value))
        for status in NpnStatus
    },
}
