"""Two people who claim one NPN, and claims from before claims were proven: what staff have to look at (D2, D3)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from sqlmodel import col, func, select

from db.case_state import applicant_of, list_rows, one_or_none
from db.claim_tables import NpnClaim
from db.cursors import NUMBERS, Page, page_of
from db.tables import Assister, Case
from domain.shared.cases.stages import ENDED
from domain.shared.claims import ClaimState

# More pairs are not shown at once; the oldest come first.
MOST = 100


@dataclass(frozen=True)
class Claimant:
    """Who claims an NPN: ``cases`` are theirs with that NPN, the newest first, those that go on before the others."""

    claim: NpnClaim
    person: Assister
    cases: list[Case]

    @property
    def open_cases(self) -> list[Case]:
        """Those that go on."""
        return [case for case in self.cases if case.stage not in ENDED]

    @property
    def email(self) -> str:
        """The address they gave: of their newest case, else the one they are known by."""
        return applicant_of(self.cases[0]).email if self.cases else self.person.email

    @property
    def name(self) -> tuple[str, str]:
        """First and last name as they gave them: in their newest case, else those they are known by."""
        who: Any = applicant_of(self.cases[0]) if self.cases else self.person
        return who.first_name, who.last_name

    @property
    def phone(self) -> str:
        """The phone number they gave, if any."""
        return str(self.cases[0].request.get("phone") or "") if self.cases else ""


@dataclass(frozen=True)
class Rivals:
    """Two people and one NPN: who claimed it first, or has proven it; and who claims it too."""

    first: Claimant
    second: Claimant

    @property
    def is_open(self) -> bool:
        """Whether staff have still to decide between them."""
        claim = self.second.claim
        return claim.settled_at is None and claim.state != ClaimState.PROVEN and bool(self.second.open_cases)


@dataclass(frozen=True)
class LegacyClaim:
    """An NPN from before claims were proven, and whose it is said to be."""

    claim: NpnClaim
    person: Assister
    case_id: str | None


def list_rivals(session: Session) -> list[Rivals]:
    """The pairs that staff have still to decide between, the oldest first."""
    query = _select_contested(col(NpnClaim.id)).distinct().order_by(col(NpnClaim.id)).limit(MOST)
    found = [find_rivals(session, number) for number in list_rows(session, query)]
    return [pair for pair in found if pair is not None]


def count_rivals(session: Session) -> int:
    """How many pairs staff have still to decide between."""
    return int(one_or_none(session, _select_contested(func.count(func.distinct(col(NpnClaim.id))))) or 0)


def find_rivals(session: Session, number: int) -> Rivals | None:
    """The pair of a claim that stands against another's; None where it stands against none."""
    claim = session.get(NpnClaim, number)
    if claim is None or claim.contested_at is None:
        return None
    others = select(NpnClaim).where(col(NpnClaim.npn) == claim.npn, col(NpnClaim.id) != claim.id)
    claimants = [_load_claimant(session, one) for one in list_rows(session, others)]
    if not claimants:
        return None
    return Rivals(min(claimants, key=_rank_claimant), _load_claimant(session, claim))


def read_legacy_claims(session: Session, after: str | None, limit: int) -> Page[LegacyClaim]:
    """NPNs from before claims were proven that nobody has proven since, page by page. Raises `Invalid`."""
    return page_of(NUMBERS, _number_of, lambda *place: _fetch_legacy(session, *place), after, limit)


def count_legacy_claims(session: Session) -> int:
    """How many of them there are."""
    query = select(func.count()).select_from(NpnClaim).where(col(NpnClaim.state) == ClaimState.UNPROVEN_LEGACY)
    return int(one_or_none(session, query) or 0)


def _select_contested(what: Any) -> Any:
    """Claims that stand against another's, by people with an open case of that NPN."""
    return (
        select(what)
        .select_from(NpnClaim)
        .join(Case, col(Case.assister_id) == col(NpnClaim.assister_id))
        .where(
            col(NpnClaim.contested_at).is_not(None),
            col(NpnClaim.settled_at).is_(None),
            col(NpnClaim.state) != ClaimState.PROVEN,
            col(Case.stage).not_in(ENDED),
            col(Case.request)["npn"].as_string() == col(NpnClaim.npn),
        )
    )


def _load_claimant(session: Session, claim: NpnClaim) -> Claimant:
    own = select(Case).where(col(Case.assister_id) == claim.assister_id).order_by(col(Case.opened_at).desc())
    cases = [case for case in list_rows(session, own) if applicant_of(case).npn == claim.npn]
    cases.sort(key=lambda case: case.stage in ENDED)
    return Claimant(claim, session.get_one(Assister, claim.assister_id), cases)


def _rank_claimant(one: Claimant) -> Any:
    """Who has proven it comes first, then who has an open case, then who claimed it first."""
    return one.claim.state != ClaimState.PROVEN, not one.open_cases, one.claim.claimed_at, one.claim.id


def _number_of(row: LegacyClaim) -> int:
    assert row.claim.id is not None, "a stored row has a number"
    return row.claim.id


def _fetch_legacy(session: Session, key: int | None, back: bool, limit: int) -> list[LegacyClaim]:
    number = col(NpnClaim.id)
    query = select(NpnClaim).where(col(NpnClaim.state) == ClaimState.UNPROVEN_LEGACY)
    if key is not None:
        query = query.where(number < key if back else number > key)
    rows = list_rows(session, query.order_by(number.desc() if back else number).limit(limit))
    return [_describe_legacy(session, claim) for claim in rows]


def _describe_legacy(session: Session, claim: NpnClaim) -> LegacyClaim:
    newest = select(col(Case.case_id)).where(col(Case.assister_id) == claim.assister_id)
    case_id = one_or_none(session, newest.order_by(col(Case.opened_at).desc()).limit(1))
    return LegacyClaim(claim, session.get_one(Assister, claim.assister_id), case_id)
