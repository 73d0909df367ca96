"""The page of a case: what it shows, what is done there, and what is refused without losing a word."""

import re

from ombud.desk import cases
from ombud.kernel.database import db
from ombud.web.pages import case_drawn
from ombud_plugin_api.facts import Document

PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 40


async def _case(desk, *matters: str, **about):
    filed = await desk.file(*(matters or ("The fee was taken twice.", "Nobody called back.")), **about)
    return f"/cases/{filed.reference}", filed


async def test_the_page_shows_what_was_said_each_aspect_and_the_next_step(desk):
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    text = (await agent.get(path)).text
    for words in (filed.reference, "The fee was taken twice.", "Nobody called back.", "Helena Marsh", "Take the case"):
        assert words in text
    assert "helena@example.org" in text
    reviewer = (await (await desk.signed_in("quality")).get(path)).text
    assert "helena@example.org" not in reviewer
    assert f'action="{path}/take"' in text
    assert f'action="{path}/take"' not in reviewer  # the palette alone names it, with the reason why not
    assert f'action="{path}/messages"' not in reviewer


async def test_a_case_is_taken_given_to_somebody_and_put_back(desk, send):
    leader = await desk.signed_in("leader")
    agent = await desk.user("agent")
    path, _ = await _case(desk)
    taken = await send(leader, path, f"{path}/take", follow=True)
    assert "is yours now" in taken.text
    given = await send(leader, path, f"{path}/owner", owner=str(agent), follow=True)
    assert "The case has a new owner" in given.text
    assert "Agent owns the case now" in given.text
    back = await send(leader, path, f"{path}/owner", owner="", follow=True)
    assert "back in its queue" in back.text


async def test_a_case_that_changed_meanwhile_is_refused_with_both_sides(desk, forms):
    leader, agent = await desk.signed_in("leader"), await desk.signed_in("agent")
    path, filed = await _case(desk)
    mine = forms((await leader.get(f"{path}/change")).text).of(f"{path}/change")
    theirs = forms((await agent.get(f"{path}/change")).text).of(f"{path}/change")
    assert (await agent.http.post(f"{path}/change", data={**theirs, "title": "Their title"})).status_code == 303
    second = await leader.http.post(f"{path}/change", data={**mine, "title": "My long-considered title"})
    assert second.status_code == 409
    for words in ("My long-considered title", "Their title", "Agent changed this while you were writing"):
        assert words in second.text
    again = forms(second.text).of(f"{path}/change")
    assert again["title"] == "My long-considered title"
    assert again["version"] != mine["version"]
    assert (await leader.http.post(f"{path}/change", data=again)).status_code == 303
    assert await db.fetchval("SELECT title FROM core_case WHERE id = $1", filed.case_id) == "My long-considered title"


async def test_an_owner_changed_meanwhile_shows_both_names_on_the_case(desk, forms):
    leader = await desk.signed_in("leader")
    agent = await desk.user("agent")
    path, filed = await _case(desk)
    mine = forms((await leader.get(path)).text).of(f"{path}/owner")
    await cases.take(await desk.viewer("agent"), filed.case_id)
    refused = await leader.http.post(f"{path}/owner", data={**mine, "owner": ""})
    assert refused.status_code == 409
    assert "Agent changed this while you were writing" in refused.text
    assert await db.fetchval("SELECT owner_id FROM core_case WHERE id = $1", filed.case_id) == agent


async def test_the_change_form_checks_own_fields_of_the_type_beside_the_field(desk, send, forms):
    await db.execute(
        "UPDATE core_case_type SET fields = $1",
        {"account": {"type": "string", "maxlength": 8, "meta": {"label": "Account", "help": "As on the statement."}}},
    )
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    wrong = await send(
        agent, f"{path}/change", f"{path}/change", **{"fields.account": "much too long", "title": "Kept"}
    )
    assert wrong.status_code == 422
    assert "Account: max length is 8" in wrong.text
    kept = forms(wrong.text).of(f"{path}/change")
    assert kept["fields.account"] == "much too long"
    assert kept["title"] == "Kept"
    right = await agent.http.post(f"{path}/change", data={**kept, "fields.account": "2214"}, follow_redirects=True)
    assert "2214" in right.text


