"""Licence and NPN look-ups: asks the registry, keeps its answer as evidence, records what it means (A13)."""

from temporalio import activity

from activities import contracts
from activities.effects import read_clock
from adapters.http import Refused
from adapters.registry import RegistryClient, parse_answer
from db.case_state import request_of
from db.engine import Database
from db.writes.screenings import load_screening, record_screening
from domain.shared.assister import Kind
from domain.shared.cases.messages import CaseRef, LookUp, Screened
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
        request, policy = request_of(snapshot.case), snapshot.state_policy
        if not Kind(snapshot.case.kind).is_licensed:
            await self._database.write(
                record_screening, self._identity_key, order, [], "answered", read_clock(order.at)
            )
            return Screened()
        try:
            producer, answers = await self._ask_registry(request.npn, kept)
        except Refused:
            if order.patient:
                raise
            return await self.record_unknown(order)
        now = read_clock(order.at)
        findings = check_license(
            producer,
            request.first_name,
            request.last_name,
            request.license_number,
            find_local_date(policy, now),
            policy.home_state,
        )
        inputs = digest_registry_inputs(self._identity_key, request)
        await self._database.write(
            record_screening,
            self._identity_key,
            order,
            findings,
            "answered",
            now,
            answers,
            inputs,
            read_owner(request.npn, producer),
        )
        return Screened()

    @activity.defn(name="licensing.record_unknown")
    async def record_unknown(self, order: CaseRef) -> Screened:
        """See the contract."""
        unknown = list_unknown_findings()
        at = read_clock(order.at)
        await self._database.write(record_screening, self._identity_key, order, unknown, "unknown", at)
        return Screened(unknown=True)

    async def _ask_registry(self, npn: str | None, kept: bytes | None) -> tuple[Producer | None, dict[str, bytes]]:
        """The producer under an NPN, and what is to be kept of the answer: a round asks once, look-ups are billed."""
        if npn is None:  # an imported record may lack it
            return None, {}
        if kept is not None:
            return parse_answer(kept, npn), {}
        answer = await self._registry.look_up_npn(npn)
        return answer.producer, {answer.sha256: answer.raw}
