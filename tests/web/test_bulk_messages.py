"""Tags and messages for many cases: each seen before, one of its own in each case, taken back while it can be."""

from typing import Any

from ombud.desk import tags
from ombud.desk.bulk import replies
from ombud.desk.outgoing import templates
from ombud.desk.outgoing.templates import TemplateGiven
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM


async def started(browser: Any, *references: str, page: str = "/queues/all") -> str:
    answer = await browser.submit("/bulk", {"reference": list(references), "which": "ticked", "back": page}, page=page)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def planned(browser: Any, change: str, action: str, **fields: str) -> Any:
    return await browser.submit(f"{change}/plan", {"action": action, **fields}, page=change, follow=True)


async def messages_out() -> list[Any]:
    return list(await db.fetch("SELECT o.*, m.body, m.case_id FROM core_outgoing o JOIN core_message m ON m.id = o.id "
                               "WHERE NOT o.robot ORDER BY o.created_at, o.id"))  # fmt: skip


async def quiet() -> None:
    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False}))


async def test_tags_are_put_on_many_cases_shown_taken_off_and_both_are_taken_back(desk):
    agent = await desk.signed_in("agent")
    one, two = await desk.file("One."), await desk.file("Two.")
    change = await started(agent, one.reference, two.reference)
    preview = await planned(agent, change, "tag", tags="Late-fee, branch")
    assert "Put tags on: late-fee, branch" in preview.text
    done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "2 cases are changed" in done.text
    assert await tags.tags_of(one.case_id) == ["branch", "late-fee"]
    case = (await agent.get(f"/cases/{one.reference}")).text
    assert "branch, late-fee" in case
    assert "The case was tagged late-fee" in case
    off = await started(agent, one.reference, two.reference)
    await planned(agent, off, "untag", tags="branch")
    await agent.submit(f"{off}/run", {}, page=off)
    assert await tags.tags_of(two.case_id) == ["late-fee"]
    assert "The tag branch was taken off the case" in (await agent.get(f"/cases/{two.reference}")).text
    await agent.submit(f"/undo/{off.rsplit('/', 1)[1]}", {}, page=off)
    assert await tags.tags_of(two.case_id) == ["branch", "late-fee"]
    await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change)
    assert await tags.tags_of(one.case_id) == []


async def test_a_tag_that_is_none_and_one_a_case_has_already_are_said(desk):
    agent = await desk.signed_in("agent")
    one = await desk.file("One.")
    change = await started(agent, one.reference)
    refused = await planned(agent, change, "tag", tags="not a tag, ünd!")
    assert refused.status_code == 422
    assert "is no tag" in refused.text
    assert (await planned(agent, change, "tag", tags=" ")).status_code == 422
    for _ in range(2):
        change = await started(agent, one.reference)
        await planned(agent, change, "tag", tags="late")
        done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "It has these tags already." in done.text
    assert await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'case.tagged'") == 1


async def test_one_text_is_a_message_of_its_own_in_each_case_and_all_are_taken_back_before_they_leave(desk):
    await quiet()
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.", email=f"n{n}@example.org") for n in range(2)]
    closed = await desk.file("Closed.")
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now() WHERE id = $1", closed.case_id)
    change = await started(agent, *(each.reference for each in filed), closed.reference)
    preview = await planned(agent, change, "reply", text="We are looking into it.", letter="status", subject="News")
    assert "2 cases would change" in preview.text
    assert "The case is closed" in preview.text
    assert "By the customer" in preview.text
    assert await messages_out() == []
    for each in filed:
        at = f"{change}/messages/{each.reference}"
        assert at in preview.text
        assert "We are looking into it." in (await agent.get(at, headers={"hx-request": "true"})).text
        assert "News" in (await agent.get(at)).text
    done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "2 cases are changed" in done.text
    out = await messages_out()
    assert {row["case_id"] for row in out} == {each.case_id for each in filed}
    assert {(row["state"], row["kind"], row["body"]) for row in out} == {("held", "status", "We are looking into it.")}
    assert len({row["person_id"] for row in out}) == 2
    assert "text" not in await db.fetchval("SELECT value FROM core_bulk WHERE action = 'reply'")
    assert (await agent.get(f"{change}/messages/{filed[0].reference}")).status_code == 404
    await db.execute(
        "UPDATE core_outgoing SET state = 'sent', sent_at = now(), leave_at = NULL WHERE id = $1", out[0]["id"]
    )
    back = await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change, follow=True)
    assert "The message has been sent." in back.text
    assert [row["state"] for row in await messages_out()] == ["sent", "cancelled"]
    assert await db.fetchval("SELECT count(*) FROM core_draft") == 0


async def test_a_template_is_filled_in_each_case_and_waits_where_the_rules_ask_for_a_second_person(desk):
    await quiet()
    await group_settings.change(SYSTEM, "outgoing", Change(values={"approval_kinds": ["request"]}))
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.", name=f"Nora {n}", email=f"n{n}@example.org") for n in range(2)]
    change = await started(agent, *(each.reference for each in filed))
    page = (await agent.get(change)).text
    key = await _template("request", "Dear {{ person.name }}, about {{ case.reference }}: send us the letter.")
    assert key not in page
    preview = await planned(agent, change, "reply", template=key)
    assert "A second person approves it first." in preview.text
    shown = (await agent.get(f"{change}/messages/{filed[1].reference}")).text
    assert f"Dear Nora 1, about {filed[1].reference}" in shown
    done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "It waits for a second person to approve it." in done.text
    out = await messages_out()
    assert {row["state"] for row in out} == {"waiting_approval"}
    assert {row["body"] for row in out} == {
        f"Dear Nora {n}, about {each.reference}: send us the letter." for n, each in enumerate(filed)
    }


