"""Lists of cases: pages, filters, totals, and a page of one case."""

import base64
import json
from datetime import timedelta

import pytest

from ombud.desk import aspects, cases, messages
from ombud.desk.aspects import Decision
from ombud.desk.case_list import CaseFilters, list_cases
from ombud.desk.case_view import case_page
from ombud.desk.errors import Invalid, NotAllowed, NotFound
from ombud.desk.people_list import list_people, person_page
from ombud.desk.redress import granting, money
from ombud.desk.redress.lines import RedressGiven
from ombud.desk.trail.audit_trail import case_history
from ombud.desk.trail.timeline import PART
from ombud.kernel.clock import at, now
from ombud.kernel.database import db
from ombud.trust.policy import ANONYMOUS


@pytest.mark.parametrize("order", ["due", "newest"])
async def test_pages_follow_each_other_without_gap_or_repeat(stage, order):
    agent = await stage.person("agent")
    filed = [(await stage.file(received_at=now() - timedelta(days=days))).reference for days in (1, 9, 3, 70, 2)]
    await db.execute("UPDATE core_case SET due_at = NULL WHERE reference = ANY($1)", filed[:2])
    seen, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        with db.counting() as count:
            page = await list_cases(agent, CaseFilters(order=order), cursor, size=2)
        assert count.statements <= 3
        assert page.total == 5
        seen += [row.reference for row in page.rows]
        cursor, pages = page.next_cursor, pages + 1
    expected = [filed[3], filed[2], filed[4], filed[0], filed[1]] if order == "due" else filed[::-1]
    assert (seen, pages) == (expected, 3)


async def test_filters_find_what_they_name_and_refuse_what_means_nothing(stage):
    agent = await stage.person("agent")
    late = await stage.file("Late and loud", received_at=now() - timedelta(days=90))
    mine = await stage.file("Mine", "Second matter", name="Ngozi Obi")
    await cases.take(agent, mine.case_id)

    async def found(**filters):
        return {row.reference for row in (await list_cases(agent, CaseFilters(**filters))).rows}

    assert await found(due="late") == {late.reference}
    assert await found(owner="me") == await found(owner=str(agent.user_id)) == {mine.reference}
    assert await found(owner="nobody") == await found(status="new") == {late.reference}
    assert await found(status="open", queue="new-complaints", unit="main") == {late.reference, mine.reference}
    assert await found(text="obi") == await found(reference=mine.reference.lower()) == {mine.reference}
    assert await found(text="100%") == await found(queue="none") == await found(case_type="x") == set()
    assert await found(received_to=(now() - timedelta(days=80)).date()) == {late.reference}
    row = (await list_cases(agent, CaseFilters(owner="me"))).rows[0]
    assert (row.customer, row.mine, row.owner.name, row.clock.state) == ("Ngozi Obi", True, "Agent", "running")
    assert [(each.letter, each.title, each.decided) for each in row.aspects] == [
        ("A", "Mine", False), ("B", "Second matter", False),
    ]  # fmt: skip
    for wrong in ({"status": "lost"}, {"owner": "you"}, {"due": "never"}, {"text": "a\0b"}, {"order": "x"}):
        with pytest.raises(Invalid):
            await found(**wrong)


async def test_a_cursor_nobody_wrote_is_refused(stage):
    agent = await stage.person("agent")
    for _ in range(2):
        await stage.file()
    good = (await list_cases(agent, CaseFilters(), size=1)).next_cursor
    assert good is not None
    for wrong in ["x", "ö", good[:-3], good * 9, base64.b64encode(b"\xff").decode(), _cursor(["newest", 5, "a"]),
                  _cursor(["newest", "0001-01-01T00:00:00+14:00", "01890000-0000-7000-8000-000000000000"]),
                  _cursor([[[[]]]])]:  # fmt: skip
        with pytest.raises(Invalid, match="cursor"):
            await list_cases(agent, CaseFilters(), wrong)
    with pytest.raises(Invalid, match="another order"):
        await list_cases(agent, CaseFilters(order="due"), good)


