"""What was recorded replays with the code at hand, and what doesn't replay is told."""

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities import contracts
from starter.replay import find_failure, replayer_of
from tests.histories.changed import Hesitating
from tests.test_structure import activity_names
from worker import HERE as ROOT, HISTORIES, WORKFLOWS
from workflows.patches import REMOVABLE_ON, WAITS_SEARCHABLE

BROKER = HISTORIES / "of_91d273f" / "broker_to_active.json"
NEWEST = HISTORIES / "newest"
RECORDED = sorted(HISTORIES.rglob("*.json"))
# Two updates, and a notice whose days began before it was sent: no whole lives of a release.
PARTS = ("of_20c4ff3", "of_0f59c5a")
RELEASES = sorted({file.parent for file in RECORDED if file.parent.name not in PARTS})
# The NPNs of documents.new_npn() begin with 10, seconds since 1970 do not.
PERSONAL = re.compile(r"@|Testa|Ejemplo|Consejera|Marketagent|sample|(505|915)-555|\b10\d{8}\b", re.IGNORECASE)
PATIENCE = 300  # seconds for all replays, on a machine that has other things to do


def name_of(file: Path) -> str:
    return str(file.relative_to(HISTORIES))


def verified(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What `worker.py verify` answers without any setting."""
    ours = ("CERTIFY_", "TEMPORAL_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "worker.py", "verify", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)


@pytest.mark.timeout(PATIENCE)
def test_every_recorded_history_replays() -> None:
    done = verified()
    assert done.stdout.splitlines() == [f"{name_of(file)}: replays" for file in RECORDED]
    assert done.returncode == 0


async def test_another_order_of_steps_does_not_replay() -> None:
    why = await find_failure(replayer_of([Hesitating]), BROKER.read_text("utf-8"))
    assert why is not None
    assert why.startswith("does not replay: ")
    assert "Nondeterminism" in why


def test_a_history_of_other_code_is_told(tmp_path: Path) -> None:
    told = BROKER.read_text("utf-8").replace('"training.invite"', '"training.enroll"')
    (tmp_path / "of-other-code.json").write_text(told, "utf-8")
    (tmp_path / "whole.json").write_text(BROKER.read_text("utf-8"), "utf-8")
    done = verified(str(tmp_path))
    first, second = done.stdout.splitlines()
    assert first.startswith("of-other-code.json: does not replay: ")
    assert second == "whole.json: replays"
    assert done.returncode == 1


def test_a_file_that_is_no_history_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"events": 7}', "utf-8")
    done = verified(str(tmp_path))
    assert done.stdout.startswith("broken.json: can't be read as a history: ")
    assert done.returncode == 1


def test_without_any_history_nothing_is_verified(tmp_path: Path) -> None:
    done = verified(str(tmp_path))
    assert done.stdout == f"There are no histories in {tmp_path}.\n"
    assert done.returncode == 2


@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
@pytest.mark.parametrize("name", ["renewed_broker", "federal_renewed_agent"])
def test_both_ends_of_a_renewed_history_are_among_them(name: str, release: Path) -> None:
    first, *_, last = (file.read_text("utf-8") for file in sorted(release.glob(f"{name}*.json")))
    assert "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in first
    assert '"continuedExecutionRunId"' in last


@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
@pytest.mark.parametrize(
    "concern", [contracts.Profiles, contracts.Mlms, contracts.ListingCheck, contracts.Publications]
)
def test_the_federal_program_s_activities_are_all_among_them(concern: type, release: Path) -> None:
    said = said_in(*release.glob("federal*.json"))
    assert {name for name in activity_names(concern).values() if name not in said} == set()


def test_each_workflow_is_among_the_newest_ones() -> None:
    began = [json.loads(file.read_text("utf-8"))["events"][0] for file in NEWEST.glob("*.json")]
    kinds = {one["workflowExecutionStartedEventAttributes"]["workflowType"]["name"] for one in began}
    assert len(kinds) == len(WORKFLOWS), f"these are among them: {sorted(kinds)}"


def test_each_change_of_today_is_in_the_newest_ones_and_an_effect_that_could_not_be_made_at_once() -> None:
    said = said_in(*NEWEST.glob("*.json"))
    assert [change for change in REMOVABLE_ON if change != WAITS_SEARCHABLE and change not in said] == []
    failing = json.loads((NEWEST / "broker_whose_third_parties_fail_once.json").read_text("utf-8"))
    tried, ordered = set(), set()
    for event in failing["events"]:
        marker = event.get("markerRecordedEventAttributes", {})
        if "failure" in marker:
            tried.add("".join(payloads(marker)))
        if activity := event.get("activityTaskScheduledEventAttributes"):
            ordered.add(activity["activityType"]["name"])
    assert ordered == {"licensing.look_up", "training.invite", "notices.send"}
    assert all(any(name in one for one in tried) for name in ordered), "each was tried at once first"


@pytest.mark.parametrize("file", RECORDED, ids=name_of)
def test_a_history_holds_nothing_personal(file: Path) -> None:
    history = json.loads(file.read_text("utf-8"))
    said = [json.dumps(history), *payloads(history)]
    assert [PERSONAL.findall(text) for text in said if PERSONAL.search(text)] == []


def said_in(*files: Path) -> str:
    """What these histories say, payloads decoded."""
    histories = [json.loads(file.read_text("utf-8")) for file in files]
    return "".join(json.dumps(one) + "".join(payloads(one)) for one in histories)


def payloads(value: Any) -> Iterator[str]:
    """Every payload in a history, decoded."""
    if isinstance(value, dict):
        if isinstance(value.get("data"), str):
            yield base64.b64decode(value["data"]).decode("utf-8")
        for item in value.values():
            yield from payloads(item)
    elif isinstance(value, list):
        for item in value:
            yield from payloads(item)
