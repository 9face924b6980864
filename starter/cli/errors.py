"""Turns every exception of the layers below into a sentence and an exit status; no other module of `certify` does."""

from cyclopts import CycloptsError

from starter.cli.context import NotDone, NothingToWorkOn, UsageError
from starter.stack.folder import StackError

REFUSED, CALLED_WRONGLY = 1, 2


def explain_error(error: Exception) -> tuple[str, int]:
    """The sentence and the exit status for an exception: 1 for a refusal, 2 for a wrong call; never a traceback."""
    if isinstance(error, CycloptsError):
        error.verbose = False
        return _join_lines(error), CALLED_WRONGLY
    if isinstance(error, UsageError):
        return _join_lines(error), CALLED_WRONGLY
    if isinstance(error, StackError):
        return str(error), error.status
    return _describe_refusal(error), REFUSED


def is_about_the_call(error: Exception) -> bool:
    """Whether the verb was called wrongly, so that a right call of it helps."""
    return isinstance(error, CycloptsError | UsageError) and not isinstance(error, NothingToWorkOn)


def _describe_refusal(error: Exception) -> str:
    # Loaded late, so that a wrong call is answered at once: what raises these has loaded them already.
    from sqlalchemy.exc import SQLAlchemyError
    from temporalio.service import RPCError

    from db.case_state import UnknownCase
    from db.reads.federal.published_lists import Superseded
    from db.writes.opening import UnknownAssister
    from domain.shared.cases.reasons import Refusal
    from domain.shared.documents.faults import Invalid
    from starter.temporal import Unreachable

    match error:
        case Invalid():
            faults = "; ".join(f"{fault.field}: {fault.sentence().rstrip('.')}" for fault in error.faults)
            return f"{_join_lines(faults)}."
        case Refusal() | NotDone():
            return _join_lines(error)
        case UnknownCase():
            return "There is no case with this id."
        case UnknownAssister():
            return "There is no assister with this id."
        case Superseded():
            return "The list was published anew while it was read; read it again."
        case SQLAlchemyError():
            return f"The database can't be used: {_join_lines(getattr(error, 'orig', None) or error)}."
        case Unreachable():
            return "Temporal can't be reached."
        case RPCError():
            return f"Temporal refused the call: {error.status.name}."
        case RuntimeError() if "client connect" in str(error):  # a lazy client that never reached the server
            return "Temporal can't be reached."
        case _:
            return f"Something went wrong that should not have: {type(error).__name__}."


def _join_lines(message: object) -> str:
    return " ".join(str(message).split())
