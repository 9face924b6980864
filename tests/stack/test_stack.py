"""The embedded stack begins, carries on and ends as promised, with the real Temporal server."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from starter.stack import temporal_server
from starter.stack.embedded import ROOT, build_children, run_stack, serve_stack
from starter.stack.folder import StackError, find_stack
from starter.stack.plan import Plan
from starter.stack.processes import Child, Supervisor, choose_ports, send_request
from tests.stack.fakes import fake_children
from tests.support.patience import PATIENCE

RETENTION = "315360000s"


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("CERTIFY_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "a folder"


def processes_of(data: Path) -> set[int]:
    """Every process that has the folder in its arguments or its environment, descendants included."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(data) in (process / "cmdline").read_bytes() + (process / "environ").read_bytes():
                found.add(int(process.name))
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextlib.contextmanager
def stack_process(data: Path, *told: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.stack.fakes", str(data), *told]
    # Started from a session that ignores hang-ups (nohup), the stack would ignore them too.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        signal.signal(signal.SIGHUP, before)
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def wait_until_gone(data: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while processes_of(data):
        assert time.monotonic() < deadline, processes_of(data)
        time.sleep(0.05)


async def test_a_ready_stack_says_where_it_is_to_its_owner_alone(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as document:
        file = data / "stack.json"
        assert json.loads(file.read_text()) == document
        assert mode(file) == mode(data / "secrets.json") == mode(data / "temporal.sqlite") == 0o600
        assert mode(data) == mode(data / "logs") == 0o700
        assert all(mode(log) == 0o600 for log in (data / "logs").iterdir())
        assert document["pid"] == os.getpid()
        assert document["temporal"] == document["settings"]["TEMPORAL_ADDRESS"]
        stand_ins = {"registry", "background_checks", "lms", "portal", "mlms", "vendors", "lists", "identity"}
        assert set(document["sandbox"]) == stand_ins
        assert {"web", "temporal_ui", "mailbox"} < set(document)
        secrets = document["secrets"]
        assert secrets["lms_webhook"].startswith("whsec_")
        assert secrets["portal_webhook"].startswith("whsec_")
        assert json.loads(document["settings"]["CERTIFY_STAFF_TOKENS"]) == {"staff": secrets["staff_token"]}
        assert json.loads(document["settings"]["CERTIFY_INTAKE_TOKENS"]) == {"intake": secrets["intake_token"]}
        assert all(secrets[name] for name in ("background_checks_webhook", "xapi_user", "xapi_password"))
        assert document["settings"]["CERTIFY_PORTAL_TOKEN"] not in str(secrets), "what we send out opens nothing"
    assert not file.exists()
    assert not processes_of(data) - {os.getpid()}


async def test_the_vendors_and_the_lists_are_the_stand_ins(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as document:
        settings, stand_ins = document["settings"], document["sandbox"]
        vendors, senders = json.loads(settings["CERTIFY_VENDORS"]), json.loads(settings["CERTIFY_SENDERS"])
        assert document["secrets"]["vendors"] == {name: senders[name]["secret"] for name in vendors}
        assert len(set(document["secrets"]["vendors"].values())) == len(vendors) == 3
        assert {name: vendor["url"] for name, vendor in vendors.items()} == {
            name: f"{stand_ins['vendors']}/{name}" for name in ("vendor-a", "vendor-b", "vendor-c")
        }
        assert settings["CERTIFY_LISTS_URL"] == stand_ins["lists"]
        assert settings["CERTIFY_MLMS_URL"] == stand_ins["mlms"]


async def test_staff_sign_in_at_the_stand_in_whose_secret_is_kept(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as document:
        settings = document["settings"]
        assert settings["CERTIFY_OIDC_ISSUER"] == document["sandbox"]["identity"]
        assert settings["CERTIFY_OIDC_CLIENT_ID"] == "certify"
        kept = json.loads((data / "secrets.json").read_text())["SANDBOX_IDENTITY_CLIENT_SECRET"]
        assert settings["CERTIFY_OIDC_CLIENT_SECRET"] == kept
        assert len(kept) > 40
        assert settings["CERTIFY_TEMPORAL_UI_URL"] == document["temporal_ui"]
        assert json.loads(settings["CERTIFY_STAFF_ROLES"]) == {"staff": ["reviewer", "operator"]}
        assert settings["CERTIFY_GALLERY"] == "1"


async def test_the_users_own_identity_provider_gets_nothing_of_ours(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTIFY_OIDC_ISSUER", "https://identity.example.com")
    monkeypatch.setenv("CERTIFY_STAFF_ROLES", "{}")
    async with run_stack(data, build=fake_children()) as document:
        settings = document["settings"]
        assert {name for name in settings if "_OIDC_" in name} == {"CERTIFY_OIDC_ISSUER"}
        assert settings["CERTIFY_OIDC_ISSUER"] == "https://identity.example.com"
        assert settings["CERTIFY_STAFF_ROLES"] == "{}"


async def test_senders_that_are_none_are_refused(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTIFY_SENDERS", '{"vendor-a": "chosen"}')
    assert await serve_stack(data, 0, build=fake_children()) == 2
    assert "CERTIFY_SENDERS" in capsys.readouterr().err


async def test_every_child_leads_a_session_of_its_own_and_is_told_what_it_needs(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as document:
        there = {}
        for pid in processes_of(data) - {os.getpid()}:
            assert os.getsid(pid) == os.getpgid(pid) == pid
            there[pid] = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        told = [told for told in there.values() if any(line.startswith(b"SANDBOX_SMTP_PORT=") for line in told)]
        assert len(there) == 4
        assert len(told) == 1
        assert f"SANDBOX_WEB_URL={document['web']}".encode() in told[0]
        servers = [told for told in there.values() if not any(line.startswith(b"CERTIFY_") for line in told)]
        assert len(servers) == 1, "the Temporal server gets no secrets"


async def test_the_namespace_keeps_closed_cases_and_knows_the_search_attributes(data: Path) -> None:
    async with run_stack(data, build=fake_children()):
        port = json.loads((data / "ports.json").read_text())["temporal_http"]
        await assert_namespace_is_prepared(port)


async def test_an_older_database_gets_the_search_attributes_it_lacks(data: Path) -> None:
    data.mkdir()
    ports = choose_ports(("temporal", "ui", "http"), {})
    command = temporal_server.build_command(data / "temporal.sqlite", *ports.values())
    bare = tuple(part for part in command if "search-attribute" not in part)
    child = Child("temporal", bare, os.environ, health_urls=(temporal_server.build_health_url(ports["http"]),))
    supervisor = Supervisor([child], ROOT, data)
    try:
        await supervisor.start(20)
        await temporal_server.prepare_namespace(ports["temporal"], ports["http"], os.environ)
        await assert_namespace_is_prepared(ports["http"])
    finally:
        await supervisor.stop()


async def assert_namespace_is_prepared(port: int) -> None:
    _, described = await asyncio.to_thread(send_request, "GET", temporal_server.build_health_url(port))
    assert json.loads(described)["config"]["workflowExecutionRetentionTtl"] == RETENTION
    url = f"http://127.0.0.1:{port}/cluster/namespaces/default/search-attributes"
    _, attributes = await asyncio.to_thread(send_request, "GET", url)
    assert json.loads(attributes)["customAttributes"] == {
        "Program": "INDEXED_VALUE_TYPE_KEYWORD",
        "PlanYear": "INDEXED_VALUE_TYPE_INT",
        "AssisterKind": "INDEXED_VALUE_TYPE_KEYWORD",
        "Stage": "INDEXED_VALUE_TYPE_KEYWORD",
        "WaitingFor": "INDEXED_VALUE_TYPE_KEYWORD",
        "WaitsOn": "INDEXED_VALUE_TYPE_KEYWORD",
        "WaitingSince": "INDEXED_VALUE_TYPE_DATETIME",
    }


async def test_a_second_one_on_the_same_folder_is_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with run_stack(data, build=fake_children()) as document:
        assert await serve_stack(data, 0, build=fake_children()) == 1
        said = capsys.readouterr().err
        assert str(os.getpid()) in said
        assert said.count("\n") == 1
        assert find_stack(data) == document, "the first one is left as it was"


async def test_a_death_ends_all_the_others_and_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await serve_stack(data, 0, build=fake_children(web=["--dies"])) == 1
    said = capsys.readouterr().err
    assert "web ended unexpectedly with status 3" in said
    assert "the roof fell in" in said
    assert not processes_of(data) - {os.getpid()}
    assert not (data / "stack.json").exists()


async def test_a_block_is_left_when_a_process_dies(data: Path) -> None:
    with pytest.raises(StackError, match="worker ended unexpectedly"):
        async with run_stack(data, build=fake_children(worker=["--dies"])):
            await asyncio.sleep(30)
    assert not processes_of(data) - {os.getpid()}


async def test_a_failed_migration_is_told_before_anything_else_starts(data: Path) -> None:
    with pytest.raises(StackError, match="migration ended unexpectedly with status 4"):
        async with run_stack(data, build=fake_children(migration=["--ends", "4"])):
            pass
    assert not (data / "logs" / "web.log").exists()
    assert not processes_of(data) - {os.getpid()}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_it_leaves_no_process(data: Path, number: signal.Signals) -> None:
    with stack_process(data, "web=--grandchild", "sandbox=--deaf") as process:
        wait_until_ready(process)
        assert len(processes_of(data)) == 6
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(20) == 0
        assert not processes_of(data)
        assert not (data / "stack.json").exists()


def test_asked_to_end_before_it_is_ready_it_leaves_no_process(data: Path) -> None:
    never_ready = "web=--port"  # it listens nowhere
    with stack_process(data, never_ready) as process:
        while len(processes_of(data)) < 5:
            time.sleep(0.02)
        process.terminate()
        assert process.wait(20) == 0
        assert not processes_of(data)


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
def test_killed_it_leaves_no_process_and_starts_again_at_once(data: Path) -> None:
    with stack_process(data, "worker=--deaf") as process:
        wait_until_ready(process)
        process.kill()
    assert find_stack(data) is None, "a stack.json that was left behind names a process that is gone"
    with stack_process(data) as process:
        wait_until_ready(process)
        assert len(processes_of(data)) == 5
        process.terminate()
        assert process.wait(20) == 0
    wait_until_gone(data)


async def test_started_again_it_keeps_secrets_and_ports(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as first:
        pass
    async with run_stack(data, build=fake_children()) as second:
        assert second == first


async def test_a_remembered_port_that_is_taken_is_replaced(data: Path) -> None:
    async with run_stack(data, build=fake_children()) as first:
        pass
    with socket.create_server(("127.0.0.1", int(first["web"].rpartition(":")[2]))):
        async with run_stack(data, build=fake_children()) as second:
            assert second["web"] != first["web"]
            assert second["settings"]["CERTIFY_WEB_URL"] == second["web"]
            assert second["mailbox"] == first["mailbox"]
            assert second["secrets"] == first["secrets"]


async def test_a_port_taken_between_choice_and_use_leads_to_another_try(data: Path) -> None:
    blockers: list[socket.socket] = []

    def taken_at_first(plan: Plan) -> list[Child]:
        if not blockers:
            blockers.append(socket.create_server(("127.0.0.1", plan.ports["temporal"])))
        return list(fake_children()(plan))

    async with run_stack(data, build=taken_at_first) as document:
        assert document["temporal"] != "{}:{}".format(*blockers[0].getsockname())
    blockers[0].close()


async def test_the_web_port_asked_for_is_used(data: Path) -> None:
    port = choose_ports(("web",), {})["web"]
    async with run_stack(data, port, build=fake_children()) as document:
        assert document["web"] == f"http://127.0.0.1:{port}"


async def test_without_the_sandbox_every_missing_address_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTIFY_LMS_URL", "https://lms.example.com")
    assert await serve_stack(data, 0, sandbox=False, build=fake_children()) == 2
    said = capsys.readouterr().err
    for name in ("REGISTRY_URL", "BACKGROUND_CHECKS_URL", "PORTAL_URL", "MLMS_URL", "SMTP_HOST"):
        assert f"CERTIFY_{name}" in said
    for name in ("LMS_URL", "LISTS_URL", "VENDORS"):
        assert f"CERTIFY_{name}" not in said
    assert not data.exists()


async def test_without_the_sandbox_the_environment_names_the_third_parties(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REGISTRY_URL", "BACKGROUND_CHECKS_URL", "LMS_URL", "PORTAL_URL", "MLMS_URL", "SMTP_HOST"):
        monkeypatch.setenv(f"CERTIFY_{name}", f"{name.lower()}.example.com")
    async with run_stack(data, sandbox=False, build=fake_children()) as document:
        assert document["mailbox"] is None
        assert document["sandbox"] == {}
        assert document["settings"]["CERTIFY_LMS_URL"] == "lms_url.example.com"
        assert document["secrets"]["vendors"] == {}
        assert not [name for name in document["settings"] if "_OIDC_" in name]
        told = [Path(f"/proc/{pid}/environ").read_bytes() for pid in processes_of(data) - {os.getpid()}]
        assert len(told) == 3
        assert not [environment for environment in told if b"SANDBOX_" in environment]
        assert not (data / "logs" / "sandbox.log").exists()


async def test_the_users_own_mail_server_and_secrets_win(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTIFY_SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("CERTIFY_STAFF_TOKENS", '{"testa": "chosen"}')
    monkeypatch.setenv("CERTIFY_DATABASE_URL", "postgresql+psycopg://db.example.com/other")
    async with run_stack(data, build=fake_children()) as document:
        settings = document["settings"]
        assert settings["CERTIFY_SMTP_HOST"] == "mail.example.com"
        assert "CERTIFY_SMTP_PORT" not in settings
        assert document["secrets"]["staff_token"] == "chosen"
        assert settings["CERTIFY_DATABASE_URL"] == f"sqlite+aiosqlite:///{data}/app.sqlite"


async def test_staff_tokens_that_are_none_are_refused(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTIFY_STAFF_TOKENS", "chosen")
    assert await serve_stack(data, 0, build=fake_children()) == 2
    assert "CERTIFY_STAFF_TOKENS" in capsys.readouterr().err


async def test_a_signing_pair_is_made_unless_one_is_there_or_was_chosen(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Plan] = []

    def noted(plan: Plan) -> list[Child]:
        plans.append(plan)
        return [child for child in fake_children()(plan) if child.name == "migration"]

    async with run_stack(data, build=noted) as document:
        assert plans[-1].makes_signing_pair
        for name in ("CERTIFY_SIGNING_KEY_FILE", "CERTIFY_SIGNING_CERT_FILE"):
            Path(document["settings"][name]).touch()
        assert "signing" not in {child.name for child in build_children(plans[-1])}
    monkeypatch.setenv("CERTIFY_SIGNING_KEY_FILE", "/elsewhere/key.pem")
    async with run_stack(data.with_name("other"), build=noted):
        assert not plans[-1].makes_signing_pair


async def test_one_that_runs_is_found(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_stack() is None
    async with run_stack(data, build=fake_children()) as document:
        assert find_stack() == find_stack(data) == document, "the only one of this user"
        assert find_stack(tmp_path / "other") is None
        monkeypatch.setenv("CERTIFY_DATA", str(tmp_path / "other"))
        assert find_stack() is None
        monkeypatch.setenv("CERTIFY_DATA", str(data))
        assert find_stack() == document
        monkeypatch.delenv("CERTIFY_DATA")
        async with run_stack(tmp_path / "another", build=fake_children()):
            with pytest.raises(ValueError, match="choose one with --data"):
                find_stack()
        async with run_stack(tmp_path / "data", build=fake_children()) as here:
            assert find_stack() == here, "./data comes first"
    assert find_stack() is None
