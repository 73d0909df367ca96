"""Roles in the administration, the matrix of who may what, and why somebody may or may not."""

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


async def test_a_role_of_the_desks_own_is_added_changed_and_retired(desk, send, forms):
    administrator = await desk.signed_in("administrator")
    page = "/roles/new"
    wrong = await send(administrator, page, page, label="Front desk", key="Front Desk", permissions=["case.read"])
    assert wrong.status_code == 422
    assert "case.read" in forms(wrong.text).of(page)["permissions"]
    strange = await send(administrator, page, page, label="Front desk", key="front", permissions=["moon.walk"])
    assert "There is no right moon.walk" in strange.text
    made = await send(
        administrator, page, page, label="Front desk", key="front", permissions=["case.read", "case.file"]
    )
    assert made.headers["location"] == "/roles/front"
    assert "already" in (await send(administrator, page, page, label="Front", key="front")).text
    await desk.user("greeter", "front")
    assert (await (await desk.signed_in("greeter")).get("/cases/new")).status_code == 200
    changed = await send(administrator, "/roles/front", "/roles/front", permissions=["case.read"], follow=True)
    assert "changed the role Front desk" in changed.text
    assert (await (await desk.signed_in("greeter")).get("/cases/new")).status_code == 403
    held = await send(administrator, "/roles/front", "/roles/front/retire")
    assert held.status_code == 409
    assert "One person holds this role" in held.text
    await db.execute("DELETE FROM core_user_role WHERE role = 'front'")
    assert (await send(administrator, "/roles/front", "/roles/front/retire")).status_code == 303
    assert 'value="front"' not in (await administrator.get("/users/new")).text
    assert (await send(administrator, "/roles/front", "/roles/front/restore")).status_code == 303
    assert (await administrator.get("/roles/no-such")).status_code == 404


async def test_a_role_changed_meanwhile_shows_both_sides(desk, forms):
    administrator = await desk.signed_in("administrator")
    path = "/roles/quality"
    mine, theirs = [forms((await administrator.get(path)).text).of(path) for _ in range(2)]
    assert (await administrator.http.post(path, data={**theirs, "label": "Quality team"})).status_code == 303
    clash = await administrator.http.post(path, data={**mine, "label": "Reviewers"})
    assert clash.status_code == 409
    assert "Quality team" in clash.text
    assert (await administrator.http.post(path, data=forms(clash.text).of(path))).status_code == 303


async def test_the_right_to_manage_users_is_not_lost_with_a_tick(desk, send):
    administrator = await desk.signed_in("administrator")
    path = "/roles/administrator"
    refused = await send(administrator, path, path, permissions=["plugin.manage"])
    assert refused.status_code == 409
    assert "last person who can manage users" in refused.text
    assert "user.manage" in await db.fetchval("SELECT permissions FROM core_role WHERE key = 'administrator'")


async def test_the_matrix_says_who_may_what(desk):
    administrator = await desk.signed_in("administrator")
    shown = (await administrator.get("/roles/matrix")).text
    assert "See and mark confidential cases" in shown
    assert "Compliance officer" in shown
    assert (await (await desk.signed_in("agent")).get("/roles/matrix")).status_code == 403


async def test_why_somebody_may_or_may_not_names_the_role_or_the_one_that_would(desk):
    administrator = await desk.signed_in("administrator")
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    cards = await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    loans = await unit_setup.add(SYSTEM, "loans", main, {"name": "Loans"})
    user = await desk.user("ewa", "agent", unit="cards")

    async def asked(permission, unit):
        params = {"user": str(user), "permission": permission, "unit": str(unit)}
        return (await administrator.get("/roles/why", params=params)).text

    yes = await asked("case.read", cards)
    assert "The role Agent gives it, held in Cards." in yes
    elsewhere = await asked("case.read", loans)
    assert "held in Cards, which does not reach here" in elsewhere
    never = await asked("case.confidential", cards)
    assert "Roles that give it: Compliance officer" in never
    assert (
        await administrator.get("/roles/why", params={"user": "x", "permission": "case.read", "unit": "y"})
    ).status_code == 422
