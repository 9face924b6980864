"""Who reports to us, and what each may: one credential, one program, certain kinds of report, one dialect (D7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from enum import StrEnum

from domain.shared.documents.dialects import XAPI, Dialect
from domain.shared.ids import name_sender_actor
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM


class ReportKind(StrEnum):
    """What a sender may do here."""

    TRAINING = "training"
    EXAM = "exam"
    PORTAL = "portal"
    APPLICANTS = "applicants"
    BACKGROUND_CHECKS = "background-checks"
    VENDOR = "vendor"
    REGISTRATION = "registration"
    BOUNCES = "bounces"


# What a learning management system or a record store reports: both arrive at the same addresses.
STATEMENTS = frozenset({ReportKind.TRAINING, ReportKind.EXAM})
# One mail server sends the letters of both programs, and is an entry of either.
KINDS_OF_PROGRAM: Mapping[str, frozenset[ReportKind]] = {
    STATE_PROGRAM: STATEMENTS
    | {ReportKind.PORTAL, ReportKind.APPLICANTS, ReportKind.BACKGROUND_CHECKS, ReportKind.BOUNCES},
    FEDERAL_PROGRAM: frozenset(
        {ReportKind.TRAINING, ReportKind.VENDOR, ReportKind.REGISTRATION, ReportKind.BOUNCES},
    ),
}
_IN_WORDS = {
    ReportKind.TRAINING: "reports of training",
    ReportKind.EXAM: "results of exams",
    ReportKind.PORTAL: "reports of the portal",
    ReportKind.APPLICANTS: "the portal's look-up of applicants",
    ReportKind.BACKGROUND_CHECKS: "reports of background checks",
    ReportKind.VENDOR: "reports of a training vendor",
    ReportKind.BOUNCES: "reports of letters that came back",
    ReportKind.REGISTRATION: "steps in registrations by a pass of their owner, sent in the header Portal-Pass,",
}


# The Absorb that is asked is a sender too; the settings have it reserved.
ABSORB_SENDER = "absorb"


@dataclass(frozen=True)
class Sender:
    """A third party that reports, by the id it has in the settings; its secrets stay there.

    ``zone`` is that of its timestamps without one. ``home_page`` replaces the policy's where it names accounts by
    another; ``activities`` are the policy's activities by the ids it has for them.
    """

    id: str
    program: str
    kinds: frozenset[ReportKind]
    dialect: Dialect = XAPI
    zone: tzinfo = UTC
    home_page: str = ""
    activities: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def actor(self) -> str:
        """Whom the audit names."""
        return name_sender_actor(self.id)

    def describe_permission(self) -> str:
        """What its credential is for, in a sentence."""
        kinds = ", ".join(_IN_WORDS[kind] for kind in ReportKind if kind in self.kinds)
        return f"This credential is for {kinds} of the program {self.program}, and for nothing else."


def build_sender(
    sender_id: str,
    program: str,
    kinds: Iterable[str],
    dialect: Dialect,
    zone: tzinfo,
    *,
    home_page: str = "",
    activities: Mapping[str, str] | None = None,
) -> Sender:
    """The sender of an entry of the settings. Raises ValueError naming kinds that its program doesn't have."""
    found = frozenset(map(ReportKind, kinds))
    if foreign := sorted(found - KINDS_OF_PROGRAM[program]):
        raise ValueError(f"CERTIFY_SENDERS: {sender_id} can't report this in {program}: {', '.join(foreign)}")
    return Sender(sender_id, program, found, dialect, zone, home_page.rstrip("/"), activities or {})


class ForbiddenReport(Exception):
    """A sender reported what its credential is not for."""

    def __init__(self, sender: Sender) -> None:
        super().__init__(sender.describe_permission())
        self.sender = sender


def check_report(sender: Sender, program: str, kind: ReportKind) -> None:
    """Raises `ForbiddenReport` where the sender may not report this kind of thing of this program's cases."""
    if sender.program != program or kind not in sender.kinds:
        raise ForbiddenReport(sender)
