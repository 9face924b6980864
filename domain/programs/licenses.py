"""The licence of somebody certified, judged by the rules of their program (E2)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from domain.federal.profile import StoredProfile, judge_marketplace_license
from domain.shared.licenses.watch import LicenseVerdict
from domain.shared.licensing import Producer
from domain.shared.policy import ProgramPolicy, find_local_date
from domain.state.eligibility import Check, judge_license
from domain.state.policy import Policy
from domain.state.request import StoredRequest


def judge_holder(
    policy: ProgramPolicy,
    request: Mapping[str, Any],
    producer: Producer | None,
    now: datetime,
    overridden: Collection[Check] = (),
) -> LicenseVerdict:
    """How the licence of a case's person stands, by the registry's answer about their NPN.

    ``request`` is the case's stored request or profile; ``overridden`` are the checks that staff approved over.
    """
    today = find_local_date(policy, now)
    if isinstance(policy, Policy):
        asked = StoredRequest.model_validate(request)
        names = asked.first_name, asked.last_name
        return judge_license(producer, *names, asked.license_number, today, policy.home_state, overridden)
    profile = StoredProfile.model_validate(request)
    return judge_marketplace_license(producer, profile.first_name, profile.last_name, today)
