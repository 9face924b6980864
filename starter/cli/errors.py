"""Turns what the layers below raise into a sentence and an exit status, once; 1 means no, 2 a wrong call."""

from cyclopts import CycloptsError

from starter.cli.context import WrongCall
from starter.stack.folder import StackError

NO, WRONG = 1, 2


def explained(error: Exception) -> tuple[str, int]:
    """The sentence and the status for an exception; never a traceback."""
    if isinstance(error, CycloptsError):
        error.verbose = False
        return _line(error), WRONG
    if isinstance(error, WrongCall):
        return _line(error), WRONG
    if isinstance(error, StackError):
        return str(error), error.status
    return _refusal(error), NO


def _refusal(error: Exception) -> str:
    # These are there already when one of theirs was raised; a wrong call needn't wait for them.
    from sqlalchemy.exc import SQLAlchemyError
    from temporalio.service import RPCError

    from db.case_state import UnknownCase
    from db.writes.opening import Conflict, UnknownAssister
    from db.writes.publications import Superseded
    from domain.shared.faults import Invalid
    from starter.cases import NotNow

    match error:
        case Invalid():
            faults = "; ".join(f"{fault.field}: {fault.sentence().rstrip('.')}" for fault in error.faults)
            return f"{_line(faults)}."
        case NotNow() | Conflict():
            return _line(error)
        case UnknownCase():
            return "There is no case with this id."
        case UnknownAssister():
            return "There is no assister with this id."
        case Superseded():
            return "The list was published anew while it was read; read it again."
        case SQLAlchemyError():
            return f"The database can't be used: {_line(getattr(error, 'orig', None) or error)}."
        case RPCError():
            return f"Temporal refused the call: {error.status.name}."
        case RuntimeError() if "client connect" in str(error):  # a lazy client that never reached the server
            return "Temporal can't be reached."
        case _:
            return f"Something went wrong that should not have: {type(error).__name__}."


def _line(said: object) -> str:
    return " ".join(str(said).split())
