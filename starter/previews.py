"""A letter as its assister would read it, before what it tells is done: rendered, and neither sent nor kept."""

from dataclasses import replace
from datetime import datetime

from activities.letter_values import LetterPlaces, LetterValues
from adapters.holidays import list_days_off
from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from db.writes.appeals.deciding import DecisionOnAppeal, plan_decision
from db.writes.commands import check_command
from domain.programs.commands import plan_facts
from domain.shared.cases.commands import CommandData, CommandOrigin
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import Notice
from starter.cases import now
from templates.letters import NoticeRenderer, RenderedNotice

# It is no command's: nothing is stored under it.
PREVIEW = "preview"


class LetterPreviews:
    """What letters would say if a command were carried out now."""

    def __init__(
        self,
        database: Database,
        identity_key: bytes,
        renderer: NoticeRenderer,
        web_url: str,
        portal_url: str,
        lms_url: str,
        mlms_url: str,
    ) -> None:
        self._database = database
        self._identity_key = identity_key
        self._renderer = renderer
        self._values = LetterValues(database, LetterPlaces(web_url, portal_url, lms_url, mlms_url), list_days_off)

    async def preview_letter(
        self, case_id: str, notice: Notice, command: CommandData, reason: str, actor: str
    ) -> RenderedNotice:
        """The letter that tells of a command, in the assister's language.

        Raises what `check_command` does.
        """
        await self.check_command(case_id, command, reason, actor)
        snapshot, at = await self._database.read(load_snapshot, case_id), now()
        origin = CommandOrigin(PREVIEW, case_id, actor, reason.strip(), at)
        facts = plan_facts(command, origin, snapshot.state, snapshot.applicant.language, snapshot.policy, at)
        condensed = replace(snapshot.condensed, facts=(*snapshot.condensed.facts, *facts))
        then = CaseSnapshot(snapshot.case, snapshot.policy, condensed)
        letter = Letter(case_id=case_id, at=at, notice=notice)
        return await self._render(letter, then, at)

    async def check_command(self, case_id: str, command: CommandData, reason: str, actor: str) -> None:
        """Finds what would be wrong with a command if it were given now, by the very rules of giving it.

        Raises `UnknownCase`, `Refusal` with why it can't be done, and `Invalid` with the fields at fault.
        """
        origin = CommandOrigin(PREVIEW, case_id, actor, reason.strip(), now())
        await self._database.read(check_command, self._identity_key, command, origin)

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
