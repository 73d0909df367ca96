"""Taxonomies: terms added, retired for others, read from CSV; and used where categories and causes are chosen."""

from datetime import timedelta
from uuid import uuid4

import pytest

from ombud.desk import aspects, cases, taxonomies
from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration import units as unit_setup
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.aspects import Decision
from ombud.desk.errors import Invalid, NotAllowed, NotNow
from ombud.desk.matters.uncategorised import asked_for
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud.trust.viewers import viewer_of_user


async def _unit(key):
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    return await unit_setup.add(SYSTEM, key, main, {"name": key.capitalize()})


async def _term(kind, code, unit=None, **more):
    given = TermGiven({"en": code.capitalize(), "pl": f"{code}-pl"}, **more)
    return await taxonomy_setup.add(SYSTEM, kind, code, unit, given)


async def test_an_empty_taxonomy_teaches_and_a_term_is_added(desk, send):
    administrator = await desk.signed_in("administrator")
    assert (
        "Begin with the five things people complain about most"
        in (await administrator.get("/taxonomies/category")).text
    )
    path = "/taxonomies/category/new"
    wrong = await send(administrator, path, path, label_en="", unit="desk", help="Kept")
    assert wrong.status_code == 422
    assert "Kept" in wrong.text
    assert "Choose where the term counts." in (await send(administrator, path, path, label_en="Fees")).text
    done = await send(administrator, path, path, label_en="Fees & charges", unit="desk", follow=True)
    assert "Fees &amp; charges" in done.text
    assert "fees_charges" in done.text
    twice = await send(administrator, path, path, label_en="Fees & charges", unit="desk")
    assert "This code is taken" in twice.text
    assert (await administrator.get("/taxonomies/moods")).status_code == 404
    assert (await (await desk.signed_in("leader")).get("/taxonomies/category")).status_code == 403


async def test_a_term_is_reworded_moved_and_never_stands_below_itself(desk, send, forms):
    administrator = await desk.signed_in("administrator")
    top = await _term("category", "cards")
    below = await _term("category", "lost", parent_id=top)
    path = f"/taxonomies/category/{top}"
    circle = await send(administrator, path, path, parent=str(below))
    assert circle.status_code == 422
    assert "cannot stand below itself" in circle.text
    mine, theirs = [forms((await administrator.get(path)).text).of(path) for _ in range(2)]
    assert (await administrator.http.post(path, data={**theirs, "label_en": "Cards, all"})).status_code == 303
    clash = await administrator.http.post(path, data={**mine, "label_en": "All cards"})
    assert clash.status_code == 409
    assert "Cards, all" in clash.text
    assert "labels: en Cards, pl cards-pl → en Cards, all, pl cards-pl" in (await administrator.get(path)).text


async def test_a_retired_term_is_offered_no_more_and_names_the_one_in_its_place(desk, send):
    administrator = await desk.signed_in("administrator")
    old, new = await _term("category", "old"), await _term("category", "new")
    path = f"/taxonomies/category/{old}"
    done = await send(administrator, path, f"{path}/retire", maps_to=str(new), follow=True)
    assert "new takes its place." in done.text
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    today = taxonomies.today()
    assert [each.code for each in await taxonomies.choices("category", main, today)] == ["new"]
    before = await taxonomies.choices("category", main, today - timedelta(days=1))
    assert [each.code for each in before] == ["new", "old"]
    dead = await send(
        administrator, f"/taxonomies/category/{new}", f"/taxonomies/category/{new}/retire", maps_to=str(old)
    )
    assert dead.status_code == 422
    assert "retired itself" in dead.text
    back = await send(administrator, path, f"{path}/restore", follow=True)
    assert "back into use" in back.text


async def test_a_unit_sees_what_stands_above_it_and_nothing_beside_it(desk):
    cards, loans = await _unit("cards"), await _unit("loans")
    await _term("category", "everywhere")
    await _term("category", "cards_only", cards)
    today = taxonomies.today()
    assert {each.code for each in await taxonomies.choices("category", cards, today)} == {"everywhere", "cards_only"}
    assert {each.code for each in await taxonomies.choices("category", loans, today)} == {"everywhere"}
    local = await viewer_of_user(await desk.user("local", "administrator", unit="cards"))
    with pytest.raises(NotAllowed, match="whole desk"):
        await taxonomy_setup.add(local, "category", "mine", None, TermGiven({"en": "Mine"}))
    with pytest.raises(NotAllowed):
        await taxonomy_setup.add(local, "category", "mine", loans, TermGiven({"en": "Mine"}))
    mine = await taxonomy_setup.add(local, "category", "mine", cards, TermGiven({"en": "Mine"}))
    with pytest.raises(Invalid, match="does not count everywhere"):
        await _term("category", "wide", parent_id=mine)


