"""The way from a case of one's own to its appeal, in either program: whether there is one, or one can be filed."""

from collections.abc import Sequence
from typing import Any

from domain.shared.cases.appeals import Appeal
from domain.shared.links import OWN_CASE_PATH
from web.http.addresses import build_query
from web.services import Services

OWN_APPEAL_PATH = f"{OWN_CASE_PATH}/appeal"


async def describe_appeal_way(
    services: Services, case_id: str, appeals: Sequence[Appeal], language: str
) -> dict[str, Any] | None:
    """Where an appeal is seen or filed: {url, last_day, is_open}; None where there is nothing to appeal against."""
    offer = await services.appeals.find_offer(case_id)
    can_file = offer is not None and offer.refusal is None
    if not (appeals or can_file):
        return None
    url = f"{OWN_APPEAL_PATH.format(reference=case_id)}{build_query(lang=language)}"
    return {
        "url": url,
        "last_day": offer.last_day if offer and can_file else None,
        "is_open": any(one.is_open for one in appeals),
    }
