"""What comes in by a channel that fetches: taken once, joined to the case where it belongs, or kept for people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ombud.desk import intake
from ombud.desk.inbox import deciding, threads
from ombud.desk.merges import merge
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import enqueue_job
from ombud.trust import vault
from ombud_plugin_api import InboundMessage
from ombud_plugin_api.facts import Matter, PersonGiven, RawReceipt

HELENA = {"name": "Helena Marsh", "email": "helena@example.org"}
STRANGER = {"name": "Uwe Vogt", "email": "uwe@example.net"}


_BY_WIRE = "FROM core_message WHERE direction = 'in' AND channel = 'dummy-wire'"


async def _answered(case_id: Any, thread_id: str) -> Any:
    """A message of ours in the case, with this id."""
    sent = await db.fetchval(
        "INSERT INTO core_message (id, case_id, channel, direction, body, said_at, recorded_at) "
        "VALUES (gen_random_uuid(), $1, 'email', 'out', 'We look into it.', now(), now()) RETURNING id",
        case_id,
    )
    await threads.remember(sent, thread_id)
    return sent


async def _one(text: str) -> Any:
    row = await db.fetchrow("SELECT * FROM core_message WHERE body = $1 AND direction = 'in'", text)
    assert row is not None, f"nothing says {text!r}"
    return row


async def test_a_message_without_a_case_waits_in_the_inbox_with_its_deadline(wire: Any) -> None:
    await wire(STRANGER, "Where is my card?", id="a@x")
    row = await _one("Where is my card?")
    assert (row["case_id"], row["decision"], row["waits"]) == (None, "", True)
    assert (row["triage_due_at"] - row["said_at"]).total_seconds() == 24 * 3600
    steps = await db.fetch("SELECT step FROM core_intake_step WHERE state = 'done' ORDER BY step")
    assert [each["step"] for each in steps] == ["checked", "parsed", "placed", "stored"]
    assert row["unit_id"] is not None


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_an_answer_joins_by_any_id_of_its_chain(wire: Any, desk: Any, place: int) -> None:
    filed = await desk.file("The fee was taken twice.")
    await _answered(filed.case_id, "ours@desk")
    chain = ["x@elsewhere", "y@elsewhere"]
    chain.insert(place, "ours@desk")
    await wire(HELENA, "Here is the letter.", id="b@x", answers=chain)
    row = await _one("Here is the letter.")
    assert (row["case_id"], row["matched_by"], row["matched_with"]) == (filed.case_id, "thread", "ours@desk")
    assert row["waits"] is False


async def test_an_answer_joins_by_the_signed_token_of_its_address_and_by_no_other(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    token = threads.reply_token(filed.case_id)
    await wire(HELENA, "By token.", addresses=[f"Complaints+{token.upper()}@desk.test"])
    await wire(HELENA, "By a forged token.", addresses=[f"complaints+{'a' * 42}@desk.test"])
    assert (await _one("By token."))["matched_by"] == "token"
    assert (await _one("By a forged token."))["case_id"] is None


async def test_an_answer_joins_by_a_reference_in_what_its_sender_wrote(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await wire(HELENA, f"My case is {filed.reference.lower()}, please hurry.")
    row = await _one(f"My case is {filed.reference.lower()}, please hurry.")
    assert (row["case_id"], row["matched_by"], row["matched_with"]) == (filed.case_id, "reference", filed.reference)


async def test_a_reference_that_is_not_said_joins_nothing(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    reference = filed.reference
    wrong = reference[:-1] + ("2" if reference[-1] != "2" else "3")
    await wire(HELENA, "In a quote.", more={"quoted": f"> On Monday you wrote: {reference}"})
    await wire(HELENA, f"> {reference}\nIn a quoted line.")
    await wire(HELENA, f'<font color="#17346c" title="{reference}">In an attribute.</font>')
    await wire(HELENA, f"A wrong sign: {wrong}")
    await wire(HELENA, "Only a prefix.", more={"subject": "AW: WG: Re: Fwd: The fee was taken twice."})
    rows = await db.fetch(f"SELECT case_id, possible_case_id {_BY_WIRE}")
    assert len(rows) == 5
    assert {(row["case_id"], row["possible_case_id"]) for row in rows} == {(None, None)}


async def test_a_stranger_who_quotes_a_reference_or_answers_a_forwarded_mail_joins_nothing(
    wire: Any, desk: Any
) -> None:
    filed = await desk.file("The fee was taken twice.")
    await _answered(filed.case_id, "ours@desk")
    token = threads.reply_token(filed.case_id)
    await wire(STRANGER, f"I too have {filed.reference}.")
    await wire(STRANGER, "She forwarded your mail to me.", answers=["ours@desk"])
    await wire(STRANGER, "And your address.", addresses=[f"complaints+{token}@desk.test"])
    rows = await db.fetch(f"SELECT case_id, possible_case_id, possible_reason {_BY_WIRE} ORDER BY recorded_at")
    assert [tuple(row) for row in rows] == [
        (None, filed.case_id, "reference"), (None, filed.case_id, "thread"), (None, filed.case_id, "token"),
    ]  # fmt: skip


async def test_many_people_who_answer_one_newsletter_stay_apart(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await _answered(filed.case_id, "newsletter@desk")
    people = [{"name": f"Reader {n}", "email": f"reader{n}@example.net"} for n in range(5)]
    for each in people:
        await wire(each, f"{each['name']} says no.", id=f"{each['name'][-1]}@x", answers=["newsletter@desk"])
    await wire(people[0], "And once more.", answers=["1@x", "newsletter@desk"])
    rows = await db.fetch(f"SELECT case_id, person_id {_BY_WIRE}")
    assert {row["case_id"] for row in rows} == {None}
    assert len({row["person_id"] for row in rows}) == 6


async def test_whoever_is_spoken_of_and_a_representative_whose_time_is_over_join_nothing(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    for role, email, until in (
        ("complained_about", "clerk@example.net", None),
        ("representative", "late@example.net", "2020-01-01"),
        ("representative", "lawyer@example.net", "2999-01-01"),
    ):
        await db.execute(
            "WITH p AS (INSERT INTO core_person (id, name, email, created_at) "
            "VALUES (gen_random_uuid(), $2, $2, now()) RETURNING id) "
            "INSERT INTO core_party (id, case_id, person_id, role, authority, authority_until, created_at) "
            "SELECT gen_random_uuid(), $1, id, $3, 'letter', $4::text::date, now() FROM p",
            filed.case_id, email, role, until,
        )  # fmt: skip
        await wire({"name": "", "email": email.upper()}, f"From {email}: {filed.reference}")
    assert (await _one(f"From clerk@example.net: {filed.reference}"))["case_id"] is None
    assert (await _one(f"From late@example.net: {filed.reference}"))["case_id"] is None
    assert (await _one(f"From lawyer@example.net: {filed.reference}"))["case_id"] == filed.case_id


async def test_bytes_and_files_of_what_joins_belong_to_the_party_so_that_erasing_takes_them(
    wire: Any, desk: Any
) -> None:
    filed = await desk.file("The fee was taken twice.")
    document = {"name": "letter.txt", "content_type": "text/plain", "data": "aGVsbG8="}
    await wire(HELENA, f"Enclosed, {filed.reference}", more={"documents": [document]})
    row = await _one(f"Enclosed, {filed.reference}")
    party = await db.fetchval("SELECT person_id FROM core_party")
    assert row["person_id"] == party
    ids = await db.fetch(
        "SELECT vault_id FROM core_attachment WHERE message_id = $1 UNION SELECT vault_id FROM core_raw "
        "WHERE message_id = $1 AND case_id IS NOT NULL",
        row["id"],
    )
    clear = await vault.load_many([each["vault_id"] for each in ids])
    assert len(clear) == 2
    assert b"hello" in clear.values()
    await vault.destroy_subject(f"person/{party}")
    for each in ids:
        with pytest.raises(vault.Destroyed):
            await vault.load(each["vault_id"])
    await db.execute("UPDATE core_person SET erased_at = now() WHERE id = $1", party)
    columns = "body, subject, sender_name, sender_address"
    blank = await db.fetchrow(f"SELECT {columns} FROM core_message WHERE id = $1", row["id"])
    assert tuple(blank) == ("", "", "", "")


async def test_the_same_mail_by_another_mailbox_is_one_message_with_two_receipts(wire: Any) -> None:
    await wire(STRANGER, "Once.", id="a@x", more={"account": "one@desk.test"})
    await wire(STRANGER, "Once.", id="a@x", more={"account": "two@desk.test"})
    await wire(HELENA, "Once.", id="a@x", more={"account": "two@desk.test"})
    await wire(STRANGER, "Other words.", id="a@x")
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE body = 'Once.'") == 2
    assert await db.fetchval("SELECT count(*) FROM core_message") == 3
    copies = await db.fetch("SELECT account, message_id FROM core_message_copy")
    assert [each["account"] for each in copies] == ["two@desk.test"]
    assert await db.fetchval("SELECT count(*) FROM core_raw WHERE message_id = $1", copies[0]["message_id"]) == 2


async def test_a_customers_answer_to_a_closed_case_joins_opens_nothing_and_is_seen(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now()")
    await wire(HELENA, f"Not so fast: {filed.reference}")
    row = await _one(f"Not so fast: {filed.reference}")
    assert (row["case_id"], row["after_close"], row["waits"], row["read_at"]) == (filed.case_id, True, True, None)
    assert await db.fetchval("SELECT status FROM core_case") == "closed"


async def test_a_parent_that_comes_late_brings_its_answers_along(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await wire(HELENA, "Third.", id="3@x", answers=["2@x"])
    await wire(HELENA, "Second.", id="2@x", answers=["1@x"])
    assert (await _one("Third."))["case_id"] is None
    await wire(HELENA, f"First: {filed.reference}", id="1@x")
    for text in ("Second.", "Third."):
        row = await _one(text)
        assert (row["case_id"], row["matched_by"], row["waits"]) == (filed.case_id, "thread", False)
    people = await db.fetchval("SELECT count(*) FROM core_person")
    assert people == 1, "whoever turned out to be the party is one person"


async def test_every_message_that_comes_in_has_a_decision_or_waits_for_one(wire: Any, desk: Any) -> None:
    filed = await desk.file("The fee was taken twice.")
    await wire(HELENA, f"It is {filed.reference}")
    await wire(STRANGER, "Waiting.")
    undecided = await db.fetch(
        "SELECT body FROM core_message m WHERE direction = 'in' "
        "AND NOT EXISTS (SELECT 1 FROM core_triage t WHERE t.message_id = m.id)"
    )
    assert [each["body"] for each in undecided] == ["Waiting."]
    rules = await db.fetch("SELECT rule, decision FROM core_triage ORDER BY at")
    assert [tuple(each) for each in rules] == [("filed.api", "complaint"), ("joined.reference", "joined")]


async def test_an_answer_to_a_merged_case_goes_to_the_case_that_holds_it_and_back_when_that_is_undone(
    wire: Any, desk: Any
) -> None:
    first, second = await desk.file("The fee was taken twice."), await desk.file("The fee was taken three times.")
    leader = await desk.viewer("leader")
    merge_id = await merge.merge(leader, second.case_id, first.case_id, "The same fee.")
    await wire(HELENA, f"About {second.reference}", id="1@x")
    await wire(HELENA, "And once more.", answers=["1@x"])
    for text in (f"About {second.reference}", "And once more."):
        row = await _one(text)
        assert (row["case_id"], row["origin_case_id"]) == (first.case_id, second.case_id)
    await merge.undo(leader, merge_id)
    assert (await _one("And once more."))["case_id"] == second.case_id


async def test_a_mail_that_cannot_be_read_waits_with_its_sender_and_is_taken_when_it_is_tried_again(
    wire: Any, desk: Any
) -> None:
    body = b"From: =?utf-8?q?El=C5=BCbieta?= <ela@example.org>\r\nSubject: =?utf-9?B?x?=\r\n\r\n\x00\xff"
    receipt = await intake.receive(
        RawReceipt(channel="dummy-wire", key="bad", content_type="message/rfc822", body=body), principal="plugin/dummy"
    )
    await enqueue_job("intake.resume", {"raw": str(receipt.id)})
    await desk.work()
    leader = await desk.signed_in("leader")
    page = (await leader.get(f"/intake?open={receipt.id}")).text
    assert "Elżbieta" in page
    assert "=?utf-9?B?x?=" in page
    assert "this is no message of the wire" in page
    channel = next(each for each in running.loaded["dummy"].channels if each.key == "dummy-wire")
    channel.parse = lambda raw: InboundMessage(
        channel="dummy-wire", sender=PersonGiven(name="\ud800Ela\x00", email="ela@example.org"),
        text="Late\x00, but here.", subject="x" * 900, received_at=datetime(1066, 10, 14, tzinfo=UTC),
        said_at=datetime(1, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    await leader.submit(f"/intake/{receipt.id}/replay", {}, page="/intake")
    await desk.work()
    row = await _one("Late, but here.")
    assert (row["sender_name"], row["waits"], len(row["subject"])) == ("Ela", True, 500)
    assert row["said_at"].year > 2000, "a date that cannot be is the moment it was stored"
    assert "Elżbieta" not in (await leader.get("/intake")).text


async def test_the_case_is_found_first_and_the_queue_after_it(wire: Any, desk: Any) -> None:
    """A mailbox that several queues share puts nothing into a wrong one: an answer goes where its case is."""
    house = await db.fetchrow("SELECT id, key FROM core_unit")
    assert house is not None
    await db.execute(
        "INSERT INTO core_unit (id, parent_id, kind, key, name, time_zone, currency, language, created_at) "
        "VALUES (gen_random_uuid(), $1, 'team', 'north', 'North', 'UTC', 'EUR', 'en', now())",
        house["id"],
    )
    filed = await desk.file("The fee was taken twice.")
    queue = await db.fetchval("SELECT queue_id FROM core_case WHERE id = $1", filed.case_id)
    await wire(HELENA, f"About {filed.reference}: any news?", more={"unit": "north"})
    await wire(STRANGER, "Something new.", more={"unit": "north"})
    case = await db.fetchrow("SELECT queue_id, unit_id FROM core_case WHERE id = $1", filed.case_id)
    assert case is not None
    assert (case["queue_id"], case["unit_id"]) == (queue, house["id"])
    assert (await _one(f"About {filed.reference}: any news?"))["case_id"] == filed.case_id
    new = await db.fetchval("SELECT key FROM core_unit WHERE id = $1", (await _one("Something new."))["unit_id"])
    assert new == "north"


async def test_each_mailbox_has_its_queue_for_the_message_and_for_the_case_made_from_it(wire: Any, desk: Any) -> None:
    administrator = await desk.signed_in("administrator")
    path = "/administration/queues/new"
    given = {"key": "cards", "name": "Cards", "where": "desk", "account_more": "Cards@Firm.example", "active": "on"}
    given["step"] = "preview"
    refused = await administrator.submit(path, {**given, "account_more": "cards desk"}, page=path)
    assert "Write each mailbox or number as it is set up" in refused.text
    await administrator.submit(path, {**given, "step": ""}, page=path)
    queue = await db.fetchval("SELECT id FROM core_queue WHERE key = 'cards'")
    assert "Mailbox or number: cards@firm.example" in (await administrator.get("/administration/queues")).text
    await wire(STRANGER, "My card was eaten.", more={"account": "cards@firm.example"})
    await wire(STRANGER, "My loan is late.", more={"account": "loans@firm.example"})
    mine, other = await _one("My card was eaten."), await _one("My loan is late.")
    assert mine["queue_id"] == queue
    assert other["queue_id"] != queue
    viewer = await desk.viewer("agent")
    for message in (mine, other):
        unit = await db.fetchval("SELECT key FROM core_unit WHERE id = $1", message["unit_id"])
        matters = (Matter(text=message["body"]),)
        await deciding.open_case(viewer, message["id"], deciding.NewCase(unit, "complaint", "Ela", matters=matters))
    taken = {row["title"]: row["queue_id"] for row in await db.fetch("SELECT title, queue_id FROM core_case")}
    assert taken["My card was eaten."] == queue
    assert taken["My loan is late."] != queue
    seen = await administrator.submit(path, {**given, "key": "again", "account_more": "loans@firm.example"}, page=path)
    assert "1 open case would be here" in seen.text


async def test_a_message_is_read_once_when_it_comes_and_never_again_to_show_it(
    wire: Any, desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ombud_dummy.plugin as module

    await wire(STRANGER, "Many pictures.", more={"html": "<p>Many pictures.</p>"})
    message = (await _one("Many pictures."))["id"]

    def again(self: Any, raw: RawReceipt) -> Any:
        raise AssertionError("it was read again")

    monkeypatch.setattr(module.Wire, "parse", again)
    agent = await desk.signed_in("agent")
    for path in (f"/inbox?open={message}", f"/inbox/{message}/html", "/inbox"):
        assert (await agent.get(path)).status_code == 200
