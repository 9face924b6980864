"""The request to register with the Marketplace, step by step, and the code by which its address is confirmed (B3, D1).

What it has in common with the state's is web/request_form.py; its rules are domain/federal/profile.py, its steps are in
steps.py beside it.
"""

from collections.abc import Mapping

from domain.federal.policies import FEDERAL_POLICIES
from domain.federal.policy import FederalPolicy
from domain.federal.profile import RegistrationRequest, parse_registration
from web.form_drafts import DraftCookie
from web.form_steps import FormPart
from web.http.pages import build_page_router
from web.marketplace.request_pages import ADDRESSES, render_check, render_done, render_question, render_start
from web.marketplace.steps import TEMPLATES, build_request, walk_request
from web.request_form import RequestForm


def read_answers(answers: Mapping[str, str]) -> RegistrationRequest:
    """The request that a form's answers come to. Raises `Invalid`."""
    return parse_registration(build_request(answers))


DRAFTS = DraftCookie("registration_draft", ADDRESSES.start)
FORM = RequestForm[FormPart, RegistrationRequest, FederalPolicy](
    addresses=ADDRESSES,
    drafts=DRAFTS,
    policies=FEDERAL_POLICIES,
    slugs=TEMPLATES,
    first="role",
    asks_email="person",
    walk=walk_request,
    read_request=read_answers,
    render_start=render_start,
    render_question=render_question,
    render_check=render_check,
    render_done=render_done,
)

router = build_page_router(prefix=ADDRESSES.start)
FORM.add_routes(router)
