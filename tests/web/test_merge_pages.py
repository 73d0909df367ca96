"""Merging and splitting on the pages: what would happen, what did, and the way back."""

from typing import Any

import pytest

from ombud.desk.search.index import up_to_date
from ombud.kernel.database import db


async def reference_of(desk: Any, *matters: str, **about: Any) -> str:
    return str((await desk.file(*matters, **about)).reference)


async def test_an_agent_sees_what_a_merge_would_do_does_it_and_takes_it_back(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    one, two = await reference_of(desk, "The fee was taken twice."), await reference_of(desk, "The letter was rude.")
    look = await agent.get(f"/cases/{one}/merge?into={two}")
    assert "The fee was taken twice." in look.text
    assert "The letter was rude." in look.text
    assert "The clock starts earlier" in look.text
    done = await agent.submit(f"/cases/{one}/merge", {"into": two, "reason": "Sent twice."})
    assert done.headers["location"] == f"/cases/{two}"
    page = await agent.get(f"/cases/{two}")
    assert "Merged into this" in page.text
    assert f"{one} is part of this case now." in page.text
    leads = await agent.http.get(f"/cases/{one}", follow_redirects=False)
    assert leads.headers["location"] == f"/cases/{two}"
    merge_id = await db.fetchval("SELECT id FROM core_merge")
    back = await agent.submit(f"/undo/merges/{merge_id}", {"back": f"/cases/{two}"}, page="/me/password")
    assert back.headers["location"] == f"/cases/{one}"
    assert "The fee was taken twice." in (await agent.get(f"/cases/{one}")).text


async def test_different_people_need_a_tick_and_nothing_typed_is_lost(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    one = await reference_of(desk, "The fee was taken twice.")
    two = await reference_of(desk, "The letter was rude.", name="Jan Kowal", email="jan@example.org", phone="")
    form = {"into": two, "reason": "One account."}
    refused = await agent.submit(f"/cases/{one}/merge", form)
    assert refused.status_code == 422
    assert "Different people complain" in refused.text
    assert 'value="One account."' in refused.text
    assert await db.fetchval("SELECT count(*) FROM core_merge") == 0
    await agent.submit(f"/cases/{one}/merge", {**form, "other_people": "on"})
    assert await db.fetchval("SELECT count(*) FROM core_merge WHERE NOT same_people") == 1


async def test_a_case_that_the_agent_may_not_see_is_neither_offered_nor_merged(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    one = await reference_of(desk, "The fee was taken twice.")
    hidden = await reference_of(desk, "The fee was taken twice, too.", confidential=True)
    page = await agent.get(f"/cases/{one}/merge")
    assert hidden not in page.text
    look = await agent.get(f"/cases/{one}/merge?into={hidden}")
    assert look.status_code == 422
    assert "that you may see" in look.text
    answer = await agent.submit(f"/cases/{one}/merge", {"into": hidden, "reason": "Why not."})
    assert answer.status_code == 404
    assert await db.fetchval("SELECT count(*) FROM core_merge") == 0


async def test_open_cases_of_the_same_person_or_in_the_same_words_are_offered(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    words = "The branch in Leeds closed my savings account without telling me and the transfer was lost."
    one = await reference_of(desk, words)
    same = await reference_of(desk, "Something else altogether.")
    alike = await reference_of(desk, f"{words} Really.", name="Jan Kowal", email="jan@example.org", phone="")
    other = await reference_of(desk, "My card was declined.", name="Eva Nowak", email="eva@example.org", phone="")
    await up_to_date(100)
    page = (await agent.get(f"/cases/{one}/merge")).text
    assert page.index(same) < page.index(alike)
    assert "Same e-mail address" in page
    assert "Much the same words" in page
    assert other not in page


async def test_an_agent_splits_a_case_and_finds_the_way_between_both(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    one = await reference_of(desk, "The fee was taken twice.", "The letter was rude.")
    rude = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    nothing = await agent.submit(f"/cases/{one}/split", {"reason": "Another team."})
    assert nothing.status_code == 422
    assert 'value="Another team."' in nothing.text
    done = await agent.submit(f"/cases/{one}/split", {"aspect": str(rude), "reason": "Another team."})
    new = done.headers["location"]
    assert f"/cases/{one}" in (await agent.get(new)).text
    assert f'href="{new}"' in (await agent.get(f"/cases/{one}")).text


@pytest.mark.parametrize("what", ["merge", "split"])
async def test_whom_an_aspect_is_about_neither_merges_nor_splits(desk: Any, what: str) -> None:
    agent = await desk.signed_in("agent")
    viewer = await desk.viewer("agent")
    one = await reference_of(desk, "The fee was taken twice.", "The clerk was rude.", "And slow.")
    two = await reference_of(desk, "The letter was rude.")
    rude = await db.fetchval("SELECT id FROM core_aspect WHERE position = 2")
    await db.execute("UPDATE core_aspect SET concerns_user_id = $2 WHERE id = $1", rude, viewer.user_id)
    fee = await db.fetchval("SELECT id FROM core_aspect WHERE position = 1 ORDER BY id LIMIT 1")
    form = {"into": two, "aspect": str(fee), "reason": "Why not."}
    answer = await agent.submit(f"/cases/{one}/{what}", form, page="/me/password")
    assert answer.status_code == 403
    assert "clerk" not in answer.text
    assert await db.fetchval("SELECT count(*) FROM core_merge") == 0


async def test_open_cases_of_the_caller_are_offered_before_a_second_one_is_opened(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    known = await reference_of(desk, "The fee was taken twice.")
    hidden = await reference_of(desk, "The fee was taken twice, too.", confidential=True)
    typed = {"name": "Helena", "email": "HELENA@example.org", "matter": "About my fee.", "step": "alike"}
    page = await agent.submit("/cases/new", typed)
    assert known in page.text
    assert hidden not in page.text
    assert 'value="HELENA@example.org"' in page.text
    none = await agent.submit("/cases/new", {**typed, "email": "nobody@example.org"})
    assert "None that you may see" in none.text
