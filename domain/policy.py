"""Policies: the exchange's rules, as versioned, dated data. A case keeps the one it began with."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from domain.assister import AssisterType, Kind


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LmsIds(_Data):
    """The IRIs by which the LMS reports: its home page, and one activity each (A19, A20)."""

    home_page: str
    account_id: str
    profile_id: str
    course_id: str
    exam_id: str


class Contact(_Data):
    """Whom to ask about one topic; ``label`` per language (A31)."""

    label: dict[str, str]
    phone: str | None = None
    email: str | None = None


class Contacts(_Data):
    """The exchange's contacts by topic (A31)."""

    general: Contact
    portals: Contact
    training: Contact


class Link(_Data):
    """A page worth reading; ``label`` per language (A32)."""

    label: dict[str, str]
    url: str


class Intake(_Data):
    """Whom the exchange takes in as *new* agents and brokers (A7): home state, or both addresses in these states."""

    kinds: tuple[Kind, ...]
    home_state: str
    neighbour_states: tuple[str, ...]

    def admits(self, kind: Kind, assister_type: AssisterType, physical: str | None, business: str | None) -> bool:
        """Whether these addresses (two-letter states) may come in; returning, lapsed and other kinds always may."""
        if assister_type is not AssisterType.NEW or kind not in self.kinds:
            return True
        return physical == self.home_state or {physical, business} <= set(self.neighbour_states)


class Windows(_Data):
    """When a plan year's certification is open. An absent date means there is no such limit (C6)."""

    opens_on: date | None = None
    closes_on: date | None = None

    def open_on(self, today: date) -> bool:
        """Whether a day lies in the window."""
        return (self.opens_on is None or self.opens_on <= today) and (self.closes_on is None or today <= self.closes_on)

    def closes_at(self, utc_offset_hours: int) -> datetime | None:
        """The first instant after the last day, in UTC."""
        if self.closes_on is None:
            return None
        zone = timezone(timedelta(hours=utc_offset_hours))
        return datetime.combine(self.closes_on + timedelta(days=1), time(), zone).astimezone(UTC)


class Policy(_Data):
    """One program's rules for one plan year."""

    program: str
    plan_year: int
    version: int = 1
    carried_over_from: int | None = Field(
        default=None, description="the year whose rules these are, where the exchange published none"
    )
    pass_mark: Decimal = Field(description="smallest passing score, 0 to 1 (A21)")
    lms: LmsIds
    contacts: Contacts
    resources: dict[Kind, tuple[Link, ...]]
    referrals: dict[str, tuple[str, ...]] = Field(description="where counselors refer people to, per language (A6)")
    intake: Intake
    windows: Windows
    home_state: str = "NM"
    utc_offset_hours: int = Field(default=-7, description="offset of the exchange's midnight from UTC, for dates only")
    reminder_every_days: int = Field(
        default=14, description="days between gentle reminders; they never expire a case (A18)"
    )
    reminders_at_most: int = Field(default=12, description="reminders for one wait, then silence")
    license_unknown_after_seconds: int = Field(
        default=3600, description="how long look-ups are retried before staff see 'unknown' (A13)"
    )
    activation_link_days: int = Field(default=7, description="life of a counselor's activation link (A28)")
    status_link_days: int = Field(default=400, description="life of an e-mailed status link")

    @field_serializer("pass_mark")
    def _exact(self, value: Decimal) -> str:
        return str(value)


def local_date(policy: Policy, now: datetime) -> date:
    """The exchange's date at an instant: windows, licences and certificates are measured in it."""
    return now.astimezone(timezone(timedelta(hours=policy.utc_offset_hours))).date()
