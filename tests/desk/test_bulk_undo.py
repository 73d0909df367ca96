"""One change of many cases and taking it back: previews tell the truth, rows are done once, nothing is overrun."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import cases, undo
from ombud.desk.aspects import Decision, decide_aspect
from ombud.desk.bulk import plan as bulk
from ombud.desk.bulk import run as bulk_run
from ombud.desk.case_list import CaseFilters
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import Viewer


async def holds() -> None:
    assert (await verify()).broken == ""


async def case_row(case_id: UUID) -> dict[str, Any]:
    row = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", case_id)
    assert row is not None
    return dict(row)


async def states(viewer: Viewer, made: UUID) -> dict[str, str]:
    return {row.reference: row.state for row in await bulk.rows(viewer, made)}


async def planned(viewer: Viewer, references: list[str], action: str, **value: Any) -> UUID:
    made = await bulk.choose(viewer, references=references)
    await bulk.plan(viewer, made, action, value)
    return made


async def closable(stage: Any, viewer: Viewer) -> Any:
    filed = await stage.file()
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await decide_aspect(viewer, aspect, Decision("upheld", "It was."), None)
    return filed


async def test_a_preview_changes_nothing_and_says_of_each_case_why_not(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    open_one, decided = await stage.file(), await closable(stage, agent)
    before = await db.fetchval("SELECT count(*) FROM core_ledger_entry")
    made = await planned(agent, [open_one.reference, decided.reference], "close")
    rows = {row.reference: row for row in await bulk.rows(agent, made)}
    assert rows[decided.reference].state == "ready"
    assert rows[open_one.reference].state == "cannot"
    assert "One aspect has no outcome yet" in rows[open_one.reference].reason
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry") == before
    assert (await case_row(decided.case_id))["status"] == "resolved"
    await cases.take(leader, open_one.case_id)
    made = await planned(agent, [open_one.reference, decided.reference], "take")
    assert (
        "Somebody else owns this case"
        in {r.reference: r.reason for r in await bulk.rows(agent, made)}[open_one.reference]
    )


async def test_what_was_previewed_is_done_once_with_the_batch_as_cause_and_can_all_be_taken_back(stage: Any) -> None:
    leader, agent = await stage.person("leader"), await stage.person("agent")
    filed = [await stage.file() for _ in range(3)]
    made = await planned(leader, [each.reference for each in filed], "assign", owner=agent.user_id)
    await bulk_run.run(leader, made)
    assert set((await states(leader, made)).values()) == {"done"}
    with pytest.raises(NotNow):
        await bulk_run.run(leader, made)
    await bulk_run.work(made)  # a second delivery of the job finds nothing to do
    causes = await db.fetch("SELECT cause, kind FROM core_ledger_entry WHERE kind = 'case.assigned'")
    assert [row["cause"] for row in causes] == [f"command/bulk/{made}"] * 3
    await holds()
    await bulk_run.undo(leader, made)
    assert set((await states(leader, made)).values()) == {"undone"}
    for each in filed:
        row = await case_row(each.case_id)
        assert (row["owner_id"], row["status"]) == (None, "new")
    await holds()
    with pytest.raises(NotNow, match="taken back already"):
        await bulk_run.undo(leader, made)


async def test_a_case_that_somebody_changed_after_the_preview_is_left_and_named(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    one, two = await stage.file(), await stage.file()
    made = await planned(agent, [one.reference, two.reference], "priority", priority="high")
    await cases.change(leader, one.case_id, {"priority": "urgent"}, None)
    await bulk_run.run(agent, made)
    rows = {row.reference: row for row in await bulk.rows(agent, made)}
    assert rows[two.reference].state == "done"
    assert rows[one.reference].state == "refused"
    assert "after the preview" in rows[one.reference].reason
    assert (await case_row(one.case_id))["priority"] == "urgent"


async def test_undo_leaves_what_was_changed_since_and_says_what(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    one, two = await stage.file(), await stage.file()
    made = await planned(agent, [one.reference, two.reference], "take")
    await bulk_run.run(agent, made)
    await cases.assign(leader, one.case_id, leader.user_id)
    await cases.change(leader, two.case_id, {"priority": "urgent"}, None)  # of no concern to the owner
    await bulk_run.undo(agent, made)
    rows = {row.reference: row for row in await bulk.rows(agent, made)}
    assert rows[one.reference].state == "stayed"
    assert "The owner was changed by somebody since" in rows[one.reference].reason
    assert rows[two.reference].state == "undone"
    assert (await case_row(one.case_id))["owner_id"] == leader.user_id
    row = await case_row(two.case_id)
    assert (row["owner_id"], row["priority"]) == (None, "urgent")
    await holds()


async def test_a_worker_that_dies_half_way_is_followed_by_one_that_does_the_rest_only(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await stage.person("agent")
    filed = [await stage.file() for _ in range(6)]
    made = await planned(agent, [each.reference for each in filed], "note", text="The bank holiday moved the post.")
    done: list[UUID] = []
    real = bulk_run._one

    async def dies(viewer: Viewer, change: Any, row_id: UUID) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(row_id)
        await real(viewer, change, row_id)

    monkeypatch.setattr(bulk_run, "_one", dies)
    with pytest.raises(KeyboardInterrupt):
        await bulk_run.run(agent, made)
    monkeypatch.setattr(bulk_run, "_one", real)
    assert (await bulk.find(agent, made)).state == "running"
    await db.execute("UPDATE core_bulk SET touched_at = $1", now() - timedelta(minutes=5))
    await bulk_run.sweep({}, None)  # type: ignore[arg-type]
    assert await db.fetchval("SELECT event->>'bulk' FROM core_delivery WHERE subscriber = 'job/bulk.work'") == str(made)
    await bulk_run.work(made)
    assert (await bulk.find(agent, made)).counts == {"done": 6}
    notes = await db.fetch("SELECT case_id, count(*) AS n FROM core_message WHERE direction = 'note' GROUP BY case_id")
    assert sorted(row["n"] for row in notes) == [1] * 6
    assert "text" not in await db.fetchval("SELECT value FROM core_bulk WHERE id = $1", made)
    with pytest.raises(NotNow, match="Notes stay"):
        await bulk_run.undo(agent, made)


async def test_many_cases_go_to_the_background_and_each_side_of_the_batch_survives_a_second_worker(stage: Any) -> None:
    agent = await stage.person("agent")
    for _ in range(bulk_run.AT_ONCE + 2):
        await stage.file()
    made = await bulk.choose(agent, filters=CaseFilters(status="open", order="due"))
    await bulk.plan(agent, made, "priority", {"priority": "high"})
    await bulk_run.run(agent, made)
    assert (await bulk.find(agent, made)).count("ready") == bulk_run.AT_ONCE + 2
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE subscriber = 'job/bulk.work'") == 1
    await bulk_run.work(made)
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE priority = 'high'") == bulk_run.AT_ONCE + 2
    entries = "SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.changed'"
    assert await db.fetchval(entries) == bulk_run.AT_ONCE + 2
    await bulk_run.undo(agent, made)
    await bulk_run.work(made)
    assert (await bulk.find(agent, made)).state == "undone"
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE priority = 'normal'") == bulk_run.AT_ONCE + 2


async def test_a_batch_holds_no_more_than_it_may_and_says_so(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)
    agent = await stage.person("agent")
    for _ in range(3):
        await stage.file()
    found = await bulk.find(agent, await bulk.choose(agent, filters=CaseFilters(order="due")))
    assert found.cut
    assert found.total == 2


async def test_cases_i_may_not_see_are_never_in_a_batch_nor_is_anybody_elses_batch_mine(stage: Any) -> None:
    agent, compliance = await stage.person("agent"), await stage.person("compliance")
    secret, plain = await stage.file(confidential=True), await stage.file()
    made = await bulk.choose(agent, references=[secret.reference, plain.reference])
    assert [row.reference for row in await bulk.rows(agent, made)] == [plain.reference]
    with pytest.raises(NotFound):
        await bulk.find(compliance, made)
    await cases.set_confidential(compliance, plain.case_id, True, None)  # after it was chosen
    assert await bulk.rows(agent, made) == []
    assert (await bulk.plan(agent, made, "take", {})).total == 0
    with pytest.raises(NotNow, match="No case is chosen"):
        await bulk.choose(agent, references=[secret.reference])


async def test_who_may_not_is_refused_by_preview_and_by_each_case(stage: Any) -> None:
    agent, quality = await stage.person("agent"), await stage.person("quality")
    filed = await stage.file()
    made = await bulk.choose(quality, references=[filed.reference])
    with pytest.raises(Invalid):
        await bulk.plan(quality, made, "take", {})
    made = await bulk.choose(agent, references=[filed.reference])
    with pytest.raises(Invalid):
        await bulk.plan(agent, made, "assign", {"owner": quality.user_id})  # agents do not give cases away
    made = await planned(agent, [filed.reference], "take")
    await db.execute("DELETE FROM core_user_role WHERE user_id = $1", agent.user_id)  # in the meantime
    await bulk_run.run(agent, made)
    assert await db.fetchval("SELECT state FROM core_bulk_row WHERE bulk_id = $1", made) == "refused"
    assert (await case_row(filed.case_id))["owner_id"] is None


async def test_a_case_about_me_stays_out_of_my_closing_and_tells_no_title(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    filed = await stage.file("The clerk was rude.", "The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 1", filed.case_id)
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE id = $1", aspect, agent.user_id)
    made = await planned(agent, [filed.reference], "close")
    (row,) = await bulk.rows(agent, made)
    assert (row.state, row.title) == ("cannot", filed.reference)
    assert row.reason == "This case cannot be closed yet. Ask your team leader."
    made = await planned(leader, [filed.reference], "assign", owner=agent.user_id)
    (row,) = await bulk.rows(leader, made)
    assert row.reason == "This person cannot take this case. Choose somebody else."


async def test_one_change_of_a_case_is_kept_and_put_back_exactly(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    filed = await closable(stage, agent)
    async with undo.kept(agent, filed.case_id, "close") as closing:
        await cases.close(agent, filed.case_id)
    closed = await case_row(filed.case_id)
    assert closing.id is not None
    await bulk_run.undo(agent, closing.id)
    assert (await case_row(filed.case_id))["status"] == "resolved"
    assert (await case_row(filed.case_id))["closed_at"] is None
    await holds()
    await cases.close(agent, filed.case_id)
    at = (await case_row(filed.case_id))["closed_at"]
    async with undo.kept(leader, filed.case_id, "reopen") as reopening:
        await cases.reopen(leader, filed.case_id, "A new letter.")
    assert reopening.id is not None
    await bulk_run.undo(leader, reopening.id)
    assert (await case_row(filed.case_id))["closed_at"] == at
    assert closed["status"] == "closed"
    await holds()
    async with undo.kept(agent, filed.case_id, "priority") as nothing:
        pass
    assert nothing.id is None


async def test_undo_keeps_the_rules_of_every_other_way(stage: Any) -> None:
    agent, leader = await stage.person("agent"), await stage.person("leader")
    filed = await stage.file()
    await cases.take(agent, filed.case_id)
    async with undo.kept(leader, filed.case_id, "assign") as given:
        await cases.assign(leader, filed.case_id, None)
    assert given.id is not None
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1", agent.user_id)
    await bulk_run.undo(leader, given.id)
    (row,) = await bulk.rows(leader, given.id)
    assert (row.state, row.reason) == ("stayed", "This person cannot take this case. Choose somebody else.")
    async with undo.kept(leader, filed.case_id, "priority") as old:
        await cases.change(leader, filed.case_id, {"priority": "high"}, None)
    assert old.id is not None
    await db.execute("UPDATE core_bulk SET ran_at = $1", now() - timedelta(hours=25))
    with pytest.raises(NotNow, match="older than a day"):
        await bulk_run.undo(leader, old.id)
    with pytest.raises(NotFound):
        await bulk_run.undo(agent, old.id)


async def test_what_nobody_can_take_back_any_more_is_forgotten(stage: Any) -> None:
    agent = await stage.person("agent")
    filed = await stage.file()
    made = await planned(agent, [filed.reference], "take")
    await bulk_run.run(agent, made)
    await db.execute("UPDATE core_bulk SET created_at = $1", now() - timedelta(days=29))
    await bulk_run.sweep({}, None)  # type: ignore[arg-type]
    assert (await bulk.find(agent, made)).state == "done"
    await db.execute("UPDATE core_bulk SET created_at = $1", now() - timedelta(days=31))
    await bulk_run.sweep({}, None)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await bulk.find(agent, made)
