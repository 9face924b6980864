"""Releases on a real server: versions of a worker deployment, and changes that are held until nobody has to go back."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import ValidationError
from temporalio.common import VersioningBehavior

import worker
from db.writes.opening import Opened
from settings import Settings
from starter.replay import replayer_of
from starter.stack import temporal_server
from starter.stack.plan import read_user_settings
from tests.support import documents, inside as support
from tests.support.inside import Inside
from tests.support.patience import PATIENCE
from workflows import patches
from workflows.patches import REMOVABLE_ON, WAITS_SEARCHABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = sorted(REMOVABLE_ON.keys() - {WAITS_SEARCHABLE})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inside]:
    async with support.running(tmp_path_factory.mktemp("deployments")) as running:
        yield running


@dataclass
class Rollout:
    """A deployment of workers that poll one task queue, and the operator's commands about it."""

    inside: Inside
    name: str

    def working(self, build_id: str) -> AbstractAsyncContextManager[None]:
        """A worker of this build."""
        return self.inside.working(worker_deployment=self.name, worker_build_id=build_id)

    async def set(self, *arguments: str) -> None:
        """`temporal worker deployment …`, as docs/operating.md has it; again until the server has seen the worker."""
        address = self.inside.client.service_client.config.target_host
        program = (temporal_server.find_program(), "worker", "deployment", *arguments)
        command = (*program, "--deployment-name", self.name, "--address", address, "--yes")
        async with asyncio.timeout(PATIENCE):
            while (done := await asyncio.to_thread(subprocess.run, command, capture_output=True)).returncode:
                print(done.stderr.decode())
                await asyncio.sleep(0.2)

    async def builds(self, opened: Opened) -> list[str]:
        """The build that did each task of a case, in order."""
        events = (await self.inside.handle(opened).fetch_history()).events
        tasks = (event.workflow_task_completed_event_attributes for event in events)
        return [one.deployment_version.build_id for one in tasks if one.identity]

    async def moved(self, opened: Opened, build_id: str) -> None:
        """Failed attempts until this build, "" for none, does a case's tasks; the server's parts learn of it later."""
        async with asyncio.timeout(PATIENCE):
            while (await self.builds(opened))[-1] != build_id:
                await self.inside.learned(opened, [0.1])


@pytest_asyncio.fixture(loop_scope="module")
async def rollout(inside: Inside) -> Rollout:
    name = f"certification-{uuid4().hex[:8]}"
    return Rollout(inside.on_queue(name, Inside), name)


async def test_a_case_begun_on_one_build_goes_on_with_the_next_one_and_comes_back(rollout: Rollout) -> None:
    """AUTO_UPGRADE: the current version does every case's next task, whichever version the case was begun on."""
    inside = rollout.inside
    async with rollout.working("first"):
        await rollout.set("set-current-version", "--build-id", "first")
        opened = await inside.in_training()
        async with rollout.working("second"):
            await rollout.set("set-current-version", "--build-id", "second")
            await rollout.moved(opened, "second")
            await inside.reported(opened, "course")
            await inside.agreed(opened, "awaiting_exam_pass", "exam_pass")
            await rollout.set("set-current-version", "--build-id", "first")
            await rollout.moved(opened, "first")
            await rollout.set("set-ramping-version", "--build-id", "second", "--percentage", "100")
            await rollout.moved(opened, "second")
            await rollout.set("set-ramping-version", "--build-id", "second", "--delete")
            await rollout.moved(opened, "first")
        assert _without_repeats(await rollout.builds(opened)) == ["first", "second", "first", "second", "first"]
        await inside.reported(opened, 0.9)
        await inside.noticed(opened, "certificate_issued")
    described = (await inside.handle(opened).describe()).raw_description.workflow_execution_info.versioning_info
    assert VersioningBehavior(described.behavior) is VersioningBehavior.AUTO_UPGRADE


def _without_repeats(builds: Sequence[str]) -> list[str]:
    return [build for number, build in enumerate(builds) if not number or builds[number - 1] != build]


async def test_workers_without_versions_hand_over_to_a_deployment_and_take_back(rollout: Rollout) -> None:
    inside = rollout.inside
    async with inside.working():
        opened = await inside.in_training()
        async with rollout.working("first"):
            await rollout.set("set-current-version", "--build-id", "first")
            await rollout.moved(opened, "first")
            await rollout.set("set-current-version", "--unversioned")
        # What the last version's worker has in memory stays with it until it ends.
        await rollout.moved(opened, "")
    assert _without_repeats(await rollout.builds(opened)) == ["", "first", ""]


async def test_a_change_that_is_held_begins_in_no_run_until_it_is_let_go(rollout: Rollout) -> None:
    """So a release of before, which knows nothing of it, can take the case back."""
    inside = rollout.inside
    async with inside.working(held_patches=NEW):
        opened = await inside.open(documents.broker())
        await inside.approved(opened)
        await inside.agreed(opened, "invited", "lms_account")
        history = await inside.handle(opened).fetch_history()
        assert not any(patch in str(history.events) for patch in NEW)
    async with inside.working():
        await inside.reported(opened, "account", "profile")
        await inside.agreed(opened, "in_training", "course_completion")
        later = await inside.open(documents.broker())
        await inside.agreed(later, "awaiting_decision", "decision")
        assert "local-first" in str((await inside.handle(later).fetch_history()).events)
    await replayer_of(worker.WORKFLOWS).replay_workflow(await inside.handle(opened).fetch_history())


@pytest.mark.parametrize("given", [{"worker_deployment": "certification"}, {"worker_build_id": "2026.12.1"}])
async def test_half_of_a_version_is_refused_in_a_sentence(inside: Inside, given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="go together"):
        Settings.model_validate({**_named(inside.settings), **given})


async def test_a_version_and_what_is_held_are_read_from_the_settings(inside: Inside) -> None:
    named = {"worker_deployment": "certification", "worker_build_id": "2026.12.1"}
    config = worker.build_deployment(Settings.model_validate({**_named(inside.settings), **named}))
    assert config is not None
    assert config.version.to_canonical_string() == "certification.2026.12.1"
    assert worker.build_deployment(inside.settings) is None
    with pytest.raises(ValueError, match="there is no patch local-frist"):
        worker.build_patch_gate(["local-frist"])


def _named(settings: Settings) -> dict[str, Any]:
    """The settings as they are given: the database's address has a name of its own."""
    given = settings.model_dump()
    return {**given, "CERTIFY_DATABASE_URL": given.pop("database_url")}


async def test_each_change_has_an_identifier_and_a_day_from_which_it_may_go() -> None:
    assert all(patch.replace("-", "_").isidentifier() for patch in NEW)
    assert {value for name, value in vars(patches).items() if name.isupper() and isinstance(value, str)} == set(
        REMOVABLE_ON
    )


async def test_the_embedded_stack_s_only_worker_is_no_version_that_nobody_makes_current(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CERTIFY_WORKER_DEPLOYMENT", "certification")
    monkeypatch.setenv("CERTIFY_WORKER_BUILD_ID", "2026.12.1")
    monkeypatch.setenv("CERTIFY_HELD_PATCHES", '["local-first"]')
    users = read_user_settings(sandbox=True)
    assert not {"CERTIFY_WORKER_DEPLOYMENT", "CERTIFY_WORKER_BUILD_ID"} & users.keys()
    assert users["CERTIFY_HELD_PATCHES"] == '["local-first"]'
