"""The exchange's rules for one plan year (A), as versioned, dated data."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, field_serializer

from domain.shared.assister import AssisterType, Kind
from domain.shared.documents.fields import STATES
from domain.shared.policy import Address, Label, Link, LocalLink, PolicyData, PolicyDay, ProgramPolicy


class LmsIds(PolicyData):
    """The IRIs by which the LMS reports: its home page, and one activity each (A19, A20)."""

    home_page: str
    account_id: str
    profile_id: str
    course_id: str
    exam_id: str


class Intake(PolicyData):
    """Whom the exchange takes in as *new* agents and brokers (A7): home state, or both addresses in these states."""

    kinds: tuple[Kind, ...]
    home_state: str
    neighbour_states: tuple[str, ...]

    def admits(self, kind: Kind, assister_type: AssisterType, physical: str | None, business: str | None) -> bool:
        """Whether these addresses (two-letter states) may come in; returning, lapsed and other kinds always may."""
        if assister_type is not AssisterType.NEW or kind not in self.kinds:
            return True
        return physical == self.home_state or {physical, business} <= set(self.neighbour_states)


class OtherExchange(PolicyData):
    """The exchange of another state, as it calls itself, and its site."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    url: Address


def _check_state(code: str) -> str:
    if code not in STATES:
        raise ValueError("name a state by its two letters, such as CA")
    return code


StateCode = Annotated[str, AfterValidator(_check_state)]
Insurer = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Elsewhere(PolicyData):
    """Where to ask who works from a state that the exchange takes nobody in from (A7)."""

    exchanges: dict[StateCode, OtherExchange] = Field(
        default={}, description="the exchanges that states run themselves, by the state's two letters"
    )
    otherwise: LocalLink = Field(description="what leads on from any other state")


class AdverseActionRules(PolicyData):
    """How long a denial that rests on a background report waits after its notice (E8)."""

    pre_notice_business_days: int = Field(
        default=5, ge=1, le=60, description="business days after the notice, before which nobody denies"
    )


class TrainingDeadline(PolicyData):
    """Until when course and exam are to be complete, and how long completing them still counts after that (E14)."""

    days: int = Field(ge=1, le=3660, description="for course and exam, from the day on which the approved may train")
    not_before: PolicyDay | None = Field(default=None, description="nobody's deadline is before this day")
    remind_days_before: tuple[Annotated[int, Field(ge=0, le=366)], ...] = Field(
        default=(30, 7, 1), description="days before a last day at which a letter tells of it"
    )
    reactivation_years: int = Field(
        default=2, ge=1, le=10, description="in which completing them reactivates, while the window is open"
    )


class ReportAgency(PolicyData):
    """Who makes the background reports, as its notices have to name it (E8)."""

    name: str
    address: str
    phone: str
    report_url: str = Field(pattern=r"^https?://\S+$", description="where one reads the own report, and disputes it")
    summary_of_rights: Label = Field(description="the rights under the law, which go with each notice")


class Policy(ProgramPolicy):
    """The exchange's rules for one plan year (A)."""

    pass_mark: Decimal = Field(gt=0, le=1, description="smallest passing score, 0 to 1 (A21)")
    lms: LmsIds
    resources: dict[Kind, tuple[Link, ...]]
    referrals: dict[str, tuple[str, ...]] = Field(description="where counselors refer people to, per language (A6)")
    intake: Intake
    elsewhere: Elsewhere | None = Field(
        default=None, exclude=True, description="where the form sends who can't be taken in (A7)"
    )
    insurers: Annotated[tuple[Insurer, ...], Field(max_length=200)] = Field(
        default=(), exclude=True, description="companies that the form suggests; others can be typed in (A2)"
    )
    home_state: str = Field(default="NM", description="whose licence is needed")
    license_unknown_after_seconds: int = Field(
        default=3600, ge=1, description="how long look-ups are retried before staff see 'unknown' (A13)"
    )
    training_deadline: TrainingDeadline | None = Field(
        default=None, description="until when the training is to be complete; none means that nothing lapses (A18, E14)"
    )
    adverse_action: AdverseActionRules = AdverseActionRules()
    report_agency: ReportAgency | None = Field(
        default=None, description="who makes the background reports; needed where counselors are certified (E8)"
    )
    activation_link_days: int = Field(default=7, ge=1, description="life of a counselor's activation link (A28)")

    @field_serializer("pass_mark")
    def _exact(self, value: Decimal) -> str:
        return str(value)
