"""Reason codes and the plain sentence of each, in English and Spanish."""

SENTENCES: dict[str, dict[str, str]] = {
    # why somebody may not assist yet (A30)
    "not_eligible": {"en": "Eligibility has not been approved.", "es": "La elegibilidad no ha sido aprobada."},
    "training_not_complete": {
        "en": "The annual training is not complete.",
        "es": "La capacitación anual no está completa.",
    },
    "exam_not_passed": {"en": "The final exam has not been passed.", "es": "El examen final no ha sido aprobado."},
    "no_certificate": {"en": "No certificate has been issued.", "es": "No se ha emitido el certificado."},
    "certificate_expired": {"en": "The certificate has expired.", "es": "El certificado venció."},
    "portal_not_ready": {
        "en": "The portal account, its profile or the Scheduling Tool is not ready.",
        "es": "La cuenta del portal, su perfil o la herramienta de citas no está lista.",
    },
    "denied": {"en": "Certification was denied.", "es": "La certificación fue denegada."},
    "withdrawn": {"en": "The request was withdrawn.", "es": "La solicitud fue retirada."},
    "revoked": {"en": "The certification was revoked.", "es": "La certificación fue revocada."},
    "closed": {"en": "The plan year's window has closed.", "es": "El plazo del año del plan se cerró."},
    # why a decision is refused (A12–A14)
    "still_screening": {"en": "The request is still being screened.", "es": "La solicitud aún se está revisando."},
    "awaiting_background_check": {
        "en": "The background check has not been reported; it can't be overridden.",
        "es": "La verificación de antecedentes no ha llegado; no se puede omitir.",
    },
    "awaiting_information": {
        "en": "The assister has been asked for information and has not answered.",
        "es": "Se pidió información al asistente y aún no ha respondido.",
    },
    "override_needed": {
        "en": "Approval needs a recorded override, because of: {checks}.",
        "es": "La aprobación necesita una excepción registrada, por: {checks}.",
    },
    "agreement_needed": {
        "en": "The agreement has not been accepted; approval needs it, or a recorded override that says how it was.",
        "es": "El acuerdo no ha sido aceptado; la aprobación lo necesita, o una excepción que diga cómo se aceptó.",
    },
    "already_decided": {
        "en": "Eligibility was decided already, by {by}.",
        "es": "La elegibilidad ya fue decidida, por {by}.",
    },
    "case_ended": {"en": "The case has ended: {stage}.", "es": "El caso ha terminado: {stage}."},
    "reason_needed": {"en": "Give a reason.", "es": "Indique un motivo."},
    "not_asked": {"en": "No information has been asked for.", "es": "No se ha pedido información."},
    "notice_not_sendable": {
        "en": "This notice can't be sent at this point of the case.",
        "es": "Este aviso no se puede enviar en este punto del caso.",
    },
    # checks of a screening (A3, A7, A10, A13, A14)
    "npn_found": {
        "en": "The NPN is known to the licence registry.",
        "es": "El NPN consta en el registro de licencias.",
    },
    "npn_individual": {
        "en": "The NPN is a person's, not a firm's.",
        "es": "El NPN es de una persona, no de una empresa.",
    },
    "name_matches": {"en": "The name is the one on the licence.", "es": "El nombre es el de la licencia."},
    "license_found": {
        "en": "The registry lists this New Mexico licence under this NPN.",
        "es": "El registro muestra esta licencia de Nuevo México con este NPN.",
    },
    "license_active": {"en": "The New Mexico licence is active.", "es": "La licencia de Nuevo México está activa."},
    "license_not_expired": {
        "en": "The New Mexico licence has not expired.",
        "es": "La licencia de Nuevo México no ha vencido.",
    },
    "agreement_accepted": {
        "en": "The agreement with the exchange is accepted.",
        "es": "El acuerdo con el mercado está aceptado.",
    },
    "identity_matches": {
        "en": "Earlier records of this NPN carry the same name and e-mail.",
        "es": "Los registros anteriores de este NPN tienen el mismo nombre y correo.",
    },
    "background_check": {"en": "The background check is clear.", "es": "La verificación de antecedentes está limpia."},
    "intake_scope": {
        "en": "The addresses are within the intake scope of new agents and brokers.",
        "es": "Las direcciones están dentro del alcance para agentes y corredores nuevos.",
    },
}


def sentence(code: str, language: str = "en", **details: str) -> str:
    """The plain sentence of a reason code."""
    return SENTENCES[code][language].format_map(details)
