"""Input that is none: whatever is sent, wherever, is refused with a reason and never breaks the door (A10, A12, C4)."""

import hashlib
import hmac
import json
import string
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from tests.support import documents
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]


@pytest.mark.parametrize("body", [b"", b'{"kind": "broker", "kind": "agent"}', b"[]"], ids=str)
async def test_what_is_no_request_is_refused(world: World, body: bytes) -> None:
    answer = await world.http.post(f"{world.web}/api/requests", content=body, headers=world.intake)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert fields(answer)


@pytest.mark.parametrize("path", ["/api/requests", "/webhooks/lms", "/webhooks/portal", "/webhooks/background-checks"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_c4_a_body_of_more_than_256_kib_is_refused(world: World, path: str, chunked: bool) -> None:
    size = 257 * 1024

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(257):
            yield b" " * 1024

    answer = await world.http.post(world.web + path, content=pieces() if chunked else b" " * size, headers=world.intake)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


# who may

STAFF_ONLY = ["/api/cases", "/api/cases/{case}", "/api/cases/{case}/audit"]
COMMANDS = [
    "/api/cases/{case}/" + what for what in ("decision", "withdraw", "revoke", "resend", "suspend", "lift", "terminate")
]


@pytest.mark.parametrize("credential", ["", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"])
async def test_only_staff_read_and_decide(world: World, credential: str) -> None:
    opened = await world.opened(documents.broker())
    headers = {"Authorization": credential.format(token=world.stack["secrets"]["staff_token"]).strip()}
    body = {"decision": "approve", "reason": "checked"}
    for path in [*STAFF_ONLY, *COMMANDS, f"/api/assisters/{opened['assister_id']}/cases"]:
        address = world.web + path.format(case=opened["case_id"])
        method = "GET" if path in STAFF_ONLY else "POST"
        answer = await world.http.request(method, address, json=body, headers=headers)
        assert (path, answer.status_code) == (path, 401)
        assert opened["case_id"] not in answer.text
    await world.until(opened, "awaiting_decision")
    assert {entry["actor"] for entry in await world.audit(opened)} == {"sender:intake", "system"}


async def test_d4_a_request_needs_the_credential_of_who_vouches_for_its_address(world: World) -> None:
    request, tokens = documents.broker(), world.stack["secrets"]
    for credential in ("", "Bearer wrong", f"Basic {tokens['intake_token']}"):
        headers = {"Authorization": credential} if credential else {}
        answer = await world.http.post(f"{world.web}/api/requests", json=request, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert request["npn"] not in answer.text
    foreign = {"Authorization": f"Bearer {tokens['portal']}"}
    answer = await world.http.post(f"{world.web}/api/requests", json=request, headers=foreign)
    assert (answer.status_code, "This credential is for" in answer.json()["detail"]) == (403, True)
    for headers, status in ((world.intake, 201), (world.staff, 200)):
        answer = await world.http.post(f"{world.web}/api/requests", json=request, headers=headers)
        assert answer.status_code == status
    answer = await world.http.get(f"{world.web}/api/cases", headers=world.intake)
    assert (answer.status_code, "intake partner" in answer.json()["detail"]) == (403, True)


async def test_d2_staff_say_what_proves_an_npn_and_an_intake_partner_may_not(world: World) -> None:
    proof = {"method": "paper", "document": "License certificate, seen at the desk."}
    request = documents.broker()
    answer = await world.http.post(f"{world.web}/api/requests", json={**request, "proof": proof}, headers=world.intake)
    assert (answer.status_code, "intake partner" in answer.json()["detail"]) == (403, True)
    for wrong, named in (
        ({"method": "hearsay", "document": "x"}, ["proof.method"]),
        ({"method": "paper"}, ["proof.document"]),
        ({**proof, "by": "me"}, ["proof.by"]),
        ("paper", ["proof"]),
    ):
        body = {**request, "proof": wrong}
        answer = await world.http.post(f"{world.web}/api/requests", json=body, headers=world.staff)
        assert (answer.status_code, fields(answer)) == (422, named)
    body = documents.counselor() | {"proof": proof}
    answer = await world.http.post(f"{world.web}/api/requests", json=body, headers=world.staff)
    assert (answer.status_code, fields(answer)) == (422, ["proof"]), "there is no NPN to be proven"
    body = {**request, "proof": proof}
    answer = await world.http.post(f"{world.web}/api/requests", json=body, headers=world.staff)
    assert answer.status_code == 201
    (opening,) = [entry for entry in await world.audit(answer.json()) if entry["action"] == "case.opened"]
    assert opening["actor"] == "staff:staff"


DECISIONS: list[tuple[Any, list[str]]] = [
    ({"decision": "approve"}, ["reason"]),
    ({"decision": "approve", "reason": ""}, ["reason"]),
    ({"decision": "approve", "reason": " \n"}, ["reason"]),
    ({"decision": "approve", "reason": 5}, ["reason"]),
    ({"decision": "approve", "reason": "x" * 4001}, ["reason"]),
    ({"decision": "approve", "reason": "nul\0"}, ["reason"]),
    ({"decision": "maybe", "reason": "checked"}, ["decision"]),
    ({"decision": None, "reason": None}, ["decision", "reason"]),
    ({"reason": "checked"}, ["decision"]),
    ({"decision": "approve", "reason": "checked", "as": "director"}, ["as"]),
    ({"decision": "approve", "reason": "checked", "override": True}, ["override"]),
    ({}, ["decision", "reason"]),
    ([], ["body"]),
]


async def test_a12_a_decision_that_is_none_is_refused(world: World) -> None:
    opened = await world.opened(documents.broker())
    await world.until(opened, "awaiting_decision")
    address = f"{world.web}/api/cases/{opened['case_id']}/decision"
    answers = [await world.http.post(address, json=body, headers=world.staff) for body, _ in DECISIONS]
    told = [
        (body, answer.status_code, sorted(fields(answer))) for (body, _), answer in zip(DECISIONS, answers, strict=True)
    ]
    assert told == [(body, 422, named) for body, named in DECISIONS]
    assert (await world.status(opened))["stage"] == "awaiting_decision"


WEIRD = [
    "00000000-0000-4000-8000-000000000404",
    "x" * 5000,
    "../../etc/passwd",
    "a/b",
    "né",
    "\U0001f335",
    "' OR 1=1 --",
    "{case_id}",
    "%",
    "%s",
    "\0",
    "a\0b",
    "\n\r\t",
    "\u202e",
    "null",
    "-1",
]


@pytest.mark.parametrize("weird", WEIRD, ids=lambda weird: ascii(weird)[:24])
async def test_an_id_nobody_has_is_not_found(world: World, weird: str) -> None:
    told = quote(weird, safe="")
    decision = {"decision": "approve", "reason": "checked"}
    calls = [
        ("GET", f"/api/cases/{told}", None),
        ("GET", f"/api/cases/{told}/audit", None),
        ("POST", f"/api/cases/{told}/decision", decision),
        ("POST", f"/api/cases/{told}/withdraw", {"reason": "moved"}),
        ("POST", f"/api/cases/{told}/resend", {"reason": "lost", "notice": "active"}),
        ("POST", f"/api/assisters/{told}/cases", {"plan_year": 2024}),
        ("GET", f"/me/{told}", None),
        ("POST", f"/me/{told}/information", {"message": "here"}),
        ("GET", f"/certificates/{told}", None),
        ("GET", f"/activate/{told}", None),
        ("GET", f"/api/policies/{told}/2024", None),
        ("GET", f"/resources/{told}", None),
    ]
    await world.sign_in("nobody.at.all@example.com")
    for method, path, body in calls:
        answer = await world.http.request(method, world.web + path, json=body, headers=world.staff)
        assert (path[:40], answer.status_code) in {(path[:40], status) for status in (400, 404, 405)}
    for name in ("after", "stage", "limit", "plan_year", "program"):
        answer = await world.get("/api/cases", params={name: weird})
        assert answer.status_code in (200, 400, 404, 422)


# anything at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["NM", "broker", "\x00", "\u202e", "1e999", "2024-02-30T25:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(string.printable, max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FUZZED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@st.composite
def spoiled(draw: st.DrawFn, document: Document) -> Any:
    """A document with one or two of its parts, however deep, replaced by anything at all, or left out."""
    spoilt: Document = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 2))):
        part: Any = spoilt
        while True:
            key = draw(st.sampled_from(sorted(part) or ["x"]))
            if isinstance(part.get(key), dict) and part[key] and draw(st.booleans()):
                part = part[key]
                continue
            if draw(st.booleans()):
                part[key] = draw(JSON)
            else:
                part.pop(key, None)
            break
        if not spoilt:
            break
    return spoilt


def reports() -> list[tuple[str, Document]]:
    ids = {
        "home_page": "https://lms.bewellnm.example",
        "exam_id": "https://lms.bewellnm.example/activities/2024/final-exam",
    }
    nobody = {"case_id": str(uuid4()), "assister_id": "ast_nobody"}
    subject = {"id": "r1", "object": "report", "status": "complete", "result": "clear", "candidate_id": "c1"}
    return [
        ("lms", documents.exam({"lms": ids}, nobody, 0.9)),
        ("portal", {"type": "account.registered", "case_id": nobody["case_id"], "occurred_at": "2026-01-01T00:00:00Z"}),
        ("background-checks", {"id": "e1", "object": "event", "type": "report.completed", "data": {"object": subject}}),
    ]


@FUZZED
@given(request=JSON | spoiled(documents.agent("1")) | spoiled(documents.broker("2")) | spoiled(documents.counselor()))
async def test_no_request_whatever_breaks_the_door(world: World, request: Any) -> None:
    answer = await world.submit(request)
    assert answer.status_code in (200, 201, 409, 422), answer.text


@pytest.mark.parametrize(("source", "report"), reports(), ids=lambda value: value if isinstance(value, str) else "")
@FUZZED
@given(data=st.data())
async def test_c4_no_signed_report_whatever_breaks_the_door(
    world: World, source: str, report: Document, data: st.DataObject
) -> None:
    body = data.draw(JSON | spoiled(report))
    answer = await signed(world, source, body)
    assert answer.status_code in (202, 409, 422), answer.text


async def signed(world: World, source: str, body: Any) -> httpx2.Response:
    if source != "background-checks":
        secret = world.stack["secrets"][f"{source}_webhook"]
        return await world.signed(f"/webhooks/{source}", secret, body)
    raw = json.dumps(body).encode()
    key = world.stack["secrets"]["background_checks_webhook"].encode()
    headers = {"x-checkr-signature": hmac.new(key, raw, hashlib.sha256).hexdigest()}
    return await world.http.post(f"{world.web}/webhooks/background-checks", content=raw, headers=headers)
