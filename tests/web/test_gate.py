"""The gate before a final response: shown while it is written, the same on every way, let pass with a reason."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ombud.desk import aspects
from ombud.desk.errors import NotAllowed
from ombud.desk.gate.guarding import Held
from ombud.desk.outgoing import deciding, listing, templates, writing
from ombud.desk.outgoing.templates import TemplateGiven
from ombud.desk.outgoing.writing import Wanted
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.rules import applying
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import SendTemplate

WIRE = "dummy-wire"
GOOD = "A. The fee was taken twice\n\nUpheld. We pay you €42.00.\n\nB. Nobody called back\n\nNot upheld. We called you."
WRONG = GOOD.replace("€42.00", "€24.00")
RIGHTS = "\n\nYou can refer this to the dummy ombudsman: https://dummy.example/leaflet."


@pytest.fixture
async def desk(desk_with_dummy: Any) -> Any:
    await group_settings.change(SYSTEM, "notices", Change(values={"acknowledge": False}))
    return desk_with_dummy


async def rules(unit: Any = None, **values: Any) -> None:
    await group_settings.change(SYSTEM, "gate", Change(values=values), unit)


async def decided(desk: Any) -> Any:
    """A is upheld with €42, B is not upheld."""
    filed = await desk.file("The fee was taken twice.", "Nobody called back.")
    agent = await desk.viewer("agent")
    first, second = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    given = (RedressGiven("money", Decimal(42), "EUR"),)
    await aspects.decide_aspect(agent, first["id"], aspects.Decision("upheld", "Our fault.", "", given), None)
    await aspects.decide_aspect(agent, second["id"], aspects.Decision("not_upheld", "We called.", "", ()), None)
    return filed


async def write(desk: Any, filed: Any, text: str = GOOD, who: str = "agent", **more: Any) -> Any:
    wanted = Wanted(text, kind="final_response", channel=WIRE, **more)
    return await writing.write(await desk.viewer(who), filed.case_id, wanted)


def box(**more: str) -> dict[str, str]:
    return {"kind": "reply", "letter": "final_response", "channel": WIRE, **more}


async def press(browser: Any, forms: Any, path: str, **more: str) -> Any:
    """The button in the box: it sends the box's form elsewhere."""
    fields = forms((await browser.get(path)).text).of(f"{path}/messages")
    return await browser.http.post(f"{path}/check", data={**fields, **box(**more)})


async def test_a_wrong_sum_is_refused_with_the_list_and_the_text_stays_and_the_right_one_leaves(
    desk: Any, send: Any, forms: Any
) -> None:
    filed = await decided(desk)
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    page = await send(agent, path, f"{path}/messages", **box(text=WRONG))
    assert page.status_code == 409
    assert "€24.00 is not the redress of aspect A; the record says €42.00" in page.text
    assert "1 point holds the letter." in page.text
    assert "Your text is safe" in page.text
    assert forms(page.text).of(f"{path}/messages")["text"].replace("\r\n", "\n") == WRONG
    assert 'name="override"' not in page.text, "no right to let it pass"
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0
    sent = await send(agent, path, f"{path}/messages", **box(text=GOOD))
    assert sent.status_code == 303, sent.text[:500]
    assert await db.fetchval("SELECT state FROM core_outgoing") == "held"


async def test_the_api_refuses_the_same_letter_and_names_what_is_wrong(desk: Any) -> None:
    filed = await decided(desk)
    api, address = await desk.api("agent"), f"/api/v1/cases/{filed.reference}/messages"
    body = {"kind": "answer", "text": WRONG, "letter": "final_response", "channel": WIRE}
    refused = await api.post(address, json=body)
    assert refused.status_code == 409
    assert "the record says €42.00" in refused.text
    assert (await api.post(address, json={**body, "override": "In a hurry."})).status_code == 403
    leader = await desk.api("leader")
    assert (await leader.post(address, json={**body, "override": "Agreed by phone."})).status_code == 201
    assert (await api.post(address, json={**body, "text": GOOD})).status_code == 201


async def test_the_letter_is_checked_while_it_is_written_and_without_scripts_by_its_button(
    desk: Any, forms: Any
) -> None:
    filed = await decided(desk)
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    fields = forms((await agent.get(path)).text).of(f"{path}/messages")
    live = {"hx-request": "true", "hx-target": "gate"}
    found = await agent.http.post(f"{path}/check", data={**fields, **box(text=WRONG)}, headers=live)
    assert (found.status_code, "<html" in found.text) == (200, False)
    place = WRONG.index("€24.00")
    assert f'data-passage="{place}-{place + 6}"' in found.text
    fine = await agent.http.post(f"{path}/check", data={**fields, **box(text=GOOD)}, headers=live)
    assert "Nothing is missing." in fine.text
    other = await agent.http.post(f"{path}/check", data={**fields, **box(text=WRONG), "letter": "reply"}, headers=live)
    assert "Before it leaves" not in other.text, "no other letter is judged"
    whole = await press(agent, forms, path, text=WRONG)
    assert whole.status_code == 200
    assert "the record says €42.00" in whole.text
    assert forms(whole.text).of(f"{path}/messages")["text"].replace("\r\n", "\n") == WRONG
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0


