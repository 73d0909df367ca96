"""Resolution protocols: written in versions, worked through on an aspect, asked for by a decision."""

from datetime import timedelta

from ombud.desk import aspects
from ombud.desk.administration import protocols as setup
from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration import units as unit_setup
from ombud.desk.administration.protocols import ItemGiven
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.matters import protocols
from ombud.desk.taxonomies import today
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

HOME = "/administration/protocols"
REASON = "The fee was taken twice by a double run."


async def _term(code, parent=None):
    return await taxonomy_setup.add(
        SYSTEM, "category", code, None, TermGiven({"en": code.capitalize()}, parent_id=parent)
    )


async def _protocol(
    name="Fees", category="", unit=None, steps=("Look at the account",), evidence=(), demand="free", **more
):
    return await setup.add(
        SYSTEM, name, category, unit, [ItemGiven(each, demand=demand) for each in steps],
        [ItemGiven(each, demand=demand) for each in evidence], **more,
    )  # fmt: skip


async def _aspect(desk, category=""):
    filed = await desk.file()
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    if category:
        await aspects.change(SYSTEM, aspect, {"category": category}, None)
    return filed, aspect, f"/cases/{filed.reference}/aspects/{aspect}"


async def test_an_administrator_writes_a_protocol_and_its_next_version_with_what_changed(desk, send):
    administrator = await desk.signed_in("administrator")
    await _term("fee")
    assert "No protocol yet" in (await administrator.get(HOME)).text
    made = await send(
        administrator, f"{HOME}/new", f"{HOME}/new", name="Fees", category="fee", unit="desk",
        step_key=["", ""], step_label=["Look at the account", "Call the customer"], step_guidance=["Three months", ""],
        step_demand=["block", "warn"], evidence_key="", evidence_label="Statement", evidence_guidance="",
        evidence_demand="block", follow=True,
    )  # fmt: skip
    assert "Fees is written." in made.text
    assert "2 steps, 1 piece of evidence" in made.text
    one = f"{HOME}/{await db.fetchval('SELECT id FROM core_protocol')}"
    done = await send(
        administrator, one, one, step_key=["look_at_the_account", ""],
        step_label=["Look at the account", "Check the tariff"],
        step_guidance=["Six months", ""], step_demand=["block", "free"], evidence_key="", evidence_label="",
        evidence_guidance="", evidence_demand="free", follow=True,
    )  # fmt: skip
    for words in ("Version 2 is written.", "New: Check the tariff", "Gone: Call the customer", "Gone: Statement",
                  "Changed: Look at the account"):  # fmt: skip
        assert words in done.text
    assert [row["number"] for row in await db.fetch("SELECT number FROM core_protocol_version ORDER BY number")] == [
        1,
        2,
    ]


async def test_a_refused_protocol_keeps_every_row_and_says_what_is_missing(desk, send, forms):
    administrator = await desk.signed_in("administrator")
    refused = await send(
        administrator, f"{HOME}/new", f"{HOME}/new", name="Fees", unit="", step_label=["Look"], step_guidance=["Well"],
        step_key=[""], step_demand=["block"],
    )  # fmt: skip
    assert refused.status_code == 422
    assert "Choose where the protocol holds." in refused.text
    assert forms(refused.text).of(f"{HOME}/new")["step_label"][0] == "Look"
    empty = await send(administrator, f"{HOME}/new", f"{HOME}/new", name="Fees", unit="desk")
    assert "Write at least one step" in empty.text
    more = await send(administrator, f"{HOME}/new", f"{HOME}/new", name="Fees", step_label=["Look"], step_guidance=[""],
                      step_key=[""], step_demand=["free"], do="rows")  # fmt: skip
    assert forms(more.text).of(f"{HOME}/new")["step_label"] == ["Look", "", "", ""]
    past = await send(
        administrator, f"{HOME}/new", f"{HOME}/new", name="Fees", unit="desk", step_label=["Look"], step_guidance=[""],
        step_key=[""], step_demand=["free"], valid_from=(today() - timedelta(days=1)).isoformat(),
    )  # fmt: skip
    assert "begins today or later" in past.text
    await _protocol()
    twice = await send(administrator, f"{HOME}/new", f"{HOME}/new", name="Again", unit="desk", step_label=["Look"],
                       step_guidance=[""], step_key=[""], step_demand=["free"])  # fmt: skip
    assert twice.status_code == 422
    assert "There is a protocol for this category and unit." in twice.text


async def test_the_nearest_category_holds_then_the_nearest_unit(desk):
    parent = await _term("money")
    await _term("fee", parent)
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    team = await unit_setup.add(SYSTEM, "team", main, {"name": "Team"})
    _, aspect, _ = await _aspect(desk, "fee")
    assert (await protocols.plan(aspect)).name == ""
    await _protocol("Everything")
    await _protocol("Another unit's", "fee", team)
    assert (await protocols.plan(aspect)).name == "Everything"
    await _protocol("Money", "money")
    assert (await protocols.plan(aspect)).name == "Money"
    await _protocol("Fees", "fee")
    await _protocol("Fees of main", "fee", main)
    assert (await protocols.plan(aspect)).name == "Fees of main"


