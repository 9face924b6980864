"""What senders report over HTTP: each address, each way to be wrong, and what is kept aside for staff (P1–P11)."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlmodel import col, select

from db.case_state import list_rows
from db.reads.status import read_status
from db.tables import Assister, AuditRow, InboxRow, UncountedReport
from db.writes.webhooks.uncounted import keep_uncounted
from domain.federal.profile import parse_registration
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Fault
from domain.shared.documents.statements import read_statements
from domain.shared.vouching import Voucher
from domain.state.policies import find_state_policy
from settings import RETIRED, Settings
from tests.support import documents
from tests.support.documents import changed
from tests.support.sending import build_credential, send_report
from tests.web.conftest import SENDERS, settings_of
from tests.web.house import House
from web.http.permissions import StaffRole

Document = dict[str, Any]
POLICY = find_state_policy("bewellnm", 2024)
assert POLICY is not None
IDS = POLICY.model_dump(mode="json")
SAMPLES = Path(__file__).parent.parent / "fixtures" / "senders"


async def open_case(house: House, account: str | None = None) -> Document:
    """A case in training, whose person has an account in the LMS."""
    case_id = await house.open(documents.broker())
    (case,) = [one for one in await house.cases() if one.case_id == case_id]
    await house.database.write(_set_account, case.assister_id, account or case.assister_id)
    return {"case_id": case_id, "assister_id": case.assister_id}


def _set_account(session: Any, assister_id: str, account: str) -> None:
    session.get_one(Assister, assister_id).lms_account = account


async def list_attempts(house: House, opened: Document) -> list[Document]:
    status = await house.database.read(read_status, opened["case_id"], datetime.now(UTC))
    return list(status["exam"]["attempts"])


async def list_kept(house: House) -> list[UncountedReport]:
    return await house.database.read(list_rows, select(UncountedReport).order_by(col(UncountedReport.id)))


def build_multipart(*parts: tuple[str, bytes]) -> tuple[bytes, str]:
    lines = [b"--edge\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + part + b"\r\n" for kind, part in parts]
    return b"".join(lines) + b"--edge--\r\n", "multipart/mixed; boundary=edge"


# what is taken


@pytest.mark.parametrize("prefix", ["webhook-", "svix-"])
async def test_p11_the_scheme_s_older_header_names_are_taken(house: House, prefix: str) -> None:
    opened = await open_case(house)
    answer = await send_report(house.browser, "lms", "/webhooks/lms", documents.exam(IDS, opened, 0.9), prefix=prefix)
    assert answer.status_code == 202
    (attempt,) = await list_attempts(house, opened)
    assert (attempt["score"], attempt["passed"], attempt["witness"]) == ("0.9", True, "scaled")
    (noted,) = await house.database.read(list_rows, select(AuditRow).where(col(AuditRow.action) == "webhook.passed"))
    assert noted.actor == "sender:lms"


async def test_p8_p9_a_statement_comes_with_attachments_and_a_byte_order_mark(house: House) -> None:
    opened = await open_case(house)
    for number, mark in enumerate((b"", b"\xef\xbb\xbf"), 1):
        statement = mark + json.dumps(documents.exam(IDS, opened, 0.9)).encode()
        body, kind = build_multipart(("application/json", statement), ("application/pdf", b"%PDF-\xff"))
        answer = await send_report(house.browser, "record-store", "/xapi/statements", body, **{"content-type": kind})
        assert answer.status_code == 200, answer.text
        assert len(await list_attempts(house, opened)) == number


@pytest.mark.parametrize(
    "body",
    [b"", b"--edge--\r\n", build_multipart(("text/plain", b"{}"))[0], build_multipart(("application/json", b"{"))[0]],
)
async def test_p8_a_multipart_body_without_a_statement_is_422(house: House, body: bytes) -> None:
    kind = {"content-type": "multipart/mixed; boundary=edge"}
    assert (await send_report(house.browser, "record-store", "/xapi/statements", body, **kind)).status_code == 422


async def test_p8_every_answer_names_the_version_of_xapi(house: House) -> None:
    about = await house.browser.get("/xapi/about")
    refused = await house.browser.post("/xapi/statements", json={})
    assert (about.status_code, refused.status_code) == (200, 401)
    assert "1.0.3" in about.json()["version"]
    assert {one.headers["X-Experience-API-Version"] for one in (about, refused)} == {"1.0.3"}


async def test_a_signed_body_that_is_no_text_is_422_and_says_so(house: House) -> None:
    headers = build_credential("lms", b"{}")
    answer = await house.browser.post("/webhooks/lms", content=b'{"a": "\xff"}', headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "json")


async def test_p10_each_dialect_comes_in_by_its_own_credential(house: House) -> None:
    assert POLICY is not None
    moodle = await open_case(house, "1207")
    sample = json.loads((SAMPLES / "moodle-quiz-passed.json").read_text())
    sample[0]["context"]["contextActivities"]["parent"][0]["id"] = POLICY.lms.exam_id
    assert (await send_report(house.browser, "moodle", "/xapi/statements", sample)).status_code == 200
    assert [one["score"] for one in await list_attempts(house, moodle)] == ["0.8"]
    scorm = await open_case(house)
    told = json.loads((SAMPLES / "scorm-cloud-passed.json").read_text())
    told |= {"id": scorm["case_id"], "course": {"id": POLICY.lms.exam_id}, "learner": {"id": scorm["assister_id"]}}
    assert (await send_report(house.browser, "scorm-cloud", "/webhooks/lms", told)).status_code == 202
    credential = build_credential("scorm-cloud", b"")
    form = await house.browser.post("/webhooks/lms", data={"data": json.dumps(told)}, headers=credential)
    assert (form.status_code, form.json()["status"]) == (202, "repeated")
    assert [one["score"] for one in await list_attempts(house, scorm)] == ["0.85"]
    docebo = await open_case(house, "90210")
    batch = json.loads((SAMPLES / "docebo-batch.json").read_text())
    for one in batch["payloads"]:
        one["course_id"] = POLICY.lms.course_id
    answer = await send_report(house.browser, "docebo", "/webhooks/lms", batch)
    assert answer.status_code == 202, answer.text
    rows = await house.database.read(list_rows, select(InboxRow).where(col(InboxRow.case_id) == docebo["case_id"]))
    assert [row.kind for row in rows] == ["course_completed", "course_completed"]


async def test_p7_a_mailbox_is_matched_by_the_one_account_with_that_address(house: House) -> None:
    opened, other = await open_case(house), await open_case(house)
    emails = {one.assister_id: one.email for one in await house.database.read(list_rows, select(Assister))}
    mailbox = {"actor": {"mbox": f"mailto:{emails[opened['assister_id']].upper()}"}, "context": {}}
    answer = await send_report(house.browser, "lms", "/webhooks/lms", documents.exam(IDS, opened, 0.9) | mailbox)
    assert answer.status_code == 202, answer.text
    assert (len(await list_attempts(house, opened)), len(await list_attempts(house, other))) == (1, 0)


# what can't be counted


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"result": {"score": {"scaled": 0, "raw": 34, "min": 0, "max": 0}}}, "result.score.max"),
        ({"result": {"score": {"raw": 85}}}, "result.score.max"),
        ({"timestamp": "soon"}, "timestamp"),
        ({"actor": {"mbox": "mailto:nobody.at.all@example.com"}, "context": {}}, "actor.mbox"),
        ({"context.registration": "00000000-0000-4000-8000-000000000404"}, "context.registration"),
        ({"object.id": "https://lms.example.org/other"}, "object.id"),
    ],
    ids=str,
)
async def test_p3_p4_p7_what_can_t_be_counted_is_kept_for_staff_and_the_rest_comes_in(
    house: House, changes: Document, field: str
) -> None:
    opened = await open_case(house)
    good = [documents.exam(IDS, opened, score) for score in (0.5, 0.9)]
    bad = changed(documents.exam(IDS, opened, 0.95), changes)
    alone = await send_report(house.browser, "lms", "/webhooks/lms", bad)
    assert (alone.status_code, [one["field"] for one in alone.json()["errors"]]) == (422, [field])
    assert "kept aside" in alone.json()["detail"]
    for said in ("stored", "repeated"):
        answer = await send_report(house.browser, "lms", "/webhooks/lms", [good[0], bad, good[1]])
        assert (answer.status_code, answer.json()["status"], answer.json()["kept_aside"]) == (202, said, 1)
        assert [one["field"] for one in answer.json()["not_counted"]] == [f"1.{field}"]
    assert [one["score"] for one in await list_attempts(house, opened)] == ["0.5", "0.9"]
    (kept,) = await list_kept(house)
    assert (kept.sender, kept.times, kept.faults[0][0]) == ("lms", 3, field)
    (case,) = [one for one in await house.cases() if one.case_id == opened["case_id"]]
    assert case.flag == ("uncounted_report" if kept.case_id else None)


async def test_what_nobody_acts_on_is_no_work_for_staff(house: House) -> None:
    opened = await open_case(house)
    told = changed(documents.exam(IDS, opened, 0.9), {"verb.id": documents.VERBS + "experienced"})
    assert (await send_report(house.browser, "record-store", "/xapi/statements", told)).status_code == 422
    assert await list_kept(house) == []


async def test_d7_of_a_list_what_is_another_program_s_is_left_out_and_not_kept(house: House) -> None:
    opened = await open_case(house)
    federal = await house.services.cases.submit_request(parse_registration(documents.registration()))
    theirs = {"case_id": federal.case_id, "assister_id": federal.assister_id}
    both = [documents.exam(IDS, opened, 0.9), documents.exam(IDS, theirs, 0.9)]
    answer = await send_report(house.browser, "lms", "/webhooks/lms", both)
    assert (answer.status_code, answer.json()["not_counted"][0]["code"]) == (202, "forbidden")
    assert await list_kept(house) == []


async def test_d7_of_a_request_that_conflicts_the_audit_names_who_sent_it(house: House) -> None:
    document = documents.registration()
    await house.services.cases.submit_request(parse_registration(document))
    other = parse_registration(document | {"first_name": "Another"})
    with pytest.raises(Refusal):
        await house.services.cases.submit_request(other, Voucher("sender:intake"))
    of_it = select(AuditRow).where(col(AuditRow.action) == "request.conflict")
    assert [row.actor for row in await house.database.read(list_rows, of_it)] == ["sender:intake"]


# what staff do with it


async def keep_report(house: House, changes: Document) -> tuple[Document, str]:
    """A report that can't be counted, and its page."""
    opened = await open_case(house)
    bad = changed(documents.exam(IDS, opened, 0.9), changes)
    assert (await send_report(house.browser, "lms", "/webhooks/lms", bad)).status_code == 422
    (kept,) = await list_kept(house)
    return opened, f"/staff/webhooks/uncounted/{kept.id}"


