"""Temporal's file and all logs after whole lives with failures on the way: no name, e-mail, phone or NPN in them (C1).

Histories of successful workflows may hold what a failed attempt said, so every third party and the mail server fails
for a while, in each of the ways it can.
"""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from temporalio.client import Client

from starter.client import make_plugin
from starter.stack.embedded import run_stack
from tests.support import documents, form
from tests.support.browser import Browser
from tests.support.lives import Life
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.slow

FAULTS: list[dict[str, Any]] = [{"mode": "down"}, {"mode": "error", "status": 500}, {"mode": "garbage"}]
MAIL_FAULTS: list[dict[str, Any]] = [{"mode": "down"}, {"mode": "error", "status": 451}, {"mode": "garbage"}]
REFUSED_FOR_GOOD = {"mode": "error", "status": 550, "times": 1}
THIRD_PARTIES = ("registry", "background_checks", "lms", "portal")

BROKER = documents.broker(
    npn="1790246835",
    first_name="Quillonia",
    last_name="Zarthwick-Ñandú",
    email="quillonia.zarthwick+lives@inbox.example.com",
    phone="(505) 867-4193",
    license_number="NM-1790246835",
)
COUNSELOR = documents.counselor(
    first_name="Xochiquetzal",
    last_name="Vandermolenaar",
    email="xochi.vandermolenaar@mail.example.org",
    phone="+1 505 314 9267",
)
QUESTION = "Is Quillonia reachable under (505) 867-4193?"
MESSAGE = "Yes: Zarthwick at quillonia.zarthwick+lives@inbox.example.com"
REFUSAL = "Vandermolenaar told us that Xochiquetzal moved away"
TELLING = (
    "Quillonia",
    "Zarthwick",
    "Ñandú",
    "Xochiquetzal",
    "Vandermolenaar",
    "1790246835",
)


def spellings(text: str) -> set[str]:
    """The ways in which a string may be written in a file."""
    plain = {text, json.dumps(text)[1:-1], quote(text), quote(text, safe=""), text.encode("punycode").decode("ascii")}
    digits = re.sub(r"\D", "", text)
    if len(digits) >= 10:
        plain |= {digits, digits[-10:], f"{digits[-10:-7]}-{digits[-7:-4]}-{digits[-4:]}"}
    return plain


def needles(*requests: dict[str, Any]) -> set[str]:
    """Everything personal in these requests."""
    found = {QUESTION, MESSAGE, REFUSAL, *TELLING}
    for request in requests:
        for field in ("first_name", "last_name", "email", "phone", "npn", "license_number"):
            if field in request:
                found |= spellings(request[field])
    return {one for one in found if len(one) >= 5}


