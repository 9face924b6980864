"""What a case file calls the values of the enumerations that no assister is shown; no sentences."""

from templates.catalogs import N_

Labels = dict[str, str]

# By the values of domain.state.certification.OWNER.
OWNERS: Labels = {
    "us": N_("this system"),
    "background-check vendor": N_("the background-check vendor"),
    "staff": N_("staff"),
    "appeals reviewer": N_("an appeals reviewer"),
    "assister": N_("the assister"),
    "nobody": N_("nobody"),
}

CLAIMS: Labels = {
    "claimed": N_("Claimed"),
    "proven": N_("Proven"),
    "unproven_legacy": N_("From before, not proven"),
}

PROOF_METHODS: Labels = {
    "paper": N_("On paper"),
    "in_person": N_("In person"),
    "other": N_("In another way"),
}

# How staff have the word of an assister for whom they do something.
WORD_METHODS: Labels = {
    "paper": N_("In writing"),
    "in_person": N_("In person"),
    "phone": N_("By phone"),
    "other": N_("In another way"),
}

ADVERSE_STATUSES: Labels = {
    "noticing": N_("Notice is on its way"),
    "waiting": N_("Notice given; its days run"),
    "disputed": N_("Disputed; its days stand still"),
    "resuming": N_("The dispute is over; its days go on"),
    "decidable": N_("Its days are over; to be decided"),
    "denied": N_("Ended by a denial"),
    "canceled": N_("Ended without a denial"),
}

APPEAL_OUTCOMES: Labels = {
    "upheld": N_("Upheld: the decision stands"),
    "reversed": N_("Reversed: the decision is taken back"),
    "sent_back": N_("Sent back: to be decided anew"),
}

APPEAL_METHODS: Labels = {
    "own_page": N_("On their own page"),
    "letter": N_("By letter"),
    "email": N_("By e-mail"),
    "phone": N_("By phone"),
    "in_person": N_("In person"),
}

ASSISTER_TYPES: Labels = {
    "new": N_("New"),
    "returning": N_("Returning"),
    "lapsed": N_("Lapsed"),
}

LANGUAGES: Labels = {
    "en": N_("English"),
    "es": N_("Spanish"),
}

EMPLOYERS: Labels = {
    "exchange": N_("The exchange, [exchange]"),
    "hospital": N_("Hospital"),
    "clinic": N_("Clinic"),
    "school": N_("School"),
    "other": N_("Other organization"),
}

CHECKS: Labels = {
    "npn_found": N_("NPN in the registry"),
    "npn_individual": N_("NPN of a person"),
    "name_matches": N_("Name on the license"),
    "license_found": N_("License in the registry"),
    "license_active": N_("License active"),
    "license_not_expired": N_("License not expired"),
    "health_line": N_("Health line of authority"),
    "agreement_accepted": N_("Agreement accepted"),
    "identity_matches": N_("Same person as before"),
    "npn_owner": N_("Whose the NPN is"),
    "intake_scope": N_("Intake scope"),
    "background_check": N_("Background check"),
}

RESULTS: Labels = {
    "pass": N_("Pass"),
    "fail": N_("Fail"),
    "unknown": N_("Unknown"),
    "consider": N_("To be considered"),
    "pending": N_("Pending"),
}

# Who is asked where checks are made again.
CHECK_SOURCES: Labels = {
    "registry": N_("The license registry"),
    "records": N_("Our own records alone"),
    "background_check": N_("The background-check vendor"),
}

# On whose desk a case is, where that is the reader's or nobody's; everybody else is called by their name.
MINE = "mine"
DESKS: Labels = {
    MINE: N_("Mine"),
    "nobody": N_("Nobody's"),
}

# The same, after how many of them.
OPEN_RESULTS: Labels = {
    "fail": N_("failed:"),
    "consider": N_("to be considered:"),
    "unknown": N_("not known:"),
    "pending": N_("pending:"),
}

# What the checks of a case come to for who decides on it.
CHECKS_OUTCOMES: Labels = {
    "answered": N_("Answered"),
    "failed": N_("Failed"),
    "consider": N_("To be considered"),
    "unknown": N_("Not known"),
    "passed": N_("All passed"),
}

# By what the queue is put in order, as it is chosen; in few letters, since the control beside the list is narrow.
SORTINGS: Labels = {
    "since": N_("Longest wait first"),
    "-since": N_("Shortest wait first"),
    "name": N_("Last name, A to Z"),
    "-name": N_("Last name, Z to A"),
    "reason": N_("Why it waits"),
    "-reason": N_("Why it waits, reversed"),
    "checks": N_("Checks, answered first"),
    "-checks": N_("Checks, reversed"),
    "kind": N_("Kind"),
    "-kind": N_("Kind, reversed"),
    "program": N_("Program"),
    "-program": N_("Program, reversed"),
    "desk": N_("Desk, nobody's last"),
    "-desk": N_("Desk, nobody's first"),
}

