"""Deciding one aspect, taking it back, redress, and matters about a member of staff."""

from decimal import Decimal

from ombud.desk.aspects import Decision, decide_aspect
from ombud.kernel.database import db

REASON = "The fee was taken twice by a double run."


async def _aspects(desk, *matters: str):
    filed = await desk.file(*(matters or ("The fee was taken twice.", "Nobody called back.")))
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    path = f"/cases/{filed.reference}"
    return path, filed, [f"{path}/aspects/{row['id']}" for row in rows], [row["id"] for row in rows]


async def test_each_aspect_is_decided_by_itself_and_the_case_then_closes(desk, send):
    agent = await desk.signed_in("agent")
    path, filed, (first, second), _ = await _aspects(desk)
    done = await send(
        agent, f"{first}/decide", f"{first}/decide", outcome="upheld", reason=REASON, cause="system_fault",
        redress_kind=["money", "apology"], redress_amount=["42,50", ""], redress_currency=["EUR", "EUR"],
        note="Refund by hand.", follow=True,
    )  # fmt: skip
    assert "Aspect A is decided" in done.text
    assert "€42.50" in done.text
    assert "Refund by hand." in done.text
    await send(agent, f"{second}/decide", f"{second}/decide", outcome="not_upheld", reason="We called on 3 May.")
    closed = await send(agent, path, f"{path}/status", status="closed", follow=True)
    assert "The case is closed." in closed.text
    row = await db.fetchrow("SELECT status, closed_at FROM core_case WHERE id = $1", filed.case_id)
    assert row["status"] == "closed"
    lines = await db.fetch("SELECT kind, amount FROM core_redress ORDER BY created_at, id")
    assert [(line["kind"], line["amount"]) for line in lines] == [("money", Decimal("42.5000")), ("apology", None)]


