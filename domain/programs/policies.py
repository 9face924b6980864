"""The policies shipped: plan year 2024 as in the guides, and the years carried over from it (marked so)."""

from datetime import date
from decimal import Decimal

from domain.federal.markets import PROGRAM as FFM, Curriculum, FederalList
from domain.shared.assister import Kind
from domain.shared.policy import (
    Contact,
    Contacts,
    FederalPolicy,
    Intake,
    Link,
    LmsIds,
    MlmsIds,
    Policy,
    ProgramPolicy,
    Vendor,
    Windows,
)

_LMS = "https://lms.bewellnm.example"
_PORTAL_HELP = "https://www.bewellnm.com"


def _lms_ids(plan_year: int) -> LmsIds:
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
    lms=_lms_ids(2024),
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


_MLMS = "https://mlms.marketplace.example"
_CMS = "https://portal.cms.gov"
_HELP_DESK = "FFMProducer-AssisterHelpDesk@cms.hhs.gov"
_DESK = Contact(
    label={
        "en": "Agent and Broker Help Desk of the Marketplace",
        "es": "Mesa de ayuda del Mercado para agentes y corredores",
    },
    email=_HELP_DESK,
)


def _mlms_ids(plan_year: int) -> MlmsIds:
    return MlmsIds(
        home_page=_MLMS,
        courses={one: f"{_MLMS}/activities/{plan_year}/{one.value.replace('_', '-')}" for one in Curriculum},
    )


FFM_2024 = FederalPolicy(
    program=FFM,
    plan_year=2024,
    contacts=Contacts(general=_DESK, portals=_DESK, training=_DESK),
    windows=Windows(),
    time_zone="America/New_York",
    mlms=_mlms_ids(2024),
    vendors={
        "vendor-a": Vendor(name="Training Vendor A", curricula=tuple(Curriculum)),
        "vendor-b": Vendor(name="Training Vendor B", curricula=(Curriculum.INDIVIDUAL_FULL, Curriculum.SHOP)),
    },
    lags={FederalList.TRACKER: 2, FederalList.RCL: 2, FederalList.FIND_LOCAL_HELP: 3},
    help_desk=_HELP_DESK,
    links={
        "cms_portal": Link(
            label={"en": "CMS Enterprise Portal", "es": "Portal de Empresas de los CMS"},
            url=_CMS,
        ),
        "find_local_help": Link(
            label={"en": "Find Local Help", "es": "Find Local Help, en CuidadoDeSalud.gov"},
            url="https://www.healthcare.gov/find-assistance/",
        ),
    },
    resources=(
        Link(
            label={
                "en": "Resources for agents and brokers in the Marketplace",
                "es": "Recursos para agentes y corredores en el Mercado",
            },
            url="https://www.cms.gov/marketplace/agents-brokers/registration-training",
        ),
    ),
)


def _carried_over(plan_year: int) -> Policy:
    """2024's rules for another year: its own course, and a window that ends with the plan year."""
    return BEWELLNM_2024.model_copy(
        update={
            "plan_year": plan_year,
            "carried_over_from": 2024,
            "lms": _lms_ids(plan_year),
            "windows": Windows(opens_on=date(plan_year - 1, 9, 1), closes_on=date(plan_year, 12, 31)),
        }
    )


def _federal_carried_over(plan_year: int) -> FederalPolicy:
    return FFM_2024.model_copy(
        update={
            "plan_year": plan_year,
            "carried_over_from": 2024,
            "mlms": _mlms_ids(plan_year),
            "windows": Windows(opens_on=date(plan_year - 1, 8, 1), closes_on=date(plan_year, 12, 31)),
        }
    )


POLICIES: dict[tuple[str, int], Policy] = {
    (policy.program, policy.plan_year): policy
    for policy in (_carried_over(2023), BEWELLNM_2024, _carried_over(2025), _carried_over(2026), _carried_over(2027))
}


FEDERAL_POLICIES: dict[int, FederalPolicy] = {
    policy.plan_year: policy
    for policy in (
        _federal_carried_over(2023),
        FFM_2024,
        *(_federal_carried_over(plan_year) for plan_year in (2025, 2026, 2027)),
    )
}


def policy_for(program: str, plan_year: int) -> Policy | None:
    """The exchange's policy in force, or None where it has none for that year."""
    return POLICIES.get((program, plan_year))


def federal_policy_for(plan_year: int) -> FederalPolicy | None:
    """The federal marketplace's policy in force, or None where there is none for that year."""
    return FEDERAL_POLICIES.get(plan_year)


def any_policy_for(program: str, plan_year: int) -> ProgramPolicy | None:
    """The policy of whichever program, or None where there is none."""
    return federal_policy_for(plan_year) if program == FFM else policy_for(program, plan_year)
