"""The words of the pages in English and Spanish: translations, labels, a template environment each; no routes."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined

LANGUAGES = ("en", "es")
LOCALES = {"en": "en_US", "es": "es_US"}
NEW_MEXICO = ZoneInfo("America/Denver")

Labels = dict[str, dict[str, str]]

KINDS: Labels = {
    "agent": {"en": "Agent", "es": "Agente"},
    "broker": {"en": "Broker", "es": "Corredor"},
    "enrollment_counselor": {"en": "Enrollment counselor", "es": "Consejero de inscripción"},
}

PROGRAMS: Labels = {
    "bewellnm": {"en": "beWellnm, New Mexico", "es": "beWellnm, Nuevo México"},
    "ffm": {"en": "Federally-facilitated Marketplace", "es": "Mercado facilitado por el gobierno federal"},
}

STAGES: Labels = {
    "requested": {"en": "Request received", "es": "Solicitud recibida"},
    "screening": {"en": "Request being checked", "es": "Solicitud en comprobación"},
    "awaiting_background_check": {"en": "Background check under way", "es": "Verificación de antecedentes en curso"},
    "awaiting_decision": {"en": "Being reviewed by our staff", "es": "En revisión por nuestro personal"},
    "awaiting_information": {"en": "Waiting for your answer", "es": "En espera de su respuesta"},
    "invited": {"en": "Invited to the training", "es": "Con invitación a la capacitación"},
    "in_training": {"en": "In training", "es": "En capacitación"},
    "awaiting_exam_pass": {"en": "Final exam to be passed", "es": "Falta aprobar el examen final"},
    "certified": {"en": "Certificate issued", "es": "Certificado emitido"},
    "portal_setup": {"en": "Portal being set up", "es": "Configuración del portal en curso"},
    "active": {"en": "Active", "es": "Certificación activa"},
    "suspended": {"en": "Suspended", "es": "Certificación suspendida"},
    "under_appeal": {"en": "Under appeal", "es": "En apelación"},
    "denied": {"en": "Denied", "es": "Solicitud denegada"},
    "withdrawn": {"en": "Withdrawn", "es": "Solicitud retirada"},
    "revoked": {"en": "Revoked", "es": "Certificación revocada"},
    "closed": {"en": "Closed", "es": "Proceso cerrado"},
}

WAITING_FOR: Labels = {
    "screening": {"en": "Check of the request", "es": "Comprobación de la solicitud"},
    "background_check": {"en": "Result of the background check", "es": "Resultado de la verificación de antecedentes"},
    "decision": {"en": "Decision of our staff", "es": "Decisión de nuestro personal"},
    "information": {"en": "Your answer", "es": "Su respuesta"},
    "lms_invitation": {"en": "Invitation to the training", "es": "Invitación a la capacitación"},
    "lms_account": {"en": "LMS account", "es": "Cuenta del LMS"},
    "lms_profile": {"en": "LMS profile", "es": "Perfil del LMS"},
    "course_completion": {"en": "Training course", "es": "Curso de capacitación"},
    "exam_pass": {"en": "Final exam", "es": "Examen final"},
    "certificate": {"en": "Certificate", "es": "Certificado"},
    "portal_registration": {"en": "Registration on the Broker Portal", "es": "Registro en el Portal de Corredores"},
    "portal_account": {"en": "Assister Portal account", "es": "Cuenta del Portal de Asistentes"},
    "portal_activation": {
        "en": "Activation of the Assister Portal account",
        "es": "Activación de la cuenta del Portal de Asistentes",
    },
    "portal_profile": {"en": "Portal profile", "es": "Perfil del portal"},
    "scheduling_tool": {"en": "Scheduling Tool", "es": "Herramienta de programación de citas (Scheduling Tool)"},
    "next_plan_year": {"en": "Next plan year", "es": "Próximo año del plan"},
}


def environment(folder: Path) -> dict[str, Environment]:
    """One template environment per language over `folder` (templates), pages named as in pages/."""
    return {language: _environment(folder, language) for language in LANGUAGES}


@cache
def translations(folder: Path, language: str) -> NullTranslations:
    """The catalog of a language, read from its .po; English is what the templates say themselves."""
    if language == "en":
        return NullTranslations()
    with (folder / "locale" / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return GNUTranslations(compiled)


def label(table: Labels, language: str, code: str) -> str:
    """What a reader calls the value of an enumeration."""
    return table[code][language]


def in_language(url: str, language: str) -> str:
    """The same page in another language: the address with its `lang` set."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("lang", language)])))


def day(language: str, value: date) -> str:
    """A date written out, a moment as the date it has in New Mexico."""
    local = value.astimezone(NEW_MEXICO) if isinstance(value, datetime) else value
    return format_date(local, "long", locale=LOCALES[language])


def moment(language: str, value: datetime) -> str:
    """A date and time of New Mexico, written out."""
    local = value.astimezone(NEW_MEXICO)
    time = format_time(local, "h:mm a z", tzinfo=NEW_MEXICO, locale=LOCALES[language])
    return f"{day(language, value)}, {time}"


def percent(language: str, value: str | Decimal) -> str:
    """A share of one as a percentage, without rounding it away."""
    return format_percent(Decimal(value), locale=LOCALES[language], decimal_quantization=False)


def _environment(folder: Path, language: str) -> Environment:
    pages = Environment(
        loader=FileSystemLoader(folder / "pages"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.install_gettext_translations(translations(folder, language), newstyle=True)  # type: ignore[attr-defined]
    pages.globals.update(language=language)
    pages.filters.update(
        day=partial(day, language),
        moment=partial(moment, language),
        percent=partial(percent, language),
        kind=partial(label, KINDS, language),
        program=partial(label, PROGRAMS, language),
        stage=partial(label, STAGES, language),
        awaited=partial(label, WAITING_FOR, language),
    )
    return pages