async def test_a_form_without_a_version_changes_nothing(desk, send):
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    answer = await send(agent, path, f"{path}/change", version="", priority="urgent")
    assert answer.status_code == 422
    assert "which version it was made on" in answer.text
    assert await db.fetchval("SELECT priority FROM core_case WHERE id = $1", filed.case_id) == "normal"


async def test_a_case_with_an_open_aspect_does_not_close_and_says_why(desk, forms):
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    shown = (await agent.get(path)).text
    assert "2 aspects have no outcome yet" in shown
    version = forms(shown).of(f"{path}/change")["version"]
    refused = await agent.submit(f"{path}/status", {"version": version, "status": "closed"}, page=path)
    assert refused.status_code == 409
    assert "Decide each aspect, then close the case." in refused.text


async def test_aspects_are_added_and_put_in_order(desk, send):
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    empty = await send(agent, path, f"{path}/aspects", title="", text="")
    assert empty.status_code == 422
    too_long = await send(agent, path, f"{path}/aspects", title="x" * 201, text="In my own words")
    assert too_long.status_code == 422
    assert "In my own words" in too_long.text
    await send(agent, path, f"{path}/aspects", title="The app was down", text="It was down for a day.")
    ids = "SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position"
    before = [row["id"] for row in await db.fetch(ids, filed.case_id)]
    await send(agent, path, f"{path}/order", up=str(before[2]))
    assert [row["id"] for row in await db.fetch(ids, filed.case_id)] == [before[0], before[2], before[1]]


async def test_a_note_an_answer_and_what_was_told_stand_in_the_timeline_with_their_aspects(desk, send):
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    for kind, words in (
        ("note", "Ask the branch."),
        ("reply", "We are looking into it."),
        ("told", "She called again."),
    ):
        answer = await send(agent, path, f"{path}/messages", kind=kind, text=words, about=["B"], follow=True)
        assert answer.status_code == 200
        assert words in answer.text
    about_a = (await agent.get(f"{path}?about=A")).text
    assert "Ask the branch." not in about_a
    part = await agent.get(f"{path}?about=b", headers={"HX-Request": "true", "HX-Target": "timeline"})
    assert "<html" not in part.text
    assert "Ask the branch." in part.text
    rows = await db.fetch("SELECT direction FROM core_message WHERE case_id = $1 ORDER BY said_at", filed.case_id)
    assert [row["direction"] for row in rows] == ["in", "note", "out", "in"]
    assert (await agent.get(f"{path}?about=Z")).status_code == 422


