"""What a question of staff is about, and what an answer to it is asked for (A12)."""

from domain.state.certification import CertificationState
from domain.state.request import list_askable_fields


def count_questions(state: CertificationState) -> int:
    """How many questions staff have asked, the open one included: it is the number of that one."""
    return state.round + state.take_backs + int(state.is_asked)


def list_asked_fields(state: CertificationState) -> frozenset[str]:
    """The fields of an answer's form: those that the question names, or every one.

    A counselor's consent is to be given anew with a changed name or address (D5), so that it stands with these.
    """
    decision, kind = state.decision, state.opening.kind
    fields = {*((decision.fields if decision else ()) or list_askable_fields(kind))}
    if not kind.is_licensed and fields & {"first_name", "last_name", "email"}:
        fields.add("background_check_consent")
    return frozenset(fields)
