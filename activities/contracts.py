"""The abstract signatures of the activities, light to import: workflows call these, implementations subclass them."""

from abc import ABC, abstractmethod

from temporalio import activity

from domain.shared.cases.messages import (
    AdverseActionStanding,
    AppealRef,
    AppealStanding,
    Applied,
    AuthorityChanged,
    CaseRef,
    ChecksOrder,
    Claim,
    Claimed,
    CommandRef,
    Correction,
    CurriculumOrder,
    DeadlineStanding,
    Effect,
    Ending,
    Letter,
    Looked,
    LookUp,
    MarketOrder,
    ProfileSaved,
    RegistrationSnapshot,
    Screened,
)
from domain.shared.cases.seasons import SeasonOrder, SeasonPage
from domain.shared.round_messages import (
    LastReconciliation,
    LicenseRoundCounts,
    LicenseRoundOrder,
    LmsPoll,
    PublicationOpened,
    Published,
    PublishOrder,
    Reconciled,
    ReconciliationOrder,
    ReminderPage,
    Reminders,
    ReportsOrder,
    Staged,
)


class Records(ABC):
    """What is written about a case and nothing else; short, in the database only, so run as local activities."""

    @activity.defn(name="records.claim")
    @abstractmethod
    async def claim_case(self, claim: Claim) -> Claimed:
        """Claims the case for this chain of runs; another chain is told that the case isn't its own."""

    @activity.defn(name="records.apply")
    @abstractmethod
    async def apply_command(self, command: CommandRef) -> Applied:
        """Applies a stored command to the case, once."""

    @activity.defn(name="records.end")
    @abstractmethod
    async def close_case(self, ending: Ending) -> Effect:
        """Records the end of the case."""

    @activity.defn(name="records.end_terms")
    @abstractmethod
    async def end_terms(self, order: CaseRef) -> AuthorityChanged:
        """Ends the suspensions and the termination of a case that have reached their last day."""

    @activity.defn(name="records.follow_deadline")
    @abstractmethod
    async def follow_deadline(self, order: CaseRef) -> DeadlineStanding:
        """Where the training deadline of a case stands; what is due of its days is recorded (E14)."""

    @activity.defn(name="records.due_reminders")
    @abstractmethod
    async def list_due_reminders(self, page: ReminderPage) -> Reminders:
        """The reminders due on the round's day, a page at a time (A18)."""


class Licensing(ABC):
    """Licence and NPN look-ups (A13)."""

    @activity.defn(name="licensing.look_up")
    @abstractmethod
    async def look_up(self, order: LookUp) -> Screened:
        """Asks the registry and records what it says as this round's findings."""

    @activity.defn(name="licensing.record_unknown")
    @abstractmethod
    async def record_unknown(self, order: CaseRef) -> Screened:
        """Records that the registry could not be asked: unknown, never failed."""

    @activity.defn(name="licensing.repeat_checks")
    @abstractmethod
    async def repeat_checks(self, order: ChecksOrder) -> Screened:
        """Makes checks again that staff ask for, and records what comes of it beside the findings of before."""

    @activity.defn(name="licensing.give_up_repeat")
    @abstractmethod
    async def give_up_repeat(self, order: ChecksOrder) -> Screened:
        """Records that the registry could not be asked when staff had it asked again."""


class Profiles(ABC):
    """MLMS profiles: saved once the licence registry has been asked about their NPNs (B7–B10)."""

    @activity.defn(name="profiles.save")
    @abstractmethod
    async def save_profile(self, command: CommandRef) -> ProfileSaved:
        """Asks the registry and saves a stored profile, as unverified where it can't be asked; or refuses it."""

    @activity.defn(name="profiles.verify")
    @abstractmethod
    async def verify_npn(self, order: CaseRef) -> RegistrationSnapshot:
        """Asks the registry about a profile saved as unverified; ``occurrence`` is the profile's version."""


class Background(ABC):
    """Background checks of enrollment counselors (A14)."""

    @activity.defn(name="background.order")
    @abstractmethod
    async def order_check(self, order: CaseRef) -> Effect:
        """Orders the check from the vendor, once; its report comes by webhook."""


