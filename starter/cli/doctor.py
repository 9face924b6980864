"""The verb of `certify` that looks at the settings: what of them is unsafe, and how to mend it."""

from starter.cli.arguments import DEFAULTS, CommonOptions
from starter.cli.context import find_settings
from starter.cli.output import open_console, print_diagnosis, print_json

HARMLESS = (
    "Web and worker start: this set-up listens on this machine alone. Before others can reach it, mend what is unsafe."
)
REFUSED = "Web and worker refuse to start until this is mended."
SOUND = "Nothing unsafe was found in the settings."


def diagnose_settings(*, options: CommonOptions = DEFAULTS) -> int:
    """Tell what of the settings is unsafe, and how to mend it; status 1 where web and worker would not start."""
    from starter.doctor import find_unsafe_settings, is_production

    settings = find_settings(options.data)
    found, production = find_unsafe_settings(settings), is_production(settings)
    if options.json:
        faults = [{"setting": one.setting, "fault": one.fault, "mend": one.mend} for one in found]
        print_json({"production": production, "faults": faults})
    else:
        verdict = SOUND if not found else REFUSED if production else HARMLESS
        print_diagnosis(open_console(), [(one.setting, one.fault, one.mend) for one in found], verdict)
    return 1 if production and found else 0