async def show_page(house: House, path: str) -> str:
    answer = await house.browser.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


NOBODY = {"actor": {"mbox": "mailto:nobody.at.all@example.com"}, "context": {}}


async def test_p7_staff_say_whose_report_it_is(house: House) -> None:
    opened, page = await keep_report(house, NOBODY)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    assert page in await show_page(house, "/staff/webhooks")
    shown = await show_page(house, page)
    assert "nobody.at.all@example.com" in shown
    assert [row.page for row in await house.list_accesses()] == ["webhook"]
    for form, status in (
        ({"reason": ""}, 422),
        ({"reason": "It is theirs", "case_id": "7"}, 422),
        ({"reason": "It is theirs"}, 409),
        ({"reason": "It is theirs", "case_id": opened["case_id"]}, 303),
        ({"reason": "It is theirs", "case_id": opened["case_id"]}, 409),
    ):
        answer = await house.post(f"{page}/count", form | {"csrf_token": csrf}, accept="text/html")
        assert (form, answer.status_code) == (form, status)
    assert [one["score"] for one in await list_attempts(house, opened)] == ["0.9"]
    counted = await house.database.read(list_rows, select(AuditRow).where(col(AuditRow.action) == "webhook.counted"))
    assert [(one.actor, one.reason, one.case_id) for one in counted] == [
        ("operator", "It is theirs", opened["case_id"])
    ]
    assert "Staff had it counted." in await show_page(house, page)


