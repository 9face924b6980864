"""What travels through Temporal: ids, verdicts, dates, never personal data. Fields are only added, with defaults."""

from datetime import datetime

from pydantic import BaseModel, Field


class CaseRef(BaseModel):
    """A step of one case. ``at`` is the workflow's time, for what is recorded; ``occurrence`` numbers repeats."""

    case_id: str
    at: datetime
    occurrence: int = 0


class Claim(BaseModel):
    """The first step of every chain: claims the case for this first execution run."""

    case_id: str
    run_id: str
    at: datetime


class RegistrationSnapshot(BaseModel):
    """What a federal registration's facts came to when it was recorded: the verdicts its workflow branches on.

    ``npn_problem`` is the version of a profile whose NPN turned out wrong, else 0. Markets and curricula by name.
    """

    facts: int = Field(default=0, description="how many there were: of two snapshots the one with more is newer")
    stage: str = ""
    waiting_for: str = ""
    profile_version: int = 0
    npn_unverified: bool = False
    npn_problem: int = 0
    completed: list[str] = Field(default_factory=list)
    unlisted: list[str] = Field(default_factory=list, description="certified, and not seen in every list yet")
    mlms: list[str] = Field(default_factory=list, description="curricula enrolled in the MLMS")


class DueLetter(BaseModel):
    """A notice that a change of the authority comes with, by the name of `Notice`, and the id of what it is about."""

    notice: str
    about: str


class AuthoritySnapshot(BaseModel):
    """What a case's facts about its authority came to when it was recorded.

    ``facts`` is how many there were: of two snapshots the one with more is newer. ``suspended_since`` is None where
    nothing is open; ``due_at`` is when the next suspension or termination reaches its term.
    """

    facts: int = 0
    suspended_since: datetime | None = None
    due_at: datetime | None = None
    letters: list[DueLetter] = Field(default_factory=list)


class AuthorityChanged(BaseModel):
    """What came of terms that were reached; ``ended`` says that the case is terminated."""

    authority: AuthoritySnapshot
    standing: RegistrationSnapshot | None = None
    ended: bool = False


class AdverseActionSnapshot(BaseModel):
    """What a case's facts about its last adverse action came to: ``version`` is how many there were, 0 for none."""

    number: int = 0
    version: int = 0


class RebuiltProgress(BaseModel):
    """What a case's facts and recorded effects come to, for a workflow that is begun again in the middle of the case.

    ``facts`` are kinds; ``done`` are steps by the names that workflows give them, as in `CaseProgress.done`;
    ``applied`` are ids of commands, whose repeats must change nothing; ``side_tasks`` are commands applied and not
    carried out yet; ``waiting_since`` is when the wait began that the case was in.
    """

    facts: list[str] = Field(default_factory=list)
    passed: bool = False
    rounds: int = 0
    take_backs: int = 0
    check_round: int = 0
    unknown_license: bool = False
    asked: bool = False
    verdict: str = ""
    done: list[str] = Field(default_factory=list)
    applied: list[str] = Field(default_factory=list)
    side_tasks: "list[Command]" = Field(default_factory=list)
    waiting_for: str = ""
    waiting_since: datetime | None = None
    authority: AuthoritySnapshot | None = None
    adverse_action: AdverseActionSnapshot | None = None


class Claimed(BaseModel):
    """Whether the case is this chain's, and what the journey needs to know of it.

    ``rebuilt`` is there only for a workflow that was begun again: one that goes by a history of before has none.
    ``ended`` is the stage the case has ended in, where only its closing actions are left to do.
    """

    mine: bool
    kind: str = ""
    assister_type: str = ""
    has_lms_account: bool = False
    has_portal_account: bool = False
    identity_matches: bool = True
    has_portal_profile: bool = False
    has_scheduling_tool: bool = False
    closes_at: datetime | None = None
    license_unknown_after_seconds: int = 3600
    standing: RegistrationSnapshot | None = None
    rebuilt: RebuiltProgress | None = None
    ended: str = ""
    reopened: int = Field(default=0, description="how often an appeal has opened the case again")
    has_training_deadline: bool = False


