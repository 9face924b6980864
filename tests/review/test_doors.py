"""Numbers, years and names made to break the doors; and what third parties refuse for good."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support import documents
from tests.support.patience import PATIENCE
from tests.support.world import World, fields

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("plan_year", ["9" * 30, str(2**40), "9" * 5000, "-1"])
async def test_a_plan_year_out_of_range_is_no_filter(world: World, plan_year: str) -> None:
    answer = await world.get(f"/api/cases?plan_year={plan_year}")
    assert (answer.status_code, fields(answer)) == (422, ["plan_year"])


async def test_a_plan_year_of_thousands_of_digits_shows_the_form_with_its_fault(world: World) -> None:
    for plan_year in ("9" * 5000, "٢٠٢٤", "²"):
        shown = await world.http.get(f"{world.web}/request", params={"plan_year": plan_year})
        posted = await world.http.post(f"{world.web}/request", data={"plan_year": plan_year})
        assert (shown.status_code, posted.status_code) == (200, 422)


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "1.5e5000"])
async def test_an_exponent_that_would_fill_the_memory_is_refused_at_once(world: World, number: str) -> None:
    """As a whole number it has a thousand million digits: converting it stopped the whole process."""
    for path in ("/api/requests", "/api/assisters/ast_nobody/cases"):
        body = f'{{"plan_year": {number}}}'.encode()
        answer = await world.http.post(world.web + path, content=body, headers=world.staff)
        assert (answer.status_code, fields(answer)) == (422, ["body"])


@pytest.mark.parametrize(
    "at",
    ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 5, 1e11],
    ids=str,
)
async def test_c4_an_instant_of_no_year_of_ours_is_422(world: World, at: Any) -> None:
    opened = await world.opened(documents.broker())
    answer = await world.portal(opened, "registration.refused", body={"occurred_at": at})
    assert (answer.status_code, fields(answer)) == (422, ["occurred_at"])
    statement = documents.statement(await world.policy(), opened, "initialized", "course", timestamp=at)
    answer = await world.lms(statement)
    assert (answer.status_code, fields(answer)) == (422, ["timestamp"])


@pytest.mark.parametrize("name", ["王小明", "😀", "\u200b", "..", "Testa\u202e", "Test\u200ba", "12"])
async def test_a_name_that_no_certificate_can_show_is_refused_at_the_form(world: World, name: str) -> None:
    answer = await world.submit(documents.broker(first_name=name))
    assert (answer.status_code, fields(answer)) == (422, ["first_name"])


@pytest.mark.parametrize("name", ["José", "O’Brien", "D'Ángelo", "Nguyễn", "Łukasz", "Ødegård-Smith Jr.", "Жанна"])
async def test_names_of_many_languages_are_taken(world: World, name: str) -> None:
    assert (await world.submit(documents.broker(first_name=name))).status_code == 201


async def test_a15_what_the_lms_refuses_is_put_before_staff_until_it_goes_through(world: World) -> None:
    opened = await world.opened(documents.broker())
    try:
        await world.control("lms", mode="error", status=422)
        await world.approved(opened)
        await world.until(opened, lambda status: status["flag"] == "training.invited.refused")
    finally:
        await world.control("lms", mode="ok")
    await world.until(opened, lambda status: status["training"]["lms_account"] == "invited" and not status["flag"])
    told = [entry for entry in await world.audit(opened) if entry["action"] == "case.flagged.training.invited.refused"]
    assert [entry["reason"] for entry in told] == ["lms_refused"]


async def test_a11_a_stranger_with_a_returning_assisters_npn_is_not_enrolled(world: World) -> None:
    """NPNs are public: whose account it is, is for staff to say before anything is opened in the LMS."""
    owner = documents.broker()
    await world.imported(documents.earlier(owner, 2023))
    opened = await world.opened({**owner, "email": f"another.{owner['email']}"})
    await world.until(opened, "awaiting_decision")
    assert "lms_enrolled" not in await world.history(opened)
    assert (await world.decide(opened, override="a new address, seen in person")).status_code == 200
    await world.until(opened, "invited")
    assert "lms_enrolled" not in await world.history(opened), "an account of their own, until the NPN is proven theirs"


async def test_an_import_is_held_to_the_form(world: World) -> None:
    """Screening reads these fields; a number for a text would fail it for ever."""
    from domain.programs.imports import parse_import
    from domain.shared.documents.faults import Invalid

    wrong: dict[str, Any] = {"license_number": 5, "physical_address": "Sampletown", "insurers": "Sample Health"}
    for field, value in wrong.items():
        with pytest.raises(Invalid) as raised:
            parse_import([documents.earlier(documents.broker(**{field: value}), 2023)])
        assert [fault.field for fault in raised.value.faults] == [f"0.person.{field}"]


async def test_c8_who_is_certified_again_after_a_revocation_has_their_portal_account_back(world: World) -> None:
    request = documents.counselor()
    first = await world.active(request)
    assert (await world.command(first, "revoke", reason="complaints")).status_code == 200

    async def active() -> bool:
        return bool((await world.portal_account(request["email"]))["active"])

    await until(active, False)
    again = (await world.submit(request)).json()
    assert again["case_id"] != first["case_id"]
    await world.approved(again)
    await world.reported(again, "course", "0.9")
    await world.until(again, lambda status: status["certificate"])
    await until(active, True)
    assert (await world.command(again, "withdraw", reason="moved away")).status_code == 200
    await until(active, False)


async def until(wanted: Callable[[], Awaitable[bool]], value: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while await wanted() is not value:
            await asyncio.sleep(0.1)
