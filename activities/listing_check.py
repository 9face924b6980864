"""The federal lists, read by their addresses after a registration is complete; late entries are flagged (B18–B21)."""

from collections.abc import Sequence
from datetime import date, datetime

from temporalio import activity

from activities import contracts
from activities.effects import build_effect_key, make_once, read_clock
from activities.heartbeats import keep_heartbeating
from activities.sent_mail import build_sent_mail
from adapters.holidays import list_days_off
from adapters.http import Refused
from adapters.lists import FederalListReader, RclEntry
from adapters.mail import Email as Mail, Mailer
from db.case_state import CaseSnapshot, load_snapshot, profile_of
from db.engine import Database
from db.writes.cases import flag_case
from db.writes.effects import EffectResult, Intent
from db.writes.facts import MAIL_REFUSED
from db.writes.federal.listings import record_listing
from domain.federal.facts import ListingData, ListingsDueData, ListLateData
from domain.federal.listing_check import find_due_dates, find_next_check, is_late
from domain.federal.lists import select_contact
from domain.federal.markets import FederalList, Market
from domain.federal.registration import Listed, RegistrationState
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.cases.messages import Effect, Looked, MarketOrder
from domain.shared.cases.notices import Notice
from domain.shared.ids import make_message_id
from domain.shared.policy import find_local_date
from templates.letters import NoticeRenderer


