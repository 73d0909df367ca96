"""A complaint written down for somebody: matters come and go without a script, nothing typed is lost."""

from datetime import timedelta

import httpx

from ombud import work
from ombud.desk import intake
from ombud.desk.hand_filing import parse
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud_plugin_api.facts import RawReceipt


async def test_a_letter_with_two_matters_becomes_a_case_dated_by_its_receipt(desk, send):
    agent = await desk.signed_in("agent")
    day = (now() - timedelta(days=9)).date()
    opened = await send(
        agent, "/cases/new", "/cases/new", name="Renata Olszak", channel="letter", received_on=day.isoformat(),
        matter=["You closed my account.", "", "Nobody answered."], category=["account", "", ""], follow=True,
    )  # fmt: skip
    assert opened.status_code == 200
    assert "is open." in opened.text
    row = await db.fetchrow("SELECT * FROM core_case")
    assert (row["channel"], row["received_on"], row["aspects_total"]) == ("letter", day, 2)
    assert row["title"] == "You closed my account."
    actor = await db.fetchval("SELECT actor FROM core_ledger_entry WHERE kind = 'case.opened'")
    assert actor.startswith("user/")


async def test_the_same_form_sent_twice_opens_one_case(desk, forms):
    agent = await desk.signed_in("agent")
    form = forms((await agent.get("/cases/new")).text).of("/cases/new")
    form |= {"name": "Ana Lima", "matter": "The card was blocked.", "channel": "phone"}
    first, second = [await agent.http.post("/cases/new", data=form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    assert await db.fetchval("SELECT count(*) FROM core_case") == 1
    other = await agent.http.post("/cases/new", data={**form, "matter": "Other words."})
    assert other.status_code == 409
    assert "Other words." in other.text
    fresh = forms(other.text).of("/cases/new")
    assert fresh["key"] != form["key"]
    assert (await agent.http.post("/cases/new", data=fresh)).status_code == 303


async def test_matters_are_added_and_removed_without_a_script_and_every_text_is_kept(desk, send, forms):
    agent = await desk.signed_in("agent")
    added = await send(agent, "/cases/new", "/cases/new", step="add", name="Ana", matter="First thing", summary="Card")
    form = forms(added.text).of("/cases/new")
    assert form["matter"] == ["First thing", ""]
    assert (form["name"], form["summary"]) == ("Ana", "Card")
    removed = await agent.http.post(
        "/cases/new", data={**form, "matter": ["First thing", "Second"], "step": "remove-1"}
    )
    assert forms(removed.text).of("/cases/new")["matter"] == "Second"
    assert await db.fetchval("SELECT count(*) FROM core_raw") == 0


async def test_everything_wrong_is_said_at_once_beside_its_field(desk, send, forms):
    agent = await desk.signed_in("agent")
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    refused = await send(
        agent,
        "/cases/new",
        "/cases/new",
        name="",
        email="nobody",
        received_on=tomorrow,
        matter=" ",
        summary="Kept words",
    )
    assert refused.status_code == 422
    assert "Correct 4 things" in refused.text
    assert 'id="matter-1-error"' in refused.text
    assert "E-mail: This is not an e-mail address" in refused.text
    assert forms(refused.text).of("/cases/new")["summary"] == "Kept words"
    future = await send(agent, "/cases/new", "/cases/new", name="Ana", matter="A thing.", received_on=tomorrow)
    assert future.status_code == 422
    assert "This day lies in the future" in future.text
    strange = await send(agent, "/cases/new", "/cases/new", name="Ana", matter="A\0thing.", channel="pigeon", unit="x")
    assert "control characters" in strange.text
    assert strange.text.count("Choose one of the list.") >= 2
    assert await db.fetchval("SELECT count(*) FROM core_raw") == 0


async def test_own_fields_of_the_type_are_drawn_checked_and_kept(desk, send):
    schema = {"account": {"type": "string", "maxlength": 8, "required": True, "meta": {"label": "Account"}},
              "branch": {"type": "string", "allowed": ["Gdynia", "Sopot"]}}  # fmt: skip
    await db.execute("UPDATE core_case_type SET fields = $1", schema)
    agent = await desk.signed_in("agent")
    missing = await send(agent, "/cases/new", "/cases/new", name="Ana", matter="A thing.")
    assert missing.status_code == 422
    assert "Account: required field" in missing.text
    fields = {"fields.account": "2214", "fields.branch": "Sopot"}
    await send(agent, "/cases/new", "/cases/new", name="Ana", matter="A thing.", **fields)
    assert await db.fetchval("SELECT fields FROM core_case") == {"account": "2214", "branch": "Sopot"}


async def test_a_filing_that_was_broken_off_after_the_receipt_is_resumed(desk, forms):
    agent = await desk.signed_in("agent")
    form = forms((await agent.get("/cases/new")).text).of("/cases/new")
    form |= {"name": "Ana Lima", "matter": "The card was blocked.", "channel": "letter"}
    body = httpx.Request("POST", "http://desk.test", data=form).content
    await intake.receive(RawReceipt(channel="desk", key=form["key"], body=body,
                                    content_type="application/x-www-form-urlencoded"), principal="user/x")  # fmt: skip
    await db.execute("UPDATE core_raw SET received_at = now() - interval '2 minutes'")
    await work.sweep_receipts({}, None)
    await desk.work()
    row = await db.fetchrow("SELECT channel, title FROM core_case")
    assert (row["channel"], row["title"]) == ("letter", "The card was blocked.")


async def test_a_stored_form_reads_the_same_again(desk, send):
    agent = await desk.signed_in("agent")
    day = (now() - timedelta(days=3)).date()
    await send(agent, "/cases/new", "/cases/new", name="Ana Żółć", channel="in_person", matter=["One & two", "Three"],
               received_on=day.isoformat(), email="ana@example.org")  # fmt: skip
    raw, _, principal = await intake.load_raw(await db.fetchval("SELECT id FROM core_raw"))
    complaint = await parse(raw)
    assert complaint.person.name == "Ana Żółć"
    assert [matter.text for matter in complaint.matters] == ["One & two", "Three"]
    assert complaint.received_at == await db.fetchval("SELECT received_at FROM core_case")
    assert principal.startswith("user/")


async def test_a_call_is_kept_as_what_staff_were_told_and_a_letter_as_the_customers_words(desk, send):
    agent = await desk.signed_in("agent")
    for channel in ("phone", "in_person", "letter", "email"):
        sent = await send(agent, "/cases/new", "/cases/new", name="Ann", channel=channel, matter=f"By {channel}.")
        assert sent.status_code == 303
    told = {row["channel"] for row in await db.fetch("SELECT channel FROM core_message WHERE told")}
    assert told == {"phone", "in_person"}
