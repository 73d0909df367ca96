"""Decisions are counted, sampled by lot and overturned; nothing is ever overwritten."""

import re
from typing import Any

import pytest

from ombud.desk.inbox import figures, sampling
from ombud.desk.inbox.figures import DecisionFilters
from ombud.kernel.database import db

HELENA = {"name": "Helena Marsh", "email": "helena@example.org"}


def test_the_interval_is_wilsons_and_unknown_where_nobody_looked() -> None:
    assert figures.rate(0, 0) is None
    for wrong, looked_at, low, high in ((0, 10, 0.0, 0.2775), (1, 20, 0.0089, 0.2361), (50, 100, 0.4038, 0.5962)):
        found = figures.rate(wrong, looked_at)
        assert found is not None
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.fixture
async def decided(wire: Any, desk: Any) -> Any:
    """Six messages set aside by an agent, four as questions and two as praise; one that a rule put into a case."""
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    for n in range(6):
        wire.lay({"name": f"Person {n}", "email": f"p{n}@example.net"}, f"Message {n}",
                 more={"received_at": f"2026-11-0{n + 1}T08:00:00Z"})  # fmt: skip
    wire.lay(HELENA, f"It is {filed.reference}")
    await wire.fetch()
    for n in range(6):
        message = await db.fetchval("SELECT id FROM core_message WHERE body = $1", f"Message {n}")
        reason = {"reason": "praise" if n > 3 else "question"}
        await agent.submit(f"/inbox/{message}/aside", reason, page=f"/inbox?open={message}")
    return filed


async def test_the_report_counts_by_reason_team_and_month_and_names_nobody(decided: Any, desk: Any) -> None:
    leader = await desk.signed_in("leader")
    page = (await leader.get("/inbox/decisions")).text
    lines = dict(re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td>', page))
    assert lines["Not a complaint: a question or a request for service"] == "4"
    assert lines["Not a complaint: thanks or praise"] == "2"
    assert lines["Part of a case"] == "1"
    assert lines["A complaint: a case was opened"] == "1"
    assert lines["All decisions"] == "8"
    assert "Agent" not in re.sub(r"<nav.*?</nav>", "", page, flags=re.DOTALL)
    only = (await leader.get("/inbox/decisions?reason=praise&by=person")).text
    assert dict(re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td>', only))["All decisions"] == "2"
    assert (await leader.get("/inbox/decisions?reason=nonsense")).status_code == 422
    agent = await desk.signed_in("agent")
    assert (await agent.get("/inbox/decisions")).status_code == 403


async def test_a_seed_draws_the_same_decisions_again_and_nobody_looks_at_their_own(decided: Any, desk: Any) -> None:
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    question = DecisionFilters(decision="not_complaint")
    first, second = [await sampling.draw(leader, question, 3, seed=7) for _ in range(2)]
    others = [await sampling.draw(leader, question, 3, seed=seed) for seed in range(8, 28)]
    ids = [[each.message_id for each in await sampling.drawn(leader, each)] for each in (first, second, *others)]
    assert ids[0] == ids[1]
    assert any(each != ids[0] for each in ids), "one other seed may draw the same by chance, twenty do not"
    assert not agent.may("inbox.review")
    await db.execute("UPDATE core_triage SET actor = $1 WHERE decision = 'not_complaint'", leader.actor)
    browser = await desk.signed_in("leader")
    form = {"size": "5", "decision": "not_complaint"}
    refused = await browser.submit("/inbox/samples", form, page="/inbox/decisions")
    assert refused.status_code == 409
    assert "all that fit are your own" in refused.text


async def test_a_no_that_is_overturned_becomes_a_case_whose_clock_runs_from_the_day_it_came(
    decided: Any, desk: Any
) -> None:
    reviewer = await desk.signed_in("quality")
    form = {"size": "2", "seed": "1", "decision": "not_complaint", "reason": "praise"}
    drawn = await reviewer.submit("/inbox/samples", form, page="/inbox/decisions")
    sample = drawn.headers["location"]
    page = (await reviewer.get(sample)).text
    ids = re.findall(r'action="/inbox/reviews/([^"]+)"', page)
    assert len(ids) == 2
    assert "Agent" not in re.sub(r"<nav.*?</nav>", "", page, flags=re.DOTALL), "the decision is looked at, no person"
    bare = await reviewer.submit(f"/inbox/reviews/{ids[0]}", {"verdict": "overturned"}, page=sample)
    assert bare.status_code == 422, "overturning needs words"
    said = {"verdict": "overturned", "words": "They complain of the tone."}
    assert (await reviewer.submit(f"/inbox/reviews/{ids[0]}", said, page=sample)).status_code == 303
    await reviewer.submit(f"/inbox/reviews/{ids[1]}", {"verdict": "confirmed"}, page=sample)
    again = await reviewer.submit(f"/inbox/reviews/{ids[0]}", said, page=sample)
    assert again.status_code == 303
    row = await db.fetchrow(
        "SELECT c.received_at, m.said_at, m.id FROM core_case c JOIN core_message m ON m.case_id = c.id "
        "WHERE c.reference <> $1",
        decided.reference,
    )
    assert row["received_at"] == row["said_at"]
    assert row["received_at"].month == 11
    told = await db.fetch("SELECT decision, words FROM core_triage WHERE message_id = $1 ORDER BY version", row["id"])
    assert [tuple(each) for each in told] == [
        ("not_complaint", ""), ("complaint", "They complain of the tone."),
    ]  # fmt: skip
    report = await figures.report(await desk.viewer("quality"), DecisionFilters(reason="praise"))
    assert (report.all.count, report.all.overturned) == (2, 1)
    assert report.all.rate is not None
    assert (report.all.rate.wrong, report.all.rate.looked_at) == (1, 2)


async def test_what_a_rule_put_into_the_wrong_case_leaves_it_when_a_sample_says_so(decided: Any, desk: Any) -> None:
    leader = await desk.viewer("leader")
    joined = DecisionFilters(decision="joined", by="rule")
    sample = await sampling.draw(leader, joined, 5)
    [each] = await sampling.drawn(leader, sample)
    await sampling.review(leader, each.id, "overturned", "She quotes her neighbour's case.")
    row = await db.fetchrow("SELECT case_id, waits, person_id FROM core_message WHERE id = $1", each.message_id)
    assert (row["case_id"], row["waits"]) == (None, True)
    assert row["person_id"] != await db.fetchval("SELECT person_id FROM core_party")