async def test_words_become_the_code_of_the_term_and_free_words_are_marked(desk, send):
    await _term("category", "fees")
    agent = await desk.signed_in("agent")
    shown = (await agent.get("/cases/new")).text
    assert '<option value="Fees">' in shown
    filed = await send(agent, "/cases/new", "/cases/new", name="Ana Lima", matter="Charged twice.", category="Fees")
    case = filed.headers["location"]
    assert await db.fetchval("SELECT category FROM core_aspect") == "fees"
    aspect = f"{case}/aspects/{await db.fetchval('SELECT id FROM core_aspect')}"
    assert 'value="Fees"' in (await agent.get(aspect)).text
    await send(agent, aspect, f"{aspect}/change", priority="high")
    assert await db.fetchval("SELECT category FROM core_aspect") == "fees"
    await send(agent, aspect, f"{aspect}/change", category="Something of my own")
    assert await db.fetchval("SELECT category FROM core_aspect") == "Something of my own"
    assert "Not in the taxonomy" in (await agent.get(aspect)).text
    await send(agent, aspect, f"{aspect}/change", category="fees-pl")
    assert await db.fetchval("SELECT category FROM core_aspect") == "fees"
    assert "Not in the taxonomy" not in (await agent.get(aspect)).text


async def test_causes_of_a_decision_come_from_the_taxonomy_of_the_unit(desk):
    cards = await _unit("cards")
    await _term("cause", "chip_failure", cards)
    agent = await desk.signed_in("agent")
    filed, other = await desk.file(unit="cards"), await desk.file()
    aspect, far = [
        await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", each.case_id) for each in (filed, other)
    ]
    shown = (await agent.get(f"/cases/{filed.reference}/aspects/{aspect}/decide")).text
    assert "Chip_failure" in shown
    assert "System fault" in shown
    assert "Chip_failure" not in (await agent.get(f"/cases/{other.reference}/aspects/{far}/decide")).text
    viewer = await desk.viewer("agent")
    with pytest.raises(Invalid, match="not in the taxonomy"):
        await aspects.decide_aspect(viewer, far, Decision("upheld", "We were wrong.", "chip_failure"), 1)
    await aspects.decide_aspect(viewer, aspect, Decision("upheld", "We were wrong.", "chip_failure"), 1)
    assert "Chip_failure" in (await agent.get(f"/cases/{filed.reference}/aspects/{aspect}")).text


async def test_a_csv_is_looked_at_before_it_is_taken_and_goes_round(desk, send):
    administrator = await desk.signed_in("administrator")
    await _term("category", "fees")
    path = "/taxonomies/category/file"
    bad = "code,parent,label_en,label_pl\nfees,,Charges,Opłaty\nlate,missing,Late,\nBAD CODE,,X,"
    seen = await send(administrator, path, path, text=bad, step="check")
    assert "there is no term missing" in seen.text.lower()
    assert "2 wrong" in seen.text
    assert await db.fetchval("SELECT labels->>'en' FROM core_taxonomy_term WHERE code = 'fees'") == "Fees"
    refused = await send(administrator, path, path, text=bad, step="take")
    assert refused.status_code == 422
    assert "Nothing was changed" in refused.text
    good = "code;parent;label_en;label_pl\nfees;;Charges;Opłaty\nlate;fees;Late fee;"
    assert "1 new" in (await send(administrator, path, path, text=good, step="check")).text
    assert (await send(administrator, path, path, text=good, step="take")).status_code == 303
    saved = await administrator.get("/taxonomies/category/terms.csv")
    assert saved.headers["content-disposition"].startswith("attachment")
    lines = saved.text.splitlines()
    assert lines[1].startswith("fees,,,Charges,Opłaty")
    assert lines[2].startswith("late,fees,,Late fee")
    again = await send(administrator, path, path, text=saved.text, step="check")
    assert "2 as they are" in again.text
    assert (await send(administrator, path, path, text="no columns", step="check")).status_code == 422


async def test_shipped_causes_stay_as_the_desk_left_them(desk):
    assert await taxonomies.install_defaults() == []
    delay = await db.fetchval("SELECT id FROM core_taxonomy_term WHERE code = 'delay'")
    await taxonomy_setup.retire(SYSTEM, "cause", delay, None, None, 1)
    assert await taxonomies.install_defaults() == []
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    assert "delay" not in {each.code for each in await taxonomies.choices("cause", main, taxonomies.today())}


async def test_every_change_is_a_version_with_who_when_and_what_differs(desk, send):
    administrator = await desk.signed_in("administrator")
    assert "No version yet" in (await administrator.get("/taxonomies/category/versions")).text
    fee, cost = await _term("category", "fee"), await _term("category", "cost")
    page = f"/taxonomies/category/{fee}"
    await send(administrator, page, page, label_en="Charge")
    await taxonomy_setup.retire(SYSTEM, "category", fee, None, cost, None)
    text = (await administrator.get("/taxonomies/category/versions")).text
    for words in ("Version 4", "Retired", "<ins>Cost</ins>", "<del>Fee</del>", "<ins>Charge</ins>", "Administrator"):
        assert words in text
    assert text.index("Version 4") < text.index("Version 1")
    earlier = (await administrator.get("/taxonomies/category/versions?before=3")).text
    assert "Version 3" not in earlier
    assert "Version 2" in earlier


