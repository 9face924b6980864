"""The daily round over licences of the certified: whom to ask about, what the registry says, what follows (E1–E3)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

import structlog
from temporalio import activity

from activities import contracts
from activities.heartbeats import keep_heartbeating
from adapters.http import Refused, Unavailable
from adapters.registry import RegistryAnswer, RegistryClient, parse_answer
from adapters.registry_alerts import RegistryAlertsClient
from db.case_state import certification_of
from db.engine import Database
from db.reads.licenses.rounds import list_due_letters, load_last_answers
from db.writes.licenses.calls import DueCall, Holder, JudgedLicense, record_answers, take_calls
from db.writes.licenses.rounds import close_round
from db.writes.licenses.watched import (
    find_ended_targets,
    find_new_targets,
    forget_targets,
    keep_expiry,
    keep_targets,
    list_unread_reports,
    record_alerts,
    take_in_certified,
)
from domain.federal.lists import EASTERN
from domain.programs.licenses import judge_holder
from domain.programs.policies import find_calls_a_day
from domain.shared.licenses.watch import LicenseStanding, LicenseVerdict
from domain.shared.programs import FEDERAL_PROGRAM, STATE_PROGRAM
from domain.shared.round_messages import LicenseRoundCounts, LicenseRoundOrder, Reminders
from domain.shared.traces import locate_error
from domain.state.eligibility import find_open_checks

log = structlog.get_logger(__name__)

# Look-ups side by side: as many are written down together, and are lost with the process that has written them down.
AT_ONCE = 20
# So many times that, and the page is over.
TURNS_A_PAGE = 10
# Days of reports that are caught up on; what is older is found by the cadence.
DAYS_BACK = 14
SUBSCRIPTION = "certified-{:04d}"


class LicenseRoundsActivities(contracts.LicenseRounds):
    """Asks the registry; without ``alerts`` those due by the cadence alone."""

    def __init__(self, registry: RegistryClient, alerts: RegistryAlertsClient | None, database: Database) -> None:
        self._registry = registry
        self._alerts = alerts
        self._database = database

    @activity.defn(name="license_round.take_in")
    async def take_in_page(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """See the contract."""
        day = order.day or order.at.astimezone(EASTERN).date()
        taken = await self._database.write(take_in_certified, order.after, day)
        async with keep_heartbeating():
            for case_id in taken.waiting:
                await self._recall_expiry(case_id)
        return order.model_copy(update={"day": day, "after": taken.after, "is_through": not taken.after})

    async def _recall_expiry(self, case_id: str) -> None:
        """A licence's last day as the registry said it before the certificate: it may come before the first look-up."""
        case, policy, answers = await self._database.read(load_last_answers, case_id)
        for raw in answers:
            with suppress(Refused):  # another NPN's
                producer = parse_answer(raw, str(case.request["npn"]))
                verdict = judge_holder(policy, case.request, producer, _now())
                if verdict.standing is not LicenseStanding.LAPSED and verdict.expires_on is not None:
                    await self._database.write(keep_expiry, case_id, verdict.expires_on)
                    return

    @activity.defn(name="license_round.tell_targets")
    async def tell_targets(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """See the contract."""
        if self._alerts is None:
            return _end_phase(order)
        async with keep_heartbeating():  # a call may take longer than a worker may be silent
            return await self._tell_targets(self._alerts, order)

    async def _tell_targets(self, alerts: RegistryAlertsClient, order: LicenseRoundOrder) -> LicenseRoundOrder:
        if gone := await self._database.read(find_ended_targets):
            await alerts.remove_targets(SUBSCRIPTION.format(gone.subscription), gone.npns)
            await self._database.write(forget_targets, gone)
            return order
        targets = await self._database.read(find_new_targets)
        if targets is None:
            return _end_phase(order)
        name = SUBSCRIPTION.format(targets.subscription)
        if targets.is_new:
            await alerts.add_subscription(name)
        await alerts.add_targets(name, targets.npns)
        await self._database.write(keep_targets, targets)
        return order

    @activity.defn(name="license_round.read_alerts")
    async def read_alerts(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """See the contract. A report that can't be had or read is asked for again by the next round."""
        day = _require_day(order)
        days = await self._database.read(list_unread_reports, day, DAYS_BACK) if self._alerts else []
        async with keep_heartbeating():
            for reported in days:
                await self._read_report(reported, day, _now())
        return _end_phase(order)

    async def _read_report(self, reported: date, day: date, now: datetime) -> None:
        assert self._alerts is not None
        try:
            npns = await self._alerts.read_report(reported)
        except (Unavailable, Refused) as error:
            log.warning("alerts not read", code=error.code, day=reported.isoformat())
        else:
            await self._database.write(record_alerts, reported, npns, day, now)

    @activity.defn(name="license_round.ask_page")
    async def ask_page(self, order: LicenseRoundOrder) -> LicenseRoundOrder:
        """See the contract. A registry that doesn't answer ends the page: the others are asked about later."""
        day = _require_day(order)
        async with keep_heartbeating():
            for _ in range(TURNS_A_PAGE):
                now = _now()
                taken = [await self._take_calls(program, day, now) for program in (STATE_PROGRAM, FEDERAL_PROGRAM)]
                if not any(more for _, more in taken):
                    return _end_phase(order)
                calls = [call for some, _ in taken for call in some]
                answers = await asyncio.gather(*map(self._ask, calls))
                heard = [
                    (call, one) for call, one in zip(calls, answers, strict=True) if isinstance(one, RegistryAnswer)
                ]
                await self._record_answers(heard, day, now)
                if any(isinstance(one, Unavailable) for one in answers):
                    return order.model_copy(update={"is_silent": True})
        return order.model_copy(update={"is_silent": False})

    async def _take_calls(self, program: str, day: date, now: datetime) -> tuple[list[DueCall], bool]:
        return await self._database.write(take_calls, program, day, now, AT_ONCE, find_calls_a_day(program, now))

    async def _ask(self, call: DueCall) -> RegistryAnswer | Unavailable | Refused:
        try:
            return await self._registry.look_up_npn(call.npn)
        except (Unavailable, Refused) as error:
            log.warning("registry answer missing", code=error.code)
            return error

    async def _record_answers(self, heard: Sequence[tuple[DueCall, RegistryAnswer]], day: date, now: datetime) -> None:
        """Records what the answers come to; who is suspended or restored by one, each in a transaction of its own."""
        judged = []
        for call, answer in heard:
            for holder in call.holders:
                try:
                    judged.append((holder, await self._judge(holder, call.npn, answer, now)))
                except ValueError as error:  # what is stored of one must not keep the answers about others from them
                    case_id, where = holder.case.case_id, locate_error(error)
                    log.error("license not judged", case=case_id, error=type(error).__name__, where=where)
        usual = [one for holder, one in judged if not holder.is_changed_by(one.verdict)]
        if usual:
            await self._database.write(record_answers, usual, day, now)
        for holder, one in judged:
            if holder.is_changed_by(one.verdict):
                await self._database.write(record_answers, [one], day, now)

    async def _judge(self, holder: Holder, npn: str, answer: RegistryAnswer, now: datetime) -> JudgedLicense:
        verdict = judge_holder(holder.policy, holder.case.request, answer.producer, now)
        if verdict.standing is not LicenseStanding.GOOD and holder.case.program != FEDERAL_PROGRAM:
            verdict = await self._judge_again(holder, answer, now)
        return JudgedLicense(holder.case.case_id, npn, verdict, answer.raw, answer.sha256)

    async def _judge_again(self, holder: Holder, answer: RegistryAnswer, now: datetime) -> LicenseVerdict:
        """Without what staff approved over: it is no lapse."""
        state = await self._database.read(certification_of, holder.case)
        approved_over = find_open_checks(state.findings) if state.decision and state.decision.override else []
        return judge_holder(holder.policy, holder.case.request, answer.producer, now, approved_over)

    @activity.defn(name="license_round.list_letters")
    async def list_letters(self, order: LicenseRoundOrder) -> Reminders:
        """See the contract."""
        letters, after = await self._database.read(list_due_letters, _require_day(order), order.at, order.after)
        return Reminders(letters=letters, after=after)

    @activity.defn(name="license_round.close")
    async def close_round(self, order: LicenseRoundOrder) -> LicenseRoundCounts:
        """See the contract."""
        day = _require_day(order)
        counts = await self._database.write(close_round, day, order.at, _now())
        return LicenseRoundCounts(day=day, counts=counts)


def _end_phase(order: LicenseRoundOrder) -> LicenseRoundOrder:
    return order.model_copy(update={"is_through": True, "is_silent": False})


def _require_day(order: LicenseRoundOrder) -> date:
    return order.day or order.at.astimezone(EASTERN).date()


def _now() -> datetime:
    return datetime.now(UTC)
