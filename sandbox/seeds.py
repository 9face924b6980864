"""Who the registry, the background check vendor and the identity provider know at the start; all invented.

docs/sandbox.md explains each.
"""

from typing import Any

USUAL_EXPIRY = "2034-12-31"


def _license(state: str, number: str, residency: str = "resident", **other: Any) -> dict[str, Any]:
    return {"state": state, "number": number, "residency": residency, "expires": USUAL_EXPIRY, **other}


def _individual(npn: str, first_name: str, last_name: str, *licenses: dict[str, Any], **other: Any) -> dict[str, Any]:
    names = {"first_name": first_name, "last_name": last_name}
    return {"npn": npn, "entity": "individual", **names, "licenses": list(licenses), **other}


def _firm(npn: str, company: str, *licenses: dict[str, Any]) -> dict[str, Any]:
    return {"npn": npn, "entity": "firm", "company": company, "licenses": list(licenses)}


# Ten digits that start with 9 are far above any number issued: none of these belongs to a real person.
PRODUCERS: list[dict[str, Any]] = [
    _individual("9000000101", "Testa", "Agent", _license("NM", "NM-101"), contact_email="testa.agent@example.com"),
    _individual(
        *("9000000102", "Sample", "Broker", _license("NM", "NM-102", "nonresident"), _license("TX", "TX-102")),
        contact_email="sample.broker@example.com",
    ),
    _individual(
        "9000000103", "Ejemplo", "Corredor", _license("NM", "NM-103"), contact_email="ejemplo.corredor@example.com"
    ),
    _individual(
        "9000000104",
        "Inventada",
        "Núñez Prueba",
        _license("NM", "NM-104"),
        suffix="JR",
        contact_email="inventada.nunez@example.com",
    ),
    _individual(
        "9000000105",
        "Demo",
        "Producer",
        _license("NM", "NM-105-OLD", active=False),
        _license("NM", "NM-105"),
        contact_email="demo.producer@example.com",
    ),
    _individual(
        "9000000106",
        "Muestra",
        "Agente",
        _license("NM", "NM-106", "nonresident"),
        _license("AZ", "AZ-106"),
        contact_email="muestra.agente@example.com",
    ),
    _individual("9000000111", "Lapsed", "Agent", _license("NM", "NM-111", active=False)),
    _individual("9000000112", "Expired", "Broker", _license("NM", "NM-112", expires="2023-12-31")),
    _individual("9000000113", "Faraway", "Broker", _license("TX", "TX-113")),
    _firm("9000000114", "Example Benefits Agency LLC", _license("NM", "NM-114")),
    _individual("9000000115", "Otra", "Persona", _license("NM", "NM-115")),
    _firm("9000000116", "Sample Web Entity Inc", _license("NM", "NM-116")),
]

UNASSIGNED_NPN = "9000000199"

CHECK_OUTCOMES: list[dict[str, Any]] = [
    {"email": "ejemplo.consejera@example.org", "result": "clear", "after_seconds": 0.2},
    {"email": "clear.counselor@example.org", "result": "clear", "after_seconds": 0.2},
    {"email": "consider.counselor@example.org", "result": "consider", "after_seconds": 0.2},
    {"email": "slow.counselor@example.org", "result": "clear", "after_seconds": 5},
    {"email": "slow.consider@example.org", "result": "consider", "after_seconds": 5},
]

# How sure the provider is of somebody, as Login.gov writes it: proofed with a face, or signed in and no more.
PROOFED, SIGNED_IN = "urn:acr.login.gov:verified-facial-match-required", "urn:acr.login.gov:auth-only"
# Assisters, some of whom the provider has proofed, and one whose address it has not verified.
DEMO_ASSISTERS: list[dict[str, Any]] = [
    {"name": "Testa Agent", "given_name": "Testa", "family_name": "Agent", "acr": PROOFED, "email_verified": True},
    {
        "name": "Another Proofed",
        "given_name": "Another",
        "family_name": "Proofed",
        "acr": PROOFED,
        "email_verified": True,
    },
    {
        "name": "Testa Not Proofed",
        "given_name": "Testa",
        "family_name": "Agent",
        "acr": SIGNED_IN,
        "email_verified": True,
    },
    {
        "name": "Testa Not Verified",
        "given_name": "Testa",
        "family_name": "Agent",
        "acr": SIGNED_IN,
        "email_verified": False,
    },
]
DEMO_PEOPLE: list[dict[str, Any]] = [
    {"name": "Demo Reviewer", "roles": ["reviewer"]},
    {"name": "Demo Second Reviewer", "roles": ["reviewer"]},
    {"name": "Demo Appeals Reviewer", "roles": ["appeals_reviewer"]},
    {"name": "Demo Operator", "roles": ["operator"]},
    {"name": "Demo Auditor", "roles": ["auditor"]},
    {"name": "Demo Visitor", "roles": []},
]
