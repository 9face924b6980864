"""A right call of every verb of `certify`: what a wrong call is answered with, and what its help ends with."""

import textwrap
from collections.abc import Sequence

from domain.shared.programs import STATE_PROGRAM

# What screens and mails show in one line; what is longer goes on below, as a shell takes it.
COLUMNS = 80
_STAFF = '--reason "what for" --as reviewer'
_BEHALF = '--as reviewer --method paper --reason "signed form"'

# By the verb and its group. Words in capitals are ids that `certify list` and `certify status` show.
EXAMPLES = {
    "": "certify --help",
    "up": "certify up --data data",
    "demo": "certify demo --keep",
    "doctor": "certify doctor",
    "request": "certify request docs/samples/agent.json",
    "begin": "certify begin ASSISTER --plan-year 2024 --as reviewer",
    "import": "certify import docs/samples/earlier-years.json",
    "season": "certify season status --plan-year 2024",
    "season open": "certify season open --plan-year 2024",
    "season status": "certify season status --plan-year 2024 --left-out left-out.csv",
    "season pause": 'certify season pause --plan-year 2024 --reason "registry is down"',
    "season resume": "certify season resume --plan-year 2024",
    "season cancel": 'certify season cancel --plan-year 2024 --reason "wrong year"',
    "season rehearse": "certify season rehearse --plan-year 2024",
    "status": "certify status CASE --history",
    "list": "certify list --stage awaiting_decision --kind agent",
    "audit": "certify audit CASE",
    "audit verify": "certify audit verify",
    "audit export": "certify audit export",
    "decide": f"certify decide CASE approve {_STAFF}",
    "answer": f"certify answer CASE docs/samples/answer.json {_BEHALF}",
    "take-back": f"certify take-back CASE {_STAFF}",
    "withdraw": f"certify withdraw CASE {_STAFF} --method paper",
    "revoke": f"certify revoke CASE {_STAFF}",
    "suspend": f"certify suspend CASE --kind agreement {_STAFF}",
    "lift": f"certify lift CASE {_STAFF}",
    "terminate": f"certify terminate CASE {_STAFF}",
    "rebut": f'certify rebut CASE --text "what they say" {_BEHALF}',
    "resend": f"certify resend CASE lms_invitation {_STAFF}",
    "check": f"certify check CASE repeat {_STAFF}",
    "appeal": f'certify appeal CASE file --grounds "what they say" --method letter {_STAFF}',
    "identity": f'certify identity CASE --method in_person --document "license" {_STAFF}',
    "correct": f"certify correct CASE name.json {_STAFF}",
    "restart": f"certify restart CASE {_STAFF}",
    "bounce": "certify bounce message.eml",
    "licenses": "certify licenses",
    "licenses round": "certify licenses round",
    "policy": f"certify policy show {STATE_PROGRAM} 2024",
    "policy check": "certify policy check",
    "policy show": f"certify policy show {STATE_PROGRAM} 2024",
    "policy diff": f"certify policy diff {STATE_PROGRAM} 2024 2025",
    "policy migrate": f"certify policy migrate {STATE_PROGRAM} 2024 --dry-run",
    "ffm": "certify ffm rcl",
    "ffm profile": f"certify ffm profile CASE docs/samples/federal-profile.json --next {_BEHALF}",
    "ffm enroll": f"certify ffm enroll CASE shop --channel vendor-a {_BEHALF}",
    "ffm launch": f"certify ffm launch CASE shop --channel vendor-a {_BEHALF}",
    "ffm agree": f"certify ffm agree CASE shop_privacy_security {_BEHALF}",
    "ffm publish": "certify ffm publish --force",
    "ffm rcl": "certify ffm rcl --plan-year 2024",
    "worker": "certify worker",
    "web": "certify web",
    "sandbox": "certify sandbox",
}


def show_example(verb: Sequence[str]) -> str:
    """The right call of a verb, given with its group, in lines of at most 80 columns that can be typed as they are."""
    return fit_screen(f"For example: {EXAMPLES[' '.join(verb)]}", " \\")


def fit_screen(text: str, break_mark: str = "") -> str:
    """A text in lines of at most 80 columns, each that goes on with the mark at its end; no word is broken."""
    indent = "  " if break_mark else ""
    lines = textwrap.wrap(
        text,
        COLUMNS - len(break_mark),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{break_mark}\n".join(lines)
