"""A made-up exchange of another state: a folder of policies beside the one shipped; no test."""

import shutil
from pathlib import Path

from starter.policies import SHIPPED
from tests.support.evidence import png

NAME, FULL_NAME = "Saguaro Connect", "Sample Exchange of Arizona"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 24"><rect width="40" height="24" fill="#7a4b00"/></svg>'
EXCHANGE = f"""\
name = "{NAME}"
time_zone = "America/Phoenix"
logo = "saguaro.svg"
full_name.en = "{FULL_NAME}"
full_name.es = "Mercado de muestra de Arizona"
state.en = "Arizona"
state.es = "Arizona"
state_code = "AZ"
residents.en = "Arizonans"
residents.es = "la población de Arizona"
tagline.en = "The Sample Exchange"
tagline.es = "El mercado de muestra"
seal = "saguaro-seal.png"
signatory.name = "Sample Signatory"
signatory.title.en = "Director, by way of example"
signatory.title.es = "Dirección, de muestra"

[colors]
header = "#5a3600"
ink = "#2b1a00"
accent = "#7a4b00"

[agreements]
participation = "7"
background_check = "3"
"""
# What its rules say otherwise, as they stand in the file shipped.
RULES = {
    'home_state = "NM"': 'home_state = "AZ"',
    "[license_watch]": "[training_deadline]\ndays = 45\nreactivation_years = 1\n\n[license_watch]",
    'kinds = ["agent", "broker"]': 'kinds = ["broker"]',
    'neighbour_states = ["AZ", "CO", "OK", "TX", "UT"]': 'neighbour_states = ["NV", "UT"]',
    'pass_mark = "0.80"': 'pass_mark = "0.90"',
    "lms.bewellnm.example": "lms.saguaro.example",
    "beWellnm": NAME,
    "1-833-862-3935": "1-800-555-0147",
    "brokers@nmhix.com": "brokers@saguaro.example",
    "partners@nmhix.com": "partners@saguaro.example",
    "www.bewellnm.com": "www.saguaro.example",
}


def write_other_exchange(folder: Path) -> Path:
    """A folder of policies in which the state's program is this exchange's; the federal one is as shipped."""
    policies = Path(shutil.copytree(SHIPPED, folder / "policies"))
    ours = policies / "bewellnm"
    shipped = (ours / "2024.toml").read_text("utf-8")
    shutil.rmtree(ours)
    (ours / "agreements").mkdir(parents=True)
    for before, after in RULES.items():
        assert before in shipped, before
        shipped = shipped.replace(before, after)
    (ours / "2024.toml").write_text(shipped, "utf-8")
    (ours / "exchange.toml").write_text(EXCHANGE, "utf-8")
    (ours / "saguaro.svg").write_text(LOGO, "utf-8")
    (ours / "saguaro-seal.png").write_bytes(png())
    for language in ("en", "es"):
        text = f"A made-up agreement with {NAME} ({language}).\n"
        (ours / "agreements" / f"participation.7.{language}.txt").write_text(text, "utf-8")
        consent = f"Checkr, Inc. makes a made-up report for {NAME} ({language}).\n"
        (ours / "agreements" / f"background_check.3.{language}.txt").write_text(consent, "utf-8")
    return policies
