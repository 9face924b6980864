"""The federal marketplace's policies as shipped: plan year 2024 as in the guide, other years carried over from it."""

from datetime import date

from domain.federal.markets import Curriculum, FederalList
from domain.federal.policy import FederalPolicy, MlmsIds, Vendor
from domain.shared.policy import Contact, Contacts, Link, Windows
from domain.shared.programs import FEDERAL_PROGRAM

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


def _build_mlms_ids(plan_year: int) -> MlmsIds:
    return MlmsIds(
        home_page=_MLMS,
        courses={one: f"{_MLMS}/activities/{plan_year}/{one.value.replace('_', '-')}" for one in Curriculum},
    )


FFM_2024 = FederalPolicy(
    program=FEDERAL_PROGRAM,
    plan_year=2024,
    contacts=Contacts(general=_DESK, portals=_DESK, training=_DESK),
    windows=Windows(),
    time_zone="America/New_York",
    mlms=_build_mlms_ids(2024),
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


def _carry_over(plan_year: int) -> FederalPolicy:
    return FFM_2024.model_copy(
        update={
            "plan_year": plan_year,
            "carried_over_from": 2024,
            "mlms": _build_mlms_ids(plan_year),
            "windows": Windows(opens_on=date(plan_year - 1, 8, 1), closes_on=date(plan_year, 12, 31)),
        }
    )


FEDERAL_POLICIES: dict[int, FederalPolicy] = {
    policy.plan_year: policy
    for policy in (
        _carry_over(2023),
        FFM_2024,
        *(_carry_over(plan_year) for plan_year in (2025, 2026, 2027)),
    )
}


def find_federal_policy(plan_year: int) -> FederalPolicy | None:
    """The federal marketplace's policy in force, or None where there is none for that year."""
    return FEDERAL_POLICIES.get(plan_year)
