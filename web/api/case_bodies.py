"""The bodies of the API's commands about a case, and of what it is asked."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.shared.cases.authority import SuspensionKind
from domain.shared.cases.authors import ProofMethod, WordMethod
from domain.shared.cases.commands import Wording
from domain.shared.cases.corrections import CorrectionForm
from domain.shared.cases.notices import Notice
from domain.shared.documents.texts import LONGEST_DOCUMENT, OptionalText, Text
from domain.shared.programs import STATE_PROGRAM
from domain.state.eligibility import CheckSource, Verdict
from web.api.bodies import StrictBody

MOST_ASKED = 30
FieldName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class ReasonBody(StrictBody):
    """Why a command is given."""

    reason: Text


class ToldBody(ReasonBody):
    """A reason in English, which the assister is told.

    ``told`` is the reason in the assister's language, where that is another: they are told that. Without it they are
    told the reason, marked as written in English.
    """

    told: OptionalText | None = None

    @property
    def wording(self) -> Wording:
        """How the assister is told the reason."""
        return Wording(self.told)


class DecisionBody(ToldBody):
    """A staff decision; a question may name the fields of the request that it is about (A12).

    ``told`` is the reason of a denial, or the question, in the assister's language; see `ToldBody`.
    """

    decision: Verdict
    override: OptionalText | None = None
    fields: Annotated[tuple[FieldName, ...], Field(max_length=MOST_ASKED)] = ()


class WithdrawalBody(ToldBody):
    """Why a case is withdrawn; at the assister's wish, how staff have it (D6)."""

    method: WordMethod | None = None


class IdentityBody(StrictBody):
    """How staff have seen whose the NPN of a case is (D2)."""

    method: ProofMethod
    document: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_DOCUMENT)]
    reason: Text


class ReorderBody(StrictBody):
    """Why a background check is ordered anew; and how the assister agreed, where not by their request."""

    reason: Text
    consent: Text | None = None


class RepeatBody(StrictBody):
    """Why checks are made again, and who is asked; everyone there is where ``source`` is null."""

    reason: Text
    source: CheckSource | None = None


class CorrectionBody(CorrectionForm):
    """The corrected name, what staff have seen of it, and why it is corrected (E11)."""

    reason: Text


class SuspendBody(ToldBody):
    """What is suspended, why, and until which day; without one until the policy's last (E4).

    What is ordered at once counts while it is appealed, too, whatever the policy says (E7).
    """

    kind: SuspensionKind = SuspensionKind.AGREEMENT
    until: date | None = None
    at_once: bool = False


class LiftBody(ToldBody):
    """Why a suspension is lifted: the one named, else each that staff ordered; or a termination taken back (E4)."""

    suspension_id: Annotated[str, StringConstraints(max_length=200)] | None = None
    termination: bool = False


class TerminateBody(ToldBody):
    """Why an authority is terminated: after the policy's days of notice, or at once (E4)."""

    at_once: bool = False


class ResendBody(StrictBody):
    """Which notice to send again, and why."""

    notice: Notice
    reason: Text


class BeginBody(StrictBody):
    """Which plan year's case to open for a returning assister (A11)."""

    plan_year: Annotated[int, Field(strict=True)]
    program: str = STATE_PROGRAM


class ApplicantBody(StrictBody):
    """Whom the portal asks about."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
    certificate_number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] | None = None
