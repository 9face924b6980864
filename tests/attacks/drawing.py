"""Values that are made up to break things, drawn by Hypothesis; no test."""

import copy
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Drawn = TypeVar("Drawn")

# What has broken systems before: texts that mean something to what is behind, times and numbers at the edge.
NASTY: tuple[str | int | float, ...] = (
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "\u202e12345",
        "１２３４５６",
        "-",
        "." * 300,
        "a" * 5_000,
        "9" * 400,
        "ı",
        "İ@example.com",
    ),
    *("' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://example.org/a}", "%n%s", "=1+1"),
    *("../../etc/passwd", "//example.org", "javascript:alert(1)", "a@example.com\r\nBcc: b@example.com", "%00", "\\"),
    *("2024-02-30", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2024-01-01T00:00:00.1234567890Z"),
    *(0, -1, 2**31, 2**63, 10**400, 1e308, -0.0, 0.1 + 0.2, "1e400", "NaN", "0x10", "1_000"),
)
TEXT: SearchStrategy[str] = st.sampled_from(NASTY).map(str) | st.text(max_size=40)
ANYTHING: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NASTY) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


def draw_some(strategy: SearchStrategy[Drawn], number: int, *, same: bool = True) -> list[Drawn]:
    """Some values of a strategy: at most this many, as many as it has; the same each time, or others."""
    drawn: list[Drawn] = []

    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        derandomize=same,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def keep(value: Drawn) -> None:
        drawn.append(value)

    keep()
    return drawn


@st.composite
def alter_documents(draw: DrawFn, samples: list[Any]) -> Any:
    """A sample in which something is missing, or is something else."""
    document = {"all": copy.deepcopy(draw(st.sampled_from(samples)))}
    for _ in range(draw(st.integers(1, 3))):
        within, key = draw(st.sampled_from(list(_list_places(document))))
        if draw(st.integers(0, 4)) == 0 and within is not document:
            del within[key]
        else:
            within[key] = draw(ANYTHING)
    return document["all"]


def _list_places(value: Any) -> Any:
    """Every place within a document: what holds it, and by which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _list_places(value[key])