async def test_p10_what_absorb_was_asked_for_and_is_kept_aside_is_counted_by_the_web_too(house: House) -> None:
    opened = await open_case(house)
    known = house.services.senders.senders["absorb"]
    document = {"case_id": str(uuid4()), "account": opened["assister_id"], "courseId": IDS["lms"]["exam_id"]}
    document |= {"status": "Complete", "result": {"score": {"scaled": 90}}, "at": "2026-10-01T18:04:11Z"}
    (read,) = read_statements(document, known.dialect, known.zone)
    assert await house.database.write(keep_uncounted, known, read, [Fault("case_id", "invalid")], datetime.now(UTC))
    (kept,) = await list_kept(house)
    csrf = await house.sign_in(StaffRole.OPERATOR)
    form = {"reason": "It is theirs", "case_id": opened["case_id"], "csrf_token": csrf}
    answer = await house.post(f"/staff/webhooks/uncounted/{kept.id}/count", form, accept="text/html")
    assert "no sender" not in answer.text
    assert answer.status_code == 303, answer.text


async def test_staff_dismiss_what_is_not_to_be_counted_and_the_flag_comes_down(house: House) -> None:
    opened, page = await keep_report(house, {"result": {"score": {"raw": 34, "min": 0, "max": 0}}})
    csrf = await house.sign_in(StaffRole.OPERATOR)
    assert page in await show_page(house, f"/staff/cases/{opened['case_id']}")
    counted = await house.post(f"{page}/count", {"reason": "Try", "csrf_token": csrf}, accept="text/html")
    assert counted.status_code == 409
    assert (await house.post(f"{page}/dismiss", {"csrf_token": csrf}, accept="text/html")).status_code == 422
    form = {"reason": "A test of theirs", "csrf_token": csrf}
    assert (await house.post(f"{page}/dismiss", form, accept="text/html")).status_code == 303
    assert (await house.post(f"{page}/dismiss", form, accept="text/html")).status_code == 409
    (case,) = [one for one in await house.cases() if one.case_id == opened["case_id"]]
    assert (case.flag, await list_attempts(house, opened)) == (None, [])
    assert page not in await show_page(house, "/staff/webhooks")
    assert await house.database.read(list_rows, select(InboxRow)) == []
    assert (await house.post("/staff/webhooks/uncounted/999/dismiss", form, accept="text/html")).status_code == 404


