"""Requests and reports as third parties and people send them; each call names only what matters to the test."""

import itertools
import json
import secrets
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

_numbers = itertools.count(secrets.randbelow(10**8) + 10**9)
VERBS = "http://adlnet.gov/expapi/verbs/"


def new_letters() -> str:
    """Letters that tell a made-up name from others."""
    return "".join(secrets.choice("abcdefghijklmnop") for _ in range(8))


def new_npn() -> str:
    """An NPN nobody else in this run has."""
    return str(next(_numbers))


_ZIP_CODES = {"AZ": "85001", "CO": "80202", "NV": "89501", "TX": "79901"}


def address(state: str, **changes: Any) -> dict[str, Any]:
    code = _ZIP_CODES.get(state, "87501")
    return {"line1": "1 Sample Street", "city": "Sampletown", "state": state, "postal_code": code, **changes}


def broker(npn: str | None = None, **changes: Any) -> dict[str, Any]:
    npn = npn or new_npn()
    return {
        "program": "bewellnm",
        "plan_year": 2024,
        "kind": "broker",
        "language": "en",
        "first_name": "Testa",
        "last_name": "Broker",
        "email": f"testa.broker.{npn}@example.com",
        "phone": "505-555-0100",
        "npn": npn,
        "license_number": f"NM-{npn}",
        "license_state": "NM",
        "insurers": ["Sample Health", "Example Mutual"],
        "business_address": address("TX"),
        "physical_address": address("TX"),
        "agreement_accepted": True,
        **changes,
    }


def agent(npn: str | None = None, **changes: Any) -> dict[str, Any]:
    return broker(
        npn,
        **{
            "kind": "agent",
            "last_name": "Agent",
            "insurers": ["Sample Health"],
            "business_address": address("NM"),
            "physical_address": address("NM"),
            **changes,
        },
    )


def counselor(**changes: Any) -> dict[str, Any]:
    return {
        "program": "bewellnm",
        "plan_year": 2024,
        "kind": "enrollment_counselor",
        "language": "es",
        "first_name": "Ejemplo",
        "last_name": "Consejera",
        "email": f"consejera.{uuid4().hex[:12]}@example.com",
        "phone": "505-555-0101",
        "physical_address": address("NM"),
        "employer": {"kind": "clinic", "name": "Sample Clinic"},
        "background_check_consent": True,
        "agreement_accepted": True,
        **changes,
    }


def registration(npn: str | None = None, **changes: Any) -> dict[str, Any]:
    """A request to register with the federal marketplace, of an agent or broker with both contacts."""
    npn = npn or new_npn()
    contact = {"email": f"help.{npn}@example.org", "phone": "915-555-0100", "languages": ["English", "Spanish"]}
    return {
        "program": "ffm",
        "plan_year": 2024,
        "language": "en",
        "first_name": "Testa",
        "last_name": "Marketagent",
        "email": f"testa.marketagent.{npn}@example.com",
        "phone": "915-555-0101",
        "role": "marketplace_agent_broker",
        "npn": npn,
        "business_contact": {**contact, "name": "Sample Insurance", "address": address("TX")},
        "professional_contact": contact,
        "markets": ["individual"],
        **changes,
    }


def trainee(**changes: Any) -> dict[str, Any]:
    """The same of somebody who is Not an Agent Broker: no NPN, no business."""
    request = registration(**{"last_name": "Traineeperson", "role": "not_an_agent_broker", **changes})
    return {
        name: value for name, value in request.items() if name in changes or name not in ("npn", "business_contact")
    }


def earlier(request: dict[str, Any], *certified: int, **changes: Any) -> dict[str, Any]:
    """What is imported of the person of a request: the years certified, and both accounts."""
    return {
        "person": request,
        "program": "bewellnm",
        "years": [{"plan_year": year, "registered": True, "trained": True, "certified": True} for year in certified],
        "lms_account": True,
        "portal_account": True,
        **changes,
    }


