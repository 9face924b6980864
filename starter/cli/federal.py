"""The verbs of `certify ffm`: an assister's own steps with the federal marketplace, and the published lists."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from starter.cli import output as show
from starter.cli.arguments import FLAG, FORM_BYTES, USUAL, CaseId, CommandId, File, Way, demand, read
from starter.cli.context import Doors, WrongCall, acting, published

if TYPE_CHECKING:
    from db.writes.publications import Publications
    from domain.shared.agreements import Agreement
    from starter.cli.output import Pages

PUBLISHING_SECONDS = 60.0
I_AGREE = "i agree"

app = App(
    name="ffm",
    help="Register with the federal marketplace, step by step; publish and read its lists.",
    help_format="plaintext",
    version_flags=[],
)

Curriculum = Literal["individual_returning", "individual_full", "shop"]
AgreementName = Literal["individual_general", "individual_privacy_security", "shop_privacy_security"]
Course = Annotated[Curriculum, Parameter(help="The course.")]
Assister = Annotated[str, Parameter(name="--as", help="Who does it: the assister, or staff for them; it is audited.")]


@app.command
async def profile(
    case: CaseId,
    file: File,
    /,
    *,
    go_on: Annotated[bool, FLAG, Parameter(name="--next", help="Go on with Next once it is saved.")] = False,
    actor: Assister = "assister",
    command_id: CommandId = None,
    way: Way = USUAL,
) -> None:
    """Save a profile's changed fields (JSON); the registry is asked about its NPNs."""
    body = read(file, FORM_BYTES)
    from domain.shared.parsing import read_json

    demand(actor=actor)
    changes = read_json(body)
    async with acting(way.data) as doors:
        told = await doors.marketplace.save_profile(case, changes, actor, command_id)
        if go_on and told.state == "applied":
            await doors.marketplace.next(case, actor)
        document = await _status(doors, case)
    if way.json:
        show.as_json({**document, "command_id": told.command_id, "state": told.state})
        return
    out = show.console()
    if told.state == "pending":
        later = "; go on with Next when it is saved" if go_on else ""
        out.print(f"Kept as {told.command_id}: no worker answered yet; it is saved when one does{later}.")
    else:
        out.print(f"Saved, as {told.command_id}.")
    show.essentials(out, document)


@app.command
async def enroll(
    case: CaseId,
    curriculum: Course,
    /,
    *,
    channel: Annotated[str, Parameter(help="Where to take it: mlms, or an approved vendor's id.")] = "mlms",
    actor: Assister = "assister",
    way: Way = USUAL,
) -> None:
    """Enroll in a course; once each, a repeat changes nothing."""
    from domain.federal.markets import Curriculum

    demand(actor=actor)
    async with acting(way.data) as doors:
        await doors.marketplace.enroll(case, Curriculum(curriculum), channel, actor)
        document = await _status(doors, case)
    if way.json:
        show.as_json(document)
    else:
        out = show.console()
        out.print(f"Enrolled in {curriculum.replace('_', ' ')}, {channel}.", soft_wrap=True)
        show.essentials(out, document)


@app.command
async def launch(
    case: CaseId,
    curriculum: Course,
    /,
    *,
    channel: Annotated[str, Parameter(help="The vendor's id.")],
    actor: Assister = "assister",
    way: Way = USUAL,
) -> None:
    """Make a ticket to a vendor's training: it opens the site once, before it expires."""
    from domain.federal.markets import Curriculum

    demand(actor=actor)
    async with acting(way.data) as doors:
        ticket = await doors.marketplace.launch(case, Curriculum(curriculum), channel, actor)
    expires_at = ticket.expires_at.isoformat().replace("+00:00", "Z")
    if way.json:
        show.as_json({"ticket": ticket.ticket, "url": ticket.url, "expires_at": expires_at})
        return
    out = show.console()
    out.print(ticket.url, soft_wrap=True)
    out.print(f"It opens the training once, until {show.instant(expires_at)}.")


