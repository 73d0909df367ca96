"""Cases that become one, and two again: nothing is lost, no clock is delayed, nobody reads what is not theirs."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, cases, customers, messages
from ombud.desk.aspects import Decision, RedressGiven
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotNow
from ombud.desk.files import file
from ombud.desk.merges.merge import merge, undo
from ombud.desk.merges.split import split
from ombud.desk.trail.timeline import Said
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify
from ombud_plugin_api.facts import Document, Filed


async def holds() -> None:
    assert (await verify()).broken == ""


async def titles(case_id: UUID) -> list[str]:
    rows = await db.fetch("SELECT text FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    return [row["text"] for row in rows]


async def said(case_id: UUID) -> list[str]:
    rows = await db.fetch("SELECT body FROM core_message WHERE case_id = $1 ORDER BY said_at, id", case_id)
    return [row["body"] for row in rows]


async def test_a_merge_moves_everything_and_undoing_it_brings_everything_back(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", "Nobody called back.")
    two = await stage.file("The letter was rude.")
    agent = await stage.person("agent")
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 1", one.case_id)
    money = RedressGiven("money", Decimal("25.00"), "GBP", "for the fee")
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was.", "", (money,)), None)
    done = await merge(agent, one.case_id, two.case_id, "The same letter, sent twice.")
    await holds()
    assert await titles(two.case_id) == ["The letter was rude.", "The fee was taken twice.", "Nobody called back."]
    assert await titles(one.case_id) == []
    row = await db.fetchrow("SELECT * FROM core_case WHERE id = $1", one.case_id)
    assert row is not None
    assert (row["status"], row["merged_into"]) == ("closed", two.case_id)
    await messages.write(agent, two.case_id, "note", "We wait for the branch.")
    assert await undo(agent, done) == one.reference
    await holds()
    assert await titles(one.case_id) == ["The fee was taken twice.", "Nobody called back."]
    assert await titles(two.case_id) == ["The letter was rude."]
    assert "We wait for the branch." in await said(two.case_id)
    assert await db.fetchval("SELECT status FROM core_case WHERE id = $1", one.case_id) == "new"


async def test_the_clock_of_both_runs_from_what_came_first_and_goes_back_with_the_undoing(stage: Any) -> None:
    early = await stage.file("The fee was taken twice.")
    late = await stage.file("It was taken a third time.")
    agent = await stage.person("agent")
    await db.execute(
        "UPDATE core_case SET received_at = received_at - interval '9 days', received_on = received_on - 9, "
        "due_at = due_at - interval '9 days' WHERE id = $1",
        early.case_id,
    )
    clock = "SELECT received_at, received_on, due_at FROM core_case WHERE id = $1"
    before, later = await db.fetchrow(clock, early.case_id), await db.fetchrow(clock, late.case_id)
    done = await merge(agent, early.case_id, late.case_id, "The same fee.")
    assert await db.fetchrow(clock, late.case_id) == before
    await undo(agent, done)
    assert await db.fetchrow(clock, late.case_id) == later


def token(filed: Filed) -> str:
    return filed.track_url.rsplit("/", 1)[1]


async def test_a_link_of_either_case_shows_both_where_the_same_person_complains(stage: Any) -> None:
    one, two = await stage.file("The fee was taken twice."), await stage.file("The letter was rude.")
    agent = await stage.person("agent")
    done = await merge(agent, one.case_id, two.case_id, "Sent twice.")
    for each in (one, two):
        seen = await customers.follow(token(each))
        assert [aspect.text for aspect in seen.aspects] == ["The letter was rude.", "The fee was taken twice."]
        assert (seen.reference, seen.status) == (each.reference, "new")
    await customers.say(token(one), "And once more.", "k1")
    assert "And once more." in await said(two.case_id)
    await undo(agent, done)
    assert "And once more." in await said(one.case_id)
    assert [aspect.text for aspect in (await customers.follow(token(two))).aspects] == ["The letter was rude."]


async def test_a_link_shows_a_stranger_nothing_of_the_case_that_was_merged_with_theirs(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", email="ann@example.org", phone="")
    two = await stage.file("The letter was rude.", name="Jan Kowal", email="jan@example.org", phone="")
    agent = await stage.person("agent")
    await merge(agent, one.case_id, two.case_id, "One account.", other_people=True)
    await customers.say(token(one), "What now?", "k1")
    ann, jan = await customers.follow(token(one)), await customers.follow(token(two))
    assert [aspect.text for aspect in ann.aspects] == ["The fee was taken twice."]
    assert [aspect.text for aspect in jan.aspects] == ["The letter was rude."]
    assert [each.body for each in ann.messages] == ["The fee was taken twice.", "What now?"]
    assert [each.body for each in jan.messages] == ["The letter was rude."]
    assert "rude" not in repr(ann)
    assert "fee" not in repr(jan)


async def test_two_people_who_merge_in_opposite_directions_lose_neither_case(stage: Any) -> None:
    one, two = await stage.file("The fee was taken twice."), await stage.file("The letter was rude.")
    agent = await stage.person("agent")
    await merge(agent, one.case_id, two.case_id, "Sent twice.")
    with pytest.raises(NotNow, match="merged into a third one"):
        await merge(agent, two.case_id, one.case_id, "Sent twice.")
    assert await db.fetchval("SELECT merged_into FROM core_case WHERE id = $1", two.case_id) is None


async def test_a_case_goes_into_no_chain_that_leads_back_to_it(stage: Any) -> None:
    a, b, c = [await stage.file(each) for each in ("One.", "Two.", "Three.")]
    agent = await stage.person("agent")
    inner = await merge(agent, a.case_id, b.case_id, "Sent twice.")
    outer = await merge(agent, b.case_id, c.case_id, "Sent twice.")
    with pytest.raises(NotNow, match="merged into a third one"):
        await merge(agent, c.case_id, a.case_id, "Sent twice.")
    with pytest.raises(NotNow, match="Undo that merge first"):
        await undo(agent, inner)
    await undo(agent, outer)
    await undo(agent, inner)
    await holds()
    assert [await titles(each.case_id) for each in (a, b, c)] == [["One."], ["Two."], ["Three."]]


async def test_different_complainants_are_merged_only_by_whoever_says_so(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", email="ann@example.org", phone="")
    two = await stage.file("The letter was rude.", name="Jan Kowal", email="jan@example.org")
    agent = await stage.person("agent")
    with pytest.raises(Invalid, match="Different people complain"):
        await merge(agent, one.case_id, two.case_id, "Sent twice.")
    assert await titles(one.case_id) == ["The fee was taken twice."]
    await merge(agent, one.case_id, two.case_id, "Husband and wife, one account.", other_people=True)
    assert len(await titles(two.case_id)) == 2


async def test_a_merged_case_takes_no_change_and_names_where_to_work(stage: Any) -> None:
    one, two = await stage.file("The fee was taken twice."), await stage.file("The letter was rude.")
    agent, leader = await stage.person("agent"), await stage.person("leader")
    await merge(agent, one.case_id, two.case_id, "Sent twice.")
    with pytest.raises(NotNow, match="merged into another one"):
        await cases.reopen(leader, one.case_id, "Why not.")
    with pytest.raises(NotNow, match="merged into another one"):
        await messages.write(agent, one.case_id, "note", "Here?")


async def test_the_reason_of_a_decision_is_still_proved_after_its_aspect_moved(stage: Any) -> None:
    one, two = await stage.file("The fee was taken twice."), await stage.file("The letter was rude.")
    agent = await stage.person("agent")
    first = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", one.case_id)
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was."), None)
    await merge(agent, one.case_id, two.case_id, "Sent twice.")
    await holds()
    await db.execute("UPDATE core_aspect SET reason = 'It was not.' WHERE id = $1", first)
    assert "the reason is not the one its entry sealed" in (await verify()).broken


async def test_a_split_keeps_the_customer_the_clock_and_every_word_and_file(stage: Any) -> None:
    paper = Document(name="bill.txt", content_type="text/plain", data=b"Twice 20.")
    one = await stage.file("The fee was taken twice.", "The letter was rude.", documents=(paper,))
    agent = await stage.person("agent")
    _, letter = await aspect_ids(one.case_id)
    mine = await messages.write(agent, one.case_id, "note", "About the letter only.", aspect_ids=[letter])
    reference = await split(agent, one.case_id, [letter], "Another team answers for letters.")
    await holds()
    old = await case_page(agent, one.reference)
    new = await case_page(agent, reference)
    assert [each.title for each in old.aspects] == ["The fee was taken twice."]
    assert [each.title for each in new.aspects] == ["The letter was rude."]
    assert (new.case.received_at, new.case.due_at) == (old.case.received_at, old.case.due_at)
    assert [each.name for each in new.parties] == [each.name for each in old.parties] == ["Helena Marsh"]
    told = [each for each in new.entries if isinstance(each, Said)]
    assert mine in [each.id for each in told]
    assert mine not in [each.id for each in old.entries if isinstance(each, Said)]
    assert any("The fee was taken twice." in each.text and each.files[0].name == "bill.txt" for each in told)
    found = await file(agent, told[0].files[0].id)
    assert found.data == b"Twice 20."
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE body LIKE '%fee%'") == 1


async def test_the_customers_link_still_shows_all_their_matters_after_a_split(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", "The letter was rude.")
    agent = await stage.person("agent")
    fee, letter = await aspect_ids(one.case_id)
    await split(agent, one.case_id, [letter], "Another team.")
    await aspects.decide_aspect(agent, fee, Decision("upheld", "It was."), None)
    seen = await customers.follow(token(one))
    assert [each.text for each in seen.aspects] == ["The fee was taken twice.", "The letter was rude."]
    assert [each.state for each in seen.aspects] == ["decided", "received"]
    assert seen.status == "new"


async def test_a_split_off_case_can_be_merged_back(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", "The letter was rude.")
    agent = await stage.person("agent")
    _, letter = await aspect_ids(one.case_id)
    reference = await split(agent, one.case_id, [letter], "Another team.")
    other = await db.fetchval("SELECT id FROM core_case WHERE reference = $1", reference)
    await merge(agent, other, one.case_id, "It belongs together after all.")
    await holds()
    assert await titles(one.case_id) == ["The fee was taken twice.", "The letter was rude."]
    page = await case_page(agent, one.reference)
    assert len([each for each in page.entries if isinstance(each, Said)]) == 1


async def test_nothing_goes_on_by_itself_where_nothing_or_everything_is_chosen(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", "The letter was rude.")
    agent = await stage.person("agent")
    both = await aspect_ids(one.case_id)
    for chosen in ([], both):
        with pytest.raises(Invalid):
            await split(agent, one.case_id, chosen, "Why not.")
    assert await aspect_ids(one.case_id) == both


async def test_a_shared_message_stays_hidden_from_whom_an_aspect_of_either_case_is_about(stage: Any) -> None:
    one = await stage.file("The fee was taken twice.", "The clerk was rude.")
    agent, clerk, leader = (
        await stage.person("agent"),
        await stage.person("clerk", "agent"),
        await stage.person("leader"),
    )
    fee, rude = await aspect_ids(one.case_id)
    await aspects.concern(leader, rude, clerk.user_id)
    for chosen in (fee, rude):
        reference = await split(agent, one.case_id, [chosen], "Another team.")
        for each in (one.reference, reference):  # what they said of both matters at once speaks of the clerk
            page = await case_page(clerk, each)
            assert not [entry for entry in page.entries if isinstance(entry, Said)], (chosen, each)
        other = await db.fetchval("SELECT id FROM core_case WHERE reference = $1", reference)
        await merge(agent, other, one.case_id, "Back.")


async def aspect_ids(case_id: UUID) -> list[UUID]:
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    return [row["id"] for row in rows]