async def test_the_same_form_sent_twice_writes_one_message(desk, forms):
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    form = {**forms((await agent.get(path)).text).of(f"{path}/messages"), "kind": "note", "text": "Once."}
    for _ in range(2):
        assert (await agent.http.post(f"{path}/messages", data=form)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE body = 'Once.'") == 1


async def test_a_refused_message_keeps_its_text_on_the_page_and_as_a_draft(desk, send, forms):
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    program = ("documents", ("tool.exe", b"MZ" + b"0" * 20, "application/pdf"))
    letter = ("documents", ("letter.txt", b"As agreed.", "text/plain"))
    refused = await send(
        agent, path, f"{path}/messages", kind="note", text="My careful words", about=["A"], files=[program, letter]
    )
    assert refused.status_code == 422
    assert "is a program" in refused.text
    assert "letter.txt" in refused.text, "what the desk takes is kept with the draft"
    assert "tool.exe</" not in refused.text
    assert forms(refused.text).of(f"{path}/messages")["text"] == "My careful words"
    later = forms((await agent.get(path)).text).of(f"{path}/messages")
    assert later["text"] == "My careful words"
    assert later["about"] == "A"
    sent = await agent.http.post(f"{path}/messages", data=later, follow_redirects=True)
    assert "Your note is saved" in sent.text
    assert await db.fetchval("SELECT count(*) FROM core_attachment WHERE name = 'letter.txt'") == 1
    assert forms(sent.text).of(f"{path}/messages")["text"] == ""


async def test_a_nul_in_a_message_is_refused_in_words_and_nothing_breaks(desk, send):
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    refused = await send(agent, path, f"{path}/messages", kind="note", text="bad\0text")
    assert refused.status_code == 422
    assert "control characters" in refused.text


async def test_a_draft_is_kept_while_typing_and_another_window_is_not_overwritten_unseen(desk, forms):
    agent, other = await desk.signed_in("agent"), await desk.signed_in("agent")
    path, _ = await _case(desk)
    form = forms((await agent.get(path)).text).of(f"{path}/messages")
    kept = await agent.http.post(f"{path}/draft", data={**form, "kind": "note", "text": "First words"})
    assert kept.status_code == 200
    assert "Draft saved" in kept.text
    stale = forms((await other.get(path)).text).of(f"{path}/messages")
    await agent.http.post(f"{path}/draft", data={**form, "draft_version": "1", "kind": "note", "text": "Second words"})
    clash = await other.http.post(f"{path}/draft", data={**stale, "kind": "note", "text": "Something else"})
    assert clash.status_code == 409
    assert "Second words" in clash.text
    assert forms((await agent.get(path)).text).of(f"{path}/messages")["text"] == "Second words"
    colleague = await desk.signed_in("leader")
    assert "Second words" not in (await colleague.get(path)).text


async def test_files_are_served_sandboxed_and_only_harmless_kinds_open_in_the_browser(desk):
    agent = await desk.signed_in("agent")
    script = Document(name='pąge"; x.html', content_type="image/png", data=b"<script>alert(1)</script>\x00")
    documents = (Document(name="photo.png", content_type="text/html", data=PICTURE), script)
    path, filed = await _case(desk, documents=documents)
    links = re.findall(r'href="(/files/[^"]+)"', (await agent.get(path)).text)
    assert len(links) == 2
    answers = {(await agent.get(link)).headers["content-disposition"].split(";")[0]: link for link in links}
    picture, page = await agent.get(answers["inline"]), await agent.get(answers["attachment"])
    assert picture.content == PICTURE
    assert picture.headers["content-type"] == "image/png"
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"
    await cases.set_confidential(await desk.viewer("compliance"), filed.case_id, True, None)
    assert (await agent.get(answers["inline"])).status_code == 404
    stranger = await desk.browser().get(answers["inline"])
    assert stranger.headers["location"].startswith("/sign-in")


async def test_the_audit_trail_is_in_plain_words_for_those_who_may_read_it(desk, send):
    leader, agent = await desk.signed_in("leader"), await desk.signed_in("agent")
    path, _ = await _case(desk)
    await send(agent, path, f"{path}/take")
    trail = await leader.get(f"{path}/history")
    assert "Agent owns the case now" in trail.text
    assert "The complaint came in (API)" in trail.text
    assert (await agent.get(f"{path}/history")).status_code == 403
    assert f"{path}/history" in (await leader.get(path)).text
    assert f"{path}/history" not in (await agent.get(path)).text


async def test_a_new_link_for_the_customer_is_shown_once_and_leads_to_the_case(desk, send):
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    made = await send(agent, path, f"{path}/link")
    assert made.status_code == 200
    token = re.search(r"/track/([^<\s]+)<", made.text).group(1)
    assert filed.reference in (await desk.browser().get(f"/track/{token}")).text


async def test_earlier_parts_of_a_long_timeline_are_one_link_away(desk, send, monkeypatch):
    from ombud.desk.trail import timeline

    monkeypatch.setattr(timeline, "PART", 3)
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    for number in range(5):
        await send(agent, path, f"{path}/messages", kind="note", text=f"Note number {number}.")
    text = (await agent.get(path)).text
    assert "Note number 4." in text
    assert "The fee was taken twice.</p>" not in text.split('id="why"')[0]
    earlier = re.search(r'href="([^"]+before=[^"]+)"', text).group(1).replace("&amp;", "&")
    assert "Note number 1." in (await agent.get(earlier)).text


def test_a_long_text_is_cut_at_a_space_and_loses_nothing():
    text = "word " * 1000
    shown, rest = case_drawn.cut(text)
    assert (shown + " " + rest).split() == text.split()
    assert case_drawn.cut("short") == ("short", "")
    first, second = case_drawn.cut("x" * 5000)
    assert first + second == "x" * 5000
