"""The audit trail of a case: plain sentences, what was before, filters, printing, a table to take along."""

import ast
import csv
import io
import re
from pathlib import Path

import ombud.desk
from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision
from ombud.desk.trail.history import _WRITERS
from ombud.kernel.database import db
from ombud.trust.ledger import NewEntry, append
from ombud.web.pages.audit import _harmless

KIND = re.compile(r"(case|aspects?|redress|party|support_needs|message|note|link)\.[a-z_]+")


async def told(desk):
    """A case with a few changes, by two people."""
    leader, agent = await desk.viewer("leader"), await desk.viewer("agent")
    filed = await desk.file("The fee was taken twice.", "Nobody called back.")
    first, second = [row["id"] for row in await db.fetch("SELECT id FROM core_aspect ORDER BY position")]
    await cases.take(agent, filed.case_id)
    await cases.assign(leader, filed.case_id, leader.user_id)
    await cases.change(leader, filed.case_id, {"priority": "high", "severity": 3, "title": "=Two fees"}, None)
    await aspects.change(agent, second, {"priority": "urgent"}, None)
    await aspects.decide_aspect(agent, first, Decision("upheld", "It was.", "delay"), None)
    await messages.write(agent, filed.case_id, "note", "Called the bank.", aspect_ids=[second], key="n1")
    return filed, first, second


async def test_changes_say_what_was_before(desk):
    filed, first, _ = await told(desk)
    leader = await desk.signed_in("leader")
    shown = (await leader.get(f"/cases/{filed.reference}/history")).text
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))
    expected = (
        "Priority: Normal → High", "Severity: 1 → 3", "Owner: Nobody → Agent", "Owner: Agent → Leader",
        "Status: New → In progress", "Priority: Normal → Urgent", "Outcome: Upheld", "Cause: Delay",
    )  # fmt: skip
    for words in expected:
        assert words in plain, words
    assert "Automatic, because a complaint came in" in plain
    assert "Agent wrote a note" in plain
    await aspects.reopen(await desk.viewer("agent"), first, "New evidence.")
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (await leader.get(f"/cases/{filed.reference}/history")).text))
    assert "Outcome: Upheld → None" in plain


async def test_the_trail_is_filtered_by_aspect_person_and_kind(desk):
    filed, *_ = await told(desk)
    leader, agent = await desk.signed_in("leader"), await desk.viewer("agent")

    async def look(**asked):
        return (await leader.get(f"/cases/{filed.reference}/history", params=asked)).text

    second = await look(about="B")
    assert "changed aspect B" in second
    assert "wrote a note" in second
    assert "decided aspect A" not in second
    of_agent = await look(who=agent.actor)
    assert "decided aspect A" in of_agent
    assert "changed the case" not in of_agent
    decided = await look(kind="aspect.decided")
    assert decided.count('id="entry-') == 1
    assert "No entry fits" in await look(about="Z")
    assert "No entry fits" in await look(kind="no.such", who="\0")


async def test_the_trail_is_paged_whole_to_print_and_never_loses_its_filters(desk, monkeypatch):
    monkeypatch.setattr("ombud.web.pages.audit.PAGE", 3)
    filed, *_ = await told(desk)
    leader = await desk.signed_in("leader")
    seen, page = [], f"/cases/{filed.reference}/history"
    while page:
        text = (await leader.get(page)).text
        seen += re.findall(r'id="entry-(\d+)"', text)
        found = re.search(r'href="([^"]*history\?[^"]*before=\d+)"', text)
        page = found.group(1).replace("&amp;", "&") if found else ""
    total = await db.fetchval("SELECT seq FROM core_stream WHERE stream = $1", f"case/{filed.case_id}")
    assert seen == [str(n) for n in range(total, 0, -1)]
    whole = (await leader.get(f"/cases/{filed.reference}/history?whole=1")).text
    assert whole.count('id="entry-') == total
    assert "<details open>" in whole
    filtered = (await leader.get(f"/cases/{filed.reference}/history?kind=case.changed")).text
    assert "history.csv?kind=case.changed" in filtered


async def test_the_table_holds_every_entry_and_no_formula(desk, monkeypatch):
    monkeypatch.setattr("ombud.web.pages.audit.PAGE", 3)
    filed, *_ = await told(desk)
    leader = await desk.signed_in("leader")
    got = await leader.get(f"/cases/{filed.reference}/history.csv")
    assert got.headers["content-type"].startswith("text/csv")
    assert got.headers["content-disposition"] == f'attachment; filename="audit-trail-{filed.reference}.csv"'
    rows = list(csv.DictReader(io.StringIO(got.content.decode("utf-8-sig"))))
    total = await db.fetchval("SELECT seq FROM core_stream WHERE stream = $1", f"case/{filed.case_id}")
    assert [row["number"] for row in rows] == [str(n) for n in range(total, 0, -1)]
    changed = next(row for row in rows if row["kind"] == "case.changed")
    assert "Priority: Normal → High" in changed["before and after"]
    assert changed["what it says"] == "title: =Two fees"
    assert [_harmless(each) for each in ("=1+1", "@x", "-2", "fee")] == ["'=1+1", "'@x", "'-2", "fee"]
    assert (await (await desk.signed_in("agent")).get(f"/cases/{filed.reference}/history.csv")).status_code == 403
    assert (await leader.get("/cases/OMB-00000-0/history.csv")).status_code == 404


async def test_what_is_hidden_stays_hidden_in_every_form_of_the_trail(desk):
    filed, _, second = await told(desk)
    bob = await desk.viewer("quality")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $1 WHERE id = $2", bob.user_id, second)
    quality = await desk.signed_in("quality")
    for path in ("history", "history?whole=1", "history.csv", "history?about=B", "history?kind=aspect.changed"):
        text = (await quality.get(f"/cases/{filed.reference}/{path}")).text
        assert "Called the bank" not in text
        assert "changed aspect" not in text
        assert "Urgent" not in text
    assert "decided aspect A" in (await quality.get(f"/cases/{filed.reference}/history")).text


async def test_an_effect_of_a_rule_says_because_of_which(desk):
    filed = await desk.file("Fee.")
    leader = await desk.signed_in("leader")
    entry = NewEntry(f"case/{filed.case_id}", "case.changed", {"priority": "high"})
    async with db.transaction():
        await append(actor="system", cause="rule/urgent-words@3", entries=[entry])
    assert "Automatic, because of the rule urgent-words@3" in (
        await leader.get(f"/cases/{filed.reference}/history")
    ).text  # fmt: skip


def test_every_kind_of_entry_that_cases_write_has_a_sentence() -> None:
    written = set()
    for path in Path(ombud.desk.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and KIND.fullmatch(node.value):
                written.add(node.value)
    rights = {"case.read", "case.file", "case.write", "case.take", "case.assign", "case.decide", "case.close",
              "case.reopen", "case.confidential", "case.history", "case.hand_over"}  # fmt: skip
    told_by_tables = {"case.closed", "case.reopened"}
    assert written - rights - told_by_tables - set(_WRITERS) == set()
