"""Requests of either program, and the rules by which each opens its cases."""

from collections.abc import Mapping
from typing import Any

from domain.federal.opening import FederalOpening
from domain.federal.profile import RegistrationRequest, parse_registration
from domain.shared.cases.opening import OpeningRules
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.programs import FEDERAL_PROGRAM
from domain.shared.vouching import PROOF, ShownProof, read_proof, split_proof
from domain.state.opening import StateOpening
from domain.state.request import Request, parse_request

AnyRequest = Request | RegistrationRequest
OPENING_RULES: Mapping[str, OpeningRules[Any, Any, Any]] = {
    rules.program: rules for rules in (StateOpening(), FederalOpening())
}


def parse_any_request(document: object) -> AnyRequest:
    """The request in ``document`` (parsed JSON), of the program it names. Raises `Invalid` with every fault named."""
    is_federal = isinstance(document, Mapping) and document.get("program") == FEDERAL_PROGRAM
    return parse_registration(document) if is_federal else parse_request(document)


def parse_vouched_request(document: object) -> tuple[AnyRequest, ShownProof | None]:
    """A request that somebody else sends, and the proof of its NPN that stands in it, if any (D2).

    Raises `Invalid` with every fault of both named.
    """
    rest, part = split_proof(document)
    faults: list[Fault] = []
    try:
        proof = read_proof(part)
    except Invalid as invalid:
        faults.extend(invalid.faults)
    try:
        request = parse_any_request(rest)
    except Invalid as invalid:
        raise Invalid([*invalid.faults, *faults]) from None
    if faults:
        raise Invalid(faults)
    if proof is not None and OPENING_RULES[request.program].identify_applicant(request).npn is None:
        raise Invalid([Fault(PROOF, "unknown_field")])
    return request, proof
