"""The agreement with the exchange, as a sample text, and the record that it was accepted (A3)."""

from datetime import datetime

from domain.shared.agreements import Agreement
from domain.shared.cases.facts import Fact, FactKind
from domain.shared.programs import STATE_PROGRAM
from domain.state.facts import AgreementAcceptedData

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


AGREEMENTS: dict[tuple[str, str], Agreement] = {
    (agreement.program, agreement.language): agreement
    for agreement in (
        Agreement(program="bewellnm", version="2024-1", language="en", text=_ENGLISH),
        Agreement(program="bewellnm", version="2024-1", language="es", text=_SPANISH),
    )
}


def find_agreement(program: str, language: str) -> Agreement:
    """The agreement in force, in "en" or "es"; KeyError for a program or language without one."""
    return AGREEMENTS[program, language]


def build_acceptance_fact(case_id: str, language: str, at: datetime, source: str, **more: str) -> Fact:
    """The fact that the agreement in force was accepted: version, language and hash of its text, time and source."""
    text = find_agreement(STATE_PROGRAM, language)
    accepted = AgreementAcceptedData(
        version=text.version, language=text.language, sha256=text.sha256, source=source, **more
    )
    return Fact(id=f"{case_id}:agreement", kind=FactKind.AGREEMENT_ACCEPTED, at=at, data=accepted.to_json())
