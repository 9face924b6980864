"""xAPI statements as learning management systems report them: who did what, with which result."""

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox.store import Document
from sandbox.timestamps import format_now

VERBS = "http://adlnet.gov/expapi/verbs/"


def build_statement(place: Document, verb: str, activity: str, result: Document | None = None) -> Document:
    """A statement of now about the learner of this place; the scores of `result` are decimals."""
    return {
        "id": str(uuid4()),
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": place["home_page"], "name": place["assister_id"]},
        },
        "verb": {"id": f"{VERBS}{verb}", "display": {"en-US": verb}},
        "object": {"objectType": "Activity", "id": activity},
        **({"result": result} if result else {}),
        "context": {"registration": place["registration"], "language": place["language"]},
        "timestamp": format_now(),
    }


def read_verb(statement: Document) -> str:
    """The verb's short name, such as `completed`."""
    verb: str = statement["verb"]["display"]["en-US"]
    return verb


def write_exact_json(value: Any) -> str:
    """JSON in which a decimal is a number with exactly its digits.

    As a float, a score of 0.79999999999999999999 would arrive as 0.8, and somebody who failed would have passed.
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{write_exact_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write_exact_json(item) for item in value) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)
