"""One agent's or broker's registration with the federal marketplace (program ffm), as its guide's four steps."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Certificates, ListingCheck, Mlms, Profiles
    from domain.shared.cases.messages import (
        BeginRegistration,
        CaseRef,
        Command,
        CommandRef,
        CurriculumOrder,
        MarketOrder,
        ProfileSaved,
        RegistrationProgress,
        RegistrationSnapshot,
        Report,
    )
    from domain.shared.cases.notices import Notice
    from domain.shared.cases.stages import Stage, WaitingFor
    from workflows import messages as names
    from workflows.authority import SuspendableCase
    from workflows.options import LETTER_AT_ONCE, PATIENT, READING


@workflow.defn(name=names.REGISTRATION)
class MarketplaceRegistration(SuspendableCase):
    """The registration of one agent or broker for one plan year, from the profile to the published lists.

    What the assister does is recorded where it arrives; its signal brings a snapshot of what the registration came to.
    The markets go through the steps each on their own; the workflow makes what each of them is due.
    """

    progress: RegistrationProgress

    @workflow.init
    def __init__(self, begin: BeginRegistration) -> None:
        super().__init__(begin.case_id, begin.progress or RegistrationProgress())
        self._saving = asyncio.Lock()
        self._is_checking = False

    @workflow.run
    async def run(self, begin: BeginRegistration) -> str:
        """Follows the registration until it ends, and continues as new when the history has grown.

        Returns the stage the case ended in, or "claimed elsewhere".
        """
        ended = await self._run_case()
        if ended is None:
            workflow.continue_as_new(
                begin.model_copy(update={"progress": self.progress.model_copy(update={"messages": 0})})
            )
        return ended

    def _list_runners(self) -> list[Coroutine[Any, Any, str | None]]:
        return [*super()._list_runners(), self._check_listings()]

    @property
    def _is_resting(self) -> bool:
        return super()._is_resting and not self._is_checking

    # the journey: the guide's four steps

    async def _follow_journey(self) -> str:
        self._notify_assister(Notice.MARKETPLACE_WELCOME)
        self._adopt_snapshot(self._claimed.standing)
        if not self.progress.standing.waiting_for:  # it ended before it was begun
            await workflow.wait_condition(lambda: bool(self.progress.standing.waiting_for))
        while True:
            snapshot = self.progress.standing
            self._enter_stage(Stage(snapshot.stage), WaitingFor(snapshot.waiting_for))
            self._update_profile(snapshot)
            self._enroll_in_mlms(snapshot)
            self._issue_certificates(snapshot)
            self._start_listing_checks(snapshot)
            if snapshot.stage == Stage.ACTIVE:
                self._notify_assister(Notice.MARKETPLACE_ACTIVE)
            await workflow.wait_condition(lambda seen=snapshot: self.progress.standing is not seen)  # type: ignore[misc]

    def _update_profile(self, snapshot: RegistrationSnapshot) -> None:
        """Step one: an NPN that could not be looked up is looked up until the registry answers (B9)."""
        if snapshot.npn_unverified:
            self._start_step(f"npn {snapshot.profile_version}", lambda: self._verify_npn(snapshot.profile_version))
        if snapshot.npn_problem:
            self._notify_assister(Notice.MARKETPLACE_PROFILE_NPN, snapshot.npn_problem)

    async def _verify_npn(self, version: int) -> None:
        order = CaseRef(case_id=self.case_id, at=workflow.now(), occurrence=version)
        summary = "NPN look-up, again"
        self._adopt_snapshot(
            await workflow.execute_activity_method(Profiles.verify_npn, order, summary=summary, **PATIENT)
        )

    def _enroll_in_mlms(self, snapshot: RegistrationSnapshot) -> None:
        """Step two: courses taken in the MLMS are opened there; vendors are reached by a ticket from the portal."""
        for curriculum in snapshot.mlms:
            self._start_step(f"mlms {curriculum}", lambda it=curriculum: self._enroll_in_curriculum(it))  # type: ignore[misc]

    async def _enroll_in_curriculum(self, curriculum: str) -> None:
        order = CurriculumOrder(case_id=self.case_id, at=workflow.now(), curriculum=curriculum)
        summary = f"MLMS: {curriculum.replace('_', ' ')}"
        await self._activities.make(Mlms.enroll_learner, order, summary)
        await self._send_notice(Notice.MARKETPLACE_ENROLLED, about=curriculum)

    def _issue_certificates(self, snapshot: RegistrationSnapshot) -> None:
        """Step four: a market with profile, course and agreements has its certificate (B12, B16, B17)."""
        for market in snapshot.completed:
            self._start_step(f"certificate {market}", lambda it=market: self._issue_certificate(it))  # type: ignore[misc]

    async def _issue_certificate(self, market: str) -> None:
        summary = f"certificate of the {market} market printed, signed and kept"
        issued = await self._activities.make(Certificates.issue_for_market, self._order_for(market), summary)
        self._adopt_snapshot(issued.standing)
        await self._send_notice(Notice.MARKETPLACE_CERTIFICATE, about=market)

    # the watch over the federal lists

    def _start_listing_checks(self, snapshot: RegistrationSnapshot) -> None:
        """Step four, confirmed: who is an agent or broker has to appear in the lists (B9)."""
        for market in snapshot.unlisted:
            self.progress.look_at.setdefault(market, workflow.now())

    async def _check_listings(self) -> None:
        """Reads the lists each business day soon after noon, until every completed market is in each (B18–B20)."""
        while True:
            await workflow.wait_condition(lambda: bool(self.progress.look_at))
            market, at = min(self.progress.look_at.items(), key=lambda due: (due[1], due[0]))
            if at <= workflow.now():
                await self._check_listing(market)
                continue
            known = len(self.progress.look_at)
            try:
                await workflow.wait_condition(
                    lambda before=known: len(self.progress.look_at) != before,  # type: ignore[misc]
                    timeout=at - workflow.now(),
                )
            except TimeoutError:
                continue

    async def _check_listing(self, market: str) -> None:
        self._is_checking = True
        summary = f"federal lists read: {market} market"
        looked = await workflow.execute_activity_method(
            ListingCheck.check_listing, self._order_for(market), summary=summary, **READING
        )
        self.progress.look_at = {name: at for name, at in self.progress.look_at.items() if name != market}
        if looked.again_at is not None:
            self.progress.look_at[market] = looked.again_at
        if looked.ask_help_desk:
            self._start_step("help desk", lambda: self._ask_help_desk(market))
        self._adopt_snapshot(looked.standing)
        self._is_checking = False

    async def _ask_help_desk(self, market: str) -> None:
        """B21: one e-mail, with the facts in it and the assister in Reply-To."""
        order = self._order_for(market)
        asked = await self._activities.make(
            ListingCheck.ask_help_desk, order, "e-mail: help desk", at_once=LETTER_AT_ONCE
        )
        self._adopt_snapshot(asked.standing)

    def _order_for(self, market: str) -> MarketOrder:
        return MarketOrder(case_id=self.case_id, at=workflow.now(), market=market)

    # messages

    def _adopt_snapshot(self, snapshot: RegistrationSnapshot | None) -> None:
        """Messages may overtake each other: of two snapshots the one with more facts is newer."""
        if snapshot is not None and snapshot.facts > self.progress.standing.facts and snapshot.waiting_for:
            self.progress.standing = snapshot

    def _record_report(self, report: Report) -> None:
        if self._take_report(report):
            self._adopt_snapshot(report.standing)

    @workflow.signal(name=names.ASSISTER_ACTED)
    def assister_acted(self, report: Report) -> None:
        """The assister went on, enrolled, opened or accepted an agreement."""
        self._record_report(report)

    @workflow.signal(name=names.LMS_REPORTED)
    def lms_reported(self, report: Report) -> None:
        """The MLMS reported a course."""
        self._record_report(report)

    @workflow.signal(name=names.VENDOR_REPORTED)
    def vendor_reported(self, report: Report) -> None:
        """A training vendor reported a completed course."""
        self._record_report(report)

    @workflow.update(name=names.SAVE_PROFILE)
    async def save_profile(self, command: Command) -> str:
        """The assister saves the profile: the registry is asked first, and the answer says what became of it (B7)."""
        self._remember_message(command.command_id, command.case_id)
        saved = await self._wait_unless_left(asyncio.create_task(self._save_profile(command)))
        self._adopt_snapshot(saved.standing)
        return saved.outcome

    async def _save_profile(self, command: Command) -> ProfileSaved:
        async with self._saving:
            ref = CommandRef(command_id=command.command_id, case_id=self.case_id, at=workflow.now())
            return await self._activities.make(Profiles.save_profile, ref, "profile saved")

    @save_profile.validator
    def _may_save(self, command: Command) -> None:
        self._check_command(command)

    @workflow.query(name=names.PROGRESS)
    def describe_progress(self) -> RegistrationProgress:
        """Where the registration is, what it waits for and since when, for operators."""
        return self.progress
