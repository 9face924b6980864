"""Two people, one NPN: both identities side by side, and staff's decision between them; NPNs from before (D2, D3)."""

from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from db.reads.npn.rivals import Claimant, Rivals, count_legacy_claims, find_rivals, list_rivals, read_legacy_claims
from db.writes.npn.rivals import UnknownRivals
from domain.shared.cases.authors import ProofMethod, WordMethod
from domain.shared.cases.reasons import Refusal
from domain.shared.claims import NpnProof
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.documents.texts import LONGEST_DOCUMENT, find_text_faults
from starter.cases import now
from templates.catalogs import N_, translate
from web.http.addresses import build_query
from web.http.forms import describe_faults, read_form
from web.http.pages import PRIVATE, build_page_router
from web.http.permissions import Permission
from web.http.sentences import explain_reason
from web.staff.case_page import FormAttempt
from web.staff.layout import StaffVisit, build_page_urls, require_visit

router = build_page_router(prefix="/staff/claims")

HOME = "/staff/claims"
AT_A_TIME = 25
IdentityVisit = Annotated[StaffVisit, require_visit(Permission.PROVE_IDENTITY)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]

# What is said on top, by what stands in the address.
_DONE = {
    "same": N_("They are one person. Both addresses are written to, and the second request is withdrawn."),
    "other": N_("They are two people. Both are written to."),
}
# The lines in which both are held against each other.
_LABELS = {
    "name": N_("Name"),
    "email": N_("E-mail address"),
    "registry": N_("E-mail address in the registry"),
    "phone": N_("Phone number"),
    "license_number": N_("[state] license number"),
    "address": N_("Business address"),
}
# What is asked for where it is missing.
_MISSING = {
    "email": N_("Choose the address that is theirs now."),
    "name": N_("Choose the name that is theirs now."),
    "method": N_("Choose how you have seen it."),
    "document": N_("Say which document you have seen."),
    "reason": N_("Give a reason."),
}


@router.get("")
async def show_claims(visit: IdentityVisit) -> Response:
    """Who claims an NPN that another one claims too, the oldest first; and NPNs from before that nobody has proven."""
    database, query = visit.services.database, visit.request.query_params
    pairs = await database.read(list_rivals)
    try:
        legacy = await database.read(read_legacy_claims, query.get("after") or None, AT_A_TIME)
    except Invalid:  # no place of this list
        return RedirectResponse(HOME, 303, PRIVATE)
    shown = [case.case_id for pair in pairs for one in (pair.first, pair.second) for case in one.cases[:1]]
    await visit.record_access("claims", [*shown, *(row.case_id for row in legacy.rows if row.case_id)])
    done = _DONE.get(query.get("done", ""))
    return visit.render_page(
        "staff/claims.html",
        pairs=pairs,
        legacy=legacy.rows,
        legacy_total=await database.read(count_legacy_claims),
        done=translate(done, visit.language) if done else None,
        now=now(),
        **build_page_urls(legacy, lambda after: HOME + build_query(after=after)),
    )


@router.get("/{number}")
async def show_rivals(visit: IdentityVisit, number: Number) -> Response:
    """Both identities side by side, and what can be decided."""
    return await _render_rivals(visit, number)


@router.post("/{number}/same")
async def decide_same_person(visit: IdentityVisit, number: Number) -> Response:
    """They are one person: the NPN is proven, and the address and the name that are theirs now are taken."""
    values = await read_form(visit.request)
    method, document = values.get("method", ""), values.get("document", "")
    pair = await visit.services.database.read(find_rivals, number)
    asked = ("email", "name") if pair is not None and pair.first.name != pair.second.name else ("email",)
    faults = [Fault(name, "required") for name in asked if values.get(name) not in ("first", "second")]
    faults += find_method_faults(method)
    faults += find_document_faults(document)
    faults += find_text_faults("reason", values.get("reason", ""))
    if faults:
        return await _render_rivals(visit, number, FormAttempt("same", values, faults), 422)
    proof = NpnProof(method, visit.me.actor, document.strip(), values["reason"].strip(), visit.language)
    try:
        await visit.services.claims.settle_same_person(
            number,
            proof,
            takes_second_email=values["email"] == "second",
            takes_second_name=values.get("name") == "second",
        )
    except UnknownRivals:
        raise _build_not_found() from None
    except Refusal as refusal:
        return await _render_rivals(visit, number, FormAttempt("same", values, refused=refusal.reason), 409)
    return _redirect_done(visit, "same")


