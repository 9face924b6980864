"""Imports in the console: a file is sent, its refused rows come back as one, and all of it is undone (E10)."""

import csv
from io import StringIO

import httpx2

from tests.support import documents
from tests.web.house import House
from tests.web.test_pages import read
from web.http.permissions import StaffRole

PAGE, API = "/staff/imports", "/api/imports"
HEADER = "kind;email;first_name;last_name;npn;plan_year;registered;trained;certified;lms_account;portal_account"


def line(email: str) -> str:
    return f"broker;{email};Testa;Example;{documents.new_npn()};2025;1;1;1;yes;yes"


async def send(house: House, csrf: str, *lines: str, program: str = "bewellnm") -> httpx2.Response:
    content = "\n".join(lines).encode()
    form = {"csrf_token": csrf, "program": program}
    return await house.browser.post(PAGE, data=form, files={"file": ("years.csv", content, "text/csv")})


async def test_e10_a_file_is_sent_mended_and_undone(house: House) -> None:
    csrf = await house.sign_in(StaffRole.OPERATOR)
    answer = await send(house, csrf, HEADER, line("testa@example.com"), line("nobody"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=received")
    # The worker takes it.
    assert "0 of 2 rows are taken." in read(await house.browser.get(PAGE)).text
    await house.services.imports.take_received()
    page = read(await house.browser.get(PAGE))
    assert "rows are taken" not in page.text
    (there,) = [str(link["href"]) for link in page.of("a") if str(link.get("href")).endswith("/refused.csv")]
    (refused,) = csv.DictReader(StringIO((await house.browser.get(there)).content.decode("utf-8-sig")))
    assert (refused["row"], refused["field"], refused["email"]) == ("3", "email", "nobody")
    undo = there.replace("refused.csv", "undo")
    assert "Give a reason." in read(await house.post(undo, {"csrf_token": csrf, "reason": ""}), 422).text
    undone = await house.post(undo, {"csrf_token": csrf, "reason": "The wrong file."})
    assert undone.headers["location"] == f"{PAGE}?done=undone"
    again = await house.post(undo, {"csrf_token": csrf, "reason": "The wrong file."})
    assert "was undone before" in read(again, 409).text
    assert "imports" in {access.page for access in await house.list_accesses()}


async def test_e10_what_is_no_such_file_is_refused(house: House) -> None:
    csrf = await house.sign_in(StaffRole.OPERATOR)
    assert "Choose a file." in read(await send(house, csrf), 422).text
    assert "There is no such column" in read(await send(house, csrf, f"{HEADER};certifed"), 422).text
    long = "\r".join([HEADER, *[""] * 5_002])
    assert "5000" in read(await send(house, csrf, long), 422).text.replace(",", "")
    assert (await send(house, "another", HEADER)).status_code == 403
    await house.sign_in(StaffRole.REVIEWER)
    assert (await house.browser.get(PAGE)).status_code == 403


async def test_e10_a_file_is_sent_mended_and_undone_by_the_api(house: House) -> None:
    as_staff = {"X-CSRF-Token": await house.sign_in(StaffRole.OPERATOR)}
    as_csv = as_staff | {"Content-Type": "text/csv; charset=utf-8"}
    content = "\n".join([HEADER, line("testa@example.com"), line("nobody")])
    answer = await house.browser.post(API, content=content, headers=as_csv)
    assert answer.status_code == 202, answer.text
    there = answer.headers["location"]
    assert (answer.json()["state"], answer.json()["rows"]) == ("running", 2)
    await house.services.imports.take_received()
    found = (await house.browser.get(there)).json()
    assert [found[name] for name in ("state", "rows", "new", "refused")] == ["done", None, 1, 1]
    refused = await house.browser.get(f"{there}/refused.csv")
    (row,) = csv.DictReader(StringIO(refused.content.decode("utf-8-sig")))
    assert (row["row"], row["field"], row["email"]) == ("3", "email", "nobody")
    assert "imports" in {access.page for access in await house.list_accesses()}
    undo, wrong = f"{there}/undo", {"reason": "The wrong file."}
    assert (await house.browser.post(undo, json={"reason": " "}, headers=as_staff)).status_code == 422
    undone = await house.browser.post(undo, json=wrong, headers=as_staff)
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    again = await house.browser.post(undo, json=wrong, headers=as_staff)
    assert (again.status_code, "was undone before" in again.text) == (409, True)
    unknown = await house.browser.get(f"{API}/imp_none")
    assert (unknown.status_code, "no import with this id" in unknown.text) == (409, True)
    for sent, headers in (("kind;email", as_csv), (content, as_staff)):
        assert (await house.browser.post(API, content=sent, headers=headers)).status_code == 422
    await house.sign_in(StaffRole.REVIEWER)
    assert (await house.browser.get(there)).status_code == 403
