"""What nobody foresaw: no traceback with what was sent, no stop of what else waits, nothing left open after the end."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from starlette.types import Message

from activities.portal import PortalActivities
from db.case_state import load_snapshot
from db.reads.third_parties import find_portal_account
from domain.shared.cases.authority import Authority
from domain.shared.cases.messages import CaseRef, Effect
from web.http.limits import Limits

NOW = datetime(2026, 11, 2, 17, tzinfo=UTC)


async def test_an_unforeseen_failure_is_a_500_and_its_log_quotes_nothing() -> None:
    async def app(*_: Any) -> None:
        raise LookupError("Testa Broker, testa@example.com")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/requests", "query_string": b"", "headers": []}
    with structlog.testing.capture_logs() as logs:
        await Limits(app, "http://127.0.0.1:8000", b"key")(scope, _nothing, send)
    assert sent[0]["status"] == 500
    assert [entry["error"] for entry in logs] == ["LookupError"]
    assert "Testa" not in repr(logs) + repr(sent)


async def _nothing() -> Message:
    return {"type": "http.request"}


class EndsMeanwhile:
    """The database of a case that is withdrawn while the portal is asked, and the portal."""

    def __init__(self) -> None:
        self.ended = False
        self.asked: list[bool] = []

    async def read(self, work: Callable[..., Any], _: str) -> Any:
        found = {
            find_portal_account: "account",
            load_snapshot: SimpleNamespace(certification=SimpleNamespace(ended=self.ended, authority=Authority())),
        }
        return found[work]

    async def set_active(self, _: str, active: bool) -> None:
        self.asked.append(active)
        self.ended = True
        await asyncio.sleep(0)


async def test_c8_an_account_activated_while_the_case_ends_is_closed_again() -> None:
    both = EndsMeanwhile()
    activities = PortalActivities(both, both)  # type: ignore[arg-type]
    assert await activities.activate_account(CaseRef(case_id="c", at=NOW)) == Effect(ended=True)
    assert both.asked == [True, False]


@pytest.mark.parametrize("text", ["\u0500", "\u1c80", "ꭍ", "Ａ"])
def test_what_the_fonts_lack_is_not_taken(text: str) -> None:
    from domain.shared.documents.faults import Invalid
    from domain.state.request import parse_part

    with pytest.raises(Invalid):
        parse_part("broker", {"first_name": f"A{text}"})
