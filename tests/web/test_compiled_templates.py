"""Templates are compiled once: a later process reads what an earlier one compiled, and never draws anything stale."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from ombud.web import templating
from ombud.web.compiled import Compiled


class Counting(Environment):
    compiled = 0

    def _generate(self, *given: Any, **named: Any) -> str:
        self.compiled += 1
        return super()._generate(*given, **named)


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Counting]:
    """The environment of a process that starts now; `ours` are the templates that are kept."""
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    for folder in ("ours", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.html").write_text("Hello {{ name }}")
    (tmp_path / "reading.py").write_text("trim = True")

    def begun() -> Counting:
        kept = Compiled(tmp_path / "ours", tmp_path / "kept", made_by=(tmp_path / "reading.py",))
        loader = FileSystemLoader([tmp_path / "ours", tmp_path / "theirs"])
        return Counting(loader=loader, bytecode_cache=kept, cache_size=0)

    return begun


def drawn(jinja: Environment, name: str = "ours.html") -> str:
    return jinja.get_template(name).render(name="Ada")


def test_a_later_process_reads_what_an_earlier_one_compiled(process: Callable[..., Counting]) -> None:
    first, second = process(), process()
    assert drawn(first) == drawn(first) == drawn(second) == "Hello Ada"
    assert (first.compiled, second.compiled) == (1, 0)


@pytest.mark.parametrize(("file", "text"), [("ours/ours.html", "Good day {{ name }}"), ("reading.py", "trim = False")])
def test_what_changed_is_compiled_anew(
    process: Callable[..., Counting], tmp_path: Path, file: str, text: str
) -> None:  # fmt: skip
    drawn(process())
    (tmp_path / file).write_text(text)
    later, last = process(), process()
    said = (tmp_path / "ours" / "ours.html").read_text().replace("{{ name }}", "Ada")
    assert drawn(later) == drawn(last) == said
    assert (later.compiled, last.compiled) == (1, 0)


def test_a_spoilt_or_emptied_file_is_as_if_there_were_none(process: Callable[..., Counting], tmp_path: Path) -> None:
    drawn(process())
    (file,) = (tmp_path / "kept").iterdir()
    whole = file.read_bytes()
    for spoilt in (b"", whole[:20], whole[:40], whole[:-20], b"x" * 80):
        file.write_bytes(spoilt)
        later = process()
        assert drawn(later) == "Hello Ada"
        assert later.compiled == 1
    assert file.read_bytes() == whole


def test_what_others_bring_leaves_nothing_behind(process: Callable[..., Counting], tmp_path: Path) -> None:
    assert drawn(process(), "theirs.html") == "Hello Ada"
    assert not (tmp_path / "kept").exists()


def test_where_nothing_can_be_written_pages_are_drawn_all_the_same(
    process: Callable[..., Counting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_text("no folder")
    assert drawn(process()) == "Hello Ada"
    (tmp_path / "kept").unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert drawn(process()) == "Hello Ada"
    assert not (tmp_path / "kept").exists()


def test_core_keeps_its_own() -> None:
    templating.environment().get_template("pages/sign_in.html")
    assert isinstance(templating.environment().bytecode_cache, Compiled)
    assert any((Path(templating.__file__).parent / "__pycache__" / "templates").iterdir())
