"""What the states call the health line of authority, and how long a renewal may be under way: dated data, no rules.

As read on 2026-11-29 from what NAIC's State Based Systems show of New Mexico, Oklahoma, Arizona and Oregon; what the
registry's own lists say was not open to be read. Codes of lines differ by state, so that none is matched by its code.
"""

from collections.abc import Mapping

AS_OF = "2026-11-29"

# In small letters, *and* written out, without punctuation; New Mexico's fraternal line is another one.
USUAL_HEALTH_LINES = frozenset(
    {
        "health",
        "accident and health",
        "accident and health or sickness",
        "accident health and sickness",
        "accident and sickness",
        "life and health",
        "life accident and health",
        "life accident and health or sickness",
        "life accident health and sickness",
    }
)
# A state's own words besides the usual ones.
HEALTH_LINES: Mapping[str, frozenset[str]] = {
    "NM": frozenset({"accident and health or sickness"}),
    "OK": frozenset({"accident and health or sickness"}),
    "AZ": frozenset({"accident and health or sickness"}),
    "OR": frozenset({"health"}),
}
# A line with one of these in it may be a health line under words that aren't known here.
HEALTH_HINTS = ("health", "sickness", "medical")
OTHER_LINES = ("fraternal", "navigator", "travel", "credit")

# Some states show a licence as active for a while after its last day, until its renewal is recorded.
RENEWAL_DAYS = 30
