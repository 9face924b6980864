"""Who takes part in the demonstration: invented assisters of both programs, what they send and how it should end."""

from typing import Any

from domain.shared.programs import STATE_PROGRAM
from starter.demo.federal import MLMS, RegistrationScenario
from starter.demo.state import CertificationScenario
from starter.demo.walkthrough import Document, Scenario

PLAN_YEAR = 2024


def _describe_address(state: str, city: str, postal_code: str) -> Document:
    return {"line1": "1 Sample Street", "city": city, "state": state, "postal_code": postal_code}


SANTA_FE = _describe_address("NM", "Santa Fe", "87501")
EL_PASO = _describe_address("TX", "El Paso", "79901")


def _describe_request(kind: str, first_name: str, last_name: str, email: str, at: Document, **other: Any) -> Document:
    common = {"program": STATE_PROGRAM, "plan_year": PLAN_YEAR, "language": "en", "phone": "505-555-0100"}
    who = {"kind": kind, "first_name": first_name, "last_name": last_name, "email": email, "physical_address": at}
    return {**common, **who, **other}


def _describe_license(number: str, at: Document, *insurers: str) -> Document:
    """What agents and brokers fill in besides; the stand-in registry has these numbers (docs/sandbox.md)."""
    numbers = {"npn": f"9000000{number}", "license_number": f"NM-{number}", "license_state": "NM"}
    return {**numbers, "insurers": list(insurers), "business_address": at, "agreement_accepted": True}


COUNSELOR = {
    "language": "es",
    "employer": {"kind": "clinic", "name": "Sample Clinic"},
    "background_check_consent": True,
    "agreement_accepted": True,
}


def _describe_registration(
    npn: str, first_name: str, last_name: str, email: str, *markets: str, language: str = "en"
) -> Document:
    who = {"first_name": first_name, "last_name": last_name, "email": email, "npn": npn, "language": language}
    role = {"role": "marketplace_agent_broker", "markets": list(markets), "phone": "505-555-0120"}
    return {"program": "ffm", "plan_year": PLAN_YEAR, **who, **role}


def _describe_contacts(email: str, at: Document, language: str) -> Document:
    reached = {"email": email, "phone": "505-555-0120"}
    return {
        "business_contact": {**reached, "address": at},
        "professional_contact": {**reached, "languages": [language]},
    }


IN_ORDER = "license, NPN and agreement are in order"
SCENARIOS: tuple[Scenario, ...] = (
    CertificationScenario(
        _describe_request("agent", "Testa", "Agent", "testa.agent@example.com", SANTA_FE)
        | _describe_license("101", SANTA_FE, "Sample Health"),
        *("approve", IN_ORDER, ("0.7999", "0.80")),
    ),
    CertificationScenario(
        _describe_request("broker", "Sample", "Broker", "sample.broker@example.com", EL_PASO)
        | _describe_license("102", EL_PASO, "Sample Health", "Example Mutual"),
        *("approve", IN_ORDER, ("0.92",)),
        lapses=True,
    ),
    CertificationScenario(
        _describe_request("enrollment_counselor", "Ejemplo", "Consejera", "ejemplo.consejera@example.org", SANTA_FE)
        | COUNSELOR,
        *("approve", "background check is clear", ("0.88",)),
    ),
    CertificationScenario(
        _describe_request("broker", "Expired", "Broker", "expired.broker@example.com", SANTA_FE)
        | _describe_license("112", SANTA_FE, "Example Mutual"),
        *("deny", "The New Mexico license has expired; renew it and ask again.", ("0.85",)),
        appeal="The license was renewed in time, as the file shows; the registry does not know yet.",
    ),
    RegistrationScenario(
        _describe_registration(
            "9000000121", "Ficticia", "Agente", "ficticia.agente@example.com", "individual", language="es"
        ),
        _describe_contacts("ficticia.agente@example.com", SANTA_FE, "Spanish"),
        (("individual_returning", MLMS),),
        years=({"plan_year": 2023, "registered": True, "trained": True, "individual_market": True},),
    ),
    RegistrationScenario(
        _describe_registration("9000000122", "Pretend", "Broker", "pretend.broker@example.com", "individual", "shop"),
        _describe_contacts("pretend.broker@example.com", EL_PASO, "English") | {"business_npn": "9000000123"},
        (("individual_full", "vendor-a"), ("shop", "vendor-a")),
        firm="Pretend Coverage Agency LLC",
    ),
)
