"""Contexts for the sign-in to one's own pages and for their list, with made-up people."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

from db.own_tables import OwnSession
from domain.shared.cases.facts import ToldReason
from domain.state.contacts import list_contacts
from tests.templates.contexts import ANSWERS, frame
from web.gallery.samples import REFERENCE

Build = Callable[..., dict[str, object]]

EMAIL = "testa.broker@example.com"
AT = datetime(2026, 11, 29, 21, 30, tzinfo=UTC)
SESSION = {"email": EMAIL, "ends_at": AT, "seconds": 1800}
ELSEWHERE = OwnSession(token_hash="x", id="7", email=EMAIL, created_at=AT, seen_at=AT, expires_at=AT)
CASES = [
    {
        "program": program,
        "plan_year": 2024,
        "kind": kind,
        "reference": REFERENCE,
        "stage": "in_training",
        "waiting_for": None,
        "user_id": user_id,
        "unproven": user_id is None,
        "email": None,
        "url": "/me/0a1b2c",
    }
    for program, kind, user_id in (("bewellnm", "broker", None), ("ffm", "marketplace_agent_broker", "ast_0a1b2c"))
]


def own(language: str, empty: bool = False, told: str | None = None) -> dict[str, object]:
    return {
        **frame(language, "/me"),
        "own": SESSION,
        "told": told,
        "others": [] if empty else [ELSEWHERE],
        "others_action": "/me/sign-out-elsewhere",
        "address_url": "/me/email",
        "cases": [] if empty else [{**CASES[0], "email": "before@example.com"}, *CASES[1:]] if told else CASES,
    }


def address(language: str, faulty: bool = False, staying: bool = False, moves: bool = True) -> dict[str, object]:
    return {
        **frame(language, "/me/email"),
        "own": SESSION,
        "action": "/me/email",
        "own_url": "/me",
        "staying": [{"plan_year": 2024, "reference": REFERENCE}] if staying else [],
        "moves": moves,
        "values": {"email": "testa"} if faulty else {},
        "errors": [{"field": "email", "message": "Fault of email."}] if faulty else [],
    }


def contacts(language: str, kind: str, faulty: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/me/0a1b2c/contacts"),
        "own": SESSION,
        "action": "/me/0a1b2c/contacts",
        "case_url": "/me/0a1b2c",
        "address_url": "/me/email",
        "contacts": list_contacts(kind),
        "values": ANSWERS,
        "errors": [{"field": "phone", "message": "Fault of phone."}] if faulty else [],
    }


def sign_in(language: str, told: str | None = None, faulty: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/me"),
        "action": "/me/code",
        "identity_url": None if told == "ended" else "/me/sign-in/identity",
        "told": told,
        "values": {"email": "testa"} if faulty else {},
        "errors": [{"field": "email", "message": "Fault of email."}] if faulty else [],
    }


def npn_code(language: str) -> dict[str, object]:
    """To the registry's address, which is shown masked, and can't be another one."""
    return {**code(language), "own": SESSION, "other_url": "", "email": "t•••@e•••.com", "hidden": {"address": "0"}}


def code(language: str, faulty: bool = False, is_user_id: bool = False, is_another: bool = False) -> dict[str, object]:
    return {
        **frame(language, "/me/code"),
        "action": "/me/sign-in",
        "again_action": "/me/code",
        "other_url": "/me",
        "hidden": {"form_token": "0a1b2c"},
        "email": "ast_0190a1b20000700080000001" if is_user_id else EMAIL,
        "is_user_id": is_user_id,
        "is_another": is_another,
        "minutes": 10,
        "sends_request": faulty,
        "values": {},
        "errors": [{"field": "code", "message": "Fault of code."}] if faulty else [],
    }


def kept(language: str, files: tuple[str, ...] = (), own: object = SESSION) -> dict[str, object]:
    return {
        **frame(language, "/me/kept"),
        "own": own,
        "action": "/me/0a1b2c/information",
        "fields": [("message", "Said before <b>"), ("phone", "505-555-0100")],
        "shown": [("Phone number", "505-555-0100")],
        "texts": ["Said before <b>"],
        "files": files,
        "own_url": "/me",
    }


APPEAL = {
    "number": 1,
    "appealed": "denied",
    "received_on": date(2026, 11, 3),
    "grounds": "It was a mistake.",
    "state": "open",
    "outcome": None,
    "label": "informal review",
    "due_on": date(2026, 12, 18),
    "is_stayed": False,
    "is_overdue": False,
    "goes_on": True,
    "decisions": [],
    "files": [{"name": "letter.pdf", "size": 900, "url": "/me/0a1b2c/appeal/1/evidence/1"}],
}
STAYED = {**APPEAL, "appealed": "suspended", "is_stayed": True}
DECIDED = {
    **APPEAL,
    "state": "decided",
    "outcome": "upheld",
    "due_on": None,
    "decisions": [
        {
            "label": "informal review",
            "outcome": "upheld",
            "told": ToldReason("A reason."),
            "effective_on": date(2026, 12, 1),
        }
    ],
    "files": [],
}


def appeal(language: str, **changes: object) -> dict[str, object]:
    given: dict[str, object] = {
        "own": SESSION,
        "told": None,
        "program": "bewellnm",
        "plan_year": 2024,
        "case_url": "/me/0a1b2c",
        "last_day": None,
        "why_not": None,
        "refused": None,
        "appeals": [],
        "urls": {"file": "/me/0a1b2c/appeal", "evidence": "/me/0a1b2c/appeal/evidence", "withdraw": "/me/0a1b2c/x"},
        "values": {},
        "errors": [],
        "most_files": 10,
        "largest_file": 10,
    }
    return {**frame(language, "/me/0a1b2c/appeal"), **given, **changes}


FAULTY: list[dict[str, str]] = [{"field": "file", "message": "Fault of file."}]

OWN_PAGES: dict[str, tuple[str, Build]] = {
    "own": ("own.html", own),
    "own, empty": ("own.html", partial(own, empty=True)),
    "own, signed out elsewhere": ("own.html", partial(own, told="elsewhere")),
    "own, address changed": ("own.html", partial(own, told="address")),
    "own, address changed in part": ("own.html", partial(own, told="address-partly")),
    **{
        f"own, contacts, {kind}, {faulty}": ("own_contacts.html", partial(contacts, kind=kind, faulty=faulty))
        for kind in ("broker", "enrollment_counselor")
        for faulty in (False, True)
    },
    "own, address confirmed": ("own.html", partial(own, told="address-confirmed")),
    "own, address": ("own_address.html", address),
    "own, address of which something stays": ("own_address.html", partial(address, staying=True)),
    "own, address of which all stays": ("own_address.html", partial(address, staying=True, moves=False)),
    "own, address faulty": ("own_address.html", partial(address, faulty=True)),
    "own, sign in": ("own_sign_in.html", sign_in),
    "own, signed out": ("own_sign_in.html", partial(sign_in, told="out")),
    "own, refused": ("own_sign_in.html", partial(sign_in, told="refused")),
    "own, no answer": ("own_sign_in.html", partial(sign_in, told="no_answer")),
    "own, ended": ("own_sign_in.html", partial(sign_in, told="ended")),
    "own, sign in faulty": ("own_sign_in.html", partial(sign_in, faulty=True)),
    "own, code": ("own_code.html", code),
    "own, code faulty": ("own_code.html", partial(code, faulty=True)),
    "own, another code": ("own_code.html", partial(code, is_another=True)),
    "own, code by a user ID": ("own_code.html", partial(code, is_user_id=True)),
    "own, code to the registry's address": ("own_code.html", npn_code),
    "own, kept": ("own_kept.html", kept),
    "own, kept without its files": ("own_kept.html", partial(kept, files=("license <b>.pdf", "letter.png"))),
    "own, kept on the page alone": ("own_kept.html", partial(kept, own=None)),
    "own, appeal to be filed": ("own_appeal.html", partial(appeal, last_day=date(2026, 12, 2))),
    "own, appeal filed": ("own_appeal.html", partial(appeal, appeals=[APPEAL], told="filed")),
    "own, appeal of a suspension": ("own_appeal.html", partial(appeal, appeals=[STAYED], told="filed")),
    "own, appeal overtaken": ("own_appeal.html", partial(appeal, appeals=[{**STAYED, "state": "overtaken"}])),
    "own, appeal late": (
        "own_appeal.html",
        partial(appeal, appeals=[{**APPEAL, "is_overdue": True, "goes_on": False}], program="ffm"),
    ),
    "own, appeal with a fault": ("own_appeal.html", partial(appeal, appeals=[APPEAL], errors=FAULTY)),
    "own, appeal decided": ("own_appeal.html", partial(appeal, appeals=[DECIDED], why_not="Why not.")),
    "own, appeal refused": ("own_appeal.html", partial(appeal, refused="Why not.")),
}
