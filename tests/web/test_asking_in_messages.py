"""Evidence asked for in a reply: in the register with the message, waiting with it, and gone with it."""

import json

from ombud.desk.administration import protocols as setup
from ombud.desk.administration.protocols import ItemGiven
from ombud.desk.matters import protocols
from ombud.desk.outgoing import settling
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

TEXT = "Please send us two things."


async def _case(desk, *matters):
    filed = await desk.file(*(matters or ("The fee was taken twice.", "A rude call.")))
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    return f"/cases/{filed.reference}", filed, [row["id"] for row in rows]


def _lines(*lines):
    """The fields of the box for lines (what, of, by, aspect)."""
    columns = list(zip(*lines, strict=True))
    names = ("ask_what", "ask_of", "ask_by", "ask_for")
    fields = {name: [str(each) for each in column] for name, column in zip(names, columns, strict=True)}
    return {**fields, "ask_need": [""] * len(lines)}


async def _registered():
    rows = await db.fetch("SELECT * FROM core_evidence ORDER BY created_at, id")
    return [(row["aspect_id"], row["what"], row["asked_of"], str(row["due_on"] or ""), row["state"]) for row in rows]


async def test_what_a_reply_asks_for_is_in_the_registers_with_it_and_stands_below_it(desk, send):
    agent = await desk.signed_in("agent")
    path, _, (first, second) = await _case(desk)
    shown = (await agent.get(path)).text
    assert "Ask for evidence" in shown
    lines = _lines(
        ("The statement of May", "Helena Marsh", "2026-12-01", first), ("", "Helena Marsh", "", ""),
        ("The recording", "The telephone company", "", second),
    )  # fmt: skip
    done = await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, **lines)
    assert done.status_code == 303
    assert await _registered() == [
        (first, "The statement of May", "Helena Marsh", "2026-12-01", "asked"),
        (second, "The recording", "The telephone company", "", "asked"),
    ]
    message = await db.fetchval("SELECT id FROM core_message WHERE body = $1", TEXT)
    assert {row["message_id"] for row in await db.fetch("SELECT message_id FROM core_evidence")} == {message}
    one = await db.fetchval("SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM core_evidence "
                            "UNION ALL SELECT xmin FROM core_outgoing) made")  # fmt: skip
    assert one == 1, "one commit wrote all of it"
    page = (await agent.get(path)).text
    assert f'href="{path}/aspects/{first}/evidence#evidence-' in page
    assert "asked for evidence on aspect B" in page
    register = (await agent.get(f"{path}/aspects/{first}/evidence")).text
    assert "Asked for once the message leaves" in register
    await db.execute("UPDATE core_outgoing SET leave_at = now() - interval '1 hour'")
    await db.execute("UPDATE core_delivery SET available_at = now() - interval '1 hour' WHERE state = 'waiting'")
    await desk.work()
    assert await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", message) == "sent"
    register = (await agent.get(f"{path}/aspects/{first}/evidence")).text
    assert "Asked for once" not in register
    assert "The message that asked" in register
    entries = await db.fetchval("SELECT string_agg(body::text, '') FROM core_ledger_entry WHERE kind LIKE 'evidence.%'")
    assert "recording" not in entries


async def test_a_line_without_of_whom_or_for_which_aspect_sends_nothing_and_is_kept(desk, send, forms):
    agent = await desk.signed_in("agent")
    path, _, (first, _) = await _case(desk)
    for line, why in (
        (("The statement", "", "", first), "of whom you ask"),
        (("The statement", "Helena", "", ""), "Choose the aspect"),
        (("The statement", "Helena", "soon", first), "not a date"),
        (("", "Helena", "2026-12-01", first), "Say what you ask for"),
    ):
        refused = await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, **_lines(line))
        assert refused.status_code == 422
        assert why in refused.text
        fields = forms(refused.text).of(f"{path}/messages")
        assert (fields["ask_what"][0], fields["ask_by"][0]) == (line[0], line[2])
    assert await _registered() == []
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0


async def test_an_aspect_of_another_case_or_about_me_is_asked_nothing_for(desk, send):
    agent = await desk.signed_in("agent")
    path, _, (_, second) = await _case(desk)
    _, _, (strange, _) = await _case(desk)
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE id = $2",
                     (await desk.viewer("agent")).user_id, second)  # fmt: skip
    for aspect in (strange, second):
        lines = _lines(("The statement", "Helena", "", aspect))
        refused = await agent.submit(f"{path}/messages", {"kind": "reply", "text": TEXT, **lines}, page=path)
        assert refused.status_code == 422
    assert await _registered() == []


async def test_a_note_asks_for_nothing(desk, send):
    agent = await desk.signed_in("agent")
    path, _, (first, _) = await _case(desk)
    lines = _lines(("The statement", "Helena", "", first))
    await send(agent, path, f"{path}/messages", kind="note", text="For us alone.", **lines)
    assert await _registered() == []


async def test_what_waits_for_approval_is_not_late_and_goes_when_it_is_sent_back(desk, send, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    path, _, (first, _) = await _case(desk)
    lines = _lines(("The statement", "Helena Marsh", "2020-01-02", first))
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, ask="on", **lines)
    message = await db.fetchval("SELECT id FROM core_outgoing")
    register = (await agent.get(f"{path}/aspects/{first}/evidence")).text
    assert "Asked for once the message is approved" in register
    assert "Late" not in register
    waits = (await leader.get(f"/outgoing?which=approval&open={message}")).text
    assert "The statement" in waits, "whoever approves sees what it asks for"
    await send(leader, f"/outgoing?which=approval&open={message}", f"/outgoing/{message}/reject", reason="Too harsh")
    assert [each[-1] for each in await _registered()] == ["withdrawn"]
    assert "Not asked for after all" in (await agent.get(f"{path}/aspects/{first}/evidence")).text
    page = (await agent.get(path)).text
    assert "is not asked for after all" in page
    fields = forms(page).of(f"{path}/messages")
    assert (fields["ask_what"][0], fields["ask_by"][0], fields["ask_for"]) == (
        "The statement", "2020-01-02", str(first),
    )  # fmt: skip
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, ask="", leave_on="", leave_at="")
    assert [each[-1] for each in await _registered()] == ["withdrawn", "asked"]


