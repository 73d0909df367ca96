"""The evidence register and the promises of one aspect, as people work with them on its pages."""

import hashlib

from ombud.kernel.database import db
from ombud_plugin_api.facts import Document

LETTER = b"%PDF-1.4 the letter of 3 May\n%%EOF\n"
REASON = "The fee was taken twice by a double run."


async def _aspect(desk, *matters, documents=()):
    filed = await desk.file(*(matters or ("The fee was taken twice.",)), documents=documents)
    rows = await db.fetch("SELECT id FROM core_aspect WHERE case_id = $1 ORDER BY position", filed.case_id)
    path = f"/cases/{filed.reference}"
    return path, filed, [f"{path}/aspects/{row['id']}" for row in rows]


async def test_what_is_asked_for_is_received_with_its_hash_and_relied_upon(desk, send):
    agent = await desk.signed_in("agent")
    path, filed, (place,) = await _aspect(
        desk, documents=(Document(name="letter.pdf", content_type="application/pdf", data=LETTER),)
    )
    page = f"{place}/evidence"
    assert "No evidence yet" in (await agent.get(page)).text
    await send(agent, page, f"{page}/ask", what="The letter of 3 May", asked_of="Helena Marsh", due_on="2020-01-02")
    shown = (await agent.get(page)).text
    assert "The letter of 3 May" in shown
    assert "Late" in shown
    line = await db.fetchval("SELECT id FROM core_evidence")
    file = await db.fetchval("SELECT id FROM core_attachment")
    await send(agent, page, f"{page}/{line}/received", attachment=str(file))
    done = await send(agent, page, f"{page}/{line}/rely", relied_for="It was sent too late", follow=True)
    assert hashlib.sha256(LETTER).hexdigest() in done.text
    assert "It was sent too late" in done.text
    row = await db.fetchrow("SELECT state, sha256, relied FROM core_evidence")
    assert (row["state"], row["sha256"], row["relied"]) == ("received", hashlib.sha256(LETTER).hexdigest(), True)
    case = (await agent.get(path)).text
    assert "asked for evidence on aspect A" in case
    assert "relies upon evidence on aspect A" in case
    kinds = [
        row["kind"]
        for row in await db.fetch("SELECT kind FROM core_ledger_entry WHERE kind LIKE 'evidence.%' ORDER BY id")
    ]
    assert kinds == ["evidence.asked", "evidence.received", "evidence.relied"]
    words = await db.fetchval("SELECT string_agg(body::text, '') FROM core_ledger_entry WHERE kind LIKE 'evidence.%'")
    assert "letter of 3 May" not in words
    assert filed.reference in case


async def test_a_new_file_is_kept_with_the_case_and_two_files_are_one_too_many(desk, send):
    agent = await desk.signed_in("agent")
    _, filed, (place,) = await _aspect(desk)
    page = f"{place}/evidence"
    two = [("file", ("a.txt", b"one", "text/plain")), ("file", ("b.txt", b"two", "text/plain"))]
    refused = await send(agent, page, f"{page}/bring", files=two, what="Notes of the branch")
    assert refused.status_code == 422
    assert "Choose one file" in refused.text
    brought = await send(agent, page, f"{page}/bring", files=two[:1], what="Notes of the branch", follow=True)
    assert "a.txt" in brought.text
    row = await db.fetchrow("SELECT case_id, message_id FROM core_attachment")
    assert (row["case_id"], row["message_id"]) == (filed.case_id, None)


