"""The two programs, by the ids that cases, documents and workflow ids carry: an exchange's and the federal one.

The exchange's is a name of its own in the database, in histories and in the contract, whatever the exchange is called:
that says its file (`policies/bewellnm/exchange.toml`).
"""

from typing import Literal

ProgramName = Literal["bewellnm", "ffm"]
StateProgramName = Literal["bewellnm"]

STATE_PROGRAM: StateProgramName = "bewellnm"
FEDERAL_PROGRAM = "ffm"
