"""A second person's approval, the final response, texts to begin with, macros, and what servers report."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases
from ombud.desk.errors import Changed, Invalid, NotNow
from ombud.desk.outgoing import deciding, listing, settling, templates, writing
from ombud.desk.outgoing.templates import TemplateGiven
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.redress import granting
from ombud.desk.redress.lines import RedressGiven
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import SYSTEM

WIRE = "dummy-wire"


@pytest.fixture
async def desk(desk_with_dummy: Any) -> Any:
    """Without acknowledgements, which would leave beside what a test sends."""
    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False}))
    return desk_with_dummy


def sent() -> list[Any]:
    import ombud_dummy.plugin as dummy

    return list(dummy.SENT.values())


def final(money: str = "42.00") -> str:
    """A letter that the gate lets pass, for a case with one aspect that is upheld."""
    return f"This is our answer. Your complaint is upheld, and we pay you €{money}."


async def state(identity: UUID) -> str:
    return str(await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", identity))


async def rules(**values: Any) -> None:
    await group_settings.change(SYSTEM, "outgoing", Change(values=values))


async def leave(desk: Any, identity: UUID) -> str:
    await db.execute(
        "UPDATE core_delivery SET available_at = available_at - interval '10 minutes' WHERE state = 'waiting'"
    )
    await db.execute("UPDATE core_outgoing SET leave_at = leave_at - interval '10 minutes' WHERE id = $1", identity)
    await desk.work()
    return await state(identity)


async def insert(browser: Any, forms: Any, path: str, **changes: Any) -> Any:
    """The button beside the box: it sends the box's form elsewhere."""
    fields = forms((await browser.get(path)).text).of(f"{path}/messages")
    return await browser.http.post(f"{path}/insert", data={**fields, **changes})


async def decided(desk: Any, *matters: str, money: str = "") -> Any:
    """A case whose every aspect is decided."""
    filed = await desk.file(*(matters or ("The fee was taken twice.",)))
    agent = await desk.viewer("agent")
    redress = (RedressGiven("money", Decimal(money), "EUR"),) if money else ()
    for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id):
        await aspects.decide_aspect(
            agent, row["id"], aspects.Decision("upheld", "It was our fault.", "", redress), None
        )
        redress = ()
    return filed


async def test_what_a_rule_names_waits_for_a_second_person_who_did_not_write_it(desk: Any, send: Any) -> None:
    await rules(approval_kinds=["status"])
    leader, filed = await desk.signed_in("leader"), await desk.file("The fee was taken twice.")
    mine = await writing.write(
        await desk.viewer("leader"), filed.case_id, Wanted("We look into it.", kind="status", channel=WIRE)
    )
    theirs = await writing.write(
        await desk.viewer("agent"), filed.case_id, Wanted("We are nearly done.", kind="status", channel=WIRE)
    )
    assert await leave(desk, theirs.id) == "waiting_approval"
    shown = (await leader.get("/outgoing?which=approval")).text
    assert "1 waits for your approval" in shown
    assert "The rules of the unit ask for a second person." in (await leader.get(f"/outgoing?open={theirs.id}")).text
    page = await send(leader, f"/outgoing?open={theirs.id}", f"/outgoing/{theirs.id}/approve")
    assert page.status_code == 303
    assert await state(theirs.id) == "held"
    assert await leave(desk, theirs.id) == "sent"
    assert [each.text for each in sent()] == ["We are nearly done."]
    own = await leader.get(f"/outgoing?open={mine.id}")
    assert "Somebody else must approve it." in own.text
    found = await listing.one(await desk.viewer("leader"), mine.id)
    with pytest.raises(NotNow, match="Somebody else must approve it"):
        await deciding.approve(await desk.viewer("leader"), mine.id, found.hash)
    agent = await desk.signed_in("agent")
    assert (await send(agent, "/me/password", "/sign-out")).status_code == 303
    again = await desk.signed_in("agent")
    token = await again.token("/queues")
    refused = await again.http.post(f"/outgoing/{mine.id}/approve", data={"_csrf": token, "hash": found.hash})
    assert refused.status_code == 403
    assert await state(mine.id) == "waiting_approval"


