"""A message is written, is taken back or leaves by the plugin's way, says how it stands; nothing goes twice unseen."""

import asyncio
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from ombud.desk.outgoing import sending, writing
from ombud.desk.outgoing.writing import Wanted
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.delivery import Runner
from ombud.kernel.ids import new_id
from ombud.kernel.outbox import enqueue_job
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM

WIRE = "dummy-wire"


@pytest.fixture
async def desk(desk_with_dummy: Any) -> Any:
    """Without acknowledgements, which would leave beside what a test sends."""
    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False}))
    return desk_with_dummy


def module() -> Any:
    import ombud_dummy.plugin as dummy

    return dummy


async def state(identity: UUID) -> str:
    return str(await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", identity))


async def pass_on(seconds: float = 40) -> None:
    """As if so much time had passed: what waits in the background is due, and so are the messages."""
    await db.execute(
        "UPDATE core_delivery SET available_at = available_at - make_interval(secs => $1) WHERE state = 'waiting'",
        seconds,
    )
    await db.execute("UPDATE core_outgoing SET leave_at = leave_at - make_interval(secs => $1)", seconds)


async def write(desk: Any, viewer: Any, **more: Any) -> Any:
    filed = more.pop("filed", None) or await desk.file("The fee was taken twice.")
    return await writing.write(viewer, filed.case_id, Wanted(**{"text": "We paid it back.", "channel": WIRE, **more}))


async def leave(desk: Any, identity: UUID) -> str:
    await pass_on()
    await desk.work()
    return await state(identity)


async def test_a_message_waits_half_a_minute_leaves_once_and_the_case_says_so(desk: Any, send: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    answer = await send(
        agent, path, f"{path}/messages", kind="reply", text="We paid it back.", channel=WIRE, subject="Your fee"
    )
    assert answer.status_code == 303
    page = (await agent.get(path)).text
    assert "Leaves by Wire" in page
    assert "It leaves in 30 seconds." in page
    await desk.work()
    assert module().SENT == {}
    await pass_on()
    await desk.work()
    [message] = module().SENT.values()
    assert (message.subject, message.text, message.recipient.email) == (
        "Your fee", "We paid it back.", "helena@example.org",
    )  # fmt: skip
    assert (message.reference, message.kind, message.robot) == (filed.reference, "reply", False)
    assert message.html == "<p>We paid it back.</p>"
    assert message.thread.id == f"{message.id.hex}@desk.test"
    assert "Sent by Wire" in (await agent.get(path)).text
    await desk.work()
    assert len(module().HANDED) == 1


async def test_an_answer_leaves_from_where_the_customer_wrote_to_last(desk: Any, send: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    rows = (("cards@firm.example", WIRE, 2), ("loans@firm.example", WIRE, 1), ("other@firm.example", "other", 3))
    for account, channel, minutes in rows:
        await db.execute(
            "INSERT INTO core_message "
            "(id, case_id, person_id, channel, direction, body, said_at, recorded_at, account) "
            "SELECT gen_random_uuid(), case_id, person_id, $2, 'in', 'And again.', "
            "now() + $3 * interval '1 minute', now(), $4 FROM core_party WHERE case_id = $1",
            filed.case_id, channel, minutes, account,
        )  # fmt: skip
    path = f"/cases/{filed.reference}"
    await send(agent, path, f"{path}/messages", kind="reply", text="We look.", channel=WIRE, subject="Your fee")
    await pass_on()
    await desk.work()
    [message] = module().SENT.values()
    assert message.account == "cards@firm.example"


async def test_a_message_taken_back_does_not_leave_and_its_text_is_in_the_box_again(
    desk: Any, send: Any, forms: Any
) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    await send(agent, path, f"{path}/messages", kind="reply", text="Dear Ms Marsh", channel=WIRE, subject="Fee")
    identity = await db.fetchval("SELECT id FROM core_outgoing")
    answer = await send(agent, path, f"/outgoing/{identity}/back")
    assert answer.status_code == 303
    assert await leave(desk, identity) == "cancelled"
    assert module().SENT == {}
    shown = (await agent.get(path)).text
    box = forms(shown).of(f"{path}/messages")
    assert (box["text"], box["subject"], box["channel"]) == ("Dear Ms Marsh", "Fee", WIRE)
    assert "A message was taken back before it left" in shown
    late = await agent.http.post(f"/outgoing/{identity}/back", data={"_csrf": box["_csrf"]}, follow_redirects=True)
    assert "The message was taken back." in late.text


async def test_a_message_on_the_customers_page_shows_there_only_when_it_left(desk: Any) -> None:
    from ombud.desk import customers

    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    written = await write(desk, agent, filed=filed, channel="page")
    token = filed.track_url.rpartition("/")[2]
    assert [each.body for each in (await customers.follow(token)).messages if each.from_us] == []
    assert await leave(desk, written.id) == "sent"
    assert [each.body for each in (await customers.follow(token)).messages if each.from_us] == ["We paid it back."]


@pytest.mark.parametrize(
    ("says", "becomes", "said"),
    [
        ("refuse", "failed", "the wire knows no such place"),
        ("away", "intended", "the wire is away on purpose"),
        ("misconfigured", "intended", "the wire has no name"),
        ("unsure", "unsure", ""),
        ("raise", "unsure", "the dummy fails on purpose"),
    ],
)
async def test_what_the_deliverer_says_decides(desk: Any, says: str, becomes: str, said: str) -> None:
    written = await write(desk, await desk.viewer("agent"))
    module().Line.says = says
    assert await leave(desk, written.id) == becomes
    row = await db.fetchrow("SELECT detail, trouble FROM core_outgoing WHERE id = $1", written.id)
    assert said in row["detail"]
    assert row["trouble"] == {"away": "transient", "misconfigured": "misconfigured"}.get(says, "")


async def test_what_waits_for_a_setting_is_shown_to_administrators_and_leaves_when_it_is_corrected(desk: Any) -> None:
    written = await write(desk, await desk.viewer("agent"))
    module().Line.says = "misconfigured"
    assert await leave(desk, written.id) == "intended"
    administrator = await desk.signed_in("administrator")
    page = (await administrator.get("/administration/health")).text
    assert "1 outgoing messages wait until a way out is set up" in page
    module().Line.says = "fine"
    await group_settings.change(SYSTEM, "p-dummy", Change(values={"greeting": "Hello again"}))
    await desk.work()
    assert await state(written.id) == "sent"


async def test_what_certainly_did_not_go_is_tried_again_with_growing_pauses(desk: Any) -> None:
    written = await write(desk, await desk.viewer("agent"))
    module().Line.says = "away"
    pauses = []
    for _ in range(3):
        await pass_on(200)
        await desk.work()
        leaves = await db.fetchval("SELECT leave_at FROM core_outgoing WHERE id = $1", written.id)
        pauses.append(round((leaves - now()).total_seconds(), -1))
    assert pauses == [10, 30, 120]
    module().Line.says = "fine"
    await pass_on(200)
    await desk.work()
    assert await state(written.id) == "sent"
    assert len(module().HANDED) == 4
    assert len(set(module().HANDED)) == 1


async def test_one_that_died_after_writing_is_unsure_and_is_settled_by_what_the_deliverer_knows(desk: Any) -> None:
    written = await write(desk, await desk.viewer("agent"))
    module().Line.says = "dies after writing"
    assert await leave(desk, written.id) == "unsure"
    await pass_on(7200)
    await desk.work()
    assert len(module().HANDED) == 1
    await settling_asks(desk, written.id)
    assert await state(written.id) == "sent"
    assert len(module().HANDED) == 1


async def settling_asks(desk: Any, identity: UUID) -> None:
    await db.execute("UPDATE core_outgoing SET sending_at = sending_at - interval '1 hour' WHERE id = $1", identity)
    await enqueue_job(sending.SWEEP, {})
    await desk.work()


async def test_a_process_that_ends_while_it_sends_leaves_doubt_and_nothing_goes_again(desk: Any) -> None:
    """The delivery runs again after its process died, and does not call the deliverer again."""
    written = await write(desk, await desk.viewer("agent"), kind="reply")
    await pass_on()
    module().Line.says = "hang"
    row = await db.fetchrow("SELECT id FROM core_delivery WHERE subscriber = 'job/outgoing.send'")
    dying = asyncio.create_task(Runner(new_id()).run(row["id"]))
    while not module().HANDED:
        await asyncio.sleep(0.01)
    assert await state(written.id) == "sending"
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await db.execute(
        "UPDATE core_delivery SET state = 'waiting', locked_by = NULL, available_at = now() WHERE id = $1", row["id"]
    )
    module().Line.says = "fine"
    await desk.work()
    assert await state(written.id) == "unsure"
    assert len(module().HANDED) == 1
    module().SENT.clear()
    await settling_asks(desk, written.id)
    assert await state(written.id) == "unsure"
    assert len(module().HANDED) == 1


async def test_a_person_ends_the_doubt_with_a_reason(desk: Any, send: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    for event, becomes in (("arrived", "sent"), ("give_up", "failed"), ("again", "sent")):
        written = await write(desk, await desk.viewer("agent"), filed=filed)
        module().Line.says = "unsure"
        assert await leave(desk, written.id) == "unsure"
        assert "Not certain whether it arrived by Wire" in (await agent.get(path)).text
        module().Line.says = "fine"
        silent = await send(agent, path, f"/outgoing/{written.id}/settle", event=event, why=" ")
        assert silent.status_code == 303
        assert await state(written.id) == "unsure"
        await send(agent, path, f"/outgoing/{written.id}/settle", event=event, why="She called and said so.")
        await desk.work()
        assert await state(written.id) == becomes, event


async def test_a_message_for_later_leaves_at_its_time_in_the_units_zone(desk: Any, send: Any, forms: Any) -> None:
    await db.execute("UPDATE core_unit SET time_zone = 'Europe/Warsaw'")
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    day = (now() + timedelta(days=2)).astimezone(ZoneInfo("Europe/Warsaw")).date()
    typed = {"kind": "reply", "text": "We call you tomorrow.", "channel": WIRE}
    gone = await send(agent, path, f"{path}/messages", **typed, leave_on="2020-01-01", leave_at="09:30")
    assert (gone.status_code, "still to come" in gone.text) == (422, True)
    await send(agent, path, f"{path}/messages", **typed, leave_on=day.isoformat(), leave_at="09:30")
    row = await db.fetchrow("SELECT state, leave_at FROM core_outgoing")
    assert row is not None
    at = datetime.combine(day, time(9, 30), ZoneInfo("Europe/Warsaw"))
    assert (row["state"], row["leave_at"]) == ("scheduled", at)
    await desk.work()
    assert module().SENT == {}
    await pass_on(3 * 24 * 3600)
    await desk.work()
    assert [each.text for each in module().SENT.values()] == ["We call you tomorrow."]
