"""What was said in sentences before codes were kept has its code beside it, and stays as it was said."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db import migrate
from db.tables import AuditRow, CommandRow, InboxRow
from domain.shared.cases.reasons import SENTENCES
from tests.db.test_migrations import NOW, _assister, _case, connected, differences

pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")

Coded = tuple[str | None, dict[str, str] | None]
NOTHING: Coded = (None, None)

# The answers that commands were ever given, word by word as they were kept.
ANSWERS: dict[str, Coded] = {
    "The request is still being screened.": ("still_screening", {}),
    "The background check has not been reported; it can't be overridden.": ("awaiting_background_check", {}),
    "The assister has been asked for information and has not answered.": ("awaiting_information", {}),
    "Approval needs a recorded override, because of: license_active, name_matches.": (
        "override_needed",
        {"checks": "license_active, name_matches"},
    ),
    "The agreement has not been accepted; approval needs it, or a recorded override that says how it was.": (
        "agreement_needed",
        {},
    ),
    "Eligibility was decided already, by O'Hara, M. {x}.": ("already_decided", {"by": "O'Hara, M. {x}"}),
    "Another decision came first.": ("overtaken", {}),
    "The case has ended: withdrawn.": ("case_ended", {"stage": "withdrawn"}),
    "The case has ended: .": ("case_ended", {"stage": ""}),
    "This id was used for another command; use a new one.": ("id_used", {}),
    "No information has been asked for.": ("not_asked", {}),
    "This notice can't be sent at this point of the case.": ("notice_not_sendable", {}),
    "There is no such step in this program.": ("not_in_program", {}),
    "This NPN or e-mail belongs to another person's case.": ("identity_taken", {}),
    "This command is for another case.": ("other_case", {}),
    "The case can't do this now.": ("not_now", {}),
    "phone: Enter a phone number with 10 to 15 digits.": NOTHING,
    "The case has ended: withdrawn. Write to us.": NOTHING,
    "Another decision came first. ": NOTHING,
}
RELEASES = {
    "This event has been delivered already.": "webhook_delivered",
    "This event has been taken already.": "webhook_taken",
    "This was reported too early and doesn't count later either; once it is due, its sender has to report it again, "
    "as a new event.": "webhook_premature",
    "The case has ended; events have no effect on it.": "webhook_ended",
    "This was reported before, and counts once.": "webhook_repeated",
    "This event reports nothing that is final; there is nothing to deliver.": "webhook_not_final",
    "This event says that it is about another case; its sender has to report it again, as a new event.": (
        "webhook_other_case"
    ),
    "Too little was kept of this event to take it; its sender has to report it again, as a new event.": (
        "webhook_not_kept"
    ),
}
NOTES: dict[str, Coded] = {
    "the case had ended: denied": ("case_ended", {"stage": "denied"}),
    "not a completed report": ("not_final", {}),
    "reported before under this ticket": ("reported_before", {}),
    "reported before the certificate was issued": ("before_certificate", {}),
    "reported for a counselor's account that we have not set up": ("account_not_set_up", {}),
    "a note of another release": NOTHING,
}
# An action, the reason given, what was kept besides, and the code; reasons of people and of the portal have none.
AUDITED: list[tuple[str, str | None, dict[str, Any], Coded]] = [
    *(("decide.refused", "Why not.", {"answer": said, "verdict": "approve"}, coded) for said, coded in ANSWERS.items()),
    *(("webhook.release_refused", "They called.", {"answer": said}, (code, {})) for said, code in RELEASES.items()),
    *(("webhook.passed", None, {"note": said, "event_id": "1"}, coded) for said, coded in NOTES.items()),
    ("webhook.altered", "same event id with another body", {"event_id": "1"}, ("altered_event", {})),
    ("request.conflict", "same NPN under another name or e-mail", {"flag": "x"}, ("other_person", {})),
    ("request.conflict", "a second account was asked for", {"flag": "x"}, ("second_account_asked", {})),
    ("case.portal_activation_asked", "activation link used", {"command_id": "1"}, ("activation_link_used", {})),
    ("case.flagged.list_late", "not in rcl in time", {}, ("not_listed_in_time", {"list": "rcl"})),
    ("case.flagged.training.invited.refused", "lms_refused", {}, NOTHING),
    ("profile.refused", None, {"faults": [["npn", "npn_unknown"]]}, NOTHING),
    ("case.withdrawn", "activation link used", {"command_id": "1"}, NOTHING),
    ("decide.refused", "The case has ended: denied.", {"answer": "?"}, NOTHING),
    ("webhook.registration.refused", "a second account was asked for", {}, NOTHING),
    ("webhook.released", "not a completed report", {}, NOTHING),
]


def fill_release_before(url: str, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Puts rows into a table of the release before codes were kept."""
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        before = MetaData()
        before.reflect(connection)
        for table, row in (("assister", _assister()), ("assister_case", _case())):
            columns = before.tables[table].columns
            connection.execute(insert(before.tables[table]), {one.name: getattr(row, one.name, {}) for one in columns})
        connection.execute(insert(before.tables[name]), list(rows))
        connection.commit()