# What each row of docs/requirements.md that a check comes from asks for.
REQUIREMENTS: Labels = {
    "A3": N_("Agents and brokers need a valid [state] license and a signed agreement with the exchange."),
    "A7": N_("New agents and brokers are located in [state], or in one of the states that are let in."),
    "A10": N_("A person who was here before is recognized by name, e-mail address and NPN."),
    "E15": N_("The license has the health line of authority, by the state's own words."),
    "A13": N_("License and NPN are confirmed by the registry; its silence counts as unknown, never as a fail."),
    "A14": N_("Counselors have a background check before the decision; without its report nobody is approved."),
    "D2": N_("Until it is proven whose an NPN is, it holds no certificate and no line in a list."),
}

VERDICTS: Labels = {
    "approve": N_("Approved"),
    "deny": N_("Denied"),
    "ask": N_("Information asked for"),
}

REPORTS: Labels = {
    "clear": N_("Clear"),
    "consider": N_("To be considered"),
}

COMMANDS: Labels = {
    "decide": N_("Decision"),
    "answer": N_("Answer of the assister"),
    "take_question_back": N_("Question to be taken back"),
    "withdraw": N_("Withdrawal"),
    "revoke": N_("Revocation"),
    "resend": N_("Notice to be sent again"),
    "activate": N_("Activation link used"),
    "save_profile": N_("MLMS profile to be saved"),
    "reorder_check": N_("Background check to be ordered anew"),
    "repeat_checks": N_("Checks to be made again"),
    "suspend": N_("Suspension"),
    "lift": N_("Suspension to be lifted, or termination taken back"),
    "give_notice": N_("Notice of a termination"),
    "terminate": N_("Termination at once"),
    "correct": N_("Name to be corrected"),
    "move_rules": N_("Other rules of the plan year"),
    "begin_adverse_action": N_("Notice before a denial by the background report"),
    "dispute_check": N_("Background report disputed"),
    "end_dispute": N_("Dispute of the background report ended"),
}

COMMAND_STATES: Labels = {
    "pending": N_("Kept, to be carried out"),
    "applied": N_("Carried out"),
    "refused": N_("Refused"),
}

NOTICES: Labels = {
    "request_received": N_("Request received"),
    "information_needed": N_("Information needed"),
    "question_taken_back": N_("Question taken back"),
    "lms_invitation": N_("Invitation to the LMS"),
    "lms_enrolled": N_("Enrolled in the training"),
    "denied": N_("Request denied"),
    "certificate_issued": N_("Certificate issued"),
    "portal_activation": N_("Activation of the Assister Portal account"),
    "active": N_("May begin helping consumers"),
    "reminder": N_("Reminder"),
    "training_due": N_("Training deadline ahead"),
    "training_lapsed": N_("Training lapsed"),
    "training_reactivated": N_("Reactivated"),
    "marketplace_welcome": N_("Welcome to the Marketplace registration"),
    "marketplace_profile_npn": N_("NPN of the profile to be corrected"),
    "marketplace_enrolled": N_("Enrolled in the Marketplace training"),
    "marketplace_certificate": N_("Marketplace certificate issued"),
    "marketplace_active": N_("Marketplace registration complete"),
    "portal_recovery": N_("Way back into the portal"),
    "help_desk": N_("Report to the help desk"),
    "license_expiring": N_("License about to expire"),
    "withdrawn": N_("Request withdrawn"),
    "revoked": N_("Certification revoked"),
    "authority_suspended": N_("Authority suspended"),
    "authority_restored": N_("Suspension ended"),
    "termination_noticed": N_("Notice of a termination"),
    "termination_taken_back": N_("Termination taken back"),
    "terminated": N_("Authority terminated"),
    "closed": N_("Plan year closed"),
    "adverse_action_begun": N_("Notice before a denial by the background report"),
    "adverse_action_canceled": N_("Notice about the background report taken back"),
    "adverse_action_final": N_("Final notice about the background report"),
    "certificate_corrected": N_("Corrected certificate issued"),
    "appeal_filed": N_("Appeal received"),
    "appeal_escalated": N_("Appeal gone on to its next review"),
    "appeal_decided": N_("Appeal decided"),
}

