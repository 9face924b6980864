"""Keeps the rules that cases begin with, by the hash of what they say (E12)."""

from datetime import datetime

from sqlalchemy.orm import Session

from db.house_tables import KeptRules
from domain.programs.kept_rules import describe_rules, hash_rules
from domain.shared.policy import ProgramPolicy


def keep_rules(session: Session, policy: ProgramPolicy, now: datetime) -> str:
    """The hash of a policy's rules, which are kept from now on; once, however many cases have them."""
    rules = describe_rules(policy)
    rules_hash = hash_rules(rules)
    if session.get(KeptRules, rules_hash) is None:
        session.add(
            KeptRules(
                rules_hash=rules_hash, program=policy.program, plan_year=policy.plan_year, rules=rules, kept_at=now
            )
        )
        # Of two who keep the same rules at once, the second fails here by the key, and is done again.
        session.flush()
    return rules_hash
