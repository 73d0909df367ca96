"""Changing many cases by pages: tick, preview, do, read each result, take it back. And the toast that undoes one."""

import csv
import io
import re

from ombud.desk.bulk import run as bulk_run
from ombud.kernel.database import db


async def started(browser, *references, page="/queues/all", **more):
    """Ticks cases on a list and asks to change them; returns the address of the change."""
    fields = {"reference": list(references), "which": "ticked", "back": page, **more}
    answer = await browser.submit("/bulk", fields, page=page)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_ticked_cases_are_previewed_changed_and_taken_back_by_their_pages(desk, send, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    one, two, third = [await desk.file(f"Matter {n}.") for n in range(3)]
    await leader.submit(f"/cases/{third.reference}/take", {}, page="/queues/all")
    change = await started(agent, one.reference, two.reference, third.reference)
    assert "Change 3 cases" in (await agent.get(change)).text
    preview = await agent.submit(f"{change}/plan", {"action": "take"}, page=change, follow=True)
    assert "Preview: nothing is changed yet" in preview.text
    assert "2 cases would change" in preview.text
    assert "One would stay as it is" in preview.text
    assert "Somebody else owns this case" in preview.text
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE owner_id IS NOT NULL") == 1
    done = await send(agent, change, f"{change}/run", follow=True)
    assert "2 cases are changed" in done.text
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE owner_id IS NOT NULL") == 3
    undo = f"/undo/{change.rsplit('/', 1)[1]}"
    assert forms(done.text).has(undo)
    back = await agent.submit(undo, {}, page=change, follow=True)
    assert "2 cases are as they were before" in back.text
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE owner_id IS NOT NULL") == 1


async def test_the_result_is_a_table_of_every_case_and_no_spreadsheet_runs_a_title(desk):
    agent = await desk.signed_in("agent")
    one = await desk.file("=cmd|' /C calc'!A0")
    two = await desk.file("Plain.")
    change = await started(agent, one.reference, two.reference)
    await agent.submit(f"{change}/plan", {"action": "priority", "priority": "high"}, page=change)
    await db.execute("UPDATE core_case SET version = version + 1 WHERE id = $1", two.case_id)
    await agent.submit(f"{change}/run", {}, page=change)
    answer = await agent.get(f"{change}/result.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    lines = {line["Case"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert lines[one.reference]["Result"] == "Done"
    assert lines[one.reference]["Title"].startswith("'=")
    assert lines[two.reference]["Result"] == "Not done"
    assert "after the preview" in lines[two.reference]["Why"]


async def test_all_that_match_are_changed_also_those_on_no_page_yet_and_no_others(desk, monkeypatch, send):
    from ombud.web.pages import queues as queue_pages

    monkeypatch.setattr(queue_pages, "PAGE", 2)
    agent = await desk.signed_in("agent")
    wanted = [await desk.file(f"Pension {n}.") for n in range(5)]
    other = await desk.file("A card.")
    page = "/queues/all?q=pension"
    narrowed = re.search(r'name="narrowed" value="([^"]+)"', (await agent.get(page)).text).group(1)
    change = await started(agent, which="all", narrowed=narrowed.replace("&amp;", "&"), page=page)
    await agent.submit(f"{change}/plan", {"action": "priority", "priority": "urgent"}, page=change)
    await agent.submit(f"{change}/run", {}, page=change)
    rows = await db.fetch("SELECT reference FROM core_case WHERE priority = 'urgent'")
    assert {row["reference"] for row in rows} == {each.reference for each in wanted}
    assert other.reference not in {row["reference"] for row in rows}


async def test_every_action_has_its_question_and_a_missing_answer_is_asked_for_again(desk):
    leader = await desk.signed_in("leader")
    filed = await desk.file()
    change = await started(leader, filed.reference)
    text = (await leader.get(change)).text
    for words in ("Take", "Give to somebody", "Put back into the queue", "Move to another queue", "Set the priority",
                  "Close", "Reopen", "Add a note"):  # fmt: skip
        assert words in text
    asked = {
        "assign": "Choose who gets the cases.", "queue": "Choose the queue the cases move to.",
        "priority": "Choose the priority.", "note": "This is empty", "": "Choose what to do with the cases.",
    }  # fmt: skip
    for action, words in asked.items():
        answer = await leader.submit(f"{change}/plan", {"action": action}, page=change)
        assert answer.status_code == 422, action
        assert words in answer.text, action
    early = await leader.submit(f"{change}/run", {}, page=change, follow=True)
    assert "None of these cases can be changed so" in early.text


async def test_an_agent_is_offered_only_what_agents_may(desk):
    agent, quality = await desk.signed_in("agent"), await desk.signed_in("quality")
    filed = await desk.file()
    text = (await agent.get(await started(agent, filed.reference))).text
    assert "Give to somebody" not in text
    assert "Reopen" not in text
    assert "Change selected" not in (await quality.get("/queues/all")).text
    assert "Your roles do not let you change cases" in (await quality.get(await started(quality, filed.reference))).text


async def test_a_change_is_only_its_makers_and_hidden_cases_show_nowhere(desk):
    agent, leader, compliance = [await desk.signed_in(name) for name in ("agent", "leader", "compliance")]
    plain, secret = await desk.file("Plain."), await desk.file("Secret.", confidential=True)
    change = await started(agent, plain.reference, secret.reference)
    assert secret.reference not in (await agent.get(change)).text
    for path in (change, f"{change}/result.csv"):
        assert (await leader.get(path)).status_code == 404
    for step in (f"{change}/plan", f"{change}/run", f"/undo/{change.rsplit('/', 1)[1]}"):
        assert (await leader.submit(step, {"action": "take"}, page="/queues/all")).status_code == 404
    await agent.submit(f"{change}/plan", {"action": "take"}, page=change)
    await agent.submit(f"{change}/run", {}, page=change)
    await compliance.submit(
        f"/cases/{plain.reference}/owner", {"version": "2", "owner": ""}, page=f"/cases/{plain.reference}"
    )
    await db.execute("UPDATE core_case SET confidential = TRUE, owner_id = NULL WHERE id = $1", plain.case_id)
    assert plain.reference not in (await agent.get(f"{change}/result.csv")).text
    assert plain.reference not in (await agent.get(change)).text


async def test_nothing_ticked_and_a_list_elsewhere_are_answered_in_words(desk):
    agent = await desk.signed_in("agent")
    await desk.file()
    answer = await agent.submit("/bulk", {"back": "/queues/all"}, page="/queues/all", follow=True)
    assert "No case is chosen. Tick the cases in the list first" in answer.text
    away = await agent.submit("/bulk", {"back": "//evil.example/"}, page="/queues/all")
    assert away.headers["location"] == "/"


async def test_more_than_fifty_run_in_the_background_and_the_page_tells_how_far_it_is(desk):
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.") for n in range(bulk_run.AT_ONCE + 1)]
    change = await started(agent, *[each.reference for each in filed])
    planned = await agent.submit(f"{change}/plan", {"action": "priority", "priority": "low"}, page=change, follow=True)
    assert "It runs in the background" in planned.text
    running = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "0 of 51 cases" in running.text
    part = await agent.get(change, headers={"HX-Request": "true", "HX-Target": "progress"})
    assert "<html" not in part.text
    await desk.work()
    ended = await agent.get(change, headers={"HX-Request": "true", "HX-Target": "progress"})
    assert ended.headers["hx-refresh"] == "true"
    assert "51 cases are changed" in (await agent.get(change)).text


async def test_a_change_of_one_case_is_undone_by_its_toast_for_each_of_owner_status_priority_and_secrecy(desk, forms):
    leader, compliance = await desk.signed_in("leader"), await desk.signed_in("compliance")
    filed = await desk.file()
    case = f"/cases/{filed.reference}"
    before = dict(await db.fetchrow("SELECT owner_id, status, priority, confidential, closed_at FROM core_case"))

    async def undone(browser, shown):
        action = next(action for _, action, _ in forms(shown).found if action.startswith("/undo/"))
        back = await browser.submit(action, {}, page=case, follow=True)
        assert "It is as it was before." in back.text
        now_is = await db.fetchrow("SELECT owner_id, status, priority, confidential, closed_at FROM core_case")
        assert dict(now_is) == before

    async def version():
        return str(await db.fetchval("SELECT version FROM core_case"))

    await undone(leader, (await leader.submit(f"{case}/take", {}, page=case, follow=True)).text)
    me = str((await desk.viewer("leader")).user_id)
    await undone(leader, (await leader.submit(f"{case}/owner", {"version": await version(), "owner": me}, page=case,
                                              follow=True)).text)  # fmt: skip
    changed = await leader.submit(
        f"{case}/change", {"version": await version(), "priority": "high"}, page=case, follow=True
    )
    await undone(leader, changed.text)
    hidden = {"version": await version(), "confidential": "on"}
    await undone(compliance, (await compliance.submit(f"{case}/confidential", hidden, page=case, follow=True)).text)
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    await leader.submit(f"{case}/aspects/{aspect}/decide", {"version": "1", "outcome": "upheld", "reason": "It was."},
                        page=f"{case}/aspects/{aspect}/decide")  # fmt: skip
    before = dict(await db.fetchrow("SELECT owner_id, status, priority, confidential, closed_at FROM core_case"))
    closed = await leader.submit(
        f"{case}/status", {"version": await version(), "status": "closed"}, page=case, follow=True
    )
    await undone(leader, closed.text)


async def test_an_undo_that_comes_too_late_says_what_was_changed_since(desk, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    filed = await desk.file()
    case = f"/cases/{filed.reference}"
    taken = await agent.submit(f"{case}/take", {}, page=case, follow=True)
    action = next(action for _, action, _ in forms(taken.text).found if action.startswith("/undo/"))
    me = str((await desk.viewer("leader")).user_id)
    await leader.submit(f"{case}/owner", {"version": "2", "owner": me}, page=case)
    late = await agent.submit(action, {}, page=case, follow=True)
    assert "The owner was changed by somebody since" in late.text
    assert str(await db.fetchval("SELECT owner_id FROM core_case")) == me
    assert (await leader.submit(action, {}, page=case)).status_code == 404


async def test_a_forged_toast_sends_nothing_but_an_undo(desk):
    from ombud.web.shell import TOAST_COOKIE, toast_cookie

    agent = await desk.signed_in("agent")
    for undo, drawn in (("/me/tokens", False), ("//evil.example/undo/", False), (f"/undo/{'0' * 36}", True)):
        value = toast_cookie("Press me", undo).split(";")[0].split("=", 1)[1].strip('"')
        text = (await agent.get("/queues/all", headers={"cookie": f"{TOAST_COOKIE}={value}; " + "; ".join(
            f"{name}={content}" for name, content in agent.http.cookies.items())})).text  # fmt: skip
        assert "Press me" in text
        assert (f'action="{undo}"' in text) == drawn, undo


async def test_severity_category_and_confidentiality_change_together_and_go_back(desk):
    await desk.user("both", "agent", "compliance")
    agent = await desk.signed_in("both")
    await db.execute(
        "INSERT INTO core_taxonomy_term (id, kind, code, labels, created_at) "
        "VALUES (gen_random_uuid(), 'category', 'bulk_fees', '{\"en\": \"Fees of all kinds\"}', now())"
    )
    one, two = await desk.file("A fee.", "A rude call."), await desk.file("Another fee.")
    asked = {
        "severity": ("SELECT severity::text FROM core_case", "3", "1"),
        "category": ("SELECT category FROM core_aspect", "bulk_fees", ""),
        "confidential": ("SELECT confidential::text FROM core_case", "true", "false"),
    }
    for action, (sql, wanted, before) in asked.items():
        change = await started(agent, one.reference, two.reference)
        if action != "confidential":
            refused = await agent.submit(f"{change}/plan", {"action": action, action: "no-such"}, page=change)
            assert refused.status_code == 422, action
        await agent.submit(f"{change}/plan", {"action": action, action: wanted}, page=change)
        assert {row[0] for row in await db.fetch(sql)} == {before}
        await agent.submit(f"{change}/run", {}, page=change)
        assert {row[0] for row in await db.fetch(sql)} == {wanted}, action
        again = await started(agent, one.reference)
        preview = await agent.submit(f"{again}/plan", {"action": action, action: wanted}, page=again, follow=True)
        assert ("already" in preview.text) is (action != "category")
        back = await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change, follow=True)
        assert "2 cases are as they were before" in back.text
        assert {row[0] for row in await db.fetch(sql)} == {before}, action


async def test_a_category_that_somebody_gave_since_is_not_taken_back(desk):
    agent = await desk.signed_in("agent")
    await db.execute(
        "INSERT INTO core_taxonomy_term (id, kind, code, labels, created_at) "
        "VALUES (gen_random_uuid(), 'category', 'bulk_fees', '{\"en\": \"Fees of all kinds\"}', now())"
    )
    one = await desk.file("A fee.")
    change = await started(agent, one.reference)
    await agent.submit(f"{change}/plan", {"action": "category", "category": "bulk_fees"}, page=change)
    await agent.submit(f"{change}/run", {}, page=change)
    await db.execute("UPDATE core_aspect SET category = 'other'")
    back = await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change, follow=True)
    assert "was changed by somebody since" in back.text
    assert await db.fetchval("SELECT category FROM core_aspect") == "other"
