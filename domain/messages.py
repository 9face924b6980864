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


class Claimed(BaseModel):
    """Whether the case is this chain's, and what the journey needs to know of it."""

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


class LookUp(CaseRef):
    """A licence look-up. ``patient`` ones keep trying while the answer can't be read."""

    patient: bool = False


class Screened(BaseModel):
    """What screening found, as recorded: whether anything is still unknown."""

    unknown: bool = False


class Effect(BaseModel):
    """The recorded result of an effect; ``ended`` says that the case was over, and the effect undone or not made."""

    ended: bool = False


class Letter(CaseRef):
    """A notice to send (a name of `domain.notices`). ``about`` is the id of the command or date it is about."""

    notice: str
    about: str = ""


class CommandRef(BaseModel):
    """A stored command to apply."""

    command_id: str
    case_id: str
    at: datetime


class Applied(BaseModel):
    """Whether a command was applied, once, and the verdict it holds where it is a decision."""

    applied: bool
    verdict: str = ""


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


class Command(BaseModel):
    """A command for a case, under the caller's id. ``kind`` and ``verdict`` are those of `domain.commands`."""

    case_id: str
    command_id: str
    kind: str
    verdict: str = ""
    notice: str = ""


class Progress(BaseModel):
    """What a workflow knows of its case: carried over continue-as-new, and the answer to the operators' query."""

    stage: str = "requested"
    waiting_for: str = "screening"
    waiting_since: datetime | None = None
    claimed: Claimed | None = None
    facts: set[str] = Field(default_factory=set, description="kinds of facts seen")
    passed: bool = False
    rounds: int = 0
    unknown_license: bool = False
    asked: bool = False
    verdict: str = ""
    done: set[str] = Field(default_factory=set, description="steps whose effect is recorded")
    pending: list[Command] = Field(default_factory=list, description="decisions and answers accepted, not yet applied")
    errands: list[Command] = Field(default_factory=list, description="notices to send again, activations to make")
    ending: Command | None = None
    processed: list[str] = Field(default_factory=list, description="ids of the messages taken, the last ones")
    messages: int = 0


class Begin(BaseModel):
    """Input of the certification workflow; ``progress`` is set when it continues as new."""

    case_id: str
    program: str
    plan_year: int
    progress: Progress | None = None


class Reminders(BaseModel):
    """One page of the daily round: which cases are reminded, and where the next page begins."""

    letters: list[Letter] = Field(default_factory=list)
    after: str = ""


class RoundPage(BaseModel):
    """Which page of the round over all cases is wanted; ``at`` is the round's time."""

    at: datetime
    after: str = ""
