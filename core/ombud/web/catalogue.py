"""What core says, and its translations: `make words` finds every text and writes it into each language's catalogue.

A text of a template stands in `_("…")` or `ngettext(…)`. Python says its texts plainly and a template translates them
as it draws them, so there every literal counts that begins like a sentence or a label and stands in a module whose
words reach people; `locale/unsaid.txt` names those that do not. What is put together from pieces is a `sentence` or
`counted` (`speech.py`). See docs/translations.md.
"""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

CORE = Path(__file__).parents[1]
TEMPLATES = Path(__file__).parent / "templates"
CATALOGUES = Path(__file__).parent / "locale"
UNSAID = CATALOGUES / "unsaid.txt"
DOMAIN = "ombud"
HEAD = "# Written by `make words`: translate here, and leave the English alone."
BEGAN = datetime(2026, 11, 26, tzinfo=UTC)  # a date that moved would make every change of the file two

# Modules of Python whose words stand on pages, in mails or in files that people read. A folder means all of it.
SPOKEN = (
    "web/pages", "web/places.py", "web/shell.py", "web/refusals.py", "web/keys.py", "web/front.py", "web/guard.py",
    "web/viewed.py", "web/aspect_frame.py", "web/browser_words.py", "web/health_checks.py",
    "desk", "insight", "writing.py", "speech.py", "kernel/setting_schema.py", "kernel/health_checks.py",
    "trust/health_checks.py", "trust/permissions.py", "trust/policy.py", "trust/links.py", "trust/resets.py",
        "trust/passwords.py", "trust/application_role.py",
    "trust/second_factor.py", "trust/sign_in.py", "trust/settings.py", "trust/group_settings.py", "trust/jobs.py",
)  # fmt: skip
# Made-up people and stories, commands of the terminal, files for other programs, and texts that have a language of
# their own, such as those that letters begin with.
SILENT = (
    "desk/demo", "desk/transfer", "desk/backup/container.py", "desk/backup/making.py", "desk/backup/restoring.py",
        "desk/search/index.py", "desk/search/sql.py", "desk/search/build.py",
    "desk/privacy/commands.py", "desk/retention/commands.py", "desk/rules/commands.py", "desk/tables.py",
    "desk/api_complaint.py", "desk/ground.py", "desk/engine/folding.py", "desk/first_desk.py",
)  # fmt: skip
# Modules with words that go on in the middle of a sentence: there a literal of several small words counts too.
IN_SENTENCES = (
    "desk/engine/events.py", "desk/engine/vocabulary.py", "desk/notices/staff.py", "desk/routing/reasons.py",
        "desk/routing/laddering.py",
    "desk/rules/form.py", "desk/file_kinds.py", "desk/retention/words.py", "desk/privacy/figures.py",
        "desk/scales.py", "desk/settings/history.py",
    "desk/trail/history.py", "web/pages/inbox_words.py", "web/pages/privacy.py", "web/pages/receipts.py",
    "web/pages/trials_drawn.py", "web/pages/ties.py",
)  # fmt: skip
_SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|ORDER BY|NOT NULL|CASE WHEN|LOCK TABLE|SET)\b")
_SAID = re.compile(r"([“\"(]?[A-Z]|%\(\w+\)s[^{}<>/\\=\n]* )[^{}<>/\\=\n]*[a-z]")
_SMALL = re.compile(r"[a-z%][\w%()',]*( [\w%()',:;.]+)+\Z")
_TYPES = re.compile(r"[A-Z]\w*([A-Z]\w*|\[.*\])( \| None)?\Z")
# Errors of programs, which no page shows; what a page shows is raised as an error of the desk.
_INTERNAL = ("ValueError", "RuntimeError", "TypeError", "LookupError", "KeyError", "Rubbish", "NotImplementedError")
# What is given to these is said to people, whatever it looks like.
_GIVEN, _OF_MANY = ("gettext", "sentence", "word", "noted"), ("ngettext", "counted")
_UNHEARD = ("cast", "NewType", "TypeVar", "compile", "getLogger", "debug", "info", "warning", "error", "exception")

Text = str | tuple[str, str]


