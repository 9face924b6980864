"""Portal accounts: a counselor's is created by us, activated by its owner, suspended when the case ends (A26–A28)."""

from temporalio import activity

from activities import contracts
from activities.effects import make_once, read_clock, see_through
from adapters.portal import PortalClient
from db.case_state import load_snapshot
from db.engine import Database
from db.reads.third_parties import find_account_to_suspend, find_portal_account, find_reusable_portal_account
from db.writes.effects import EffectResult, Intent
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import CaseRef, Correction, Effect
from domain.state.certification import PortalAccount

RENAMED = "portal.renamed"


class PortalActivities(contracts.Portal):
    """The portal's accounts."""

    def __init__(self, portal: PortalClient, database: Database) -> None:
        self._portal = portal
        self._database = database

    @activity.defn(name="portal.create_account")
    async def create_account(self, order: CaseRef) -> Effect:
        """See the contract."""

        async def make(intent: Intent) -> EffectResult:
            who = intent.snapshot.applicant
            account = await self._portal.create_account(order.case_id, who.email, who.first_name, who.last_name)
            fact = Fact(
                id=f"{order.case_id}:portal_account", kind=FactKind.PORTAL_ACCOUNT_CREATED, at=read_clock(order.at)
            )
            return EffectResult({"account": account}, (fact,), external_id=account)

        async def undo(made: EffectResult) -> None:
            await self._portal.set_active(made.result["account"], False)

        return await make_once(self._database, order, "portal.account_created", make, undo=undo)

    @activity.defn(name="portal.activate")
    async def activate_account(self, order: CaseRef) -> Effect:
        """See the contract."""
        account = await self._database.read(find_portal_account, order.case_id)
        if account is None or await self._is_barred(order):
            return Effect(ended=True)
        return await see_through(self._activate(order, account))

    async def _activate(self, order: CaseRef, account: str) -> Effect:
        await self._portal.set_active(account, True)
        ended = await self._is_barred(order)
        if ended:  # meanwhile, and its suspension may have come first
            await self._portal.set_active(account, False)
        return Effect(ended=ended)

    async def _is_barred(self, order: CaseRef) -> bool:
        """Whether the account must not be open: the case has ended, or its authority is suspended (E2)."""
        state = (await self._database.read(load_snapshot, order.case_id)).certification
        return state.ended or state.authority.is_suspended

    @activity.defn(name="portal.reuse_account")
    async def reuse_account(self, order: CaseRef) -> Effect:
        """See the contract. An account that the portal doesn't show is taken as it is."""

        async def make(intent: Intent) -> EffectResult:
            known_as = await self._database.read(find_reusable_portal_account, order.case_id)
            account = await self._portal.reuse_account(order.case_id, known_as, intent.snapshot.applicant.email)
            if account and await self._is_barred(order):  # who hands it over opens it
                await self._portal.set_active(account, False)
            fact = Fact(
                id=f"{order.case_id}:portal_reused", kind=FactKind.PORTAL_ACCOUNT_REUSED, at=read_clock(order.at)
            )
            return EffectResult({"account": account}, (fact,) if account else ())

        async def undo(made: EffectResult) -> None:
            if made.result["account"] and await self._database.read(find_account_to_suspend, order.case_id):
                await self._portal.set_active(made.result["account"], False)

        return await make_once(self._database, order, "portal.account_reused", make, undo=undo)

    @activity.defn(name="portal.suspend")
    async def suspend_account(self, order: CaseRef) -> Effect:
        """See the contract."""
        snapshot = await self._database.read(load_snapshot, order.case_id)
        if snapshot.certification.certificate is None:
            return Effect(ended=True)

        async def make(_: Intent) -> EffectResult:
            known_as = await self._database.read(find_account_to_suspend, order.case_id)
            account = await self._portal.find_account(known_as) if known_as else None
            if account is not None and account.active:
                await self._portal.set_active(account.id, False)
            return EffectResult({"account": account.id if account else None})

        return await make_once(self._database, order, "portal.suspended", make, after_end=True)

    @activity.defn(name="portal.rename_account")
    async def rename_account(self, order: Correction) -> Effect:
        """See the contract. Whoever is renamed twice at once is called what the case says last."""

        async def make(_: Intent) -> EffectResult:
            known_as = await self._database.read(find_account_to_suspend, order.case_id)
            account = await self._portal.find_account(known_as) if known_as else None
            if account is not None:
                who = (await self._database.read(load_snapshot, order.case_id)).applicant
                await self._portal.rename_account(account.id, who.first_name, who.last_name)
            return EffectResult({"account": account.id if account else None})

        key = f"{order.case_id}:{RENAMED}:{order.command_id}:-"
        return await make_once(self._database, order, RENAMED, make, key=key)

    @activity.defn(name="portal.align_account")
    async def align_account(self, order: CaseRef) -> Effect:
        """See the contract. One that its owner has not activated yet is not opened."""

        async def make(_: Intent) -> EffectResult:
            known_as = await self._database.read(find_account_to_suspend, order.case_id)
            account = await self._portal.find_account(known_as) if known_as else None
            if account is None:
                return EffectResult({"account": None})
            is_open = account.active
            # Two changes may be made at once: whoever has changed it last has looked again since.
            while (wanted := await self._find_wanted(order, is_open)) is not is_open:
                await self._portal.set_active(account.id, wanted)
                is_open = wanted
            return EffectResult({"account": account.id, "active": is_open})

        return await make_once(self._database, order, "portal.account_aligned", make)

    async def _find_wanted(self, order: CaseRef, is_open: bool) -> bool:
        """Whether the account is to be open: as it is where its owner has not used it yet."""
        state = (await self._database.read(load_snapshot, order.case_id)).certification
        if state.ended or state.authority.is_suspended:
            return False
        return is_open or state.portal_account in (PortalAccount.REGISTERED, PortalAccount.ACTIVE)
