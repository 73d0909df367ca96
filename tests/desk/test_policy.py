"""Confidential cases, and aspects about a member of staff: hidden in lists, pages, history, counts and searches."""

import pytest

from ombud.desk import aspects, cases, messages, people, queues
from ombud.desk.aspects import Decision
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.colleagues import drafts
from ombud.desk.errors import NotFound
from ombud.desk.people_list import list_people, person_page
from ombud.desk.trail.audit_trail import case_history
from ombud.kernel.database import db
from ombud.kernel.ids import new_id
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import PersonGiven

SECRET = "Leader Bob shouted at me in the branch"


async def references(viewer, **filters):
    page = await list_cases(viewer, CaseFilters(**filters))
    assert page.total == len(page.rows)
    return {row.reference for row in page.rows}


async def test_a_confidential_case_exists_only_for_those_with_the_right_and_its_owner(stage):
    agent, other, officer = [await stage.person(name, *roles) for name, *roles in (
        ("agent",), ("other", "agent"), ("compliance",))]  # fmt: skip
    open_case, secret = await stage.file(), await stage.file("Secret", name="Only Secret")
    await cases.take(agent, secret.case_id)
    await cases.set_confidential(officer, secret.case_id, True, None)
    both = {open_case.reference, secret.reference}
    assert await references(agent) == await references(officer) == both
    assert await references(other) == {open_case.reference}
    assert await references(other, status="in_progress") == await references(other, text="Secret") == set()
    assert sum(line.waiting for line in await queues.lines(other)) == 1
    with pytest.raises(NotFound) as hidden:
        await case_page(other, secret.reference)
    with pytest.raises(NotFound) as missing:
        await case_page(other, "OMB-00000-0")
    assert str(hidden.value).replace(secret.reference, "") == str(missing.value).replace("OMB-00000-0", "")
    assert [row.name for row in (await list_people(other)).rows] == ["Helena Marsh"]
    found = (await list_people(agent, text="only")).rows
    assert [row.name for row in found] == ["Only Secret"]
    with pytest.raises(NotFound):
        await person_page(other, found[0].id)
    assert (await person_page(agent, found[0].id)).cases[0].reference == secret.reference


async def test_a_right_in_one_unit_shows_nothing_of_another(stage):
    for key in ("north", "south"):
        await stage.unit(key)
    filed = await stage.file("In the south", unit="south")
    viewer = await stage.person("nora", "agent", unit="north")
    assert await references(viewer) == set()
    with pytest.raises(NotFound):
        await case_page(viewer, filed.reference)
    south = await db.fetchval("SELECT id FROM core_unit WHERE key = 'south'")
    await db.execute("INSERT INTO core_user_role (id, user_id, role, unit_id) VALUES ($1, $2, 'quality', $3)",
                     new_id(), viewer.user_id, south)  # fmt: skip
    page = await case_page(await stage.person("nora"), filed.reference)
    assert (page.parties[0].name, page.parties[0].email) == ("Helena Marsh", None)  # contact only in the north
    assert not page.may("note")
    nora = await stage.person("nora")
    assert [row.email for row in (await list_people(nora)).rows] == [None]
    for part in ("helena@example.org", "example.org", "helena@exam"):  # nor is a masked address guessed by searching
        assert (await list_people(nora, text=part)).rows == (), part
    sara = await stage.person("sara", "agent", unit="south")
    assert len((await list_people(sara, text="helena@")).rows) == 1


@pytest.fixture
async def about_bob(stage):
    """A case with four aspects, the second about Bob, a team leader of the same unit."""
    bob, eve = await stage.person("bob", "leader", "compliance"), await stage.person("eve", "leader", "compliance")
    filed = await stage.file("The fee was taken twice.", SECRET, "The letter came late.", "No answer.", name="Ana Lima")
    page = await case_page(eve, filed.reference)
    first, second, *_ = page.aspects
    await drafts.keep(bob, filed.case_id, f"decision:{second.id}", {"reason": "my own words"})
    await aspects.concern(eve, second.id, bob.user_id)
    await people.add_party(eve, filed.case_id, PersonGiven(name="Bob Leader"), "complained_about")
    await messages.write(eve, filed.case_id, "note", "Ask Bob's colleagues first.")
    await messages.write(eve, filed.case_id, "note", "About the shouting.", aspect_ids=[second.id])
    await messages.write(eve, filed.case_id, "note", "About the fee.", aspect_ids=[first.id])
    await cases.change(eve, filed.case_id, {"title": "Bob shouted", "mood": "angry"}, None)
    await aspects.decide_aspect(eve, second.id, Decision("upheld", "He did shout.", "staff_conduct"), None)
    return bob, eve, filed, second