def registered(request: dict[str, Any], *plan_years: int, **changes: bool) -> dict[str, Any]:
    """What is imported of somebody who registered with the federal marketplace in these years, all of it or less."""
    named = ("npn", "email", "first_name", "last_name", "language", "phone")
    done = {"registered": True, "trained": True, "certified": True, "individual_market": True, **changes}
    return {
        "person": {"kind": "broker", **{name: request[name] for name in named}},
        "program": "ffm",
        "years": [{"plan_year": year, **done} for year in plan_years],
    }


def individual(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the registry knows of a registration's own NPN: a person of this name."""
    return {
        "npn": request["npn"],
        "entity": "individual",
        "first_name": request["first_name"],
        "last_name": request["last_name"],
        "company": "",
        "contact_email": request["email"],
        "licenses": [],
        **changes,
    }


def firm(npn: str | None = None) -> dict[str, Any]:
    """A firm in the registry, under an NPN of its own."""
    return {
        "npn": npn or new_npn(),
        "entity": "firm",
        "first_name": "",
        "last_name": "",
        "company": "Sample Insurance",
        "licenses": [],
    }


def producer(request: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the registry knows of a request's NPN: an individual with an active New Mexico licence."""
    held = {
        "state": "NM",
        "number": request["license_number"],
        "residency": "nonresident",
        "active": True,
        "line": "Health",
        "expires": "2099-12-31",
        **changes.pop("license", {}),
    }
    return {
        "npn": request["npn"],
        "entity": "individual",
        "first_name": request["first_name"],
        "last_name": request["last_name"],
        "company": "",
        "contact_email": request["email"],
        "licenses": [held],
        **changes,
    }


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The document with some fields replaced, by their dotted paths; None leaves a field out."""
    document = json.loads(json.dumps(document))
    for path, value in changes.items():
        *way, last = path.split(".")
        place = document
        for step in way:
            place = place[step]
        place[last] = value
        if value is None:
            del place[last]
    return document


def statement(
    policy: dict[str, Any],
    opened: dict[str, Any],
    verb: str,
    role: str,
    result: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """An xAPI statement about a case; ``role`` is account, profile, course or exam."""
    document = {
        "id": str(uuid4()),
        "actor": {"account": {"homePage": policy["lms"]["home_page"], "name": opened["assister_id"]}},
        "verb": {"id": VERBS + verb},
        "object": {"id": policy["lms"][f"{role}_id"]},
        "context": {"registration": opened["case_id"]},
        "timestamp": datetime.now(UTC).isoformat(),
        **changes,
    }
    return document if result is None else {**document, "result": result}


def exam(policy: dict[str, Any], opened: dict[str, Any], scaled: float | str, **changes: Any) -> dict[str, Any]:
    verb = "passed" if float(scaled) >= 0.8 else "failed"
    return statement(policy, opened, verb, "exam", {"score": {"scaled": scaled}}, **changes)


def course(
    policy: dict[str, Any], opened: dict[str, Any], curriculum: str, verb: str = "completed", **changes: Any
) -> dict[str, Any]:
    """The MLMS's statement about a course of the federal marketplace."""
    return {
        "id": str(uuid4()),
        "actor": {"account": {"homePage": policy["mlms"]["home_page"], "name": opened["assister_id"]}},
        "verb": {"id": VERBS + verb},
        "object": {"id": policy["mlms"]["courses"][curriculum]},
        "context": {"registration": opened["case_id"]},
        "timestamp": datetime.now(UTC).isoformat(),
        **changes,
    }


def vendor_report(ticket: str, curriculum: str, **changes: Any) -> dict[str, Any]:
    """A training vendor's report of a completed course."""
    return {
        "type": "training.completed",
        "ticket": ticket,
        "curriculum": curriculum,
        "occurred_at": datetime.now(UTC).isoformat(),
        **changes,
    }
