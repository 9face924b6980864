"""Requests of either program, and the rules by which each opens its cases."""

from collections.abc import Mapping
from typing import Any

from domain.federal.opening import FederalOpening
from domain.federal.profile import RegistrationRequest, parse_registration
from domain.shared.cases.opening import OpeningRules
from domain.shared.programs import FEDERAL_PROGRAM
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
