"""Units in the administration: named, added, moved with a look at who gains and loses, taken out of use."""

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


async def _id(key):
    return await db.fetchval("SELECT id FROM core_unit WHERE key = $1", key)


async def _tree():
    cards = await unit_setup.add(SYSTEM, "cards", await _id("main"), {"name": "Cards"})
    team = await unit_setup.add(SYSTEM, "lost", cards, {"name": "Lost cards"})
    loans = await unit_setup.add(SYSTEM, "loans", await _id("main"), {"name": "Loans"})
    return cards, team, loans


async def test_a_fresh_desk_leads_to_naming_the_organisation(desk, send):
    administrator = await desk.signed_in("administrator")
    main = await _id("main")
    assert "Give your organisation its name" in (await administrator.get("/units")).text
    path = f"/units/{main}"
    wrong = await send(administrator, path, path, name="Modra Bank", time_zone="Mars/Base", phone="1 2 3")
    assert wrong.status_code == 422
    assert "Modra Bank" in wrong.text
    done = await send(administrator, path, path, name="Modra Bank", time_zone="Europe/Warsaw", currency="PLN",
                      country="PL", language="pl", phone="58 000 20 20", follow=True)  # fmt: skip
    assert "time zone: UTC → Europe/Warsaw" in done.text
    assert "Give your organisation its name" not in (await administrator.get("/units")).text
    assert (await (await desk.signed_in("leader")).get("/units")).status_code == 403


async def test_a_unit_is_added_with_what_the_one_above_has(desk, send):
    administrator = await desk.signed_in("administrator")
    main = await _id("main")
    await db.execute("UPDATE core_unit SET currency = 'PLN' WHERE id = $1", main)
    page = f"/units/new?below={main}"
    made = await send(administrator, page, "/units/new", name="Cards", key="cards", follow=True)
    assert "Cards" in made.text
    assert await db.fetchval("SELECT currency FROM core_unit WHERE key = 'cards'") == "PLN"
    twice = await send(administrator, page, "/units/new", name="Cards again", key="cards")
    assert twice.status_code == 422
    assert "Cards again" in twice.text
    lost = await send(administrator, "/units/new", "/units/new", name="Lost", key="lost", parent="")
    assert "Choose where the unit stands." in lost.text


async def test_a_new_topmost_unit_is_administered_by_who_administers_the_desk(desk, send):
    administrator = await desk.signed_in("administrator")
    made = await send(administrator, "/units/new", "/units/new", name="Second", key="second", parent="top")
    assert made.status_code == 303
    assert (await administrator.get(made.headers["location"])).status_code == 200
    assert "Add a role" in (await administrator.get("/roles")).text
    me = await db.fetchval("SELECT id FROM core_user WHERE name = 'administrator'")
    assert "user.role_given" in [
        row["kind"] for row in await db.fetch("SELECT kind FROM core_ledger_entry WHERE stream = $1", f"user/{me}")
    ]


async def test_a_move_shows_who_gains_and_loses_and_never_makes_a_circle(desk, send):
    administrator = await desk.signed_in("administrator")
    cards, team, loans = await _tree()
    await desk.user("cardboss", "leader", unit="cards")
    await desk.user("loanboss", "leader", unit="loans")
    path = f"/units/{team}/move"
    preview = (await administrator.get(path, params={"to": str(loans)})).text
    gain, lose = preview.split("Lose access")
    assert "Loanboss" in gain.split("Gain access")[1]
    assert "Cardboss" in lose
    moved = await send(administrator, f"{path}?to={loans}", path)
    assert moved.status_code == 303
    assert await db.fetchval("SELECT parent_id FROM core_unit WHERE id = $1", team) == loans
    assert "moved this unit below Loans" in (await administrator.get(f"/units/{team}")).text
    circle = await administrator.submit(f"/units/{loans}/move", {"to": str(team), "version": "1"}, page=path)
    assert circle.status_code == 422
    assert "cannot stand below itself" in circle.text
    stale = await administrator.submit(path, {"to": str(cards), "version": "1"}, page=path)
    assert stale.status_code == 409


async def test_a_unit_goes_out_of_use_only_when_nothing_in_it_is_open(desk, send):
    administrator = await desk.signed_in("administrator")
    cards, team, _ = await _tree()
    filed = await desk.file(unit="lost")
    path = f"/units/{team}"
    held = await send(administrator, path, f"{path}/deactivate")
    assert held.status_code == 409
    assert "Still open here: 1 case." in held.text
    await db.execute("UPDATE core_case SET status = 'closed', closed_at = now() WHERE id = $1", filed.case_id)
    assert (await send(administrator, path, f"{path}/deactivate")).status_code == 303
    assert "Lost cards" not in (await (await desk.signed_in("agent")).get("/cases/new")).text
    refused = await (await desk.api("agent")).post(
        "/api/v1/complaints", json={"channel": "api", "unit": "lost", "matters": [{"text": "Late."}],
                                    "person": {"name": "Ana"}}, headers={"idempotency-key": "k9"},
    )  # fmt: skip
    assert refused.status_code == 422
    main = f"/units/{await _id('main')}"
    first = await send(administrator, main, f"{main}/deactivate")
    assert "takes every complaint that names none" in first.text
    assert (await send(administrator, path, f"{path}/reactivate")).status_code == 303
    assert (await send(administrator, f"/units/{cards}", f"/units/{cards}/deactivate")).status_code == 409


async def test_who_sets_up_one_unit_changes_no_other_and_moves_none(desk, forms):
    cards, team, loans = await _tree()
    await desk.user("local", "administrator", unit="cards")
    local = await desk.signed_in("local")
    listed = (await local.get("/units")).text
    assert "Lost cards" in listed
    assert f"/units/{loans}" not in listed
    assert (await local.get(f"/units/{loans}")).status_code == 404
    data = {"name": "Mine", "version": "1"}
    assert (await local.submit(f"/units/{loans}", data, page=f"/units/{cards}")).status_code == 404
    top = await local.submit("/units/new", {"key": "own", "parent": "top", "name": "Own"})
    assert top.status_code == 403
    move = await local.submit(f"/units/{team}/move", {"to": str(cards), "version": "1"}, page=f"/units/{cards}")
    assert move.status_code == 403
    assert "only an administrator of the whole desk" in move.text
    assert not forms((await local.get(f"/units/{team}")).text).has("/units/new")
