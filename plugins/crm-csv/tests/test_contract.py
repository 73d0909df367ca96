"""What a plugin promises; the kit uploads a customer file, takes its columns, and somebody looks at a customer of it.
And what the demonstration firm gets."""

from typing import Any

import pytest

from ombud.desk.demo import commands as demo_commands
from ombud.desk.demo import loading as demo
from ombud.desk.demo import story as demo_story
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api.testing import Marked, PluginContract, Stage, Subject
from ombud_plugin_api.testing.doors import through_pages


class TestContract(PluginContract):
    slug = "crm-csv"
    jobs = {"look": {}}

    async def door(self, stage: Stage, plugin: Subject, person: Marked, twice: bool = False) -> bool:
        """A file with this customer, who complains, and whom an agent looks at: by that the row leads to the person."""
        if not await through_pages(stage, plugin, person, twice):
            return False
        await stage.work()
        filed = await stage.file(person)
        agent = await stage.signed_in("agent")
        await agent.get(f"/cases/{filed.reference}/crm/crm-csv")
        await stage.work()
        return True


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