async def test_what_came_meanwhile_stays_received_when_its_message_is_taken_back(desk, send):
    agent = await desk.signed_in("agent")
    path, _, (first, second) = await _case(desk)
    lines = _lines(("The statement", "Helena", "", first), ("The recording", "Helena", "", second))
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, **lines)
    line = await db.fetchval("SELECT id FROM core_evidence WHERE aspect_id = $1", first)
    register = f"{path}/aspects/{first}/evidence"
    await send(agent, register, f"{register}/{line}/received")
    message = await db.fetchval("SELECT id FROM core_outgoing")
    await send(agent, path, f"/outgoing/{message}/back")
    assert {each[1]: each[-1] for each in await _registered()} == {
        "The statement": "received", "The recording": "withdrawn",
    }  # fmt: skip
    register = f"{path}/aspects/{second}/evidence"
    line = await db.fetchval("SELECT id FROM core_evidence WHERE aspect_id = $1", second)
    await send(agent, register, f"{register}/{line}/again")
    row = await db.fetchrow("SELECT state, message_id FROM core_evidence WHERE id = $1", line)
    assert (row["state"], row["message_id"]) == ("asked", None), "it is asked for anew, by no message"


async def test_a_message_that_failed_and_is_given_up_asks_for_nothing_any_more(desk, send):
    agent = await desk.signed_in("agent")
    path, _, (first, _) = await _case(desk)
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, **_lines(("It", "Helena", "", first)))
    message = await db.fetchval("SELECT id FROM core_outgoing")
    await db.execute("UPDATE core_outgoing SET state = 'failed', leave_at = NULL WHERE id = $1", message)
    assert "Its message did not arrive" in (await agent.get(f"{path}/aspects/{first}/evidence")).text
    await settling.see_to(await desk.viewer("agent"), message, "Reached by phone")
    assert [each[-1] for each in await _registered()] == ["withdrawn"]


async def test_what_the_protocol_asks_for_is_ticked_and_counts_only_while_it_is_asked_for(desk, send, forms):
    agent = await desk.signed_in("agent")
    path, _, (first, second) = await _case(desk)
    await setup.add(SYSTEM, "Everything", "", None, [ItemGiven("Look")], [ItemGiven("The statement")])
    [need] = (await protocols.plan(first)).evidence
    offered = (await agent.get(f"{path}/asks", headers={"hx-request": "true"})).text
    tick = f"{first}|{need.key}|The statement"
    assert f'name="ask_tick" value="{tick}"' in offered
    assert f'name="ask_tick" value="{second}|{need.key}|The statement"' in offered
    assert "Evidence to ask for" in (await agent.get(f"{path}/asks")).text
    ticked = {"ask_tick": tick, "ask_tick_of": "Helena Marsh", "ask_tick_by": "2026-12-24"}
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, **ticked)
    assert await _registered() == [(first, "The statement", "Helena Marsh", "2026-12-24", "asked")]
    assert await db.fetchval("SELECT need FROM core_evidence") == need.key
    assert f'value="{tick}"' not in (await agent.get(f"{path}/asks", headers={"hx-request": "true"})).text
    await send(agent, path, f"/outgoing/{await db.fetchval('SELECT id FROM core_outgoing')}/back")
    assert f'value="{tick}"' in (await agent.get(f"{path}/asks", headers={"hx-request": "true"})).text


async def test_a_draft_keeps_what_it_asks_for_and_sending_twice_asks_once(desk, send, forms):
    agent = await desk.signed_in("agent")
    path, _, (first, _) = await _case(desk)
    lines = _lines(("Pages 1, 2 and 3", "Helena Marsh", "2026-12-01", first))
    fields = {**forms((await agent.get(path)).text).of(f"{path}/messages"), "text": TEXT, **lines}
    await agent.submit(f"{path}/draft", fields, page=path)
    draft = await db.fetchval("SELECT body FROM core_draft")
    assert json.loads(draft["asks"])[0]["what"] == "Pages 1, 2 and 3"
    kept = forms((await agent.get(path)).text).of(f"{path}/messages")
    assert kept["ask_what"] == ["Pages 1, 2 and 3", "", ""]
    for _ in range(2):
        await agent.submit(f"{path}/messages", {**kept, "text": TEXT}, page=path)
    assert len(await _registered()) == 1


async def test_an_unsent_reading_role_sees_no_lines_to_fill(desk):
    path, *_ = await _case(desk)
    reader = await desk.signed_in("quality")
    assert "ask_what" not in (await reader.get(path)).text
    assert (await reader.get(f"{path}/asks")).status_code == 403


async def test_with_approval_by_rule_the_lines_wait_too(desk, send):
    agent = await desk.signed_in("agent")
    await group_settings.change(SYSTEM, "outgoing", Change(values={"approval_kinds": ["request"]}))
    path, _, (first, _) = await _case(desk)
    lines = _lines(("The statement", "Helena", "", first))
    await send(agent, path, f"{path}/messages", kind="reply", text=TEXT, letter="request", **lines)
    assert await db.fetchval("SELECT state FROM core_outgoing") == "waiting_approval"
    assert "once the message is approved" in (await agent.get(f"{path}/aspects/{first}/evidence")).text