async def test_a_matter_without_a_category_gets_one_on_the_form_that_decides_it(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (first, _), (aspect, _) = await _aspects(desk)
    await db.execute("UPDATE core_aspect SET category = '' WHERE id = $1", aspect)
    asks = "returns to regulators count the matter by it"
    assert asks in (await agent.get(f"{first}/decide")).text
    await send(agent, f"{first}/decide", f"{first}/decide", outcome="upheld", reason=REASON, category="fees")
    assert await db.fetchval("SELECT category FROM core_aspect WHERE id = $1", aspect) == "fees"
    await db.execute("UPDATE core_aspect SET status = 'open', outcome = '' WHERE id = $1", aspect)
    assert asks not in (await agent.get(f"{first}/decide")).text


async def test_a_refused_decision_keeps_every_word_says_what_is_missing_and_stays_as_a_draft(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, _, (first, _), _ = await _aspects(desk)
    refused = await send(
        agent, f"{first}/decide", f"{first}/decide", outcome="", reason=REASON, note="Mind the tone",
        redress_kind="money", redress_amount="a lot", redress_currency="PLN",
    )  # fmt: skip
    assert refused.status_code == 422
    assert "Choose an outcome." in refused.text
    for form in (
        forms(refused.text).of(f"{first}/decide"),
        forms((await agent.get(f"{first}/decide")).text).of(f"{first}/decide"),
    ):
        assert form["reason"] == REASON
        assert form["note"] == "Mind the tone"
        assert form["redress_amount"] == "a lot"
        assert form["redress_currency"] == "PLN"
    amount = await send(agent, f"{first}/decide", f"{first}/decide", outcome="upheld")
    assert amount.status_code == 422
    assert "Give an amount above zero" in amount.text


async def test_another_line_of_redress_is_added_without_a_script_and_nothing_is_decided(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, filed, (first, _), _ = await _aspects(desk)
    more = await send(
        agent,
        f"{first}/decide",
        f"{first}/decide",
        step="add",
        reason="So far",
        redress_kind="money",
        redress_amount="5",
    )
    form = forms(more.text).of(f"{first}/decide")
    assert form["redress_amount"] == ["5", ""]
    assert form["reason"] == "So far"
    assert await db.fetchval("SELECT aspects_closed FROM core_case WHERE id = $1", filed.case_id) == 0


async def test_two_people_decide_at_once_and_the_second_sees_both_decisions(desk, forms):
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    _, _, (first, _), (identity, _) = await _aspects(desk)
    mine = forms((await agent.get(f"{first}/decide")).text).of(f"{first}/decide")
    await decide_aspect(leader, identity, Decision("not_upheld", "It was the contract."), None)
    second = await agent.http.post(f"{first}/decide", data={**mine, "outcome": "upheld", "reason": REASON})
    assert second.status_code == 409
    for words in (REASON, "It was the contract.", "Leader changed this while you were writing", "Not upheld"):
        assert words in second.text
    assert await db.fetchval("SELECT outcome FROM core_aspect WHERE id = $1", identity) == "not_upheld"
    drafted = await db.fetchval("SELECT body->>'reason' FROM core_draft WHERE purpose = $1", f"decision:{identity}")
    assert drafted == REASON


async def test_htmx_gets_the_form_alone_and_is_sent_on_after_the_decision(desk, forms):
    agent = await desk.signed_in("agent")
    path, _, (first, _), _ = await _aspects(desk)
    part = await agent.get(f"{first}/decide", headers={"HX-Request": "true", "HX-Target": "dialog-body"})
    assert "<html" not in part.text
    form = {**forms(part.text).of(f"{first}/decide"), "outcome": "upheld", "reason": ""}
    headers = {"HX-Request": "true", "HX-Target": "decide"}
    refused = await agent.http.post(f"{first}/decide", data=form, headers=headers)
    assert refused.status_code == 422
    assert "<html" not in refused.text
    assert 'id="decide"' in refused.text
    done = await agent.http.post(f"{first}/decide", data={**form, "reason": REASON}, headers=headers)
    assert done.status_code == 200
    assert done.headers["hx-redirect"] == path


async def test_a_decision_is_taken_back_with_a_reason_and_its_redress_line_by_line(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (first, _), (identity, _) = await _aspects(desk)
    await send(
        agent,
        f"{first}/decide",
        f"{first}/decide",
        outcome="upheld",
        reason=REASON,
        redress_kind="money",
        redress_amount="42",
    )
    line = await db.fetchval("SELECT id FROM core_redress")
    back = f"{first}/redress/{line}/reverse"
    part = f"{first}/redress"
    assert (await send(agent, part, back, reason="")).status_code == 422
    assert (await send(agent, part, back, reason="Paid twice.")).status_code == 303
    twice = await agent.submit(back, {"reason": "Again."}, page=part)
    assert twice.status_code == 409
    assert "no such standing line" in twice.text
    unreasoned = await send(agent, first, f"{first}/reopen", reason=" ")
    assert unreasoned.status_code == 422
    await send(agent, first, f"{first}/reopen", reason="New evidence came.")
    assert await db.fetchval("SELECT status FROM core_aspect WHERE id = $1", identity) == "open"
    assert await db.fetchval("SELECT sum(amount) FROM core_redress") == 0


async def test_redress_is_added_after_the_decision_too(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, _, (first, _), _ = await _aspects(desk)
    await send(agent, f"{first}/decide", f"{first}/decide", outcome="upheld", reason=REASON)
    wrong = await send(
        agent, f"{first}/redress", f"{first}/redress", kind="money", amount="1.234", currency="EUR", note="Kept words"
    )
    assert wrong.status_code == 422
    assert "Round the amount" in wrong.text
    assert forms(wrong.text).of(f"{first}/redress")["note"] == "Kept words"
    assert (
        await send(agent, f"{first}/redress", f"{first}/redress", kind="money", amount="1.23", currency="EUR")
    ).status_code == 303


async def test_an_aspect_about_a_member_of_staff_is_hidden_from_them_at_once(desk, send):
    leader, agent = await desk.signed_in("leader"), await desk.signed_in("agent")
    agent_id = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    path, _, (first, _), _ = await _aspects(desk, "The clerk was rude to me.", "The fee is wrong.")
    await send(leader, first, f"{first}/concerns", concerns=str(agent_id))
    assert "About a member of staff" in (await leader.get(path)).text
    theirs = (await agent.get(path)).text
    assert "rude" not in theirs
    assert "The fee is wrong." in theirs
    for hidden in (first, f"{first}/decide", f"{first}/redress"):
        assert (await agent.get(hidden)).status_code == 404
    refused = await agent.submit(f"{first}/owner", {"version": "1", "owner": str(agent_id)}, page=path)
    assert refused.status_code == 404
    not_to_them = await send(leader, first, f"{first}/owner", owner=str(agent_id))
    assert not_to_them.status_code == 422
    assert "cannot take this aspect" in not_to_them.text


async def test_details_of_an_aspect_change_with_the_version_seen(desk, send, forms):
    agent = await desk.signed_in("agent")
    _, _, (first, _), (identity, _) = await _aspects(desk)
    stale = forms((await agent.get(first)).text).of(f"{first}/change")
    await send(agent, first, f"{first}/change", title="A double fee", severity="3", due="2030-01-31")
    row = await db.fetchrow("SELECT title, severity, due_at::text AS due FROM core_aspect WHERE id = $1", identity)
    assert (row["title"], row["severity"], row["due"][:19]) == ("A double fee", 3, "2030-01-31 23:59:59")
    clash = await agent.http.post(f"{first}/change", data={**stale, "title": "Mine"})
    assert clash.status_code == 409
    assert "A double fee" in clash.text
    assert forms(clash.text).of(f"{first}/change")["title"] == "Mine"
    wrong = await send(agent, first, f"{first}/change", due="soon")
    assert wrong.status_code == 422
    assert "Write it like 2026-11-23" in wrong.text


async def test_an_aspect_of_another_case_is_not_there(desk):
    agent = await desk.signed_in("agent")
    path, _, _, _ = await _aspects(desk)
    _, _, (foreign, _), (identity, _) = await _aspects(desk)
    assert (await agent.get(f"{path}/aspects/{identity}")).status_code == 404
    assert (await agent.get(foreign)).status_code == 200
