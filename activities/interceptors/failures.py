"""Every failure of an activity becomes a coded one before it leaves the worker: no personal data, no cause."""

from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from adapters.http import Refused, Unavailable
from db.case_state import UnknownCase
from domain.shared.traces import locate_error

log = structlog.get_logger(__name__)


def encode_failure(error: Exception) -> ApplicationError:
    """The failure that stands for an exception in history: a code, and nothing that was said."""
    if isinstance(error, Unavailable):
        return ApplicationError(f"{error.code}; retried until it heals", type=error.code)
    if isinstance(error, Refused):
        return ApplicationError(f"{error.code}; a person has to look at it, and it is tried again", type=error.code)
    if isinstance(error, UnknownCase):
        # After a restore of the database from an older backup: the workflow stays, so that a reconciliation names it.
        return ApplicationError("there is no such case; retried until there is", type="unknown_case")
    return ApplicationError("internal error; see the worker's log", type=type(error).__name__)


def find_failure_code(error: Exception) -> str:
    """The code by which a failure is known in history and in the audit."""
    failure = error if isinstance(error, ApplicationError) else encode_failure(error)
    return failure.type or type(error).__name__


def has_run_out_of_time() -> bool:
    """Whether a cancelled attempt was cut off at its bound, rather than by its case's end or the worker's."""
    details = activity.cancellation_details()
    return details is not None and details.timed_out


class _CodingInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 the SDK's name
        try:
            return await self.next.execute_activity(input)
        except ApplicationError:
            raise
        except Exception as error:
            failure = encode_failure(error)
            info = activity.info()
            log.warning(
                "activity failed",
                activity=info.activity_type,
                workflow_id=info.workflow_id,
                attempt=info.attempt,
                code=failure.type,
                error=type(error).__name__,
                where=locate_error(error),
            )
        raise failure from None


class CodedFailures(Interceptor):
    """Worker interceptor that codes the failures of activities."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Wraps each activity."""
        return _CodingInbound(super().intercept_activity(next))
