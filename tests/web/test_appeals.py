"""Appeals over HTTP: on one's own page, by staff, by the API; and what is not taken as evidence (E5, E6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import time_machine
from hypothesis import given, settings, strategies as st

from db.case_state import load_case
from db.reads.appeals import read_appeals
from db.reads.cases import read_audit
from domain.shared.cases.facts import FactKind
from domain.shared.documents.evidence import LARGEST_FILE, LARGEST_FORM, MOST_FILES
from domain.shared.documents.faults import Invalid
from templates.catalogs import translate
from tests.support import documents
from tests.support.evidence import jpeg, pdf, png
from tests.web import test_pages
from tests.web.house import House
from web.http.permissions import StaffRole
from web.http.uploads import parse_upload
from web.staff.reasons import USUAL

Made = dict[str, Any]
HTML = b"<!doctype html><script>alert(document.cookie)</script>"
REASON = {"reason": "a sample reason"}


def read(answer: httpx2.Response) -> Any:
    """What a page says, whatever its status."""
    return test_pages.read(answer, answer.status_code)


async def denied(house: House, request: Made | None = None) -> tuple[str, str]:
    """A case that was denied, and the page of its appeal, whose owner is signed in."""
    case_id = await house.open(request or documents.broker())
    await house.decide(case_id, "deny", "The license is not active.")
    return case_id, f"{await house.link(case_id)}/appeal"


async def appealed(house: House, request: Made | None = None) -> tuple[str, str]:
    case_id, page = await denied(house, request)
    answer = await house.post(page, {"grounds": "It was a mistake."})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?told=filed&lang=en")
    return case_id, page


async def sent(house: House, page: str, content: bytes, name: str = "letter.pdf", **form: str) -> httpx2.Response:
    return await house.browser.post(f"{page}/evidence", data=form, files={"file": (name, content, "text/html")})


async def stage(house: House, case_id: str) -> str:
    return (await house.database.read(load_case, case_id)).stage


async def test_e5_one_appeals_on_ones_own_page_and_sees_until_when(house: House) -> None:
    case_id, page = await denied(house)
    own = read(await house.browser.get(page.removesuffix("/appeal")))
    assert "you can appeal until" in own.text
    assert "You can appeal until" in read(await house.browser.get(page)).text
    empty = await house.post(page, {"grounds": " "})
    assert empty.status_code == 422
    assert await stage(house, case_id) == "denied"
    await house.post(page, {"grounds": "It was a <b>mistake</b>."})
    assert await stage(house, case_id) == "under_appeal"
    shown = read(await house.browser.get(page))
    for said in ("It was a <b>mistake</b>.", "We answer by", "informal review", "may not help consumers meanwhile"):
        assert said in shown.text
    again = await house.post(page, {"grounds": "And another thing."})
    assert again.status_code == 409
    assert "An appeal is under way already" in read(again).text
    spanish = read(await house.browser.get(f"{page}?lang=es"))
    assert "revisión informal" in spanish.text


async def test_e5_a_registration_that_was_revoked_is_appealed_too(house: House) -> None:
    case_id = await house.open(documents.registration())
    await house.facts(case_id, FactKind.REVOKED, by="staff:rita", reason="A sample reason.")
    page = f"{await house.link(case_id)}/appeal"
    assert "you can appeal until" in read(await house.browser.get(page.removesuffix("/appeal"))).text
    assert (await house.post(page, {"grounds": "It was a mistake."})).status_code == 303
    assert "reconsideration" in read(await house.browser.get(page)).text


async def test_e7_a_suspension_is_appealed_on_ones_own_page_and_lifted_by_somebody_else(
    house: House,
) -> None:
    case_id = await house.open(documents.registration())
    today = datetime.now(UTC).date().isoformat()
    ordered = {"cause": "suspended_by_staff", "reason": "A sample reason.", "notice_date": today}
    await house.facts(case_id, FactKind.AUTHORITY_SUSPENDED, suspension_id="s1", decided_by="staff:rita", **ordered)
    page = f"{await house.link(case_id)}/appeal"
    assert "you can appeal until" in read(await house.browser.get(page.removesuffix("/appeal"))).text
    assert (await house.post(page, {"grounds": "It was a mistake."})).status_code == 303
    assert "may not help consumers meanwhile" in read(await house.browser.get(page)).text, (
        "the federal rules have it stand"
    )
    assert await stage(house, case_id) == "suspended"
    csrf = await house.sign_in(StaffRole.APPEALS_REVIEWER)
    there = f"/staff/appeals/{case_id}"
    assert "Suspended" in read(await house.browser.get(there)).text
    ruled = await house.post(f"{there}/decision", {"csrf_token": csrf, "outcome": "reversed", **REASON})
    assert ruled.headers["location"] == f"{there}?done=reversed"
    assert await stage(house, case_id) != "suspended"
    assert (await house.browser.get(there)).status_code == 200, "what came of it is theirs to see for a day"


async def test_e7_an_appeal_that_is_open_again_after_a_later_one_is_decided_in_the_console(house: House) -> None:
    case_id = await house.open(documents.registration())
    today = datetime.now(UTC).date().isoformat()
    ordered = {"cause": "suspended_by_staff", "reason": "A sample reason.", "notice_date": today}
    await house.facts(case_id, FactKind.AUTHORITY_SUSPENDED, suspension_id="s1", decided_by="staff:rita", **ordered)
    page = f"{await house.link(case_id)}/appeal"
    await house.post(page, {"grounds": "The suspension was a mistake."})
    await house.facts(case_id, FactKind.TERMINATED, by="staff:rita", reason="A sample reason.")
    await house.post(page, {"grounds": "The termination was one, too."})
    csrf = await house.sign_in(StaffRole.APPEALS_REVIEWER)
    there = f"/staff/appeals/{case_id}"
    given = {"csrf_token": csrf, "outcome": "reversed", **REASON}
    assert (await house.post(f"{there}/decision", given)).status_code == 303
    assert await stage(house, case_id) == "suspended"
    csrf = await house.sign_in(StaffRole.APPEALS_REVIEWER, StaffRole.AUDITOR)
    assert "Decide the appeal" in read(await house.browser.get(there)).text
    assert (await house.post(f"{there}/decision", {**given, "csrf_token": csrf})).status_code == 303
    assert await stage(house, case_id) != "suspended"


async def test_e5_late_is_told_so_with_the_last_day(house: House) -> None:
    case_id, page = await denied(house)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=62), tick=True):
        await house.link(case_id)
        assert "The last day to appeal was" in read(await house.browser.get(page)).text
        late = await house.post(page, {"grounds": "It was a mistake."})
    assert late.status_code == 409
    assert "an appeal that comes later can't be taken" in read(late).text
    assert await stage(house, case_id) == "denied"


async def test_e5_nobody_sees_or_touches_anothers_appeal(house: House) -> None:
    case_id, page = await appealed(house)
    await sent(house, page, pdf())
    await house.own_session("somebody.else@example.com")
    unknown = page.replace(case_id, "00000000-0000-4000-8000-000000000000")
    for path in ("", "/1/evidence/1"):
        theirs, nobodys = [await house.browser.get(there + path) for there in (page, unknown)]
        assert theirs.status_code == nobodys.status_code == 404
        assert read(theirs).text == read(nobodys).text, "known and unknown look alike"
    for path in ("", "/withdraw"):
        assert (await house.post(page + path, {"grounds": "x"})).status_code == 404
    assert (await sent(house, page, png())).status_code == 404
    (shown,) = await house.database.read(read_appeals, case_id)
    assert (shown.appeal.is_open, len(shown.files)) == (True, 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (HTML, "letter.pdf"),
        (pdf() + HTML, "letter.pdf"),
        (HTML + pdf(), "letter.pdf"),
        (jpeg() + HTML, "photo.jpg"),
        (b"GIF89a" + png(), "photo.png"),
        (b"\x7fELF" + b"\0" * 100, "letter.pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "photo.png"),
        (b"", "letter.pdf"),
    ],
)
async def test_e5_what_only_pretends_to_be_evidence_is_refused(house: House, content: bytes, name: str) -> None:
    case_id, page = await appealed(house)
    answer = await sent(house, page, content, name)
    assert answer.status_code == 422
    assert HTML not in answer.content
    (shown,) = await house.database.read(read_appeals, case_id)
    assert shown.files == ()


async def test_e5_evidence_is_handed_out_to_be_saved_and_never_shown(house: House) -> None:
    _, page = await appealed(house)
    hostile = '../../"><script>alert(1)</script>.html'
    for content, name in ((pdf(), hostile), (png(), "C:\\photos\\señal.png"), (jpeg(), "photo.jpg")):
        assert (await sent(house, page, content, name)).status_code == 303
    shown = await house.browser.get(page)
    assert b"<script>alert(1)" not in shown.content
    assert "señal.png" in read(shown).text
    for number, (content, kind, name) in enumerate(
        ((pdf(), "application/pdf", "1.pdf"), (png(), "image/png", "2.png"), (jpeg(), "image/jpeg", "3.jpg")), 1
    ):
        answer = await house.browser.get(f"{page}/1/evidence/{number}")
        assert answer.content == content
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == f'attachment; filename="evidence-{name}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    for other in ("1/evidence/4", "2/evidence/1", "1/evidence/x", "1/evidence/999999999999"):
        assert (await house.browser.get(f"{page}/{other}")).status_code == 404


async def test_e5_evidence_is_bounded_in_size_and_number(house: House) -> None:
    case_id, page = await appealed(house)
    large = pdf("x" * (LARGEST_FILE + 100))
    too_large = await sent(house, page, large, "photo.jpg")
    assert too_large.status_code == 422
    assert "“photo.jpg” has 10.1 MB, and a file may have 10 MB at most" in read(too_large).text
    much = await sent(house, page, b"%PDF-" + b"x" * LARGEST_FORM)
    assert "32 MB at most can be sent at a time" in read(much).text
    elsewhere = await house.browser.post("/me/email", content=b"x" * (256 * 1024 + 1))
    assert elsewhere.status_code == 413, "no other form takes as much"
    assert (await sent(house, page, pdf("x" * (LARGEST_FILE - 1000)))).status_code == 303
    for number in range(1, MOST_FILES):
        await sent(house, page, pdf(str(number)))
    full = await sent(house, page, pdf("one too many"))
    assert full.status_code == 409
    (shown,) = await house.database.read(read_appeals, case_id)
    assert len(shown.files) == MOST_FILES


async def test_e5_a_form_without_a_file_or_with_two_is_refused(house: House) -> None:
    _, page = await appealed(house)
    assert (await house.post(f"{page}/evidence", {"file": "text"})).status_code == 422
    two = [("file", ("a.pdf", pdf("a"), "application/pdf")), ("file", ("b.pdf", pdf("b"), "application/pdf"))]
    assert (await house.browser.post(f"{page}/evidence", files=two)).status_code == 422
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert (await house.browser.post(f"{page}/evidence", content=b"no parts", headers=broken)).status_code == 422
    foreign = await house.browser.post(
        f"{page}/evidence", files={"file": ("a.pdf", pdf())}, headers={"Origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 403


async def test_e5_an_appeal_is_taken_back_on_ones_own_page(house: House) -> None:
    case_id, page = await appealed(house)
    assert (await house.post(f"{page}/withdraw", {})).status_code == 303
    assert await stage(house, case_id) == "denied"
    assert "can be appealed once" in read(await house.browser.get(page)).text


async def test_e6_staff_decide_who_have_decided_nothing_before(house: House) -> None:
    case_id, page = await appealed(house)
    await sent(house, page, pdf())
    there = f"/staff/appeals/{case_id}"
    csrf = await house.sign_in(StaffRole.APPEALS_REVIEWER)
    assert (await house.browser.get("/staff/appeals")).text.count(there) == 1
    shown = read(await house.browser.get(there))
    for said in ("It was a mistake.", "letter.pdf", "informal review", "On their own page"):
        assert said in shown.text
    kept = await house.browser.get(f"{there}/1/evidence/1")
    assert (kept.content, kept.headers["content-disposition"][:10]) == (pdf(), "attachment")
    assert {row.page for row in await house.list_accesses(case_id)} >= {"appeals", "evidence"}
    for form, field in (({}, "Choose what you decide."), ({"outcome": "upheld"}, "Give a reason.")):
        faulty = await house.post(f"{there}/decision", {"csrf_token": csrf, **form})
        assert faulty.status_code == 422
        assert field in read(faulty).text
    future = {"outcome": "upheld", **REASON, "effective_on": "2999-01-01", "csrf_token": csrf}
    assert "after today" in read(await house.post(f"{there}/decision", future)).text
    done = await house.post(f"{there}/decision", {"csrf_token": csrf, "outcome": "upheld", **REASON})
    assert done.headers["location"] == f"{there}?done=upheld"
    again = await house.post(f"{there}/decision", {"csrf_token": csrf, "outcome": "reversed", **REASON})
    assert again.status_code == 409
    assert "somebody else has to decide" in read(again).text
    assert await stage(house, case_id) == "under_appeal"
    assert "independent review" in read(await house.browser.get(there)).text
    audited = [entry["action"] for entry in await house.database.read(read_audit, case_id)]
    assert audited[-2:] == ["appeal.decided", "appeal.decided.refused"]


async def test_e6_a_decision_is_told_in_the_appellant_s_language_and_seen_before(house: House) -> None:
    case_id, page = await appealed(house, documents.broker(language="es"))
    there, csrf = f"/staff/appeals/{case_id}", await house.sign_in(StaffRole.APPEALS_REVIEWER)
    form = {"csrf_token": csrf, "outcome": "reversed", "usual": "convinced", "preview": "1"}
    shown = read(await house.post(f"{there}/decision", form))
    letter = " ".join(shown.text.partition("Back to what you were writing")[0].replace("> ", "").split())
    told = translate(USUAL["convinced"].sentence, "es")
    assert told in letter
    assert await stage(house, case_id) == "under_appeal"
    assert "Pick a reason that fits" in read(await house.post(f"{there}/decision", {**form, "usual": "unchanged"})).text
    future = {**form, "effective_on": "2999-01-01"}
    assert "after today" in read(await house.post(f"{there}/decision", future)).text
    upheld = {"csrf_token": csrf, "outcome": "upheld", "reason": "It is right.", "preview": "1"}
    assert "revisión independiente" in read(await house.post(f"{there}/decision", upheld)).text, "the next phase's"
    done = await house.post(f"{there}/decision", {**form, "preview": "", "reason": "See page 2.", "told": "Vea la 2."})
    assert done.headers["location"] == f"{there}?done=reversed"
    assert f"Told in their language: {told} Vea la 2." in " ".join(read(await house.browser.get(there)).text.split())
    (decided,) = [one for one in await house.database.read(read_audit, case_id) if one["action"] == "appeal.decided"]
    assert decided["details"]["told"] == f"{told}\n\nVea la 2."
    await house.link(case_id)
    own = read(await house.browser.get(f"{page}?lang=es"))
    assert "Vea la 2." in own.text
    assert "See page 2." not in own.text


async def test_e6_a_decision_in_another_language_is_marked_for_its_appellant(house: House) -> None:
    case_id, page = await appealed(house, documents.broker(language="es"))
    csrf = {"X-CSRF-Token": await house.sign_in(StaffRole.APPEALS_REVIEWER)}
    ruled = {"outcome": "sent_back", **REASON}
    assert (
        await house.browser.post(f"/api/cases/{case_id}/appeal/decision", json=ruled, headers=csrf)
    ).status_code == 200
    await house.link(case_id)
    own = read(await house.browser.get(f"{page}?lang=es"))
    assert "(en inglés, tal como se escribió)" in own.text
    assert "en" in [tag.get("lang") for tag in own.of("blockquote")]


async def test_e6_a_reviewer_files_on_behalf_and_decides_nothing(house: House) -> None:
    case_id, _ = await denied(house)
    csrf = await house.sign_in(StaffRole.REVIEWER)
    there = f"/staff/appeals/{case_id}"
    faulty = await house.post(there, {"csrf_token": csrf, "method": "own_page"})
    assert faulty.status_code == 422
    for said in ("Say what the appellant says.", "Choose how the appeal came.", "Give a reason."):
        assert said in read(faulty).text
    form = {"grounds": "It was a mistake.", "method": "letter", "reason": "It came by mail.", "csrf_token": csrf}
    assert (await house.post(there, form)).headers["location"] == f"{there}?done=filed"
    upload = {"file": ("letter.pdf", pdf("x" * (LARGEST_FILE - 1000)), "application/pdf")}
    without = await house.browser.post(f"{there}/evidence", files=upload)
    assert without.status_code == 403, "a form of another page"
    added = await house.browser.post(f"{there}/evidence", files=upload, data={"csrf_token": csrf})
    assert added.headers["location"] == f"{there}?done=evidence"
    decision = {"csrf_token": csrf, "outcome": "reversed", **REASON}
    assert (await house.post(f"{there}/decision", decision)).status_code == 403
    taken_back = await house.post(f"{there}/withdraw", {"csrf_token": csrf, "reason": "She called."})
    assert taken_back.headers["location"] == f"{there}?done=withdrawn"
    assert (await house.browser.get("/staff/appeals/nobody")).status_code == 404


async def test_e6_an_operator_sees_no_appeals(house: House) -> None:
    case_id, _ = await appealed(house)
    await house.sign_in(StaffRole.OPERATOR)
    for path in ("/staff/appeals", f"/staff/appeals/{case_id}", f"/staff/appeals/{case_id}/1/evidence/1"):
        assert (await house.browser.get(path)).status_code == 403
    await house.sign_in(StaffRole.AUDITOR)
    assert (await house.browser.get(f"/staff/appeals/{case_id}")).status_code == 200


async def test_e5_e6_the_api_does_the_same(house: House) -> None:
    case_id, _ = await denied(house)
    csrf = {"X-CSRF-Token": await house.sign_in(StaffRole.REVIEWER)}
    there = f"/api/cases/{case_id}/appeal"
    body = {"grounds": "It was a mistake.", "method": "phone", **REASON}
    wrong = await house.browser.post(there, json={**body, "method": "own_page"}, headers=csrf)
    assert wrong.status_code == 422
    made = await house.browser.post(there, json=body, headers=csrf)
    assert (made.status_code, made.json()["stage"]) == (201, "under_appeal")
    assert (await house.browser.post(there, json=body, headers=csrf)).status_code == 409
    added = await house.browser.post(f"{there}/evidence", files={"file": ("a.pdf", pdf())}, headers=csrf)
    assert [one["number"] for one in added.json()["appeals"][0]["evidence"]] == [1]
    csrf = {"X-CSRF-Token": await house.sign_in(StaffRole.APPEALS_REVIEWER)}
    assert (await house.browser.get(f"{there}/1/evidence/1")).content == pdf()
    ruled = await house.browser.post(f"{there}/decision", json={"outcome": "reversed", **REASON}, headers=csrf)
    assert (ruled.status_code, ruled.json()["stage"]) == (200, "invited")
    assert ruled.json()["appeal"]["outcome"] == "reversed"
    (kept,) = (await house.browser.get(there)).json()
    assert (kept["state"], kept["decisions"][0]["by"]) == ("decided", "appeals_reviewer")
    over = await house.browser.post(f"{there}/withdraw", json=REASON, headers=csrf)
    assert over.status_code == 409
    assert over.json()["detail"] == "No appeal is under way."
    assert (await house.browser.post("/api/cases/nobody/appeal", json=body, headers=csrf)).status_code == 404


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=300),
    name=st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n\0'), max_size=30),
)
def test_e5_a_file_comes_through_a_form_byte_by_byte(content: bytes, name: str) -> None:
    """Whatever it holds: line ends of every kind, boundaries of others, bytes that are no text."""
    body = b"".join(
        (
            b'--x1y2\r\nContent-Disposition: form-data; name="reason"\r\n\r\nse\xc3\xb1al\r\n',
            b'--x1y2\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n',
            b"Content-Type: application/pdf\r\n\r\n" + content + b"\r\n--x1y2--\r\n",
        )
    )
    found = parse_upload("multipart/form-data; boundary=x1y2", body)
    assert (found.values, found.content) == ({"reason": "señal"}, content if content or name else b"")


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=300))
def test_e5_what_is_no_form_is_refused_and_harms_nothing(body: bytes) -> None:
    try:
        parse_upload("multipart/form-data; boundary=x", body)
    except Invalid:
        return


@pytest.mark.timeout(60)
def test_e5_parts_within_a_part_are_its_content_however_deep_they_are() -> None:
    """An e-mail parser would open each, and look at every line once for each it is in."""
    within = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(5_000))
    content = within + b"\n" * 1_000_000
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    found = parse_upload("multipart/form-data; boundary=x", head + content + b"\r\n--x--\r\n")
    assert found.content == content
    part = head.removesuffix(b"\r\n") + b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\n"
    nested = parse_upload("multipart/form-data; boundary=x", part + content + b"\r\n--x--\r\n")
    assert nested.content == b"--b0\r\n" + content


def test_e5_a_form_that_was_cut_off_is_refused() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1.7 cut'
    with pytest.raises(Invalid):
        parse_upload("multipart/form-data; boundary=x", body)
