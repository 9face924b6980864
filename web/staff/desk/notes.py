"""What staff leave on a case for each other: notes, shown to nobody outside, and a flag put up by hand."""

from typing import Annotated
from uuid import uuid4

from fastapi.responses import Response

from db.writes.desk.notes import add_note, raise_flag_by_hand
from domain.shared.cases.reasons import Refusal
from domain.shared.documents.faults import Invalid
from domain.shared.ids import make_command_id
from starter.cases import now
from web.http.defence.file_access import check_file_access
from web.http.pages import build_page_router
from web.staff.decisions import PostedForm, require_form

router = build_page_router(prefix="/staff/cases/{case_id}")


@router.post("/note")
async def write_note(form: Annotated[PostedForm, require_form("note")]) -> Response:
    """Keeps a note about the case, by whoever may read its file."""
    services, me = form.visit.services, form.visit.me
    await check_file_access(services, me, form.case_id)
    note_id = make_command_id(f"{form.command_id or uuid4().hex}:{me.actor}", form.case_id)
    try:
        await services.database.write(add_note, note_id, form.case_id, form.values.get("note", ""), me.actor, now())
    except Invalid as invalid:
        return await form.show_faults(invalid.faults)
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    return form.lead_back()


@router.post("/raise_flag")
async def flag_by_hand(form: Annotated[PostedForm, require_form("raise_flag")]) -> Response:
    """Puts the case before everybody's eyes, by whoever may read its file: what is flagged, operators read too."""
    services, me = form.visit.services, form.visit.me
    await check_file_access(services, me, form.case_id)
    try:
        await services.database.write(raise_flag_by_hand, form.case_id, me.actor, form.reason, now())
    except Invalid as invalid:
        return await form.show_faults(invalid.faults)
    except Refusal as refusal:
        return await form.show_refusal(refusal.reason)
    services.numbers.forget()
    return form.lead_back()
