"""The agreements with the Marketplace as one registration reads and accepts them (B16)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.case_state import load_snapshot
from db.writes.federal.steps import RecordedStep, lock_open_registration, record_step, require_step
from domain.federal.agreements import find_marketplace_agreement
from domain.federal.facts import AgreementData
from domain.federal.markets import MarketplaceAgreement
from domain.federal.steps import find_acceptance_refusal, find_opening_refusal
from domain.shared.agreements import Agreement
from domain.shared.cases.authors import StepAuthor
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.documents.faults import Fault, Invalid


def open_marketplace_agreement(
    session: Session, case_id: str, name: MarketplaceAgreement, language: str, author: StepAuthor, now: datetime
) -> Agreement:
    """Records that the text in force was opened, and answers it (B16). Raises `Refusal` where it doesn't apply."""
    text = find_marketplace_agreement(name, language)
    case, state = lock_open_registration(session, case_id)
    require_step(find_opening_refusal(state, name))
    data = AgreementData(agreement=name, version=text.version, language=text.language, sha256=text.sha256)
    if _find_opened(session, case_id, name, None) != data:  # the text that was opened last counts
        fact_id = f"{case_id}:opened:{name}:{text.version}:{text.language}:{state.facts}"
        fact = Fact(id=fact_id, kind=FactKind.AGREEMENT_OPENED, at=now, data=data.to_json())
        record_step(session, case, fact, author, "agreement.opened", now, **fact.data)
    return text


def accept_marketplace_agreement(
    session: Session,
    case_id: str,
    name: MarketplaceAgreement,
    sha256: str | None,
    author: StepAuthor,
    now: datetime,
) -> RecordedStep:
    """Accepts the text that was opened last, by "I Agree" (B16).

    ``sha256`` is the hash of the text the reader had before them, where it is known. Raises `Refusal` when it was not
    opened, or before profile and training are complete; `Invalid` for another text's hash.
    """
    case, state = lock_open_registration(session, case_id)
    require_step(find_acceptance_refusal(state, name))
    opened = _find_opened(session, case_id, name, sha256)
    if opened is None:
        raise Invalid([Fault("sha256", "another_text")])
    fact_id = f"{case_id}:accepted:{name}:{opened.version}"
    fact = Fact(id=fact_id, kind=FactKind.AGREEMENT_ACCEPTED, at=now, data=opened.to_json())
    return record_step(session, case, fact, author, "agreement.accepted", now, **fact.data)


def _find_opened(
    session: Session, case_id: str, name: MarketplaceAgreement, sha256: str | None
) -> AgreementData | None:
    """Of the texts opened in the version in force, the last one, or the one with this hash."""
    version = find_marketplace_agreement(name, "en").version
    opened = [fact for fact in load_snapshot(session, case_id).facts if fact.kind is FactKind.AGREEMENT_OPENED]
    texts = [fact.read_as(AgreementData) for fact in sorted(opened, key=lambda fact: fact.at)]
    found = [text for text in texts if (text.agreement, text.version) == (name, version)]
    return next((text for text in reversed(found) if sha256 in (None, text.sha256)), None)
