"""Everything is there, once: facts, certificates, and what was made at third parties."""

import hashlib
from collections import Counter
from pathlib import Path

from tests.support.kept import Kept, Row
from tests.support.lives import Life
from tests.support.world import World


def list_printed(certificates: Path) -> list[Path]:
    """The certificates in their folder, recorded or not."""
    return list(certificates.glob("[!.]*.pdf"))


def list_pending(kept: Kept) -> list[Row]:
    """Events and commands that no workflow was told of."""
    return kept.rows(
        "SELECT case_id, kind FROM inbox WHERE state = 'pending' "
        "UNION ALL SELECT case_id, kind FROM command WHERE state = 'pending'"
    )


def check_facts(kept: Kept, lives: list[Life]) -> None:
    """Everything the LMS reported, once; and every kind of fact that happens once, once."""
    facts = kept.rows("SELECT id, case_id, kind FROM fact")
    ids = {row[0] for row in facts}
    assert not {told for life in lives for told in life.told} - ids
    kinds = Counter((row[1], row[2]) for row in facts if row[2] != "exam_attempted")
    assert not {key: count for key, count in kinds.items() if count > 1}


def check_certificates(kept: Kept, certificates: Path, lives: list[Life]) -> None:
    found = kept.rows("SELECT case_id, sha256, uri FROM certificate")
    assert sorted(row[0] for row in found) == sorted(life.case_id for life in lives)
    assert sorted(row[2] for row in found) == sorted(file.name for file in certificates.iterdir())
    for _, digest, uri in found:
        assert hashlib.sha256((certificates / uri).read_bytes()).hexdigest() == digest


async def check_accounts(world: World, counselors: list[Life]) -> None:
    accounts = (await world.http.get(f"{world.stack['sandbox']['portal']}/accounts")).json()
    made = Counter(one["case_id"] for one in accounts if one["made_by"] != "registration")
    assert made == {life.case_id: 1 for life in counselors}
    assert all(one["active"] for one in accounts if one["case_id"] in made)
    created = [one["body"]["externalId"] for one in await world.calls("portal") if one["status"] == 201]
    assert Counter(created) == made


async def check_places(world: World, lives: list[Life], enrolled: list[Life]) -> None:
    calls = [one for one in await world.calls("lms") if one["method"] == "POST"]
    admitted = Counter(one["body"]["registration"] for one in calls if one["status"] == 201)
    assert admitted == {life.case_id: 1 for life in lives}
    for life in lives:
        paths = {one["path"] for one in calls if one["body"]["registration"] == life.case_id}
        assert paths == {"/api/v1/enrollments" if life in enrolled else "/api/v1/invitations"}


async def check_background_checks(world: World, kept: Kept, counselors: list[Life]) -> None:
    deliveries = (await world.http.get(f"{world.stack['sandbox']['background_checks']}/deliveries")).json()
    completed = Counter(one["case"] for one in deliveries if one["event"] == "report.completed")
    assert len(completed) == len(counselors)
    assert set(completed.values()) == {1}
    ordered = kept.rows("SELECT case_id, external_id FROM effect WHERE kind = 'background.ordered'")
    assert sorted(row[0] for row in ordered) == sorted(life.case_id for life in counselors)
    assert set(completed) in ({row[0] for row in ordered}, {row[1] for row in ordered})


async def check_letters(world: World, kept: Kept, lives: list[Life]) -> None:
    """A letter sent again after a crash is the same letter: it carries the same Message-ID."""
    sent = kept.rows("SELECT case_id, result ->> 'message_id' FROM effect WHERE kind LIKE 'notice.%'")
    for life in lives:
        letters = await world.letters(life.request["email"])
        intended = {row[1] for row in sent if row[0] == life.case_id}
        assert {one["headers"]["Message-ID"].strip() for one in letters} == intended
        subjects = Counter({(one["subject"], one["headers"]["Message-ID"]) for one in letters})
        assert set(Counter(subject for subject, _ in subjects).values()) == {1}
