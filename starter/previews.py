"""A letter as its assister would read it, before what it tells is done: rendered, and neither sent nor kept."""

from dataclasses import replace

from activities.letter_values import LetterPlaces, LetterValues
from adapters.holidays import list_days_off
from db.case_state import CaseSnapshot, load_snapshot
from db.engine import Database
from domain.programs.commands import plan_facts
from domain.shared.cases.commands import CommandData, CommandOrigin
from domain.shared.cases.messages import Letter
from domain.shared.cases.notices import FAREWELLS, Notice
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
        """The letter that tells of a command, in the assister's language. Raises `UnknownCase`.

        Whether the command can be carried out is not judged here.
        """
        snapshot, at = await self._database.read(load_snapshot, case_id), now()
        origin = CommandOrigin(PREVIEW, case_id, actor, reason.strip(), at)
        language = snapshot.applicant.language
        facts = plan_facts(command, origin, snapshot.state, language, snapshot.policy, at)
        condensed = replace(snapshot.condensed, facts=(*snapshot.condensed.facts, *facts))
        then = CaseSnapshot(snapshot.case, snapshot.policy, condensed)
        letter = Letter(case_id=case_id, at=at, notice=notice)
        values = await self._values.gather(notice, letter, {}, then, at)
        if notice in FAREWELLS - {Notice.DENIED}:  # why a case has ended is read from what is stored
            values["reason"] = origin.reason
        return self._renderer.render_notice(notice, language, values, snapshot.applicant.addressed_as)
