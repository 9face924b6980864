"""The verb of `certify` that looks at the settings, what of them is unsafe, and at who doesn't answer now."""

from typing import TYPE_CHECKING

from starter.cli.arguments import DEFAULTS, CommonOptions
from starter.cli.context import find_settings, open_database
from starter.cli.output import open_console, print_diagnosis, print_json

if TYPE_CHECKING:
    from starter.doctor import UnsafeSetting

HARMLESS = (
    "Web and worker start: this set-up listens on this machine alone. Before others can reach it, mend what is unsafe."
)
REFUSED = "Web and worker refuse to start until the settings are mended."
WARNED = "Web and worker start; what is said above should be mended all the same."
DISTURBED = "Web and worker start; what is said first is out of order now."
SOUND = "Nothing unsafe was found."


async def diagnose_settings(*, options: CommonOptions = DEFAULTS) -> int:
    """Tell what is out of order now and what of the settings is unsafe; status 1 where web and worker don't start."""
    from starter.doctor import find_unsafe_settings, is_production, list_sample_texts, list_shut_doors

    settings = find_settings(options.data)
    faults, production = find_unsafe_settings(settings), is_production(settings)
    warnings = [*list_shut_doors(settings), *list_sample_texts(settings), *await _check_database(options)]
    outages = await _find_outages(options)
    if options.json:
        found = {"faults": faults, "warnings": warnings, "outages": outages}
        print_json({"production": production, **{name: list(map(_describe, ones)) for name, ones in found.items()}})
    else:
        verdict = DISTURBED if outages else WARNED if warnings else SOUND
        if faults:
            verdict = REFUSED if production else HARMLESS
        rows = [(one.setting, one.fault, one.mend) for one in (*outages, *faults, *warnings)]
        print_diagnosis(open_console(), rows, verdict)
    return 1 if production and faults else 0


def _describe(one: "UnsafeSetting") -> dict[str, str]:
    return {"setting": one.setting, "fault": one.fault, "mend": one.mend}


async def _find_outages(options: CommonOptions) -> "list[UnsafeSetting]":
    """Who doesn't answer, as the workers have seen it; nothing where the database doesn't say, told besides."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.reads.house.operations import read_operations
    from starter.cases import now
    from starter.operations import list_outages

    try:
        async with open_database(options.data) as database:
            return list_outages(await database.read(read_operations, now()))
    except SQLAlchemyError:
        return []


async def _check_database(options: CommonOptions) -> "list[UnsafeSetting]":
    """What of the database's rights is unsafe; nothing stops a start for it, since a database of one role works."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.rights import list_changeable_tables
    from starter.doctor import UnsafeSetting

    try:
        async with open_database(options.data) as database:
            tables = await database.read(list_changeable_tables)
    except SQLAlchemyError:
        fault = "The database doesn't answer, so that its rights could not be looked at."
        return [UnsafeSetting("CERTIFY_DATABASE_URL", fault, "Ask again when it runs.")]
    if not tables:
        return []
    fault = f"The application's role could alter what may only be added to: {', '.join(tables)}."
    mend = "Have the tables owned by a role of their own, and name it in CERTIFY_MIGRATION_URL for the migrations."
    return [UnsafeSetting("CERTIFY_DATABASE_URL", fault, mend)]
