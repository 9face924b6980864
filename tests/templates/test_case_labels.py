"""Every value that the file of a case shows has a name, and every reason is told in both languages."""

from collections.abc import Iterable
from pathlib import Path
from string import Formatter

import pytest

from db.reads.timeline import EntryKind
from domain.federal.markets import FederalList, NpnStatus
from domain.federal.profile import ProfileStatus, RegistrationRequest
from domain.shared.assister import AssisterType
from domain.shared.cases import reasons
from domain.shared.cases.appeals import AppealOutcome
from domain.shared.cases.commands import CommandKind
from domain.shared.cases.events import EventSource, EventState
from domain.shared.cases.facts import FactKind
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.cases.stages import OWNER
from domain.state.certification import Completeness, LmsAccount, PortalAccount, SchedulingTool
from domain.state.eligibility import SOURCE, Check, Result, Verdict
from domain.state.request import AgentRequest, CounselorRequest, EmployerKind
from templates.labels import FILTERS
from web.http.permissions import Permission
from web.http.sentences import explain_reason, name_code
from web.staff import timeline as staff_timeline
from web.staff.panel import FORMS
from web.staff.reasons import USUAL, list_usual_reasons

ROOT = Path(__file__).parents[2]
SENDERS = {*EventSource, "registry"}
DETAILS = {
    "checks": "license_active, name_matches",
    "stage": "denied",
    "list": "rcl",
    "by": "rita@example.org",
    "times": "3",
    "last_day": "2026-12-31",
    "name": "My view",
    "most": "10",
    "number": "12",
    "plan_year": "2027",
    "program": "ffm",
    "case_id": "0a1b2c",
    "import_id": "0d4e5f",
}
FIELDS = {*AgentRequest.model_fields, *CounselorRequest.model_fields, *RegistrationRequest.model_fields}


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("owner", set(OWNER.values())),
        ("assister_type", AssisterType),
        ("employer", EmployerKind),
        ("check", Check),
        ("result", Result),
        ("requirement", set(SOURCE.values())),
        ("verdict", Verdict),
        ("command", CommandKind),
        ("command_state", {"pending", "applied", "refused"}),
        ("notice", Notice),
        ("fact", FactKind),
        ("certificate_status", {"valid", "superseded", "withdrawn", "revoked", "expired", "unproven"}),
        ("sender", SENDERS),
        ("report", {"clear", "consider"}),
        ("lms_account", LmsAccount),
        ("profile_status", {*Completeness, *ProfileStatus}),
        ("portal_account", PortalAccount),
        ("scheduling_tool", SchedulingTool),
        ("npn_status", NpnStatus),
        ("federal_list", FederalList),
        ("field", FIELDS - {"program", "plan_year"}),
        ("webhook_state", EventState),
    ],
)
def test_every_value_has_its_label(name: str, codes: Iterable[str]) -> None:
    assert set(FILTERS[name]) == {str(code) for code in codes}


def test_every_entry_of_the_timeline_has_its_words() -> None:
    assert set(staff_timeline._WORDS) == set(EntryKind)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_reason_is_told_in_the_reader_s_language_with_its_details_as_they_are_called(language: str) -> None:
    for code, template in reasons.SENTENCES.items():
        details = {name: DETAILS[name] for _, name, _, _ in Formatter().parse(template) if name}
        reason = Reason(code, details)
        coded = bool({"checks", "stage", "list", "last_day"} & set(details))
        assert (explain_reason(reason, language) == reason.sentence()) is (language == "en" and not coded)
        assert "license_active" not in explain_reason(reason, language)
        assert "2026-12-31" not in explain_reason(reason, language), "a day is written out"


def test_what_has_no_name_is_shown_as_it_is() -> None:
    assert name_code("actor", "rita@example.org", "es") == "rita@example.org"
    assert (
        explain_reason(Reason("case_ended", {"stage": "denied"}), "es") == "El caso ha terminado: Solicitud denegada."
    )
    assert explain_reason(Reason("override_needed", {"checks": "no_such_check"}), "en").endswith(": no_such_check.")


def test_every_usual_reason_is_for_a_step_and_every_form_has_its_permission() -> None:
    steps = (*Verdict, *CommandKind, *AppealOutcome)
    assert len(set(steps)) == len(steps), "a name of two steps would offer the reasons of both"
    offered = {code for step in steps for licensed in (True, False) for code in list_usual_reasons(step, licensed)}
    assert offered == set(USUAL)
    assert {permission for permission, _ in FORMS.values()} <= set(Permission)