def _cursor(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


async def test_totals_are_exact_to_a_thousand_when_filtered_and_always_when_not(stage):
    agent = await stage.person("agent")
    await stage.file()
    await db.execute(
        "INSERT INTO core_case SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), "
        "'reference', 'T-' || n))).* FROM core_case c, generate_series(1, 1000) n"
    )
    page = await list_cases(agent, CaseFilters())
    assert (page.total, page.at_least) == (1001, None)
    by_channel = CaseFilters(status="new", channel="api")
    page = await list_cases(agent, by_channel)
    assert (page.total, page.at_least) == (None, 1000)
    await db.execute("DELETE FROM core_case WHERE reference = 'T-1'")
    page = await list_cases(agent, by_channel)
    assert (page.total, page.at_least) == (1000, None)


async def test_queue_and_status_are_counted_exactly_by_the_kept_counters(stage):
    agent, leader = await stage.person("agent"), await stage.person("leader")
    filed = [await stage.file() for _ in range(3)]
    await cases.take(leader, filed[0].case_id)
    queue = (await list_cases(agent, CaseFilters())).rows[0].queue.key
    await db.execute(
        "INSERT INTO core_case SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), "
        "'reference', 'T-' || n, 'queue_id', NULL))).* FROM core_case c, generate_series(1, 1000) n WHERE c.id = $1",
        filed[1].case_id,
    )
    for filters, count in (
        (CaseFilters(status="open"), 1003), (CaseFilters(status="in_progress"), 1), (CaseFilters(queue=queue), 3),
        (CaseFilters(queue=queue, status="new"), 2), (CaseFilters(queue="no-such"), 0),
        (CaseFilters(status="closed"), 0),
    ):  # fmt: skip
        page = await list_cases(agent, filters)
        assert (page.total, page.at_least) == (count, None), filters


async def test_the_page_of_a_case_shows_what_was_said_and_done_in_few_statements(stage):
    leader = await stage.person("leader")
    filed = await stage.file("The fee was taken twice.", "Nobody called back.")
    await cases.take(leader, filed.case_id)
    page = await case_page(leader, filed.reference)
    first, second = page.aspects
    redress = (RedressGiven("money", money.amount_of("42,50"), "EUR"),)
    await aspects.decide_aspect(leader, first.id, Decision("upheld", "We charged twice.", "system_fault", redress), 1)
    line = (await case_page(leader, filed.reference)).aspects[0].redress[0]
    await granting.reverse_redress(leader, first.id, line.id, "Paid already.")
    await messages.write(leader, filed.case_id, "note", "Called the branch.", aspect_ids=[second.id])
    with db.counting() as count:
        page = await case_page(leader, filed.reference.lower())
    assert count.statements <= 11
    assert (page.case.customer, page.decided, page.said, page.links) == ("Helena Marsh", 1, 2, 1)
    assert [(each.letter, each.outcome, each.said) for each in page.aspects] == [("A", "upheld", 1), ("B", "", 2)]
    assert [(str(each.amount), each.standing) for each in page.aspects[0].redress] == [
        ("42.5000", False), ("-42.5000", False),
    ]  # fmt: skip
    texts = [entry.text for entry in page.entries]
    assert "Leader owns the case now" in texts
    assert "Leader decided aspect A: upheld" in texts
    assert texts[-1] == "Called the branch."
    assert page.parties[0].email == "helena@example.org"
    assert [each.name for each in page.people] == ["Administrator", "Leader"]
    assert not page.may("close")
    assert "One aspect has no outcome" in page.why_not("close")
    only_b = await case_page(leader, filed.reference, about="b")
    assert [entry.text for entry in only_b.entries if entry.kind == "note"] == ["Called the branch."]
    assert all(entry.kind != "event" for entry in only_b.entries)
    with pytest.raises(Invalid):
        await case_page(leader, filed.reference, about="C")
    with pytest.raises(NotFound):
        await case_page(leader, "OMB-00000-0")
    with pytest.raises(NotAllowed):
        await case_page(ANONYMOUS, filed.reference)


async def test_the_timeline_loads_its_earlier_parts_once_each(stage):
    leader = await stage.person("leader")
    filed = await stage.file()
    moment = now() + timedelta(seconds=1)
    with at(moment):  # all at one moment, so that only the keys tell them apart
        for place in range(PART + 5):
            await messages.write(leader, filed.case_id, "note", f"note {place}")
        await cases.take(leader, filed.case_id)
    seen, before = [], ""
    while not seen or before:
        page = await case_page(leader, filed.reference, before=before)
        assert len(page.entries) <= PART
        seen = [entry.text for entry in page.entries] + seen
        before = page.earlier or ""
    assert len(seen) == len(set(seen))
    assert [text for text in seen if text.startswith("note")] == [f"note {place}" for place in range(PART + 5)]
    assert "Leader owns the case now" in seen
    with pytest.raises(Invalid):
        await case_page(leader, filed.reference, before="x")


async def test_the_audit_trail_needs_its_own_right_and_opens_sealed_values(stage):
    leader, agent, quality = [await stage.person(each) for each in ("leader", "agent", "quality")]
    filed = await stage.file()
    await cases.change(leader, filed.case_id, {"title": "Two fees", "priority": "high"}, 1)
    trail = await case_history(leader, filed.case_id)
    assert trail[0].text == "Leader changed the case (priority: high, title)"
    assert trail[0].values == {"title": "Two fees"}
    opened = trail[-1]
    assert (opened.code, opened.values["person.email"]) == ("case.opened", "helena@example.org")
    assert (await case_history(quality, filed.case_id))[-1].values["person.email"] == "Not shown to you"
    assert (await case_history(leader, filed.case_id, before=trail[0].id))[0].id == trail[0].id - 1
    with pytest.raises(NotAllowed):
        await case_history(agent, filed.case_id)


async def test_people_stand_in_order_on_pages_that_follow_each_other(stage):
    agent = await stage.person("agent")
    for name in ("Zoe", "ana", "Bea", "Zoe", "Čeněk"):
        await stage.file(name=name)
    seen, cursor = [], None
    while not seen or cursor:
        with db.counting() as count:
            page = await list_people(agent, cursor, size=2)
        assert count.statements == 1
        seen += [(row.name, row.cases) for row in page.rows]
        cursor = page.next_cursor
    assert sorted(seen, key=lambda each: each[0]) == [("Bea", 1), ("Zoe", 1), ("Zoe", 1), ("ana", 1), ("Čeněk", 1)]
    assert seen[0] == ("ana", 1)
    assert (await list_people(agent, text="900123")).rows[0].name == "ana"
    with pytest.raises(Invalid):
        await list_people(agent, "x")
    known = await person_page(agent, page.rows[0].id)
    assert (known.person.phone, known.cases[0].role_label) == ("0700 900123", "Complainant")
