"""Two people change one record at once: both changes are kept, and where both touched one field the second chooses."""

from typing import Any

from ombud.desk import aspects, cases, people, support
from ombud.desk.support import Needs
from ombud.kernel.database import db


async def _drawn(browser: Any, forms: Any, page: str, action: str) -> dict[str, Any]:
    return dict(forms((await browser.get(page)).text).of(action))


async def test_changes_of_different_fields_are_both_kept_and_told(desk: Any, forms: Any) -> None:
    leader = await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    action = f"/cases/{filed.reference}/change"
    mine = await _drawn(leader, forms, action, action)
    await cases.change(await desk.viewer("agent"), filed.case_id, {"priority": "urgent", "severity": 3}, None)
    sent = await leader.http.post(action, data={**mine, "title": "My title"}, follow_redirects=True)
    assert "Agent changed priority and severity meanwhile; both changes are kept." in sent.text
    row = await db.fetchrow("SELECT title, priority, severity FROM core_case WHERE id = $1", filed.case_id)
    assert tuple(row) == ("My title", "urgent", 3)


async def test_the_menu_of_the_case_merges_too(desk: Any, forms: Any) -> None:
    leader = await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    path = f"/cases/{filed.reference}"
    mine = await _drawn(leader, forms, path, f"{path}/change")
    await cases.change(await desk.viewer("agent"), filed.case_id, {"severity": 4}, None)
    assert (await leader.http.post(f"{path}/change", data={**mine, "priority": "high"})).status_code == 303
    row = await db.fetchrow("SELECT priority, severity FROM core_case WHERE id = $1", filed.case_id)
    assert tuple(row) == ("high", 4)


async def test_a_field_that_both_changed_is_chosen_by_the_second_and_the_rest_is_kept(desk: Any, forms: Any) -> None:
    leader = await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    action = f"/cases/{filed.reference}/change"
    for chosen, title in (("theirs", "Their title"), ("mine", "My long title")):
        mine = await _drawn(leader, forms, action, action)
        await cases.change(
            await desk.viewer("agent"), filed.case_id, {"title": "Their title", "severity": 2}, None
        )  # fmt: skip
        clash = await leader.http.post(action, data={**mine, "title": "My long title", "priority": "high"})
        assert clash.status_code == 409
        assert "Agent changed this while you were writing" in clash.text
        again = forms(clash.text).of(action)
        assert again["title"] == "My long title"
        assert again["choice.title"] == "mine"
        assert again["priority"] == "high"
        assert await db.fetchval("SELECT title FROM core_case WHERE id = $1", filed.case_id) == "Their title"
        done = await leader.http.post(action, data={**again, "choice.title": chosen})
        assert done.status_code == 303
        row = await db.fetchrow("SELECT title, priority, severity FROM core_case WHERE id = $1", filed.case_id)
        assert tuple(row) == (title, "high", 2)
        await cases.change(await desk.viewer("agent"), filed.case_id, {"title": "Before", "severity": 1}, None)


async def test_own_fields_of_the_type_are_merged_one_by_one(desk: Any, forms: Any) -> None:
    await db.execute(
        "UPDATE core_case_type SET fields = $1",
        {"account": {"type": "string", "meta": {"label": "Account"}}, "branch": {"type": "string"},
         "visited": {"type": "boolean"}},
    )  # fmt: skip
    leader = await desk.signed_in("leader")
    filed = await desk.file("The fee was taken twice.")
    action = f"/cases/{filed.reference}/change"
    mine = await _drawn(leader, forms, action, action)
    agent = await desk.viewer("agent")
    await cases.change(agent, filed.case_id, {"fields": {"branch": "Sopot", "visited": True}}, None)
    assert (await leader.http.post(action, data={**mine, "fields.account": "2214"})).status_code == 303
    kept = await db.fetchval("SELECT fields FROM core_case WHERE id = $1", filed.case_id)
    assert kept == {"account": "2214", "branch": "Sopot", "visited": True}


async def test_an_aspects_details_are_merged_and_a_decision_survives_another_change(desk: Any, forms: Any) -> None:
    leader, agent = await desk.signed_in("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    path = f"/cases/{filed.reference}/aspects/{aspect}"
    mine, decision = [await _drawn(leader, forms, place, to) for place, to in
                      ((path, f"{path}/change"), (f"{path}/decide", f"{path}/decide"))]  # fmt: skip
    await aspects.change(agent, aspect, {"priority": "high", "category": "Fees"}, None)
    kept = await leader.http.post(f"{path}/change", data={**mine, "title": "My title"}, follow_redirects=True)
    assert "Agent changed" in kept.text
    clash = await leader.http.post(f"{path}/change", data={**mine, "category": "Cards"})
    assert clash.status_code == 409
    again = forms(clash.text).of(f"{path}/change")
    assert again["category"] == "Cards"
    done = await leader.http.post(f"{path}/change", data={**again, "choice.category": "theirs"})
    assert done.status_code == 303
    row = await db.fetchrow("SELECT title, priority, category FROM core_aspect WHERE id = $1", aspect)
    assert tuple(row) == ("My title", "high", "Fees")
    decided = await leader.http.post(
        f"{path}/decide", data={**decision, "outcome": "upheld", "reason": "It was."}, follow_redirects=True
    )
    assert "is decided. Leader changed the aspect meanwhile; both are kept." in decided.text
    second = await leader.http.post(f"{path}/decide", data={**decision, "outcome": "not_upheld", "reason": "No."})
    assert second.status_code == 409
    assert await db.fetchval("SELECT reason FROM core_aspect WHERE id = $1", aspect) == "It was."


async def test_a_persons_details_and_their_support_needs_are_merged(desk: Any, forms: Any) -> None:
    leader, agent = await desk.signed_in("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    mine = await _drawn(leader, forms, f"/parties/{person}", f"/parties/{person}")
    await people.change(agent, person, {"phone": "58 000", "name": "Helena Marsh-Lis"}, None)
    sent = await leader.http.post(f"/parties/{person}", data={**mine, "postcode": "80-001"}, follow_redirects=True)
    assert "both changes are kept" in sent.text
    clash = await leader.http.post(f"/parties/{person}", data={**mine, "name": "Helena Lis"})
    assert clash.status_code == 409
    assert forms(clash.text).of(f"/parties/{person}")["name"] == "Helena Lis"
    row = await db.fetchrow("SELECT name, phone, postcode FROM core_person WHERE id = $1", person)
    assert tuple(row) == ("Helena Marsh-Lis", "58 000", "80-001")
    needs = f"/cases/{filed.reference}/parties/{person}/needs"
    mine = await _drawn(leader, forms, needs, needs)
    await support.confirm(agent, filed.case_id, person, Needs(True, False, "Large print", "agreed by phone"))
    clash = await leader.http.post(
        needs, data={**mine, "adjustments": "A call first", "lawful_basis": "agreed by phone"}
    )
    assert clash.status_code == 409
    again = forms(clash.text).of(needs)
    assert (again["adjustments"], again["in_vulnerable_circumstances"]) == ("A call first", "on")
    assert (await leader.http.post(needs, data=again)).status_code == 303
    row = await db.fetchrow("SELECT adjustments, in_vulnerable_circumstances FROM core_support_needs")
    assert tuple(row) == ("A call first", True)
