"""What findings are made on, as keyed digests: a finding counts for these inputs and no others (D5)."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from domain.shared.applicant import Applicant
from domain.shared.assister import Kind
from domain.shared.cases.stages import Stage
from domain.shared.documents.parsing import write_canonical
from domain.state.request import StoredRequest

# Before the decision that rests on it.
_CHECKED_IN = frozenset(
    {
        Stage.REQUESTED,
        Stage.SCREENING,
        Stage.AWAITING_BACKGROUND_CHECK,
        Stage.AWAITING_DECISION,
        Stage.AWAITING_INFORMATION,
    }
)


@dataclass(frozen=True)
class ChangedInputs:
    """Digests of the inputs that an answer changed, as they are after it; None of what it left as it was."""

    registry: str | None = None
    background_check: str | None = None


def digest_registry_inputs(identity_key: bytes, request: StoredRequest) -> str:
    """Whom and which licence the registry is asked about, in hex. Keyed, since an NPN could be tried out."""
    return _digest(identity_key, "registry", request.npn, request.first_name, request.last_name, request.license_number)


def digest_check_inputs(identity_key: bytes, who: Applicant) -> str:
    """On whom a background check is made, in hex: the name, and the e-mail address to which the vendor writes."""
    return _digest(identity_key, "background_check", who.first_name, who.last_name, who.email.lower())


def find_changed_inputs(identity_key: bytes, kind: Kind, before: StoredRequest, after: StoredRequest) -> ChangedInputs:
    """Of which findings an answer changes the inputs; agents and brokers have no background check (A14)."""
    if kind.is_licensed:
        old, new = (digest_registry_inputs(identity_key, one) for one in (before, after))
        return ChangedInputs(registry=new if new != old else None)
    old, new = (digest_check_inputs(identity_key, one) for one in (before, after))
    return ChangedInputs(background_check=new if new != old else None)


def is_being_checked(kind: Kind, stage: Stage) -> bool:
    """Whether a background check may still be made: what it is made on changes by an answer with consent alone."""
    return not kind.is_licensed and stage in _CHECKED_IN


def _digest(identity_key: bytes, about: str, *inputs: str | None) -> str:
    return hmac.new(identity_key, write_canonical([about, *inputs]).encode(), sha256).hexdigest()