def test_an_answer_has_its_code_beside_it(url: str) -> None:
    kept = {"case_id": "case-1", "kind": "decide", "actor": "m", "reason": "", "data": {}, "state": "refused"}
    given = [*ANSWERS, None]
    fill_release_before(
        url, "command", [{"id": str(said), "answer": said, "created_at": NOW, **kept} for said in given]
    )
    migrate.upgrade(url)
    with connected(url) as connection:
        assert differences(connection) == []
        with Session(connection) as session:
            found = {row.answer: row for row in session.execute(select(CommandRow)).scalars()}
    assert len(found) == len(given)
    for said, row in found.items():
        assert (row.answer_code, row.answer_details) == ANSWERS.get(str(said), NOTHING), said


def test_an_audited_act_has_its_code_beside_what_was_said_and_can_t_be_changed(url: str) -> None:
    rows = [
        {"at": NOW, "actor": "m", "action": action, "reason": reason, "details": details}
        for action, reason, details, _ in AUDITED
    ]
    fill_release_before(url, "audit", rows)
    migrate.upgrade(url)
    with connected(url) as connection:
        with Session(connection) as session:
            found = session.execute(select(AuditRow).order_by(col(AuditRow.id))).scalars().all()
        told = [(row.action, row.reason, row.details, (row.reason_code, row.reason_details)) for row in found]
        assert told == AUDITED
        with pytest.raises(IntegrityError, match="audit is append-only"):
            connection.execute(text("UPDATE audit SET actor = actor"))


def test_a_note_on_an_event_has_its_code_beside_it(url: str) -> None:
    """The workflow's end is noted of an event alone; what no release noted keeps its text."""
    notes: dict[str, Coded] = {**NOTES, "the workflow had ended": ("workflow_ended", {})}
    kept = {"source": "lms", "case_id": "case-1", "kind": "k", "digest": "", "state": "x", "received_at": NOW}
    given = [*notes, None]
    fill_release_before(url, "inbox", [{"event_id": str(said), "note": said, **kept} for said in given])
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        found = {row.event_id: row for row in session.execute(select(InboxRow)).scalars()}
    assert len(found) == len(given)
    for said in given:
        row = found[str(said)]
        assert (row.note, (row.note_code, row.note_details)) == (said, notes.get(str(said), NOTHING))


def test_codes_are_filled_in_page_by_page(url: str) -> None:
    many, kept = 1203, {"at": NOW, "actor": "m", "details": {"answer": "No information has been asked for."}}
    rows = [{"action": "decide.refused" if number % 3 else "case.begun", **kept} for number in range(many)]
    fill_release_before(url, "audit", rows)
    migrate.upgrade(url)
    with connected(url) as connection, Session(connection) as session:
        coded = session.execute(select(AuditRow).where(col(AuditRow.reason_code) == "not_asked")).scalars().all()
    assert len(coded) == many * 2 // 3


def test_a_code_of_before_has_its_sentence_today() -> None:
    """What the migration fills in is shown for as long as there are such rows: no code goes."""
    codes = {coded[0] for coded in ANSWERS.values()} | {coded[0] for _, _, _, coded in AUDITED}
    assert codes - {None} <= set(SENTENCES)