async def test_what_changed_after_it_was_shown_or_approved_does_not_leave(desk: Any) -> None:
    leader, agent, filed = await desk.viewer("leader"), await desk.viewer("agent"), await desk.file()
    written = await writing.write(agent, filed.case_id, Wanted("We are nearly done.", channel=WIRE, ask=True))
    shown = (await listing.one(leader, written.id)).hash
    await db.execute("UPDATE core_message SET body = 'Something else.' WHERE id = $1", written.id)
    with pytest.raises(Changed):
        await deciding.approve(leader, written.id, shown)
    await deciding.approve(leader, written.id, (await listing.one(leader, written.id)).hash)
    await db.execute("UPDATE core_message SET body = 'Something else again.' WHERE id = $1", written.id)
    assert await leave(desk, written.id) == "waiting_approval"
    assert sent() == []


async def test_what_is_sent_back_is_in_its_writers_box_with_the_reason(desk: Any, forms: Any) -> None:
    leader, agent, filed = await desk.viewer("leader"), await desk.signed_in("agent"), await desk.file()
    written = await writing.write(
        await desk.viewer("agent"), filed.case_id, Wanted("We are nearly done.", channel=WIRE, ask=True)
    )
    await deciding.reject(leader, written.id, "Name the day.")
    assert await state(written.id) == "cancelled"
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert "Leader: Name the day." in page
    assert forms(page).of(f"/cases/{filed.reference}/messages")["text"] == "We are nearly done."


async def test_a_final_response_is_issued_on_no_path_while_an_aspect_is_unanswered(
    desk: Any, send: Any, forms: Any
) -> None:
    filed = await desk.file("The fee was taken twice.", "Nobody called back.")
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    page = await send(
        agent, path, f"{path}/messages", kind="reply", letter="final_response", text="This is our answer.", channel=WIRE
    )
    assert page.status_code == 409
    assert "2 aspects have no outcome yet" in page.text
    api = await desk.api("agent")
    for channel in ("", "page", WIRE):
        answer = await api.post(
            f"/api/v1/cases/{filed.reference}/messages",
            json={"kind": "answer", "text": "This is our answer.", "letter": "final_response", "channel": channel},
        )
        assert answer.status_code == 409, answer.text
    inserted = await insert(agent, forms, path, insert="final_response")
    assert inserted.status_code == 409
    assert "No outcome yet: A, B" in inserted.text
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0


async def test_a_final_response_is_assembled_from_the_outcomes_in_order_and_waits_longer(
    desk: Any, send: Any, forms: Any
) -> None:
    filed = await decided(desk, "The fee was taken twice.", "Nobody called back.", money="42.00")
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    assert (await insert(agent, forms, path, insert="final_response")).status_code == 303
    assert (await send(agent, path, f"{path}/messages", channel=WIRE)).status_code == 303
    row = await db.fetchrow("SELECT id, kind, state, leave_at - created_at AS wait FROM core_outgoing")
    assert (row["kind"], row["state"], round(row["wait"].total_seconds())) == ("final_response", "held", 300)
    assert await leave(desk, row["id"]) == "sent"
    [message] = sent()
    assert message.subject == f"Our final response to your complaint {filed.reference}"
    first, second = message.text.index("A. The fee was taken twice."), message.text.index("B. Nobody called back.")
    assert first < message.text.index("€42.00") < second
    assert "Dear Helena Marsh," in message.text


async def test_the_next_step_is_to_write_the_final_response_before_the_case_is_closed(
    desk: Any, send: Any, forms: Any
) -> None:
    filed = await decided(desk, "The fee was taken twice.")
    await cases.take(await desk.viewer("agent"), filed.case_id)
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    page = (await agent.get(path)).text
    assert "Write the final response, then close the case." in page
    assert 'form="composer" name="insert" value="final_response"' in page
    assert 'name="status" value="closed"' in page  # told by word of mouth, it can be closed all the same
    assert (await insert(agent, forms, path, insert="final_response")).status_code == 303
    assert (await send(agent, path, f"{path}/messages", channel=WIRE)).status_code == 303
    assert "The final response is on its way. Close the case once it has left." in (await agent.get(path)).text
    assert await leave(desk, await db.fetchval("SELECT id FROM core_outgoing")) == "sent"
    page = (await agent.get(path)).text
    assert "The final response has left. Close the case." in page
    assert "<strong><span" in page  # what stands between stars is shown in bold, and counted as it was written
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    writer = await desk.viewer("agent")
    await aspects.reopen(await desk.viewer("leader"), aspect, "Look again.")
    await aspects.decide_aspect(writer, aspect, aspects.Decision("not_upheld", "It was right.", ""), None)
    assert "Write the final response, then close the case." in (await agent.get(path)).text


