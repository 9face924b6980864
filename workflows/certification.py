"""One assister's annual certification with an exchange, as the guide's seven steps; it waits for people."""

from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Certificates, Portal, Training
    from domain.shared.assister import AssisterType
    from domain.shared.cases.commands import CommandKind
    from domain.shared.cases.facts import FactKind
    from domain.shared.cases.messages import (
        AuthoritySnapshot,
        Begin,
        CaseRef,
        Command,
        Correction,
        Effect,
        Progress,
        RebuiltProgress,
        Report,
    )
    from domain.shared.cases.notices import Notice
    from domain.shared.cases.stages import SUSPENDING, Stage, WaitingFor
    from domain.state.eligibility import Verdict
    from workflows import messages as names
    from workflows.eligibility import DecidedCase
    from workflows.patches import ACCOUNT_REUSED_BESIDE


@workflow.defn(name=names.WORKFLOW)
class AssisterCertification(DecidedCase):
    """The certification of one assister for one plan year, from the request to the first day of helping."""

    progress: Progress

    @workflow.init
    def __init__(self, begin: Begin) -> None:
        super().__init__(begin.case_id, begin.progress or Progress())

    @workflow.run
    async def run(self, begin: Begin) -> str:
        """Races the journey and the side tasks against an ending, and continues as new when the history has grown.

        Returns the stage the case ended in, or "claimed elsewhere".
        """
        ended = await self._run_case()
        if ended is None:
            workflow.continue_as_new(
                begin.model_copy(update={"progress": self.progress.model_copy(update={"messages": 0})})
            )
        return ended

    def _resume_progress(self, rebuilt: RebuiltProgress) -> None:
        super()._resume_progress(rebuilt)
        self.progress.passed = self.progress.passed or rebuilt.passed

    # the journey: the guide's seven steps

    async def _follow_journey(self) -> str:
        if self._claimed.reopened:
            self._open_account_again(self._claimed.reopened)
        if self._is_returning and self._claimed.has_lms_account and self._claimed.identity_matches:
            self._start_step("enrolled", self._enroll_in_course)
        else:
            self._notify_assister(Notice.REQUEST_RECEIVED)
        if not await self._become_eligible():
            return Stage.DENIED.value
        await self._complete_training()
        await self._pass_exam()
        await self._receive_certificate()
        await self._set_up_portal()
        return await self._help_consumers()

    async def _enroll_in_course(self) -> None:
        """An existing LMS account is enrolled in this year's course, without an invitation (A9, A11, A16).

        It is given to nobody before it is proven whose the NPN is (D2): what comes meanwhile may be that, and it is
        tried again. Runs of before were never answered that it isn't.
        """
        heard = self._count_heard()
        while (await self._enroll_learner()).unproven:
            await self._wait_for_proof("enrolled", heard)
            heard = self._count_heard()
        self._notify_assister(Notice.LMS_ENROLLED)

    async def _enroll_learner(self) -> Effect:
        order = CaseRef(case_id=self.case_id, at=workflow.now())
        return await self._activities.make(Training.enroll_learner, order, "existing LMS account enrolled")

    async def _wait_for_proof(self, step: str, heard: tuple[int, int]) -> None:
        """A step waits until more was heard than this; it is no work under way that would hold up the next run."""
        self._resting_steps.add(step)
        self._show_enrollment_wait(WaitingFor.NPN_PROOF)
        await workflow.wait_condition(lambda: self._count_heard() != heard)
        self._resting_steps.discard(step)
        if self.progress.passed or self._has_seen(FactKind.NPN_PROVEN):
            self._show_enrollment_wait(WaitingFor.LMS_INVITATION)

    def _show_enrollment_wait(self, waiting_for: WaitingFor) -> None:
        if self.progress.verdict == Verdict.APPROVE:  # before that the decision is what the case waits for
            self._enter_stage(Stage.INVITED, waiting_for)

    def _count_heard(self) -> tuple[int, int]:
        """Messages, and answers that were applied: whose the NPN is may be proven after any of them."""
        return self.progress.messages, self.progress.rounds

    async def _complete_training(self) -> None:
        """Step 3: the LMS opens with account and profile; a deadline lies over it, if there is one (A15–A18, E14)."""
        here = Stage.INVITED, WaitingFor.LMS_INVITATION
        if self._claimed.has_lms_account:
            if "enrolled" in self._resting_steps:
                here = Stage.INVITED, WaitingFor.NPN_PROOF
            await self._complete_step("enrolled", self._enroll_in_course, *here)
        else:
            await self._complete_step(
                "invited", lambda: self._make_effect(Training.invite_learner, "LMS opened for a new account"), *here
            )
            self._notify_assister(Notice.LMS_INVITATION)
            await self._wait_for_fact(Stage.INVITED, WaitingFor.LMS_ACCOUNT, FactKind.LMS_REGISTERED)
            await self._wait_for_fact(Stage.INVITED, WaitingFor.LMS_PROFILE, FactKind.LMS_PROFILE_COMPLETED)
        await self._wait_for_fact(Stage.IN_TRAINING, WaitingFor.COURSE_COMPLETION, FactKind.COURSE_COMPLETED)

    async def _pass_exam(self) -> None:
        """Step 4: 80 % or better, as many attempts as it takes (A21, A22)."""
        if not self.progress.passed:
            self._enter_stage(Stage.AWAITING_EXAM_PASS, WaitingFor.EXAM_PASS)
            await workflow.wait_condition(lambda: self.progress.passed)

    async def _receive_certificate(self) -> None:
        """Step 5: eligible, trained and passed (A23)."""
        await self._complete_step(
            "certificate",
            lambda: self._make_effect(Certificates.issue_certificate, "certificate printed, signed and kept"),
            Stage.AWAITING_EXAM_PASS,
            WaitingFor.CERTIFICATE,
        )
        self._notify_assister(Notice.CERTIFICATE_ISSUED)

    async def _set_up_portal(self) -> None:
        """Step 6: brokers register, a counselor's account is set up by us; then profile and Scheduling Tool."""
        if not self._claimed.has_portal_account:
            await (self._register_on_portal() if self._kind.is_licensed else self._activate_account())
        else:
            await self._reuse_account()
        if not self._claimed.has_portal_profile:
            await self._wait_for_fact(Stage.PORTAL_SETUP, WaitingFor.PORTAL_PROFILE, FactKind.PORTAL_PROFILE_COMPLETED)
        if not self._claimed.has_scheduling_tool:
            await self._wait_for_fact(Stage.PORTAL_SETUP, WaitingFor.SCHEDULING_TOOL, FactKind.SCHEDULING_TOOL_READY)

    async def _reuse_account(self) -> None:
        """A9, A11: the account is theirs already; it is handed to this case beside the journey, however long it takes.

        Runs of before waited for it, and said meanwhile that the exam was waited for.
        """
        handed_over = self._start_step(
            "reused", lambda: self._make_effect(Portal.reuse_account, "existing portal account reused")
        )
        if not workflow.patched(ACCOUNT_REUSED_BESIDE):
            await handed_over

    async def _register_on_portal(self) -> None:
        """A25: they register themselves, and the portal reports it."""
        done = FactKind.PORTAL_REGISTERED, FactKind.PORTAL_ACTIVATED
        await self._wait_for_fact(Stage.CERTIFIED, WaitingFor.PORTAL_REGISTRATION, *done)

    async def _activate_account(self) -> None:
        """A26, A28: we create the account, the counselor activates it by a single-use link."""
        await self._complete_step(
            "account",
            lambda: self._make_effect(Portal.create_account, "Assister Portal account created"),
            Stage.CERTIFIED,
            WaitingFor.PORTAL_ACCOUNT,
        )
        self._notify_assister(Notice.PORTAL_ACTIVATION)
        await self._wait_for_fact(Stage.PORTAL_SETUP, WaitingFor.PORTAL_ACTIVATION, FactKind.PORTAL_ACTIVATED)

    async def _help_consumers(self) -> str:
        """Step 7: ready to help, until the plan year's window closes."""
        self._enter_stage(Stage.ACTIVE, WaitingFor.NEXT_PLAN_YEAR)
        await self._await_authority()
        self._notify_assister(Notice.ACTIVE)
        await workflow.wait_condition(lambda: False)
        return Stage.CLOSED.value

    # side tasks and closing actions

    async def _run_side_task(self, task: Command) -> None:
        if task.kind == CommandKind.ACTIVATE:
            await self._await_authority()
            await self._make_effect(Portal.activate_account, "Assister Portal account activated")
        else:
            await super()._run_side_task(task)

    async def _follow_correction(self, correction: Correction) -> None:
        """The account in the portal has the corrected name by the time the notice says so (E11)."""
        await self._activities.make(Portal.rename_account, correction, "portal account renamed")
        await super()._follow_correction(correction)

    def _list_closing_actions(self, outcome: str) -> list[Coroutine[Any, Any, None]]:
        """What must not stay open is taken back."""
        actions = super()._list_closing_actions(outcome)
        if outcome in SUSPENDING:
            often = self._claimed.reopened
            actions.append(self._make_effect(Portal.suspend_account, "portal account suspended", often))
        if self.progress.adverse_action.number:  # the end has ended it too
            actions.append(self._tell_adverse_action(self.progress.adverse_action.number))
        return actions

    def _align_outside(self, authority: AuthoritySnapshot) -> None:
        """The portal account is open while the authority stands (E2)."""
        summary = "portal account suspended or opened again"
        number = authority.facts
        self._start_step(
            f"portal aligned {number}", lambda: self._make_effect(Portal.align_account, summary, occurrence=number)
        )

    def _open_account_again(self, often: int) -> None:
        """What the end had closed is opened where an appeal has set it aside; counted apart from suspensions (E6)."""
        summary = "portal account opened again by an appeal"
        self._start_step(
            f"portal reopened {often}", lambda: self._make_effect(Portal.align_account, summary, occurrence=-often)
        )

    # small verbs

    @property
    def _is_returning(self) -> bool:
        return self._claimed.assister_type == AssisterType.RETURNING

    async def _wait_for_fact(self, stage: Stage, waiting_for: WaitingFor, *kinds: FactKind) -> None:
        """Waits in this stage for one of these facts; what was seen before, in an earlier run too, is passed by."""
        if not any(map(self._has_seen, kinds)):
            self._enter_stage(stage, waiting_for)
            await workflow.wait_condition(lambda: any(map(self._has_seen, kinds)))

    # messages

    def _record_report(self, report: Report) -> None:
        if self._take_report(report):
            self._adopt_adverse_action(report.adverse_action)
            self.progress.facts.add(report.kind)
            self.progress.passed = self.progress.passed or (report.kind == FactKind.EXAM_ATTEMPTED and report.passed)

    @workflow.signal(name=names.LMS_REPORTED)
    def lms_reported(self, report: Report) -> None:
        """The LMS reported account, profile, course or exam."""
        self._record_report(report)

    @workflow.signal(name=names.BACKGROUND_CHECK_REPORTED)
    def background_check_reported(self, report: Report) -> None:
        """The background check is complete."""
        self._record_report(report)

    @workflow.signal(name=names.PORTAL_REPORTED)
    def portal_reported(self, report: Report) -> None:
        """The portal reported account, profile or Scheduling Tool."""
        self._record_report(report)

    @workflow.update(name=names.ACTIVATE)
    async def activate_account(self, command: Command) -> str:
        """A counselor used the activation link."""
        return await self._carry_out_update(command)

    @activate_account.validator
    def _may_activate(self, command: Command) -> None:
        self._check_command(command)

    @workflow.query(name=names.PROGRESS)
    def describe_progress(self) -> Progress:
        """Where the case is, what it waits for and since when, for operators."""
        return self.progress
