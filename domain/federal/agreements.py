"""The agreements with the Marketplace: which text of each is in force (B16)."""

from collections.abc import Mapping

from domain.federal.markets import MarketplaceAgreement
from domain.shared.agreements import Agreement

AGREEMENT_NAMES = frozenset(name.value for name in MarketplaceAgreement)
# In force in this process, by name and language; read from files at start (E12).
MARKETPLACE_AGREEMENTS: dict[tuple[str, str], Agreement] = {}


def use_marketplace_agreements(texts: Mapping[tuple[str, str], Agreement]) -> None:
    """Puts these agreements in force, in the place of all there were."""
    MARKETPLACE_AGREEMENTS.clear()
    MARKETPLACE_AGREEMENTS.update(texts)


def find_marketplace_agreement(name: MarketplaceAgreement, language: str) -> Agreement:
    """The agreement with the Marketplace in force, in "en" or "es" (B16)."""
    return MARKETPLACE_AGREEMENTS[name.value, language]


def list_versions_in_force() -> dict[MarketplaceAgreement, str]:
    """The version of each agreement with the Marketplace that counts now: an older one has to be accepted anew."""
    return {name: find_marketplace_agreement(name, "en").version for name in MarketplaceAgreement}