async def test_a_final_response_whose_outcome_changed_meanwhile_does_not_leave(desk: Any) -> None:
    filed = await decided(desk)
    agent = await desk.viewer("agent")
    written = await writing.write(agent, filed.case_id, Wanted(final(), kind="final_response", channel=WIRE))
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await granting.add_redress(agent, aspect, RedressGiven("money", Decimal("5.00"), "EUR"))
    assert await leave(desk, written.id) == "failed"
    assert sent() == []
    assert "changed after this was written" in await db.fetchval("SELECT detail FROM core_outgoing")
    await aspects.reopen(agent, aspect, "She sent a new letter.")
    with pytest.raises(NotNow):
        await writing.write(agent, filed.case_id, Wanted("Again.", kind="final_response", channel=WIRE))


@pytest.mark.parametrize(("money", "waits"), [("99.99", "held"), ("100.00", "waiting_approval")])
async def test_redress_from_a_limit_needs_a_second_person(desk: Any, money: str, waits: str) -> None:
    await rules(approval_from="100")
    filed = await decided(desk, money=money)
    written = await writing.write(
        await desk.viewer("agent"), filed.case_id, Wanted(final(money), kind="final_response", channel=WIRE)
    )
    assert written.state == waits


async def test_an_unsure_final_response_waits_for_a_person_however_long(desk: Any) -> None:
    import ombud_dummy.plugin as dummy

    filed = await decided(desk)
    written = await writing.write(
        await desk.viewer("agent"), filed.case_id, Wanted(final(), kind="final_response", channel=WIRE)
    )
    dummy.Line.says = "unsure"
    assert await leave(desk, written.id) == "unsure"
    dummy.SENT.clear()
    for _ in range(3):
        await db.execute("UPDATE core_outgoing SET sending_at = sending_at - interval '2 days', asked_at = NULL")
        from ombud.kernel.outbox import enqueue_job

        await enqueue_job("outgoing.sweep", {})
        await desk.work()
    assert await state(written.id) == "unsure"
    assert dummy.SENT == {}


async def test_a_text_that_asks_for_what_is_not_known_is_not_begun_and_names_it(
    desk: Any, send: Any, forms: Any
) -> None:
    leader = await desk.viewer("leader")
    saved = await templates.save(
        leader, "", TemplateGiven("Call us", "reply", "en", "Your complaint", "Call us on {{ firm.phone }}.")
    )
    filed, agent = await desk.file(), await desk.signed_in("agent")
    path = f"/cases/{filed.reference}"
    refused = await insert(agent, forms, path, insert="chosen", template=saved.key, text="Kept words")
    assert refused.status_code == 422
    assert "firm.phone" in refused.text
    assert "Kept words" in refused.text
    typed = await send(agent, path, f"{path}/messages", kind="reply", text="Call us on {{ firm.phone }}.")
    assert typed.status_code == 422
    assert "{{ firm.phone }}" in typed.text
    await db.execute("UPDATE core_unit SET phone = '0800 1'")
    await insert(agent, forms, path, insert="chosen", template=saved.key, text="Kept words")
    assert "Kept words\n\nCall us on 0800 1." in (await agent.get(path)).text


