"""The commands people give a case, as both programs know them; when each may be carried out is its program's to say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import Field

from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.authors import OnBehalf, ProofMethod
from domain.shared.cases.facts import Fact, FactData, FactKind, FactLog, GivenReason, ToldReason
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Reason
from domain.shared.ids import ASSISTER
from domain.shared.stored import StoredData


class CommandKind(StrEnum):
    """What people can tell a case to do."""

    DECIDE = "decide"
    ANSWER = "answer"
    TAKE_QUESTION_BACK = "take_question_back"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    RESEND = "resend"
    ACTIVATE = "activate"
    SAVE_PROFILE = "save_profile"
    REORDER_CHECK = "reorder_check"
    SUSPEND = "suspend"
    LIFT = "lift"
    GIVE_NOTICE = "give_notice"
    TERMINATE = "terminate"
    MOVE_RULES = "move_rules"
    BEGIN_ADVERSE_ACTION = "begin_adverse_action"
    DISPUTE_CHECK = "dispute_check"
    END_DISPUTE = "end_dispute"
    CORRECT = "correct"
    REPEAT_CHECKS = "repeat_checks"


class CommandState(StrEnum):
    """What became of a command: pending until its workflow has answered."""

    PENDING = "pending"
    APPLIED = "applied"
    REFUSED = "refused"


# The reasons of commands for which nobody is asked one; every other command comes with a person's own words.
OWN_REASONS = {
    CommandKind.ACTIVATE: Reason("activation_link_used"),
    CommandKind.SAVE_PROFILE: Reason("profile_sent"),
}


# The language in which staff write where nothing else is said.
WRITTEN_IN = "en"
# Beside the data of an answer that was applied: of each field that it changed what it was and what it became, for staff
# to compare. It is personal, and shown nowhere else.
COMPARED = "compared"


@dataclass(frozen=True)
class CommandOrigin:
    """Under which id a command was given to which case, by whom, why and when."""

    command_id: str
    case_id: str
    actor: str
    reason: str
    at: datetime


class CommandData(StoredData):
    """What a command says besides its origin, a shape for each kind."""

    kind: ClassVar[CommandKind]

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return self.model_dump(mode="json")


@dataclass(frozen=True)
class Wording:
    """How a reason is put that the assister is told.

    ``told`` is the reason in the assister's language, None where it was written in one language alone; ``written_in``
    is the language in which it was written, None for English.
    """

    told: str | None = None
    written_in: str | None = None

    def list_given(self) -> dict[str, Any]:
        """What is said of it, for a command; nothing of a reason that was written in English alone."""
        told = (self.told or "").strip()
        written_in = "" if self.written_in == WRITTEN_IN else self.written_in
        return {name: one for name, one in (("told", told), ("written_in", written_in)) if one}

    def describe_to(self, language: str) -> dict[str, Any]:
        """What a fact says besides of the reason, to an assister who reads this language: see `GivenReason`."""
        if self.told:
            return {"told": self.told}
        written_in = self.written_in or WRITTEN_IN
        return {} if written_in == language else {"written_in": written_in}


IN_ENGLISH = Wording()


class ToldCommand(CommandData):
    """A command whose reason the assister is told, put as `Wording` says."""

    told: str | None = None
    written_in: str | None = None

    @property
    def wording(self) -> Wording:
        """How its reason is put."""
        return Wording(self.told, self.written_in)

    def to_json(self) -> dict[str, Any]:
        """As it is stored; one whose reason was written in English alone as it always was."""
        unsaid = {name for name in ("told", "written_in") if not getattr(self, name)}
        return self.model_dump(mode="json", exclude=unsaid)


class Withdraw(ToldCommand):
    """The assister withdraws, or staff: at the assister's wish, which they say how they have, or of their own."""

    kind = CommandKind.WITHDRAW
    on_behalf: OnBehalf | None = None


class Revoke(ToldCommand):
    """Staff revoke."""

    kind = CommandKind.REVOKE


class Suspend(ToldCommand):
    """Staff suspend the authority to assist (E4); ``until`` is the last day, None for the policy's last.

    One that is ordered ``at_once`` counts while it is appealed, too (E7).
    """

    kind = CommandKind.SUSPEND
    suspension: SuspensionKind
    until: date | None = None
    at_once: bool = False


class Lift(ToldCommand):
    """Staff lift a suspension, every one that staff ordered where none is named, or take back a termination (E4)."""

    kind = CommandKind.LIFT
    suspension_id: str | None = None
    termination: bool = False


class GiveNotice(ToldCommand):
    """Staff give notice of a termination (E4)."""

    kind = CommandKind.GIVE_NOTICE


