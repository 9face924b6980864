"""What stands beside a case's file on the page that staff see, read in one unit of work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.desk_tables import CaseAssignment
from db.reads.access_log import Access, AccessFilter, read_access_log
from db.reads.desk.assignments import find_assignment, list_colleagues
from db.reads.queue import Filters, find_next_in_queue
from db.reads.third_parties import find_evidence_of_case
from db.tables import EvidenceRow

MOST_ACCESSES = 20


@dataclass(frozen=True)
class DeskReader:
    """Who looks at a case, and what is theirs to see beside its file.

    ``deciders`` are the roles of those on whose desk they may put it, none where that is not theirs to do;
    ``evidence`` is the key of the answer that they see beside the request; ``queue`` is the queue they came from.
    """

    actor: str
    deciders: Collection[str]
    reads_log: bool
    evidence: str | None
    queue: Filters | None


@dataclass(frozen=True)
class CaseDesk:
    """On whose desk a case is, who else could have it, who looked at it last, and the case after it in the queue.

    ``accesses`` is None where the reader may not see the access log.
    """

    assignment: CaseAssignment | None
    colleagues: list[str]
    accesses: Sequence[Access] | None
    evidence: EvidenceRow | None
    following: str | None


def read_case_desk(session: Session, case_id: str, reader: DeskReader, now: datetime) -> CaseDesk:
    """What stands beside the file of a case for this reader."""
    of_case = AccessFilter(case_id=case_id)
    return CaseDesk(
        assignment=find_assignment(session, case_id, now),
        colleagues=list_colleagues(session, reader.deciders, reader.actor) if reader.deciders else [],
        accesses=read_access_log(session, limit=MOST_ACCESSES, wanted=of_case).rows if reader.reads_log else None,
        evidence=find_evidence_of_case(session, case_id, reader.evidence) if reader.evidence else None,
        following=find_next_in_queue(session, reader.queue, case_id) if reader.queue else None,
    )
