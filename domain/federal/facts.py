"""What a federal registration's facts say, each kind in its shape; facts that say nothing besides have none."""

from datetime import date

from domain.federal.markets import Curriculum, FederalList, Market, MarketplaceAgreement, NpnStatus, Role
from domain.shared.cases.facts import FactData


class ProfileVersionData(FactData):
    """Which saved profile the licence registry confirmed, or refused, later (B9)."""

    version: int


class ProfileSavedData(ProfileVersionData):
    """A profile saved: its version, counted from 1, its role, and what was known of its NPNs then (B7, B9)."""

    role: Role
    npn: NpnStatus


class NpnRefusedData(ProfileVersionData):
    """A saved profile whose NPNs turned out wrong: the fields at fault, each with the code of what is wrong (B9)."""

    faults: tuple[tuple[str, str], ...] = ()


class CurriculumData(FactData):
    """The curriculum whose courses the MLMS was asked to open (B11)."""

    curriculum: Curriculum


class CourseData(CurriculumData):
    """A course in the MLMS or at a vendor: launched, started or completed there (B11–B14)."""

    channel: str


class EnrolledData(CourseData):
    """An enrolment; ``automatic`` where we made it for somebody who returns (B1, B11)."""

    automatic: bool = False


class AgreementData(FactData):
    """The text of an agreement that was opened, or accepted (B16)."""

    agreement: MarketplaceAgreement
    version: str
    language: str
    sha256: str


class MarketData(FactData):
    """The market that is complete, or whose certificate was issued (B12)."""

    market: Market


class ListingsDueData(MarketData):
    """By when a completed market has to be in each federal list (B18–B20)."""

    due: dict[FederalList, date]


class ListingData(MarketData):
    """The federal list in which a market was seen (B18–B20)."""

    list: FederalList


class ListLateData(ListingData):
    """The federal list in which a market was still missing after its last day (B21)."""

    due_on: date