FACTS: Labels = {
    "requested": N_("Request received"),
    "begun": N_("Workflow begun"),
    "agreement_accepted": N_("Agreement accepted"),
    "screened": N_("Request screened"),
    "background_consented": N_("Consent to the background check"),
    "background_ordered": N_("Background check ordered"),
    "background_reported": N_("Background check reported"),
    "background_changed": N_("Background check suspended, resumed, canceled or expired"),
    "background_reordered": N_("Background check ordered anew"),
    "decided": N_("Eligibility decided"),
    "answered": N_("Question answered by the assister"),
    "question_taken_back": N_("Question taken back"),
    "lms_invited": N_("Invited to the LMS"),
    "lms_enrolled": N_("Enrolled in the training"),
    "lms_registered": N_("LMS account set up"),
    "lms_profile_completed": N_("LMS profile completed"),
    "course_started": N_("Training course started"),
    "course_completed": N_("Training course completed"),
    "exam_attempted": N_("Final exam taken"),
    "certificate_issued": N_("Certificate issued"),
    "name_corrected": N_("Name corrected"),
    "portal_account_created": N_("Assister Portal account created"),
    "portal_account_reused": N_("Portal account of an earlier year taken over"),
    "portal_registered": N_("Registered on the Broker Portal"),
    "portal_activated": N_("Assister Portal account activated"),
    "portal_profile_completed": N_("Portal profile completed"),
    "scheduling_tool_ready": N_("Scheduling Tool ready"),
    "portal_refused": N_("Registration refused by the portal"),
    "profile_saved": N_("MLMS profile saved"),
    "npn_verified": N_("NPN confirmed by the registry"),
    "npn_proven": N_("Proven whose the NPN is"),
    "npn_refused": N_("NPN not confirmed by the registry"),
    "profile_completed": N_("MLMS profile completed"),
    "enrolled": N_("Enrolled in a course"),
    "mlms_enrolled": N_("Enrolled at the MLMS"),
    "launched": N_("Training launched at a vendor"),
    "agreement_opened": N_("Agreement opened"),
    "market_completed": N_("Market completed"),
    "watch_opened": N_("Lists being watched"),
    "listed": N_("Found in a list"),
    "list_late": N_("Missing from a list"),
    "help_desk_told": N_("Help desk told"),
    "withdrawn": N_("Request withdrawn"),
    "revoked": N_("Certification revoked"),
    "authority_suspended": N_("Authority suspended"),
    "authority_restored": N_("Suspension ended"),
    "termination_noticed": N_("Notice of a termination"),
    "termination_taken_back": N_("Termination taken back"),
    "rebuttal_filed": N_("Something said against a suspension or termination"),
    "terminated": N_("Authority terminated"),
    "closed": N_("Plan year closed"),
    "adverse_action_begun": N_("Adverse action begun"),
    "training_lapsed": N_("Training lapsed"),
    "training_reactivated": N_("Reactivated"),
    "adverse_action_noticed": N_("Notice of the adverse action: its days run"),
    "adverse_action_disputed": N_("Background report disputed"),
    "adverse_action_dispute_ended": N_("Dispute of the background report over"),
    "adverse_action_resumed": N_("Days of the adverse action go on"),
    "adverse_action_waited": N_("Days of the adverse action are over"),
    "adverse_action_ended": N_("Adverse action ended"),
    "appeal_filed": N_("Appeal received"),
    "appeal_escalated": N_("Appeal gone on to its next review"),
    "appeal_decided": N_("Appeal decided"),
    "appeal_withdrawn": N_("Appeal taken back"),
}

SUSPENSIONS: Labels = {
    "license_lapsed": N_("License not in force"),
    "suspended_by_staff": N_("Agreement suspended"),
    "system_suspension": N_("Access to systems suspended"),
}

SUSPENSION_KINDS: Labels = {
    "agreement": N_("The agreement, for a term"),
    "system": N_("The access to systems"),
}

CERTIFICATES: Labels = {
    "valid": N_("Valid"),
    "superseded": N_("Superseded"),
    "withdrawn": N_("Withdrawn"),
    "revoked": N_("Revoked"),
    "expired": N_("Expired"),
    "unproven": N_("NPN not proven"),
}

LMS_ACCOUNTS: Labels = {
    "none": N_("Not there yet"),
    "invited": N_("Invited"),
    "ready": N_("Ready"),
}

PROFILES: Labels = {
    "incomplete": N_("Incomplete"),
    "saved": N_("Saved"),
    "complete": N_("Complete"),
}

PORTAL_ACCOUNTS: Labels = {
    "none": N_("Not there yet"),
    "created": N_("Created, to be activated"),
    "registered": N_("Registered"),
    "active": N_("Active"),
}