async def test_the_tree_is_shown_as_it_held_on_a_day(desk):
    administrator = await desk.signed_in("administrator")
    day = taxonomies.today()
    await _term("category", "soon", valid_from=day + timedelta(days=5))
    gone = await _term("category", "gone")
    await taxonomy_setup.retire(SYSTEM, "category", gone, day + timedelta(days=3), None, None)
    at = f"/taxonomies/category?on={(day + timedelta(days=1)).isoformat()}"
    assert 'href="/taxonomies/category/' + str(gone) in (await administrator.get(at)).text
    later = (await administrator.get(f"/taxonomies/category?on={(day + timedelta(days=9)).isoformat()}")).text
    assert 'href="/taxonomies/category/' + str(gone) not in later
    assert ">Soon</a>" in later
    assert (await administrator.get("/taxonomies/category?on=yesterday")).status_code == 200


async def _decided(desk, send, agent, **more):
    """A case of one matter that nobody gave a category before; its path, and that of the matter."""
    filed = await desk.file()
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    case, matter = f"/cases/{filed.reference}", f"/cases/{filed.reference}/aspects/{aspect}"
    await send(agent, case, f"{case}/take")
    told = {"outcome": "not_upheld", "reason": "The fee stands in the contract.", **more}
    assert (await send(agent, f"{matter}/decide", f"{matter}/decide", **told)).status_code in {200, 303}
    return case, matter


async def test_a_matter_gets_its_category_on_the_form_that_decides_it(desk, send, forms):
    await _term("category", "fees")
    agent = await desk.signed_in("agent")
    case, _ = await _decided(desk, send, agent, category="fees")
    assert dict(await db.fetchrow("SELECT category, outcome FROM core_aspect")) == {
        "category": "fees", "outcome": "not_upheld",
    }  # fmt: skip
    assert "Say what aspect A is about" not in (await agent.get(case)).text
    assert (await send(agent, case, f"{case}/status", status="closed")).status_code == 303


async def test_a_case_is_closed_with_the_category_of_each_matter_or_with_why_there_is_none(desk, send, forms):
    agent = await desk.signed_in("agent")
    free, _ = await _decided(desk, send, agent)
    await _term("category", "fees")
    case, matter = await _decided(desk, send, agent)
    page = (await agent.get(case)).text
    assert "Say what aspect A is about" in page
    assert '<option value="fees">Fees</option>' in page
    refused = await send(agent, case, f"{case}/status", status="closed")
    assert refused.status_code == 422
    assert "One aspect has no category" in refused.text
    saved = await send(agent, case, f"{matter}/change", category="fees", follow=True)
    assert "Say what aspect A is about" not in saved.text
    assert (await send(agent, case, f"{case}/status", status="closed")).status_code == 303
    why = "It is about no product of ours."
    assert (await send(agent, free, f"{free}/status", status="closed", reason=why)).status_code == 303
    rows = await db.fetch("SELECT body FROM core_ledger_entry WHERE kind = 'case.status_changed' ORDER BY at, seq")
    assert [row["body"].get("uncategorised") for row in rows if row["body"].get("status") == "closed"] == [None, 1]


async def test_a_desk_without_categories_closes_as_before_and_a_closed_case_can_still_be_given_one(desk, send):
    agent = await desk.signed_in("agent")
    case, matter = await _decided(desk, send, agent)
    assert (await send(agent, case, f"{case}/status", status="closed")).status_code == 303
    await _term("category", "fees")
    assert "It can still be said" in (await agent.get(matter)).text
    await send(agent, matter, f"{matter}/change", category="Fees")
    assert await db.fetchval("SELECT category FROM core_aspect") == "fees"
    assert "It can still be said" not in (await agent.get(matter)).text
    given, viewer = await db.fetchval("SELECT id FROM core_aspect"), await desk.viewer("agent")
    with pytest.raises(NotNow, match="The case is closed"):
        await aspects.change(viewer, given, {"category": "other"}, None)


def test_without_a_taxonomy_only_the_first_matter_is_asked_for_and_only_where_returns_count_by_it():
    first, second = uuid4(), uuid4()
    none, later = [(first, ""), (second, "")], [(first, "fees"), (second, "")]
    assert asked_for(none, to_choose=True, return_begun=False) == [first, second]
    assert asked_for(later, to_choose=True, return_begun=True) == [second]
    assert asked_for(none, to_choose=False, return_begun=True) == [first]
    assert asked_for(later, to_choose=False, return_begun=True) == []
    assert asked_for(none, to_choose=False, return_begun=False) == []


async def test_a_rule_closes_what_has_no_category_since_nobody_is_there_to_be_asked(desk, send):
    await _term("category", "fees")
    await _decided(desk, send, await desk.signed_in("agent"))
    await cases.close(SYSTEM, await db.fetchval("SELECT id FROM core_case"))
    assert await db.fetchval("SELECT status FROM core_case") == "closed"
