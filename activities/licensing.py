"""Licence and NPN look-ups: asks the registry, keeps its answer as evidence, records what it means (A13)."""

from temporalio import activity

from activities import contracts
from adapters.http import Refused
from adapters.registry import RegistryClient, parse_answer
from db.case_state import CaseSnapshot, load_snapshot, request_of
from db.engine import Database
from db.reads.third_parties import find_evidence
from db.writes.cases import record_facts
from db.writes.effects import keep_evidence
from domain.shared.assister import AssisterType, Kind
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, LookUp, Screened
from domain.shared.licensing import Producer
from domain.shared.policy import find_local_date
from domain.state.eligibility import Check, Finding, check_license, list_unknown_findings, make_finding
from domain.state.facts import ScreenedData

SOURCE = "registry"


class LicensingActivities(contracts.Licensing):
    """The licence registry's look-ups."""

    def __init__(self, registry: RegistryClient, database: Database) -> None:
        self._registry = registry
        self._database = database

    @activity.defn(name="licensing.look_up")
    async def look_up(self, order: LookUp) -> Screened:
        """See the contract."""
        snapshot = await self._database.read(load_snapshot, order.case_id)
        if not Kind(snapshot.case.kind).is_licensed:
            return await self._record_findings(snapshot, order, [], "answered")
        try:
            producer = await self._ask_registry(snapshot, order)
        except Refused:
            if order.patient:
                raise
            return await self.record_unknown(order)
        request = request_of(snapshot.case)
        findings = check_license(
            producer,
            request.first_name,
            request.last_name,
            request.license_number,
            find_local_date(snapshot.state_policy, order.at),
            snapshot.state_policy.home_state,
        )
        return await self._record_findings(snapshot, order, findings, "answered")

    @activity.defn(name="licensing.record_unknown")
    async def record_unknown(self, order: CaseRef) -> Screened:
        """See the contract."""
        snapshot = await self._database.read(load_snapshot, order.case_id)
        await self._record_findings(snapshot, order, list_unknown_findings(), "unknown")
        return Screened(unknown=True)

    async def _ask_registry(self, snapshot: CaseSnapshot, order: LookUp) -> Producer | None:
        """The producer under the request's NPN; look-ups are billed, so this round's answer is asked for once."""
        key = f"{order.case_id}:{SOURCE}:{order.occurrence}"
        npn = snapshot.applicant.npn
        if npn is None:  # an imported record may lack it
            return None
        kept = await self._database.read(find_evidence, key)
        if kept is not None:
            return parse_answer(kept, npn)
        answer = await self._registry.look_up_npn(npn)
        await self._database.write(keep_evidence, key, order.case_id, SOURCE, answer.raw, answer.sha256, order.at)
        return answer.producer

    async def _record_findings(
        self, snapshot: CaseSnapshot, order: CaseRef, findings: list[Finding], how: str
    ) -> Screened:
        """Records this round's findings, with those that our own records make."""
        if not snapshot.case.identity_matches:
            findings = [*findings, make_finding(Check.IDENTITY_MATCHES, False)]
        if not _is_in_scope(snapshot):
            findings = [*findings, make_finding(Check.INTAKE_SCOPE, False)]
        fact = Fact(
            id=f"{order.case_id}:screened:{order.occurrence}:{how}",
            kind=FactKind.SCREENED,
            at=order.at,
            data=ScreenedData(round=order.occurrence, findings=tuple(findings)).to_json(),
        )
        await self._database.write(
            record_facts, order.case_id, [fact], order.at, "case.screened", round=order.occurrence, how=how
        )
        return Screened()


def _is_in_scope(snapshot: CaseSnapshot) -> bool:
    """Whether the addresses are still within the intake scope: the door saw to it, an answer may have changed them."""
    case, request = snapshot.case, request_of(snapshot.case)
    return snapshot.state_policy.intake.admits(
        Kind(case.kind),
        AssisterType(case.assister_type),
        request.physical_address.state,
        request.business_address.state,
    )
