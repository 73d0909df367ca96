"""A person's whole history: over all cases in view, masked, in pages; who else was there and who may be the same."""

from ombud.desk import messages, people
from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.facts import PersonGiven


async def _person(name="Helena Marsh"):
    return await db.fetchval("SELECT id FROM core_person WHERE name = $1 ORDER BY created_at LIMIT 1", name)


async def _joined(desk):
    """Two cases of one and the same person."""
    first, second = await desk.file("The fee was taken twice."), await desk.file("The card was blocked.")
    one = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", first.case_id)
    await db.execute("UPDATE core_party SET person_id = $1 WHERE case_id = $2", one, second.case_id)
    await db.execute("UPDATE core_message SET person_id = $1 WHERE case_id = $2", one, second.case_id)
    return one, first, second


async def test_everything_said_over_all_cases_stands_in_one_history(desk, send):
    agent = await desk.signed_in("agent")
    person, first, second = await _joined(desk)
    viewer = await desk.viewer("agent")
    for n in range(32):
        await messages.write(viewer, second.case_id, "answer", f"Answer number {n:02}.")
    path = f"/parties/{person}"
    shown = (await agent.get(path)).text
    assert "2 open cases" in shown
    assert "Answer number 31." in shown
    assert "The fee was taken twice." not in shown.split('id="history"')[1].split("<aside")[0]
    earlier = shown.split('<a class="button" href="/parties/')[1].split('"')[0].replace("&amp;", "&").partition("#")[0]
    rest = (await agent.get(f"/parties/{earlier}")).text
    assert "Answer number 00." in rest
    assert "The fee was taken twice." in rest
    assert first.reference in rest
    assert f"Became part of {second.reference}" in rest
    assert (await agent.get(path, params={"before": "rubbish"})).status_code == 422


async def test_a_correction_is_told_with_before_and_after_to_those_who_see_the_field(desk, send):
    agent = await desk.signed_in("agent")
    person, _, _ = await _joined(desk)
    path = f"/parties/{person}"
    await send(agent, path, path, email="new@example.org", name="Helena Marsh-Low")
    shown = (await agent.get(path)).text
    assert "Agent corrected: email, name" in shown.replace("e-mail", "email")
    assert "helena@example.org" in shown
    masked = (await (await desk.signed_in("quality")).get(path)).text
    assert "Helena Marsh-Low" in masked
    assert "helena@example.org" not in masked
    assert "new@example.org" not in masked


async def test_history_ends_where_the_viewers_cases_end(desk):
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    cards = await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    person, first, second = await _joined(desk)
    await db.execute("UPDATE core_case SET unit_id = $1 WHERE id = $2", cards, first.case_id)
    await db.execute("UPDATE core_case SET confidential = TRUE WHERE id = $1", second.case_id)
    await desk.user("local", "agent", unit="cards")
    shown = (await (await desk.signed_in("local")).get(f"/parties/{person}")).text
    assert "The fee was taken twice." in shown
    assert "The card was blocked." not in shown
    assert second.reference not in shown
    assert "1 open case" in shown


async def test_what_is_about_me_is_told_to_me_by_no_persons_history(desk):
    agent = await desk.signed_in("agent")
    person, _, second = await _joined(desk)
    me = await db.fetchval("SELECT id FROM core_user WHERE name = 'agent'")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE case_id = $2", me, second.case_id)
    shown = (await agent.get(f"/parties/{person}")).text
    assert "The fee was taken twice." in shown
    assert "The card was blocked." not in shown


async def test_an_organisation_shows_who_came_with_it(desk):
    agent = await desk.signed_in("agent")
    person, first, _ = await _joined(desk)
    viewer = await desk.viewer("agent")
    firm = await people.add_party(
        viewer, first.case_id, PersonGiven(name="Kancelaria Lis"), "representative", kind="organisation",
        authority="Signed letter",
    )  # fmt: skip
    shown = (await agent.get(f"/parties/{firm}")).text
    assert "People who came with this organisation" in shown
    assert f'href="/parties/{person}"' in shown
    assert "Also in these cases" in (await agent.get(f"/parties/{person}")).text


async def test_a_likeness_is_a_hint_with_its_evidence_and_tells_no_hidden_address(desk):
    agent = await desk.signed_in("agent")
    await desk.file(name="Helena Marsh", email="same@example.org", phone="+48 58 000 20 20")
    await desk.file(name="H. Marsh", email="SAME@example.org", phone="58 000")
    await desk.file(name="Call Marsh", email="", phone="0048580002020"[2:])
    await desk.file(name="Stranger", email="other@example.org")
    page = f"/parties/{await _person()}"
    shown = (await agent.get(page)).text
    assert "May be the same party" in shown
    assert "H. Marsh" in shown
    assert "Same e-mail" in shown
    assert "Call Marsh" in shown
    assert "Same phone number" in shown
    assert "Stranger" not in shown
    assert "May be the same party" not in (await (await desk.signed_in("quality")).get(page)).text
