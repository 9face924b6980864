"""The federal marketplace's words: roles, markets, curricula and agreements (B6, B11–B16)."""

from enum import StrEnum

MLMS = "mlms"


class Role(StrEnum):
    """The user roles of an MLMS profile, exactly two (B6)."""

    MARKETPLACE_AGENT_BROKER = "marketplace_agent_broker"
    NOT_AN_AGENT_BROKER = "not_an_agent_broker"


class Market(StrEnum):
    """The markets one may register for, each on its own (B12)."""

    INDIVIDUAL = "individual"
    SHOP = "shop"


class Curriculum(StrEnum):
    """What can be trained (B1, B11)."""

    INDIVIDUAL_RETURNING = "individual_returning"
    INDIVIDUAL_FULL = "individual_full"
    SHOP = "shop"

    @property
    def market(self) -> Market:
        """The market a curriculum trains for."""
        return Market.SHOP if self is Curriculum.SHOP else Market.INDIVIDUAL


class MarketplaceAgreement(StrEnum):
    """The agreements with the Marketplace (B16)."""

    INDIVIDUAL_GENERAL = "individual_general"
    INDIVIDUAL_PRIVACY_SECURITY = "individual_privacy_security"
    SHOP_PRIVACY_SECURITY = "shop_privacy_security"

    @property
    def market(self) -> Market:
        """The market an agreement applies to."""
        return Market.SHOP if self is MarketplaceAgreement.SHOP_PRIVACY_SECURITY else Market.INDIVIDUAL


class NpnStatus(StrEnum):
    """What the licence registry said of the NPNs of the profile saved last (B9)."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    NOT_REQUIRED = "not_required"


class FederalList(StrEnum):
    """The lists in which a registration is confirmed (B18–B20)."""

    TRACKER = "tracker"
    RCL = "rcl"
    FIND_LOCAL_HELP = "find_local_help"


def list_agreements(market: Market) -> tuple[MarketplaceAgreement, ...]:
    """The agreements that apply to a market, in the order of the guide."""
    return tuple(agreement for agreement in MarketplaceAgreement if agreement.market is market)
