"""The agreements with the Marketplace: which text of each is in force (B16)."""

from domain.federal import agreement_texts as texts
from domain.federal.markets import MarketplaceAgreement
from domain.shared.agreements import Agreement
from domain.shared.programs import FEDERAL_PROGRAM


def _build_agreements(name: MarketplaceAgreement, english: str, spanish: str) -> dict[tuple[str, str], Agreement]:
    return {
        (name.value, language): Agreement(program=FEDERAL_PROGRAM, version=texts.VERSION, language=language, text=text)
        for language, text in (("en", english), ("es", spanish))
    }


MARKETPLACE_AGREEMENTS: dict[tuple[str, str], Agreement] = {
    **_build_agreements(MarketplaceAgreement.INDIVIDUAL_GENERAL, texts.GENERAL_EN, texts.GENERAL_ES),
    **_build_agreements(
        MarketplaceAgreement.INDIVIDUAL_PRIVACY_SECURITY, texts.INDIVIDUAL_PRIVACY_EN, texts.INDIVIDUAL_PRIVACY_ES
    ),
    **_build_agreements(MarketplaceAgreement.SHOP_PRIVACY_SECURITY, texts.SHOP_PRIVACY_EN, texts.SHOP_PRIVACY_ES),
}


def find_marketplace_agreement(name: MarketplaceAgreement, language: str) -> Agreement:
    """The agreement with the Marketplace in force, in "en" or "es" (B16)."""
    return MARKETPLACE_AGREEMENTS[name.value, language]


def list_versions_in_force() -> dict[MarketplaceAgreement, str]:
    """The version of each agreement with the Marketplace that counts now: an older one has to be accepted anew."""
    return {name: find_marketplace_agreement(name, "en").version for name in MarketplaceAgreement}