class Terminate(ToldCommand):
    """Staff terminate at once (E4)."""

    kind = CommandKind.TERMINATE


class ResendNotice(CommandData):
    """A notice is to be sent again."""

    kind = CommandKind.RESEND
    notice: Notice


class ActivateAccount(CommandData):
    """A counselor used the activation link (A28)."""

    kind = CommandKind.ACTIVATE


class MoveRules(CommandData):
    """Staff have a case go by other rules, known by their hash, than it began with (E12)."""

    kind = CommandKind.MOVE_RULES
    rules_hash: str
    former_hash: str


class CorrectName(CommandData):
    """Staff correct the name of who is certified: the certificate is issued anew under it (E11).

    ``method`` and ``document`` say what they have seen of it. It is ``along`` where it follows from a decision in
    another case of the same person: it goes no further then.
    """

    kind = CommandKind.CORRECT
    first_name: str
    last_name: str
    method: ProofMethod
    document: str
    along: bool = False


class SaveProfile(CommandData):
    """A profile of the federal program, and which of its fields were sent; both are kept until it is saved (B7).

    ``digest`` tells a repeat from another profile under the same id. It is keyed, since a refused profile leaves
    nothing behind that its NPN could be guessed from.
    """

    kind = CommandKind.SAVE_PROFILE
    digest: str = ""
    given: tuple[str, ...] = ()
    profile: dict[str, Any] = Field(default_factory=dict)
    on_behalf: OnBehalf | None = None
    portal_pass: str | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were sent, as the form took them."""
        return {name: self.profile[name] for name in self.given}


def list_shown_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """What may be shown of a stored command besides its reason: of an answer the names of its fields alone."""
    named = (
        *(
            "verdict",
            "override",
            "fields",
            "notice",
            "changed",
            "faults",
            "consent",
            "suspension",
            "until",
            "at_once",
            "termination",
        ),
        *("in_bulk", "on_behalf", "former_hash", "rules_hash", "method", "document", "source", "told", "written_in"),
    )
    shown = {name: data[name] for name in named if data.get(name)}
    return shown | ({"changed": sorted(data["changes"])} if data.get("changes") else {})


ENDING_FACTS: Mapping[CommandKind, FactKind] = {
    CommandKind.WITHDRAW: FactKind.WITHDRAWN,
    CommandKind.REVOKE: FactKind.REVOKED,
    CommandKind.TERMINATE: FactKind.TERMINATED,
}


class EndingData(GivenReason, FactData):
    """By whom a case was withdrawn, revoked or terminated, and why."""

    by: str = ""


class NameCorrectedData(FactData):
    """By whom a name was corrected, why, and what they have seen of it; neither name is in it."""

    by: str
    reason: str
    method: str
    document: str


def make_fact_id(command_id: str) -> str:
    """The id of the fact that a command comes to."""
    return f"command:{command_id}"


def build_fact(kind: FactKind, origin: CommandOrigin, data: FactData) -> Fact:
    """The fact that a command comes to; its id follows from the command's, so that it is there once."""
    return Fact(id=make_fact_id(origin.command_id), kind=kind, at=origin.at, data=data.to_json())


def build_ending_fact(command: ToldCommand, origin: CommandOrigin, language: str) -> Fact:
    """The fact that a case was withdrawn, revoked or terminated; ``language`` is the one its assister reads."""
    ended = EndingData(by=origin.actor, reason=origin.reason, **command.wording.describe_to(language))
    return build_fact(ENDING_FACTS[command.kind], origin, ended)


@dataclass(frozen=True)
class ToldEnding:
    """Why a case was withdrawn, revoked or terminated, as its assister is told; empty where nobody said.

    ``withdrawn_at`` is when the assister withdrew it themselves, None where somebody else ended it: the reason is
    theirs then, and not one that we gave.
    """

    reason: ToldReason = field(default_factory=ToldReason)
    withdrawn_at: datetime | None = None


def find_told_ending(facts: Iterable[Fact]) -> ToldEnding:
    """How a case was ended, as its assister is told.

    Of several ends the last one counts: an appeal has set those before it aside. Who withdraws a case of their own
    gives a reason in one language alone; one that is told in another is our sentence that they gave none.
    """
    ends = FactLog(facts).find_everything(*ENDING_FACTS.values())
    if not ends:
        return ToldEnding()
    ended = ends[-1].read_as(EndingData)
    if ended.by != ASSISTER or ends[-1].kind is not FactKind.WITHDRAWN:
        return ToldEnding(ended.told_reason)
    return ToldEnding(ToldReason() if ended.told else ended.told_reason, ends[-1].at)
