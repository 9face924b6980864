"""Who sends a request for somebody else, and what they vouch for: the e-mail address, or with a proof the NPN too (D2).

The public's forms need nobody: there a code has confirmed the address.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from domain.shared.cases.authors import ProofMethod
from domain.shared.documents.faults import Invalid, list_faults
from domain.shared.documents.fields import Line, StrictForm

PROOF = "proof"


class ShownProof(StrictForm):
    """What staff have seen, who vouch that an NPN is the applicant's: `{method, document}`."""

    method: ProofMethod
    document: Line


class _Vouched(BaseModel):
    proof: ShownProof | None = None


@dataclass(frozen=True)
class Voucher:
    """Who vouches for a request they send: the ``actor`` whom the audit names, and the proof they have seen, if any."""

    actor: str
    proof: ShownProof | None = None


def split_proof(document: object) -> tuple[object, Mapping[str, Any]]:
    """A request (parsed JSON) without its proof, and what `read_proof` reads: the proof alone."""
    if not isinstance(document, Mapping) or PROOF not in document:
        return document, {}
    return {name: value for name, value in document.items() if name != PROOF}, {PROOF: document[PROOF]}


def read_proof(part: Mapping[str, Any]) -> ShownProof | None:
    """The proof of a request, if there is one. Raises `Invalid` with every fault named."""
    try:
        return _Vouched.model_validate(part).proof
    except ValidationError as error:
        raise Invalid(list_faults(error)) from None
