"""An answer of the assister's that staff write down: told by phone, in person or on paper (A12, D6)."""

from typing import Annotated

from fastapi.responses import Response

from db.case_state import load_case
from domain.shared.cases.authors import OnBehalf, StepAuthor, WordMethod
from domain.shared.documents.texts import find_text_faults
from web.http.defence.file_access import check_file_access
from web.http.pages import build_page_router
from web.staff.claims import find_method_faults
from web.staff.decisions import PostedForm, give_command, require_form
from web.state_form import find_changes

router = build_page_router(prefix="/staff/cases/{case_id}")

# What the form says besides the fields of the request; an e-mail address is changed by who reads its mail (D1).
_ABOUT = frozenset({"csrf_token", "command_id", "method", "message", "reason", "email"})


@router.post("/answer")
async def write_answer_down(form: Annotated[PostedForm, require_form("answer")]) -> Response:
    """Answers staff's question for the assister, by whoever may read the case's file."""
    services, me, values = form.visit.services, form.visit.me, form.values
    await check_file_access(services, me, form.case_id)
    case = await services.database.read(load_case, form.case_id)
    method, message = values.get("method", ""), values.get("message", "")
    told = {name: text for name, text in values.items() if name not in _ABOUT}
    changes, emptied = find_changes(told, case.request)
    if told.get("background_check_consent") == "true":  # given anew, though it may have been before (D5)
        changes["background_check_consent"] = True
    faults = [
        *find_method_faults(method, WordMethod),
        *find_text_faults("message", message),
        *emptied,
        *form.find_reason_faults(),
    ]
    if faults:
        return await form.show_faults(faults)
    author = StepAuthor(me.actor, OnBehalf(method=WordMethod(method), reason=form.reason.strip()))
    answer = services.cases.answer_question(form.case_id, changes, message, author, command_id=form.command_id)
    return await give_command(form, answer)
