"""What of a policy a case keeps from its first moment on: the rules, found again by the hash of what they say (E12).

The only place that says what is a rule. Everything in a policy is one but what `AT_ONCE` names, which the newest file
is right about for every case: whom to ask, where to look, what forms suggest, how licences are watched, until when
staff look at what waits, when offices are closed. What the file of a case's first day didn't have yet is no rule of
that case either, and is as the newest file has it; but for `ONLY_IF_KEPT`, which such a case has not.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from domain.shared.policy import ProgramPolicy

AT_ONCE = frozenset(
    {
        *("contacts", "resources", "referrals", "links", "help_desk"),
        *("closed_days", "report_agency", "license_watch", "review_target", "for_trying_only"),
        *("npn_lookup", "elsewhere", "insurers"),
    }
)


# Who began without it is never put under it by a file that came later (A18).
ONLY_IF_KEPT = frozenset({"training_deadline"})


def is_rule(field: str) -> bool:
    """Whether a field of a policy is kept by the cases that began with it."""
    return field not in AT_ONCE


def describe_rules(policy: ProgramPolicy) -> dict[str, Any]:
    """The rules of a policy as a document of JSON, with its program and plan year."""
    return policy.model_dump(mode="json", exclude=set(AT_ONCE))


def hash_rules(document: Mapping[str, Any]) -> str:
    """The hexadecimal SHA-256 of rules, whatever the order of their fields."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