class Training(ABC):
    """The learning management system (A11, A15)."""

    @activity.defn(name="training.invite")
    @abstractmethod
    async def invite_learner(self, order: CaseRef) -> Effect:
        """Opens the LMS for a person without an account, once."""

    @activity.defn(name="training.enroll")
    @abstractmethod
    async def enroll_learner(self, order: CaseRef) -> Effect:
        """Enrols an existing account in this year's course, once; ``unproven`` while the NPN isn't proven (D2)."""


class Mlms(ABC):
    """The federal marketplace's learning management system (B11, B13)."""

    @activity.defn(name="mlms.enroll")
    @abstractmethod
    async def enroll_learner(self, order: CurriculumOrder) -> Effect:
        """Enrols in one curriculum, once."""


class ListingCheck(ABC):
    """The federal lists, watched after a registration is complete (B18–B21)."""

    @activity.defn(name="watch.look")
    @abstractmethod
    async def check_listing(self, order: MarketOrder) -> Looked:
        """Reads the lists by their addresses and records what is there, and what is late; says when to look again."""

    @activity.defn(name="watch.ask_help_desk")
    @abstractmethod
    async def ask_help_desk(self, order: MarketOrder) -> Effect:
        """Asks the help desk why the NPN is absent from the RCL, once a registration (B21)."""


class Publications(ABC):
    """The publication of the federal lists (B18–B20); in the database only, so run as local activities."""

    @activity.defn(name="publications.open")
    @abstractmethod
    async def open_publication(self, order: PublishOrder) -> PublicationOpened:
        """Opens the day's publication, or finds the one that was left unfinished; none is due on a day off."""

    @activity.defn(name="publications.stage")
    @abstractmethod
    async def stage_page(self, order: PublishOrder) -> Staged:
        """Stages one page of what changed since the last publication; nobody sees it yet."""

    @activity.defn(name="publications.make_current")
    @abstractmethod
    async def make_current(self, order: PublishOrder) -> Published:
        """Shows everything that was staged, at once."""

    @activity.defn(name="publications.tidy")
    @abstractmethod
    async def delete_replaced(self, order: PublishOrder) -> Staged:
        """Deletes one page of what earlier publications replaced and no reader needs any more."""


class Certificates(ABC):
    """The certificate (A23)."""

    @activity.defn(name="certificates.issue_for_market")
    @abstractmethod
    async def issue_for_market(self, order: MarketOrder) -> Effect:
        """Prints, signs and keeps a market's certificate, once (B17)."""

    @activity.defn(name="certificates.issue")
    @abstractmethod
    async def issue_certificate(self, order: CaseRef) -> Effect:
        """Prints, signs and keeps the certificate, once."""

    @activity.defn(name="certificates.supersede")
    @abstractmethod
    async def supersede_certificates(self, order: Correction) -> Effect:
        """Prints, signs and keeps every certificate of the case anew that has another name than it has now (E11)."""


class Portal(ABC):
    """Portal accounts (A26–A28)."""

    @activity.defn(name="portal.create_account")
    @abstractmethod
    async def create_account(self, order: CaseRef) -> Effect:
        """Creates a counselor's account, not yet active, once."""

    @activity.defn(name="portal.activate")
    @abstractmethod
    async def activate_account(self, order: CaseRef) -> Effect:
        """Activates the account whose owner used the activation link."""

    @activity.defn(name="portal.reuse_account")
    @abstractmethod
    async def reuse_account(self, order: CaseRef) -> Effect:
        """Hands the account a person already has to this case, active, once (A9, A11)."""

    @activity.defn(name="portal.suspend")
    @abstractmethod
    async def suspend_account(self, order: CaseRef) -> Effect:
        """Suspends the account of a case that has ended, if there is one of ours."""

    @activity.defn(name="portal.rename_account")
    @abstractmethod
    async def rename_account(self, order: Correction) -> Effect:
        """Gives the account the corrected name, if there is one (E11)."""

    @activity.defn(name="portal.align_account")
    @abstractmethod
    async def align_account(self, order: CaseRef) -> Effect:
        """Suspends the account while the authority is suspended, and opens it again; ``occurrence`` numbers changes."""


