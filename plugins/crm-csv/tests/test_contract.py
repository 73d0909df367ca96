"""What a plugin promises: its imports, its manifest, its tables, that it can forget a person, its demonstration."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

import ombud_crm_csv
from ombud.desk.demo import commands as demo_commands
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_crm_csv.piccolo_app import APP_CONFIG
from ombud_plugin_api import read_manifest

PACKAGE = Path(ombud_crm_csv.__file__).parent
MAY_IMPORT = {
    "ombud_plugin_api", "ombud_crm_csv", "litestar", "msgspec", "piccolo", "charset_normalizer", "phonenumbers",
    "openpyxl", "defusedxml",
}  # fmt: skip


def test_it_imports_the_plugin_api_and_libraries_alone() -> None:
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
        assert {*declared[table._meta.tablename].personal, declared[table._meta.tablename].person or "id"} <= columns


async def test_its_tables_come_go_and_come_again(desk: Desk) -> None:
    async def tables() -> list[str]:
        rows = await db.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'crm_csv%' ORDER BY 1")
        return [row["tablename"] for row in rows]

    await desk.enable("crm-csv")
    assert await tables() == ["crm_csv_customer", "crm_csv_file"]
    await desk.uninstall("crm-csv")
    assert await tables() == []
    await desk.enable("crm-csv")
    assert await tables() == ["crm_csv_customer", "crm_csv_file"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    stories = demo_story.plan
    monkeypatch.setattr(demo, "plan", lambda *given: stories(*given)[::10])


async def test_the_demonstration_firm_has_customers_beside_its_cases_and_leaves_none_behind(
    desk: Desk, few: None, capsys: Any
) -> None:
    await desk.enable("crm-csv")
    assert await demo_commands.demo_load_command() == 0
    assert "did not follow" not in capsys.readouterr().err
    rows = await db.fetch(
        "SELECT c.reference FROM core_party y JOIN core_person p ON p.id = y.person_id "
        "JOIN core_case c ON c.id = y.case_id "
        "JOIN crm_csv_customer k ON k.email <> '' AND k.email = lower(p.email) WHERE y.role = 'complainant' "
        "AND NOT c.confidential GROUP BY c.id HAVING count(DISTINCT k.reference) = 1 ORDER BY c.reference"
    )
    assert len(rows) > 15, "most people have something to show"
    leader = await desk.signed_in("leader")
    path = f"/cases/{rows[0]['reference']}/crm/crm-csv"
    await leader.get(path, headers={"hx-request": "true"})
    await desk.work()
    part = (await leader.get(path, headers={"hx-request": "true"})).text
    assert "modra-customers.csv, line" in part
    assert "Accounts and products" in part
    assert await demo_commands.demo_remove_command(with_later=True) == 0
    for table in ("crm_csv_file", "crm_csv_customer", "core_crm_snapshot"):
        assert await db.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_desks_own_file_is_not_replaced_by_the_demonstration(desk: Desk, few: None) -> None:
    await desk.enable("crm-csv")
    await db.execute(
        "INSERT INTO crm_csv_file (id, name, state, as_of) VALUES (gen_random_uuid(), 'ours', 'live', now())"
    )
    await demo_commands.demo_load_command()
    assert [row["name"] for row in await db.fetch("SELECT name FROM crm_csv_file")] == ["ours"]
    await demo_commands.demo_remove_command(with_later=True)
    assert [row["name"] for row in await db.fetch("SELECT name FROM crm_csv_file")] == ["ours"]


async def test_a_marked_person_is_collected_erased_and_found_nowhere(desk: Desk) -> None:
    """By core alone, from the declaration: the row leads to the person it was found for."""
    await desk.enable("crm-csv")
    await db.execute(
        "INSERT INTO crm_csv_file (id, state, columns, as_of) VALUES (gen_random_uuid(), 'live', '[]', now())"
    )
    await db.execute(
        "INSERT INTO crm_csv_customer (id, file, line, name, email, name_key, cells) SELECT gen_random_uuid(), id, 2, "
        "'Canary Bird', 'canary@example.org', 'bird canary', '{\"Note\": \"canary sings\"}' FROM crm_csv_file"
    )
    filed = await desk.file(name="Canary Bird", email="canary@example.org")
    agent = await desk.signed_in("agent")
    await agent.get(f"/cases/{filed.reference}/crm/crm-csv", headers={"hx-request": "true"})
    await desk.work()
    person = await db.fetchval("SELECT person_id FROM core_party")
    declared = {each.name: each for each in read_manifest(PACKAGE / "plugin.toml").tables}["crm_csv_customer"]
    columns = ", ".join(declared.personal)
    collected = await db.fetch(f"SELECT {columns} FROM {declared.name} WHERE {declared.person} = $1", person)
    assert "canary sings" in str([dict(row) for row in collected])
    assert declared.erase == "delete"
    await db.execute(f"DELETE FROM {declared.name} WHERE {declared.person} = $1", person)
    for table in APP_CONFIG.table_classes:
        rows = await db.fetch(f"SELECT * FROM {table._meta.tablename}")
        assert "canary" not in str([dict(row) for row in rows]).lower()
