"""Queues: what waits, in which order, and taking work out of them."""

import re
from datetime import timedelta

from ombud.desk import aspects, cases, queues
from ombud.desk.aspects import Decision
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.web.pages import queues as queue_pages


async def test_the_start_leads_to_the_first_queue_until_something_is_mine(desk):
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    assert (await agent.get("/queues")).headers["location"] == "/queues/new-complaints"
    await agent.submit(f"/cases/{filed.reference}/take", {}, page="/queues/all")
    assert (await agent.get("/queues")).headers["location"] == "/queues/mine"


async def test_who_reads_no_cases_starts_at_the_first_page_that_is_theirs(desk):
    administrator = await desk.signed_in("administrator")
    answer = await administrator.get("/queues", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == "/intake"


async def test_a_queue_shows_its_cases_by_clock_with_counts_and_the_hour_they_were_counted(desk):
    agent = await desk.signed_in("agent")
    fresh = await desk.file("Fresh matter.")
    late = await desk.file("Old matter.", received_at=now() - timedelta(days=90))
    await queues.fold_counts()
    text = (await agent.get("/queues/new-complaints")).text
    assert text.index(late.reference) < text.index(fresh.reference)
    assert "Counts as of" in text
    assert re.search(r"New complaints</span><span class=\"side__count\">2<", text)
    assert "Helena Marsh" in text
    only_late = (await agent.get("/queues/late")).text
    assert late.reference in only_late
    assert fresh.reference not in only_late


async def test_what_was_answered_late_stands_among_the_answered_and_says_on_which_day(desk):
    agent, viewer = await desk.signed_in("agent"), await desk.viewer("agent")
    late = await desk.file("Old matter.", received_at=now() - timedelta(days=90))
    await cases.take(viewer, late.case_id)
    aspect = await db.fetchval("SELECT id FROM core_aspect")
    await aspects.decide_aspect(viewer, aspect, Decision("upheld", "The fee was wrong."), None)
    for page in ("/queues/new-complaints", f"/cases/{late.reference}"):
        text = (await agent.get(page)).text
        assert 'data-state="met_late"' in text
        assert "Decided on day 90 of 56" in text
        assert 'data-state="late"' not in text
    assert ">Answered" in (await agent.get("/queues/new-complaints")).text
    assert late.reference not in (await agent.get("/queues/late")).text


async def test_an_unknown_queue_and_an_unknown_choice_are_refused_in_words(desk):
    agent = await desk.signed_in("agent")
    assert (await agent.get("/queues/no-such-queue")).status_code == 404
    wrong = await agent.get("/queues/all?status=sleeping")
    assert wrong.status_code == 422
    assert "is no choice of Status" in wrong.text
    assert (await agent.get("/queues/all?after=rubbish")).status_code == 422


async def test_the_next_page_goes_on_where_the_first_ended_and_as_a_fragment_too(desk, monkeypatch):
    monkeypatch.setattr(queue_pages, "PAGE", 2)
    agent = await desk.signed_in("agent")
    filed = [(await desk.file(f"Matter {number}.")).reference for number in range(5)]
    seen, path = [], "/queues/all"
    for _ in range(3):
        text = (await agent.get(path)).text
        seen += re.findall(r'name="reference" value="([^"]+)"', text)
        more = re.search(r'class="button" href="([^"]+after=[^"]+)"', text)
        path = more.group(1).replace("&amp;", "&") if more else ""
    assert seen == filed
    assert path == ""
    first = (await agent.get("/queues/all")).text
    more = re.search(r'hx-get="([^"]+after=[^"]+)"', first).group(1).replace("&amp;", "&")
    part = await agent.get(more, headers={"HX-Request": "true", "HX-Target": "more"})
    assert "<html" not in part.text
    assert filed[2] in part.text
    assert "Later" not in part.text  # the group only goes on


async def test_filters_narrow_the_rows_and_htmx_gets_the_rows_alone(desk):
    agent = await desk.signed_in("agent")
    mine, other = await desk.file("Mine."), await desk.file("Nobody's.")
    await agent.submit(f"/cases/{mine.reference}/take", {}, page="/queues/all")
    rows = await agent.get("/queues/all?owner=nobody", headers={"HX-Request": "true", "HX-Target": "rows"})
    assert "<html" not in rows.text
    assert other.reference in rows.text
    assert mine.reference not in rows.text


async def test_a_search_finds_by_reference_title_and_customer_and_says_when_nothing_fits(desk):
    agent = await desk.signed_in("agent")
    one = await desk.file("The cash machine kept my card.", name="Ana Lima")
    await desk.file("A letter went astray.")
    for words in (one.reference, "cash machine", "lima"):
        text = (await agent.get("/queues/all", params={"q": words})).text
        assert one.reference in text
        assert "astray" not in text
    assert "No case matches pension" in (await agent.get("/queues/all", params={"q": "pension"})).text


async def test_ticked_cases_are_taken_and_one_that_somebody_else_took_is_named(desk, send):
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    first, second = await desk.file("First."), await desk.file("Second.")
    await leader.submit(f"/cases/{first.reference}/take", {}, page="/queues/all")
    answer = await send(
        agent, "/queues/all", "/queues/all/take", reference=[first.reference, second.reference], follow=True
    )
    assert "One case is yours now" in answer.text
    assert first.reference in re.search(r"could not be taken: ([^<]+)", answer.text).group(1)
    owner = "SELECT u.name FROM core_case c JOIN core_user u ON u.id = c.owner_id WHERE c.reference = $1"
    assert await db.fetchval(owner, first.reference) == "leader"
    assert await db.fetchval(owner, second.reference) == "agent"


async def test_take_without_a_tick_takes_the_most_urgent_case_nobody_owns(desk, send):
    agent = await desk.signed_in("agent")
    await desk.file("Fresh.")
    late = await desk.file("Old.", received_at=now() - timedelta(days=40))
    answer = await send(agent, "/queues/new-complaints", "/queues/new-complaints/take")
    assert answer.headers["location"] == f"/cases/{late.reference}"


async def test_a_queue_shows_neither_confidential_cases_nor_names_that_are_not_for_the_reader(desk):
    compliance, agent = await desk.signed_in("compliance"), await desk.signed_in("agent")
    filed = await desk.file("A secret.")
    await compliance.submit(
        f"/cases/{filed.reference}/confidential", {"version": "1", "confidential": "on"}, page="/queues/all"
    )
    assert filed.reference in (await compliance.get("/queues/all")).text
    assert filed.reference not in (await agent.get("/queues/all")).text
    assert (await agent.get(f"/cases/{filed.reference}")).status_code == 404
    taken = await agent.submit(f"/cases/{filed.reference}/take", {}, page="/queues/all")
    assert taken.status_code == 404


async def test_who_sets_up_a_new_desk_finds_the_next_steps_in_the_empty_queue(desk):
    await desk.user("first", "administrator", "agent")
    boss = await desk.signed_in("first")
    page = (await boss.get("/queues", follow_redirects=True)).text
    assert "This desk is new" in page
    assert 'href="/users/new">Add the people who work here</a>' in page
    await db.execute("UPDATE core_unit SET name = 'Modra Bank'")
    named = (await boss.get("/queues/all")).text
    assert re.search(r"Name your organisation</a><span class=\"tag\" data-tone=\"ok\">", named)
    assert "This desk is new" not in (await (await desk.signed_in("agent")).get("/queues/all")).text
    await desk.file("The fee was taken twice.")
    assert "This desk is new" not in (await boss.get("/queues/all")).text
