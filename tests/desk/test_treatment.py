from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects, case_links, cases, intake, messages, people, support
from ombud.desk.aspects import Decision
from ombud.desk.colleagues import drafts
from ombud.desk.errors import Changed, Invalid, NotAllowed, NotFound, NotNow
from ombud.desk.redress import granting
from ombud.desk.redress.lines import RedressGiven, checked_redress
from ombud.kernel.database import db
from ombud.trust.ledger_verify import verify
from ombud_plugin_api.facts import Complaint, Matter, PersonGiven, RawReceipt


async def aspect_ids(case_id: UUID) -> list[UUID]:
    return [
        row["id"] for row in await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", case_id)
    ]


async def case_row(case_id: UUID) -> Any:
    return await db.fetchrow("SELECT * FROM core_case WHERE id = $1", case_id)


async def holds() -> None:
    report = await verify(None, lambda done, total: None)
    assert not report.broken, report.broken


async def test_a_case_closes_only_when_each_aspect_has_an_outcome_and_a_reason(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.", "The clerk was rude.")
    first, second = await aspect_ids(filed.case_id)
    await cases.take(agent, filed.case_id)
    assert (await case_row(filed.case_id))["status"] == "in_progress"
    await aspects.decide_aspect(agent, first, Decision("upheld", "Two fees were booked.", "system_fault"), 1)
    with pytest.raises(NotNow, match="One aspect has no outcome"):
        await cases.close(agent, filed.case_id)
    await aspects.decide_aspect(agent, second, Decision("not_upheld", "The recording shows no rudeness."), 1)
    assert (await case_row(filed.case_id))["status"] == "resolved"
    await cases.close(agent, filed.case_id)
    row = await case_row(filed.case_id)
    assert (row["status"], row["closed_at"] is not None) == ("closed", True)
    with pytest.raises(NotNow, match="Reopen it first"):
        await aspects.reopen(agent, first, "A new statement came in.")
    await holds()


async def test_an_outcome_without_a_reason_is_refused_and_changes_nothing(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    with pytest.raises(Invalid) as refused:
        await aspects.decide_aspect(agent, only, Decision("upheld", "  "), 1)
    assert refused.value.field == "reason"
    with pytest.raises(Invalid, match="outcome"):
        await aspects.decide_aspect(agent, only, Decision("splendid", "Because."), 1)
    assert await db.fetchval("SELECT status FROM core_aspect WHERE id = $1", only) == "open"


async def test_money_is_given_exactly_and_a_line_is_reversed_by_another(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    lines = (RedressGiven("money", Decimal("42.10"), "eur", "the second fee"), RedressGiven("apology"))
    await aspects.decide_aspect(agent, only, Decision("upheld", "Booked twice.", "system_fault", lines), 1)
    line = await db.fetchval("SELECT id FROM core_redress WHERE kind = 'money'")
    await granting.reverse_redress(agent, only, line, "It went to the wrong account.")
    rows = await db.fetch("SELECT amount, currency FROM core_redress WHERE kind = 'money' ORDER BY created_at")
    assert [(row["amount"], row["currency"]) for row in rows] == [(Decimal("42.1"), "EUR"), (Decimal("-42.1"), "EUR")]
    with pytest.raises(NotNow):
        await granting.reverse_redress(agent, only, line, "Once more.")
    await holds()


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (RedressGiven("money", Decimal("0"), "EUR"), "redress.0.amount"),
        (RedressGiven("money", Decimal("1.005"), "EUR"), "redress.0.amount"),
        (RedressGiven("money", Decimal("1.5"), "JPY"), "redress.0.amount"),
        (RedressGiven("money", Decimal("NaN"), "EUR"), "redress.0.amount"),
        (RedressGiven("money", None, "EUR"), "redress.0.amount"),
        (RedressGiven("money", Decimal("5"), "EURO"), "redress.0.currency"),
        (RedressGiven("cake"), "redress.0.kind"),
    ],
)
def test_redress_that_cannot_be_paid_is_refused_by_name(desk_settings: Any, line: RedressGiven, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_redress(line)
    assert refused.value.field == field


@pytest.fixture
def desk_settings(tmp_path: Any) -> None:
    from ombud.config import load
    from ombud.process import run_with

    run_with(load(data=tmp_path, environ={}))


async def test_a_change_made_on_an_older_version_shows_both_sides_and_loses_nothing(desk: Any) -> None:
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    await aspects.change(leader, only, {"title": "Fee booked twice in October"}, 1)
    with pytest.raises(Changed) as conflict:
        await aspects.change(agent, only, {"title": "Double fee"}, 1)
    assert conflict.value.theirs == {"title": "Fee booked twice in October"}
    assert conflict.value.yours == {"title": "Double fee"}
    assert await aspects.change(agent, only, {"title": "Double fee"}, conflict.value.version) == 3


async def test_two_agents_who_take_one_case_at_once_do_not_both_get_it(desk: Any) -> None:
    one, other = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    await cases.take(one, filed.case_id)
    with pytest.raises(NotNow, match="Somebody else"):
        await cases.take(other, filed.case_id)
    await cases.take(one, filed.case_id)
    assert (await case_row(filed.case_id))["owner_id"] == one.user_id


async def test_a_complaint_about_a_member_of_staff_is_never_routed_to_that_person(desk: Any) -> None:
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.", "Agent was rude to me.")
    _, about_agent = await aspect_ids(filed.case_id)
    await aspects.assign(leader, about_agent, agent.user_id)
    await aspects.concern(leader, about_agent, agent.user_id)
    assert await db.fetchval("SELECT owner_id FROM core_aspect WHERE id = $1", about_agent) is None
    with pytest.raises(Invalid):
        await aspects.assign(leader, about_agent, agent.user_id)
    with pytest.raises(Invalid):
        await cases.assign(leader, filed.case_id, agent.user_id)
    with pytest.raises(Invalid):
        await cases.take(agent, filed.case_id)
    with pytest.raises(NotFound):
        await aspects.decide_aspect(agent, about_agent, Decision("not_upheld", "I was polite."), None)
    await holds()


async def test_whoever_an_aspect_is_about_gets_no_link_that_shows_it(desk: Any) -> None:
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.", "Agent was rude to me.")
    await aspects.concern(leader, (await aspect_ids(filed.case_id))[1], agent.user_id)
    with pytest.raises(NotAllowed):
        await case_links.make(agent, filed.case_id)
    assert "/track/" in await case_links.make(leader, filed.case_id)


async def test_roles_decide_who_may_do_what_and_units_where(desk: Any) -> None:
    quality, admin = await desk.viewer("quality"), await desk.viewer("administrator")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    for viewer in (quality, admin):
        with pytest.raises(NotAllowed):
            await cases.take(viewer, filed.case_id)
        with pytest.raises(NotAllowed):
            await aspects.decide_aspect(viewer, only, Decision("upheld", "Yes."), 1)


async def test_a_confidential_case_is_not_there_for_those_without_the_right(desk: Any) -> None:
    agent, compliance = await desk.viewer("agent"), await desk.viewer("compliance")
    filed = await desk.file("A whistle is blown.")
    await cases.set_confidential(compliance, filed.case_id, True, 1)
    with pytest.raises(NotFound):
        await cases.take(agent, filed.case_id)
    with pytest.raises(NotFound):
        await messages.write(agent, filed.case_id, "note", "I should not get here.")
    await holds()


async def test_aspects_change_places_and_the_order_before_stays_in_the_history(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("First.", "Second.", "Third.")
    one, two, three = await aspect_ids(filed.case_id)
    await aspects.reorder(agent, filed.case_id, [three, one, two], 1)
    assert await aspect_ids(filed.case_id) == [three, one, two]
    with pytest.raises(Invalid, match="each aspect once"):
        await aspects.reorder(agent, filed.case_id, [three, one], 2)
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'aspects.reordered'")
    assert body["order"] == [str(three), str(one), str(two)]
    await holds()


async def test_a_later_matter_opens_a_resolved_case_again(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    await aspects.decide_aspect(agent, only, Decision("upheld", "Yes."), 1)
    await aspects.add(agent, filed.case_id, "And the letter had another customer's name.")
    row = await case_row(filed.case_id)
    assert (row["status"], row["aspects_total"], row["aspects_closed"]) == ("in_progress", 2, 1)
    await holds()


async def test_reopening_needs_a_reason_and_puts_the_outcome_aside(desk: Any) -> None:
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    (only,) = await aspect_ids(filed.case_id)
    await aspects.decide_aspect(agent, only, Decision("not_upheld", "No trace of it."), 1)
    await cases.close(agent, filed.case_id)
    with pytest.raises(Invalid):
        await cases.reopen(leader, filed.case_id, "")
    with pytest.raises(NotAllowed):
        await cases.reopen(agent, filed.case_id, "A statement came in.")
    await cases.reopen(leader, filed.case_id, "A statement came in.")
    await aspects.reopen(agent, only, "The statement shows two fees.")
    row = await db.fetchrow("SELECT status, outcome, decided_at FROM core_aspect WHERE id = $1", only)
    assert tuple(row) == ("open", "", None)
    await holds()


async def test_unsent_text_stays_on_the_server_until_it_is_sent(desk: Any) -> None:
    agent, leader = await desk.viewer("agent"), await desk.viewer("leader")
    filed = await desk.file("The fee was taken twice.")
    assert await drafts.keep(agent, filed.case_id, "note", {"text": "Call the card"}) == 1
    assert await drafts.keep(agent, filed.case_id, "note", {"text": "Call the cards team"}) == 2
    await cases.assign(leader, filed.case_id, leader.user_id)
    assert (await drafts.mine(agent, filed.case_id))["note"]["body"] == {"text": "Call the cards team"}
    assert await drafts.mine(leader, filed.case_id) == {}
    await messages.write(agent, filed.case_id, "note", "Call the cards team", key="n1")
    await messages.write(agent, filed.case_id, "note", "Call the cards team", key="n1")
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE direction = 'note'") == 1


async def test_a_representative_needs_a_word_on_their_authority(desk: Any) -> None:
    agent = await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    with pytest.raises(Invalid) as refused:
        await people.add_party(agent, filed.case_id, PersonGiven(name="Jan Lis"), "representative")
    assert refused.value.field == "authority"
    person = await people.add_party(
        agent, filed.case_id, PersonGiven(name="Jan Lis"), "representative", authority="Signed letter of 3 May"
    )
    assert await people.change(agent, person, {"phone": "58 000 20 20"}, 1) == 2
    with pytest.raises(Changed):
        await people.change(agent, person, {"phone": "58 111"}, 1)
    await holds()


async def test_support_needs_are_confirmed_by_a_person_with_a_lawful_basis(desk: Any) -> None:
    agent, quality = await desk.viewer("agent"), await desk.viewer("quality")
    filed = await desk.file("I could not buy my medicine.")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    needs = support.Needs(True, False, "Call before you write.", "explicit consent, by phone")
    with pytest.raises(NotAllowed):
        await support.confirm(quality, filed.case_id, person, needs)
    with pytest.raises(Invalid):
        await support.confirm(agent, filed.case_id, person, support.Needs(True, False, "", " "))
    await support.confirm(agent, filed.case_id, person, needs)
    entry = await db.fetchrow("SELECT body, sealed FROM core_ledger_entry WHERE kind = 'support_needs.confirmed'")
    assert "vulnerable" not in str(entry["body"])
    assert list(entry["sealed"]) == ["needs"]
    await holds()


async def test_words_given_as_a_category_are_sealed_and_never_stand_in_the_ledger(desk: Any) -> None:
    agent = await desk.viewer("agent")
    named = Matter(text="The fee was taken twice.", category="Nora of 5 Elm Street")
    coded = Matter(text="The clerk was rude.", category="staff_conduct")
    complaint = Complaint(channel="api", person=PersonGiven(name="Ann"), matters=(named, coded))
    filed = await intake.file(RawReceipt(channel="api", key="c", content_type="", body=b"c"), complaint)
    added = await aspects.add(agent, filed.case_id, "And a third.", category="Nora again")
    await aspects.change(agent, added, {"category": "Nora once more"}, 1)
    bodies = str([row["body"] for row in await db.fetch("SELECT body FROM core_ledger_entry")])
    assert "Nora" not in bodies
    assert "staff_conduct" in bodies
    assert await db.fetchval("SELECT category FROM core_aspect WHERE id = $1", added) == "Nora once more"
    with pytest.raises(Invalid, match="cause"):
        await aspects.decide_aspect(agent, added, Decision("upheld", "Yes.", "It was Nora"), None)
    await holds()


async def test_whoever_an_aspect_is_about_cannot_change_where_the_answers_go(desk: Any) -> None:
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.", "Agent was rude to me.")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await aspects.concern(leader, (await aspect_ids(filed.case_id))[1], agent.user_id)
    with pytest.raises(NotAllowed):
        await people.change(agent, person, {"email": "agent@example.org"}, 1)
    with pytest.raises(NotAllowed):
        await people.add_party(agent, filed.case_id, PersonGiven(name="Agent's friend"), "witness")
    assert await people.change(leader, person, {"email": "new@example.org"}, 1) == 2