class LookUp(CaseRef):
    """A licence look-up. ``patient`` ones keep trying while the answer can't be read."""

    patient: bool = False


class ChecksOrder(CaseRef):
    """Checks that staff have made again, by this command; ``occurrence`` counts the answers before it."""

    command_id: str


class Screened(BaseModel):
    """What screening found, as recorded: whether anything is still unknown."""

    unknown: bool = False


class Effect(BaseModel):
    """The recorded result of an effect; ``ended`` says that the case was over, and the effect undone or not made.

    ``unproven`` says that it was not made, since whose the NPN is has to be proven first (D2). ``standing`` is the
    snapshot of a federal registration after it, ``adverse_action`` of what goes before a denial, where its notice was
    sent: its days run since then.
    """

    ended: bool = False
    unproven: bool = False
    standing: RegistrationSnapshot | None = None
    adverse_action: AdverseActionSnapshot | None = None


class Letter(CaseRef):
    """A notice to send (a name of `Notice`). ``about`` is the id of the command or date it is about."""

    notice: str
    about: str = ""

    @property
    def key(self) -> str:
        """The key of the effect that sends it: case, notice, occurrence and what it is about."""
        return f"{self.case_id}:notice:{self.notice}:{self.occurrence}:{self.about}"


class CommandRef(BaseModel):
    """A stored command to apply."""

    command_id: str
    case_id: str
    at: datetime


class Correction(CaseRef):
    """What a corrected name makes due; ``command_id`` is the command's that corrected it."""

    command_id: str


class Applied(BaseModel):
    """Whether a command was applied, once, and the verdict it holds where it is a decision.

    ``is_known`` is false where no such command is stored. ``renews_check`` says that an answer changed on whom the
    background check is made, or that staff have it ordered anew; ``is_checked`` that a report on them is there already,
    ``check_round`` is the number of the new order, which answers of before lack. ``authority`` and ``standing`` are
    what a command about the authority has made of them. ``moves_rules`` says that the case goes by other rules, and
    ``closes_at``, ``license_unknown_after_seconds`` and ``has_training_deadline`` are theirs then.
    """

    applied: bool
    verdict: str = ""
    is_known: bool = True
    renews_check: bool = False
    is_checked: bool = False
    check_round: int = 0
    authority: AuthoritySnapshot | None = None
    adverse_action: AdverseActionSnapshot | None = None
    standing: RegistrationSnapshot | None = None
    moves_rules: bool = False
    closes_at: datetime | None = None
    license_unknown_after_seconds: int = 0
    has_training_deadline: bool = False


class DeadlineStanding(BaseModel):
    """Where a training deadline stands, for the case's workflow: until when it sleeps, and what is told by now (E14).

    ``due_at`` is None where nothing becomes due; ``ended`` says that the case is closed for good.
    """

    lapsed: bool = False
    ended: bool = False
    due_at: datetime | None = None
    letters: list[DueLetter] = Field(default_factory=list)


class BeginAdverseFollowing(BaseModel):
    """Input of the workflow of an adverse action: its case and its number there."""

    case_id: str
    number: int


class AdverseActionStanding(BaseModel):
    """Where an adverse action stands, for its workflow: until when it sleeps, and what the assister is told by now.

    ``due_at`` is None where no clock runs.
    """

    version: int = 0
    is_open: bool = False
    status: str = ""
    due_at: datetime | None = None
    letters: list[Letter] = Field(default_factory=list)


class AppealRef(BaseModel):
    """An appeal of a case, by its number; ``at`` is the workflow's time."""

    case_id: str
    number: int
    at: datetime


class AppealStanding(BaseModel):
    """Where an appeal stands, for its workflow: until when it sleeps, and what the appellant is told by now.

    ``version`` counts its changes, so that what was seen isn't looked at again; ``due_at`` is None where no clock runs.
    """

    version: int
    is_open: bool
    phase: int = 1
    due_at: datetime | None = None
    letters: list[Letter] = Field(default_factory=list)


