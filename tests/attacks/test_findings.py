"""A finding counts for what it was made on: nobody is approved by the clear check of somebody else (D5)."""

import re
from typing import Any

import httpx2
import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

Document = dict[str, Any]
NEVER = 80_000
SOMEBODY_ELSE = {"first_name": "Otra", "last_name": "Sampleperson"}


async def _set_outcome(world: World, email: str, after_seconds: float) -> None:
    body = {"email": email, "result": "clear", "after_seconds": after_seconds}
    answer = await world.http.post(f"{world.stack['sandbox']['background_checks']}/outcomes", json=body)
    assert answer.status_code == 201


async def _ask(world: World, opened: Document, request: Document) -> str:
    """Staff ask; the own page on which the assister answers."""
    assert (await world.decide(opened, "ask", reason="please check your name")).status_code == 200
    await world.until(opened, "awaiting_information")
    return await world.own_page(opened, request["email"])


async def _answer(world: World, page: str, **changes: Any) -> httpx2.Response:
    return await world.http.post(f"{page}/information", json={"message": "here", "changes": changes}, timeout=PATIENCE)


async def _list_checked(world: World, opened: Document) -> list[str]:
    """Whom the vendor was asked to check for this case, in order."""
    calls = [call for call in await world.calls("background_checks") if opened["case_id"] in str(call)]
    return [re.findall(r'"first_name": ?"(\w+)"', str(call["body"]).replace("'", '"'))[0] for call in calls
            if call["path"] == "/v1/candidates"]  # fmt: skip


def _find_check(status: Document) -> str:
    return next(str(one["result"]) for one in status["eligibility"]["findings"] if one["check"] == "background_check")


async def test_d5_an_identity_swapped_after_a_clear_check_is_checked_anew(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    assert _find_check(await world.until(opened, "awaiting_decision")) == "pass"
    page = await _ask(world, opened, request)
    swapped = {**SOMEBODY_ELSE, "email": f"else.{request['email']}"}
    await _set_outcome(world, swapped["email"], NEVER)
    assert (await _answer(world, page, **swapped)).json()["errors"][0]["field"] == "email"
    await world.change_address(swapped["email"])

    refused = await _answer(world, page, **swapped)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "background_check_consent")
    assert _find_check(await world.status(opened)) == "pass", "nothing is stored of an answer without consent"

    assert (await _answer(world, page, **swapped, background_check_consent=True)).status_code == 200
    status = await world.until(opened, "awaiting_background_check")
    assert _find_check(status) == "pending"
    for override in (None, "the check of the other one was clear"):
        decided = await world.decide(opened, override=override)
        assert (decided.status_code, "background check" in decided.json()["detail"]) == (409, True)
    await world.wait_until_idle(opened)
    assert await _list_checked(world, opened) == [request["first_name"], SOMEBODY_ELSE["first_name"]]


async def test_d5_the_new_check_counts_and_what_changes_nobody_orders_none(world: World) -> None:
    request = documents.counselor()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    page = await _ask(world, opened, request)
    assert (await _answer(world, page, phone="505-555-0198")).status_code == 200
    assert _find_check(await world.until(opened, "awaiting_decision")) == "pass"
    await world.wait_until_idle(opened)
    assert await _list_checked(world, opened) == [request["first_name"]]
    page = await _ask(world, opened, request)
    assert (await _answer(world, page, **SOMEBODY_ELSE, background_check_consent=True)).status_code == 200
    await world.approved(opened)
    assert await _list_checked(world, opened) == [request["first_name"], SOMEBODY_ELSE["first_name"]]


async def test_d5_a_changed_name_is_asked_of_the_registry_again(world: World) -> None:
    request = documents.broker()
    opened = await world.opened(request)
    await world.until(opened, "awaiting_decision")
    page = await _ask(world, opened, request)
    await world.control("registry", mode="down")
    try:
        assert (await _answer(world, page, **SOMEBODY_ELSE)).status_code == 200
        await world.wait_for_retry(opened)
        decided = await world.decide(opened, override="the name of before was right")
        assert (decided.status_code, "screened" in decided.json()["detail"]) == (409, True)
    finally:
        await world.control("registry", mode="ok")
    await world.retry_at_once(opened)
    status = await world.until(opened, "awaiting_decision")
    results = {one["check"]: one["result"] for one in status["eligibility"]["findings"]}
    assert results["name_matches"] == "fail"
    assert (await world.decide(opened)).status_code == 409
