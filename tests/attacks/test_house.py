"""The house itself: settings that would leave it open are told, and nothing starts with them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from settings import Settings, TrainingVendor
from starter.doctor import find_unsafe_settings, is_production, list_shut_doors
from tests.attacks.variables import LOCAL, make_variables
from tests.starter.command import ROOT, call_certify, environment


@pytest.fixture
def sound(tmp_path: Path) -> dict[str, str]:
    """The environment of a system that others reach, with nothing unsafe in it."""
    return make_variables(f"sqlite+aiosqlite:///{tmp_path}/app.sqlite")


def build_settings(variables: dict[str, str], **changes: Any) -> Settings:
    given = {name.removeprefix("CERTIFY_").lower(): value for name, value in variables.items()}
    url = given.pop("database_url")
    read = {name: json.loads(text) if text[:1] in ("{", "[") else text for name, text in given.items()}
    return Settings.model_validate({**read, "CERTIFY_DATABASE_URL": url, **changes})


VENDOR = TrainingVendor(url="http://vendor-a.example.org")
STORE = {"program": "bewellnm", "kinds": ["exam"], "user": "store", "password": "kX9-wq3Z-1pL-77ab"}
UNSAFE: dict[str, tuple[dict[str, Any], str, str]] = {
    "without https": ({"web_url": "http://certification.example.org"}, "CERTIFY_WEB_URL", "without https"),
    "no proxy trusted": ({"trusted_proxies": ""}, "CERTIFY_TRUSTED_PROXIES", "lock everybody out"),
    "every proxy trusted": ({"trusted_proxies": "192.0.2.7, *"}, "CERTIFY_TRUSTED_PROXIES", "Everybody is trusted"),
    "every network trusted": ({"trusted_proxies": "::/0"}, "CERTIFY_TRUSTED_PROXIES", "Everybody is trusted"),
    "short secret": ({"staff_tokens": {"clerk": "kX9-wq3Z-1pL"}}, "CERTIFY_STAFF_TOKENS", "shorter than 32"),
    "short identity key": ({"identity_key": "0123456789abcdef"}, "CERTIFY_IDENTITY_KEY", "shorter than 64"),
    "empty secret": ({"portal_token": ""}, "CERTIFY_PORTAL_TOKEN", "is empty"),
    "sample secret": ({"lms_token": "replace-me"}, "CERTIFY_LMS_TOKEN", "is a sample"),
    "one character": ({"portal_token": "a" * 64}, "CERTIFY_PORTAL_TOKEN", "is a sample"),
    "empty staff token": ({"staff_tokens": {"clerk": ""}}, "CERTIFY_STAFF_TOKENS", "'clerk' is empty"),
    "registry in the open": ({"registry_url": "http://registry.example.org"}, "CERTIFY_REGISTRY_URL", "without TLS"),
    "vendor in the open": ({"vendors": {"vendor-a": VENDOR}}, "CERTIFY_VENDORS", "without TLS"),
    "mail in the open": ({"smtp_host": "mail.example.org"}, "CERTIFY_SMTP_STARTTLS", "without TLS"),
    "short secret of a sender": ({"senders": {"store": STORE}}, "CERTIFY_SENDERS", "shorter than 32"),
    "halves of the world trusted": (
        {"trusted_proxies": "0.0.0.0/1,128.0.0.0/1"},
        "CERTIFY_TRUSTED_PROXIES",
        "Everybody is trusted",
    ),
    "half of the world trusted": ({"trusted_proxies": "::/1"}, "CERTIFY_TRUSTED_PROXIES", "Everybody is trusted"),
    "a proxy by its name": ({"trusted_proxies": "proxy.example.org"}, "CERTIFY_TRUSTED_PROXIES", "is no address"),
    "repeated identity key": ({"identity_key": "0f1e2d3c4b5a6978" * 4}, "CERTIFY_IDENTITY_KEY", "is a sample"),
    "database in the open": (
        {"migration_url": f"postgresql+psycopg://owner:{token_hex(16)}@db.example.org/certify"},
        "CERTIFY_MIGRATION_URL",
        "without TLS",
    ),
    "codes without end": ({"codes_an_hour": 100_000_000}, "CERTIFY_CODES_AN_HOUR", "guessed"),
    "guesses without end": ({"rate_code": "1000000/second"}, "CERTIFY_RATE_CODE", "guessed"),
    "endless session": ({"session_hours": 25}, "CERTIFY_SESSION_HOURS", "longer than a day"),
    "endless rest": ({"session_idle_minutes": 1500}, "CERTIFY_SESSION_IDLE_MINUTES", "longer than a day"),
}


def test_a_sound_system_has_nothing_unsafe(sound: dict[str, str]) -> None:
    settings = build_settings(sound)
    assert is_production(settings)
    assert find_unsafe_settings(settings) == []


@pytest.mark.parametrize("what", UNSAFE)
def test_an_unsafe_setting_is_told_with_its_mending(sound: dict[str, str], what: str) -> None:
    changes, setting, words = UNSAFE[what]
    found = find_unsafe_settings(build_settings(sound, **changes))
    assert {one.setting for one in found} == {setting}
    assert any(words in one.fault for one in found)
    assert all(one.mend for one in found)


def test_temporal_elsewhere_is_reached_by_tls_alone(sound: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.org:7233")
    (found,) = find_unsafe_settings(build_settings(sound))
    assert found.setting == "TEMPORAL_ADDRESS"
    monkeypatch.setenv("TEMPORAL_TLS", "true")
    assert find_unsafe_settings(build_settings(sound)) == []


def test_a_database_elsewhere_is_reached_by_tls_alone(sound: dict[str, str]) -> None:
    url = f"postgresql+psycopg://certify:{token_hex(16)}@db.example.org/certify"
    assert find_unsafe_settings(build_settings({**sound, "CERTIFY_DATABASE_URL": f"{url}?sslmode=verify-full"})) == []
    for open_to_all in (url, f"{url}?sslmode=prefer"):
        (found,) = find_unsafe_settings(build_settings({**sound, "CERTIFY_DATABASE_URL": open_to_all}))
        assert found.setting == "CERTIFY_DATABASE_URL"


def test_a_secret_of_two_uses_is_told_once_with_both(sound: dict[str, str]) -> None:
    one = "c3f1a9d27be846050b8e2d6f9a174c53"
    (found,) = find_unsafe_settings(build_settings(sound, lms_token=one, portal_token=one))
    assert found.setting == "CERTIFY_LMS_TOKEN"
    assert "CERTIFY_PORTAL_TOKEN" in found.fault
    assert one not in f"{found}"


def test_two_secrets_of_one_use_may_stand_side_by_side(sound: dict[str, str]) -> None:
    assert find_unsafe_settings(build_settings(sound, lms_token="c3f1a9d27be84605 0b8e2d6f9a174c53")) == []


@pytest.mark.parametrize("process", [("worker.py",), ("-m", "web")], ids=["worker", "web"])
def test_an_unsafe_process_does_not_start(sound: dict[str, str], tmp_path: Path, process: tuple[str, ...]) -> None:
    unsafe = {**sound, "CERTIFY_WEB_URL": "http://certification.example.org", "CERTIFY_PORTAL_TOKEN": "changeme-please"}
    ran = subprocess.run(
        [sys.executable, *process],
        cwd=ROOT,
        env=environment(tmp_path, **unsafe),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "CERTIFY_WEB_URL: " in ran.stderr
    assert "CERTIFY_PORTAL_TOKEN: " in ran.stderr
    assert "changeme" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_doctor_says_no_to_what_would_not_start(sound: dict[str, str], tmp_path: Path) -> None:
    ran = call_certify(tmp_path, "doctor", "--json", **{**sound, "CERTIFY_SESSION_HOURS": "48"})
    assert ran.status == 1
    document = json.loads(ran.out)
    assert document["production"]
    assert [one["setting"] for one in document["faults"]] == ["CERTIFY_SESSION_HOURS"]
    assert call_certify(tmp_path, "doctor", **sound).status == 0


def test_on_one_machine_nothing_is_refused_and_all_of_it_told(sound: dict[str, str], tmp_path: Path) -> None:
    ran = call_certify(tmp_path, "doctor", **{**sound, **LOCAL})
    assert ran.status == 0
    assert "Web and worker start" in " ".join(ran.out.split())
    assert "CERTIFY_WEB_URL" in ran.out


def test_p25_an_issuer_of_everybody_is_refused_with_the_reason(sound: dict[str, str], tmp_path: Path) -> None:
    """The accounts of every organization there is would be staff's."""
    issuer = "https://login.example.org/{tenantid}/v2.0"
    with pytest.raises(ValidationError, match="every organization"):
        build_settings(sound, oidc_issuer=issuer)
    ran = call_certify(tmp_path, "doctor", **{**sound, "CERTIFY_OIDC_ISSUER": issuer})
    assert ran.status == 2
    assert "CERTIFY_OIDC_ISSUER has a placeholder" in ran.err


