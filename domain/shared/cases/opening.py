"""What a program has to say before a case is opened: who asks, whether they may, and what the case begins with."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from domain.shared.applicant import Applicant
from domain.shared.assister import AssisterHistory, AssisterType, Identity
from domain.shared.cases.facts import Fact, FactData, FactKind
from domain.shared.cases.reasons import Reason
from domain.shared.documents.faults import Fault
from domain.shared.policy import ProgramPolicy

APPLICANT, FORM, STAFF = "applicant", "form", "staff"
Requested = TypeVar("Requested")
Stored = TypeVar("Stored", bound=Applicant)
Rules = TypeVar("Rules", bound=ProgramPolicy)


class IdentityMatch(StrEnum):
    """Whether who asks is the person found: the same; opened, and for staff to look at; or turned away (A10, B3)."""

    SAME = "same"
    DOUBTFUL = "doubtful"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Origin:
    """By whom a case is opened, from where (a form, or staff) and when.

    ``shown`` are the languages in which texts were shown that come with the request, by the texts' names, where they
    aren't the request's own.
    """

    actor: str
    source: str
    at: datetime
    shown: Mapping[str, str] = field(default_factory=dict)


class RequestedData(FactData):
    """Where the request came from: a form, or staff."""

    opened_by: str


@dataclass(frozen=True)
class Accounts:
    """What the person has already, so that the case needn't set it up (A9, A11)."""

    has_lms_account: bool = False
    has_portal_account: bool = False
    has_portal_profile: bool = False
    has_scheduling_tool: bool = False


@dataclass(frozen=True)
class NewCase:
    """A case as its program opens it: ``request`` is what is stored of what was asked for, ``facts`` come with it."""

    case_id: str
    policy: ProgramPolicy
    kind: str
    assister_type: AssisterType
    accounts: Accounts
    request: dict[str, Any]
    facts: tuple[Fact, ...]


class OpeningRules(ABC, Generic[Requested, Stored, Rules]):
    """One program's rules of opening a case; ``Requested`` is its parsed request, ``Stored`` what is read of
    a stored one (its class is ``stored``), ``Rules`` its policy.

    ``kind_field`` is the field of the request that is the case's kind, ``form`` are the fields its form asks for.
    ``email_is_account``: an e-mail address stands for its owner's account even where another NPN is given (B3).
    ``conflict`` is the flag of a case whose owner's identity somebody else gave, ``conflict_reason`` the audit's words.
    """

    program: ClassVar[str]
    stored: type[Stored]
    kind_field: ClassVar[str]
    form: ClassVar[frozenset[str]]
    email_is_account: ClassVar[bool]
    conflict: ClassVar[str]
    conflict_reason: ClassVar[Reason]

    @abstractmethod
    def find_policy(self, plan_year: int) -> Rules | None:
        """The policy in force, if there is one for this year."""

    @abstractmethod
    def identify_applicant(self, request: Requested) -> Identity:
        """Who asks."""

    @abstractmethod
    def describe_request(self, request: Requested) -> dict[str, Any]:
        """The request as it is stored."""

    @abstractmethod
    def match_identity(self, asking: Identity, known: Identity | None, running: Identity | None) -> IdentityMatch:
        """Whether who asks is the person found by their keys.

        ``running`` is who asked for their case of this year, where one is open.
        """

    @abstractmethod
    def name_conflict(self, has_account: bool) -> Reason:
        """Why somebody is turned away; ``has_account``: in this program."""

    @abstractmethod
    def classify_assister(self, history: AssisterHistory, plan_year: int) -> AssisterType:
        """New, returning or lapsed, by the years before this one."""

    @abstractmethod
    def find_admission_faults(
        self, request: Requested, policy: Rules, assister_type: AssisterType, today: date
    ) -> list[Fault]:
        """What keeps a well-formed request out."""

    @abstractmethod
    def find_begin_refusal(self, known: Collection[str], history: AssisterHistory, plan_year: int) -> Reason | None:
        """Why staff can't open this person's case without a form; ``known`` are the names of the fields known."""

    @abstractmethod
    def draft_request(self, known: Mapping[str, Any], plan_year: int) -> dict[str, Any]:
        """The request of a case opened without a form, from what is known of the person."""

    @abstractmethod
    def describe_accounts(self, history: AssisterHistory, assister_type: AssisterType) -> Accounts:
        """Which accounts the case finds."""

    @abstractmethod
    def list_first_facts(
        self, case_id: str, request: Stored, assister_type: AssisterType, origin: Origin
    ) -> list[Fact]:
        """What happens with the opening, besides that the case was requested."""

    def plan_case(
        self, case_id: str, request: dict[str, Any], policy: Rules, history: AssisterHistory, origin: Origin
    ) -> NewCase:
        """The case, as it is to be stored."""
        stored, assister_type = self.stored.model_validate(request), self.classify_assister(history, policy.plan_year)
        source = RequestedData(opened_by=origin.source).to_json()
        requested = Fact(id=f"{case_id}:requested", kind=FactKind.REQUESTED, at=origin.at, data=source)
        return NewCase(
            case_id=case_id,
            policy=policy,
            kind=request[self.kind_field],
            assister_type=assister_type,
            accounts=self.describe_accounts(history, assister_type),
            request=request,
            facts=(requested, *self.list_first_facts(case_id, stored, assister_type, origin)),
        )


def merge_details(details: Mapping[str, Any], request: Mapping[str, Any], form: Collection[str]) -> dict[str, Any]:
    """What is kept of a person once a form was filled in: its fields, and earlier ones that only other forms ask."""
    return {name: value for name, value in details.items() if name not in form} | dict(request)
