"""What is due for every case at one instant is spread, the same for a case each time."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from domain.shared.ids import make_case_id
from domain.shared.spreading import MOST, spread_moment

AT = datetime(2027, 1, 1, 7, tzinfo=UTC)


def test_two_thousand_cases_are_spread_evenly_and_none_comes_early() -> None:
    found = sorted(spread_moment(AT, make_case_id()) - AT for _ in range(2000))
    assert found[0] >= timedelta()
    assert found[-1] < MOST
    minutes = [sum(timedelta(minutes=m) <= one < timedelta(minutes=m + 1) for one in found) for m in range(30)]
    # 67 a minute on average; that a minute has 120 happens once in a million million.
    assert max(minutes) < 120
    assert min(minutes) > 25


@given(st.text())
def test_a_case_has_one_moment(case_id: str) -> None:
    assert AT <= spread_moment(AT, case_id) == spread_moment(AT, case_id) < AT + MOST
