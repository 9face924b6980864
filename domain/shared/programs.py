"""The two programs, by the ids that cases, documents and workflow ids carry: the exchange's and the federal one."""

STATE_PROGRAM = "bewellnm"
FEDERAL_PROGRAM = "ffm"
