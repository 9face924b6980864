"""What states, territories and the armed forces' places are called, for the lists that addresses are chosen from.

These are names and no sentences, so that they are not in the catalogs, which name no state.
"""

import unicodedata
from collections.abc import Mapping

# By the two letters that stand for them in an address: in English, in Spanish.
Names = Mapping[str, tuple[str, str]]

STATES: Names = {
    "AL": ("Alabama", "Alabama"),
    "AK": ("Alaska", "Alaska"),
    "AZ": ("Arizona", "Arizona"),
    "AR": ("Arkansas", "Arkansas"),
    "CA": ("California", "California"),
    "CO": ("Colorado", "Colorado"),
    "CT": ("Connecticut", "Connecticut"),
    "DE": ("Delaware", "Delaware"),
    "DC": ("District of Columbia", "Distrito de Columbia"),
    "FL": ("Florida", "Florida"),
    "GA": ("Georgia", "Georgia"),
    "HI": ("Hawaii", "Hawái"),
    "ID": ("Idaho", "Idaho"),
    "IL": ("Illinois", "Illinois"),
    "IN": ("Indiana", "Indiana"),
    "IA": ("Iowa", "Iowa"),
    "KS": ("Kansas", "Kansas"),
    "KY": ("Kentucky", "Kentucky"),
    "LA": ("Louisiana", "Luisiana"),
    "ME": ("Maine", "Maine"),
    "MD": ("Maryland", "Maryland"),
    "MA": ("Massachusetts", "Massachusetts"),
    "MI": ("Michigan", "Míchigan"),
    "MN": ("Minnesota", "Minnesota"),
    "MS": ("Mississippi", "Misisipi"),
    "MO": ("Missouri", "Misuri"),
    "MT": ("Montana", "Montana"),
    "NE": ("Nebraska", "Nebraska"),
    "NV": ("Nevada", "Nevada"),
    "NH": ("New Hampshire", "Nuevo Hampshire"),
    "NJ": ("New Jersey", "Nueva Jersey"),
    "NM": ("New Mexico", "Nuevo México"),
    "NY": ("New York", "Nueva York"),
    "NC": ("North Carolina", "Carolina del Norte"),
    "ND": ("North Dakota", "Dakota del Norte"),
    "OH": ("Ohio", "Ohio"),
    "OK": ("Oklahoma", "Oklahoma"),
    "OR": ("Oregon", "Oregón"),
    "PA": ("Pennsylvania", "Pensilvania"),
    "RI": ("Rhode Island", "Rhode Island"),
    "SC": ("South Carolina", "Carolina del Sur"),
    "SD": ("South Dakota", "Dakota del Sur"),
    "TN": ("Tennessee", "Tennessee"),
    "TX": ("Texas", "Texas"),
    "UT": ("Utah", "Utah"),
    "VT": ("Vermont", "Vermont"),
    "VA": ("Virginia", "Virginia"),
    "WA": ("Washington", "Washington"),
    "WV": ("West Virginia", "Virginia Occidental"),
    "WI": ("Wisconsin", "Wisconsin"),
    "WY": ("Wyoming", "Wyoming"),
}
TERRITORIES: Names = {
    "AS": ("American Samoa", "Samoa Americana"),
    "GU": ("Guam", "Guam"),
    "MP": ("Northern Mariana Islands", "Islas Marianas del Norte"),
    "PR": ("Puerto Rico", "Puerto Rico"),
    "VI": ("U.S. Virgin Islands", "Islas Vírgenes de EE. UU."),
    "FM": ("Micronesia", "Micronesia"),
    "MH": ("Marshall Islands", "Islas Marshall"),
    "PW": ("Palau", "Palaos"),
}
ARMED_FORCES: Names = {
    "AA": ("AA – Americas", "AA – América"),
    "AE": ("AE – Europe, Middle East, Africa, Canada", "AE – Europa, Oriente Medio, África, Canadá"),
    "AP": ("AP – Pacific", "AP – Pacífico"),
}

_GROUPS = {"states": STATES, "territories": TERRITORIES, "armed_forces": ARMED_FORCES}
_LANGUAGES = ("en", "es")


def name_state(language: str, code: str) -> str:
    """What the place of two letters is called; the letters themselves where nobody knows them."""
    names = next((group[code] for group in _GROUPS.values() if code in group), None)
    return names[_LANGUAGES.index(language)] if names else code


def list_states(language: str) -> dict[str, list[tuple[str, str]]]:
    """Everything there is to choose from, `(letters, name)` by the alphabet: states, territories, armed_forces."""
    return {
        group: sorted(((code, name_state(language, code)) for code in names), key=lambda one: _plain(one[1]))
        for group, names in _GROUPS.items()
    }


def _plain(name: str) -> str:
    """For the alphabet: *Oregón* is between *Oklahoma* and *Pensilvania*."""
    return "".join(letter for letter in unicodedata.normalize("NFD", name) if letter.isalpha() or letter == " ").lower()
