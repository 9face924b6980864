"""The agreements with the Marketplace: which text of each is in force (B16)."""

from domain.federal import agreement_texts as texts
from domain.federal.markets import MarketplaceAgreement
from domain.shared.agreements import Agreement
from domain.shared.programs import FEDERAL_PROGRAM


def _marketplace(name: MarketplaceAgreement, english: str, spanish: str) -> dict[tuple[str, str], Agreement]:
    return {
        (name.value, language): Agreement(program=FEDERAL_PROGRAM, version=texts.VERSION, language=language, text=text)
        for language, text in (("en", english), ("es", spanish))
    }


MARKETPLACE_AGREEMENTS: dict[tuple[str, str], Agreement] = {
    **_marketplace(MarketplaceAgreement.INDIVIDUAL_GENERAL, texts.GENERAL_EN, texts.GENERAL_ES),
    **_marketplace(
        MarketplaceAgreement.INDIVIDUAL_PRIVACY_SECURITY, texts.INDIVIDUAL_PRIVACY_EN, texts.INDIVIDUAL_PRIVACY_ES
    ),
    **_marketplace(MarketplaceAgreement.SHOP_PRIVACY_SECURITY, texts.SHOP_PRIVACY_EN, texts.SHOP_PRIVACY_ES),
}


def marketplace_agreement(name: MarketplaceAgreement, language: str) -> Agreement:
    """The agreement with the Marketplace in force, in "en" or "es" (B16)."""
    return MARKETPLACE_AGREEMENTS[name.value, language]


def versions_in_force() -> dict[MarketplaceAgreement, str]:
    """The version of each agreement with the Marketplace that counts now: an older one has to be accepted anew."""
    return {name: marketplace_agreement(name, "en").version for name in MarketplaceAgreement}