async def test_an_aspect_about_a_member_of_staff_is_hidden_from_them_on_the_page(about_bob):
    bob, eve, filed, second = about_bob
    seen = await case_page(eve, filed.reference)
    assert [each.letter for each in seen.aspects] == ["A", "B", "C", "D"]
    assert (seen.decided, seen.aspects[1].concerns.name, seen.said) == (1, "Bob", 4)
    page = await case_page(bob, filed.reference)
    assert [(each.letter, each.title) for each in page.aspects] == [
        ("A", "The fee was taken twice."), ("B", "The letter came late."), ("C", "No answer."),
    ]  # fmt: skip
    assert (page.decided, page.said, page.drafts) == (0, 1, {})
    assert [entry.text for entry in page.entries if entry.kind != "event"] == ["About the fee."]
    assert [each.name for each in page.parties] == ["Ana Lima"]
    assert (page.case.title, page.case.mood, page.case.about_me) == (filed.reference, "", True)
    told = repr(page)
    for word in (str(second.id), "shout", "Bob Leader", "upheld", "staff_conduct"):
        assert word not in told
    assert "4" not in page.why_not("close")
    assert page.why_not("close") == "This case cannot be closed yet. Ask your team leader."


async def test_an_aspect_about_a_member_of_staff_is_hidden_from_them_in_lists_and_searches(about_bob):
    bob, eve, filed, _ = about_bob
    row = (await list_cases(bob, CaseFilters())).rows[0]
    assert (row.title, row.mood, row.last_word_at, len(row.aspects)) == (filed.reference, "", None, 3)
    assert "shout" not in repr(row)
    assert await references(bob, text="shouted") == set()
    assert await references(eve, text="shouted") == {filed.reference}
    person = (await list_people(bob)).rows
    assert [each.name for each in person] == ["Ana Lima"]
    known = await person_page(bob, person[0].id)
    assert known.cases[0].title == filed.reference
    assert [each.letter for each in known.cases[0].aspects] == ["A", "B", "C"]
    hidden = next(each for each in (await case_page(eve, filed.reference)).parties if each.role == "complained_about")
    with pytest.raises(NotFound):
        await person_page(bob, hidden.person_id)
    assert (await person_page(eve, hidden.person_id)).person.name == "Bob Leader"


async def test_an_aspect_about_a_member_of_staff_is_hidden_from_them_in_the_audit_trail(about_bob):
    bob, eve, filed, second = about_bob
    trail = await case_history(bob, filed.case_id)
    told = repr(trail)
    for word in (str(second.id), "shout", "colleagues", "Bob shouted", "complained", "case.opened"):
        assert word not in told
    assert [each.values for each in trail if each.values] == []
    assert "note.written" in {each.code for each in trail}  # the one about the fee
    whole = await case_history(eve, filed.case_id)
    assert any(each.text == "Eve recorded that aspect B is about Bob" for each in whole)
    assert len(whole) > len(trail)
    assert len(await case_history(SYSTEM, filed.case_id)) == len(whole)


async def test_findings_and_files_are_seen_with_what_they_belong_to(about_bob):
    bob, eve, filed, second = about_bob
    for aspect in (None, second.id):
        await db.execute(
            "INSERT INTO core_finding (id, case_id, aspect_id, provider, kind, value, reason, state, created_at) "
            "VALUES ($1, $2, $3, 'plugin/x', 'mood', '{}', 'shouting', 'suggested', now())",
            new_id(), filed.case_id, aspect,
        )  # fmt: skip
    assert len((await case_page(eve, filed.reference)).findings) == 2
    assert (await case_page(bob, filed.reference)).findings == ()