async def test_texts_have_versions_that_can_be_compared_and_go_out_of_use(desk: Any, send: Any) -> None:
    leader = await desk.signed_in("leader")
    key = "standard-reply-en"
    assert "As it came with Ombud" in (await leader.get(f"/templates/{key}")).text
    page = f"/templates/{key}"
    await send(leader, page, page, text="Dear {{ person.name }},\n\nThank you.")
    assert "version 1" in (await leader.get(page)).text
    older = (await leader.get(f"{page}?number=0")).text
    assert "<ins>Thank you.</ins>" in older
    stale = await send(leader, page, page, version="0", text="Stale words")
    assert stale.status_code == 409
    assert "Stale words" in stale.text
    looked = await send(leader, page, page, step="preview", text="Dear {{ nobody.name }}")
    assert "nobody" in looked.text
    wrong = await send(leader, page, page, text="Dear {{ person.name")
    assert wrong.status_code == 422
    await send(leader, page, f"{page}/retire")
    filed, agent = await desk.file(), await desk.signed_in("agent")
    assert f'value="{key}"' not in (await agent.get(f"/cases/{filed.reference}")).text
    assert (await agent.get("/templates")).status_code == 403


async def test_a_macro_is_looked_at_and_done_together_or_not_at_all(desk: Any, send: Any) -> None:
    from ombud.desk.outgoing import macros
    from ombud.desk.outgoing.macros import MacroGiven

    leader, agent = await desk.viewer("leader"), await desk.signed_in("agent")
    macro = await macros.save(
        leader, None, MacroGiven("Ask and raise", None, "standard-request-en", priority="high", owner="me")
    )
    filed = await desk.file()
    page = f"/cases/{filed.reference}/macros/{macro}"
    shown = (await agent.get(page)).text
    assert "Priority: high" in shown
    assert "The case is yours" in shown
    assert "we need something from you" in shown
    assert await db.fetchval("SELECT priority FROM core_case WHERE id = $1", filed.case_id) == "normal"
    empty = await send(agent, page, page, text=" ")
    assert empty.status_code == 422
    assert await db.fetchval("SELECT priority FROM core_case WHERE id = $1", filed.case_id) == "normal"
    assert (await send(agent, page, page, channel=WIRE)).status_code == 303
    row = await db.fetchrow("SELECT priority, owner_id FROM core_case WHERE id = $1", filed.case_id)
    assert (row["priority"], row["owner_id"]) == ("high", (await desk.viewer("agent")).user_id)
    assert await db.fetchval("SELECT kind FROM core_outgoing") == "request"
    closing = await macros.save(leader, None, MacroGiven("Thank and close", None, "standard-reply-en", close=True))
    other = await desk.file("Another thing.")
    page = f"/cases/{other.reference}/macros/{closing}"
    refused = await send(agent, page, page, channel=WIRE)
    assert refused.status_code == 422
    assert "no outcome yet" in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_outgoing WHERE case_id = $1", other.case_id) == 0


async def test_what_a_server_reports_shows_on_the_message(desk: Any) -> None:
    agent, filed = await desk.signed_in("agent"), await desk.file()
    written = await writing.write(await desk.viewer("agent"), filed.case_id, Wanted("We paid it back.", channel=WIRE))
    assert await leave(desk, written.id) == "sent"

    async def report(said: str, code: str, text: str) -> None:
        person = await db.fetchval("SELECT person_id FROM core_outgoing WHERE id = $1", written.id)
        sealed = {"text": Sealed(f"person/{person}", text)}
        body = {"message": str(written.id), "state": said, "code": code}
        async with db.transaction():
            entry = NewEntry(f"case/{filed.case_id}", "message.delivery_reported", body, sealed)
            await append(actor="system", entries=[entry])
        await desk.work()

    await report("delivered", "2.0.0", "queued")
    assert "Sent by Wire, delivered" in (await agent.get(f"/cases/{filed.reference}")).text
    await report("delayed", "4.0.0", "came late")
    assert "Sent by Wire, delivered" in (await agent.get(f"/cases/{filed.reference}")).text
    await report("bounced", "5.1.1", "no such mailbox")
    page = (await agent.get(f"/cases/{filed.reference}")).text
    assert "Came back undelivered (Wire)" in page
    assert "no such mailbox" in page
    assert filed.reference in (await agent.get("/outgoing?which=failed")).text
    case = f"/cases/{filed.reference}"
    assert "Send again" not in page, "the same address would refuse it again"
    assert (await agent.submit(f"/outgoing/{written.id}/again", {}, page=case)).status_code == 303
    assert filed.reference not in (await agent.get("/outgoing?which=failed")).text
    page = (await agent.get(case)).text
    assert "We paid it back.</textarea>" in page
    assert "Write it again" not in page
    assert (await agent.submit(f"/outgoing/{written.id}/again", {}, page=case)).status_code == 303
    assert "This message needs nothing more." in (await agent.get(case)).text