async def test_what_will_not_come_says_why_and_can_be_asked_for_again(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (place,) = await _aspect(desk)
    page = f"{place}/evidence"
    await send(agent, page, f"{page}/ask", what="The recording", asked_of="The call centre")
    line = await db.fetchval("SELECT id FROM core_evidence")
    await send(agent, page, f"{page}/{line}/not-coming", why_not="It was deleted after 90 days")
    shown = (await agent.get(page)).text
    assert "It was deleted after 90 days" in shown
    assert f"{page}/{line}/rely" not in shown
    await send(agent, page, f"{page}/{line}/again")
    assert await db.fetchval("SELECT state FROM core_evidence") == "asked"


async def test_evidence_without_words_a_strangers_file_and_an_old_page_are_refused(desk, send):
    agent = await desk.signed_in("agent")
    _, _, (place,) = await _aspect(desk)
    other = await desk.file("Another.", name="Jan", email="jan@example.org",
                            documents=(Document(name="x.txt", content_type="text/plain", data=b"x"),))  # fmt: skip
    page = f"{place}/evidence"
    refused = await send(agent, page, f"{page}/ask", what="", asked_of="Helena")
    assert refused.status_code == 422
    strange = await db.fetchval("SELECT id FROM core_attachment WHERE case_id = $1", other.case_id)
    refused = await send(agent, page, f"{page}/bring", what="Theirs", attachment=str(strange))
    assert refused.status_code == 422
    assert "This file is not in the case" in refused.text
    await send(agent, page, f"{page}/ask", what="The recording", asked_of="The call centre")
    line = await db.fetchval("SELECT id FROM core_evidence")
    token = await agent.token(page)
    old = {"_csrf": token, "version": "1"}
    assert (await agent.http.post(f"{page}/{line}/received", data=old)).status_code == 303
    assert (await agent.http.post(f"{page}/{line}/again", data=old)).status_code == 409


async def test_a_promise_is_kept_told_and_seen_when_the_case_is_closed(desk, send):
    agent = await desk.signed_in("agent")
    path, filed, (place,) = await _aspect(desk)
    page = f"{place}/tasks"
    assert "Nothing is promised" in (await agent.get(page)).text
    await send(agent, page, page, what="Refund by hand", due_on="2020-01-02")
    assert "Late" in (await agent.get(page)).text
    await agent.submit(f"{path}/take", {}, page=path)
    await send(agent, f"{place}/decide", f"{place}/decide", outcome="upheld", reason=REASON)
    shown = (await agent.get(path)).text
    assert "One promise is not kept yet." in shown
    refused = await send(agent, path, f"{path}/status", status="closed", reason="")
    assert refused.status_code == 422
    assert "say why the case is closed before that" in refused.text
    closed = await send(
        agent, f"{path}/promises", f"{path}/status", status="closed", reason="Paid next week", follow=True
    )
    assert "The case is closed." in closed.text
    assert await db.fetchval("SELECT status FROM core_case WHERE id = $1", filed.case_id) == "closed"
    body = await db.fetchval(
        "SELECT body FROM core_ledger_entry WHERE kind = 'case.status_changed' ORDER BY id DESC LIMIT 1"
    )
    assert body == {"status": "closed", "open_promises": 1}
    task = await db.fetchval("SELECT id FROM core_task")
    await send(agent, page, f"{page}/{task}/done")  # a promise outlives its case
    assert "customer not told" in (await agent.get(page)).text
    await send(agent, page, f"{page}/{task}/told")
    assert "customer told" in (await agent.get(page)).text
    refused = await agent.submit(page, {"what": "More"}, page=page)
    assert refused.status_code == 409


async def test_a_case_without_open_promises_closes_at_once_and_one_given_up_says_why(desk, send):
    agent = await desk.signed_in("agent")
    path, filed, (place,) = await _aspect(desk)
    page = f"{place}/tasks"
    await send(agent, page, page, what="Call on Friday")
    task = await db.fetchval("SELECT id FROM core_task")
    refused = await send(agent, page, f"{page}/{task}/drop", why="")
    assert refused.status_code == 422
    await send(agent, page, f"{page}/{task}/drop", why="She asked for a letter instead")
    assert "She asked for a letter instead" in (await agent.get(page)).text
    await send(agent, f"{place}/decide", f"{place}/decide", outcome="upheld", reason=REASON)
    await send(agent, path, f"{path}/status", status="closed")
    assert await db.fetchval("SELECT status FROM core_case WHERE id = $1", filed.case_id) == "closed"
    answer = await send(agent, page, f"{page}/{task}/reopen", follow=True)
    assert "The promise is open again." in answer.text


async def test_quality_reads_the_register_and_the_promises_and_changes_neither(desk, send):
    agent, reader = await desk.signed_in("agent"), await desk.signed_in("quality")
    _, _, (place,) = await _aspect(desk)
    await send(agent, f"{place}/evidence", f"{place}/evidence/ask", what="The recording", asked_of="The call centre")
    await send(agent, f"{place}/tasks", f"{place}/tasks", what="Refund")
    for part, words in (("evidence", "The recording"), ("tasks", "Refund")):
        shown = await reader.get(f"{place}/{part}")
        assert words in shown.text
        assert 'method="post" action="/cases' not in shown.text
    refused = await reader.submit(f"{place}/tasks", {"what": "Gold"}, page="/me/password")
    assert refused.status_code == 403
