"""One agent's or broker's registration with the federal marketplace (program ffm), as its guide's four steps."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Certificates, Mlms, Profiles, Watch
    from domain.shared.messages import (
        BeginRegistration,
        CaseRef,
        Command,
        CommandRef,
        CurriculumOrder,
        MarketOrder,
        RegistrationProgress,
        RegistrationSnapshot,
        Report,
    )
    from domain.shared.notices import Notice
    from domain.shared.stages import Stage, WaitingFor
    from workflows import messages as names
    from workflows.case import CaseWorkflow
    from workflows.options import PATIENT, READING, THIRD_PARTY


@workflow.defn(name=names.REGISTRATION)
class MarketplaceRegistration(CaseWorkflow):
    """The registration of one agent or broker for one plan year, from the profile to the published lists.

    What the assister does is recorded where it arrives, and told to the workflow with what it came to: the standing.
    The markets go through the steps each on their own; the workflow makes what each of them is due.
    """

    p: RegistrationProgress

    @workflow.init
    def __init__(self, begin: BeginRegistration) -> None:
        super().__init__(begin.case_id, begin.progress or RegistrationProgress())
        self._saving = asyncio.Lock()
        self._looking = False

    @workflow.run
    async def run(self, begin: BeginRegistration) -> str:
        """Follows the registration until it ends, and continues as new when the history has grown.

        Returns the stage the case ended in, or "claimed elsewhere".
        """
        ended = await self._live()
        if ended is None:
            workflow.continue_as_new(begin.model_copy(update={"progress": self.p.model_copy(update={"messages": 0})}))
        return ended

    def _runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [*super()._runners(), self._watch()]

    @property
    def _resting(self) -> bool:
        return super()._resting and not self._looking

    # the journey: the guide's four steps

    async def _journey(self) -> str:
        self._notify(Notice.MARKETPLACE_WELCOME)
        self._hear(self._claimed.standing)
        if not self.p.standing.waiting_for:  # it ended before it was begun
            await workflow.wait_condition(lambda: bool(self.p.standing.waiting_for))
        while True:
            standing = self.p.standing
            self._enter(Stage(standing.stage), WaitingFor(standing.waiting_for))
            self._update_profile(standing)
            self._train(standing)
            self._print_certificates(standing)
            self._begin_watch(standing)
            if standing.stage == Stage.ACTIVE:
                self._notify(Notice.MARKETPLACE_ACTIVE)
            await workflow.wait_condition(lambda heard=standing: self.p.standing is not heard)  # type: ignore[misc]

    def _update_profile(self, standing: RegistrationSnapshot) -> None:
        """Step one: an NPN that could not be looked up is looked up until the registry answers (B9)."""
        if standing.npn_unverified:
            self._start(f"npn {standing.profile_version}", lambda: self._verify_npn(standing.profile_version))
        if standing.npn_problem:
            self._notify(Notice.MARKETPLACE_PROFILE_NPN, standing.npn_problem)

    async def _verify_npn(self, version: int) -> None:
        order = CaseRef(case_id=self.case_id, at=workflow.now(), occurrence=version)
        summary = "NPN look-up, again"
        self._hear(await workflow.execute_activity_method(Profiles.verify, order, summary=summary, **PATIENT))

    def _train(self, standing: RegistrationSnapshot) -> None:
        """Step two: courses taken in the MLMS are opened there; vendors are reached by a ticket from the portal."""
        for curriculum in standing.mlms:
            self._start(f"mlms {curriculum}", lambda it=curriculum: self._enroll(it))  # type: ignore[misc]

    async def _enroll(self, curriculum: str) -> None:
        order = CurriculumOrder(case_id=self.case_id, at=workflow.now(), curriculum=curriculum)
        summary = f"MLMS: {curriculum.replace('_', ' ')}"
        await workflow.execute_activity_method(Mlms.enroll, order, summary=summary, **THIRD_PARTY)
        await self._send(Notice.MARKETPLACE_ENROLLED, about=curriculum)

    def _print_certificates(self, standing: RegistrationSnapshot) -> None:
        """Step four: a market with profile, course and agreements has its certificate (B12, B16, B17)."""
        for market in standing.completed:
            self._start(f"certificate {market}", lambda it=market: self._certify(it))  # type: ignore[misc]

    async def _certify(self, market: str) -> None:
        summary = f"certificate of the {market} market printed, signed and kept"
        issued = await workflow.execute_activity_method(
            Certificates.issue_for_market, self._of(market), summary=summary, **THIRD_PARTY
        )
        self._hear(issued.standing)
        await self._send(Notice.MARKETPLACE_CERTIFICATE, about=market)

    # the watch over the federal lists

    def _begin_watch(self, standing: RegistrationSnapshot) -> None:
        """Step four, confirmed: who is an agent or broker has to appear in the lists (B9)."""
        for market in standing.unlisted:
            self.p.look_at.setdefault(market, workflow.now())

    async def _watch(self) -> None:
        """Reads the lists at noon of each business day, until every completed market is in each of them (B18–B20)."""
        while True:
            await workflow.wait_condition(lambda: bool(self.p.look_at))
            market, at = min(self.p.look_at.items(), key=lambda due: (due[1], due[0]))
            if at <= workflow.now():
                await self._look(market)
                continue
            known = len(self.p.look_at)
            try:
                await workflow.wait_condition(
                    lambda before=known: len(self.p.look_at) != before,  # type: ignore[misc]
                    timeout=at - workflow.now(),
                )
            except TimeoutError:
                continue

    async def _look(self, market: str) -> None:
        self._looking = True
        summary = f"federal lists read: {market} market"
        looked = await workflow.execute_activity_method(Watch.look, self._of(market), summary=summary, **READING)
        self.p.look_at = {name: at for name, at in self.p.look_at.items() if name != market}
        if looked.again_at is not None:
            self.p.look_at[market] = looked.again_at
        if looked.ask_help_desk:
            self._start("help desk", lambda: self._ask_help_desk(market))
        self._hear(looked.standing)
        self._looking = False

    async def _ask_help_desk(self, market: str) -> None:
        """B21: one e-mail, with the facts in it and the assister in Reply-To."""
        asked = await workflow.execute_activity_method(
            Watch.ask_help_desk, self._of(market), summary="e-mail: help desk", **THIRD_PARTY
        )
        self._hear(asked.standing)

    def _of(self, market: str) -> MarketOrder:
        return MarketOrder(case_id=self.case_id, at=workflow.now(), market=market)

    # messages

    def _hear(self, standing: RegistrationSnapshot | None) -> None:
        """Messages may overtake each other: of two standings the one with more facts is newer."""
        if standing is not None and standing.facts > self.p.standing.facts and standing.waiting_for:
            self.p.standing = standing

    def _note(self, report: Report) -> None:
        if self._take(report.fact_id, report.case_id):
            self._hear(report.standing)

    @workflow.signal(name=names.ASSISTER_ACTED)
    def assister_acted(self, report: Report) -> None:
        """The assister went on, enrolled, opened or accepted an agreement."""
        self._note(report)

    @workflow.signal(name=names.LMS_REPORTED)
    def lms_reported(self, report: Report) -> None:
        """The MLMS reported a course."""
        self._note(report)

    @workflow.signal(name=names.VENDOR_REPORTED)
    def vendor_reported(self, report: Report) -> None:
        """A training vendor reported a completed course."""
        self._note(report)

    @workflow.update(name=names.SAVE_PROFILE)
    async def save_profile(self, command: Command) -> str:
        """The assister saves the profile: the registry is asked first, and the answer says what became of it (B7)."""
        self._take(command.command_id, command.case_id)
        async with self._saving:
            ref = CommandRef(command_id=command.command_id, case_id=self.case_id, at=workflow.now())
            saved = await workflow.execute_activity_method(Profiles.save, ref, summary="profile saved", **THIRD_PARTY)
        self._hear(saved.standing)
        return saved.outcome

    @save_profile.validator
    def _may_save(self, command: Command) -> None:
        self._check(command)

    @workflow.query(name=names.PROGRESS)
    def progress(self) -> RegistrationProgress:
        """Where the registration is, what it waits for and since when, for operators."""
        return self.p
