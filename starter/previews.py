"""A letter as its assister would read it, before what it tells is done: rendered, and neither sent nor kept."""

from dataclasses import replace
from datetime import datetime

from activities.letter_values import LetterPlaces, LetterValues
from adapters.holidays import list_days_off
from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.writes.appeals.deciding import DecisionOnAppeal, plan_decision
from domain.programs.commands import find_refusal, plan_facts
from domain.shared.cases.authority_commands import find_term_faults
from domain.shared.cases.commands import CommandData, CommandOrigin, Suspend
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import Notice
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.policy import find_local_date
from starter.cases import now
from templates.letters import NoticeRenderer, RenderedNotice

# It is no command's: nothing is stored under it.
PREVIEW = "preview"


class LetterPreviews:
    """What letters would say if a command were carried out now."""

    def __init__(
        self,
        database: Database,
        renderer: NoticeRenderer,
        web_url: str,
        portal_url: str,
        lms_url: str,
        mlms_url: str,
    ) -> None:
        self._database = database
        self._renderer = renderer
        self._values = LetterValues(database, LetterPlaces(web_url, portal_url, lms_url, mlms_url), list_days_off)

    async def preview_letter(
        self, case_id: str, notice: Notice, command: CommandData, reason: str, actor: str
    ) -> RenderedNotice:
        """The letter that tells of a command, in the assister's language.

        Whether the command can be carried out is judged only where it comes to nothing. Raises `UnknownCase`, `Refusal`
        with why it does, and `Invalid` for a day that the policy doesn't allow.
        """
        snapshot, at = await self._database.read(load_snapshot, case_id), now()
        if isinstance(command, Suspend):
            policy = snapshot.policy
            if faults := find_term_faults(command, policy.suspension, find_local_date(policy, at)):
                raise Invalid(faults)
        origin = CommandOrigin(PREVIEW, case_id, actor, reason.strip(), at)
        facts = plan_facts(command, origin, snapshot.state, snapshot.applicant.language, snapshot.policy, at)
        if not facts and (why := find_refusal(command, snapshot.state)):
            raise Refusal(why)
        condensed = replace(snapshot.condensed, facts=(*snapshot.condensed.facts, *facts))
        then = CaseSnapshot(snapshot.case, snapshot.policy, condensed)
        letter = Letter(case_id=case_id, at=at, notice=notice)
        return await self._render(letter, then, at)

    async def preview_decision(self, decision: DecisionOnAppeal) -> RenderedNotice:
        """The letter that tells of a decision on an appeal, in the appellant's language.

        Whether this person may take it is not judged here. Raises `UnknownCase`, `Refusal` where no appeal is open, and
        `Invalid` for a day that it can't be effective on.
        """
        at = now()
        then, letter = await self._database.read(plan_decision, decision, list_days_off, at)
        return await self._render(letter, then, at)

    async def _render(self, letter: Letter, then: CaseSnapshot, at: datetime) -> RenderedNotice:
        notice, who = Notice(letter.notice), then.applicant
        values = await self._values.gather(notice, letter, {}, then, at)
        return self._renderer.render_notice(notice, who.language, values, who.addressed_as)
