"""A federal registration in the running system, to which arrivals of the table of stages are sent."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from db.case_state import load_snapshot
from db.writes.opening import Opened
from db.writes.webhooks.inbox import Received, accept_statements
from domain.federal.markets import MLMS, Curriculum, Market, MarketplaceAgreement, list_agreements
from domain.programs.stage_table.table import Place
from domain.shared.cases.stages import Stage, WaitingFor
from domain.shared.documents.statements import read_statements
from tests.support import documents, senders
from tests.support.federal import Federal
from tests.support.tried_cases import TriedCase

STEPS = (
    "profile_completed",
    "enrolled (short)",
    "enrolled (full)",
    "agreement_opened",
    "agreement_accepted",
    "save_profile (NPN confirmed)",
)
COURSES = {"course_started (at the MLMS)": "initialized", "course_completed (at the MLMS)": "completed"}
SAVED = STEPS[-1]


class TriedRegistration(TriedCase):
    """A registration for one market; steps of the assister's own have no id, and are sent once."""

    once = (*TriedCase.once, *STEPS)

    def __init__(self, federal: Federal, opened: Opened, curriculum: Curriculum) -> None:
        super().__init__(federal, opened)
        self._federal = federal
        self._curriculum = curriculum

    def _find_known_place(self, place: Place) -> tuple[Stage, WaitingFor | None] | None:
        """As the facts have it, by which this workflow goes."""
        return None if place.stage is Stage.UNDER_APPEAL else (place.shown_stage, place.shown_wait)

    async def _act(self, name: str, unique: str, at: datetime) -> bool:
        if name not in STEPS:
            return await super()._act(name, unique, at)
        doors, case_id = self._federal.registrations, self.opened.case_id
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "profile_completed": partial(doors.complete_profile, case_id),
            "enrolled (short)": partial(doors.enroll_in_course, case_id, Curriculum.INDIVIDUAL_RETURNING, MLMS),
            "enrolled (full)": partial(doors.enroll_in_course, case_id, Curriculum.INDIVIDUAL_FULL, MLMS),
            SAVED: partial(doors.save_profile, case_id, {}, command_id=unique),
        }
        if name in steps:
            await steps[name]()
            return True
        agreement = await self._find_agreement()
        if name == "agreement_opened":
            await doors.open_agreement(case_id, agreement, "en")
        else:
            await doors.accept_agreement(case_id, agreement)
        return True

    async def _find_agreement(self) -> MarketplaceAgreement:
        """The first one that is not accepted yet."""
        state = (await self.inside.database.read(load_snapshot, self.opened.case_id)).registration
        left = [one.agreement for one in state.agreements if one.accepted_at is None]
        return (left or list_agreements(Market.INDIVIDUAL))[0]

    async def _report(self, name: str, unique: str, at: datetime) -> Received:
        snapshot = await self.inside.database.read(load_snapshot, self.opened.case_id)
        policy = snapshot.federal_policy.model_dump(mode="json")
        said = documents.course(
            policy, self.opened.document(), self._curriculum, COURSES[name], id=unique, timestamp=at.isoformat()
        )
        return await self.inside.database.write(accept_statements, senders.MLMS, read_statements([said]), at)