class BeginAppeal(BaseModel):
    """Input of the workflow of an appeal."""

    case_id: str
    number: int


class Ending(BaseModel):
    """The end of a case that nobody commanded: its kind is closed."""

    case_id: str
    kind: str
    at: datetime


class Report(BaseModel):
    """A recorded fact, told to the workflow: its id and kind, and the verdict recorded with it."""

    case_id: str
    fact_id: str
    kind: str
    passed: bool = False
    standing: RegistrationSnapshot | None = None
    authority: AuthoritySnapshot | None = None
    adverse_action: AdverseActionSnapshot | None = None


class Command(BaseModel):
    """A command for a case, under the caller's id. ``kind`` and ``verdict`` are those of `domain.programs.commands`.

    ``answer_when_applied`` asks an update for what became of the command. It is new: updates in histories of before
    lack it, and were answered when they were accepted.
    """

    case_id: str
    command_id: str
    kind: str
    verdict: str = ""
    notice: str = ""
    answer_when_applied: bool = False


class CaseProgress(BaseModel):
    """What the workflow of a case knows in either program: carried over continue-as-new, and answered to operators.

    ``errands`` are the side tasks: fields keep the names under which running cases carry them over.
    """

    stage: str = "requested"
    waiting_for: str = ""
    waiting_since: datetime | None = None
    claimed: Claimed | None = None
    done: set[str] = Field(default_factory=set, description="steps whose effect is recorded")
    errands: list[Command] = Field(default_factory=list, description="notices to send again, activations to make")
    ending: Command | None = None
    endings: list[Command] = Field(default_factory=list, description="came while that one was being applied")
    processed: list[str] = Field(default_factory=list, description="ids of the messages taken, the last ones")
    messages: int = 0
    authority: AuthoritySnapshot = Field(default_factory=AuthoritySnapshot)
    lapsed: bool = Field(default=False, description="the training deadline is over, and the training not complete")


class Progress(CaseProgress):
    """What a certification's workflow knows besides."""

    waiting_for: str = "screening"
    facts: set[str] = Field(default_factory=set, description="kinds of facts seen")
    passed: bool = False
    rounds: int = 0
    check_round: int = Field(default=0, description="after how many answers the background check was due anew")
    unknown_license: bool = False
    asked: bool = False
    take_backs: int = Field(default=0, description="how often staff took a question back")
    verdict: str = ""
    pending: list[Command] = Field(default_factory=list, description="decisions and answers accepted, not yet applied")
    adverse_action: AdverseActionSnapshot = Field(default_factory=AdverseActionSnapshot)


class Begin(BaseModel):
    """Input of the certification workflow; ``progress`` is set when it continues as new."""

    case_id: str
    program: str
    plan_year: int
    progress: Progress | None = None


class MarketOrder(CaseRef):
    """A step of one market of a federal registration."""

    market: str


class CurriculumOrder(CaseRef):
    """An enrolment in one curriculum of the MLMS."""

    curriculum: str


class ProfileSaved(BaseModel):
    """What became of a profile: saved, saved as unverified, or refused; and what the registration came to."""

    outcome: str
    standing: RegistrationSnapshot | None = None


class Looked(BaseModel):
    """What a look at the federal lists came to: when to look again, if something is still missing there."""

    again_at: datetime | None = None
    ask_help_desk: bool = False
    standing: RegistrationSnapshot | None = None


class RegistrationProgress(CaseProgress):
    """What a federal registration's workflow knows besides."""

    waiting_for: str = "marketplace_profile"
    standing: RegistrationSnapshot = Field(default_factory=RegistrationSnapshot)
    look_at: dict[str, datetime] = Field(default_factory=dict, description="by market: when the lists are read next")


class BeginRegistration(BaseModel):
    """Input of the federal registration's workflow; ``progress`` is set when it continues as new."""

    case_id: str
    program: str
    plan_year: int
    progress: RegistrationProgress | None = None
