"""Faults in what somebody sent: which field, which rule, and a plain sentence in each language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SENTENCES: dict[str, dict[str, str]] = {
    "required": {"en": "This field is required.", "es": "Este campo es obligatorio."},
    "unknown_field": {
        "en": "This field is not part of the form; remove it.",
        "es": "Este campo no forma parte del formulario; quítelo.",
    },
    "choice": {"en": "Choose one of: {choices}.", "es": "Elija una de estas opciones: {choices}."},
    "text": {"en": "Enter text.", "es": "Escriba texto."},
    "too_short": {
        "en": "This is too short: at least {limit} characters or entries.",
        "es": "Es demasiado corto: al menos {limit} caracteres o elementos.",
    },
    "too_long": {
        "en": "This is too long: at most {limit} characters or entries.",
        "es": "Es demasiado largo: como máximo {limit} caracteres o elementos.",
    },
    "number": {"en": "Enter a whole number.", "es": "Escriba un número entero."},
    "yes_or_no": {"en": "Answer true or false.", "es": "Responda verdadero o falso."},
    "object": {"en": "Send an object with named fields.", "es": "Envíe un objeto con campos con nombre."},
    "list": {"en": "Send a list.", "es": "Envíe una lista."},
    "npn": {
        "en": "Enter the National Producer Number: up to ten digits, not starting with 0.",
        "es": "Escriba el número nacional de productor: hasta diez dígitos, sin empezar por 0.",
    },
    "email": {
        "en": "Enter an e-mail address, such as name@example.com.",
        "es": "Escriba una dirección de correo electrónico, como nombre@example.com.",
    },
    "phone": {
        "en": "Enter a phone number with 10 to 15 digits.",
        "es": "Escriba un número de teléfono de 10 a 15 dígitos.",
    },
    "state": {
        "en": "Enter a two-letter state code, such as NM.",
        "es": "Escriba el código de dos letras del estado, como NM.",
    },
    "postal_code": {
        "en": "Enter a ZIP code, such as 87501 or 87501-1234.",
        "es": "Escriba un código postal, como 87501 o 87501-1234.",
    },
    "license_state": {
        "en": "A New Mexico licence is needed, resident or nonresident: enter NM.",
        "es": "Se necesita una licencia de Nuevo México, de residente o no residente: escriba NM.",
    },
    "name_letters": {
        "en": "Write the name as a certificate can show it, in Latin, Greek or Cyrillic letters.",
        "es": "Escriba el nombre como se puede mostrar en un certificado, con letras latinas, griegas o cirílicas.",
    },
    "one_insurer": {
        "en": "An agent represents exactly one insurer; name one, or apply as a broker.",
        "es": "Un agente representa a una sola aseguradora; nombre una o solicite como corredor.",
    },
    "agreement": {
        "en": "Accept the agreement with the exchange to go on.",
        "es": "Acepte el acuerdo con el mercado para continuar.",
    },
    "consent": {
        "en": "Consent to the background check to go on.",
        "es": "Dé su consentimiento para la verificación de antecedentes para continuar.",
    },
    "employer_name": {
        "en": "Name the employer, unless it is the exchange.",
        "es": "Escriba el nombre del empleador, salvo que sea el mercado.",
    },
    "no_policy": {
        "en": "There is no certification policy for this program and plan year.",
        "es": "No hay reglas de certificación para este programa y año del plan.",
    },
    "window_not_open": {
        "en": "Certification for this plan year has not opened yet.",
        "es": "La certificación para este año del plan todavía no ha abierto.",
    },
    "window_closed": {
        "en": "Certification for this plan year has closed.",
        "es": "La certificación para este año del plan ya cerró.",
    },
    "intake_scope": {
        "en": "New agents and brokers must be located in New Mexico, or have both a business and a physical address in "
        "Arizona, Colorado, Oklahoma, Texas or Utah.",
        "es": "Los agentes y corredores nuevos deben estar en Nuevo México, o tener dirección comercial y física en "
        "Arizona, Colorado, Oklahoma, Texas o Utah.",
    },
    "control_characters": {
        "en": "Remove line breaks and control characters.",
        "es": "Quite los saltos de línea y los caracteres de control.",
    },
    "not_changeable": {
        "en": "This field can't be changed in an answer; submit a new request instead.",
        "es": "Este campo no se puede cambiar en una respuesta; envíe una nueva solicitud.",
    },
    "identity_taken": {
        "en": "This NPN or e-mail belongs to another person's case.",
        "es": "Este NPN o correo electrónico pertenece al caso de otra persona.",
    },
    "score": {
        "en": "Send the score as a number between 0 and 1 (scaled), or raw and max.",
        "es": "Envíe la puntuación como un número entre 0 y 1 (scaled), o raw y max.",
    },
    "mismatch": {
        "en": "This does not match the case or its policy.",
        "es": "Esto no coincide con el caso o sus reglas.",
    },
    "timestamp": {
        "en": "Send a date and time with its time zone, such as 2026-11-21T17:00:00Z.",
        "es": "Envíe fecha y hora con su zona horaria, como 2026-11-21T17:00:00Z.",
    },
    "uuid": {"en": "Send a UUID.", "es": "Envíe un UUID."},
    "json": {"en": "Send one JSON document in UTF-8.", "es": "Envíe un documento JSON en UTF-8."},
    "not_understood": {
        "en": "This combination of verb and activity is not one we act on.",
        "es": "No actuamos sobre esta combinación de verbo y actividad.",
    },
    "invalid": {"en": "This value can't be understood; correct it.", "es": "Este valor no se entiende; corríjalo."},
}

_FROM_PYDANTIC = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "choice",
    "literal_error": "choice",
    "union_tag_invalid": "choice",
    "union_tag_not_found": "required",
    "string_type": "text",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "int_type": "number",
    "int_parsing": "number",
    "int_from_float": "number",
    "bool_type": "yes_or_no",
    "bool_parsing": "yes_or_no",
    "model_type": "object",
    "model_attributes_type": "object",
    "dict_type": "object",
    "list_type": "list",
    "tuple_type": "list",
    "uuid_parsing": "uuid",
    "uuid_type": "uuid",
    "datetime_type": "timestamp",
    "datetime_parsing": "timestamp",
    "datetime_from_date_parsing": "timestamp",
    "timezone_aware": "timestamp",
}


@dataclass(frozen=True)
class Fault:
    """One thing wrong with what was sent: the dotted path of the field, and a code of `SENTENCES`."""

    field: str
    code: str
    details: tuple[tuple[str, str], ...] = ()

    def sentence(self, language: str = "en") -> str:
        """What is wrong and what to do, for people."""
        return SENTENCES[self.code][language].format_map(dict(self.details))


class Invalid(Exception):
    """What was sent can't be taken; carries every fault, never the values."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.sentence()}" for fault in self.faults))


def _code(error: ErrorDetails) -> tuple[str, tuple[tuple[str, str], ...]]:
    context: Mapping[str, object] = error.get("ctx") or {}
    if error["type"] in SENTENCES and error["type"] not in _FROM_PYDANTIC:
        return error["type"], ()
    code = _FROM_PYDANTIC.get(error["type"], "invalid")
    if code == "choice":
        choices = str(context.get("expected") or context.get("expected_tags") or "")
        return code, (("choices", choices.replace("'", "").replace(" or ", ", ")),)
    if code in ("too_short", "too_long"):
        limit = context.get("min_length", context.get("max_length", ""))
        return code, (("limit", str(limit)),)
    return code, ()


def faults_of(error: ValidationError, drop: frozenset[str] = frozenset()) -> list[Fault]:
    """Pydantic's errors as our faults; path steps in ``drop`` (tags of unions) are left out of the field's name."""
    faults = []
    for one in error.errors(include_url=False, include_input=False):
        code, details = _code(one)
        path = ".".join(str(step) for step in one["loc"] if step not in drop)
        faults.append(Fault(path or "body", code, details))
    return faults
