"""The step in which somebody types the code that was sent to their address: of the sign-in, and of both forms (D1, D6).

It stands beside the rooms because three of them have it.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from db.reads.npn.claims import ProofOffer
from db.writes.own.codes import AskedCode, CodeTried, ask_code, ask_code_by_user_id, find_asked_code, use_code
from db.writes.own.requests import ConfirmedRequest, take_confirmed_request
from db.writes.own.sessions import LONGEST, open_own_session
from domain.programs.opening import AnyRequest
from domain.shared.cases.reasons import Refusal
from domain.shared.claims import mask_email
from domain.shared.codes import LIFE, CodeAnswer, CodePurpose, read_code
from domain.shared.documents.faults import Fault, Invalid
from domain.shared.ids import read_user_id
from domain.shared.links import OWN_CASE_PATH
from starter.cases import now
from web.field_words import word_faults
from web.http.addresses import build_query
from web.http.auth import choose_own_cookie
from web.http.defence.security_log import find_network, hash_caller, log_security
from web.http.negotiation import choose_language
from web.http.pages import render_page
from web.services import Services

Outcome = TypeVar("Outcome")
FAULTS = {
    CodeAnswer.WRONG: "code_wrong",
    CodeAnswer.EXPIRED: "code_expired",
    CodeAnswer.SPENT: "code_spent",
    CodeAnswer.NOT_ASKED: "code_not_asked",
}
TOO_OFTEN = "code_too_often"
# Where a code to the registry's address is asked for.
PROOF_PATH = f"{OWN_CASE_PATH}/npn"
# Where an identity provider is gone to.
IDENTITY_PATH = f"{PROOF_PATH}/identity"
_BROWSER_SECONDS = 365 * 24 * 3600
# A code has six digits; what is longer is none, and is not looked at whole.
_LONGEST = 100


@dataclass(frozen=True)
class CodeForm:
    """Where the code is typed in: addresses of the form's step and of what stands beside it, and its hidden fields.

    ``own`` is who is signed in already, as `describe_session` gives it; ``other_url`` is empty where the address
    can't be another one; ``sends_request`` where a request is only sent by the right code.
    """

    here: str
    action: str
    again_action: str
    other_url: str
    hidden: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Any] | None = None
    sends_request: bool = False


async def ask_for_code(
    request: Request,
    services: Services,
    response: Response,
    email: str,
    purpose: CodePurpose = CodePurpose.SIGN_IN,
    about: str = "",
    language: str | None = None,
) -> bool:
    """Has a code sent to an address, and the browser known again by ``response``; False where that is too often.

    In place of the address a user ID of the marketplace will do: the code goes to the address of its account.
    ``about`` is what the code is for besides its purpose: it counts for that alone. ``language`` is its reader's, where
    that isn't who asks.
    """
    browser = _read_browser(request, services) or secrets.token_urlsafe(32)
    network = find_network(request.client.host if request.client else "")
    # Without cookies every call is another browser's: what a network has sent counts, to an address and in all.
    limiter, to = services.rate_limiter, f"{network} {email.lower()}"
    if await limiter.count_call("code_letter", to) or await limiter.count_call("code_share", network):
        return False
    read_in, most = language or choose_language(request), services.settings.codes_an_hour
    user_id, at = read_user_id(email), now()
    if user_id is not None:
        asked = services.database.write(ask_code_by_user_id, browser + about, user_id, read_in, purpose, most, at)
    else:
        asked = services.database.write(ask_code, browser + about, email, read_in, purpose, most, at)
    if not await asked:
        return False
    _set_cookie(response, services, _choose_browser_cookie(services), browser, _BROWSER_SECONDS)
    return True


async def find_sent_code(
    request: Request, services: Services, purpose: CodePurpose = CodePurpose.SIGN_IN, about: str = ""
) -> AskedCode | None:
    """The code that this browser had sent last; None where there is none of late."""
    return await services.database.read(find_asked_code, _read_browser(request, services) + about, purpose, now())


async def use_typed_code(
    request: Request,
    services: Services,
    values: Mapping[str, str],
    use: Callable[[Session, str], Outcome],
    purpose: CodePurpose = CodePurpose.SIGN_IN,
    about: str = "",
) -> tuple[CodeTried, Outcome | None]:
    """Tries the code of a form that was posted, and does in the same transaction what the right one is for.

    Raises what ``use`` raises; the code isn't used up then. ``about`` as in `ask_for_code`.
    """
    browser, key = _read_browser(request, services) + about, services.settings.identity_key_bytes
    typed = read_code(values.get("code", ""))[:_LONGEST]
    caller = hash_caller(key, request.client.host if request.client else None)
    try:
        tried, outcome = await services.database.write(use_code, key, browser, purpose, typed, now(), use)
    except (Refusal, Invalid):  # it was the right one, and what it is for is refused
        log_security("code_right", purpose=purpose, answer=CodeAnswer.RIGHT, caller=caller)
        raise
    event = "code_right" if tried.answer is CodeAnswer.RIGHT else "code_refused"
    log_security(event, purpose=purpose, answer=tried.answer, caller=caller)
    return tried, outcome


def prepare_taking(
    request: Request,
    services: Services,
    wanted: AnyRequest,
    draft: str,
    left: Collection[str],
    shown: Mapping[str, str] | None = None,
) -> Callable[[Session, str], ConfirmedRequest | None]:
    """What the right code of a form is for: its request is taken, and who sent it signed in; the rest as there.

    Nothing is done, and None answered, where the code was sent to another address than the request has by now.
    """
    key, before, at = services.settings.identity_key_bytes, request.cookies.get(choose_own_cookie(services)), now()

    def take(session: Session, email: str) -> ConfirmedRequest | None:
        if email != wanted.email.lower():
            return None
        return take_confirmed_request(session, key, wanted, draft, left, before, at, shown)

    return take


async def sign_in_owner(request: Request, services: Services, response: Response, email: str) -> None:
    """Opens a session for a confirmed address; the one this browser had before is ended."""
    before = request.cookies.get(choose_own_cookie(services))
    keep_owner_signed_in(services, response, await services.database.write(open_own_session, email, before, now()))


def keep_owner_signed_in(services: Services, response: Response, token: str) -> None:
    """Gives the browser the cookie of a session on one's own pages that was just opened."""
    _set_cookie(response, services, choose_own_cookie(services), token, int(LONGEST.total_seconds()))


