"""What a plugin promises: its imports, its manifest and its tables."""

import ast
from pathlib import Path

import ombud_webform
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api import read_manifest
from ombud_webform.piccolo_app import APP_CONFIG

PACKAGE = Path(ombud_webform.__file__).parent
MAY_IMPORT = {"ombud_plugin_api", "ombud_webform", "litestar", "msgspec", "piccolo"}


def test_it_imports_the_plugin_api_and_libraries_alone() -> None:
    import sys

    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                assert root in MAY_IMPORT or root in sys.stdlib_module_names, f"{file.name} imports {name}"


def test_every_table_is_declared_with_what_is_personal_in_it() -> None:
    declared = {each.name: each for each in read_manifest(PACKAGE / "plugin.toml").tables}
    assert {table._meta.tablename for table in APP_CONFIG.table_classes} == set(declared)
    for table in APP_CONFIG.table_classes:
        columns = {column._meta.name for column in table._meta.columns}
        assert set(declared[table._meta.tablename].personal) <= columns


async def test_its_tables_come_go_and_come_again(desk: Desk) -> None:
    async def tables() -> list[str]:
        rows = await db.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'webform%' ORDER BY 1")
        return [row["tablename"] for row in rows]

    await desk.enable("webform")
    made = await tables()
    assert made == ["webform_draft", "webform_file", "webform_sent"]
    await desk.uninstall("webform")
    assert await tables() == []
    await desk.enable("webform")
    assert await tables() == made


async def test_when_a_case_goes_its_answer_for_a_second_send_goes_too(desk: Desk) -> None:
    await desk.enable("webform")
    foreign = await db.fetch(
        "SELECT confdeltype FROM pg_constraint WHERE conrelid = 'webform_sent'::regclass AND contype = 'f'"
    )
    assert [bytes(row["confdeltype"]) for row in foreign] == [b"c"]
