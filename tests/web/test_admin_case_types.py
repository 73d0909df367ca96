"""Case types: drawn with a small editor; what open cases hold is never lost in silence."""

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


async def test_a_type_is_drawn_field_by_field_and_filed_under(desk, send, forms):
    administrator = await desk.signed_in("administrator")
    path = "/case-types/new"
    first = await send(administrator, path, path, label="Card", step="add", **{"f1.label": "Card ending"})
    kept = forms(first.text).of(path)
    assert kept["f1.label"] == "Card ending"
    kept |= {"days": "15", "f1.required": "on", "f1.help": "The last four.", "f2.label": "Stage", "f2.kind": "choice"}
    empty = await administrator.http.post(path, data=kept)
    assert empty.status_code == 422
    assert "Write the choices of the list" in empty.text
    done = await administrator.http.post(path, data={**kept, "f2.choices": "open\nsent"})
    assert done.headers["location"] == "/case-types/card"
    agent = await desk.signed_in("agent")
    filed = {
        "name": "Ana",
        "matter": "Lost.",
        "case_type": "card",
        "fields.card_ending": "1234",
        "fields.stage": "sent",
    }
    assert (await send(agent, "/cases/new", "/cases/new", **filed)).status_code == 303
    row = await db.fetchrow("SELECT fields, due_at - received_at < interval '17 days' AS soon FROM core_case")
    assert row["fields"] == {"card_ending": "1234", "stage": "sent"}
    assert row["soon"]
    missing = await send(agent, "/cases/new", "/cases/new", **{**filed, "fields.card_ending": ""})
    assert missing.status_code == 422


async def test_fields_that_open_cases_would_not_fit_are_said_before_they_are_saved(desk, forms):
    administrator = await desk.signed_in("administrator")
    filed = await desk.file()
    path = "/case-types/complaint"
    form = forms((await administrator.get(path)).text).of(path)
    form |= {"f1.label": "Branch", "f1.name": "branch", "f1.kind": "text", "f1.required": "on"}
    warned = await administrator.http.post(path, data=form)
    assert warned.status_code == 409
    assert "1 open case holds values these fields would not take" in warned.text
    assert filed.reference not in warned.text  # this administrator may not see cases
    assert forms(warned.text).of(path)["f1.label"] == "Branch"
    assert (await administrator.http.post(path, data={**form, "later": "on"})).status_code == 303
    await db.execute('UPDATE core_case SET fields = \'{"branch": "Gdańsk"}\'')
    form = forms((await administrator.get(path)).text).of(path)
    lost = await administrator.http.post(path, data={**form, "f1.remove": "on"})
    assert lost.status_code == 409
    assert "would be lost" in lost.text
    last = await administrator.http.post(path, data={key: each for key, each in form.items() if key != "active"})
    assert "only case type in use" in last.text


async def test_rules_the_editor_does_not_know_stay(desk, forms):
    administrator = await desk.signed_in("administrator")
    schema = {"years": {"type": "integer", "min": 0, "max": 40, "meta": {"label": "Years"}}}
    await db.execute("UPDATE core_case_type SET fields = $1", schema)
    path = "/case-types/complaint"
    form = forms((await administrator.get(path)).text).of(path)
    assert (await administrator.http.post(path, data={**form, "f1.label": "Years left"})).status_code == 303
    kept = await db.fetchval("SELECT fields FROM core_case_type WHERE key = 'complaint'")
    assert (kept["years"]["max"], kept["years"]["meta"]["label"]) == (40, "Years left")
    stale = await administrator.http.post(path, data={**form, "f1.label": "Another"})
    assert stale.status_code == 409


async def test_who_sets_up_one_unit_sees_case_types_and_changes_none(desk):
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    await unit_setup.add(SYSTEM, "cards", main, {"name": "Cards"})
    await desk.user("local", "administrator", unit="cards")
    local = await desk.signed_in("local")
    assert "only an administrator of the whole desk" in (await local.get("/case-types")).text
    refused = await local.submit("/case-types/new", {"label": "Mine", "key": "mine"})
    assert refused.status_code == 403
    assert 'value="Mine"' in refused.text
    assert (await (await desk.signed_in("agent")).get("/case-types")).status_code == 403
