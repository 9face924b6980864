"""The verbs of `certify ffm`: steps with the federal marketplace that staff take for assisters, and the lists."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from db.case_state import load_snapshot
from starter.cli.arguments import (
    DEFAULTS,
    FLAG,
    REQUEST_BYTES,
    BehalfOptions,
    CaseId,
    CommandId,
    CommonOptions,
    File,
    read_file,
)
from starter.cli.context import NotDone, UsageError, open_database, open_services
from starter.cli.output import (
    format_instant,
    open_console,
    print_agreement,
    print_json,
    print_json_rows,
    print_rcl,
    spell_code,
)
from starter.cli.status_output import print_summary

if TYPE_CHECKING:
    from db.engine import Database
    from domain.shared.agreements import Agreement
    from domain.shared.cases.authors import StepAuthor
    from starter.cli.output import Pages

PUBLISHING_SECONDS = 60.0
I_AGREE = "i agree"

CurriculumName = Literal["individual_returning", "individual_full", "shop"]
AgreementName = Literal["individual_general", "individual_privacy_security", "shop_privacy_security"]
Course = Annotated[CurriculumName, Parameter(help="The course.")]

app = App(
    name="ffm",
    help="Steps with the federal marketplace, taken for assisters by staff; publish and read its lists.",
    help_format="plaintext",
    version_flags=[],
)


@app.command(name="profile")
async def save_profile(
    case: CaseId,
    file: File,
    /,
    *,
    go_on: Annotated[bool, FLAG, Parameter(name="--next", help="Go on with Next once it is saved.")] = False,
    behalf: BehalfOptions,
    command_id: CommandId = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Save a profile's changed fields (JSON), for the assister; the registry is asked about its NPNs."""
    body = read_file(file, REQUEST_BYTES)
    from domain.shared.documents.parsing import read_json

    author = behalf.name_author()
    changes = read_json(body)
    async with open_services(options.data) as services:
        answer = await services.registrations.save_profile(case, changes, author, command_id)
        if go_on and answer.state == "applied":
            await services.registrations.complete_profile(case, author)
        status, names = await services.read_status(case), await services.read_staff_names()
    if options.json:
        print_json(status | answer.document())
    elif answer.state == "pending":
        later = "; go on with Next when it is saved" if go_on else ""
        kept = f"Kept as {answer.command_id}: its workflow has not answered yet; it is saved when it does{later}."
        _print_step(options, kept, status, names)
    else:
        _print_step(options, f"Saved, as {answer.command_id}.", status, names)


