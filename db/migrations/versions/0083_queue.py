"""What the queue is sorted and filtered by, phone and license numbers among the words people are found by, views."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"

PLAIN = sa.String().with_variant(sa.String(collation="C"), "postgresql")
FILTERED = ["attention", "program", "plan_year", "kind", "stage", "finding"]
ORDERS = {
    "ix_case_attention": ["attention_since", "case_id"],
    "ix_case_by_name": ["sort_name", "case_id", "attention_since"],
    "ix_case_by_reason": ["attention", "attention_since", "case_id"],
    "ix_case_by_finding": ["finding", "attention_since", "case_id"],
    "ix_case_by_kind": ["kind", "attention_since", "case_id"],
    "ix_case_by_program": ["program", "attention_since", "case_id"],
}
PAGE = 500

# Letters that Unicode doesn't take apart into a plain one and its mark.
LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i"})

_CASES = sa.table(
    "assister_case",
    *(sa.column(name, sa.String()) for name in ("case_id", "assister_id", "program", "kind", "finding", "sort_name")),
    sa.column("waiting_for", sa.String()),
    sa.column("npn_unproven", sa.Boolean()),
    sa.column("request", sa.JSON()),
    sa.column("checks", sa.JSON(none_as_null=True)),
)
_PEOPLE = sa.table(
    "assister",
    *(sa.column(name, sa.String()) for name in ("assister_id", "first_name", "last_name")),
    sa.column("details", sa.JSON()),
)
_FACTS = sa.table(
    "fact",
    *(sa.column(name, sa.String()) for name in ("id", "case_id", "kind")),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("data", sa.JSON()),
)
_TERMS = sa.table("search_term", sa.column("term", PLAIN), sa.column("assister_id", sa.String()))


def upgrade() -> None:
    """Adds columns, filled from what is known; and the table of views, empty."""
    op.add_column("assister_case", sa.Column("finding", sa.String(), nullable=False, server_default="without"))
    op.add_column("assister_case", sa.Column("checks", sa.JSON()))
    op.add_column("assister_case", sa.Column("sort_name", PLAIN, nullable=False, server_default=""))
    _bring_people_along()
    _bring_findings_along()
    for name in ("ix_case_counts", "ix_case_attention", "ix_case_opened"):
        op.drop_index(name, "assister_case")
    counted = ["assister_type", "program", "plan_year", "stage", "kind", "attention", "finding"]
    op.create_index("ix_case_counts", "assister_case", counted)
    op.create_index("ix_case_opened", "assister_case", ["opened_at", "case_id", *FILTERED])
    waiting = sa.text("attention_since IS NOT NULL")
    for name, order in ORDERS.items():
        columns = [*order, *(one for one in FILTERED if one not in order)]
        op.create_index(name, "assister_case", columns, sqlite_where=waiting, postgresql_where=waiting)
    op.create_table(
        "saved_view",
        sa.Column("actor", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def _bring_people_along() -> None:
    """Each case by its person's name, and the numbers by which people are found from now on."""
    after = ""
    while page := _page_of(after):
        after = [*page][-1]
        found = {assister_id: _numbers(person["details"] or {}) for assister_id, person in page.items()}
        theirs = sa.select(_CASES.c.assister_id, _CASES.c.request).where(_CASES.c.assister_id.in_(list(page)))
        for assister_id, request in op.get_bind().execute(theirs):
            found[assister_id] |= _numbers(request)
        rows = [{"term": term, "assister_id": one} for one, terms in found.items() for term in terms - _known(one)]
        if rows:
            op.bulk_insert(_TERMS, rows)
        named = sa.update(_CASES).where(_CASES.c.assister_id == sa.bindparam("who"))
        names = [
            {"who": assister_id, "named": _folded(f"{person['last_name']}, {person['first_name']}")}
            for assister_id, person in page.items()
        ]
        op.get_bind().execute(named.values(sort_name=sa.bindparam("named")), names)


def _page_of(after: str) -> dict[str, dict[str, Any]]:
    query = sa.select(_PEOPLE).where(_PEOPLE.c.assister_id > after).order_by(_PEOPLE.c.assister_id).limit(PAGE)
    return {row["assister_id"]: dict(row) for row in op.get_bind().execute(query).mappings()}


def _known(assister_id: str) -> set[str]:
    query = sa.select(_TERMS.c.term).where(_TERMS.c.assister_id == assister_id)
    return set(op.get_bind().execute(query).scalars())


def _numbers(request: Mapping[str, Any]) -> set[str]:
    """Phone and license number as they are looked for, as they were when this release went out."""
    phone = "".join(c for c in str(request.get("phone") or "") if c in "0123456789")
    phone = phone[1:] if len(phone) == 11 and phone.startswith("1") else phone
    license_number = "".join(c for c in _folded(str(request.get("license_number") or "")) if c.isalnum())
    return {phone, license_number} - {""}


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(LETTERS)


def _bring_findings_along() -> None:
    """What the checks come to of the cases that wait for a decision: those of the last screening, and what is beside.

    As near as facts tell without the rules of a release; the case's next fact has it exactly.
    """
    waiting = sa.select(_CASES).where(_CASES.c.waiting_for == "decision").order_by(_CASES.c.case_id)
    for case in [dict(row) for row in op.get_bind().execute(waiting).mappings()]:
        ours = sa.select(_FACTS).where(_FACTS.c.case_id == case["case_id"]).order_by(_FACTS.c.at, _FACTS.c.id)
        facts = [dict(row) for row in op.get_bind().execute(ours).mappings()]
        answers = sum(fact["kind"] == "answered" for fact in facts)
        results = _list_results(case, facts, answers)
        checks = {"number": len(results), "open": {name: one for name, one in results.items() if one != "pass"}}
        changed = sa.update(_CASES).where(_CASES.c.case_id == case["case_id"])
        op.get_bind().execute(changed.values(finding=_judge(results, answers), checks=checks))


def _list_results(case: Mapping[str, Any], facts: Sequence[Mapping[str, Any]], answers: int) -> dict[str, str]:
    screened = [fact["data"] for fact in facts if fact["kind"] == "screened" and fact["data"].get("round") == answers]
    answered = [one for one in screened if all(found["result"] != "unknown" for found in one["findings"])]
    last = (answered or screened or [{"findings": []}])[-1]
    results = {found["check"]: found["result"] for found in last["findings"]}
    if case["kind"] != "enrollment_counselor":
        accepted = any(fact["kind"] == "agreement_accepted" for fact in facts)
        results["agreement_accepted"] = "pass" if accepted else "fail"
        return results | ({"npn_owner": "unknown"} if case["npn_unproven"] else {})
    reported = [fact["data"].get("result") for fact in facts if fact["kind"] == "background_reported"]
    return results | {
        "background_check": {"clear": "pass", "consider": "consider"}.get((reported or [""])[-1], "pending")
    }


def _judge(results: Mapping[str, str], answers: int) -> str:
    found = set(results.values())
    if answers:
        return "answered"
    if not found:
        return "without"
    if "fail" in found:
        return "failed"
    if "consider" in found:
        return "consider"
    return "passed" if found == {"pass"} else "unknown"
