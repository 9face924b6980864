"""The agreement with the exchange and the consent to a background check: their texts, what is kept (A3, A14)."""

from collections.abc import Mapping
from datetime import datetime

from domain.shared.agreements import Agreement
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.programs import STATE_PROGRAM
from domain.state.facts import AgreementAcceptedData, BackgroundConsentedData

AGREEMENT_NAME, CONSENT_NAME = "participation", "background_check"
# In force in this process, the agreement by program and language, the consent by language; read from files at start
# (E12).
AGREEMENTS: dict[tuple[str, str], Agreement] = {}
CONSENT_TEXTS: dict[str, Agreement] = {}


def use_agreements(texts: Mapping[tuple[str, str], Agreement]) -> None:
    """Puts the exchange's texts in force, by name and language, in the place of those there were."""
    AGREEMENTS.clear()
    AGREEMENTS.update(
        {(text.program, language): text for (name, language), text in texts.items() if name == AGREEMENT_NAME}
    )
    CONSENT_TEXTS.clear()
    CONSENT_TEXTS.update({language: text for (name, language), text in texts.items() if name == CONSENT_NAME})


def find_agreement(program: str, language: str) -> Agreement:
    """The agreement in force, in "en" or "es"; KeyError for a program or language without one."""
    return AGREEMENTS[program, language]


def find_consent_text(language: str) -> Agreement:
    """What is consented to with a background check: who makes it, what is searched, how long it is kept (A14)."""
    return CONSENT_TEXTS[language]


def build_acceptance_fact(case_id: str, language: str, at: datetime, source: str, **more: str) -> Fact:
    """The fact that the agreement in force was accepted: version, language and hash of its text, time and source."""
    text = find_agreement(STATE_PROGRAM, language)
    accepted = AgreementAcceptedData(
        version=text.version, language=text.language, sha256=text.sha256, source=source, **more
    )
    return Fact(id=f"{case_id}:agreement", kind=FactKind.AGREEMENT_ACCEPTED, at=at, data=accepted.to_json())


def describe_consent(language: str, source: str, **more: str) -> BackgroundConsentedData:
    """What is kept of a consent to a background check: version, language and hash of the text in force, and where."""
    text = find_consent_text(language)
    return BackgroundConsentedData(
        version=text.version, language=text.language, sha256=text.sha256, source=source, **more
    )


def build_consent_fact(case_id: str, language: str, at: datetime, source: str) -> Fact:
    """The fact that somebody consented with their request."""
    data = describe_consent(language, source).to_json()
    return Fact(id=f"{case_id}:consent", kind=FactKind.BACKGROUND_CONSENTED, at=at, data=data)
