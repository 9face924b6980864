"""The exchange's policies as shipped: plan year 2024 as in the guide, other years carried over from it."""

from datetime import date
from decimal import Decimal

from domain.shared.assister import Kind
from domain.shared.policy import Contact, Contacts, Link, Windows
from domain.state.policy import Intake, LmsIds, Policy

_LMS = "https://lms.bewellnm.example"


_PORTAL_HELP = "https://www.bewellnm.com"


def _build_lms_ids(plan_year: int) -> LmsIds:
    return LmsIds(
        home_page=_LMS,
        account_id=f"{_LMS}/activities/account",
        profile_id=f"{_LMS}/activities/profile",
        course_id=f"{_LMS}/activities/{plan_year}/assister-certification-training",
        exam_id=f"{_LMS}/activities/{plan_year}/final-exam",
    )


_GLOSSARY = Link(
    label={"en": "Glossary of Health Insurance Terms", "es": "Glosario de términos de seguros médicos"},
    url=_PORTAL_HELP,
)


_STARTED = {"en": "Getting Started", "es": "Primeros pasos"}


_AGENT_LINKS = (
    Link(label=_STARTED, url=f"{_PORTAL_HELP}/getting-started/agents-brokers/"),
    Link(
        label={"en": "Agent and Broker Knowledge Base", "es": "Base de conocimientos para agentes y corredores"},
        url="https://nfpnewmexico.force.com/knowledgebase/s/",
    ),
    _GLOSSARY,
)


_COUNSELOR_LINKS = (Link(label=_STARTED, url=f"{_PORTAL_HELP}/getting-started/enrollment-counselors/"), _GLOSSARY)


BEWELLNM_2024 = Policy(
    program="bewellnm",
    plan_year=2024,
    pass_mark=Decimal("0.80"),
    lms=_build_lms_ids(2024),
    contacts=Contacts(
        general=Contact(
            label={
                "en": "beWellnm Customer Engagement Center",
                "es": "Centro de Atención al Cliente de beWellnm",
            },
            phone="1-833-862-3935",
        ),
        portals=Contact(
            label={
                "en": "Broker Portal and Assister Portal",
                "es": "Portal de Corredores y Portal de Asistentes",
            },
            email="brokers@nmhix.com",
        ),
        training=Contact(
            label={
                "en": "LMS and certification training",
                "es": "LMS y capacitación para la certificación",
            },
            email="partners@nmhix.com",
        ),
    ),
    resources={Kind.AGENT: _AGENT_LINKS, Kind.BROKER: _AGENT_LINKS, Kind.ENROLLMENT_COUNSELOR: _COUNSELOR_LINKS},
    referrals={
        "en": ("a tax professional", "the Department of Insurance (DOI)", "the Social Security Administration (SSA)"),
        "es": (
            "un profesional de impuestos",
            "el Departamento de Seguros (DOI)",
            "la Administración del Seguro Social (SSA)",
        ),
    },
    intake=Intake(kinds=(Kind.AGENT, Kind.BROKER), home_state="NM", neighbour_states=("AZ", "CO", "OK", "TX", "UT")),
    windows=Windows(),
)


def _carry_over(plan_year: int) -> Policy:
    """2024's rules for another year: its own course, and a window that ends with the plan year."""
    return BEWELLNM_2024.model_copy(
        update={
            "plan_year": plan_year,
            "carried_over_from": 2024,
            "lms": _build_lms_ids(plan_year),
            "windows": Windows(opens_on=date(plan_year - 1, 9, 1), closes_on=date(plan_year, 12, 31)),
        }
    )


POLICIES: dict[tuple[str, int], Policy] = {
    (policy.program, policy.plan_year): policy
    for policy in (_carry_over(2023), BEWELLNM_2024, _carry_over(2025), _carry_over(2026), _carry_over(2027))
}


def find_state_policy(program: str, plan_year: int) -> Policy | None:
    """The exchange's policy in force, or None where it has none for that year."""
    return POLICIES.get((program, plan_year))
