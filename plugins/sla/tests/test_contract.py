"""What every plugin promises, tried on a whole desk; and that its levels become clocks there."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision
from ombud.desk.clocks import acting, watching
from ombud.desk.clocks.settling import settle
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "sla"
    aims = "exemplary"


async def clocks(case_id: UUID) -> dict[str, Any]:
    rows = await db.fetch(
        "SELECT * FROM core_clock WHERE case_id = $1 AND key LIKE 'sla.%' ORDER BY started_at", case_id
    )
    return {row["key"].removeprefix("sla."): row for row in rows}


async def test_a_case_gets_its_first_reply_and_each_aspect_its_resolution(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file("The fee was taken twice.", "The clerk hung up on me.")
    await watching.start_waiting()
    rows = await db.fetch(
        "SELECT key, aspect_id IS NULL AS whole, state FROM core_clock WHERE key LIKE 'sla.%' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("sla.first_reply", True, "running"), *[("sla.resolution", False, "running")] * 2,
    ]  # fmt: skip
    found = await clocks(filed.case_id)
    assert found["first_reply"]["policy"] == "sla.first_reply/any"
    assert not found["first_reply"]["regulatory"]


async def test_a_persons_reply_meets_the_first_one_and_a_further_message_starts_the_next(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    viewer = await desk.viewer("agent")
    await watching.start_waiting()
    await messages.write(viewer, filed.case_id, "answer", "We look into it.")
    await desk.work()
    found = await clocks(filed.case_id)
    assert found["first_reply"]["state"] == "met"
    assert "next_reply" not in found
    await messages.write(viewer, filed.case_id, "told", "She called and asked how far it is.")
    await messages.write(viewer, filed.case_id, "told", "She called again.")
    await desk.work()
    assert (await clocks(filed.case_id))["next_reply"]["state"] == "running"
    assert await db.fetchval("SELECT count(*) FROM core_clock WHERE key = 'sla.next_reply'") == 1
    await messages.write(viewer, filed.case_id, "answer", "It is decided tomorrow.")
    await desk.work()
    assert (await clocks(filed.case_id))["next_reply"]["state"] == "met"
    await messages.write(viewer, filed.case_id, "told", "She asked once more.")
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM core_clock WHERE key = 'sla.next_reply'") == 2


async def test_a_priority_that_changes_lets_the_clock_go_over_to_the_line_that_fits_now(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    await watching.start_waiting()
    before = (await clocks(filed.case_id))["first_reply"]
    await cases.change(await desk.viewer("agent"), filed.case_id, {"priority": "urgent"}, None)
    await desk.work()
    after = (await clocks(filed.case_id))["first_reply"]
    assert after["policy"] == "sla.first_reply/priority-urgent"
    assert after["due_at"] < before["due_at"]
    assert after["started_at"] == before["started_at"]


async def test_a_line_that_is_edited_leaves_running_clocks_until_somebody_lets_one_go_over(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    await watching.start_waiting()
    before = (await clocks(filed.case_id))["first_reply"]
    await db.execute(
        "INSERT INTO core_setting (id, key, value, changed_at) VALUES (gen_random_uuid(), 'p-sla', $1, now())",
        {"value": {"levels": ["any: first 60h"]}},
    )
    await settle(filed.case_id)
    held = await clocks(filed.case_id)
    assert held["first_reply"]["due_at"] == before["due_at"]
    assert held["resolution"]["state"] == "stopped", "no line asks for it any more"
    await acting.go_over(await desk.viewer("agent"), before["id"])
    assert (await clocks(filed.case_id))["first_reply"]["due_at"] > before["due_at"] + timedelta(days=4)


async def test_deciding_an_aspect_meets_its_resolution(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    await watching.start_waiting()
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    await aspects.decide_aspect(await desk.viewer("leader"), aspect, Decision("upheld", "Our mistake."), None)
    await desk.work()
    assert (await clocks(filed.case_id))["resolution"]["state"] == "met"


async def test_switched_off_it_starts_nothing_and_what_runs_runs_on(desk: Desk) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    await watching.start_waiting()
    await desk.disable("sla")
    await settle(filed.case_id)
    assert (await clocks(filed.case_id))["first_reply"]["state"] == "running"
    other = await desk.file()
    await watching.start_waiting()
    assert await clocks(other.case_id) == {}


@pytest.mark.parametrize("reason", ["customer", "agreed"])
async def test_a_service_level_can_be_held(desk: Desk, reason: str) -> None:
    await desk.enable("sla")
    filed = await desk.file()
    await watching.start_waiting()
    await acting.pause(await desk.viewer("agent"), (await clocks(filed.case_id))["first_reply"]["id"], reason)
    assert (await clocks(filed.case_id))["first_reply"]["state"] == "paused"
