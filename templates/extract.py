"""Collects every English sentence that is marked for translation into the catalogs; it translates none.

`python -m templates.extract` brings locale/*/LC_MESSAGES/messages.po up to date: new sentences come in empty, those
that are gone go out. With `--check` it writes nothing and fails where that would change a catalog.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from templates.catalogs import LOCALE

ROOT = Path(__file__).parent.parent

# A header of our own: Babel's names who translated, when, and with what.
HEADER = """\
# Every sentence that an assister reads, by hand: `make catalogs` brings in what is new and drops what is gone.
msgid ""
msgstr ""
"Project-Id-Version: assister-certification 0.1.0\\n"
"Language: {language}\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def extract_tables(
    source: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """A method of Babel's: the values of the tables named SENTENCES, which domain code leaves unmarked."""
    for node in ast.parse(source.read()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "SENTENCES":
            table: dict[str, str] = ast.literal_eval(node.value) if node.value else {}
            yield from ((node.lineno, None, sentence, []) for sentence in table.values())


# Where sentences stand, and how they are told from the rest.
METHODS = [
    ("templates/pages/**.html", "jinja2"),
    ("templates/notices/**", "jinja2"),
    ("domain/shared/cases/reasons.py", "templates.extract:extract_tables"),
    ("domain/shared/documents/faults.py", "templates.extract:extract_tables"),
    ("templates/labels.py", "python"),
    ("templates/staff_labels.py", "python"),
    ("web/**.py", "python"),
]
OPTIONS = {"templates/**": {"silent": "false", "trimmed": "true"}}


def collect_sentences() -> Catalog:
    """Every marked sentence, with the files it stands in."""
    found = Catalog(charset="utf-8")
    for folder in sorted({pattern.partition("/")[0] for pattern, _ in METHODS}):
        methods = [(pattern.partition("/")[2], how) for pattern, how in METHODS if pattern.startswith(f"{folder}/")]
        options = {pattern.partition("/")[2]: how for pattern, how in OPTIONS.items() if pattern.startswith(folder)}
        for file, _, message, comments, context in extract_from_dir(ROOT / folder, methods, options):
            found.add(message, locations=[(f"{folder}/{file}", 0)], auto_comments=comments, context=context)
    return found


def update_catalog(catalog: Path) -> str:
    """The text of a catalog with exactly the sentences of today."""
    language = catalog.parents[1].name
    with catalog.open("rb") as source:
        known = read_po(source, locale=language, abort_invalid=True)
    known.update(collect_sentences(), no_fuzzy_matching=True)
    text = BytesIO()
    write_po(text, known, width=120, omit_header=True, sort_output=True, ignore_obsolete=True, include_lineno=False)
    return HEADER.format(language=language) + text.getvalue().decode().strip() + "\n"


def main(check: bool) -> int:
    """Writes the catalogs, or with `check` names those out of date; prints which sentences have no translation yet."""
    stale = 0
    for catalog in sorted(LOCALE.glob("*/LC_MESSAGES/messages.po")):
        text = update_catalog(catalog)
        stale += text != catalog.read_text("utf-8")
        if not check:
            catalog.write_text(text, "utf-8")
        waiting = [str(each.id) for each in read_po(BytesIO(text.encode())) if each.id and not each.string]
        print(f"{catalog.parents[1].name}: {len(waiting)} to translate", *waiting, sep="\n  ")
    if check and stale:
        print("The catalogs are out of date: make catalogs", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