class Notices(ABC):
    """E-mails to assisters."""

    @activity.defn(name="notices.send")
    @abstractmethod
    async def send_notice(self, letter: Letter) -> Effect:
        """Sends a notice in the assister's language, once per case, notice and occurrence."""


class Seasons(ABC):
    """The season: many cases opened without being asked for (E9)."""

    @activity.defn(name="seasons.open_page")
    @abstractmethod
    async def open_page(self, order: SeasonOrder) -> SeasonPage:
        """Goes through the next people, opens their cases and begins their workflows; finishes the season at its end.

        Each person once, however often it is run. Nobody is opened while the season is paused, or too many cases wait
        for their first steps: it looks again for a while, then answers that it is full.
        """


class AdverseActions(ABC):
    """What goes before a denial by a background report; in the database only, so run as a local activity (E8)."""

    @activity.defn(name="adverse_actions.follow")
    @abstractmethod
    async def follow_adverse_action(self, order: CaseRef) -> AdverseActionStanding:
        """Where an adverse action stands, ``occurrence`` being its number; what is due of its days is recorded."""


class Appeals(ABC):
    """Appeals and their clocks; in the database only, so run as a local activity (E5, E6)."""

    @activity.defn(name="appeals.follow")
    @abstractmethod
    async def follow_appeal(self, ref: AppealRef) -> AppealStanding:
        """Where an appeal stands; one whose clock has run out goes on to its next phase, or is shown to staff."""


class LmsPolling(ABC):
    """An LMS that tells nothing by itself is asked (P10)."""

    @activity.defn(name="lms_polling.ask_page")
    @abstractmethod
    async def ask_page(self, poll: LmsPoll) -> LmsPoll:
        """Asks about a page of learners in training, and takes what is new; the next page, ``after`` "-" at the end."""


class LicenseRounds(ABC):
    """The round over licences of the certified (E1–E3); each but the last answers the order as it is after a page."""

    @activity.defn(name="license_round.take_in")
    @abstractmethod
    async def take_in_page(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """Begins to watch a page of those certified, and says which day's round it is."""

    @activity.defn(name="license_round.tell_targets")
    @abstractmethod
    async def tell_targets(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """Tells the registry's alerts of some who are watched, or are watched no more."""

    @activity.defn(name="license_round.read_alerts")
    @abstractmethod
    async def read_alerts(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """Reads the registry's reports of the days that weren't read; whom they name is due at once."""

    @activity.defn(name="license_round.ask_page")
    @abstractmethod
    async def ask_page(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """Asks the registry about some who are due, within the day's bound, and records what follows."""

    @activity.defn(name="license_round.list_letters")
    @abstractmethod
    async def list_letters(self, order: LicenseRoundOrder) -> Reminders:
        """The reminders of licences' last days that are due, a page at a time."""

    @activity.defn(name="license_round.close")
    @abstractmethod
    async def close_round(self, order: LicenseRoundOrder) -> LicenseRoundCounts:
        """Keeps what the round came to, for operators."""


class Reconciliations(ABC):
    """Open cases held against their workflows (decision 24)."""

    @activity.defn(name="reconciliation.open")
    @abstractmethod
    async def open_reconciliation(self, last: LastReconciliation) -> ReconciliationOrder:
        """The next reconciliation: how thorough it has to be follows from what either store knows of the last one."""

    @activity.defn(name="reconciliation.compare")
    @abstractmethod
    async def compare_page(self, order: ReconciliationOrder) -> Reconciled:
        """Looks after a page of cases, open ones and ended ones with closing actions to do; what differs is mended."""

    @activity.defn(name="reconciliation.find_unknown")
    @abstractmethod
    async def find_unknown_workflows(self, order: ReconciliationOrder) -> Reconciled:
        """Looks through a page of running workflows for those without a case, and those that don't know of its end."""

    @activity.defn(name="reconciliation.ask_again")
    @abstractmethod
    async def request_reports(self, order: ReportsOrder) -> Reconciled:
        """Asks third parties to report again what they reported of a page of cases; what is known has no effect."""

    @activity.defn(name="reconciliation.close")
    @abstractmethod
    async def close_reconciliation(self, order: ReconciliationOrder) -> LastReconciliation:
        """Keeps what the reconciliation came to, for operators."""