def hidden(needle: bytes) -> set[bytes]:
    """A string as it looks in the middle of something in base64, at each of the three offsets."""
    found = set()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + needle)
        start = -(-offset * 8 // 6)
        found.add(encoded[start + 1 : len(encoded) - 4])
    return {one for one in found if len(one) >= 6}


class Search:
    """Looks for strings in bytes, whatever their case, in UTF-8 and UTF-16 and inside base64."""

    def __init__(self, wanted: set[str]) -> None:
        self._plain = {
            one: [one.encode().lower(), one.lower().encode(), one.encode("utf-16-le").lower()] for one in wanted
        }
        self._hidden = {one: hidden(one.encode()) for one in wanted}

    def found(self, content: bytes) -> set[str]:
        lowered = content.lower()
        plain = {one for one, forms in self._plain.items() if any(form in lowered for form in forms)}
        return plain | {one for one, forms in self._hidden.items() if any(form in content for form in forms)}


def files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("temporal.sqlite*")
    yield from (folder / "logs").iterdir()


async def histories(address: str) -> str:
    """Every history, with every payload decoded as text."""
    client = await Client.connect(address, plugins=[make_plugin()])
    texts = []
    async for one in client.list_workflows(""):
        history = await client.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        document = history.to_json()
        payloads = re.findall(r'"data":\s*"([A-Za-z0-9+/=]+)"', document)
        texts += [document, *(base64.b64decode(payload).decode("utf-8", "replace") for payload in payloads)]
    return "\n".join(texts)


async def misbehave(world: World, name: str) -> None:
    """A third party, and the mail server with it, fails in every way it can, a call each at least, and then works."""
    await asyncio.gather(fail(world, name, FAULTS), fail(world, "mailbox", MAIL_FAULTS))


async def fail(world: World, name: str, faults: list[dict[str, Any]]) -> None:
    """Each fault stays until a call has met it: what fails is tried again at once, and would find nothing amiss."""
    for fault in faults:
        await world.control(name, **fault)
        before = len(await calls(world, name))  # only now: a call under way would be taken for the one that fails
        async with asyncio.timeout(PATIENCE):
            while len(await calls(world, name)) == before:
                await asyncio.sleep(0.1)
    await world.control(name, mode="ok")


async def calls(world: World, name: str) -> list[dict[str, Any]]:
    url = world.stack["mailbox"] if name == "mailbox" else world.stack["sandbox"][name]
    found: list[dict[str, Any]] = (await world.http.get(f"{url}/calls")).json()
    return found


async def broker_s_life(world: World) -> Life:
    life = Life(world, dict(BROKER))
    await world.know(documents.producer(life.request))
    failing = asyncio.create_task(misbehave(world, "registry"))
    await asyncio.sleep(0.2)
    await life.begin()
    await failing
    await world.until(life.opened, "awaiting_decision")
    assert (await world.decide(life.opened, "ask", reason=QUESTION)).status_code == 200
    await world.letter(life.request["email"], lambda one: "(505) 867-4193?" in (one["text"] or ""))
    link = await world.own_page(life.opened, life.request["email"])
    answered = await world.http.post(
        f"{link}/information", json={"message": MESSAGE, "changes": {"phone": "505 867 4193"}}
    )
    assert answered.status_code == 200, answer_of(answered)
    await world.until(life.opened, "awaiting_decision")
    failing = asyncio.create_task(misbehave(world, "lms"))
    await asyncio.sleep(0.1)
    # An override, since an answer of the registry that could not be read leaves its checks unknown.
    assert (await world.decide(life.opened, override=MESSAGE)).status_code == 200
    await failing
    await life.until("next_plan_year")
    return life


async def counselor_s_life(world: World) -> Life:
    life = Life(world, dict(COUNSELOR))
    failing = asyncio.create_task(misbehave(world, "background_checks"))
    await asyncio.sleep(0.1)
    await life.begin()
    await failing
    await life.until("exam_pass")
    failing = asyncio.create_task(misbehave(world, "portal"))
    await asyncio.sleep(0.1)
    await life.act("exam_pass")
    await failing
    await life.until("next_plan_year")
    return life


def answer_of(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.text}"


async def what_is_refused(world: World) -> None:
    """A conflict, faults in a request, a denial, and requests to places that are not there."""
    another = {**BROKER, "first_name": "Xochiquetzal", "email": "xochi.again@mail.example.org"}
    assert (await world.submit(another)).status_code == 409
    faulty = {**COUNSELOR, "email": "Vandermolenaar at mail", "phone": "Xochiquetzal", "last_name": "Zarthwick\n"}
    assert (await world.submit(faulty)).status_code == 422
    cut = json.dumps(BROKER)[:-5]
    answer = await world.http.post(f"{world.web}/api/requests", content=cut, headers=world.intake)
    assert answer.status_code == 422
    denied = {**COUNSELOR, "email": "vandermolenaar.second@mail.example.org"}
    await world.control("mailbox", **REFUSED_FOR_GOOD)
    opened = await world.opened(denied)
    await world.until(opened, "awaiting_decision")
    assert (await world.decide(opened, "deny", reason=REFUSAL)).status_code == 200
    await world.letter(denied["email"], lambda one: "Xochiquetzal moved away" in one["text"])
    assert (await world.decide(opened, reason=REFUSAL)).status_code == 409
    for path in (
        f"/api/cases/{BROKER['email']}",
        f"/activate/{BROKER['npn']}",
        "/certificates/Quillonia?name=Zarthwick",
    ):
        assert (await world.get(path)).status_code == 404
    statement = {"id": "Quillonia", "actor": {"mbox": f"mailto:{BROKER['email']}"}, "verb": BROKER["last_name"]}
    assert (await world.lms(statement)).status_code == 422
    answer = await world.http.post(
        f"{world.stack['sandbox']['portal']}/register",
        json={"email": COUNSELOR["email"], "certificate_number": "NM24-00000-00000-00000-00000"},
    )
    assert answer.status_code == 403


async def what_is_filled_in(world: World) -> None:
    """The request form, step by step: faults, an NPN under another name, a repeat, and one that is never sent."""
    faulty = {"first_name": "Quillonia", "last_name": "Zarthwick 李", "email": "Vandermolenaar at mail"}
    async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        person = Browser(http)
        await form.begin(person, world.web)
        for step, answers in form.answers_of(COUNSELOR).items():
            if form.step_of(person.page) == step:
                wrong = {name: faulty[name] for name in answers if name in faulty}
                if wrong:
                    assert (await form.answer(person, **wrong)).status == 422
                await form.answer(person, **answers)
        assert "Xochiquetzal" in person.page.text
    for request in (COUNSELOR, {**BROKER, "last_name": "Vandermolenaar"}):
        async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            assert (await form.send(Browser(http), request, world.code, world.web)).status == 200


async def test_no_personal_data_in_temporal_or_in_any_log(tmp_path: Path) -> None:
    async with run_stack(tmp_path) as stack, httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        world = World(stack, http)
        lives = [await broker_s_life(world), await counselor_s_life(world)]
        await what_is_refused(world)
        await what_is_filled_in(world)
        for life in lives:
            await world.command(life.opened, "resend", notice="active", reason=MESSAGE)
        answer = await world.command(lives[0].opened, "revoke", reason=REFUSAL)
        assert answer.status_code == 200, answer_of(answer)
        await world.letter(BROKER["email"], lambda one: "Xochiquetzal moved away" in one["text"])
        decoded = await histories(stack["temporal"])
        heard = {name: {one["status"] for one in await calls(world, name)} for name in (*THIRD_PARTIES, "mailbox")}

    # They did fail, and were tried again; and every life is in the histories.
    assert all(heard[name] >= {500, 503} for name in THIRD_PARTIES), heard
    assert heard["mailbox"] >= {250, 421, 451, 550}
    for life in lives:
        assert life.case_id in decoded
    # How many of a life's effects are regular activities hangs on which of them failed at the first, local attempt.
    assert "activityTaskScheduledEventAttributes" in decoded

    search = Search(needles(BROKER, COUNSELOR))
    assert search.found(decoded.encode()) == set()
    searched = [file for file in files(tmp_path) if file.is_file()]
    assert {"temporal.sqlite", "worker.log", "web.log", "sandbox.log"} <= {file.name for file in searched}
    assert {file.name: found for file in searched if (found := search.found(file.read_bytes()))} == {}

    # The twins: the same search finds all of it where it belongs, and payloads lie in Temporal's file as they are.
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("app.sqlite*"))
    fields = {one[field] for one in (BROKER, COUNSELOR) for field in ("first_name", "email", "last_name")}
    assert search.found(kept) >= {*TELLING, *fields, BROKER["phone"], COUNSELOR["phone"], QUESTION, MESSAGE, REFUSAL}
    history = b"".join(file.read_bytes() for file in tmp_path.glob("temporal.sqlite*"))
    assert all(b'"case_id":"%s"' % life.case_id.encode() in history for life in lives)


@pytest.mark.parametrize("offset", range(4))
def test_the_search_finds_what_is_hidden_in_base64_in_utf_16_and_in_another_case(offset: int) -> None:
    search = Search({"Quillonia"})
    around = b"x" * offset
    for content in (
        base64.b64encode(around + b'{"first_name": "Quillonia"}'),
        around + "QUILLONIA".encode("utf-16-le"),
        around + b"quillonia",
    ):
        assert search.found(b"\0\1" + content + b"\2") == {"Quillonia"}
    assert search.found(base64.b64encode(around + b'{"first_name": "Testa"}')) == set()
