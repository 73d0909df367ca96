"""What holds for the code of every plugin, read from its files and nothing imported.

Core checks it before it loads a plugin, the conformance kit with all the rest.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENGINES = frozenset({"asyncpg", "psycopg", "psycopg2", "sqlalchemy", "sqlite3"})
CORE_TABLE = re.compile(r"\bcore_[a-z_]+\b")


class LawBroken(ValueError):
    """The plugin does what no plugin may; the text names the place."""


@dataclass(frozen=True)
class Source:
    """One module of the plugin, read and parsed."""

    path: Path
    tree: ast.Module
    text: str

    def imported(self) -> Iterator[tuple[str, int]]:
        """The modules it imports, anywhere in it, with the line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module, node.lineno

    def texts(self) -> Iterator[tuple[str, int]]:
        """Its literal texts but docstrings, with the line."""
        told = {id(each) for each in _docstrings(self.tree)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                yield node.value, node.lineno


def _docstrings(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            yield body[0].value


def read_source(path: Path, folder: Path) -> Source:
    """Raises LawBroken for a file that is not Python."""
    try:
        text = path.read_text("utf-8")
        return Source(path.relative_to(folder.parent), _parsed(text), text)
    except (SyntaxError, ValueError) as problem:
        raise LawBroken(f"{path.name} is not Python: {problem}") from None


def _parsed(text: str) -> ast.Module:
    """Python 3.11 counts how deep a tree is nested for all threads at once (gh-106905), so that another thread at work
    in the same moment makes a good file fail by a SystemError: it is read again."""
    for _ in range(4):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)


def check_laws(folder: Path, package: str, slug: str) -> None:
    """Imports, core's tables and template folders of a whole package; raises LawBroken with the first offence. Only
    what could offend is parsed, so that a start does not wait for the rest."""
    suspicious = re.compile(rf"\bombud(?!_plugin_api\b|_{package.removeprefix('ombud_')}\b)|core_|{'|'.join(ENGINES)}")
    for path in sorted(folder.rglob("*.py")):
        if not suspicious.search(path.read_text("utf-8", errors="replace")):
            continue
        source = read_source(path, folder)
        check_imports(source, package)
        check_tables(source)
    check_templates(folder, slug)


def check_imports(source: Source, package: str) -> None:
    """Of Ombud's packages only the plugin API and the plugin's own; raises LawBroken."""
    for module, line in source.imported():
        root = module.split(".")[0]
        if root == "ombud" or (root.startswith("ombud_") and root not in {package, "ombud_plugin_api"}):
            raise LawBroken(f"{source.path}:{line} imports {module}, which is not the plugin API")


def check_tables(source: Source) -> None:
    """No statement names a table of core's, and no other way leads to the database; raises LawBroken."""
    for text, line in source.texts():
        found = sorted(set(CORE_TABLE.findall(text)) & sql_tables(text))
        if found or CORE_TABLE.fullmatch(text):
            raise LawBroken(f"{source.path}:{line} names core's table {', '.join(found) or text}")
    for module, line in source.imported():
        if module.split(".")[0] in ENGINES:
            raise LawBroken(f"{source.path}:{line} imports {module}; a plugin's rows go through its Piccolo tables")


def check_templates(folder: Path, slug: str) -> None:
    """All in `templates/<slug>/`, so that none takes the place of core's or another plugin's; raises LawBroken."""
    home = folder / "templates"
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.relative_to(home).parts[0] != slug:
            raise LawBroken(f"the template {path.relative_to(home)} must lie in templates/{slug}/")


def sql_tables(text: str) -> set[str]:
    """The tables a statement names after FROM, JOIN, INTO, UPDATE, TABLE, REFERENCES or ON."""
    words = "from|join|into|update|table|references|on|truncate|only"
    pattern = rf'\b(?:{words})\s+(?:if\s+(?:not\s+)?exists\s+)?"?([a-z_][a-z0-9_]*)"?'
    return {each.lower() for each in re.findall(pattern, text, re.IGNORECASE)}


__all__ = ["LawBroken", "Source", "check_imports", "check_laws", "check_tables", "check_templates", "sql_tables"]
