"""What plugins say in English through pages of core is there in Polish: in their `words/pl.toml` or the catalogue."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ombud import speech
from ombud.kernel import plugins
from ombud.kernel.manifests import read
from ombud.kernel.plugins import Loaded

PLUGINS = Path(__file__).parents[2] / "plugins"
PLACE = re.compile(r"%\(\w+\)s|%%")
# Names, and words that Polish shares.
ALIKE = {"CFPB", "DISP", "Financial Conduct Authority", "HIPAA", "Import", "Port", "Salesforce", "VADER",
         "OAuth (Microsoft 365, Google)",
         "CTDPA (Connecticut)", "TDPSA (Texas)", "Twilio (X-Twilio-Signature)",
         "X-Hub-Signature-256", "E-mail"}  # fmt: skip


def _files() -> list[Path]:
    return sorted(PLUGINS.glob("*/ombud_*/words/pl.toml"))


def _said(loaded: Loaded) -> Iterator[str]:
    yield loaded.manifest.name
    yield loaded.manifest.summary
    yield from loaded.manifest.records.values()
    yield from (each.label for each in (*loaded.permissions, *loaded.navigation, *loaded.channels))
    yield from (law.label for law in loaded.rights)
    yield from (right.label for law in loaded.rights for right in law.rights)
    for field in loaded.setting_schema.fields.values() if loaded.setting_schema else ():
        yield from (field.label, field.help, field.group, *(field.choices or {}).values())
        for column in field.columns:
            yield from (column.label, *(column.choices or {}).values())


@pytest.fixture(scope="module")
def loaded() -> Iterator[list[Loaded]]:
    before = dict(speech.of_plugins)
    found = [each for each in plugins.discover().values() if (PLUGINS / each.slug).is_dir()]
    speech.learn_words((each.version, plugins.folder_of(each.package)) for each in found)
    yield [plugins.load(each) for each in found]
    speech.learn_words([])
    speech.of_plugins.update(before)


def _is_english(text: str) -> bool:
    return bool(text) and "://" not in text and speech.gettext(text) == text


def test_names_places_permissions_settings_and_laws_of_each_plugin_are_polish(loaded: list[Loaded]) -> None:
    with speech.reading("pl"):
        left = {
            each.slug: said for each in loaded
            if (said := sorted({one for one in _said(each) if _is_english(one)} - ALIKE))
        }  # fmt: skip
    assert left == {}


def test_a_sentence_that_a_plugin_put_together_is_polish_also_once_it_was_stored(loaded: list[Loaded]) -> None:
    said = [
        "The row has 3 cells, the header has 4. Check delimiters and quotes.",
        "The form asks for a name, phone, postcode and leaves the rest open. It takes no files.",
        "Reading works: 2 mails in INBOX. It is looked at every ten seconds. Sending works: mx takes the login. "
        "Nothing was sent.",
        "The row of my garden was dug up.",
    ]
    with speech.reading("pl"):
        assert [speech.gettext(each) for each in said] == [
            "Komórki w wierszu: 3, w nagłówku: 4. Sprawdź separatory i cudzysłowy.",
            "Formularz wymaga imienia i nazwiska oraz: telefon, kod pocztowy; reszta jest dowolna. "
            "Nie przyjmuje plików.",
            "Odczyt działa; wiadomości w folderze INBOX: 2. Jest sprawdzana co dziesięć sekund. "
            "Wysyłka działa: mx przyjmuje logowanie. Niczego nie wysłano.",
            "The row of my garden was dug up.",
        ]
    assert [speech.gettext(each) for each in said] == said


@pytest.mark.parametrize("path", _files(), ids=lambda path: path.parents[2].name)
def test_polish_words_of_a_plugin_have_the_places_of_the_english_ones_and_three_forms(path: Path) -> None:
    for english, words in tomllib.loads(path.read_text("utf-8")).items():
        forms = words if isinstance(words, list) else [words]
        assert len(forms) == (3 if isinstance(words, list) else 1), english
        assert all(sorted(PLACE.findall(each)) == sorted(PLACE.findall(english)) for each in forms), english


def _recorded(folder: Path) -> set[str]:
    """The kinds that `.record(case, kind, body)` is called with anywhere in a plugin."""
    trees = [ast.parse(path.read_text("utf-8")) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    calls = [
        node.args[1] for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record"
        and len(node.args) == 3
    ]  # fmt: skip
    named = {each.id for each in calls if isinstance(each, ast.Name)}
    found = {str(each.value) for each in calls if isinstance(each, ast.Constant)}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target, value in _pairs(node.targets[0], node.value):
                if isinstance(target, ast.Name) and target.id in named and isinstance(value, ast.Constant):
                    found.add(str(value.value))
    return found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def test_each_kind_of_entry_that_a_plugin_writes_has_its_sentence() -> None:
    written = {path.name: _recorded(path) for path in PLUGINS.glob("*/ombud_*") if path.is_dir()}
    assert "pl_complaints.deemed_upheld" in written["ombud_pl_complaints"]
    told = {name: set(read(PLUGINS / _slug(name) / name / "plugin.toml").records) for name in written}
    assert {name: kinds - told[name] for name, kinds in written.items() if kinds - told[name]} == {}
    assert {name: kinds - written[name] for name, kinds in told.items() if kinds - written[name]} == {}


def _slug(package: str) -> str:
    return package.removeprefix("ombud_").replace("_", "-")


def test_a_plugin_changes_no_word_of_core(tmp_path: Path) -> None:
    before = dict(speech.of_plugins)
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "pl.toml").write_text('"Sign in" = "Inaczej"\n"%(num)s leaf" = ["liść", "liście", "liści"]\n')
    try:
        speech.learn_words([("1", tmp_path)])
        with speech.reading("pl"):
            assert speech.gettext("Sign in") == "Zaloguj"
            assert [speech.ngettext("%(num)s leaf", "%(num)s leaves", each) for each in (1, 3, 5)] == [
                "liść", "liście", "liści"
            ]  # fmt: skip
        assert speech.gettext("%(num)s leaf") == "%(num)s leaf"
    finally:
        speech.of_plugins.clear()
        speech.of_plugins.update(before)


def test_words_that_cannot_be_read_leave_their_plugin_in_english(tmp_path: Path) -> None:
    before = dict(speech.of_plugins)
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "pl.toml").write_text("not = [toml")
    try:
        speech.learn_words([("2", tmp_path)])
        assert speech.of_plugins == {}
    finally:
        speech.of_plugins.update(before)
