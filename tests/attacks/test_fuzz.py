"""Webhooks, codes and forms with what nobody would send: no 5xx, and every refusal is a sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import strategies as st

from domain.federal.policies import FEDERAL_POLICIES
from domain.state.policies import POLICIES
from templates.labels import FIELDS
from tests.attacks.callers import ASSISTER, NOBODY, REGISTRANT, OpenHouse, furnish
from tests.attacks.drawing import NASTY, TEXT, alter_documents, draw_some
from tests.attacks.refusals import find_fault
from tests.support import documents
from tests.web.house import House
from web.http.permissions import StaffRole

SAMPLES = Path(__file__).parents[1] / "fixtures" / "senders"
TIME = "2024-01-31T12:00:00Z"
STATE = POLICIES[("bewellnm", 2024)].model_dump(mode="json")
FEDERAL = FEDERAL_POLICIES[2024].model_dump(mode="json")
# What pages send besides the fields of requests and profiles.
BUTTONS = (
    *("step", "do", "code", "email", "words", "reason", "verdict", "override", "notice", "flag", "curriculum"),
    *("channel", "case_id", "program", "plan_year", "command_id", "agreement_version", "npn", "method", "next"),
)
FORM = "application/x-www-form-urlencoded"


def read_sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def list_samples(sender: str, known: dict[str, str]) -> list[Any]:
    """Reports that this sender would send."""
    case, person = known["known-certified"], known["known-assister"]
    opened, registration = {"case_id": case, "assister_id": person}, known["known-registration"]
    about = {"case_id": case, "occurred_at": TIME}
    check = {"candidate_id": "1", "custom_id": case, "status": "complete", "result": "clear"}
    exam = documents.exam(STATE, opened, 0.9, id="5c2f0a5e-7c34-4a41-9d5e-3a0f0c1d2e01", timestamp=TIME)
    course = documents.course(FEDERAL, opened | {"case_id": registration}, "individual_full", timestamp=TIME)
    return {
        "lms": [exam, [exam, exam]],
        "moodle": [read_sample("moodle-quiz-passed"), read_sample("moodle-course-completed")],
        "scorm-cloud": [read_sample("scorm-cloud-passed"), read_sample("scorm-cloud-failed")],
        "docebo": [read_sample("docebo-batch"), read_sample("docebo-completed")],
        "mlms": [course],
        "portal": [about | {"type": "account.registered"}, about | {"type": "registration.refused", "reason": "No."}],
        "background-checks": [{"id": "1", "type": "report.completed", "created_at": TIME, "data": {"object": check}}],
        "vendor-a": [documents.vendor_report("a-ticket", "individual_full")],
    }[sender]


WEBHOOKS = [
    *((sender, "/webhooks/lms") for sender in ("lms", "moodle", "scorm-cloud", "docebo", "mlms")),
    *((sender, "/xapi/statements") for sender in ("lms", "moodle")),
    *((sender, f"/webhooks/{sender}") for sender in ("portal", "background-checks")),
    *(("vendor-a", path) for path in ("/webhooks/vendors/vendor-a", "/api/vendors/vendor-a/tickets")),
]
BODIES = (b"", b"\xff\xfe", b"[" * 20_000, b"{", b"null", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"1e999", b'"\\ud800"')


@pytest.fixture
async def open_house(house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> OpenHouse:
    return await furnish(house, app, monkeypatch)


@pytest.mark.parametrize(("sender", "path"), WEBHOOKS)
async def test_a_webhook_takes_anything_or_says_what_is_wrong(open_house: OpenHouse, sender: str, path: str) -> None:
    show, http = await open_house.admit(sender), open_house.house.browser
    drawn = draw_some(alter_documents(list_samples(sender, dict(open_house.known))), 40)
    for body in (*BODIES, *(json.dumps(document).encode() for document in drawn)):
        answer = await http.post(path, content=body, headers={"Content-Type": "application/json", **show(body)})
        assert not find_fault(answer), (find_fault(answer), body, answer.text)


async def test_a_credential_takes_anything_or_says_what_is_wrong(open_house: OpenHouse) -> None:
    names = ("Authorization", "webhook-id", "webhook-timestamp", "webhook-signature", "X-Checkr-Signature", "Cookie")
    schemes = st.sampled_from(("", "Bearer ", "Basic ", "v1,", "own=", "staff=", "browser=", "request=", "Basic Og=="))
    some = st.dictionaries(st.sampled_from(names), st.tuples(schemes, TEXT).map("".join), min_size=1, max_size=4)
    for headers in draw_some(some, 60):
        # A header holds bytes, and no line ends.
        given = {name: value.encode("utf-8", "replace") for name, value in headers.items()}
        sent = [(name.encode(), value.translate(None, b"\r\n\0")) for name, value in given.items()]
        for path in ("/webhooks/lms", "/webhooks/background-checks", "/api/portal/applicants", "/me", "/staff"):
            method = "GET" if path in ("/me", "/staff") else "POST"
            answer = await open_house.house.browser.request(method, path, content=b"{}", headers=sent)
            assert not find_fault(answer), (find_fault(answer), sent, answer.text)
            assert answer.status_code in (200, 303, 401, 403), answer.text


async def test_a_code_opens_nothing_unless_it_is_the_one_and_says_so(open_house: OpenHouse) -> None:
    await open_house.admit(NOBODY)
    http = open_house.house.browser
    for email, code, is_known in draw_some(st.tuples(TEXT, TEXT, st.booleans()), 60):
        asked = await send_form(http, "/me/code", {"email": "testa.broker@example.com" if is_known else email})
        typed = await send_form(http, "/me/sign-in", {"code": code})
        for answer in (asked, typed):
            assert not find_fault(answer), (find_fault(answer), email, code, answer.text)
        assert typed.status_code == 422 or typed.headers["location"].startswith("/me")
        assert "own" not in http.cookies


async def send_form(http: httpx2.AsyncClient, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
    body = urlencode(fields, errors="replace").encode()
    return await http.post(path, content=body, headers={"Content-Type": FORM, "Accept": "text/html", **headers})


def list_form_addresses(app: FastAPI) -> Iterator[str]:
    """Every address that takes a form; those that end a session come last."""
    found = ((context.path or "", context.original_route) for context in iter_route_contexts(app.routes))
    paths = {path for path, route in found if isinstance(route, APIRoute) and "POST" in (route.methods or ())}
    yield from sorted((path for path in paths if not path.startswith(("/api", "/webhooks", "/xapi"))), key=_rank)


def _rank(path: str) -> tuple[bool, str]:
    return path.endswith(("sign-out", "withdraw")), path


def fill_in_address(open_house: OpenHouse, path: str, reference: str) -> str:
    there = {"reference": reference, "case_id": "known-case", "token": "x", "slug": "contact", "number": "1"}
    there |= {"name": "individual_general", "session_id": "1", "rest:path": "x"}
    for name, value in there.items():
        path = path.replace(f"{{{name}}}", value)
    return open_house.fill_in(path)


@pytest.mark.parametrize("caller", [NOBODY, ASSISTER, REGISTRANT, StaffRole.REVIEWER, StaffRole.OPERATOR])
async def test_a_form_takes_anything_or_says_what_is_wrong(app: FastAPI, open_house: OpenHouse, caller: str) -> None:
    show, http = await open_house.admit(caller), open_house.house.browser
    addresses = list(list_form_addresses(app))
    assert len(addresses) > 25
    await send_form(http, "/request", {"plan_year": "2024"})
    names = st.sampled_from((*BUTTONS, *FIELDS))
    drawn = draw_some(st.dictionaries(names, TEXT, max_size=12), 3 * len(addresses))
    reference = "known-registration" if caller == REGISTRANT else "known-case"
    for place, fields in enumerate(drawn):
        path = fill_in_address(open_house, addresses[place // 3], reference)
        answer = await send_form(http, path, fields, **show(b""))
        assert not find_fault(answer), (find_fault(answer), path, fields, answer.text[:3000])


async def test_a_form_with_a_nasty_text_in_every_field_is_refused_by_field(open_house: OpenHouse) -> None:
    await open_house.admit(NOBODY)
    http = open_house.house.browser
    for text in map(str, NASTY):
        for path in ("/portal/register", "/portal/register/person", "/request/contact", "/request/license", "/me/code"):
            answer = await send_form(http, path, dict.fromkeys(FIELDS, text))
            assert not find_fault(answer), (find_fault(answer), path, text)
