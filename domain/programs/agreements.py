"""The agreements assisters accept, as sample texts; not the record that somebody accepted one (A3, B16)."""

from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from domain.federal import agreement_texts as texts
from domain.federal.markets import PROGRAM as FFM, MarketplaceAgreement

_ENGLISH = """\
SAMPLE TEXT. This is not a legal document. Replace it with the agreement your counsel has approved.

Exchange Participation Agreement, version 2024-1

As an agent, broker or enrollment counselor certified by beWellnm for the New Mexico Health Insurance Exchange, I agree:

1. To protect personal data. I use a consumer's personal data only to help that consumer, I keep it confidential, and \
I tell beWellnm at once if it is lost or misused.

2. To act in the consumer's interest. I give correct and complete information, I act only with the consumer's \
consent, and the choice of a plan is the consumer's.

3. To complete the annual training. For every plan year I complete the Assister Certification Training and pass the \
final exam, and I help consumers only while I am certified.

4. To keep my information correct. I tell beWellnm of every change to my name, addresses, license or employer.

5. If I am an agent or broker: to keep my New Mexico license valid, and to stop helping consumers while it is not.

6. If I am an enrollment counselor: to help free of charge. I ask nothing of consumers and take no commission.

beWellnm may suspend or revoke my certification if I do not keep this agreement.
"""

_SPANISH = """\
TEXTO DE MUESTRA. No es un documento legal. Sustitúyalo por el acuerdo que haya aprobado su equipo jurídico.

Acuerdo de participación en el Mercado, versión 2024-1

Como agente, corredor o consejero de inscripción con certificación de beWellnm para el Mercado de Seguros Médicos de \
Nuevo México, me comprometo a lo siguiente:

1. Proteger los datos personales. Uso los datos personales de un consumidor solo para ayudarle, los mantengo \
confidenciales y aviso de inmediato a beWellnm si se pierden o se usan indebidamente.

2. Actuar en beneficio del consumidor. Doy información correcta y completa, actúo solo con el consentimiento del \
consumidor, y la elección del plan le corresponde al consumidor.

3. Completar la capacitación anual. Para cada año del plan completo la Capacitación para la certificación de \
asistentes y apruebo el examen final, y ayudo a los consumidores solo mientras mi certificación esté vigente.

4. Mantener mis datos al día. Informo a beWellnm de todo cambio en mi nombre, mis direcciones, mi licencia o mi \
empleador.

5. Si soy agente o corredor: mantener vigente mi licencia de Nuevo México y dejar de ayudar a los consumidores \
mientras no lo esté.

6. Si soy consejero de inscripción: ayudar de forma gratuita. No cobro nada a los consumidores ni acepto comisiones.

beWellnm puede suspender o revocar mi certificación si no cumplo este acuerdo.
"""


class Agreement(BaseModel):
    """One wording of an agreement: what is kept of an acceptance is its version, language and hash (A3)."""

    model_config = ConfigDict(frozen=True)

    program: str
    version: str
    language: str
    text: str

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the text in UTF-8."""
        return sha256(self.text.encode()).hexdigest()


AGREEMENTS: dict[tuple[str, str], Agreement] = {
    (agreement.program, agreement.language): agreement
    for agreement in (
        Agreement(program="bewellnm", version="2024-1", language="en", text=_ENGLISH),
        Agreement(program="bewellnm", version="2024-1", language="es", text=_SPANISH),
    )
}


def _marketplace(name: MarketplaceAgreement, english: str, spanish: str) -> dict[tuple[str, str], Agreement]:
    return {
        (name.value, language): Agreement(program=FFM, version=texts.VERSION, language=language, text=text)
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


def agreement(program: str, language: str) -> Agreement:
    """The agreement in force, in "en" or "es"; KeyError for a program or language without one."""
    return AGREEMENTS[program, language]
