"""The agreement with the exchange, and the record that it was accepted (A3)."""

from collections.abc import Mapping
from datetime import datetime

from domain.shared.agreements import Agreement
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.programs import STATE_PROGRAM
from domain.state.facts import AgreementAcceptedData

AGREEMENT_NAME = "participation"
# In force in this process, by program and language; read from files at start (E12).
AGREEMENTS: dict[tuple[str, str], Agreement] = {}


def use_agreements(texts: Mapping[tuple[str, str], Agreement]) -> None:
    """Puts the exchange's agreement in force, of texts by name and language, in the place of the one there was."""
    AGREEMENTS.clear()
    AGREEMENTS.update({(text.program, language): text for (_, language), text in texts.items()})


def find_agreement(program: str, language: str) -> Agreement:
    """The agreement in force, in "en" or "es"; KeyError for a program or language without one."""
    return AGREEMENTS[program, language]


def build_acceptance_fact(case_id: str, language: str, at: datetime, source: str, **more: str) -> Fact:
    """The fact that the agreement in force was accepted: version, language and hash of its text, time and source."""
    text = find_agreement(STATE_PROGRAM, language)
    accepted = AgreementAcceptedData(
        version=text.version, language=text.language, sha256=text.sha256, source=source, **more
    )
    return Fact(id=f"{case_id}:agreement", kind=FactKind.AGREEMENT_ACCEPTED, at=at, data=accepted.to_json())
