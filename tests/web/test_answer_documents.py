"""Documents that come with the answer to a question of staff: kept by their content, whatever else is wrong (A12)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import time_machine

from db.reads.answer_files import ListedFile, list_answer_files
from db.reads.cases import read_audit
from domain.shared.cases.facts import FactKind
from domain.shared.documents.evidence import LARGEST_FILE, MOST_FILES
from tests.support import documents
from tests.support.evidence import jpeg, pdf, png
from tests.support.patience import PATIENCE
from tests.templates.rendered import Reader
from tests.web.house import House
from tests.web.test_pages import read
from web.http.limits import MAX_UPLOAD
from web.http.uploads import MOST_AT_ONCE

HTML = {"Accept": "text/html"}


async def asked(house: House) -> tuple[str, str]:
    """A case of which staff have asked something, and its owner's page, where they are signed in."""
    case_id = await house.open(documents.broker())
    await house.decide(case_id, "ask", "Where is your office?")
    return case_id, await house.link(case_id)


async def send(house: House, link: str, *files: tuple[str, bytes], **values: str) -> httpx2.Response:
    """Sends the answer's form as a browser does, with files."""
    sent = [("file", (name, content, "application/octet-stream")) for name, content in files] or [
        ("file", ("", b"", "application/octet-stream"))
    ]
    return await house.browser.post(f"{link}/information/documents?lang=en", data=values, files=sent, headers=HTML)


async def kept(house: House, case_id: str) -> list[ListedFile]:
    return await house.database.read(list_answer_files, case_id)


async def test_documents_are_kept_though_the_answer_is_to_be_corrected_and_staff_see_them_beside_it(
    house: House,
) -> None:
    case_id, link = await asked(house)
    form = (await house.browser.get(link)).text
    assert f'action="{link}/information/documents?lang=en" enctype="multipart/form-data"' in form
    hostile = '../../"><script>alert(1)</script>.html'
    faulted = await send(
        house,
        link,
        ("lease.pdf", pdf()),
        (hostile, png()),
        message="",
        phone="505-555-0177",
        last_name="Brokker",
        first_name="",
    )
    page = read(faulted, 422)
    assert "<script>alert(1)" not in faulted.text
    assert {field["id"] for field in page.of("textarea") if field.get("aria-invalid")} == {"message"}
    typed = {field["name"]: field.get("value") for field in page.of("input")}
    assert (typed["phone"], typed["last_name"]) == ("505-555-0177", "Brokker")
    assert "We have these for your answer: lease.pdf" in " ".join(page.text.split())
    assert "Write your answer." in page.text
    assert "Enter your first name." in page.text, "as the form it was first given in says it"
    assert "This field is required" not in page.text

    answer = await send(house, link, ("lease.pdf", pdf()), ("map.jpg", jpeg()), message="Here.\r\nBye", phone="1")
    assert answer.status_code == 422
    assert [(one.question, one.number, one.media_type) for one in await kept(house, case_id)] == [
        (1, 1, "application/pdf"),
        (1, 2, "image/png"),
        (1, 3, "image/jpeg"),
    ], "the same one again is the one that is there"
    assert (await send(house, link, message="Here.\r\nBye")).status_code == 303
    (command,) = await house.apply_commands()
    assert command.reason == "Here.\nBye"

    standing = read(await house.browser.get(f"{link}?lang=en"))
    said = " ".join(standing.text.split())
    assert "Where is your office? Your answer of" in said
    assert "Here. Bye" in said
    assert [one["href"] for one in standing.of("a") if "/answers/" in (one["href"] or "")] == [
        f"{link}/answers/1/{number}" for number in (1, 2, 3)
    ]
    assert "Lo que usted respondió" in read(await house.browser.get(f"{link}?lang=es")).text
    own = await house.browser.get(f"{link}/answers/1/1")
    assert (own.status_code, own.content) == (200, pdf())
    await house.sign_in()
    shown = (await house.browser.get(f"/staff/cases/{case_id}")).text
    part = shown.partition('id="answers"')[2].partition("</section>")[0]
    assert [f"answers/1/{number}" in part for number in (1, 2, 3)] == [True, True, True]
    assert "Documents without an answer" not in shown
    there = f"/staff/cases/{case_id}/answers/1"
    for number, (content, kind, name) in enumerate(
        ((pdf(), "application/pdf", "1.pdf"), (png(), "image/png", "2.png"), (jpeg(), "image/jpeg", "3.jpg")), 1
    ):
        answer = await house.browser.get(f"{there}/{number}")
        assert (answer.content, answer.headers["content-type"]) == (content, kind)
        assert answer.headers["content-disposition"] == f'attachment; filename="evidence-{name}"'
        assert "sandbox" in answer.headers["content-security-policy"]
    assert (await house.browser.get(f"{there}/4", headers=HTML)).status_code == 404
    assert "evidence" in {row.page for row in await house.list_accesses(case_id)}
    audited = [one for one in await house.database.read(read_audit, case_id) if one["action"] == "answer.file"]
    assert len(audited) == 3
    assert "lease" not in str(audited)


