"""Who takes a step that is an assister's own: they themselves, a sender, or staff who say by whose word (D6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import ASSISTER, is_sender_actor
from domain.shared.stored import StoredData


class ProofMethod(StrEnum):
    """How staff have seen what proves something: whose an NPN is, or what somebody's name is."""

    PAPER = "paper"
    IN_PERSON = "in_person"
    OTHER = "other"


class WordMethod(StrEnum):
    """How staff have the word of the assister for whom they do something; a voice on the phone proves no more."""

    PAPER = "paper"
    IN_PERSON = "in_person"
    PHONE = "phone"
    OTHER = "other"


class OnBehalf(StoredData):
    """How staff have the word of the assister whose step they take, and why they take it (D6)."""

    method: WordMethod
    reason: str

    def list_details(self) -> dict[str, str]:
        """What the audit says of it besides the reason."""
        return {"method": self.method.value}


@dataclass(frozen=True)
class StepAuthor:
    """Who takes a step that is the assister's own: they themselves, a sender, or staff on their behalf (D6).

    ``actor`` is whom the audit names, ``portal_pass`` the id of the pass by which a sender acts. Raises `Invalid`
    naming ``method`` and ``reason`` where staff don't say them; nobody else does.
    """

    actor: str = ASSISTER
    on_behalf: OnBehalf | None = None
    portal_pass: str | None = None

    def __post_init__(self) -> None:
        """Nobody of staff takes such a step without a word for it, and no sender without a pass, whichever way."""
        if is_sender_actor(self.actor) and self.portal_pass is None:
            raise ValueError("A sender takes a step of an assister's by a pass of theirs alone.")
        if self.on_behalf is not None and (is_sender_actor(self.actor) or self.actor == ASSISTER):
            raise ValueError("Staff alone say by whose word they take a step of an assister's.")
        if self.on_behalf is None and self.actor != ASSISTER and not is_sender_actor(self.actor):
            raise Invalid(find_word_faults(self.actor, {}))

    @property
    def reason(self) -> str | None:
        """Why it is done for the assister; None where they do it themselves."""
        return self.on_behalf.reason if self.on_behalf else None

    def list_details(self) -> dict[str, str]:
        """What the audit says of who took the step, besides actor and reason."""
        shown = {"portal_pass": self.portal_pass} if self.portal_pass else {}
        return shown | (self.on_behalf.list_details() if self.on_behalf else {})


THE_ASSISTER = StepAuthor()


def find_word_faults(actor: str, given: Mapping[str, Any]) -> list[Fault]:
    """Which of `method` and `reason` this actor must say and doesn't, or says without being staff."""
    if actor == ASSISTER or is_sender_actor(actor):
        return [Fault(name, "unknown_field") for name in ("method", "reason") if given.get(name) is not None]
    return [Fault(name, "required") for name in ("method", "reason") if given.get(name) is None]
