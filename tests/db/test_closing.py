"""A window closes for every case of a year at one instant; their workflows are told instants of their own after it."""

from datetime import timedelta

from db.writes.cases import claim_case
from domain.shared.cases.messages import Claim
from domain.shared.policy import find_time_zone
from domain.shared.spreading import MOST
from domain.state.policies import find_state_policy
from domain.state.policy import Policy
from tests.support import documents
from tests.support.office import KEY, NOW, office_over
from tests.support.opening import open_case
from tests.support.tables import give_rules


async def test_c6_cases_of_a_year_close_one_after_the_other_and_none_early(migrated_url: str) -> None:
    shipped = find_state_policy("bewellnm", 2024)
    assert shipped is not None
    closing = Policy.model_validate({**shipped.model_dump(mode="json"), "windows": {"closes_on": "2027-12-31"}})
    midnight = closing.windows.find_closing_time(find_time_zone(closing))
    assert midnight is not None
    async with office_over(migrated_url) as office:
        told = []
        for _ in range(40):
            opened = await open_case(office.database, KEY, documents.broker(), NOW)
            await office.database.write(give_rules, opened.case_id, closing)
            claim = Claim(case_id=opened.case_id, run_id="run", at=NOW)
            claimed = await office.database.write(claim_case, claim)
            assert (await office.database.write(claim_case, claim)).closes_at == claimed.closes_at
            assert claimed.closes_at is not None
            told.append(claimed.closes_at)
    assert min(told) >= midnight
    assert max(told) < midnight + MOST
    assert len(set(told)) == len(told)
    assert max(told) - min(told) > timedelta(minutes=15)
