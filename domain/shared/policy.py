"""Policies: each program's rules, as versioned, dated data. A case keeps the one it began with."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Annotated, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.shared.cases.notices import Topic
from domain.shared.documents.faults import Fault

LANGUAGES = ("en", "es")


class PolicyData(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def check_languages(label: dict[str, str]) -> dict[str, str]:
    if missing := [language for language in LANGUAGES if not label.get(language)]:
        raise ValueError(f"say it in {' and '.join(LANGUAGES)}; {' and '.join(missing)} is missing")
    return label


Label = Annotated[dict[str, str], AfterValidator(check_languages)]


Address = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
# Of one page in each language.
Addresses = Annotated[dict[str, Address], AfterValidator(check_languages)]


class Contact(PolicyData):
    """Whom to ask about one topic; ``label`` per language (A31)."""

    label: Label
    phone: str | None = None
    email: str | None = None


class Contacts(PolicyData):
    """Whom to ask, by topic (A31)."""

    general: Contact
    portals: Contact
    training: Contact


class Link(PolicyData):
    """A page worth reading; ``label`` per language (A32)."""

    label: Label
    url: Address
    urls: dict[str, Address] = Field(
        default={},
        exclude_if=lambda urls: not urls,
        description="where the page is in a language, if that is an address of its own",
    )

    def find_url(self, language: str) -> str:
        """Where the page is in a language."""
        return self.urls.get(language, self.url)


class LocalLink(PolicyData):
    """A page that is there in each language; ``label`` and ``url`` per language."""

    label: Label
    url: Addresses


class DayKind(StrEnum):
    """How days are counted."""

    CALENDAR = "calendar"
    BUSINESS = "business"


class Meanwhile(StrEnum):
    """What somebody may do while their appeal against a suspension is under way."""

    AS_BEFORE = "as_before"
    NOTHING = "nothing"


class MeanwhileRules(PolicyData):
    """What an appellant may do while an appeal against a suspension is under way, by what was suspended (E7).

    A suspension that was ordered at once stands all the same. An appeal against what ended a case gives nothing new.
    """

    agreement: Meanwhile = Field(
        default=Meanwhile.AS_BEFORE, description="of the agreement: the suspension waits, its clock too; or it stands"
    )
    system: Meanwhile = Field(default=Meanwhile.NOTHING, description="the same, of the access to systems")


class AppealPhase(PolicyData):
    """One look at an appeal: who takes it, per language, and within how many days it is answered."""

    label: Label
    answer_within: Annotated[int, Field(ge=1, le=366)]


class AppealRules(PolicyData):
    """Appeals against what staff decided: a denial, a revocation, a termination or a suspension (E5–E7)."""

    file_within: int = Field(ge=1, le=366, description="days in which an appeal may be filed")
    days: DayKind = Field(default=DayKind.CALENDAR, description="how these days and those of the answers are counted")
    receipt_presumed_after: int = Field(
        default=0, ge=0, le=30, description="calendar days after which a notice counts as received"
    )
    phases: tuple[AppealPhase, ...] = Field(
        min_length=1, max_length=2, description="an appeal that is upheld in the first goes on to the second by itself"
    )
    meanwhile: MeanwhileRules = MeanwhileRules()


def _check_day(day: date) -> date:
    if day.year >= 3000:
        raise ValueError("no calendar reckons with this day; leave it out where there is no such limit")
    return day


# Clocks count on from it for years: 9999-12-31 for "never" is a day after which no day is.
PolicyDay = Annotated[date, AfterValidator(_check_day)]


class Windows(PolicyData):
    """When a plan year's certification is open. An absent date means there is no such limit (C6)."""

    opens_on: PolicyDay | None = None
    closes_on: PolicyDay | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.opens_on and self.closes_on and self.closes_on < self.opens_on:
            raise ValueError("closes_on is before opens_on; correct one of them")
        return self

    def is_open_on(self, today: date) -> bool:
        """Whether a day lies in the window."""
        return (self.opens_on is None or self.opens_on <= today) and (self.closes_on is None or today <= self.closes_on)

    def find_closing_time(self, zone: tzinfo) -> datetime | None:
        """The first instant after the last day, in UTC."""
        if self.closes_on is None:
            return None
        return find_day_end(self.closes_on, zone)


class LicenseWatch(PolicyData):
    """How the licences of the certified are watched (E1)."""

    every_days: int = Field(default=30, ge=1, le=366, description="days between look-ups of a license that is good")
    lapsed_every_days: int = Field(default=7, ge=1, le=366, description="and of one that has lapsed")
    calls_a_day: int = Field(
        default=5000, ge=0, description="look-ups a day at most, for they are billed; the rest is the next day's"
    )
    remind_days_before: tuple[Annotated[int, Field(ge=1, le=366)], ...] = Field(
        default=(60, 30, 7), description="days before a license's last one at which a letter reminds of it"
    )


class ReviewTarget(PolicyData):
    """Within how many days staff mean to have looked at what waits for them; nothing else follows from it."""

    days: int = Field(default=5, ge=1, le=366, description="after the day since when it waits")
    counted: DayKind = Field(default=DayKind.BUSINESS, description="how these days are counted")
    assigned_minutes: int = Field(
        default=30, ge=1, le=1440, description="for so long who has opened a case is shown to others as having it"
    )


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError('name a time zone such as "America/Denver"') from None
    return name