async def _template(kind: str, text: str) -> str:
    return (await templates.save(SYSTEM, "", TemplateGiven("For many", kind, "en", "Your complaint", text))).key


async def _paying(line: Any, state: str) -> None:
    """A payment of the line that stands so."""
    await db.execute(
        "INSERT INTO core_payment (id, case_id, aspect_id, line_id, amount, currency, way, state, key, attempt, "
        "payee_hint, remote, detail, created_at, changed_at, version) "
        "SELECT gen_random_uuid(), case_id, aspect_id, id, amount, currency, 'file', $2, 'key-' || id, 1, '', '', '', "
        "now(), now(), 1 FROM core_redress WHERE id = $1",
        line, state,
    )  # fmt: skip


async def test_what_changed_since_the_preview_is_not_sent_and_a_final_response_goes_to_one_alone(desk):
    await quiet()
    agent = await desk.signed_in("agent")
    one = await desk.file("One.", name="Helena Marsh")
    key = await _template("reply", "Dear {{ person.name }}.")
    change = await started(agent, one.reference)
    await planned(agent, change, "reply", template=key)
    await db.execute("UPDATE core_person SET name = 'Somebody Else'")
    done = await agent.submit(f"{change}/run", {}, page=change, follow=True)
    assert "changed after the preview" in done.text
    assert await messages_out() == []
    for fields, why in (
        ({"letter": "final_response", "text": "It is over."}, "case by case"), ({"template": "nothing"}, "of the list"),
        ({"letter": "reply", "text": ""}, "empty"),
    ):  # fmt: skip
        change = await started(agent, one.reference)
        refused = await planned(agent, change, "reply", **fields)
        assert refused.status_code == 422
        assert why in refused.text


async def test_an_unfinished_text_and_too_many_cases_are_refused_before_anything_is_written(desk, monkeypatch):
    await quiet()
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.") for n in range(2)]
    change = await started(agent, *(each.reference for each in filed))
    preview = await planned(agent, change, "reply", text="Dear {{ person }}", letter="reply")
    assert "still holds a placeholder" in preview.text
    assert "No case would change" in preview.text
    monkeypatch.setattr(replies, "MOST", 1)
    refused = await planned(agent, change, "reply", text="Dear all", letter="reply")
    assert refused.status_code == 422
    assert "at most 1 cases" in refused.text
    quality = await desk.signed_in("quality")
    assert (await quality.get(f"{change}/messages/{filed[0].reference}")).status_code == 404


async def test_redress_for_many_is_taken_back_by_lines_and_stays_where_it_was_handed_over(desk):
    agent = await desk.signed_in("agent")
    filed = [await desk.file(f"Matter {n}.") for n in range(3)]
    change = await started(agent, *(each.reference for each in filed))
    await planned(agent, change, "redress", kind="money", amount="20", currency="EUR", text="For the trouble")
    await agent.submit(f"{change}/run", {}, page=change)
    lines = {row["case_id"]: row["id"] for row in await db.fetch("SELECT id, case_id FROM core_redress")}
    assert len(lines) == 3
    await _paying(lines[filed[0].case_id], "handed_over")
    await _paying(lines[filed[1].case_id], "intended")
    back = await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change, follow=True)
    assert "handed over for payment" in back.text
    rows = await db.fetch("SELECT case_id, amount FROM core_redress WHERE reverses IS NOT NULL")
    assert {(row["case_id"], row["amount"]) for row in rows} == {(each.case_id, -20) for each in filed[1:]}
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 5, "no line was edited or deleted"


async def test_redress_above_the_limit_is_withdrawn_with_the_change_that_asked_for_it(desk):
    agent = await desk.signed_in("agent")
    one = await desk.file("One.")
    change = await started(agent, one.reference)
    await planned(agent, change, "redress", kind="money", amount="2000", currency="EUR", text="")
    await agent.submit(f"{change}/run", {}, page=change)
    assert await db.fetchval("SELECT state FROM core_redress_request") == "waiting"
    await agent.submit(f"/undo/{change.rsplit('/', 1)[1]}", {}, page=change)
    assert await db.fetchval("SELECT state FROM core_redress_request") == "withdrawn"


async def test_a_line_given_on_its_page_is_undone_from_the_toast_until_it_is_handed_over(desk, send, forms):
    agent = await desk.signed_in("agent")
    filed = await desk.file("One.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    at = f"/cases/{filed.reference}/aspects/{aspect}/redress"
    given = await send(agent, at, at, kind="money", amount="20", currency="EUR", follow=True)
    line = await db.fetchval("SELECT id FROM core_redress")
    assert forms(given.text).has(f"/undo/redress/{line}")
    done = await agent.submit(f"/undo/redress/{line}", {}, page=at, follow=True)
    assert "taken back by a line of its own" in done.text
    assert await db.fetchval("SELECT sum(amount) FROM core_redress") == 0
    again = await agent.submit(f"/undo/redress/{line}", {}, page=at)
    assert again.status_code == 409
    await send(agent, at, at, kind="money", amount="30", currency="EUR")
    line = await db.fetchval("SELECT id FROM core_redress WHERE amount = 30")
    await _paying(line, "handed_over")
    refused = await agent.submit(f"/undo/redress/{line}", {}, page=at)
    assert refused.status_code == 409
    assert "handed over for payment" in refused.text
    waits = await send(agent, at, at, kind="money", amount="2000", currency="EUR", follow=True)
    assert "waits for a second person" in waits.text
    assert '/undo"' not in waits.text.split('id="toasts"')[1].split("</div>")[0]
