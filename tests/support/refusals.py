"""What a rule has against a document, read as it arrives: as the bytes of JSON."""

import json
from collections.abc import Callable
from typing import Any

from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.parsing import read_json


def read_document(document: Any) -> Any:
    """A document as the door hands it to the rules."""
    return read_json(json.dumps(document).encode())


def list_faults(judge: Callable[[Any], object], document: Any) -> list[Fault]:
    """Everything a rule has against a document; nothing where it takes it."""
    try:
        judge(read_document(document))
    except Invalid as invalid:
        return list(invalid.faults)
    return []


def list_fields(judge: Callable[[Any], object], document: Any) -> list[str]:
    """The fields at fault, in alphabetical order."""
    return sorted(fault.field for fault in list_faults(judge, document))
