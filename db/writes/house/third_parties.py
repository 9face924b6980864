"""Keeps what workers have seen of the third parties they call: one row each, which all workers add to."""

from collections.abc import Mapping
from dataclasses import asdict, fields

from sqlalchemy.orm import Session

from db.house_tables import ThirdPartyRow
from domain.shared.third_parties import CallsSeen, add_calls


def record_calls(session: Session, seen: Mapping[str, CallsSeen]) -> None:
    """Adds what was seen of each third party, by its name, to what is kept of it."""
    for name in sorted(seen):  # in one order, so that two workers don't wait for each other's rows
        row = session.get(ThirdPartyRow, name, with_for_update=True) or ThirdPartyRow(name=name)
        kept = CallsSeen(**{one.name: getattr(row, one.name) for one in fields(CallsSeen)})
        for column, value in asdict(add_calls(kept, seen[name])).items():
            setattr(row, column, value)
        session.add(row)
