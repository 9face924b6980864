"""What staff are called where people read of them; what is recorded has their ids."""

from collections.abc import Mapping
from dataclasses import replace

from domain.shared.cases.reasons import Reason
from domain.shared.ids import drop_staff_mark


def call_actor(actor: str, names: Mapping[str, str]) -> str:
    """Who did something: somebody of staff by their name among ``names``, which are by who the audit names.

    Without a name they are called by their id alone; everybody else stays as the audit names them.
    """
    return names.get(actor) or drop_staff_mark(actor)


def name_people(why: Reason, names: Mapping[str, str]) -> Reason:
    """The same reason with whoever it tells of called by name."""
    if "by" not in why.details:
        return why
    return replace(why, details={**why.details, "by": call_actor(why.details["by"], names)})
