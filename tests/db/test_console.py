"""What the staff console reads, on both databases: lists, counts, search, a case's file, webhooks, numbers, export."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from db.case_state import UnknownCase
from db.cursors import Page
from db.engine import Database
from db.reads.case_file import CaseFile, find_mail
from db.reads.numbers import FRESH, USABLE, StaffNumbers
from db.reads.queue import Filters, ListedCase, View, find_next_in_queue, read_case_page, stream_cases
from db.reads.reminders import list_due_reminders
from db.reads.third_parties import find_evidence_of_case
from db.tables import Case, EffectRow, SearchTerm, SentMail
from db.writes.cases import clear_flag, flag_case
from db.writes.effects import EffectResult, complete_effect, intend_effect, keep_evidence
from db.writes.federal.profiles import complete_profile
from db.writes.imports import import_person
from db.writes.opening import Opened, begin_case
from db.writes.webhooks.inbox import mark_delivered
from domain.programs.imports import parse_import
from domain.shared.cases.authors import THE_ASSISTER
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import Stage
from domain.shared.documents.faults import Invalid
from domain.state.eligibility import LICENSING
from tests.support import documents
from tests.support.commands import note_refusal
from tests.support.office import KEY, NOW, Office, ids, office_over
from tests.support.patience import PATIENCE
from tests.support.tables import add_rows, change_row


@pytest_asyncio.fixture
async def office(migrated_url: str) -> AsyncIterator[Office]:
    async with office_over(migrated_url) as found:
        yield found


# lists


async def test_the_queue_has_what_staff_should_look_at_oldest_first(office: Office) -> None:
    first, silent, second = (
        await office.waiting(),
        await office.opened(),
        await office.waiting(kind="agent", insurers=["X"]),
    )
    flagged = await office.registered()
    await office.database.write(flag_case, flagged.case_id, "list_late", office.later())
    rows = (await office.queue()).rows
    assert ids(rows) == [first.case_id, second.case_id, flagged.case_id]
    assert [row.attention for row in rows] == ["decision", "decision", "list_late"]
    row = rows[0]
    assert (row.first_name, row.last_name, row.kind, row.program) == ("Testa", "Broker", "broker", "bewellnm")
    assert (row.stage, row.waiting_for) == ("awaiting_decision", "decision")
    assert row.attention_since == row.waiting_since
    everything = await office.database.read(read_case_page, View.ALL, Filters())
    assert ids(everything.rows) == [flagged.case_id, second.case_id, silent.case_id, first.case_id]


WANTED: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [0, 1, 2, 3]),
    ({"kind": "broker"}, [0, 1]),
    ({"stage": "awaiting_decision"}, [0, 2]),
    ({"attention": "decision"}, [0, 2]),
    ({"attention": "mail_refused"}, [1, 3]),
    ({"attention": "mail_refused", "kind": "broker"}, [1]),
    ({"program": "ffm"}, [3]),
    ({"plan_year": 2024, "program": "bewellnm"}, [0, 1, 2]),
    ({"plan_year": 2025}, []),
    ({"stage": "no such stage"}, []),
]


async def test_filters_narrow_both_lists_down(office: Office) -> None:
    waits = await office.waiting()
    flagged = await office.opened()
    agent = await office.waiting(kind="agent", insurers=["X"])
    federal = await office.registered()
    for opened in (flagged, federal):
        await office.database.write(flag_case, opened.case_id, "mail_refused", office.later())
    cases = [waits.case_id, flagged.case_id, agent.case_id, federal.case_id]
    for wanted, found in WANTED:
        expected = {cases[number] for number in found}
        assert set(await office.queued(**wanted)) == expected, wanted
        assert set(ids((await office.database.read(read_case_page, View.ALL, Filters(**wanted))).rows)) == expected, (
            wanted
        )


async def five(office: Office) -> list[str]:
    return [(await office.waiting()).case_id for _ in range(5)]


@pytest.mark.parametrize("view", View)
async def test_pages_lead_on_and_back_and_have_every_case_once(office: Office, view: View) -> None:
    cases = await five(office)
    if view is View.ALL:
        cases.reverse()

    async def read(after: str | None = None) -> Page[ListedCase]:
        return await office.database.read(read_case_page, view, Filters(), after, 2)

    first = await read()
    second = await read(first.next)
    third = await read(second.next)
    assert [ids(page.rows) for page in (first, second, third)] == [cases[:2], cases[2:4], cases[4:]]
    assert (first.previous, third.next) == (None, None)
    back = await read(third.previous)
    assert ids(back.rows) == cases[2:4]
    assert ids((await read(back.next)).rows) == cases[4:]
    start = await read(back.previous)
    assert (ids(start.rows), start.previous) == (cases[:2], None)
    assert ids((await read(start.next)).rows) == cases[2:4]


async def test_what_was_decided_meanwhile_moves_nobody_out_of_sight(office: Office) -> None:
    cases = await five(office)
    page = await office.queue(limit=2)
    for case_id in cases[:2]:
        await office.decided(Opened("", case_id, "", True))
    onward = await office.queue(page.next, limit=2)
    assert ids(onward.rows) == cases[2:4]
    assert ids((await office.queue(onward.previous, limit=2)).rows) == cases[2:4], "there is nothing before it any more"


async def test_a_page_that_is_gone_altogether_becomes_the_first_one(office: Office) -> None:
    cases = await five(office)
    page = await office.queue(limit=4)
    await office.decided(Opened("", cases[4], "", True))
    again = await office.queue(page.next, limit=4)
    assert (ids(again.rows), again.previous, again.next) == (cases[:4], None, None)


async def test_cases_of_the_same_instant_are_told_apart_by_their_ids(office: Office) -> None:
    cases = sorted(await five(office))
    for case_id in cases:
        await office.database.write(change_row, Case, case_id, attention_since=NOW)
    found, after = [], None
    while True:
        page = await office.queue(after, limit=1)
        found += ids(page.rows)
        if page.next is None:
            break
        after = page.next
    assert found == cases


async def test_a_cursor_says_nothing_of_the_person(office: Office) -> None:
    cases = await five(office)
    cursor = (await office.queue(limit=2)).next
    assert cursor is not None
    assert len(cursor) < 40
    assert not any(part in cursor for part in ("Testa", "example", cases[1]))


NO_CURSORS = ("", "x", "%00", "é", ">" * 34, "A" * 34, "Pg" + "_" * 32, "P" * 200, "Pg" + "A" * 32 + "=")


async def test_a_cursor_that_is_none_is_refused_by_its_field(office: Office) -> None:
    for cursor in NO_CURSORS:
        for view in View:
            with pytest.raises(Invalid) as caught:
                await office.database.read(read_case_page, view, Filters(), cursor)
            assert [fault.field for fault in caught.value.faults] == ["after"], cursor
        for page in (office.list_held, office.list_altered):
            with pytest.raises(Invalid):
                await page(cursor)


async def test_a_cursor_of_another_list_is_refused_too(office: Office) -> None:
    await five(office)
    with pytest.raises(Invalid):
        await office.list_held((await office.queue(limit=2)).next)


async def test_after_a_decision_comes_the_next_case_of_the_queue(office: Office) -> None:
    cases = await five(office)
    decided = Opened("", cases[2], "", True)

    async def find_next(case_id: str, **wanted: Any) -> str | None:
        return await office.database.read(find_next_in_queue, Filters(**wanted), case_id)

    assert await find_next(cases[2]) == cases[3], "before the decision"
    await office.decided(decided)
    assert await find_next(cases[2]) == cases[3], "and after it"
    assert await find_next(cases[4]) == cases[0], "after the last comes the first"
    assert await find_next(cases[0], attention="mail_refused") is None
    assert await find_next("no such case") == cases[0]
    for case_id in (cases[0], cases[1], cases[3]):
        await office.decided(Opened("", case_id, "", True))
    assert await find_next(cases[4]) is None, "itself is not the next one"


# counts


async def test_each_facet_is_counted_with_the_other_filters_on(office: Office) -> None:
    for kind in ("broker", "broker", "agent"):
        await office.waiting(kind=kind, insurers=["X"])
    flagged = await office.registered()
    await office.database.write(flag_case, flagged.case_id, "list_late", office.later())
    await office.opened()
    counts = await office.counts(kind="broker")
    assert counts.total == 2
    assert counts.facets == {
        "program": {"bewellnm": 2},
        "plan_year": {2024: 2},
        "stage": {"awaiting_decision": 2},
        "kind": {"agent": 1, "broker": 2, "marketplace_agent_broker": 1},
        "attention": {"decision": 2},
        "finding": {"passed": 2},
    }
    everything = await office.counts("all")
    assert (everything.total, everything.facets["kind"]) == (
        5,
        {"agent": 1, "broker": 3, "marketplace_agent_broker": 1},
    )
    assert everything.facets["attention"] == {"decision": 3, "list_late": 1}
    assert everything.facets["stage"] == {"awaiting_decision": 3, "requested": 1, "screening": 1}
    assert (await office.counts(attention="nothing")).total == 0


async def test_counts_stand_for_some_seconds_and_are_fetched_anew_beside_the_answer(office: Office) -> None:
    clock = [100.0]
    numbers = StaffNumbers(office.database, lambda: clock[0])

    async def total() -> int:
        return (await numbers.count_cases(View.QUEUE, Filters())).total

    assert await total() == 0
    await office.waiting()
    clock[0] += FRESH - 1
    assert await total() == 0, "kept"
    clock[0] += 2
    assert await total() == 0, "served while the new ones are fetched"
    async with asyncio.timeout(PATIENCE):
        while await total() == 0:
            await asyncio.sleep(0.01)
    await office.waiting()
    clock[0] += USABLE
    assert await total() == 2, "too old to be told anybody"
    await office.waiting()
    numbers.forget()
    assert await total() == 3


async def test_a_change_while_counting_is_not_overwritten_by_the_older_count(office: Office, migrated_url: str) -> None:
    counted, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Database):
        """Nothing is done with what was read until it may go on."""

        async def read(self, work: Any, *args: Any, **kwargs: Any) -> Any:
            found = await super().read(work, *args, **kwargs)
            counted.set()
            await go_on.wait()
            return found

    slow = Slow(migrated_url)
    numbers = StaffNumbers(slow)
    before = asyncio.create_task(numbers.read_groups())
    await counted.wait()
    await office.waiting()
    numbers.forget()
    after = asyncio.create_task(numbers.read_groups())
    await asyncio.sleep(0)
    go_on.set()
    for groups in (await before, await after, await numbers.read_groups()):
        assert sum(group.number for group in groups) == 1
    await slow.close()


async def test_many_who_ask_at_once_wait_for_one_count(office: Office) -> None:
    numbers = StaffNumbers(office.database)
    found = await asyncio.gather(*(numbers.read_groups() for _ in range(20)))
    assert len({id(one) for one in found}) == 1


async def test_a_count_that_fails_is_tried_again() -> None:
    class Broken:
        async def read(self, *_: Any) -> Any:
            raise OSError("gone")

    numbers = StaffNumbers(Broken())  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await numbers.read_groups()


# search


FINDING = (
    *("iñes", "INES", "núñ", "nunez", "Iñés Núñez", "nunez ines", "maria", "nunez-maria", "Núñez María"),
    *("nunezmaria", "ines.nunez", "ines.nunez@post.example.com", "INES.NUNEZ@POST", "77001234", "7700"),
    *("unez", "inez"),  # one typo
)
NOT_FINDING = ("", "   ", "%", "_", "ines otto", "nez", "imez", "1234", "NM24-00000", "' OR 1=1 --")


async def test_a_person_is_found_by_the_beginnings_of_their_words_with_one_typo_and_by_nothing_else(
    office: Office,
) -> None:
    who = {"first_name": "Iñés", "last_name": "Núñez-María", "email": "Ines.Nunez@post.example.com"}
    opened = await office.opened(documents.broker("77001234", **who))
    await office.opened(documents.broker("88001234", first_name="Otto", last_name="Sample", email="otto@example.org"))
    for words in FINDING:
        assert await office.found(words) == [opened.case_id], words
    for words in NOT_FINDING:
        assert await office.found(words) == [], words


async def test_whole_words_come_before_longer_ones_and_new_cases_before_old_ones(office: Office) -> None:
    longer = await office.opened(documents.broker(first_name="Anabel", email="b@example.com"))
    document = documents.broker(first_name="Ana", email="a@example.com")
    old = await office.opened(document)
    await office.command(old, CommandKind.WITHDRAW)
    new = await office.opened(document)
    assert await office.found("ana") == [new.case_id, old.case_id, longer.case_id]


async def test_a_certificate_is_found_however_its_number_is_written(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    number = await office.certified(opened)
    for written in (number, number.lower(), number.replace("-", ""), number.replace("-", " "), f" {number} "):
        assert await office.found(written) == [opened.case_id]
    assert await office.found(number[:-1] + ("0" if number[-1] != "0" else "1")) == []


async def test_too_many_words_are_refused(office: Office) -> None:
    with pytest.raises(Invalid):
        await office.found("a b c d e f g h i j")


async def terms(office: Office, opened: Opened) -> set[str]:
    return {row.term for row in await office.all(SearchTerm, assister_id=opened.assister_id)}


async def test_another_name_in_a_request_is_found_too_and_the_old_one_no_more_once_it_is_settled(
    office: Office,
) -> None:
    document = documents.broker("77001234", last_name="Before", email="before@example.com")
    first = await office.opened(document, proven=False)
    await office.command(first, CommandKind.WITHDRAW)
    second = await office.opened({**document, "last_name": "After"})
    assert {"before", "after", "before@example.com"} <= await terms(office, second)
    await office.screened(second)
    await office.decided(second, override="seen in person")
    assert set(await office.found("after")) == {first.case_id, second.case_id}
    assert set(await office.found("before")) == {first.case_id, second.case_id}, "the first request still says so"


async def test_an_answer_that_changes_the_name_changes_the_words(office: Office) -> None:
    opened = await office.waiting(last_name="Before", email="before@example.com")
    await office.decided(opened, "ask")
    changes = {"last_name": "After", "email": "after@example.com"}
    assert (await office.command(opened, CommandKind.ANSWER, changes=changes, language=None)).applied
    assert await office.found("after") == [opened.case_id]
    assert await office.found("before") == []


async def test_a_profile_that_changes_the_name_changes_the_words(office: Office) -> None:
    document = documents.registration(last_name="Before")
    opened = await office.registered(**document)
    await office.desk.saved(opened, {**document, "last_name": "After"}, office.later())
    assert (await office.found("after"), await office.found("before")) == ([opened.case_id], [])


async def test_whoever_was_imported_is_known_by_their_words_before_their_first_case(office: Office) -> None:
    earlier = documents.earlier(documents.broker("77001234", last_name="Returning"), 2023)
    (imported,) = parse_import([earlier])
    assister_id, *_ = await office.database.write(import_person, KEY, imported, "staff", office.later())
    assert {"returning", "77001234"} <= {row.term for row in await office.all(SearchTerm, assister_id=assister_id)}
    assert await office.found("returning") == []
    begun = await office.database.write(begin_case, assister_id, "bewellnm", 2024, "staff", office.later())
    assert await office.found("returning") == [begun.case_id]


# a case's file


async def file_of(office: Office, opened: Opened) -> CaseFile:
    return await office.read_case_file(opened.case_id)


async def test_a_file_of_no_case(office: Office) -> None:
    with pytest.raises(UnknownCase):
        await office.read_case_file("no such case")


async def test_a13_each_check_of_the_licence_shows_the_registrys_answer_of_its_round(office: Office) -> None:
    opened = await office.opened()
    for number in range(2):
        raw = json.dumps({"round": number}).encode()
        key = f"{opened.case_id}:registry:{number}"
        await office.database.write(
            keep_evidence, key, opened.case_id, "registry", raw, sha256(raw).hexdigest(), office.later()
        )
        await office.screened(opened, number=number)
        if number == 0:
            await office.decided(opened, "ask")
            await office.command(opened, CommandKind.ANSWER, changes={"phone": "505-555-0199"}, language=None)
    file = await file_of(office, opened)
    assert [(one.number, one.round, one.size, one.source) for one in file.evidence] == [
        (1, 0, 12, "registry"),
        (2, 1, 12, "registry"),
    ]
    by_check = {one.check: one for one in file.findings}
    assert by_check["npn_found"].evidence == file.evidence[1]
    assert by_check["npn_found"].basis["npn"] == file.request["npn"]
    kept = await office.database.read(find_evidence_of_case, opened.case_id, file.evidence[1].key)
    assert kept is not None
    assert (kept.raw, kept.sha256) == (b'{"round": 1}', sha256(b'{"round": 1}').hexdigest())
    other = await office.opened()
    assert await office.database.read(find_evidence_of_case, other.case_id, file.evidence[1].key) is None, (
        "another case's"
    )
    assert await office.database.read(find_evidence_of_case, opened.case_id, "no such key") is None


async def test_a3_the_agreement_is_shown_with_its_record(office: Office) -> None:
    file = await file_of(office, await office.waiting())
    (found,) = [one for one in file.findings if one.check == "agreement_accepted"]
    assert (found.result, found.basis["version"], found.basis["language"]) == ("pass", "2024-1", "en")
    assert (found.basis["source"], len(found.basis["sha256"])) == ("form", 64)
    assert found.basis["at"] == file.opened_at


async def test_a14_the_background_check_is_shown_with_order_and_report(office: Office) -> None:
    opened = await office.opened(documents.counselor())
    key = f"{opened.case_id}:background.ordered:0"
    await office.database.write(intend_effect, key, opened.case_id, "background.ordered", {}, office.later())
    await office.database.write(
        complete_effect, key, opened.case_id, EffectResult(external_id="cand_1"), office.later()
    )
    ordered = office.now
    await office.screened(opened)
    (found,) = [one for one in (await file_of(office, opened)).findings if one.check == "background_check"]
    basis = {"ordered_at": ordered, "candidate": "cand_1", "result": None, "reported_at": None}
    assert (found.result, found.basis) == ("pending", basis)
    await office.checked(opened, "consider")
    file = await file_of(office, opened)
    (found,) = [one for one in file.findings if one.check == "background_check"]
    assert (found.result, found.basis["result"]) == ("consider", "consider")
    assert found.basis["reported_at"] == office.now
    assert (file.status["waiting_for"], file.flags) == ("decision", [])


async def test_a10_who_is_known_stands_beside_who_asks(office: Office) -> None:
    document = documents.broker(last_name="Before")
    first = await office.opened(document)
    await office.command(first, CommandKind.WITHDRAW)
    again = await office.screened(await office.opened({**document, "last_name": "After"}))
    file = await file_of(office, again)
    (found,) = [one for one in file.findings if one.check == "identity_matches"]
    assert (found.basis["known"]["last_name"], found.basis["requested"]["last_name"]) == ("Before", "After")
    assert (found.result, file.attempt, file.person.last_name) == ("fail", 2, "Before")
    assert [flag.what for flag in file.flags] == ["identity_conflict"]
    assert [(one.case_id, one.stage) for one in file.other_cases] == [(first.case_id, "withdrawn")]


async def test_the_rest_of_the_file(office: Office) -> None:
    earlier = documents.earlier(documents.broker(), 2022, 2023)
    (imported,) = parse_import([earlier])
    assister_id, *_ = await office.database.write(import_person, KEY, imported, "staff", office.later())
    begun = await office.database.write(begin_case, assister_id, "bewellnm", 2024, "staff", office.later())
    file = await file_of(office, begun)
    assert file.workflow_id == begun.workflow_id
    assert [(one.plan_year, one.certified) for one in file.earlier_years] == [(2023, True), (2022, True)]
    assert file.status == await office.status(begun)
    assert (file.person.assister_id, file.person.lms_account) == (assister_id, assister_id)
    json.dumps(file.status)


async def test_certificates_and_mails(office: Office) -> None:
    opened = await office.waiting()
    await office.decided(opened)
    number = await office.certified(opened)
    key = await office.mailed(opened, "certificate_issued")
    mail = SentMail(
        key=key,
        case_id=opened.case_id,
        notice="certificate_issued",
        language="en",
        recipient="testa@example.com",
        subject="Your certificate",
        text="…",
        html="<p>…</p>",
        attachments=["certificate.pdf"],
        message_id="<x@mail.example.org>",
        sent_at=office.later(),
    )
    await office.database.write(add_rows, mail)
    file = await file_of(office, opened)
    (certificate,) = file.certificates
    assert (certificate.number, certificate.status, certificate.holder) == (number, "valid", "Testa Broker")
    assert [(one.number, one.subject, one.attachments) for one in file.mails] == [
        (1, "Your certificate", ["certificate.pdf"])
    ]
    (notice,) = [entry for entry in file.timeline if entry.kind == "notice"]
    assert (notice.name, notice.data["state"], notice.data["mail"]) == ("certificate_issued", "sent", 1)
    shown = await office.database.read(find_mail, opened.case_id, key)
    assert shown is not None
    assert shown.html == "<p>…</p>"
    assert await office.database.read(find_mail, (await office.opened()).case_id, key) is None
    await office.command(opened, CommandKind.REVOKE)
    assert [one.status for one in (await file_of(office, opened)).certificates] == ["revoked"]


async def test_the_timeline_tells_everything_once_in_order_with_who_did_it(office: Office) -> None:
    opened = await office.screened(await office.opened(), answered=False)
    refused = await office.decided(opened)
    assert not refused.applied
    await office.database.write(
        note_refusal, opened.case_id, CommandKind.DECIDE, "alex", "quickly", Reason("agreement_needed"), office.later()
    )
    await office.database.write(flag_case, opened.case_id, "mail_refused", office.later(), "550")
    await office.database.write(clear_flag, opened.case_id, "mail_refused", "riley", "called them", office.later())
    await office.portal(opened, "account.registered", "msg_1")
    await office.decided(opened, override="seen the licence")
    await office.mailed(opened, "lms_invitation")
    await office.mailed(opened, "active", {"refused": "550"})
    await office.lms(office.statement(opened, "registered", "account"))
    await office.command(opened, CommandKind.RESEND, notice="request_received")
    told = [(entry.kind.value, entry.name, entry.actor) for entry in (await file_of(office, opened)).timeline]
    assert told == [
        ("fact", "requested", "applicant"),
        ("fact", "agreement_accepted", "applicant"),
        ("fact", "begun", "system"),
        ("fact", "screened", "system"),
        ("command", "decide", "riley"),
        ("command", "decide", "alex"),
        ("flag", "raised", "system"),
        ("flag", "cleared", "riley"),
        ("webhook", "without_effect", "sender:portal"),
        ("fact", "decided", "riley"),
        ("notice", "lms_invitation", "system"),
        ("notice", "active", "system"),
        ("fact", "lms_registered", "sender:lms"),
        ("command", "resend", "riley"),
    ]


async def test_what_the_entries_of_the_timeline_say(office: Office) -> None:
    opened = await office.screened(await office.opened(), answered=False)
    await office.decided(opened)
    await office.database.write(
        note_refusal, opened.case_id, CommandKind.REVOKE, "alex", "now", Reason("not_asked"), office.later()
    )
    await office.decided(opened, override="seen the licence")
    await office.portal(opened, "account.registered", "msg_1")
    await office.database.write(flag_case, opened.case_id, "list_late", office.later())
    entries = (await file_of(office, opened)).timeline
    refused, at_door = [entry for entry in entries if entry.kind == "command"]
    assert refused.data["state"] == "refused"
    assert refused.data["answer"].startswith("Approval needs a recorded override")
    assert refused.coded["answer"] == Reason("override_needed", {"checks": ", ".join(LICENSING)})
    assert (refused.reason, refused.data["verdict"]) == ("a sample reason", "approve")
    assert (at_door.name, at_door.reason, at_door.coded["answer"]) == ("revoke", "now", Reason("not_asked"))
    (decided,) = [entry for entry in entries if entry.name == "decided"]
    assert (decided.reason, decided.data["override"]) == ("a sample reason", "seen the licence")
    (held,) = [entry for entry in entries if entry.kind == "webhook"]
    assert held.data == {
        "event_id": "msg_1",
        "note": "It was reported before the certificate was issued.",
        "what": "account.registered",
    }
    assert held.coded == {"note": Reason("before_certificate")}
    assert [entry.data for entry in entries if entry.kind == "flag"] == [{"flag": "list_late"}]


async def test_of_a_refused_answer_the_timeline_names_the_fields_and_not_what_they_hold(office: Office) -> None:
    opened = await office.screened(await office.opened())
    await office.command(opened, CommandKind.ANSWER, changes={"phone": "505-555-0199"}, language=None)
    (refused,) = [entry for entry in (await file_of(office, opened)).timeline if entry.kind == "command"]
    assert (refused.data["state"], refused.data["changed"]) == ("refused", ["phone"])
    assert "505-555-0199" not in str(refused)


async def test_b_a_registrations_timeline_and_file(office: Office) -> None:
    document = documents.registration()
    opened = await office.registered(**document)
    await office.desk.saved(opened, document, office.later())
    await office.database.write(complete_profile, opened.case_id, THE_ASSISTER, office.later())
    file = await file_of(office, opened)
    assert (file.findings, file.status["program"]) == ([], "ffm")
    assert [(entry.kind.value, entry.name, entry.actor) for entry in file.timeline] == [
        ("fact", "requested", "applicant"),
        ("fact", "profile_saved", "assister"),
        ("fact", "profile_completed", "assister"),
    ]


# webhooks


async def test_held_webhooks_newest_first_with_why_and_by_pages(office: Office) -> None:
    opened = await office.opened()
    for number in range(3):
        await office.portal(opened, "account.registered", f"msg_{number}")
    await office.lms(office.statement(opened, "registered", "account"))
    page = await office.list_held(limit=2)
    assert [(one.state, one.source) for one in page.rows] == [("pending", "lms"), ("without_effect", "portal")]
    rest = await office.list_held(page.next, 2)
    assert [one.event_id for one in rest.rows] == ["msg_1", "msg_0"]
    assert (rest.next, rest.rows[0].reason) == (None, Reason("before_certificate"))
    back = await office.list_held(rest.previous, 2)
    assert (back.rows, back.previous) == (page.rows, None)
    (pending,) = (await office.list_held(states=["pending"])).rows
    await office.database.write(mark_delivered, [pending.id], datetime.now(UTC))
    assert (await office.list_held(states=["pending"])).rows == []
    assert [one.event_id for one in (await file_of(office, opened)).held] == ["msg_0", "msg_1", "msg_2"]


async def test_altered_events_are_listed_beside_the_first_one(office: Office) -> None:
    opened = await office.opened()
    first = office.statement(opened, "registered", "account")
    await office.lms(first)
    received = office.now
    assert (await office.lms({**first, "timestamp": NOW.isoformat()})).altered
    (one,) = (await office.list_altered()).rows
    assert (one.source, one.event_id, one.case_id) == ("lms", first["id"], opened.case_id)
    assert (one.first_kind, one.first_state, one.first_received_at) == ("lms_registered", "pending", received)
    assert json.loads(one.body) == {**first, "timestamp": NOW.isoformat()}
    assert one.released_at is None
    assert (await file_of(office, opened)).altered == [one]


# numbers


async def test_the_dashboard_counts_stages_times_decisions_and_reminders(office: Office) -> None:
    quick, slow = await office.waiting(), await office.waiting()
    await office.decided(quick, "deny")
    office.later(days=3)
    await office.decided(slow)
    untouched = await office.waiting()
    dashboard = await office.numbers.read_dashboard(office.later())
    assert dashboard.stages == {"awaiting_decision": 1, "denied": 1, "invited": 1}
    assert dashboard.attention == {"decision": 1}
    assert ids(dashboard.oldest) == [untouched.case_id]
    (time,) = [one for one in dashboard.times if one.stage == Stage.AWAITING_DECISION]
    assert time.number == 2
    assert timedelta(days=1.5) < time.median < timedelta(days=1.6)
    assert timedelta(days=2.6) < time.ninth_decile < timedelta(days=2.9)
    assert len(dashboard.decisions) == 30
    assert [(one.day.isoformat(), one.verdicts) for one in dashboard.decisions if any(one.verdicts.values())] == [
        ("2024-11-04", {"approve": 0, "deny": 1, "ask": 0}),
        ("2024-11-07", {"approve": 1, "deny": 0, "ask": 0}),
    ]
    assert (dashboard.reminders_due, dashboard.webhooks_pending) == (0, 0)


async def test_a_decision_late_in_the_day_counts_for_the_exchanges_day(office: Office) -> None:
    opened = await office.waiting()
    office.now = NOW.replace(hour=23, minute=50) + timedelta(hours=6)  # ten to eleven in New Mexico, on the 4th
    await office.decided(opened)
    dashboard = await office.numbers.read_dashboard(office.later())
    assert dashboard.decisions[-1].day.isoformat() == "2024-11-04"
    assert dashboard.decisions[-1].verdicts["approve"] == 1


async def test_reminders_due_are_those_that_the_daily_reminders_would_send(office: Office) -> None:
    asked = await office.waiting()
    await office.decided(asked, "ask")
    await office.registered()
    await office.waiting()
    for days, due in ((13, 0), (14, 2), (20, 2), (28, 2), (168, 2), (181, 2), (182, 0)):
        now = office.now + timedelta(days=days)
        letters, _ = await office.database.read(list_due_reminders, now, "")
        assert (await office.numbers.read_dashboard(now)).reminders_due == len(letters) == due, days


async def test_a_reminder_that_went_out_is_due_no_more(office: Office) -> None:
    opened = await office.registered()
    now = office.later(days=15)
    ((letter,), _) = await office.database.read(list_due_reminders, now, "")
    await office.mailed(opened, "reminder", about=letter.about)
    dashboard = await office.numbers.read_dashboard(now + timedelta(minutes=5))
    assert dashboard.reminders_due == 0
    assert len(await office.all(EffectRow, kind="notice.reminder")) == 1
    later = office.later(days=14)
    assert (await office.numbers.read_dashboard(later)).reminders_due == 1


async def test_the_dashboards_numbers_stand_for_half_a_minute_unless_something_changed(office: Office) -> None:
    now = office.later()
    assert (await office.numbers.read_dashboard(now)).stages == {}
    await office.opened()
    assert (await office.numbers.read_dashboard(now + timedelta(seconds=20))).stages == {}
    office.numbers.forget()
    assert (await office.numbers.read_dashboard(now + timedelta(seconds=20))).stages == {"screening": 1}


# export


async def test_the_export_has_the_whole_list_in_its_order_page_by_page(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.reads.queue.ROWS_AT_ONCE", 2)
    cases = await five(office)
    extra = await office.opened()
    pages = [page async for page in stream_cases(office.database, View.QUEUE, Filters())]
    assert [ids([*page]) for page in pages] == [cases[:2], cases[2:4], cases[4:]]
    row = pages[0][0]
    assert (row.npn is not None, row.email.startswith("testa.broker."), row.language) == (True, True, "en")
    everything = [row.case_id async for page in stream_cases(office.database, View.ALL, Filters()) for row in page]
    assert everything == [extra.case_id, *reversed(cases)]
    assert [page async for page in stream_cases(office.database, View.QUEUE, Filters(kind="nothing"))] == []


async def test_pages_are_never_longer_than_is_good_for_anybody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.reads.queue.LONGEST_PAGE", 3)
    await five(office)
    assert len((await office.queue(limit=10**6)).rows) == 3