# settings


def test_d7_settings_of_before_are_refused_by_their_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in RETIRED:
        with monkeypatch.context() as environment:
            environment.setenv(name, "something")
            with pytest.raises(ValidationError, match=f"{name}: now .* CERTIFY_SENDERS"):
                settings_of(tmp_path)
    settings_of(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lms": {**SENDERS["lms"], "secret": SENDERS["portal"]["secret"]}}, "the same secret as CERTIFY_SENDERS: "),
        (
            {"marketplace": {**SENDERS["marketplace"], "token": "a-token-that-we-send-to-the-portal"}},
            "CERTIFY_PORTAL_TOKEN",
        ),
        ({"lms": {**SENDERS["lms"], "token": "another"}}, "needs one credential"),
        ({"lms": {"program": "bewellnm", "kinds": ["exam"]}}, "needs one credential"),
        ({"lms": {**SENDERS["lms"], "kinds": []}}, "kinds"),
        ({"lms": {**SENDERS["lms"], "kinds": ["everything"]}}, "kinds"),
        ({"lms": {**SENDERS["lms"], "zone": "Mars/Base"}}, "has to be a time zone"),
        ({"lms": {**SENDERS["lms"], "dialect": "cornerstone"}}, "dialect"),
        ({"LMS of ours": SENDERS["lms"]}, "senders"),
        ({"absorb": {**SENDERS["lms"], "secret": "a-secret-nobody-else-has"}}, "absorb can't name a sender"),
        ({"certify": {**SENDERS["lms"], "secret": "a-secret-nobody-else-has"}}, "certify can't name a sender"),
    ],
    ids=str,
)
def test_d7_senders_that_can_t_be_told_apart_or_understood_are_refused(
    changes: Document, said: str, tmp_path: Path
) -> None:
    given = settings_of(tmp_path).model_dump() | {"senders": SENDERS | changes}
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    "other",
    [
        {"staff_tokens": {"clerk": f"sha256:{sha256(b'one-and-the-same').hexdigest()} until 2999-12-31"}},
        {"senders": {"marketplace": SENDERS["marketplace"] | {"token": "one-and-the-same"}}},
        *({name: "one-and-the-same"} for name in ("portal_token", "registry_password", "smtp_password")),
        *({f"{name}_client_secret": "one-and-the-same"} for name in ("oidc", "proofing")),
        {"absorb": {"url": "https://x.example", "api_key": "one-and-the-same", "user": "u", "password": "p"}},
    ],
    ids=lambda other: next(iter(other)),
)
def test_d7_an_intake_partner_s_token_is_no_other_secret_as_well(other: Document, tmp_path: Path) -> None:
    hashed = f"sha256:{sha256(b'one-and-the-same').hexdigest()} until 2999-12-31"
    if "absorb" in other:
        other["absorb"]["activities"] = {"1": "https://lms.example/exam"}
    given = settings_of(tmp_path).model_dump() | other
    Settings.model_validate(given)
    with pytest.raises(ValidationError, match="has the same secret as"):
        Settings.model_validate(given | {"intake_tokens": {"partner": hashed}})


def test_d7_who_asks_absorb_is_no_sender_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="certify can't name"):
        Settings.model_validate(settings_of(tmp_path).model_dump() | {"intake_tokens": {"certify": "a-token-of-it"}})


def test_d7_a_vendor_s_secret_of_before_is_refused_by_its_place(tmp_path: Path) -> None:
    old = {"vendor-a": {"url": "https://vendor-a.example.org", "secret": f"whsec_{uuid4().hex}"}}
    given = settings_of(tmp_path).model_dump() | {"vendors": old}
    with pytest.raises(ValidationError, match="CERTIFY_SENDERS now"):
        Settings.model_validate(given)
