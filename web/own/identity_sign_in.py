"""Signing in to one's own pages by the identity provider, beside the code (D6).

Nothing is told of whether somebody is known here: whom the provider vouches for is let in, as by a code, and who is not
known finds an empty list.
"""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from db.writes.own.identities import recognize_own_identity
from domain.shared.ids import make_identity_digest
from domain.shared.links import OWN_PATH
from starter.cases import now
from web.codes import sign_in_owner
from web.http.addresses import build_query
from web.http.auth import PUBLIC
from web.http.defence.security_log import hash_caller, log_security
from web.http.identity_provider import NothingSaid, SignInFailed
from web.http.negotiation import choose_language
from web.http.pages import PRIVATE, build_page_router
from web.http.proofing import SIGN_IN_CALLBACK, NotProofed, ProofingProvider
from web.http.rate_limits import limit_rate
from web.own.sign_in import IDENTITY_SIGN_IN, find_next, find_onward, render_sign_in
from web.services import Services, ServicesDep

# In the cookie of a sign-in under way: where it leads, and in which language.
NEXT, LANGUAGE = "own_next", "own_language"

router = build_page_router()


@router.get(IDENTITY_SIGN_IN, dependencies=[PUBLIC, limit_rate("sign_in")])
async def start_identity_sign_in(request: Request, services: ServicesDep) -> Response:
    """To the identity provider, which may know them at once: another site's link leads to the page before it."""
    language, onward = choose_language(request), find_onward(request)
    if services.proofing is None or request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return RedirectResponse(f"{OWN_PATH}{build_query(next=onward, lang=language)}", 303, PRIVATE)
    request.session[NEXT], request.session[LANGUAGE] = onward or "", language
    try:
        return await services.proofing.redirect_to_sign_in(request)
    except SignInFailed:
        return _refuse(request, services, "no_answer", 503)


@router.get(SIGN_IN_CALLBACK, dependencies=[PUBLIC, limit_rate("sign_in")])
async def finish_identity_sign_in(request: Request, services: ServicesDep) -> Response:
    """Back from the identity provider: opens a session, and ends the one this browser had before."""
    onward, language = str(request.session.get(NEXT) or ""), str(request.session.get(LANGUAGE) or "")
    if services.proofing is None:
        return RedirectResponse(OWN_PATH, 303, PRIVATE)
    try:
        email = await _recognize(request, services, services.proofing)
    except NothingSaid:
        return _refuse(request, services, "nothing_said", 403, onward, language)
    except SignInFailed:
        return _refuse(request, services, "not_trusted", 403, onward, language)
    except NotProofed:
        return _refuse(request, services, "not_sure", 403, onward, language)
    finally:
        request.session.clear()
    if email is None:
        return _refuse(request, services, "unverified_address", 403, onward, language)
    answer = RedirectResponse(await find_next(request, services, email, onward or None, language or None), 303, PRIVATE)
    await sign_in_owner(request, services, answer, email)
    log_security("own_signed_in", by="identity_provider", caller=_hash_caller(request, services))
    return answer


async def _recognize(request: Request, services: Services, provider: ProofingProvider) -> str | None:
    """Whose pages are opened; None where the provider has verified no address and the identity is nobody's."""
    found = await provider.read_signed_in(request)
    digest = make_identity_digest(services.settings.identity_key_bytes, found.issuer, found.subject)
    return await services.database.write(recognize_own_identity, digest, found.email, now())


def _refuse(
    request: Request, services: Services, why: str, status: int, onward: str = "", language: str = ""
) -> Response:
    """The sign-in page, which says the same of every refusal; the security log has which it was."""
    log_security("own_sign_in_refused", fault=why, caller=_hash_caller(request, services))
    told = "no_answer" if status == 503 else "refused"
    return render_sign_in(request, services, status=status, told=told, onward=onward or None, language=language or None)


def _hash_caller(request: Request, services: Services) -> str:
    return hash_caller(services.settings.identity_key_bytes, request.client.host if request.client else None)
