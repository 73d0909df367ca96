"""Rules as administrators meet them, without script: written row by row, tried, turned on, changed, taken back."""

import re
from typing import Any

import pytest

from ombud.desk import support
from ombud.desk.engine.terms import Definition
from ombud.desk.rules import form as forms
from ombud.desk.rules import in_force, names, versions
from ombud.desk.support import Needs
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM

RED = {
    "key": "", "version": "", "label": "Red to senior", "when.kind": "event",
    "when.event": ["case.changed:mood", "support_needs.confirmed"], "when.amount": "2", "position": "100",
    "node": ["0", "0.0", "0.1"], "n.0.group": "all", "n.0.0.is": "mood", "n.0.0.shown": "mood", "n.0.0.not": "",
    "n.0.0.a.moods": ["angry"], "n.0.1.is": "support_needs", "n.0.1.shown": "support_needs", "n.0.1.not": "",
    "act": ["0"], "t.0.do": "set_priority", "t.0.shown": "set_priority", "t.0.a.priority": "urgent",
}  # fmt: skip


async def saved(browser: Any, **more: Any) -> Any:
    return await browser.submit("/rules/form", {**RED, "step": "save", **more}, page="/rules/new")


def version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


async def act(browser: Any, key: str, what: str, **more: Any) -> Any:
    page = (await browser.get(f"/rules/{key}")).text
    sent = {"what": what, "version": version(page), **more}
    return await browser.submit(f"/rules/{key}/act", sent, page=f"/rules/{key}")


