"""Why something is refused, isn't so yet or has no effect: a code, its details, and the plain English sentence.

A reason stays a code from the rule that finds it to the page that shows it. English is for the API, the command line
and Temporal; other languages come from the catalogs, where it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from domain.shared.words import fill_words

SENTENCES: dict[str, str] = {
    # why a name isn't corrected (E11)
    "no_certificate_to_correct": "There is no certificate whose name could be corrected.",
    "name_as_printed": "This is the name that the certificate has already.",
    # why somebody may not assist yet (A30)
    "not_eligible": "Eligibility has not been approved.",
    "training_not_complete": "The annual training is not complete.",
    "exam_not_passed": "The final exam has not been passed.",
    "no_certificate": "No certificate has been issued.",
    "certificate_expired": "The certificate has expired.",
    "portal_not_ready": "The portal account, its profile or the Scheduling Tool is not ready.",
    "denied": "Certification was denied.",
    "withdrawn": "The request was withdrawn.",
    "withdrawn_by_owner": "Withdrawn on one's own pages, without a reason.",
    "revoked": "The certification was revoked.",
    "terminated": "The authority to assist was terminated.",
    "license_lapsed": "The license is not in force any more.",
    "suspended_by_staff": "The authority to assist is suspended.",
    "system_suspension": "Access to the systems is suspended.",
    "training_lapsed": "The training deadline is over, and the training is not complete.",
    "closed": "The plan year's window has closed.",
    "under_appeal": "It had ended, and an appeal against that is under way.",
    # why an appeal isn't taken, or not decided (E5, E6)
    "appeal_late": "The last day to appeal was {last_day}; an appeal that comes later can't be taken.",
    "nothing_to_appeal": "There is no denial, suspension, revocation or termination that could be appealed.",
    "no_appeal_in_policy": "The rules of this plan year have no appeal.",
    "appeal_open": "An appeal is under way already; send what you have to add as evidence.",
    "appealed_before": "This decision was appealed before; it can be appealed once.",
    "appeal_overtaken": "A newer request of the same plan year was made, which counts now.",
    "no_open_appeal": "No appeal is under way.",
    "decided_before": "You decided in this case before; somebody else has to decide the appeal.",
    "filed_on_behalf": "You filed this appeal for the appellant; somebody else has to decide it.",
    "withdrawn_by_decider": "You decided in this case before; somebody else has to take the appeal back.",
    "reversal_by_first_reviewers": "Approving takes more than an appeal decides (the background check's report, or "
    "whose the request is): send the case back.",
    "evidence_full": "There are {most} files already, and no more can be taken; say the rest in words.",
    # why a decision is refused (A12–A14)
    "still_screening": "The request is still being screened.",
    "awaiting_background_check": "The background check has not been reported; it can't be overridden.",
    "check_needed_anew": "The background check was canceled or has expired; have it ordered anew. "
    "Without its report nobody is approved, and that can't be overridden.",
    "check_not_stopped": "The background check has not been canceled and has not expired; wait for what comes of it.",
    "no_check": "There is no background check of agents and brokers.",
    "no_license_to_look_up": "Counselors have no license; there is nothing to ask the registry about.",
    "asked_lately": "The checks of this case were asked for less than a minute ago; look at what comes of it first.",
    "consent_needed": "The assister has not agreed to a background check; say how they did, or ask them for it.",
    "awaiting_information": "The assister has been asked for information and has not answered.",
    "override_needed": "Approval needs a recorded override, because of: {checks}.",
    "agreement_needed": "The agreement has not been accepted; "
    "approval needs it, or a recorded override that says how it was.",
    "adverse_action_needed": "A denial that rests on the background report needs a notice before it: begin the adverse "
    "action, and deny once its days are over.",
    "adverse_action_noticing": "The notice of the adverse action is on its way; deny once its days are over.",
    "adverse_action_waiting": "Notice was given; nobody is denied by the background report before {last_day} is over.",
    "adverse_action_disputed": "The background report is disputed; wait until the vendor has looked at it again, or "
    "end the dispute, and decide anew.",
    "adverse_action_open": "Notice was given already that this background report may lead to a denial.",
    "no_adverse_report": "There is no background report that counts against the assister, so nothing to give "
    "notice of.",
    "no_adverse_action": "No notice was given that the background report may lead to a denial; there is nothing to "
    "dispute yet.",
    "disputed_before": "The background report is disputed already.",
    "not_disputed": "The background report is not disputed; there is no dispute to end.",
    "already_decided": "Eligibility was decided already, by {by}.",
    "not_for_bulk": "Only a case whose checks have all passed, that nobody was asked about, that has neither a flag "
    "nor a note and is on no colleague's desk is approved in bulk; decide this one on its own page.",
    "overtaken": "Another decision came first.",
    "case_ended": "The case has ended: {stage}.",
    "id_used": "This id was used for another command; use a new one.",
    "reason_needed": "Give a reason.",
    "not_asked": "No information has been asked for.",
    "question_taken_back": "Our staff have taken the question back; no answer is needed any more.",
    "answer_on_its_way": "The assister has answered already, and the answer is about to be carried out; look at the "
    "case again in a moment.",
    "no_open_question": "There is no open question that could be taken back: it was answered, or taken back before.",
    "notice_not_sendable": "This notice can't be sent at this point of the case.",
    "flag_is_up": "This flag is up already.",
    "notes_full": "A case has {most} notes at most, and this one has as many.",
    "view_name_used": "You have another view of the name {name}; choose another name, or drop that view first.",
    "views_full": "You have {most} views, as many as one can keep; drop one of them first.",
    "flag_not_up": "This flag is not up any more; somebody has taken it down.",
    "address_in_check": "A background check goes by this e-mail address. Ask the assister about it first: as long as "
    "the question is open it is corrected here as their answer, and the check is made anew.",
    "fields_at_fault": "Some of the fields are at fault.",
    "identity_taken": "This NPN or e-mail belongs to another person's case.",
    "other_case": "This command is for another case.",
    "rules_moved_already": "The case goes by other rules by now than when this was asked for; look at it again.",
    "certificate_not_due": "The certificate is not due.",
    "not_now": "The case can't do this now.",
    # why the authority to assist is neither suspended nor restored (E4)
    "no_authority": "There is no certificate yet, so no authority to assist that could be suspended or terminated.",
    "suspended_before": "It is suspended for this cause already; lift that suspension first.",
    "not_ordered": "The suspension that is open is of the license, which the registry's word ends; name it to lift it "
    "all the same.",
    "not_suspended": "There is no such suspension that is open; there is nothing to lift.",
    "termination_noticed": "Notice of a termination was given already, whose last day is {last_day}.",
    "no_termination": "No notice of a termination was given that could be taken back.",
    "nothing_to_rebut": "Our staff have ordered nothing that is open and that could be spoken against.",
    "rebuttals_enough": "This was answered {times} times already; our staff have that, and look at it.",
    "term_over": "The last day of the suspension is over.",
    "no_training_deadline": "No training deadline runs: the training is not open yet, or complete.",
    "not_lapsed": "The case has not lapsed.",
    "reactivation_over": "The last day for completing the training after its deadline is over.",
    "license_restored": "The license is in force again.",
    # why a case isn't opened without a form (A11)
    "not_returning": "This person is not a returning assister; they submit the Certification Request Form.",
    "never_registered": "This person never registered before; they submit the registration request.",
    # why a season isn't opened, paused, resumed or cancelled (E9)
    "season_opened": "The season of this program and plan year was opened before, and is opened once; to open the case "
    "of somebody who came later, use begin.",
    "season_not_opened": "There is no season of this program and plan year; open it first.",
    "season_not_paused": "The season is running; only one that is paused can be resumed.",
    "season_paused": "The season is paused already; resume it or cancel it.",
    "season_cancelled": "The season was cancelled, which is its end; what it had opened stays.",
    "season_finished": "The season is finished: everybody was gone through.",
    # why an import isn't undone (E10)
    "import_unknown": "There is no import with this id.",
    "import_undone": "This import was undone before.",
    "import_has_cases": "Nothing was undone: for people of this import {number} cases were opened since, the first one "
    "is {case_id}; withdraw what should not be, person by person.",
    "import_in_season": "Nothing was undone: the season of {program}, {plan_year}, has gone through people of this "
    "import.",
    "import_followed": "Nothing was undone: import {import_id} came later and is about the same people; undo that one "
    "first.",
    "import_people_used": "Nothing was undone: staff have joined another record to somebody whom this import told of "
    "first, or they sign in to their own pages by an account elsewhere.",
    # why an event is not delivered again (A24, C5)
    "webhook_delivered": "This event has been delivered already.",
    "webhook_taken": "This event has been taken already.",
    "webhook_premature": "This was reported too early and doesn't count later either; once it is due, its sender has "
    "to report it again, as a new event.",
    "webhook_ended": "The case has ended; events have no effect on it.",
    "webhook_repeated": "This was reported before, and counts once.",
    "webhook_outdated": "This check was ordered before the name or e-mail address was changed; the new one counts.",
    "webhook_not_final": "This event reports nothing that is final; there is nothing to deliver.",
    "webhook_other_case": "This event says that it is about another case; its sender has to report it again, as a new "
    "event.",
    "webhook_not_kept": "Too little was kept of this event to take it; its sender has to report it again, as a new "
    "event.",
    "webhook_settled": "This report has been settled already.",
    "request_not_countable": "A request opens no case afterwards; have the person ask again once it is settled whose "
    "the NPN and the e-mail address are.",
    "sender_gone": "Its sender is not known any more; it has to be set up again first.",
    "sender_may_not": "Its sender may not report this.",
    # why an event has no effect, is kept aside, or makes a case one for staff (A24, C5)
    "not_final": "It is not a completed report.",
    "on_the_way": "It is what the vendor says on the way to a completed report.",
    "reported_before": "It was reported before under this launch ticket.",
    "check_outdated": "It is about a check in whose place another one was ordered.",
    "before_certificate": "It was reported before the certificate was issued.",
    "account_not_set_up": "It was reported for a counselor's account that we have not set up.",
    "workflow_ended": "The workflow had ended.",
    # why a case's workflow is looked after: begun again, or shown to staff
    "workflow_not_running": "The case is open, but its workflow isn't running.",
    "workflow_runs": "The case's workflow is running; there is nothing to begin again.",
    "workflow_stopped": "Somebody terminated or cancelled the case's workflow. Restart the case if that was not meant.",
    "workflow_over": "The case's workflow had come to its end, which isn't recorded.",
    "workflow_failed": "The case's workflow had failed or timed out.",
    "workflow_lost": "Temporal doesn't know the case's workflow.",
    "workflow_restarted_often": "The case's workflow was begun again {times} times today already.",
    "workflow_behind": "The case's workflow had not heard of everything that is recorded.",
    "workflow_ahead": "The case's workflow knew of something that isn't recorded.",
    "workflow_task_fails": "A task of the case's workflow fails again and again; see the worker's log.",
    "temporal_unreachable": "Temporal can't be reached now; try again later.",
    "delivery_given_up": "Temporal could not be told, {times} times.",
    "not_listed_in_time": "Not on this federal list in time: {list}.",
    "altered_event": "The same event id came before with other content.",
    "other_person": "The same NPN came under another name or e-mail address.",
    "second_account_asked": "A second account was asked for.",
    # why a command is given that nobody gives a reason for
    "activation_link_used": "The activation link was used.",
    "profile_sent": "The profile was sent.",
    # why a licence of somebody certified suspends their authority, and why that is over (E2, E3)
    "npn_gone": "The license registry lists nobody under the NPN any more.",
    "license_of_another": "The license registry lists somebody else under the NPN.",
    "license_gone": "The license registry does not list the license any more.",
    "license_inactive": "The license registry shows the license as not active.",
    "license_run_out": "The license has expired, and its renewal is not recorded.",
    "health_line_gone": "The license does not have the health line of authority any more.",
    # of the federal program: why somebody may not assist yet, and why a step is refused (B5–B16)
    "not_an_agent_broker": "The role is Not an Agent Broker.",
    "profile_not_complete": "The MLMS profile is not complete.",
    "npn_not_verified": "The NPN has not been confirmed by the license registry.",
    "agreements_not_accepted": "The applicable agreements with the Marketplace have not been accepted.",
    "profile_not_saved": "Save a valid profile first, then go on with Next.",
    "profile_first": "Complete your profile first: save it, then go on with Next; its NPN has to be confirmed too.",
    "short_course_is_for_returning": "The short course is for agents and brokers who return after last year; "
    "enroll in the full course.",
    "not_enrolled": "Enroll in this course at this vendor first.",
    "too_many_tickets": "There are too many unused launch tickets; use one of them, or wait until they have expired.",
    "agreement_not_applicable": "This agreement doesn't apply: you are not registering for its market.",
    "training_first": "Complete the training of this market first.",
    "agreement_not_opened": "Open the agreement and read it to its end before you agree.",
    "not_in_program": "There is no such step in this program.",
    "certificate_after_all_steps": "The certificate can be printed once every step is complete.",
    "npn_proven_by_other": "Somebody else has proven that this NPN is theirs.",
    "rivals_settled": "It was decided before between these two, or there is nothing left to decide.",
    "first_has_no_case": "Who claimed the NPN first has no open case and has not proven it: nothing would go on.",
    "npn_missing": "There is no NPN in this case to be proven.",
    "identity_unsettled": "The case is under another e-mail address than its person; decide first whose case it is.",
    "npn_in_use": "This NPN is already in use under another name or e-mail; staff have been told and will look at it.",
    "second_account": "There is an account for this person already; don't open a second one, sign in to it by a "
    "code to its e-mail address instead.",
    # checks of a screening (A3, A7, A10, A13, A14)
    "npn_found": "The NPN is known to the license registry.",
    "npn_individual": "The NPN is a person's, not a firm's.",
    "name_matches": "The name is the one on the license.",
    "license_found": "The registry lists this [state] license under this NPN.",
    "license_active": "The [state] license is active.",
    "license_not_expired": "The [state] license has not expired.",
    "health_line": "The [state] license has the health line of authority.",
    # what a check's result rests on, where that has to be said (P16–P19)
    "no_health_line": "No health line of authority: the registry lists other lines only.",
    "health_line_in_other_words": "The registry names a line of authority that may be the health line, "
    "in words that are not known here; look at its answer.",
    "lines_not_reported": "The registry lists no lines of authority for this license; ask for its health line.",
    "renewal_under_way": "Renewal under way: the registry shows the license as active some days after its last one.",
    "license_numbered_by_npn": "The state has replaced its license numbers by the NPN: the registry lists a license of "
    "the same state under that, and none under the number given.",
    "check_suspended": "Suspended: the vendor waits for something of the assister, and goes on once it has that.",
    "check_canceled": "Canceled: nothing comes of this check any more; it can be ordered anew.",
    "check_expired": "Expired: the assister did not answer the vendor's invitation in time; it can be ordered anew.",
    "check_includes_canceled": "Not clear: some of the screenings were canceled; it can be ordered anew.",
    "names_alike": "The names are alike, one longer than the other; look whether they are one person's.",
    "agreement_accepted": "The agreement with the exchange is accepted.",
    "npn_owner": "It is proven whose the NPN is.",
    "identity_matches": "Earlier records of this NPN carry the same name and e-mail.",
    "background_check": "The background check is clear.",
    "intake_scope": "The addresses are within the intake scope of new agents and brokers.",
}


class Coded:
    """A sentence of ours by its code in ``sentences``, with the ``details`` that fill the places in it."""

    sentences: ClassVar[Mapping[str, str]]
    code: str
    details: Mapping[str, str]

    @property
    def template(self) -> str:
        """The English sentence with its {places}, by which the catalogs know it."""
        return self.sentences[self.code]

    def sentence(self) -> str:
        """The whole sentence, in English."""
        return fill_words(self.template).format_map(self.details)


@dataclass(frozen=True)
class Reason(Coded):
    """Why not: a code of `SENTENCES`, with codes of ours as details, or the name of who decided."""

    sentences = SENTENCES
    code: str
    details: Mapping[str, str] = field(default_factory=dict, hash=False)


def read_reason(code: str | None, details: Mapping[str, str] | None) -> Reason | None:
    """A reason as it was stored; None without a code, and for one that another release knows."""
    return Reason(code, details or {}) if code in SENTENCES else None


class Refusal(Exception):
    """It can't be done as things stand; ``reason`` says why, and the message is its English sentence."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.sentence())
        self.reason = reason