class ListingCheckActivities(contracts.ListingCheck):
    """Looks whether a completed market is in the tracker, the RCL and Find Local Help."""

    def __init__(
        self, lists: FederalListReader, database: Database, mailer: Mailer, letters: NoticeRenderer, lists_url: str
    ) -> None:
        self._lists = lists
        self._database = database
        self._mailer = mailer
        self._letters = letters
        self._lists_url = lists_url

    @activity.defn(name="watch.look")
    async def check_listing(self, order: MarketOrder) -> Looked:
        """See the contract."""
        snapshot = await self._database.read(load_snapshot, order.case_id)
        policy, state, at = snapshot.federal_policy, snapshot.registration, read_clock(order.at)
        if Market(order.market) not in state.unlisted:
            return Looked(standing=await self._database.write(record_listing, order.case_id, [], at))
        today = find_local_date(policy, at)
        holidays = list_days_off(range(today.year - 1, today.year + 2))
        ours = [one for one in state.publication if one.market == order.market]
        facts: list[Fact] = []
        absent = False
        if ours:
            async with keep_heartbeating():
                facts, absent = await self._read_lists(snapshot, order, ours, today)
        else:
            since = find_local_date(policy, _find_listable_date(state, Market(order.market)))
            due = ListingsDueData(market=Market(order.market), due=find_due_dates(policy, since, holidays)).to_json()
            fact_id = f"{order.case_id}:watch:{order.market}"
            facts = [Fact(id=fact_id, kind=FactKind.WATCH_OPENED, at=at, data=due)]
        missing = not ours or any(one.listed_at is None and not _is_new(one, facts) for one in ours)
        return Looked(
            again_at=find_next_check(policy, at, holidays, order.case_id) if missing else None,
            ask_help_desk=absent and state.help_desk_told_at is None,
            standing=await self._database.write(record_listing, order.case_id, facts, read_clock(at)),
        )

    async def _read_lists(
        self, snapshot: CaseSnapshot, order: MarketOrder, ours: Sequence[Listed], today: date
    ) -> tuple[list[Fact], bool]:
        """What the lists say now, as facts; and whether the NPN is absent from the RCL after its lag (B21)."""
        facts: list[Fact] = []
        absent = False
        for one in ours:
            if one.listed_at is not None:
                continue
            there, known = await self._is_listed(snapshot, one)
            if there:
                data = ListingData(market=one.market, list=one.list).to_json()
                fact_id = f"{order.case_id}:listed:{order.market}:{one.list}"
                facts.append(Fact(id=fact_id, kind=FactKind.LISTED, at=read_clock(order.at), data=data))
            elif is_late(one.due_on, today):
                absent = absent or (one.list is FederalList.RCL and not known)
                if not one.late:
                    fact_id = f"{order.case_id}:late:{order.market}:{one.list}"
                    late = ListLateData(market=one.market, list=one.list, due_on=one.due_on).to_json()
                    facts.append(Fact(id=fact_id, kind=FactKind.LIST_LATE, at=read_clock(order.at), data=late))
        return facts, absent

    async def _is_listed(self, snapshot: CaseSnapshot, one: Listed) -> tuple[bool, bool]:
        """Whether the market is in a list, and whether the list knows this NPN at all."""
        who, plan_year = profile_of(snapshot.case), snapshot.case.plan_year
        npn = str(who.npn)
        if one.list is FederalList.FIND_LOCAL_HELP:
            phone = select_contact(who).phone
            listed = await self._lists.is_in_local_help(who.first_name, who.last_name, phone, one.market)
            return listed, listed
        if one.list is FederalList.TRACKER:
            tracked = await self._lists.read_tracker(npn, plan_year)
            return tracked is not None and tracked.shows_completed(one.market), tracked is not None
        entry = await self._lists.find_rcl_entry(npn, plan_year)
        return entry is not None and _find_completion(entry, one.market), entry is not None

    @activity.defn(name="watch.ask_help_desk")
    async def ask_help_desk(self, order: MarketOrder) -> Effect:
        """See the contract. A letter the mail server refuses for good is flagged to staff, and the case goes on."""
        kind = f"notice.{Notice.HELP_DESK}"
        key = build_effect_key(order, kind)

        async def make(intent: Intent) -> EffectResult:
            mail = self._compose_email(intent.snapshot, order, key)
            try:
                await self._mailer.send_email(mail)
            except Refused as refused:
                await self._database.write(flag_case, order.case_id, MAIL_REFUSED, read_clock(order.at))
                return EffectResult({"notice": Notice.HELP_DESK, "refused": refused.code})
            result = {"notice": Notice.HELP_DESK, "subject": mail.subject, "message_id": mail.message_id}
            at = read_clock(order.at)
            told = Fact(id=f"{order.case_id}:help_desk", kind=FactKind.HELP_DESK_TOLD, at=at)
            return EffectResult(result, (told,), mail=build_sent_mail(mail, Notice.HELP_DESK, order.case_id, key, at))

        return await make_once(self._database, order, kind, make)

    def _compose_email(self, snapshot: CaseSnapshot, order: MarketOrder, key: str) -> Mail:
        who, state, policy = snapshot.applicant, snapshot.registration, snapshot.federal_policy
        rcl = next(one for one in state.publication if (one.market, one.list) == (order.market, FederalList.RCL))
        values = {
            "first_name": who.first_name,
            "last_name": who.last_name,
            "kind": snapshot.case.kind,
            "program": snapshot.case.program,
            "npn": who.npn,
            "plan_year": snapshot.case.plan_year,
            "markets": [
                {"market": market.value, "completed_on": find_local_date(policy, at)}
                for market, at in state.completed_at.items()
            ],
            "rcl_url": f"{self._lists_url}/registry/rcl.csv",
            "due_on": rcl.due_on,
            "looked_at": read_clock(order.at),
        }
        rendered = self._letters.render_notice(Notice.HELP_DESK, "en", values)
        return Mail(
            to=policy.help_desk,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            language="en",
            message_id=make_message_id(key),
            reply_to=who.email,
        )


def _find_listable_date(state: RegistrationState, market: Market) -> datetime:
    """From when on a market belongs on the lists: its completion; later, where the role came with a later profile."""
    completed_at, saved_at = state.completed_at[market], state.profile.saved_at
    return max(completed_at, saved_at) if saved_at else completed_at


def _find_completion(entry: RclEntry, market: Market) -> bool:
    completed = {
        Market.INDIVIDUAL: entry.individual_registration_completion_date,
        Market.SHOP: entry.shop_registration_completion_date,
    }
    return completed[market] is not None and not entry.status.startswith("T")


def _is_new(one: Listed, facts: Sequence[Fact]) -> bool:
    return any(fact.kind is FactKind.LISTED and fact.read_as(ListingData).list is one.list for fact in facts)
