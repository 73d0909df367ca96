"""A plugin's file that Python failed to read by chance is read again; one that is no Python is not."""

import ast
from pathlib import Path
from typing import Any

import pytest

from ombud_plugin_api import laws


def test_a_file_that_could_not_be_read_by_chance_is_read_again(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "ombud_x" / "plugin.py"
    path.parent.mkdir()
    path.write_text("import json\n")
    real, failures = ast.parse, iter([1, 1])

    def parse(text: str) -> ast.Module:
        if next(failures, None):
            raise SystemError("AST constructor recursion depth mismatch (before=33, after=30)")
        return real(text)

    monkeypatch.setattr(laws.ast, "parse", parse)
    assert list(laws.read_source(path, path.parent).imported()) == [("json", 1)]
    path.write_text("import json json\n")
    with pytest.raises(laws.LawBroken, match="is not Python"):
        laws.read_source(path, path.parent)