class SuspensionRules(PolicyData):
    """For how long the authority to assist may be suspended, and how a termination is announced; in calendar days (E4).

    What has no bound in days lasts until it is lifted, or its cause is gone.
    """

    agreement_days_at_most: int | None = Field(
        default=90, ge=1, le=3660, description="after the date of the notice, of a suspension of the agreement by staff"
    )
    system_days_at_most: int | None = Field(
        default=None, ge=1, le=3660, description="the same of the access to systems; none means that it has no term"
    )
    rebuttal_answer_days: int = Field(
        default=45, ge=1, le=3660, description="within which a rebuttal of what staff have ordered is answered"
    )
    termination_notice_days: int = Field(
        default=30, ge=1, le=3660, description="from the notice of a termination to the last day, unless it is at once"
    )


TimeZone = Annotated[str, AfterValidator(_check_zone)]


class ProgramPolicy(PolicyData):
    """What the rules of every program say, for one plan year."""

    program: str
    plan_year: int
    version: int = Field(default=1, ge=1, description="of these rules, counted from 1")
    carried_over_from: int | None = Field(
        default=None, description="the year whose rules these are, where none were published"
    )
    for_trying_only: bool = Field(
        default=False,
        exclude=True,
        description="a plan year that is past: the embedded stack alone offers it, and there it has no window (E13)",
    )
    contacts: Contacts
    windows: Windows
    time_zone: TimeZone | None = Field(default=None, description="whose date it is; none means the fixed offset")
    utc_offset_hours: int = Field(
        default=-7, gt=-24, lt=24, description="offset of the exchange's midnight from UTC, for dates only"
    )
    suspension: SuspensionRules = SuspensionRules()
    reminder_every_days: int = Field(
        default=14, ge=1, description="days between gentle reminders; they never expire a case (A18)"
    )
    reminders_at_most: int = Field(default=12, ge=0, description="reminders for one wait, then silence")
    license_watch: LicenseWatch = Field(
        default=LicenseWatch(),
        exclude=True,
        description="how the licenses of the certified are watched, of every case (E1)",
    )
    review_target: ReviewTarget = Field(
        default=ReviewTarget(), exclude=True, description="until when staff look at what waits for them, of every case"
    )
    npn_lookup: Link | None = Field(
        default=None, exclude=True, description="where one looks up the own NPN, led to from forms that ask for it"
    )
    status_link_days: int = Field(
        default=400, ge=1, description="life of the status links of before; no letter has one any more"
    )
    appeal: AppealRules | None = Field(default=None, description="appeals; none means that there are no appeals (E5)")


Rules = TypeVar("Rules", bound=ProgramPolicy)


def find_plan_year_end(plan_year: int) -> date:
    """The last day of a plan year, which is a calendar year."""
    return date(plan_year, 12, 31)


def find_day_end(day: date, zone: tzinfo) -> datetime:
    """The first instant after a day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def find_local_date(policy: ProgramPolicy, now: datetime) -> date:
    """The program's date at an instant: windows, licences, certificates and business days are measured in it."""
    return now.astimezone(find_time_zone(policy)).date()


def find_window_faults(policy: ProgramPolicy, today: date) -> list[Fault]:
    """What is wrong with a request for this plan year on a day: its window is not open yet, or closed (C6)."""
    if policy.windows.opens_on and today < policy.windows.opens_on:
        return [Fault("plan_year", "window_not_open")]
    if policy.windows.closes_on and today > policy.windows.closes_on:
        return [Fault("plan_year", "window_closed")]
    return []


def list_open_policies(policies: Iterable[Rules], now: datetime) -> list[Rules]:
    """Of one program's policies those whose window is open, newest first."""
    newest = sorted(policies, key=lambda policy: -policy.plan_year)
    return [policy for policy in newest if policy.windows.is_open_on(find_local_date(policy, now))]


def find_current_policy(policies: Collection[Rules], now: datetime) -> Rules:
    """The newest of one program's policies that is open; where none is, the newest of all."""
    return next(iter(list_open_policies(policies, now)), max(policies, key=lambda policy: policy.plan_year))


def choose_policy(policies: Collection[Rules], plan_year: str | None, now: datetime) -> tuple[Rules, list[Fault]]:
    """The policy of the plan year asked for; the current one, and why, where that isn't open."""
    current = find_current_policy(policies, now)
    if plan_year is None:
        return current, []
    asked = next((policy for policy in policies if str(policy.plan_year) == plan_year), None)
    if asked is None:
        return current, [Fault("plan_year", "no_policy")]
    faults = find_window_faults(asked, find_local_date(asked, now))
    return (current, faults) if faults else (asked, [])


def describe_contact(policy: ProgramPolicy, topic: Topic, language: str) -> dict[str, str | None]:
    """The one contact that a page or letter of this topic shows (A31): `{label, phone, email}`."""
    contact: Contact = getattr(policy.contacts, topic)
    return {"label": contact.label[language], "phone": contact.phone, "email": contact.email}


def describe_npn_lookup(policy: ProgramPolicy, language: str) -> dict[str, str] | None:
    """Where one looks up the own NPN, as forms show it: `{label, url}`; None where the policy doesn't say."""
    link = policy.npn_lookup
    return {"label": link.label[language], "url": link.url} if link else None


def find_time_zone(policy: ProgramPolicy) -> tzinfo:
    """The time zone of the program's dates."""
    return ZoneInfo(policy.time_zone) if policy.time_zone else timezone(timedelta(hours=policy.utc_offset_hours))