def render_code_form(
    request: Request, services: Services, form: CodeForm, asked: AskedCode, answer: CodeAnswer | None = None
) -> HTMLResponse:
    """The page that asks for the code; ``answer`` is what became of the one typed before."""
    language = choose_language(request)
    faults: Sequence[Fault] = [Fault("code", FAULTS[answer])] if answer else []
    own: dict[str, Any] = {"own": form.own} if form.own else {}
    return render_page(
        services,
        "own_code.html",
        language,
        services.describe_general_contact(language),
        here=form.here,
        status=422 if faults else 200,
        action=form.action,
        again_action=form.again_action,
        other_url=form.other_url,
        sends_request=form.sends_request,
        hidden=form.hidden,
        email=asked.address,
        is_user_id=read_user_id(asked.address) is not None,
        is_another=asked.is_another and not faults,
        minutes=int(LIFE.total_seconds() // 60),
        values={},
        errors=word_faults(faults, language),
        **own,
    )


def describe_proof(
    services: Services, offer: ProofOffer | None, reference: str, language: str
) -> dict[str, Any] | None:
    """What a case's page says of an NPN that is still to be proven, as `_npn_proof.html` wants it; None for nothing."""
    if offer is None:
        return None
    return {
        "action": f"{PROOF_PATH.format(reference=reference)}{build_query(lang=language)}",
        "addresses": [mask_email(email) for email in offer.addresses],
        "needed": offer.is_needed,
        "taken": offer.is_taken,
        "identity_url": f"{IDENTITY_PATH.format(reference=reference)}{build_query(lang=language)}"
        if services.proofing and offer.by_identity
        else None,
        "can_ask": offer.can_ask,
        "asking": offer.is_asking,
        "ask_action": f"{PROOF_PATH.format(reference=reference)}/look-up{build_query(lang=language)}",
    }


def _choose_browser_cookie(services: Services) -> str:
    """The cookie by which a browser is known again: a code counts in the one that asked for it."""
    return "__Host-browser" if services.settings.is_secure else "browser"


def _read_browser(request: Request, services: Services) -> str:
    return request.cookies.get(_choose_browser_cookie(services), "")


def _set_cookie(response: Response, services: Services, name: str, secret: str, seconds: int) -> None:
    secure = services.settings.is_secure
    response.set_cookie(name, secret, max_age=seconds, secure=secure, httponly=True, samesite="lax")