@app.command(name="enroll")
async def enroll_in_course(
    case: CaseId,
    curriculum: Course,
    /,
    *,
    channel: Annotated[str, Parameter(help="Where to take it: mlms, or an approved vendor's id.")] = "mlms",
    behalf: BehalfOptions,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Enroll in a course, for the assister; once each, a repeat changes nothing."""
    from domain.federal.markets import Curriculum

    author = behalf.name_author()
    async with open_services(options.data) as services:
        await services.registrations.enroll_in_course(case, Curriculum(curriculum), channel, author)
        status, names = await services.read_status(case), await services.read_staff_names()
    _print_step(options, f"Enrolled in {spell_code(curriculum)}, {channel}.", status, names)


@app.command(name="launch")
async def launch_course(
    case: CaseId,
    curriculum: Course,
    /,
    *,
    channel: Annotated[str, Parameter(help="The vendor's id.")],
    behalf: BehalfOptions,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Make a ticket to a vendor's training, for the assister: it opens the site once, before it expires."""
    from domain.federal.markets import Curriculum
    from domain.shared.documents import instants

    author = behalf.name_author()
    async with open_services(options.data) as services:
        ticket = await services.registrations.issue_launch_ticket(case, Curriculum(curriculum), channel, author)
    expires_at = instants.format_instant(ticket.expires_at)
    if options.json:
        print_json({"ticket": ticket.ticket, "url": ticket.url, "expires_at": expires_at})
        return
    out = open_console()
    out.print(ticket.url, soft_wrap=True)
    out.print(f"It opens the training once, until {format_instant(expires_at)}.")


@app.command(name="agree")
def accept_agreement(
    case: CaseId,
    agreement: Annotated[AgreementName, Parameter(help="The agreement.")],
    /,
    *,
    language: Annotated[Literal["en", "es"] | None, Parameter(help="By default the registration's language.")] = None,
    yes: Annotated[bool, FLAG, Parameter(help="Agree without being asked, in scripts.")] = False,
    behalf: BehalfOptions,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Read an agreement with the Marketplace to the assister and accept it for them; both are recorded."""
    author = behalf.name_author()
    if not yes and not sys.stdin.isatty():
        raise UsageError("An agreement is accepted on a terminal, or with --yes.")
    # Two runs of the event loop, with nothing held between them and Ctrl-C as usual: who reads may take their time.
    text = asyncio.run(_open_agreement(options, case, agreement, language, author))
    title = f"{spell_code(agreement)}, version {text.version}, {text.language}"
    print_agreement(open_console(error=options.json), text.text, title)
    if not yes:
        _ask_for_consent(options)
    asyncio.run(_accept_agreement(options, case, agreement, text.sha256, author))


async def _open_agreement(
    options: CommonOptions, case: str, name: AgreementName, language: str | None, author: "StepAuthor"
) -> "Agreement":
    from domain.federal.markets import MarketplaceAgreement

    async with open_services(options.data) as services:
        language = language or (await services.database.read(load_snapshot, case)).applicant.language
        return await services.registrations.open_agreement(case, MarketplaceAgreement(name), language, author)


def _ask_for_consent(options: CommonOptions) -> None:
    """Waits for the words "I Agree". Raises `NotDone` for any others."""
    open_console(error=options.json).print('Type "I Agree" to accept it: ', end="")
    if " ".join(sys.stdin.readline().split()).casefold() != I_AGREE:
        raise NotDone("Not accepted; that it was opened is on record.")


async def _accept_agreement(
    options: CommonOptions, case: str, name: AgreementName, sha256: str, author: "StepAuthor"
) -> None:
    from domain.federal.markets import MarketplaceAgreement

    async with open_services(options.data) as services:
        await services.registrations.accept_agreement(case, MarketplaceAgreement(name), sha256, author)
        status, names = await services.read_status(case), await services.read_staff_names()
    _print_step(options, "Accepted.", status, names)


def _print_step(options: CommonOptions, sentence: str, status: dict[str, Any], names: dict[str, str]) -> None:
    """What was done and where the case is now; for scripts the status document alone."""
    if options.json:
        print_json(status)
        return
    out = open_console()
    out.print(sentence, soft_wrap=True)
    print_summary(out, status, names)


# the lists


@app.command(name="publish")
async def publish_lists(
    *,
    force: Annotated[bool, FLAG, Parameter(help="On a day off too, and once more on a day that has its own.")] = False,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Publish the federal lists now; the schedule does so on business days."""
    from starter.publication import publish_lists

    async with open_services(options.data) as services:
        try:
            async with asyncio.timeout(PUBLISHING_SECONDS):
                published = await publish_lists(services.temporal, services.task_queue, forced=force)
        except TimeoutError:
            raise NotDone("No worker has published the lists yet; it goes on as soon as one runs.") from None
    if options.json:
        print_json({"number": published.number, "rows": published.rows})
    elif published.number:
        open_console().print(f"Publication {published.number} is current; rows that changed: {published.rows}.")
    else:
        open_console().print("Nothing was due: it is a day off, or the day has its publication. --force publishes.")


@app.command(name="rcl")
async def show_rcl(
    npn: Annotated[str | None, Parameter(help="Only this National Producer Number.")] = None,
    /,
    *,
    plan_year: Annotated[int | None, Parameter(help="Only this plan year.")] = None,
    options: CommonOptions = DEFAULTS,
) -> None:
    """Show the published Registration Completion List."""
    async with open_database(options.data) as database:
        pages = _read_rcl(database, npn, plan_year)
        await (print_json_rows(pages) if options.json else print_rcl(pages))


async def _read_rcl(database: "Database", npn: str | None, plan_year: int | None) -> "Pages":
    """The list as it is published now, a page at a time. Raises `NotDone` where it lacks the NPN."""
    from db.reads.federal.published_lists import find_current, stream_list
    from domain.federal.lists import COLUMNS, PublishedList
    from domain.shared.documents.fields import parse_npn

    is_listed = False
    wanted = (parse_npn(npn) or npn) if npn is not None else None
    edition = await database.read(find_current)
    async for page in stream_list(database, PublishedList.RCL, edition.number, plan_year):
        rows = [dict(zip(COLUMNS[PublishedList.RCL], cells, strict=True)) for cells in page]
        found = rows if wanted is None else [row for row in rows if row["npn"] == wanted]
        is_listed = is_listed or bool(found)
        if found:
            yield found
    if npn is not None and not is_listed:
        raise NotDone("This NPN is not on the Registration Completion List.")