SCHEDULING: Labels = {
    "not_ready": N_("Not ready"),
    "ready": N_("Ready"),
}

NPNS: Labels = {
    "verified": N_("Confirmed by the registry"),
    "unverified": N_("Not confirmed yet"),
    "refused": N_("Not confirmed by the registry"),
    "not_required": N_("Not needed for this role"),
}

LISTS: Labels = {
    "tracker": N_("Registration Tracker"),
    "rcl": N_("Registration Completion List (RCL)"),
    "find_local_help": N_("Find Local Help"),
}

# Where the agreement was accepted.
AGREED_ON: Labels = {
    "form": N_("on the request form"),
    "page": N_("on their own pages"),
    "staff": N_("recorded by staff"),
}

WEBHOOKS: Labels = {
    "pending": N_("Waits to be delivered"),
    "delivered": N_("Delivered"),
    "without_effect": N_("Without effect"),
    "expected": N_("On the way to a result"),
}

# Third parties whose reports arrive by webhook.
REPORTERS: Labels = {
    "lms": N_("Learning Management System (LMS)"),
    "portal": N_("The portal"),
    "background-checks": N_("Background-check vendor"),
    "vendors": N_("Training vendor"),
}

# Who did it, where it is nobody by name.
ACTORS: Labels = {
    "system": N_("This system"),
    "assister": N_("The assister"),
    "applicant": N_("The applicant"),
    "staff": N_("Staff"),
    **REPORTERS,
    **{f"sender:{name}": label for name, label in REPORTERS.items()},
    "sender:intake": N_("Intake partner"),
    "sender:certify": N_("The command line"),
    "sender:record-store": N_("Learning record store"),
    "sender:mlms": N_("Marketplace Learning Management System (MLMS)"),
    "sender:marketplace": N_("The Marketplace's portal"),
}

# What only the audit knows of.
ACTIONS: Labels = {
    "portal.activation_link_used": N_("Activation link used"),
    "own.contacts_corrected": N_("Phone or address corrected by its owner"),
    "own.address_changed": N_("E-mail address changed by its owner"),
    "portal_pass.given": N_("Pass for a portal made by the assister"),
    "portal_pass.ended": N_("Pass for a portal ended by the assister"),
    "portal.suspended": N_("Portal account suspended"),
    "portal.renamed": N_("New name in the portal"),
    "portal.account_aligned": N_("Portal account suspended or opened again"),
    "authority.suspended": N_("Authority suspended"),
    "authority.restored": N_("Suspension ended"),
    "training.lapsed": N_("Training lapsed"),
    "training.reactivated": N_("Reactivated"),
    "authority.rebutted": N_("Something said against a suspension or termination"),
    "assister.conflict": N_("Another name or e-mail address under this NPN or address, kept aside"),
    "mail.returned": N_("E-mail came back as undeliverable"),
    "mail.delayed": N_("E-mail reported to be late"),
    "case.begun": N_("Workflow begun"),
    "case.assigned": N_("Put on a colleague's desk"),
    "case.released": N_("Taken off a desk"),
    "case.address_corrected": N_("E-mail address corrected by staff, by a code that its owner read to them"),
    "case.noted": N_("Note for staff written"),
    "case.restarted": N_("Workflow to be begun again from what is recorded"),
    "case.adverse_action_begun": N_("Notice before a denial by the background report"),
    "case.check_disputed": N_("Background report disputed"),
    "case.dispute_ended": N_("Dispute of the background report ended"),
    "adverse_action.noticed": N_("Notice of the adverse action: its days run"),
    "adverse_action.dispute_ended": N_("Dispute of the background report over"),
    "adverse_action.resumed": N_("Days of the adverse action go on"),
    "adverse_action.restarted": N_("Following of the adverse action begun again"),
    "adverse_action.waited": N_("Days of the adverse action are over"),
    "adverse_action.ended": N_("Adverse action ended"),
    "begin_adverse_action.refused": N_("Notice before a denial refused"),
    "dispute_check.refused": N_("Dispute refused"),
    "end_dispute.refused": N_("End of a dispute refused"),
    "case.reopened": N_("Opened again by an appeal, where it stood"),
    "appeal.filed.refused": N_("Appeal not taken"),
    "answer.file": N_("Document for an answer added"),
    "appeal.evidence": N_("Evidence added to the appeal"),
    "appeal.evidence.refused": N_("Evidence not taken"),
    "appeal.decided.refused": N_("Decision on the appeal not taken"),
    "appeal.withdrawn.refused": N_("Appeal not taken back"),
    "delivery.retried": N_("Delivery tried again"),
    "npn.proven": N_("Proven whose the NPN is"),
    "npn.lookup_asked": N_("Registry to be asked for its address of the NPN"),
    "npn.identity_refused": N_("Proof by an identity provider refused"),
    "npn.rival_told": N_("Told that somebody else has proven the NPN"),
    "npn.same_person": N_("Held for one person with somebody else who claims the NPN"),
    "npn.someone_else": N_("Held for another person than somebody else who claims the NPN"),
}