@app.command
def agree(
    case: CaseId,
    agreement: Annotated[AgreementName, Parameter(help="The agreement.")],
    /,
    *,
    language: Annotated[Literal["en", "es"] | None, Parameter(help="By default the registration's language.")] = None,
    yes: Annotated[bool, FLAG, Parameter(help="Agree without being asked, in scripts.")] = False,
    actor: Assister = "assister",
    way: Way = USUAL,
) -> None:
    """Read an agreement with the Marketplace and accept it; both are recorded."""
    demand(actor=actor)
    if not yes and not sys.stdin.isatty():
        raise WrongCall("An agreement is accepted on a terminal, or with --yes.")
    # Between the two nothing is held, and Ctrl-C ends it at once: who reads may take their time.
    text = asyncio.run(_opened(way, case, agreement, language, actor))
    out = show.console(error=way.json)
    show.agreement(out, text.text, f"{agreement.replace('_', ' ')}, version {text.version}, {text.language}")
    if not yes:
        _ask(way)
    asyncio.run(_accept(way, case, agreement, text.sha256, actor))


async def _opened(way: Way, case: str, name: AgreementName, language: str | None, actor: str) -> "Agreement":
    from domain.federal.markets import MarketplaceAgreement

    async with acting(way.data) as doors:
        spoken = language or (await doors.records.view(case)).case.request.get("language", "en")
        return await doors.marketplace.open_agreement(case, MarketplaceAgreement(name), spoken, actor)


def _ask(way: Way) -> None:
    """Waits for the words. Raises `NotNow` for any others."""
    from starter.cases import NotNow

    out = show.console(error=way.json)
    out.print('Type "I Agree" to accept it: ', end="")
    if " ".join(sys.stdin.readline().split()).casefold() != I_AGREE:
        raise NotNow("Not accepted; that it was opened is on record.")


async def _accept(way: Way, case: str, name: AgreementName, sha256: str, actor: str) -> None:
    from domain.federal.markets import MarketplaceAgreement

    async with acting(way.data) as doors:
        await doors.marketplace.accept_agreement(case, MarketplaceAgreement(name), sha256, actor)
        document = await _status(doors, case)
    if way.json:
        show.as_json(document)
    else:
        out = show.console()
        out.print("Accepted.")
        show.essentials(out, document)


async def _status(doors: Doors, case: str) -> dict[str, Any]:
    from starter.cases import now

    return await doors.views.status(case, now())


# the lists


@app.command
async def publish(
    *,
    force: Annotated[bool, FLAG, Parameter(help="On a day off too, and once more on a day that has its own.")] = False,
    way: Way = USUAL,
) -> None:
    """Publish the federal lists now; the schedule does so on business days."""
    from starter.cases import NotNow
    from starter.publication import publish

    async with acting(way.data) as doors:
        try:
            async with asyncio.timeout(PUBLISHING_SECONDS):
                done = await publish(doors.temporal, doors.task_queue, forced=force)
        except TimeoutError:
            raise NotNow("No worker has published the lists yet; it goes on as soon as one runs.") from None
    if way.json:
        show.as_json({"number": done.number, "rows": done.rows})
    elif done.number:
        show.console().print(f"Publication {done.number} is current; rows that changed: {done.rows}.")
    else:
        show.console().print("Nothing was due: it is a day off, or the day has its publication. --force publishes.")


@app.command
async def rcl(
    npn: Annotated[str | None, Parameter(help="Only this National Producer Number.")] = None,
    /,
    *,
    plan_year: Annotated[int | None, Parameter(help="Only this plan year.")] = None,
    way: Way = USUAL,
) -> None:
    """Show the published Registration Completion List."""
    async with published(way.data) as lists:
        pages = _registered(lists, npn, plan_year)
        await (show.rows_as_json(pages) if way.json else show.registered(pages))


async def _registered(lists: "Publications", npn: str | None, plan_year: int | None) -> "Pages":
    """The list as it is published now, a page at a time. Raises `NotNow` where it lacks the NPN."""
    from domain.federal.lists import COLUMNS, PublishedList
    from starter.cases import NotNow

    listed = False
    edition = await lists.current()
    async for page in lists.rows(PublishedList.RCL, edition.number, plan_year):
        rows = [dict(zip(COLUMNS[PublishedList.RCL], cells, strict=True)) for cells in page]
        found = rows if npn is None else [row for row in rows if row["npn"] == npn.lstrip("0")]
        listed = listed or bool(found)
        if found:
            yield found
    if npn is not None and not listed:
        raise NotNow("This NPN is not on the Registration Completion List.")