@pytest.mark.parametrize("process", ["worker", "web"])
def test_the_production_shape_lacks_only_what_third_parties_give(tmp_path: Path, process: str) -> None:
    """The compose file with its example settings and the secrets that are made for it."""
    given = dict(line.split("=", 1) for line in (ROOT / ".env.example").read_text().splitlines() if line[:1].isalpha())
    compose = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    variables = {
        name: re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda found: given.get(found[1]) or found[2] or "", value)
        for name, value in compose["services"][process]["environment"].items()
        if name.startswith("CERTIFY_")
    }
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path / "deploy")
    subprocess.run(["sh", "deploy/secrets.sh"], cwd=tmp_path, check=True, capture_output=True)
    for name in compose["services"][process]["secrets"]:
        if name.startswith("certify_"):
            variables[name.upper()] = (tmp_path / "secrets" / name).read_text()
    found = find_unsafe_settings(
        build_settings({name: text for name, text in variables.items() if text not in ("", "null")})
    )
    assert {one.setting.removeprefix("CERTIFY_") for one in found if "is a sample" in one.fault} == {
        *("REGISTRY_PASSWORD", "BACKGROUND_CHECKS_API_KEY", "LMS_TOKEN", "MLMS_TOKEN"),
        *(("OIDC_CLIENT_SECRET",) if process == "web" else ()),
    }
    assert [one.fault for one in found if "is a sample" not in one.fault and "same secret" not in one.fault] == []


def test_who_is_shut_out_by_settings_of_before_is_told(sound: dict[str, str]) -> None:
    before = build_settings(sound, senders={}, staff_tokens={"clerk": "a-token-of-the-clerk"}, staff_roles={})
    assert [one.setting for one in list_shut_doors(before)] == [
        "CERTIFY_SENDERS",
        "CERTIFY_PORTAL_TOKEN",
        "CERTIFY_STAFF_ROLES",
    ]
    assert list_shut_doors(build_settings(sound, staff_roles={"clerk": ["reviewer"]})) == []


def test_each_process_has_the_secrets_that_it_needs() -> None:
    services = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]
    worker, web = (set(services[name]["secrets"]) for name in ("worker", "web"))
    assert worker - web == {"certify_smtp_password", "signing_key.pem", "signing_cert.pem"}
    assert web - worker == {
        *("certify_senders", "certify_intake_tokens", "certify_staff_tokens"),
        *("certify_oidc_client_secret", "certify_proofing_client_secret"),
    }
    assert "certify_migration_url" not in worker | web


def test_the_image_has_no_development_stack() -> None:
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert "!sandbox" not in kept
    assert kept.index("starter/stack/embedded.py") > kept.index("!starter")
