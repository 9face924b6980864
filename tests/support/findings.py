"""What the checks of a request have found so far."""

from typing import Any


def is_everything_known(status: dict[str, Any]) -> bool:
    """Whether every check of a case has its result: a registry that was slow to answer is asked again, and until then
    nobody approves."""
    return all(one["result"] != "unknown" for one in (status["eligibility"] or {}).get("findings", ()))
