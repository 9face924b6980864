"""Proving whose an NPN is by an identity provider that proofs identity, on one's own pages (D2).

It stands beside the rooms because a case of either program has it.
"""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from domain.shared.cases.reasons import Refusal
from domain.shared.claims import IdentityFault
from domain.shared.ids import make_identity_digest
from domain.shared.links import OWN_CASE_PATH
from templates.catalogs import N_
from web.assister.links import LinkRefused
from web.codes import IDENTITY_PATH
from web.http.addresses import build_query
from web.http.auth import OwnPages
from web.http.defence.security_log import log_security
from web.http.identity_provider import NothingSaid, SignInFailed
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.problem_pages import ProblemText
from web.http.proofing import CALLBACK, NotProofed, ProofedName, ProofingProvider
from web.http.rate_limits import limit_rate
from web.own_proof import NOT_BY_CODE, find_offer
from web.services import Services, ServicesDep

REFERENCE = "npn_proof"
NOT_SHOWN = ProblemText(
    N_("This did not show that the NPN is yours"),
    N_(
        "The identity provider did not vouch for you as we ask it to, or for another name than the license registry "
        "has for the NPN. Our staff have been told; nothing was taken from you. You can show it another way."
    ),
)
NO_ANSWER = ProblemText(
    N_("The identity provider does not answer"),
    N_("Please try again later, or show another way that the NPN is yours."),
)
NOTHING_SHOWN = ProblemText(
    N_("The identity provider did not say who you are"),
    N_("Nothing was changed. You can try again, or show another way that the NPN is yours."),
)

router = build_page_router()


@router.get(IDENTITY_PATH, dependencies=[limit_rate("sign_in")])
async def start_proofing(reference: str, request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """To the identity provider."""
    offer = await find_offer(services, reference, visitor)
    if services.proofing is None or not offer.by_identity:
        raise LinkRefused(NOT_BY_CODE, 409)
    request.session[REFERENCE] = reference
    try:
        return await services.proofing.redirect_to_proofing(request)
    except SignInFailed:
        raise LinkRefused(NO_ANSWER, 503) from None


@router.get(CALLBACK, dependencies=[limit_rate("sign_in")])
async def finish_proofing(request: Request, services: ServicesDep, visitor: OwnPages) -> Response:
    """Back from the identity provider: proves the NPN where its name is the registry's, else staff are told."""
    reference = str(request.session.get(REFERENCE, ""))
    if services.proofing is None or not reference:
        raise LinkRefused
    offer = await find_offer(services, reference, visitor)
    if not offer.by_identity:
        raise LinkRefused(NOT_BY_CODE, 409)
    name = await _read_name(request, services, services.proofing, reference)
    identity = make_identity_digest(services.settings.identity_key_bytes, name.issuer, name.subject)
    try:
        is_proven = await services.claims.prove_by_identity(reference, name.first, name.last, identity)
    except Refusal:
        raise LinkRefused(NOT_BY_CODE, 409) from None
    if not is_proven:
        raise LinkRefused(NOT_SHOWN, 403)
    here = OWN_CASE_PATH.format(reference=reference)
    return RedirectResponse(f"{here}{build_query(lang=choose_language(request))}", 303, PRIVATE)


async def _read_name(request: Request, services: Services, provider: ProofingProvider, reference: str) -> ProofedName:
    """Whose name the provider vouches for; staff are told where it vouches for another. Raises `LinkRefused`."""
    try:
        return await provider.read_proofed_name(request)
    except NothingSaid:
        raise LinkRefused(NOTHING_SHOWN, 409) from None
    except SignInFailed:
        fault = IdentityFault.NOT_TRUSTED
    except NotProofed:
        fault = IdentityFault.NOT_PROOFED
    finally:
        request.session.clear()
    log_security("proof_refused", fault=fault)
    await services.claims.note_refused_identity(reference, fault)
    raise LinkRefused(NOT_SHOWN, 403)