async def test_a_document_that_is_none_or_too_large_is_refused_and_what_was_typed_is_kept(house: House) -> None:
    case_id, link = await asked(house)
    no_file, too_large = ("page.pdf", b"<html>no</html>"), ("photo.jpg", pdf("x" * (LARGEST_FILE + 100)))
    refused = read(await send(house, link, no_file, too_large, ("", b""), message="Typed with care."), 422)
    for sentence in ("“page.pdf” is not a whole PDF", "“photo.jpg” has 10.1 MB, and a file may have 10 MB at most"):
        assert sentence in refused.text, "each of several is told what is wrong with it"
    assert "Typed with care." in refused.text
    assert [field["aria-describedby"] for field in refused.of("input") if field["name"] == "file"] == [
        "file-error file-hint"
    ]
    assert await kept(house, case_id) == []
    assert await house.apply_commands() == [], "an answer whose document is missing isn't taken for one without"
    photos = [(f"{number}.pdf", pdf("x" * (LARGEST_FILE - 1000 - number))) for number in range(4)]
    much = read(await send(house, link, *photos, message="Much."), 422)
    assert "The files have 40.0 MB together, and 32 MB at most can be sent at a time." in much.text
    assert "Much." in much.text
    assert [one.name for one in await kept(house, case_id)] == ["0.pdf", "1.pdf", "2.pdf"]
    declared = {"Content-Length": str(MAX_UPLOAD + 1), "Content-Type": "multipart/form-data; boundary=x", **HTML}
    endless = await house.browser.post(f"{link}/information/documents", content=b"x", headers=declared)
    assert endless.status_code == 413
    many = [(f"{number}.pdf", pdf(str(number))) for number in range(3, MOST_FILES + 1)]
    full = read(await send(house, link, *many, message="All of it."), 422)
    assert f"“{MOST_FILES}.pdf” could not be taken: there are {MOST_FILES} files already" in full.text
    assert "All of it." in full.text
    assert len(await kept(house, case_id)) == MOST_FILES


async def test_few_forms_with_files_of_one_network_are_read_at_once(house: House) -> None:
    """Each is held in memory while it comes in, which somebody could let take very long."""
    _, link = await asked(house)
    path, held = f"{link}/information/documents?lang=en", asyncio.Event()
    head = b'--x\r\nContent-Disposition: form-data; name="message"\r\n\r\nAll of it.\r\n'

    async def come_slowly() -> AsyncIterator[bytes]:
        yield head
        await held.wait()
        yield b"--x--\r\n"

    form = {"Content-Type": "multipart/form-data; boundary=x", **HTML}
    async with asyncio.TaskGroup() as group:
        slow = [
            group.create_task(house.browser.post(path, content=come_slowly(), headers=form))
            for _ in range(MOST_AT_ONCE)
        ]
        async with asyncio.timeout(PATIENCE):
            while (answer := await send(house, link, ("a.pdf", pdf()), message="")).status_code != 429:
                assert answer.status_code == 422
        assert answer.headers["Retry-After"] == "60"
        held.set()
    assert {one.result().status_code for one in slow} == {303}
    assert (await send(house, link, ("b.pdf", pdf("b")), message="")).status_code == 422


async def test_documents_of_a_question_that_was_taken_back_stand_by_themselves(house: House) -> None:
    case_id, link = await asked(house)
    assert (await send(house, link, ("early.pdf", pdf()), message="")).status_code == 422
    await house.facts(case_id, FactKind.QUESTION_TAKEN_BACK, by="staff", reason="It was in the file.")
    late = read(await send(house, link, ("late.pdf", pdf("late")), message="Too late."), 409)
    assert "Too late." in late.text
    assert [one.name for one in await kept(house, case_id)] == ["early.pdf"]
    asking = {"verdict": "ask", "by": "staff", "reason": "And where is it?", "override": None, "round": 0}
    await house.facts(case_id, FactKind.DECIDED, **asking)
    assert "early.pdf" not in read(await house.browser.get(link)).text, "it came for another question"
    assert (await send(house, link, ("second.pdf", pdf()), message="Here.")).status_code == 303
    await house.apply_commands()
    await house.sign_in()
    page = read(await house.browser.get(f"/staff/cases/{case_id}")).text
    answered, _, alone = page.partition("Documents without an answer")
    assert "second.pdf" in answered
    assert "early.pdf" in alone
    assert "second.pdf" not in alone


async def test_another_persons_documents_are_nobodys_else(house: House) -> None:
    _, link = await asked(house)
    await send(house, link, ("mine.pdf", pdf()), message="")
    other = await house.link(await house.open(documents.broker()))
    assert (await house.browser.get(f"{link}/answers/1/1", headers=HTML)).status_code == 404
    assert (await house.browser.get(f"{other}/answers/1/1", headers=HTML)).status_code == 404
    assert (await send(house, other, ("unasked.pdf", pdf()), message="Hello.")).status_code == 409


async def test_what_was_typed_beside_documents_survives_the_end_of_the_session(house: House) -> None:
    case_id, link = await asked(house)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31), tick=True):
        answer = await send(house, link, ("lease.pdf", pdf()), message="Typed with care.")
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me")
        await house.link(case_id)
        page = read(await house.browser.get("/me/kept?lang=en"))
    assert "Typed with care." in page.text
    assert "We could not keep those that you had chosen: lease.pdf." in page.text
    assert [field["name"] for field in page.of("input") if field.get("type") == "file"] == ["file"]
    house.browser.cookies.clear()
    answer = await send(house, link, ("lease.pdf", pdf()), ("plan.png", png()), message="Typed with care.")
    page = Reader(answer.text)
    assert (answer.status_code, "Typed with care." in page.text) == (401, True)
    assert "We could not keep those that you had chosen: lease.pdf, plan.png." in page.text
    assert [field["name"] for field in page.of("input") if field.get("type") == "file"] == ["file"]
    assert await kept(house, case_id) == []
