"""Proposed aspects: of a plugin and of a person, accepted, edited or rejected by a person, one by one."""

from dataclasses import replace
from typing import Any

import pytest

from ombud.desk import aspects, cases
from ombud.desk.administration import taxonomies as taxonomy_setup
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.aspects import Decision
from ombud.desk.errors import NotNow
from ombud.desk.matters import classifying, proposals
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.trust.policy import SYSTEM
from ombud_plugin_api import Finding

WORDS = "The fee was taken twice, after a delay."


async def _case(desk: Any, text: str = WORDS) -> Any:
    for code in ("fee", "delay"):
        if not await db.fetchval(
            "SELECT EXISTS (SELECT 1 FROM core_taxonomy_term WHERE code = $1 AND kind = 'category')", code
        ):
            await taxonomy_setup.add(SYSTEM, "category", code, None, TermGiven({"en": code.capitalize()}))
    filed = await desk.file(text)
    await desk.work()
    return filed


def _answering(monkeypatch: Any, answer: Any) -> None:
    """The dummy's classifier says this from now on."""
    loaded = running.loaded["dummy"]
    (classifier,) = loaded.classifiers

    def classify(facts: Any) -> Any:
        return answer(facts) if callable(answer) else answer

    monkeypatch.setitem(running.loaded, "dummy", replace(loaded, classifiers=(replace(classifier, classify=classify),)))


async def test_each_proposal_is_accepted_edited_or_rejected_on_its_page(desk_with_dummy: Any) -> None:
    desk = desk_with_dummy
    filed = await _case(desk)
    agent = await desk.signed_in("agent")
    path = f"/cases/{filed.reference}"
    case = (await agent.get(path)).text
    assert case.count("Its code stands there.") == 2
    page = f"{path}/proposals"
    found = {each.category: each for each in await proposals.waiting(SYSTEM, filed.case_id)}
    edited = {"title": "It took too long", "text": "after a delay", "category": "Delay", "into": ""}
    await agent.submit(f"{page}/{found['delay'].id}/accept", edited, page=page)
    done = await agent.submit(f"{page}/{found['fee'].id}/reject", {}, page=page, follow=True)
    assert "The proposal is rejected." in done.text
    rows = await db.fetch("SELECT title, text, category, outcome FROM core_aspect ORDER BY position")
    assert tuple(rows[1].values()) == ("It took too long", "after a delay", "delay", "")
    assert len(rows) == 2
    states = {row["state"] for row in await db.fetch("SELECT state FROM core_finding WHERE kind = 'aspect'")}
    assert states == {"accepted", "rejected"}
    body = await db.fetchval("SELECT body FROM core_ledger_entry WHERE kind = 'proposal.accepted'")
    assert body["edited"] is True
    assert "delay" not in str(body).replace(str(found["delay"].id), "")
    case = (await agent.get(path)).text
    assert "accepted a proposal as aspect B" in case
    assert "rejected a proposed aspect" in case
    assert "Its code stands there." not in case


async def test_what_was_rejected_is_not_proposed_again_and_nothing_comes_twice(desk_with_dummy: Any) -> None:
    filed = await _case(desk_with_dummy)
    found = await proposals.waiting(SYSTEM, filed.case_id)
    await proposals.reject(SYSTEM, filed.case_id, found[0].id)
    event = {"body": {"message": str(found[0].message_id)}}
    await classifying.heard(event, type("Again", (), {"attempt": 2, "delivery_id": filed.case_id})())
    assert len(await proposals.waiting(SYSTEM, filed.case_id)) == 1
    with pytest.raises(NotNow, match="decided already"):
        await proposals.accept(SYSTEM, filed.case_id, found[0].id)


async def test_a_proposal_fills_an_empty_category_and_never_overrides_a_person(desk_with_dummy: Any) -> None:
    filed = await _case(desk_with_dummy)
    viewer = await desk_with_dummy.viewer("agent")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    first, second = await proposals.waiting(viewer, filed.case_id)
    await proposals.accept(viewer, filed.case_id, first.id, into=aspect)
    assert await db.fetchval("SELECT category FROM core_aspect WHERE id = $1", aspect) == first.category
    await proposals.accept(viewer, filed.case_id, second.id, into=aspect)
    assert await db.fetchval("SELECT category FROM core_aspect WHERE id = $1", aspect) == first.category
    assert await db.fetchval("SELECT count(*) FROM core_pin WHERE aspect_id = $1", aspect) == 2