async def test_the_list_tells_every_rule_in_a_sentence(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    page = (await adam.get("/rules")).text
    assert "When a case is opened, acknowledge the complaint to the customer." in page
    assert "2 working days after the customer last wrote, if the customer waits for an answer" in page
    assert page.count("comes with Ombud") == 7


async def test_who_may_not_manage_settings_sees_no_rules(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    for path in ("/rules", "/rules/new", "/rules/acknowledge"):
        assert (await agent.get(path)).status_code == 403
    assert (await agent.submit("/rules/form", {**RED, "step": "save"}, page="/queues/all")).status_code == 403
    assert (await agent.submit("/rules/acknowledge/act", {"what": "off"}, page="/queues/all")).status_code == 403


async def test_a_rule_is_written_row_by_row_without_script(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    page = (await adam.submit("/rules/form", {**RED, "step": "add-group:0"}, page="/rules/new")).text
    assert 'name="n.0.2.group"' in page
    assert 'name="n.0.2.0.is"' in page
    assert "it holds each time" not in page
    deeper = {**RED, "node": ["0", "0.0", "0.1", "0.2", "0.2.0"], "n.0.2.group": "none", "n.0.2.0.is": "channel",
              "n.0.2.0.shown": "priority", "n.0.2.0.not": ""}  # fmt: skip
    page = (await adam.submit("/rules/form", {**deeper, "step": "draw"}, page="/rules/new")).text
    assert 'name="n.0.2.0.a.channels"' in page, "the fields of the condition that was chosen"
    assert "Red to senior" in page
    page = (await adam.submit("/rules/form", {**deeper, "step": "remove:0.1"}, page="/rules/new")).text
    assert "support_needs" not in re.findall(r'value="(\w+)" selected', page)
    page = (await adam.submit("/rules/form", {**RED, "step": "add-action:"}, page="/rules/new")).text
    assert 'name="t.1.do"' in page
    page = (await adam.submit("/rules/form", {**RED, "step": "remove-action:0"}, page="/rules/new")).text
    assert 'name="t.0.do"' not in page


async def test_what_is_saved_comes_back_as_it_was_typed(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    answer = await saved(adam)
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules/red-to-senior")
    definition = (await versions.rule("red-to-senior")).newest.definition
    assert definition.conditions == {"all": [{"is": "mood", "moods": ["angry"]}, {"is": "support_needs"}]}
    assert definition.codes == ("case.changed:mood", "support_needs.confirmed")
    page = (await adam.get("/rules/red-to-senior")).text
    assert (
        "When the customer&#39;s tone changes or support needs are confirmed, if the customer&#39;s tone is Angry and "
        "support needs are confirmed, make the priority urgent." in page
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"label": ""}, "Give the rule a name"),
        ({"n.0.0.a.moods": []}, "This is needed."),
        ({"when.kind": "time", "when.amount": "soon"}, "Give a whole number of minutes, hours or days."),
        ({"position": "first"}, "Give a whole number, such as 100."),
    ],
)
async def test_what_does_not_fit_stands_beside_its_field_and_nothing_typed_is_lost(
    desk: Any, typed: dict[str, Any], said: str
) -> None:
    adam = await desk.signed_in("administrator")
    answer = await saved(adam, **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert "support_needs" in re.findall(r'value="(\w+)" selected', answer.text)
    assert await db.fetchval("SELECT count(*) FROM core_rule WHERE NOT shipped") == 0


async def test_a_rule_is_tried_turned_on_changed_taken_back_and_turned_off(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    await saved(adam)
    key = "red-to-senior"
    assert (await act(adam, key, "shadow")).status_code == 303
    assert "In shadow" in (await adam.get(f"/rules/{key}")).text
    assert (await act(adam, key, "activate", number="1")).status_code == 303
    page = (await adam.get(f"/rules/{key}")).text
    assert "Version 1 is on" in page
    changed = {**RED, "key": key, "version": version(page), "t.0.a.priority": "high", "step": "save"}
    assert (await adam.submit("/rules/form", changed, page=f"/rules/{key}")).status_code == 303
    page = (await adam.get(f"/rules/{key}")).text
    assert "Draft of version 2" in page
    assert "<del>make the priority urgent</del>" in page
    assert "<ins>make the priority high</ins>" in page
    assert (await act(adam, key, "activate", number="2")).status_code == 303
    assert (await act(adam, key, "rollback", number="1")).status_code == 303
    assert (await versions.rule(key)).newest.number == 3
    assert (await act(adam, key, "off")).status_code == 303
    assert (await versions.rule(key)).state == "off"
    refused = await act(adam, key, "off")
    assert (refused.status_code, "The rule is off already." in refused.text) == (409, True)


async def test_a_rule_that_contradicts_another_names_it_before_and_when_it_is_turned_on(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    await saved(adam)
    await act(adam, "red-to-senior", "activate")
    assert "Other rules set the same" not in (await adam.get("/rules/red-to-senior")).text
    calm = {"label": "Slow down", "t.0.a.priority": "low", "n.0.0.a.moods": ["angry", "upset"], "position": "50"}
    await saved(adam, **calm)
    page = (await adam.get("/rules/slow-down")).text
    assert "Other rules set the same" in page
    assert '<a class="textlink" href="/rules/red-to-senior">Red to senior</a>' in page
    assert "This rule: set priority: low" in page
    assert "That rule: set priority: urgent" in page
    assert "That rule is asked later and decides the priority." in page
    await act(adam, "slow-down", "activate")
    turned_on = (await adam.get("/rules/slow-down")).text
    assert "The rule is on. Mind one rule that sets the same thing differently; the page says which." in turned_on
    assert "This rule is asked later and decides the priority." in (await adam.get("/rules/red-to-senior")).text
    other = {"key": "slow-down", "version": version(turned_on), "n.0.0.a.moods": ["calm"]}
    await saved(adam, **{**calm, **other})
    assert "Other rules set the same" not in (await adam.get("/rules/slow-down")).text


async def test_two_who_change_one_rule_are_told_and_nothing_typed_is_lost(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    await saved(adam)
    page = (await adam.get("/rules/red-to-senior")).text
    sent = {**RED, "key": "red-to-senior", "version": version(page), "step": "save"}
    assert (await adam.submit("/rules/form", {**sent, "label": "First"}, page="/rules/new")).status_code == 303
    answer = await adam.submit("/rules/form", {**sent, "label": "Second"}, page="/rules/new")
    assert (answer.status_code, "Somebody changed this rule meanwhile" in answer.text) == (409, True)
    again = {**sent, "label": "Second", "version": version(answer.text)}
    assert (await adam.submit("/rules/form", again, page="/rules/new")).status_code == 303


async def test_a_rule_that_cannot_run_says_why_instead_of_a_button(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    await saved(adam, act=[])
    page = (await adam.get("/rules/red-to-senior")).text
    assert "Say what the rule does: add an action." in page
    assert "Turn on version 1" not in page
    answer = await act(adam, "red-to-senior", "activate")
    assert (answer.status_code, "Say what the rule does" in answer.text) == (422, True)


async def test_the_case_explains_what_a_rule_did_to_whoever_may_read_it(desk: Any) -> None:
    adam, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    leader = await desk.signed_in("leader")
    await saved(adam)
    await act(adam, "red-to-senior", "activate")
    filed = await desk.file("The fee was taken twice.", "A man was rude.")
    viewer = await desk.viewer("agent")
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    await support.confirm(viewer, filed.case_id, person, Needs(True, False, "", "consent"))
    await db.execute("UPDATE core_case SET mood = 'angry', mood_by = 'suggested' WHERE id = $1", filed.case_id)
    from ombud.desk.writing import record

    async with db.transaction():
        await record(SYSTEM, filed.case_id, "case.changed", {"mood": "angry", "suggested": True})
    await desk.work()
    assert await db.fetchval("SELECT priority FROM core_case WHERE id = $1", filed.case_id) == "urgent"
    page = (await agent.get(f"/cases/{filed.reference}")).text
    href = re.search(rf"/cases/{filed.reference}/why/\d+", page)
    assert href, "the timeline asks why"
    why = (await agent.get(href[0])).text
    for words in ("Red to senior", "version 1", "support needs are confirmed", "the customer&#39;s tone is Angry"):
        assert words in why
    part = await agent.get(href[0], headers={"hx-request": "true"})
    assert "<html" not in part.text
    assert "Red to senior" in part.text
    history = (await leader.get(f"/cases/{filed.reference}/history")).text
    assert history.count("Because of the rule") >= 1
    assert (await agent.get(f"/cases/{filed.reference}/why/1")).status_code == 404


async def test_whom_an_aspect_is_about_is_told_nothing_of_what_rules_saw(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    await saved(adam, **{
        "when.event": ["case.opened"], "n.0.0.is": "status", "n.0.0.shown": "status", "n.0.0.a.statuses": ["new"],
        "n.0.1.is": "confidential", "n.0.1.shown": "confidential", "n.0.1.not": "not",
    })  # fmt: skip
    await act(adam, "red-to-senior", "activate")
    filed = await desk.file("The fee was taken twice.", "A man was rude.")
    await desk.work()
    rude = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1 AND position = 2", filed.case_id)
    concerned = await desk.signed_in("agent")
    about = await desk.viewer("agent")
    number = await db.fetchval(
        "SELECT seq FROM core_ledger_entry WHERE stream = $1 AND kind = 'rule.applied'", f"case/{filed.case_id}"
    )
    address = f"/cases/{filed.reference}/why/{number}"
    assert (await concerned.get(address)).status_code == 200
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE id = $1", rude, about.user_id)
    assert (await concerned.get(address)).status_code == 404
    page = (await concerned.get(f"/cases/{filed.reference}")).text
    assert "/why/" not in page
    assert "Red to senior" not in page
    assert "red to senior" not in page.lower()


async def test_a_form_says_back_every_shipped_rule(desk: Any) -> None:
    """What is drawn and sent again unchanged is the same rule."""
    words, known = in_force.words(), await names.known()
    for each in await versions.all_rules():
        definition = each.newest.definition
        drawn = forms.drawn(definition, words, known, {})
        again = forms.read(_parts(drawn), words, known, each.key)
        assert again.wrong == {}, each.key
        assert forms.drawn(again.definition, words, known, {}) == drawn, each.key


def _parts(drawn: dict[str, Any]) -> dict[str, list[str]]:
    """As a browser would send it."""
    when = drawn["when"]
    parts = {
        "label": [drawn["label"]], "position": [str(drawn["position"])], "when.kind": [when["kind"]],
        "when.event": when["events"], "when.side": [when["side"]], "when.amount": [when["amount"]],
        "when.unit": [when["unit"]], "when.of": [when["of"]], "when.clock": [when["clock"]], "node": [],
        "act": [each["place"] for each in drawn["actions"]],
    }  # fmt: skip
    if when["business"]:
        parts["when.business"] = ["on"]

    def row(word: dict[str, Any], name: str) -> None:
        parts[f"{word['prefix']}.{name}"] = [word["key"]]
        parts[f"{word['prefix']}.shown"] = [word["key"]]
        for one in word["controls"]:
            parts[one["name"]] = list(one["texts"])

    def walk(node: dict[str, Any]) -> None:
        parts["node"].append(node["path"])
        if node["leaf"]:
            row(node, "is")
            parts[f"n.{node['path']}.not"] = ["not" if node["not"] else ""]
            return
        parts[f"n.{node['path']}.group"] = [node["group"]]
        for each in node["members"]:
            walk(each)

    walk(drawn["tree"])
    for each in drawn["actions"]:
        row(each, "do")
    return parts


async def test_a_replay_shows_its_cases_only_to_who_may_read_them(desk: Any) -> None:
    adam = await desk.signed_in("administrator")
    filed = await desk.file()
    written = await versions.save_draft(
        SYSTEM,
        Definition(
            key="", label="All urgent", when={"event": ["case.opened"]},
            actions=({"do": "set_priority", "priority": "urgent"},),
        ),
    )  # fmt: skip
    assert (await act(adam, written.rule, "replay", months="1")).status_code == 303
    assert "The replay is running" in (await adam.get(f"/rules/{written.rule}")).text
    await desk.work()
    page = (await adam.get(f"/rules/{written.rule}")).text
    assert "in 1 of 1 cases of the last 1 months" in page
    reads = (await desk.viewer("administrator")).may("case.read")
    assert (filed.reference in page) is reads
    assert ("1 case more is not open to you" in page) is not reads