async def test_what_a_regulator_asks_for_is_required_where_it_was_chosen_and_nowhere_else(desk: Any) -> None:
    filed = await decided(desk)
    await write(desk, filed)
    await rules(requires_dummy=True)
    with pytest.raises(Held) as held:
        await write(desk, filed)
    assert [each.facts["key"] for each in held.value.findings] == ["dummy/right/en", "dummy/leaflet"]
    assert "Dummy office, Rule 1" in str(held.value)
    await write(desk, filed, GOOD + RIGHTS)
    await rules(case_types=["complaint: none"])
    await write(desk, filed)
    await rules(case_types=["complaint: dummy", "loan: none"], requires_dummy=False)
    with pytest.raises(Held):
        await write(desk, filed)


async def test_the_customers_page_promises_the_way_to_the_ombudsman_where_the_letter_must_name_it(desk: Any) -> None:
    await desk.enable("portal")
    filed = await desk.file("The fee was taken twice.")
    promised = "names who decides over us"

    async def page() -> str:
        return str((await desk.browser().get(filed.track_url, follow_redirects=True)).text)

    assert promised not in await page()
    assert "Write to us on this page" in await page()
    await rules(requires_dummy=True)
    assert promised in await page()
    await rules(level_rights="off")
    assert promised not in await page(), "a letter without it leaves"
    await rules(level_rights="block", case_types=["complaint: none"])
    assert promised not in await page()


async def test_a_leaflet_among_the_files_counts_as_much_as_a_link(desk: Any) -> None:
    from ombud_plugin_api.facts import Document

    filed = await decided(desk)
    await rules(requires_dummy=True)
    text = GOOD + "\n\nYou can refer this to the dummy ombudsman."
    with pytest.raises(Held, match="The leaflet does not go along"):
        await write(desk, filed, text)
    leaflet = Document(name="Our leaflet.txt", content_type="text/plain", data=b"Leaflet")
    await write(desk, filed, text, documents=(leaflet,))


async def test_which_of_several_letters_it_is_the_writer_chooses(desk: Any, forms: Any) -> None:
    filed = await decided(desk)
    await rules(requires_dummy=True)
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    page = await press(agent, forms, path, text=GOOD)
    assert '<option value="settled">Short letter</option>' in page.text
    with pytest.raises(Held, match="That it is settled is missing"):
        await write(desk, filed, letter_type="settled")
    await write(desk, filed, GOOD + "\n\nWe take it as settled.", letter_type="settled")
    assert await db.fetchval("SELECT letter_type FROM core_outgoing") == "settled"


async def test_a_check_that_is_off_or_only_warns_holds_nothing(desk: Any) -> None:
    filed = await decided(desk)
    for level in ("warn", "off"):
        await rules(level_sums=level)
        await write(desk, filed, WRONG)
    await rules(level_sums="block")
    with pytest.raises(Held):
        await write(desk, filed, WRONG)


async def test_somebody_with_the_right_sends_it_all_the_same_with_a_reason_that_everybody_sees(
    desk: Any, send: Any
) -> None:
    filed = await decided(desk)
    leader, path = await desk.signed_in("leader"), f"/cases/{filed.reference}"
    page = await send(leader, path, f"{path}/messages", **box(text=WRONG))
    assert page.status_code == 409
    assert 'name="override"' in page.text
    sent = await send(leader, path, f"{path}/messages", **box(text=WRONG, override="She took €24 on the phone."))
    assert sent.status_code == 303
    shown = (await leader.get(path)).text
    assert "sent it in spite of the gate." in shown
    assert "She took €24 on the phone." in shown
    entry = await db.fetchrow("SELECT body, sealed FROM core_ledger_entry WHERE kind = 'message.gate_overridden'")
    assert entry["body"]["checks"] == ["sums"]
    assert "€24" not in str(entry["body"]), "the reason is sealed"
    history = (await leader.get(f"{path}/history")).text
    assert "in spite of the gate: sums equal the record" in history


async def test_a_reason_without_the_right_or_the_right_without_a_reason_is_not_enough(desk: Any) -> None:
    filed = await decided(desk)
    with pytest.raises(NotAllowed, match="in spite of the gate"):
        await write(desk, filed, WRONG, override="Because.")
    with pytest.raises(Held):
        await write(desk, filed, WRONG, who="leader", override="  ")
    assert await db.fetchval("SELECT count(*) FROM core_outgoing") == 0
    await write(desk, filed, GOOD, who="leader", override="There was nothing to let pass.")
    assert await db.fetchval("SELECT let_pass_why FROM core_outgoing") == ""


async def waiting(desk: Any, text: str = GOOD, who: str = "agent", **more: Any) -> UUID:
    filed = await decided(desk)
    written = await write(desk, filed, text, who, ask=True, **more)
    assert written.state == "waiting_approval"
    return UUID(str(written.id))