async def test_a_proposal_is_a_category_and_passages_whatever_else_a_classifier_says(
    desk_with_dummy: Any, monkeypatch: Any
) -> None:
    said = {"category": "fee", "outcome": "upheld", "redress": "100 EUR", "support_needs": "yes", "text": "words"}
    _answering(monkeypatch, lambda facts: [
        Finding(kind="aspect", value=said, spans=((4, 7),), reason="fee stands there"),
        Finding(kind="outcome", value={"category": "delay"}),
        Finding(kind="aspect", value={"category": "no_such"}),
    ])  # fmt: skip
    filed = await _case(desk_with_dummy)
    rows = await db.fetch("SELECT value, reason FROM core_finding")
    aspect_rows = [row for row in rows if "category" in row["value"]]
    assert [set(row["value"]) for row in aspect_rows] == [{"category", "classifier", "version", "spans"}]
    assert aspect_rows[0]["reason"] == ""  # it quoted the customer
    row = await db.fetchrow("SELECT outcome, category FROM core_aspect WHERE case_id = $1", filed.case_id)
    assert tuple(row) == ("", "")
    assert await db.fetchval("SELECT count(*) FROM core_redress") == 0
    assert await db.fetchval("SELECT count(*) FROM core_support_needs") == 0


@pytest.mark.parametrize(
    "answer", ["a text", [1], lambda facts: [Finding(kind="aspect", value={"category": "fee"}, spans=((0, 9999),))]]
)
async def test_rubbish_is_a_fault_of_the_plugin_and_the_case_goes_on(
    desk_with_dummy: Any, monkeypatch: Any, answer: Any
) -> None:
    _answering(monkeypatch, answer)
    filed = await _case(desk_with_dummy)
    assert await proposals.waiting(SYSTEM, filed.case_id) == ()
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE slug = 'dummy'") >= 1


async def test_a_person_proposes_a_passage_for_a_colleague(desk: Any) -> None:
    filed = await desk.file(WORDS)
    agent, leader = await desk.signed_in("agent"), await desk.viewer("leader")
    page = f"/cases/{filed.reference}/proposals"
    message = await db.fetchval("SELECT id FROM core_message WHERE case_id = $1", filed.case_id)
    refused = await agent.submit(page, {"message": str(message), "quote": "not there", "category": ""}, page=page)
    assert refused.status_code == 422
    assert "not there</textarea>" in refused.text
    await agent.submit(page, {"message": str(message), "quote": "after a delay", "category": ""}, page=page)
    (found,) = await proposals.waiting(leader, filed.case_id)
    assert (found.text, found.by, found.by_person) == ("after a delay", "Agent", True)
    made = await proposals.accept(leader, filed.case_id, found.id)
    assert await db.fetchval("SELECT title FROM core_aspect WHERE id = $1", made) == "after a delay"


async def test_in_a_closed_case_nothing_is_proposed_or_accepted(desk_with_dummy: Any) -> None:
    filed = await _case(desk_with_dummy)
    viewer = await desk_with_dummy.viewer("agent")
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    found = await proposals.waiting(viewer, filed.case_id)
    await aspects.decide_aspect(viewer, aspect, Decision("upheld", "Yes."), None)
    await cases.close(viewer, filed.case_id, why="No category fits.")
    with pytest.raises(NotNow, match="closed"):
        await proposals.accept(viewer, filed.case_id, found[0].id)


async def test_quality_reads_proposals_and_decides_none(desk_with_dummy: Any) -> None:
    filed = await _case(desk_with_dummy)
    reader = await desk_with_dummy.signed_in("quality")
    page = f"/cases/{filed.reference}/proposals"
    shown = (await reader.get(page)).text
    assert "Its code stands there." in shown
    assert 'method="post" action="/cases' not in shown
    (found, _) = await proposals.waiting(SYSTEM, filed.case_id)
    assert (await reader.submit(f"{page}/{found.id}/accept", {}, page="/me/password")).status_code == 403


async def test_whom_an_aspect_is_about_sees_no_proposal_of_the_case(desk_with_dummy: Any) -> None:
    filed = await _case(desk_with_dummy)
    leader, agent = await desk_with_dummy.viewer("leader"), await desk_with_dummy.viewer("agent")
    second = await aspects.add(agent, filed.case_id, "A rude call.")
    await aspects.concern(agent, second, leader.user_id)
    assert await proposals.waiting(leader, filed.case_id) == ()
    browser = await desk_with_dummy.signed_in("leader")
    for path in (f"/cases/{filed.reference}", f"/cases/{filed.reference}/proposals"):
        assert "Its code stands there." not in (await browser.get(path)).text