@router.post("/{number}/other")
async def decide_someone_else(visit: IdentityVisit, number: Number) -> Response:
    """They are two people: each is written to, and the NPN stays to be proven."""
    values = await read_form(visit.request)
    reason = values.get("reason", "")
    if faults := find_text_faults("reason", reason):
        return await _render_rivals(visit, number, FormAttempt("other", values, faults), 422)
    try:
        await visit.services.claims.settle_someone_else(number, visit.me.actor, reason.strip())
    except UnknownRivals:
        raise _build_not_found() from None
    except Refusal as refusal:
        return await _render_rivals(visit, number, FormAttempt("other", values, refused=refusal.reason), 409)
    return _redirect_done(visit, "other")


async def _render_rivals(
    visit: StaffVisit, number: int, attempt: FormAttempt | None = None, status: int = 200
) -> HTMLResponse:
    pair = await visit.services.database.read(find_rivals, number)
    if pair is None:
        raise _build_not_found()
    await visit.record_access("claims", [case.case_id for one in (pair.first, pair.second) for case in one.cases])
    language, tried = visit.language, attempt or FormAttempt("")
    return visit.render_page(
        "staff/claim.html",
        here=f"{HOME}/{number}",
        status=status,
        number=number,
        pair=pair,
        rows=_compare(pair, language),
        methods=list(ProofMethod),
        tried=tried.form,
        values=tried.values,
        errors=describe_faults(tried.faults, language, _MISSING),
        refused=explain_reason(tried.refused, language) if tried.refused else None,
    )


def _compare(pair: Rivals, language: str) -> list[dict[str, Any]]:
    """What was given of both, line by line: {label, first, second, differs}."""
    first, second = _describe(pair.first), _describe(pair.second)
    return [
        {
            "label": translate(label, language),
            "first": first[name],
            "second": second[name],
            "differs": first[name].casefold() != second[name].casefold(),
        }
        for name, label in _LABELS.items()
        if first[name] or second[name]
    ]


def _describe(one: Claimant) -> dict[str, str]:
    asked = one.cases[0].request if one.cases else {}
    first, last = (str(asked.get(name) or getattr(one.person, name)) for name in ("first_name", "last_name"))
    place = asked.get("business_address") or {}
    return {
        "name": f"{first} {last}",
        "email": one.email,
        "registry": ", ".join(one.claim.contact_emails or ()),
        "phone": one.phone,
        "license_number": str(asked.get("license_number") or ""),
        "address": ", ".join(str(place[part]) for part in ("line1", "city", "state") if place.get(part)),
    }


def find_document_faults(document: str) -> list[Fault]:
    """What is wrong with what somebody of staff calls the document they have seen."""
    faults = find_text_faults("document", document)
    is_long = not faults and len(document.strip()) > LONGEST_DOCUMENT
    return [Fault("document", "too_long", {"limit": str(LONGEST_DOCUMENT)})] if is_long else faults


def find_method_faults(
    method: str, methods: type[ProofMethod | WordMethod] = ProofMethod, *, may_lack: bool = False
) -> list[Fault]:
    """What is wrong with how somebody of staff has seen something, or has somebody's word."""
    return [] if method in list(methods) or (may_lack and not method) else [Fault("method", "required")]


def _redirect_done(visit: StaffVisit, done: str) -> RedirectResponse:
    visit.services.numbers.forget()
    return RedirectResponse(
        f"{HOME}{build_query(done=done, lang=visit.request.query_params.get('lang'))}", 303, PRIVATE
    )


def _build_not_found() -> HTTPException:
    return HTTPException(404, "There are no two claims under this number.")