def texts() -> dict[Text, list[tuple[str, int]]]:
    """Every text that core says (a pair where it has a plural) → where it stands."""
    found: dict[Text, list[tuple[str, int]]] = {}
    for path in sorted((*TEMPLATES.rglob("*.html"), *(CORE / "insight" / "templates").rglob("*.html"))):
        for line, text in _of_template(path):
            found.setdefault(text, []).append((path.relative_to(CORE).as_posix(), line))
    unsaid = set(UNSAID.read_text("utf-8").splitlines())
    for path in spoken():
        for line, text in texts_of(path):
            if text not in unsaid:
                found.setdefault(text, []).append((path.relative_to(CORE).as_posix(), line))
    for one in [text[0] for text in found if isinstance(text, tuple)]:
        found.pop(one, None)  # kept with its plural
    return found


def spoken() -> Iterator[Path]:
    for path in sorted(CORE.rglob("*.py")):
        name = path.relative_to(CORE).as_posix()
        if _within(name, SPOKEN) and not _within(name, SILENT):
            yield path


def texts_of(path: Path) -> Iterator[tuple[int, Text]]:
    """The texts of one of these modules, by line."""
    small = _within(path.relative_to(CORE).as_posix(), IN_SENTENCES)
    return of_python(path.read_text("utf-8"), small)


def _within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in places)


def _of_template(path: Path) -> Iterator[tuple[int, Text]]:
    options = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "trim_blocks": "1", "lstrip_blocks": "1", "silent": "0"}
    calls = {"_": None, "gettext": None, "ngettext": (1, 2)}
    for line, text, _, _ in extract_from_file("jinja2", path, calls, options=options):
        yield line, text if isinstance(text, str) else (text[0], text[1])


def of_python(source: str, small: bool = False) -> Iterator[tuple[int, Text]]:
    """The texts of one module: what `gettext` and `ngettext` are given, and literals that begin like words for people.
    `small`: also those of several words that begin with a small letter."""
    tree = ast.parse(source)
    silent, given = set(_silent(tree)), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name_of(node.func) in _GIVEN:
            given.add(id(node.args[0]))
        elif isinstance(node, ast.Call) and len(node.args) == 3 and _name_of(node.func) in _OF_MANY:
            one, many = node.args[:2]
            if isinstance(one, ast.Constant) and isinstance(many, ast.Constant):
                silent |= {id(one), id(many)}
                yield node.lineno, (str(one.value), str(many.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            said = id(node) in given or _is_said(node.value) or (small and bool(_SMALL.match(node.value)))
            if said:
                yield node.lineno, node.value


def _is_said(text: str) -> bool:
    return bool(_SAID.match(text)) and "\n" not in text and not _SQL.search(text) and not _TYPES.match(text)


def _silent(tree: ast.Module) -> Iterator[int]:
    """Literals that nobody reads: docstrings, pieces of f-strings, types, what programs say to programmers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from (id(part) for part in node.values)
        elif isinstance(node, ast.Call) and _name_of(node.func) in (*_INTERNAL, *_UNHEARD):
            yield from (id(part) for part in ast.walk(node))
        elif isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            yield from (id(part) for part in ast.walk(node.annotation))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            yield from (id(part) for part in ast.walk(node.returns))


def _name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def path_of(language: str) -> Path:
    return CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def languages() -> list[str]:
    return sorted(path.parents[1].name for path in CATALOGUES.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def read(language: str) -> Catalog:
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> list[Text]:
    """Writes the catalogue anew with the texts of today and the translations it has; answers with what has none."""
    known = read(language)
    fresh = Catalog(locale=language, header_comment=HEAD, project="Ombud", version="1", creation_date=BEGAN,
                    revision_date=BEGAN, last_translator="Ombud", language_team=language, fuzzy=False)  # fmt: skip
    missing: list[Text] = []
    for text, places in sorted(texts().items(), key=lambda item: (item[1][0], str(item[0]))):
        old = known.get(text if isinstance(text, str) else text[0])
        said = old.string if old is not None and not old.fuzzy and old.id == text else ""
        fresh.add(text, said, locations=[(place, 0) for place in dict.fromkeys(place for place, _ in places)][:2])
        if not (all(said) if isinstance(said, (tuple, list)) and said else said):
            missing.append(text)
    with path_of(language).open("wb") as file:
        write_po(file, fresh, width=0, include_lineno=False, omit_header=False)
    return missing


def main() -> int:
    left = {language: update(language) for language in languages()}
    for language, missing in left.items():
        print(f"{language}: {len(missing)} texts without a translation.")
        for text in missing:
            print("  ", text)
    return 1 if any(left.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
