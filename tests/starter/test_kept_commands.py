"""A command whose workflow takes long: who gave it is told that it is kept, and the demonstration gives it again."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from domain.programs.commands import describe_command
from domain.shared.cases.commands import CommandKind
from starter.demo.state import CertificationScenario, CertificationWalkthrough
from starter.temporal import CaseWorkflows, Unreachable
from tests.support import documents

STACK = {
    "web": "http://certify.example.org",
    "mailbox": "http://mail.example.org",
    "sandbox": {},
    "secrets": {"staff_token": "a-token-for-tests"},
}


async def test_the_demonstration_gives_a_kept_command_again_under_its_id() -> None:
    statuses, asked = [202, 202, 200], []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.url.path, request.headers["Idempotency-Key"], request.content))
        return httpx2.Response(statuses[len(asked) - 1], json={})

    scenario = CertificationScenario(documents.broker(), "approve", "checked")
    steps: list[str] = []
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        walkthrough = CertificationWalkthrough(scenario, STACK, http, steps.append)
        passed = {"check": "license_active", "result": "pass"}
        await CertificationWalkthrough.steps["decision"](walkthrough, {"eligibility": {"findings": [passed]}})
    assert len(asked) == 3
    assert len(set(asked)) == 1, "another id would be another decision"
    assert steps == ["screened: every check passed", "staff approved"]


async def test_a_command_is_waited_for_as_long_as_it_is_set() -> None:
    """Not as long as a call: the client asks a server again that answers before the workflow has."""
    cancelled = []

    async def take_long(*_: Any, **given: Any) -> str:
        assert given["rpc_timeout"] == timedelta(seconds=0.05)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return "applied"

    client: Any = SimpleNamespace(get_workflow_handle=lambda _: SimpleNamespace(execute_update=take_long))
    workflows = CaseWorkflows(client, "certification", answer_within=timedelta(seconds=0.05))
    case: Any = SimpleNamespace(workflow_id="assister/bewellnm/2027/a-case")
    command = describe_command("one", "a-case", CommandKind.RESEND, {})
    with pytest.raises(Unreachable):
        await workflows.send_command(case, command)
    assert cancelled == [True]
