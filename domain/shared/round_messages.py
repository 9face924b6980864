"""What travels through Temporal on rounds over many cases, page by page; the rest is cases/messages.py.

Never personal data; fields are only added, with defaults.
"""

from datetime import date, datetime

from pydantic import BaseModel, Field

from domain.shared.cases.messages import Letter


class Reminders(BaseModel):
    """One page of the daily round: which cases are reminded, and where the next page begins."""

    letters: list[Letter] = Field(default_factory=list)
    after: str = ""


class ReminderPage(BaseModel):
    """Which page of the round over all cases is wanted; ``at`` is the round's time."""

    at: datetime
    after: str = ""


class LmsPoll(BaseModel):
    """A page of learners whose LMS is asked for what was changed since an instant; ``after`` is the case before it.

    ``reports`` counts what was new up to here, ``unreadable`` the learners whose answer was none.
    """

    at: datetime
    after: str = ""
    reports: int = 0
    unreadable: int = 0


class LicenseRoundOrder(BaseModel):
    """A day's round over the licences of the certified (E1), as far as it is; ``day`` is none before it is opened.

    ``phase`` names what is done page by page; ``after`` is the case before the next page, where pages go by cases.
    ``is_silent``: the registry did not answer on this page, and is asked again later.
    """

    at: datetime
    day: date | None = None
    phase: str = ""
    after: str = ""
    is_through: bool = Field(default=False, description="nothing is left to do in this phase")
    is_silent: bool = False


class LicenseRoundCounts(BaseModel):
    """What a day's round came to, by name; see `db.writes.licenses.rounds`."""

    day: date | None = None
    counts: dict[str, int] = Field(default_factory=dict)


class PublishOrder(BaseModel):
    """A publication of the federal lists; ``forced`` publishes on a day that isn't a business day too."""

    at: datetime
    forced: bool = False
    number: int = 0
    rows: int = Field(default=0, description="rows staged so far")


class PublicationOpened(BaseModel):
    """The number of the publication to stage; 0 where none is due."""

    number: int = 0


class Staged(BaseModel):
    """One page staged: how many rows, and whether there are more cases to go."""

    rows: int = 0
    more: bool = False


class Published(BaseModel):
    """What a publication came to: its number and how many rows changed by it; 0 and 0 where none was due."""

    number: int = 0
    rows: int = 0


class ReconciliationOrder(BaseModel):
    """A page of a reconciliation; ``after`` is the case after which it begins, ``token`` Temporal's for a page.

    ``thorough`` asks every running workflow what it knows. ``restored`` says that a store was restored, and that third
    parties are asked for their reports again, of cases that were not begun again too.
    """

    number: int = 0
    thorough: bool = False
    restored: bool = False
    after: str = ""
    token: str = ""
    counts: dict[str, int] = Field(default_factory=dict)
    unknown: list[str] = Field(default_factory=list, description="workflows that run and have no case")


class Reconciled(BaseModel):
    """What one page came to: counts by what was found or done.

    ``ask_again`` are the cases whose third parties are to be asked for their reports again.
    """

    counts: dict[str, int] = Field(default_factory=dict)
    after: str = ""
    token: str = ""
    ask_again: list[str] = Field(default_factory=list)
    unknown: list[str] = Field(default_factory=list)


class LastReconciliation(BaseModel):
    """The number of the last reconciliation that Temporal knows of; 0 where it knows of none."""

    number: int = 0


class ReportsOrder(BaseModel):
    """A page of the cases whose third parties are asked to report again what they reported before.

    ``after`` is the case after which it begins, ``asked`` how many third parties were asked by then. Runs of before the
    patch `reports-asked-apart` name their cases themselves.
    """

    after: str = ""
    asked: int = 0
    case_ids: list[str] = Field(default_factory=list)