async def test_steps_are_done_by_somebody_and_taken_back(desk, send):
    agent = await desk.signed_in("agent")
    await _protocol(steps=("Look at the account", "Call"))
    _, _, place = await _aspect(desk)
    page = f"{place}/protocol"
    shown = await agent.get(page)
    assert "0 of 2 steps done" in shown.text
    await send(agent, page, f"{page}/done", step="call", note="No answer")
    text = (await agent.get(page)).text
    assert "1 of 2 steps done" in text
    assert "No answer" in text
    assert "Agent" in text
    await send(agent, page, f"{page}/undone", step="call")
    assert "0 of 2 steps done" in (await agent.get(page)).text
    kinds = [
        row["kind"]
        for row in await db.fetch("SELECT kind FROM core_ledger_entry WHERE kind ~ '^(step|protocol.kept)' ORDER BY id")
    ]
    assert kinds == ["protocol.kept", "step.done", "step.undone"]
    unknown = await send(agent, page, f"{page}/done", step="dance")
    assert unknown.status_code == 422


async def test_a_decision_waits_for_what_the_protocol_demands_and_is_told_what_it_recommends(desk, send):
    agent = await desk.signed_in("agent")
    await setup.add(
        SYSTEM, "Fees", "", None, [ItemGiven("Call", demand="warn")], [ItemGiven("Statement", demand="block")]
    )
    _, aspect, place = await _aspect(desk)
    form = (await agent.get(f"{place}/decide")).text
    assert "Not decided before:" in form
    assert "The protocol recommends first:" in form
    refused = await send(agent, f"{place}/decide", f"{place}/decide", outcome="upheld", reason=REASON)
    assert refused.status_code == 409
    assert "asks for this before a decision: Statement" in refused.text
    assert REASON in refused.text
    await send(agent, f"{place}/evidence", f"{place}/evidence/ask", what="Statement of May", asked_of="The bank",
               need="statement")  # fmt: skip
    line = await db.fetchval("SELECT id FROM core_evidence")
    await send(agent, f"{place}/evidence", f"{place}/evidence/{line}/not-coming", why_not="It was destroyed")
    await send(agent, f"{place}/decide", f"{place}/decide", outcome="upheld", reason=REASON)
    assert await db.fetchval("SELECT outcome FROM core_aspect WHERE id = $1", aspect) == "upheld"
    assert await db.fetchval("SELECT body->'missing' FROM core_ledger_entry WHERE kind = 'aspect.decided'") == ["call"]


async def test_a_matter_that_is_withdrawn_needs_no_playbook(desk, send):
    agent = await desk.signed_in("agent")
    await _protocol(demand="block")
    _, aspect, place = await _aspect(desk)
    await send(agent, f"{place}/decide", f"{place}/decide", outcome="withdrawn", reason="She took it back.")
    assert await db.fetchval("SELECT outcome FROM core_aspect WHERE id = $1", aspect) == "withdrawn"


async def test_a_running_aspect_keeps_its_version_until_somebody_goes_on_by_the_new_one(desk, send):
    agent = await desk.signed_in("agent")
    made = await _protocol(steps=("Look",))
    _, aspect, place = await _aspect(desk)
    await setup.write_version(SYSTEM, made, [ItemGiven("Look", key="look"), ItemGiven("Check")], [], today(), 1)
    assert (await protocols.plan(aspect)).number == 1  # nothing was done by it yet
    page = f"{place}/protocol"
    await send(agent, page, f"{page}/done", step="look")
    shown = (await agent.get(page)).text
    assert "1 of 1 steps done" in shown
    assert "Version 2 holds by now" in shown
    later = await desk.file("A later one.")
    fresh = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", later.case_id)
    assert (await protocols.plan(fresh)).number == 2
    await send(agent, page, f"{page}/newest")
    assert "1 of 2 steps done" in (await agent.get(page)).text


async def test_a_version_that_begins_later_holds_for_nothing_yet_and_a_retired_protocol_only_for_what_runs(desk, send):
    agent = await desk.signed_in("agent")
    later = await _protocol(valid_from=today() + timedelta(days=3))
    _, aspect, place = await _aspect(desk)
    assert (await protocols.plan(aspect)).name == ""
    assert "No protocol for this aspect" in (await agent.get(f"{place}/protocol")).text
    await setup.set_active(SYSTEM, later, False, None)
    made = await _protocol("Now")
    await send(agent, f"{place}/protocol", f"{place}/protocol/done", step="look_at_the_account")
    await setup.set_active(SYSTEM, made, False, None)
    assert (await protocols.plan(aspect)).name == "Now"
    _, fresh, _ = await _aspect(desk)
    assert (await protocols.plan(fresh)).name == ""


async def test_who_sets_nothing_up_opens_no_protocol(desk):
    agent = await desk.signed_in("agent")
    assert (await agent.get(HOME)).status_code == 403
