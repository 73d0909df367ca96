"""What machines send is recognised and shown; it joins, opens and reopens nothing, and none of it is lost."""

from typing import Any

from ombud.desk.inbox import threads
from ombud.kernel.database import db
from ombud.trust import group_settings as settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

HELENA = {"name": "Helena Marsh", "email": "helena@example.org"}
AWAY = {"automatic": {"kind": "auto_reply", "reason": "Auto-Submitted: auto-replied"}}


async def _sent(case_id: Any, thread_id: str) -> Any:
    sent = await db.fetchval(
        "INSERT INTO core_message (id, case_id, channel, direction, body, said_at, recorded_at) "
        "VALUES (gen_random_uuid(), $1, 'email', 'out', 'We look into it.', now(), now()) RETURNING id",
        case_id,
    )
    await threads.remember(sent, thread_id)
    return sent


async def _row(text: str) -> Any:
    return await db.fetchrow("SELECT * FROM core_message WHERE body = $1 AND direction = 'in'", text)


async def test_an_out_of_office_reopens_nothing_and_is_not_the_customers_last_word(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await _sent(filed.case_id, "ours@desk")
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now()")
    await desk.work()
    state = "SELECT status, closed_at, last_word_at, last_word_channel FROM core_case"
    before = await db.fetchrow(state)
    await wire(HELENA, "I am away until Monday.", answers=["ours@desk"], more=AWAY)
    assert tuple(await db.fetchrow(state)) == tuple(before)
    row = await _row("I am away until Monday.")
    assert (row["robot"], row["case_id"], row["possible_case_id"]) == ("auto_reply", None, filed.case_id)
    rule = await db.fetchrow("SELECT decision, reason, rule, actor FROM core_triage WHERE message_id = $1", row["id"])
    assert tuple(rule) == ("not_complaint", "answer_of_machine", "robot.auto_reply", "system")
    agent = await desk.signed_in("agent")
    assert "I am away until Monday." in (await agent.get("/inbox?show=robots")).text
    one = (await agent.get(f"/inbox?show=robots&open={row['id']}")).text
    assert "Auto-Submitted: auto-replied" in one
    assert "but a machine wrote it" in one


async def test_a_person_may_add_what_a_machine_wrote_and_it_is_still_no_last_word(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await wire(HELENA, "I am away.", more=AWAY)
    last = await db.fetchval("SELECT last_word_at FROM core_case")
    row = await _row("I am away.")
    assert row["waits"], "an automatic answer to nothing of ours waits for a person"
    agent = await desk.signed_in("agent")
    to = {"reference": filed.reference}
    await agent.submit(f"/inbox/{row['id']}/join", to, page=f"/inbox?open={row['id']}")
    assert (await _row("I am away."))["case_id"] == filed.case_id
    assert await db.fetchval("SELECT last_word_at FROM core_case") == last


async def test_a_delivery_report_is_written_on_the_message_that_it_speaks_of(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    sent = await _sent(filed.case_id, "ours@desk")
    report = {"about": "ours@desk", "state": "bounced", "recipient": "helena@example.org", "code": "5.1.1",
              "text": "No such user"}  # fmt: skip
    more = {"automatic": {"kind": "bounce", "reason": "multipart/report"}, "reports": [report]}
    await wire({"name": "Mail Delivery System"}, "It came back.", answers=["ours@desk"], more=more)
    entry = await db.fetchrow("SELECT * FROM core_ledger_entry WHERE kind = 'message.delivery_reported'")
    assert entry["stream"] == f"case/{filed.case_id}"
    assert entry["body"] == {"message": str(sent), "state": "bounced", "code": "5.1.1"}
    assert "helena" not in str(entry["body"])
    row = await _row("It came back.")
    assert (row["waits"], row["decision"]) == (False, "not_complaint")


async def test_what_names_no_sender_and_what_comes_from_ourselves_is_no_persons(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.", email="complaints@desk.test")
    here = {"account": "complaints@desk.test"}
    to = ["complaints@desk.test"]
    await wire({"name": ""}, "Nobody wrote this.", addresses=to, more=here)
    await wire({"name": "Us", "email": "Complaints@desk.test"}, f"Our own: {filed.reference}", addresses=to, more=here)
    token = threads.reply_token(filed.case_id)
    await wire({"name": "Us", "email": f"complaints+{token}@desk.test"}, "By our own token.", addresses=["x@desk.test"])
    kinds = {row["body"]: row["robot"] for row in await db.fetch("SELECT body, robot FROM core_message")}
    assert kinds["Nobody wrote this."] == "no_sender"
    assert kinds[f"Our own: {filed.reference}"] == "loop"
    assert kinds["By our own token."] == "loop"
    assert (await _row(f"Our own: {filed.reference}"))["case_id"] is None
    await wire({"name": ""}, "A letter without a sender.")
    assert (await _row("A letter without a sender."))["robot"] == ""


async def test_a_flood_of_one_sender_is_held_back_shown_and_let_in_by_a_person(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    administrator = await desk.signed_in("administrator")
    assert "Messages of one sender" in (await administrator.get("/settings/inbox")).text
    await settings.change(SYSTEM, "inbox", Change({"most_per_hour": 3}), None)
    for n in range(5):
        await wire(HELENA, f"{filed.reference}, message {n}", more={"received_at": f"2026-11-20T08:0{n}:00Z"})
    for n in reversed(range(5)):
        backwards = {"received_at": f"2026-11-20T08:0{n}:00Z"}
        await wire({"name": "Uwe", "email": "uwe@example.net"}, f"Backwards {n}", more=backwards)
    await wire(HELENA, f"{filed.reference}, two hours later", more={"received_at": "2026-11-20T10:30:00Z"})
    held = await db.fetch("SELECT body, case_id, waits FROM core_message WHERE held = 'flood' ORDER BY said_at")
    assert [row["body"] for row in held] == [
        "Backwards 0", "Backwards 1", f"{filed.reference}, message 3", f"{filed.reference}, message 4",
    ]  # fmt: skip
    assert {row["case_id"] for row in held} == {None}
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE case_id IS NOT NULL AND channel = 'dummy-wire' "
                             "AND direction = 'in'") == 4  # fmt: skip
    agent = await desk.signed_in("agent")
    assert "message 3" not in (await agent.get("/inbox")).text
    shown = (await agent.get("/inbox?show=held")).text
    assert "message 3" in shown
    ids = await db.fetch("SELECT id FROM core_message WHERE held <> ''")
    many = {"step": "release", "message": [str(row["id"]) for row in ids], "back": "show=held"}
    assert (await agent.submit("/inbox/many", many, page="/inbox?show=held")).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE held <> ''") == 0
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE case_id = $1 AND channel = 'dummy-wire' "
                             "AND direction = 'in'", filed.case_id) == 6  # fmt: skip


async def test_machines_are_set_aside_together_and_one_of_them_can_be_taken_back(wire: Any, desk: Any) -> None:
    for n in range(3):
        newsletter = {"automatic": {"kind": "list", "reason": "List-Id: news"}}
        await wire({"name": "News", "email": "news@example.net"}, f"Buy {n}", more=newsletter)
    agent = await desk.signed_in("agent")
    assert "Nothing to decide" in (await agent.get("/inbox")).text
    ids = [str(row["id"]) for row in await db.fetch("SELECT id FROM core_message")]
    await agent.submit("/inbox/many", {"step": "machine", "message": ids}, page="/inbox?show=robots")
    assert await db.fetchval("SELECT count(*) FROM core_triage WHERE reason = 'machine'") == 3
    await agent.submit(f"/inbox/{ids[0]}/undo", {}, page="/inbox?show=robots")
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE waits") == 1
