"""What import-linter can't see: the single files at the top level, and that activities carry their contracts' names."""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from activities import (
    adverse_actions,
    appeals,
    background,
    certificates,
    contracts,
    license_rounds,
    licensing,
    listing_check,
    lms_polling,
    mlms,
    notices,
    portal,
    profiles,
    publications,
    reconciliation,
    records,
    seasons,
    training,
)

ROOT = Path(__file__).resolve().parent.parent
OURS = {"activities", "adapters", "db", "domain", "sandbox", "settings", "starter", "web", "worker", "workflows"}
MAY_READ_SETTINGS = {
    "worker.py",
    "web/app.py",
    "web/services.py",
    "starter/cli/context.py",
    "starter/composition.py",
    "starter/doctor.py",
    "docs/generate.py",
}
IMPLEMENTATIONS = {
    contracts.Records: records.RecordsActivities,
    contracts.Licensing: licensing.LicensingActivities,
    contracts.Background: background.BackgroundActivities,
    contracts.Training: training.TrainingActivities,
    contracts.Certificates: certificates.CertificatesActivities,
    contracts.Portal: portal.PortalActivities,
    contracts.Notices: notices.NoticesActivities,
    contracts.Profiles: profiles.ProfilesActivities,
    contracts.Mlms: mlms.MlmsActivities,
    contracts.ListingCheck: listing_check.ListingCheckActivities,
    contracts.LmsPolling: lms_polling.LmsPollingActivities,
    contracts.Appeals: appeals.AppealsActivities,
    contracts.Publications: publications.PublicationsActivities,
    contracts.LicenseRounds: license_rounds.LicenseRoundsActivities,
    contracts.Reconciliations: reconciliation.ReconciliationsActivities,
    contracts.AdverseActions: adverse_actions.AdverseActionsActivities,
    contracts.Seasons: seasons.SeasonsActivities,
}


def imported(path: Path) -> set[str]:
    """The top-level modules of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found & OURS


def sources() -> list[Path]:
    folders = [ROOT / name for name in sorted(OURS) if (ROOT / name).is_dir()]
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))] + [ROOT / "worker.py"]


def test_settings_import_nothing_of_ours() -> None:
    assert imported(ROOT / "settings.py") == set()


# The id of a state's program, and where it has to be spelled out: nobody is shown it.
SPELLS_PROGRAM_ID = {"domain/shared/programs.py", "settings.py", "templates/exchange.py"}


def test_e12_no_python_and_no_template_names_an_exchange_or_its_state() -> None:
    """They are in its folder of policies; in sentences stand marks for them (`domain/shared/words.py`)."""
    for path in [*sources(), ROOT / "settings.py", *sorted((ROOT / "docs").glob("*.py"))]:
        text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
        assert "beWellnm" not in text, name
        assert name in SPELLS_PROGRAM_ID or "bewellnm" not in text.lower(), name
    catalog = ROOT / "templates/locale/es/LC_MESSAGES/messages.po"
    for path in [*sorted((ROOT / "templates/pages").rglob("*.html")), *(ROOT / "templates/notices").iterdir(), catalog]:
        named = re.findall("beWellnm|New Mexic|Nuevo México", path.read_text(encoding="utf-8"))
        assert named == [], path.relative_to(ROOT)


def test_the_worker_knows_neither_web_nor_sandbox() -> None:
    assert not imported(ROOT / "worker.py") & {"web", "sandbox"}


def test_nobody_imports_the_worker_and_only_entry_points_read_settings() -> None:
    for path in sources():
        name = str(path.relative_to(ROOT))
        assert "worker" not in imported(path), name
        assert "settings" not in imported(path) or name in MAY_READ_SETTINGS, name


def activity_names(owner: type) -> dict[str, str]:
    """Activity methods of a class with the names they are registered under."""
    definitions = {
        name: getattr(method, "__temporal_activity_definition", None)
        for name, method in inspect.getmembers(owner, inspect.isfunction)
    }
    return {name: definition.name for name, definition in definitions.items() if definition is not None}


@pytest.mark.parametrize("contract", IMPLEMENTATIONS, ids=lambda contract: contract.__name__)
def test_an_activity_carries_the_name_of_its_contract(contract: Any) -> None:
    assert activity_names(contract)
    assert activity_names(IMPLEMENTATIONS[contract]) == activity_names(contract)


def test_every_contract_has_its_implementation() -> None:
    declared = {
        one for _, one in inspect.getmembers(contracts, inspect.isclass) if one.__module__ == contracts.__name__
    }
    assert declared == set(IMPLEMENTATIONS)


def test_no_code_that_runs_makes_a_pattern_of_a_sentence_or_reads_their_tables() -> None:
    """What is refused is a code: where it is shown a sentence is made of it, and no sentence is taken apart again.

    A pattern is a literal of its module; only the models of reasons and faults look into the tables of sentences.
    """
    tables = {f"domain.shared.{name}" for name in ("reasons", "faults")}
    for path in sources():
        name = str(path.relative_to(ROOT))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if name.split("/")[0] in {"domain", "db", "web"} and "migrations" not in path.parts:
            patterns = [call.args[0] for call in ast.walk(tree) if isinstance(call, ast.Call) and _is_of_re(call.func)]
            assert all(isinstance(one, ast.Constant | ast.Name) for one in patterns), name
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module in tables:
                assert "SENTENCES" not in {alias.name for alias in node.names}, name


def _is_of_re(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re"


def test_each_migration_follows_another_one_so_that_one_is_the_newest() -> None:
    """Two that follow the same one, as two branches of work make them, would stop every start."""
    texts = [path.read_text("utf-8") for path in (ROOT / "db" / "migrations" / "versions").glob("[0-9]*.py")]
    revisions, followed = (
        [one for text in texts for one in re.findall(rf'^{name} = "(\w+)"$', text, re.MULTILINE)]
        for name in ("revision", "down_revision")
    )
    assert len(set(revisions)) == len(texts)
    assert len(set(followed)) == len(followed) == len(texts) - 1, "but the first"
    assert len(set(revisions) - set(followed)) == 1


def test_a_migration_imports_nothing_that_changes() -> None:
    for path in sorted((ROOT / "db" / "migrations" / "versions").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
                assert node.module == "db.migrations.append_only", path.name
