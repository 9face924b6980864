"""The verbs of `certify season`: the cases of every returning assister, opened without being asked for one by one."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from domain.shared.ids import COMMAND_LINE, name_staff_actor
from domain.shared.programs import STATE_PROGRAM, ProgramName
from domain.shared.staff_names import call_actor
from starter.cli.arguments import DEFAULTS, CommonOptions, require_text
from starter.cli.context import UsageError, open_database, open_services
from starter.cli.output import format_instant, format_value, open_console, print_json, print_pairs, spell_code

if TYPE_CHECKING:
    from starter.seasons import Seasons

app = App(
    name="season",
    help="Open the cases of a program and plan year of everybody who returns, in batches; pause, resume, cancel, "
    "and rehearse it.",
    help_format="plaintext",
    version_flags=[],
)
PlanYear = Annotated[int, Parameter(help="Plan year of the season.")]
Program = Annotated[ProgramName, Parameter(help="Program of the season.")]
SeasonActor = Annotated[
    str | None, Parameter(name="--as", help="Who does it; it is audited. By default the command line.")
]
SeasonReason = Annotated[str, Parameter(help="Why; it is audited.", show_default=False)]


@app.command(name="open")
async def open_season(
    *,
    plan_year: PlanYear,
    program: Program = STATE_PROGRAM,
    actor: SeasonActor = None,
    reason: SeasonReason = "",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Open a season, once: a worker then goes through everybody who took part in an earlier year."""
    async with open_services(options.data) as services:
        actor = _name_actor(actor, reason)
        status = await services.seasons.open_season(program, plan_year, reason, actor)
        names = await services.read_staff_names()
    _print_status(options, status.document(), names)


@app.command(name="status")
async def show_season(
    *,
    plan_year: PlanYear,
    program: Program = STATE_PROGRAM,
    left_out: Annotated[
        Path | None, Parameter(help="Write a CSV of who was left out and why to this file, which must not be there.")
    ] = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Show how a season stands: how many cases were opened, woken and open before, and who was left out and why."""
    async with open_services(options.data) as services:
        status, names = await services.seasons.read_status(program, plan_year), await services.read_staff_names()
    if left_out is not None:
        await _write_left_out(options, program, plan_year, left_out)
    _print_status(options, status.document(), names)


@app.command(name="pause")
async def pause_season(
    *,
    plan_year: PlanYear,
    program: Program = STATE_PROGRAM,
    actor: SeasonActor = None,
    reason: SeasonReason = "",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Pause a season: nobody's case is opened until it is resumed."""
    await _change_season(program, plan_year, "pause", actor, reason, options)


@app.command(name="resume")
async def resume_season(
    *,
    plan_year: PlanYear,
    program: Program = STATE_PROGRAM,
    actor: SeasonActor = None,
    reason: SeasonReason = "",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Resume a season that is paused."""
    await _change_season(program, plan_year, "resume", actor, reason, options)


@app.command(name="cancel")
async def cancel_season(
    *,
    plan_year: PlanYear,
    program: Program = STATE_PROGRAM,
    actor: SeasonActor = None,
    reason: SeasonReason = "",
    options: CommonOptions = DEFAULTS,
) -> None:
    """Cancel a season for good; the cases that it opened stay, and it is said how many they are."""
    await _change_season(program, plan_year, "cancel", actor, reason, options)


@app.command(name="rehearse")
async def rehearse_season(
    *, plan_year: PlanYear, program: Program = STATE_PROGRAM, options: CommonOptions = DEFAULTS
) -> None:
    """Say what a season would come to now; nothing is changed."""
    async with open_services(options.data) as services:
        counts = await services.seasons.rehearse_season(program, plan_year)
    if options.json:
        print_json({"program": program, "plan_year": plan_year, "people": counts.handled, **counts.document()})
    else:
        print_pairs(open_console(), [("people", str(counts.handled)), *_list_counts(counts.document())])


def _name_actor(actor: str | None, reason: str) -> str:
    """Who changes a season; raises `UsageError` for a name or a reason that can't be audited."""
    require_text(actor=actor, reason=reason or None)
    return COMMAND_LINE if actor is None else name_staff_actor(actor)


async def _change_season(
    program: str, plan_year: int, change: str, actor: str | None, reason: str, options: CommonOptions
) -> None:
    from domain.shared.cases.seasons import SeasonChange

    async with open_services(options.data) as services:
        seasons: Seasons = services.seasons
        actor = _name_actor(actor, reason)
        status = await seasons.change_season(program, plan_year, SeasonChange(change), reason, actor)
        names = await services.read_staff_names()
    _print_status(options, status.document(), names)


async def _write_left_out(options: CommonOptions, program: str, plan_year: int, file: Path) -> None:
    from db.reads.seasons.progress import LEFT_OUT_COLUMNS, stream_left_out
    from domain.shared.documents.spreadsheets import stream_lines

    try:
        with file.open("xb") as opened:
            async with open_database(options.data) as database:
                async for part in stream_lines(LEFT_OUT_COLUMNS, stream_left_out(database, program, plan_year)):
                    opened.write(part)
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}.") from None


def _print_status(options: CommonOptions, document: dict[str, Any], names: Mapping[str, str]) -> None:
    if options.json:
        print_json(document)
        return
    left = document["seconds_left"]
    rows = [
        ("state", spell_code(document["state"])),
        ("opened", f"{format_instant(document['opened_at'])} by {call_actor(document['opened_by'], names)}"),
        ("done", f"{document['handled']} of {document['people']} people, {document['percent']} %"),
        *([("left", f"about {max(1, round(left / 60))} min")] if left is not None else []),
        *_list_counts(document),
    ]
    print_pairs(open_console(), [(name, format_value(value)) for name, value in rows])


def _list_counts(document: dict[str, Any]) -> list[tuple[str, str]]:
    counts = [(spell_code(name), str(document[name])) for name in ("opened", "woken", "already_open", "left_out")]
    return counts + [(f"  {spell_code(reason)}", str(number)) for reason, number in document["reasons"].items()]