async def test_what_failed_stands_in_its_list_until_somebody_says_why_nothing_more_is_to_be_done(desk: Any) -> None:
    agent, filed = await desk.signed_in("agent"), await desk.file()
    written = await writing.write(await desk.viewer("agent"), filed.case_id, Wanted("We paid it back.", channel=WIRE))
    await db.execute(
        "UPDATE core_outgoing SET state = 'failed', attempts = 1, leave_at = NULL WHERE id = $1", written.id
    )
    case = f"/cases/{filed.reference}"
    page = (await agent.get(case)).text
    assert "Send again" in page
    assert "Write it again" in page
    await agent.submit(f"/outgoing/{written.id}/done", {"why": ""}, page=case)
    assert filed.reference in (await agent.get("/outgoing?which=failed")).text
    await agent.submit(f"/outgoing/{written.id}/done", {"why": "She was told by phone."}, page=case)
    assert filed.reference not in (await agent.get("/outgoing?which=failed")).text
    leader = await desk.signed_in("leader")
    assert "saw to a message that had not arrived" in (await leader.get(f"{case}/history")).text


async def test_the_api_sends_by_a_named_way_and_says_how_a_message_stands(desk: Any) -> None:
    api, filed = await desk.api("agent"), await desk.file()
    address = f"/api/v1/cases/{filed.reference}/messages"
    made = (await api.post(address, json={"kind": "answer", "text": "We paid.", "channel": WIRE})).json()
    assert made["state"] == "held"
    at_once = (await api.post(address, json={"kind": "answer", "text": "On your page."})).json()
    assert at_once["state"] == "sent"
    unknown = await api.post(address, json={"kind": "answer", "text": "We paid.", "channel": "pigeon"})
    assert unknown.status_code == 422
    stands = {each["text"]: (each["way"], each["state"]) for each in (await api.get(address)).json()["items"]}
    assert stands["We paid."] == (WIRE, "held")
    assert stands["On your page."] == ("page", "sent")
    assert await leave(desk, UUID(made["id"])) == "sent"


async def test_only_those_who_speak_for_the_complaint_and_can_be_reached_are_written_to(desk: Any) -> None:
    agent, filed = await desk.viewer("agent"), await desk.file()
    await db.execute("UPDATE core_person SET email = ''")
    with pytest.raises(Invalid, match="no e-mail address"):
        await writing.write(agent, filed.case_id, Wanted("We paid it back.", channel=WIRE))
    stranger = await desk.file(name="Leon Dudek")
    other = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", stranger.case_id)
    with pytest.raises(Invalid, match="does not speak for the complaint"):
        await writing.write(agent, filed.case_id, Wanted("We paid it back.", recipient=other))


async def test_erasing_a_person_stops_what_has_not_left_and_forgets_the_address(desk: Any) -> None:
    agent, filed = await desk.viewer("agent"), await desk.file()
    written = await writing.write(agent, filed.case_id, Wanted("We paid it back.", channel=WIRE))
    await db.execute("UPDATE core_person SET erased_at = now() WHERE id = (SELECT person_id FROM core_outgoing)")
    assert await leave(desk, written.id) == "cancelled"
    assert await db.fetchval("SELECT recipient FROM core_outgoing") == {}
    assert sent() == []


async def test_a_closed_case_takes_back_and_put_off_keep_to_their_rights(desk: Any) -> None:
    agent, filed = await desk.viewer("agent"), await decided(desk)
    written = await writing.write(agent, filed.case_id, Wanted("We paid it back.", channel=WIRE))
    quality = await desk.viewer("quality")
    from ombud.desk.errors import NotAllowed

    with pytest.raises(NotAllowed):
        await settling.take_back(quality, written.id)
    await cases.close(agent, filed.case_id)
    assert await settling.take_back(agent, written.id) == filed.case_id
    with pytest.raises(NotNow):
        await settling.take_back(agent, written.id)
