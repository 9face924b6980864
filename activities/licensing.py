"""Licence and NPN look-ups: asks the registry, keeps its answer as evidence, records what it means (A13)."""

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from adapters.http import Refused
from adapters.registry import RegistryClient, parse_answer
from db.case_state import CaseSnapshot, request_of
from db.engine import Database
from db.writes.screenings import load_repeat, load_screening, record_screening
from domain.shared.assister import Kind
from domain.shared.cases.messages import CaseRef, ChecksOrder, LookUp, Screened
from domain.shared.claims import read_owner
from domain.shared.licensing import Producer
from domain.shared.policy import find_local_date
from domain.state.eligibility import check_license, list_unknown_findings
from domain.state.finding_inputs import digest_registry_inputs


class LicensingActivities(contracts.Licensing):
    """The licence registry's look-ups."""

    def __init__(self, registry: RegistryClient, database: Database, identity_key: bytes) -> None:
        self._registry = registry
        self._database = database
        self._identity_key = identity_key

    @activity.defn(name="licensing.look_up")
    async def look_up(self, order: LookUp) -> Screened:
        """See the contract."""
        snapshot, kept = await self._database.read(load_screening, order)
        if not Kind(snapshot.case.kind).is_licensed:
            await self._database.write(
                record_screening, self._identity_key, order, [], "answered", read_clock(order.at)
            )
            return Screened()
        try:
            await self._screen_by_registry(order, snapshot, kept)
        except Refused:
            if order.patient:
                raise
            return await self.record_unknown(order)
        return Screened()

    @activity.defn(name="licensing.record_unknown")
    async def record_unknown(self, order: CaseRef) -> Screened:
        """See the contract."""
        unknown = list_unknown_findings()
        at = read_clock(order.at)
        await self._database.write(record_screening, self._identity_key, order, unknown, "unknown", at)
        return Screened(unknown=True)

    @activity.defn(name="licensing.repeat_checks")
    async def repeat_checks(self, order: ChecksOrder) -> Screened:
        """See the contract."""
        asked = await self._database.read(load_repeat, order)
        if asked is None:
            return Screened()
        if asked.asks_registry:
            try:
                await self._screen_by_registry(order, asked.snapshot, asked.kept)
            except Refused:
                return await self.give_up_repeat(order)
            return Screened()
        who = request_of(asked.snapshot.case)
        inputs = digest_registry_inputs(self._identity_key, who) if asked.known else None
        now = read_clock(order.at)
        await self._database.write(
            record_screening, self._identity_key, order, asked.known, "records", now, None, inputs
        )
        return Screened()

    @activity.defn(name="licensing.give_up_repeat")
    async def give_up_repeat(self, order: ChecksOrder) -> Screened:
        """See the contract."""
        asked = await self._database.read(load_repeat, order)
        if asked is None:
            return Screened()
        found, at = list_unknown_findings() if asked.asks_registry else asked.known, read_clock(order.at)
        await self._database.write(record_screening, self._identity_key, order, found, "unknown", at)
        return Screened(unknown=asked.asks_registry)

    async def _screen_by_registry(self, order: CaseRef, snapshot: CaseSnapshot, kept: bytes | None) -> None:
        """Records what the registry says of the request's licence. Raises `Refused` for what can't be read."""
        request, policy = request_of(snapshot.case), snapshot.state_policy
        producer, answers = await self._ask_registry(request.npn, kept)
        now = read_clock(order.at)
        findings = check_license(
            producer,
            request.first_name,
            request.last_name,
            request.license_number,
            find_local_date(policy, now),
            policy.home_state,
        )
        await self._database.write(
            record_screening,
            self._identity_key,
            order,
            findings,
            "answered",
            now,
            answers,
            digest_registry_inputs(self._identity_key, request),
            read_owner(request.npn, producer),
        )

    async def _ask_registry(self, npn: str | None, kept: bytes | None) -> tuple[Producer | None, dict[str, bytes]]:
        """The producer under an NPN, and what is to be kept of the answer: a round asks once, look-ups are billed."""
        if npn is None:  # an imported record may lack it
            return None, {}
        if kept is not None:
            return parse_answer(kept, npn), {}
        answer = await self._registry.look_up_npn(npn)
        return answer.producer, {answer.sha256: answer.raw}