# What Temporal could not be told, by the values of db.writes.recovery.deliveries.DeliveryKind.
DELIVERIES: Labels = {
    "start": N_("Beginning of the workflow"),
    "event": N_("Webhook"),
    "command": N_("Command"),
    "workflow": N_("Everything for the workflow"),
}

# Whose webhooks and answers are kept.
SENDERS: Labels = {
    **REPORTERS,
    "registry": N_("License registry"),
    "assister": N_("The assister's own pages"),
    "staff": N_("Staff"),
    "authority": N_("This system, about the authority"),
}

# The values of domain.shared.cases.seasons.SeasonState, and of the outcomes and reasons of domain.programs.seasons.
SEASON_STATES: Labels = {
    "running": N_("Running"),
    "paused": N_("Paused"),
    "cancelled": N_("Cancelled"),
    "finished": N_("Finished"),
}
SEASON_OUTCOMES: Labels = {
    "opened": N_("Cases opened"),
    "woken": N_("Workflows begun of cases that were open"),
    "already_open": N_("Open before"),
    "left_out": N_("People left out"),
}
LEFT_OUT_REASONS: Labels = {
    "not_returning": N_("Not certified in an earlier year, or without a portal account: they submit the form"),
    "never_registered": N_("Never completed a registration: they submit the request"),
    "ended_this_year": N_("Their case of this plan year has ended"),
    "revoked_before": N_("Their last certification was revoked: staff decide whether they are asked again"),
    "terminated_before": N_("Their last certification was terminated: staff decide whether they are asked again"),
    "suspended_before": N_("Their authority is suspended: once it is restored, open their case by begin"),
    "appealed_before": N_("Their appeal of an earlier year is not decided: once it is, open their case by begin"),
    "record_at_fault": N_("What is known of them can't be made a case of: look at their records"),
    "window_closed": N_("The plan year closed before their turn came"),
}

# The states of an import, and the values of domain.programs.import_files.RowOutcome.
IMPORT_STATES: Labels = {"running": N_("Under way, or cut off"), "done": N_("Done"), "undone": N_("Undone")}
ROW_OUTCOMES: Labels = {
    "new": N_("New people"),
    "known": N_("Known before"),
    "conflict": N_("Kept for staff"),
    "refused": N_("Refused rows"),
}

# The values of domain.shared.third_parties.ThirdParty.
THIRD_PARTIES: Labels = {
    "mail": N_("Mail server"),
    "registry": N_("License registry"),
    "registry_alerts": N_("License registry's alerts"),
    "lms": N_("LMS (training)"),
    "mlms": N_("MLMS (Marketplace training)"),
    "portal": N_("Assister Portal"),
    "background_checks": N_("Background-check vendor"),
    "lists": N_("Federal lists"),
    "absorb": N_("LMS that is asked (Absorb)"),
}

# What is stored and not done with: the names of `db.reads.house.operations.Operations.backlogs`.
BACKLOGS: Labels = {
    "letters": N_("Letters to be sent"),
    "inbox": N_("Webhooks to be delivered"),
    "commands": N_("Commands to be delivered"),
    "starts": N_("Cases to be begun"),
    "given_up": N_("Deliveries that were given up"),
    "uncounted": N_("Reports that can't be counted"),
    "altered": N_("Events kept aside"),
}

# The schedules of starter/schedules.py.
SCHEDULES: Labels = {
    "reconciliation": N_("Cases held against workflows"),
    "daily-round": N_("Reminders of the day"),
    "daily-publication": N_("Federal lists of the day"),
    "license-round": N_("Licenses of the certified"),
    "lms-polling": N_("LMS that is asked (Absorb)"),
}

# Why a letter came back or is late: what its status is about (`db.reads.case_file.Mail.return_subject`).
RETURN_SUBJECTS: Labels = {
    "": N_("The mail server gave no code."),
    "0": N_("For another reason."),
    "1": N_("The address is wrong."),
    "2": N_("The mailbox is full or closed."),
    "3": N_("Their mail system has a fault."),
    "4": N_("Their mail system can't be reached."),
    "5": N_("Their mail system has a fault."),
    "6": N_("Their mail system doesn't take such contents."),
    "7": N_("Their mail system doesn't want our mail."),
}
