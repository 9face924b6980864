"""The verbs of `certify` for objections: appeals, filed on behalf, backed, taken back, decided; and rebuttals."""

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from domain.shared.ids import name_staff_actor
from starter.cli.arguments import (
    DEFAULTS,
    Actor,
    BehalfOptions,
    CaseId,
    CommonOptions,
    Reason,
    build_wording,
    require_text,
)
from starter.cli.context import CommandServices, UsageError, open_services
from starter.cli.output import note_language, open_console, print_json
from starter.cli.status_output import print_summary

if TYPE_CHECKING:
    from domain.shared.cases.commands import Wording

Act = Literal["file", "evidence", "decide", "withdraw"]
Method = Literal["letter", "email", "phone", "in_person"]
Outcome = Literal["upheld", "reversed", "sent_back"]


async def act_on_appeal(
    case: CaseId,
    act: Annotated[Act, Parameter(help="file one, add evidence, decide or withdraw it.")],
    /,
    *,
    reason: Reason,
    actor: Actor,
    grounds: Annotated[str | None, Parameter(help="file: what the appellant says against the decision.")] = None,
    method: Annotated[Method | None, Parameter(help="file: how it came.")] = None,
    received_on: Annotated[str | None, Parameter(help="file: the day it came, such as 2026-11-21; else today.")] = None,
    file: Annotated[Path | None, Parameter(help="evidence: a PDF, PNG or JPEG file.")] = None,
    outcome: Annotated[Outcome | None, Parameter(help="decide: what the appeal comes to.")] = None,
    effective_on: Annotated[str | None, Parameter(help="decide: since when it counts; else today.")] = None,
    told: Annotated[
        str | None, Parameter(help="decide: the reason in the assister's language, where that isn't English.")
    ] = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Do something about an appeal against a denial, a suspension, a revocation or a termination, as staff."""
    require_text(reason=reason, actor=actor, told=told)
    if told is not None and act != "decide":
        raise UsageError("--told goes with decide: the assister is told no other reason.")
    actor = name_staff_actor(actor)
    given = _Given(case, reason, actor)
    async with open_services(options.data) as services:
        if act == "file":
            await given.file_appeal(services, grounds, method, received_on)
        elif act == "evidence":
            await given.add_evidence(services, file)
        elif act == "decide":
            await given.decide_appeal(services, outcome, effective_on, build_wording(told))
        else:
            await services.appeals.withdraw_appeal(case, reason, actor)
        appeals = await services.appeals.read_appeals(case)
        status, names = await services.read_status(case), await services.read_staff_names()
    if options.json:
        from db.reads.status import to_json_values

        print_json({**status, "appeals": [to_json_values(one.document()) for one in appeals]})
    else:
        print_summary(open_console(), status, names)


async def file_rebuttal(
    case: CaseId,
    /,
    *,
    text: Annotated[str, Parameter(help="What the assister says against what staff have ordered.")],
    behalf: BehalfOptions,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Write down what the assister says against a suspension or a termination, for them."""
    from db.writes import suspensions
    from starter.cases import now

    author = behalf.name_author()
    require_text(text=text)
    async with open_services(options.data) as services:
        await services.database.write(suspensions.file_rebuttal, case, text.strip(), author, now())
        status, names = await services.read_status(case), await services.read_staff_names()
    if options.json:
        print_json(status)
    else:
        print_summary(open_console(), status, names)


class _Given:
    """Whose appeal it is, and who acts why."""

    def __init__(self, case: str, reason: str, actor: str) -> None:
        self._case, self._reason, self._actor = case, reason, actor

    async def file_appeal(
        self, services: CommandServices, grounds: str | None, method: str | None, received_on: str | None
    ) -> None:
        from db.writes.appeals.filing import Filing
        from domain.shared.cases.appeals import FilingMethod

        _require("file", grounds=grounds, method=method)
        day = _read_day("received-on", received_on)
        filing = Filing(self._case, self._actor, FilingMethod(method or ""), grounds or "", self._reason, day)
        await services.appeals.file_appeal(filing)

    async def add_evidence(self, services: CommandServices, file: Path | None) -> None:
        from domain.shared.documents.evidence import LARGEST_FILE, check_evidence_size

        _require("evidence", file=file)
        assert file is not None, "else it was asked for"
        try:
            with file.open("rb") as opened:
                check_evidence_size(os.fstat(opened.fileno()).st_size, file.name)
                content = opened.read(LARGEST_FILE + 1)
        except OSError as error:
            raise UsageError(f"--file {file} can't be read: {error.strerror}.") from None
        await services.appeals.add_evidence(self._case, file.name, content, self._actor)

    async def decide_appeal(
        self, services: CommandServices, outcome: str | None, effective_on: str | None, wording: "Wording"
    ) -> None:
        from db.writes.appeals.deciding import DecisionOnAppeal
        from domain.shared.cases.appeals import AppealOutcome

        _require("decide", outcome=outcome)
        day = _read_day("effective-on", effective_on)
        decision = DecisionOnAppeal(self._case, self._actor, AppealOutcome(outcome or ""), self._reason, day, wording)
        await services.appeals.decide_appeal(decision)
        note_language(await services.read_language(self._case), wording)


def _require(act: str, **given: object) -> None:
    for name, value in given.items():
        if not value:
            raise UsageError(f"{act} needs --{name.replace('_', '-')}; see `certify appeal --help`.")


def _read_day(name: str, text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"--{name} takes a day, such as 2026-11-21.") from None