async def test_approval_reads_the_text_anew_and_holds_what_was_edited_meanwhile(desk: Any, send: Any) -> None:
    identity = await waiting(desk)
    compliance = await desk.signed_in("compliance")
    address = f"/outgoing?which=approval&open={identity}"
    assert "Nothing is missing." in (await compliance.get(address)).text
    await db.execute("UPDATE core_message SET body = $2 WHERE id = $1", identity, WRONG)
    page = (await compliance.get(address)).text
    assert "the record says €42.00" in page
    assert "Why it leaves in spite of that" in page
    refused = await send(compliance, address, f"/outgoing/{identity}/approve", override=" ")
    assert refused.status_code == 303
    assert await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", identity) == "waiting_approval"
    await send(compliance, address, f"/outgoing/{identity}/approve", override="Agreed with the customer.")
    row = await db.fetchrow("SELECT state, let_pass_why FROM core_outgoing WHERE id = $1", identity)
    assert tuple(row) == ("held", "Agreed with the customer.")


async def test_an_approver_without_the_right_cannot_let_it_pass(desk: Any) -> None:
    identity = await waiting(desk)
    await db.execute("UPDATE core_message SET body = $2 WHERE id = $1", identity, WRONG)
    await db.execute("UPDATE core_role SET permissions = array_remove(permissions, 'message.override_gate')")
    compliance = await desk.signed_in("compliance")
    page = (await compliance.get(f"/outgoing?which=approval&open={identity}")).text
    assert "It cannot be approved like this." in page
    assert "Approve this version" not in page
    viewer = await desk.viewer("compliance")
    shown = (await listing.one(viewer, identity)).hash
    with pytest.raises(NotAllowed):
        await deciding.approve(viewer, identity, shown, "Agreed.")


async def test_what_its_writer_let_pass_the_approver_sees_and_is_not_asked_for_again(desk: Any, send: Any) -> None:
    identity = await waiting(desk, WRONG, "leader", override="She took €24 on the phone.")
    compliance = await desk.signed_in("compliance")
    page = (await compliance.get(f"/outgoing?which=approval&open={identity}")).text
    assert "She took €24 on the phone." in page
    assert "the record says €42.00" in page
    address = f"/outgoing?which=approval&open={identity}"
    await send(compliance, address, f"/outgoing/{identity}/approve")
    assert await db.fetchval("SELECT state FROM core_outgoing WHERE id = $1", identity) == "held"


async def rule_sends(filed: Any, text: str) -> str:
    given = TemplateGiven("Ours", "final_response", "en", "Our answer", text)
    template = (await templates.save(SYSTEM, "", given)).key
    why = {"rule": "r", "version": 1, "trigger": "t", "conditions": []}
    return await applying.apply(filed.case_id, SendTemplate(template=str(template)), why)


async def test_what_a_rule_writes_waits_for_a_person_with_the_reason_and_nothing_is_lost(desk: Any, send: Any) -> None:
    filed = await decided(desk)
    refusal = await rule_sends(filed, "We are sorry for {{ case.reference }}.")
    assert refusal == ""
    row = await db.fetchrow("SELECT id, state, approval, robot FROM core_outgoing")
    assert (row["state"], row["robot"]) == ("waiting_approval", True)
    leader = await desk.signed_in("leader")
    page = (await leader.get(f"/outgoing?which=approval&open={row['id']}")).text
    assert "Aspect A is not answered" in page
    address = f"/outgoing?which=approval&open={row['id']}"
    await send(leader, address, f"/outgoing/{row['id']}/reject", reason="Answer both.")
    draft = (await leader.get(f"/cases/{filed.reference}")).text
    assert f"We are sorry for {filed.reference}." in draft, "the text is in the box of whoever sent it back"


async def test_whom_an_aspect_is_about_is_told_nothing_of_what_a_letter_lacks(desk: Any, forms: Any) -> None:
    filed = await decided(desk)
    agent, path = await desk.signed_in("agent"), f"/cases/{filed.reference}"
    me = (await desk.viewer("agent")).user_id
    hidden = "UPDATE core_aspect SET concerns_user_id = $2 WHERE case_id = $1 AND position = 2"
    await db.execute(hidden, filed.case_id, me)
    page = await press(agent, forms, path, text="A. The fee was taken twice. Upheld. We pay €42.")
    assert "Nobody called back" not in page.text
    assert "is not answered" not in page.text
    assert "You cannot do this in this case. Ask your team leader." in page.text


async def test_the_settings_page_has_a_tick_for_each_regulator_and_keeps_jargon_lists(desk: Any, send: Any) -> None:
    admin = await desk.signed_in("administrator")
    page = (await admin.get("/settings/gate")).text
    assert "Dummy office" in page
    saved = await send(admin, "/settings/gate", "/settings/gate", **{
        "set.requires_dummy": "on", "set.jargon_en": "called back = rang", "set.level_jargon": "block",
    })  # fmt: skip
    assert saved.status_code == 303
    wrong = await send(admin, "/settings/gate", "/settings/gate", **{"set.case_types": "loan = fca"})
    assert wrong.status_code == 422
    filed = await decided(desk)
    with pytest.raises(Held, match="Say “rang”"):
        await write(desk, filed, GOOD + RIGHTS)
