"""The daily round over licences of the certified, page by page, started by a Temporal Schedule (E1–E3, decision 48)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import LicenseRounds, Notices
    from domain.shared.cases.messages import Letter
    from domain.shared.round_messages import LicenseRoundCounts, LicenseRoundOrder
    from workflows import messages as names
    from workflows.options import (
        COMPARING,
        LONGEST_UNTIL_IT_ANSWERS,
        THIRD_PARTY,
        UNTIL_IT_ANSWERS,
        UNTIL_THE_NEXT_DAY,
        UNTIL_THE_NEXT_PAGE,
    )

PAGES_A_RUN = 100

# What is done page by page, one after the other.
PHASES: dict[str, Callable[..., Any]] = {
    "take_in": LicenseRounds.take_in_page,
    "tell_targets": LicenseRounds.tell_targets,
    "read_alerts": LicenseRounds.read_alerts,
    "ask": LicenseRounds.ask_page,
}
REMIND = "remind"


@workflow.defn(name=names.LICENSE_ROUND)
class LicenseRound:
    """Takes in who is certified, hears the alerts, asks about those due, reminds; what is left is the next round's."""

    def __init__(self) -> None:
        self._pages = 0
        self._silences = 0

    @workflow.run
    async def run(self, order: LicenseRoundOrder | None = None) -> LicenseRoundCounts:
        """Answers what the round came to (continues as new when there are many pages)."""
        order = order or LicenseRoundOrder(at=workflow.now())
        for phase in [*PHASES, REMIND]:
            if order.phase not in ("", phase):
                continue  # done before this run
            order = order.model_copy(update={"phase": phase, "is_through": False})
            order = await (self._remind(order) if phase == REMIND else self._go_through(order))
            order = order.model_copy(update={"phase": "", "after": ""})
        counts = await workflow.execute_activity_method(
            LicenseRounds.close_round, order, summary="what it came to", **COMPARING
        )
        workflow.set_current_details(", ".join(f"{name} {number}" for name, number in counts.counts.items()))
        return counts

    async def _go_through(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """The pages of a phase. One that fails again and again is left to the next round, as is a silent registry."""
        while not order.is_through:
            self._turn_page(order)
            try:
                order = await workflow.execute_activity_method(
                    PHASES[order.phase], order, summary=order.phase, **COMPARING
                )
            except ActivityError:
                workflow.logger.warning("a part of the licence round was left out")
                return order
            workflow.set_current_details(f"{order.day}: {order.phase}")
            self._silences = self._silences + 1 if order.is_silent else 0
            if order.is_silent:
                wait = min(UNTIL_IT_ANSWERS * 2 ** min(self._silences - 1, 8), LONGEST_UNTIL_IT_ANSWERS)
                if self._find_time_left(order) <= wait:
                    return order
                await workflow.sleep(wait, summary="the registry did not answer")
        return order

    async def _remind(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        while self._find_time_left(order) > timedelta():
            self._turn_page(order)
            due = await workflow.execute_activity_method(
                LicenseRounds.list_letters, order, summary=f"reminders after {order.after or 'none'}", **COMPARING
            )
            left = self._find_time_left(order)
            patience = min(left, UNTIL_THE_NEXT_PAGE) if due.after else left
            await asyncio.gather(*(self._send_letter(letter, patience) for letter in due.letters))
            order = order.model_copy(update={"after": due.after})
            if not due.after:
                break
        return order

    async def _send_letter(self, letter: Letter, patience: timedelta) -> None:
        """One that can't be sent in time is due again the next day."""
        try:
            await workflow.execute_activity_method(
                Notices.send_notice,
                letter,
                schedule_to_close_timeout=patience,
                summary="e-mail: a license that expires",
                **THIRD_PARTY,
            )
        except ActivityError:
            workflow.logger.warning("a reminder was not sent")

    def _turn_page(self, order: LicenseRoundOrder) -> None:
        if self._pages == PAGES_A_RUN:
            workflow.continue_as_new(order)
        self._pages += 1

    def _find_time_left(self, order: LicenseRoundOrder) -> timedelta:
        return order.at + UNTIL_THE_NEXT_DAY - workflow.now()
