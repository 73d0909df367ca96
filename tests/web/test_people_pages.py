"""People: found, corrected, added to a case; support needs that a person confirms."""

from datetime import date

from ombud.kernel.database import db


async def _person():
    return await db.fetchval("SELECT person_id FROM core_party WHERE role = 'complainant'")


async def test_people_are_listed_searched_and_shown_with_their_cases(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.", name="Ana Lima")
    await desk.file("Another.", name="Piotr Maj")
    assert "Piotr Maj" in (await agent.get("/parties")).text
    found = (await agent.get("/parties", params={"q": "lima"})).text
    assert "Ana Lima" in found
    assert "Piotr Maj" not in found
    person = await db.fetchval("SELECT id FROM core_person WHERE name = 'Ana Lima'")
    page = (await agent.get(f"/parties/{person}")).text
    assert filed.reference in page
    assert "helena@example.org" in page
    assert "<dd>English</dd>" in page
    masked = (await (await desk.signed_in("quality")).get(f"/parties/{person}")).text
    assert "helena@example.org" not in masked
    assert "Not shown to you" in masked
    assert (await agent.get(f"/parties/{filed.case_id}")).status_code == 404


async def test_details_are_corrected_and_a_second_correction_shows_both(desk, forms):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    await desk.file()
    path = f"/parties/{await _person()}"
    mine, theirs = [forms((await each.get(path)).text).of(path) for each in (agent, leader)]
    assert (await leader.http.post(path, data={**theirs, "phone": "0700 111"})).status_code == 303
    clash = await agent.http.post(path, data={**mine, "phone": "0700 222"})
    assert clash.status_code == 409
    assert "0700 111" in clash.text
    again = forms(clash.text).of(path)
    assert again["phone"] == "0700 222"
    assert (await agent.http.post(path, data=again)).status_code == 303
    wrong = await agent.http.post(path, data={**again, "version": "3", "email": "nobody", "name": "Kept Name"})
    assert wrong.status_code == 422
    assert forms(wrong.text).of(path)["name"] == "Kept Name"
    assert (await (await desk.signed_in("quality")).submit(path, mine)).status_code == 403


async def test_a_representative_is_added_with_what_lets_them_act(desk, send, forms):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    path = f"/cases/{filed.reference}"
    refused = await send(agent, path, f"{path}/parties", name="Kancelaria Lis", role="representative")
    assert refused.status_code == 422
    assert "Say what lets them act" in refused.text
    kept = forms(refused.text).of(f"{path}/parties")
    assert kept["name"] == "Kancelaria Lis"
    done = await agent.http.post(
        f"{path}/parties",
        data={**kept, "authority": "Signed letter", "authority_until": "2027-05-03"},
        follow_redirects=True,
    )
    assert "Signed letter to 3\u00a0May\u00a02027" in done.text


async def test_support_needs_are_two_independent_facts_with_a_basis(desk, send, forms):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    path = f"/cases/{filed.reference}"
    needs = f"{path}/parties/{await _person()}/needs"
    missing = await send(agent, needs, needs, complains_of_our_response="on", adjustments="Large print")
    assert missing.status_code == 422
    assert 'id="lawful_basis-error"' in missing.text
    kept = forms(missing.text).of(needs)
    assert kept["adjustments"] == "Large print"
    assert "in_vulnerable_circumstances" not in kept
    done = await agent.http.post(
        needs, data={**kept, "lawful_basis": "Agreed on the phone", "review_on": "2027-01-15"}, follow_redirects=True
    )
    assert "Large print" in done.text
    assert "Complains that we did not consider their needs." in done.text
    row = await db.fetchrow("SELECT * FROM core_support_needs")
    assert (row["in_vulnerable_circumstances"], row["complains_of_our_response"]) == (False, True)
    assert row["review_on"] == date(2027, 1, 15)
    quality = await desk.signed_in("quality")
    assert "Large print" not in (await quality.get(path)).text
    assert (await quality.get(needs)).status_code == 403
    stranger = f"{path}/parties/{filed.case_id}/needs"
    assert (await agent.get(stranger)).status_code == 404
