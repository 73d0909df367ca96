"""Files put into the box for a message: kept with the draft, sent with it, and gone with it."""

from typing import Any

from ombud.desk.colleagues import draft_files, drafts
from ombud.kernel.database import db
from ombud.trust import keys

TEXT = ("statement.txt", b"Two fees on one day.", "text/plain")
HTMX = {"hx-request": "true"}


async def _case(desk: Any) -> tuple[str, Any]:
    filed = await desk.file("The fee was taken twice.")
    return f"/cases/{filed.reference}", filed


async def _put(browser: Any, forms: Any, path: str, *files: Any, **more: str) -> Any:
    fields = {**forms((await browser.get(path)).text).of(f"{path}/messages"), **more}
    chosen = [("documents", each) for each in files]
    return await browser.http.post(f"{path}/draft/files", data=fields, files=chosen, headers=HTMX)


async def _bytes_kept() -> int:
    return int(await db.fetchval("SELECT count(*) FROM core_vault v JOIN core_draft_file f ON f.vault_id = v.id"))


async def test_a_file_is_in_the_box_after_a_reload_and_goes_with_the_message(desk: Any, forms: Any, send: Any) -> None:
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    kept = await _put(agent, forms, path, TEXT)
    assert kept.status_code == 200
    assert 'id="draft-files"' in kept.text
    assert "statement.txt" in kept.text
    assert 'hx-swap-oob="true"' in kept.text, "the version of the draft comes along"
    page = (await agent.get(path)).text
    assert "statement.txt" in page.split('id="composer"')[1]
    assert 'name="drop"' in page
    fields = {**forms(page).of(f"{path}/messages"), "text": "Here it is.", "kind": "note"}
    assert (await agent.http.post(f"{path}/draft", data=fields)).status_code == 200
    assert (await agent.http.post(f"{path}/messages", data={**fields, "draft_version": "2"})).status_code == 303
    row = await db.fetchrow("SELECT a.name, a.sha256, m.body FROM core_attachment a JOIN core_message m "
                            "ON m.id = a.message_id")  # fmt: skip
    assert (row["name"], row["body"]) == ("statement.txt", "Here it is.")
    file = await db.fetchval("SELECT id FROM core_attachment")
    assert (await agent.get(f"/files/{file}")).content == TEXT[1]
    assert await db.fetchval("SELECT count(*) FROM core_draft_file") == 0
    assert 'name="drop"' not in (await agent.get(path)).text


async def test_a_refused_message_keeps_the_files_that_came_with_it(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    fields = {**forms((await agent.get(path)).text).of(f"{path}/messages"), "text": " ", "kind": "note"}
    refused = await agent.http.post(f"{path}/messages", data=fields, files=[("documents", TEXT)])
    assert refused.status_code == 422
    assert "statement.txt" in refused.text.split('id="composer"')[1]
    again = {**forms(refused.text).of(f"{path}/messages"), "text": "Here it is.", "kind": "note"}
    assert (await agent.http.post(f"{path}/messages", data=again)).status_code == 303
    assert await db.fetchval("SELECT count(*) FROM core_attachment") == 1


async def test_a_file_is_taken_out_and_another_person_takes_out_none(desk: Any, forms: Any) -> None:
    agent, leader = await desk.signed_in("agent"), await desk.signed_in("leader")
    path, _ = await _case(desk)
    await _put(agent, forms, path, TEXT, ("other.txt", b"Another.", "text/plain"))
    assert await _bytes_kept() == 2
    assert "statement.txt" not in (await leader.get(path)).text
    file = await db.fetchval("SELECT id FROM core_draft_file WHERE name = 'other.txt'")
    await _put(leader, forms, path, drop=str(file))
    assert await _bytes_kept() == 2
    out = await _put(agent, forms, path, drop=str(file))
    assert "other.txt" not in out.text
    assert "statement.txt" in out.text
    assert await _bytes_kept() == 1


async def test_what_the_desk_does_not_take_is_said_beside_the_files(desk: Any, forms: Any) -> None:
    agent, reader = await desk.signed_in("agent"), await desk.signed_in("quality")
    path, _ = await _case(desk)
    empty = await _put(agent, forms, path, ("nothing.txt", b"", "text/plain"))
    assert "nothing.txt is empty" in empty.text
    many = await _put(agent, forms, path, *[(f"{n}.txt", b"x", "text/plain") for n in range(60)])
    assert "too many files" in many.text
    assert await db.fetchval("SELECT count(*) FROM core_draft_file") == 0
    refused = await reader.submit(f"{path}/draft/files", {}, page=path, files=[("documents", TEXT)])
    assert refused.status_code == 403
    plain = await agent.submit(f"{path}/draft/files", {"text": ""}, page=path, files=[("documents", TEXT)])
    assert plain.status_code == 303, "without a script it is a form like any other"


async def test_files_of_a_draft_that_is_thrown_away_are_swept_with_their_bytes(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    path, _ = await _case(desk)
    await _put(agent, forms, path, TEXT)
    before = await db.fetchval("SELECT count(*) FROM core_vault")
    viewer, draft = await desk.viewer("agent"), await db.fetchval("SELECT id FROM core_draft")
    assert await drafts.throw_away(viewer, draft)
    await draft_files.sweep()
    assert await db.fetchval("SELECT count(*) FROM core_draft_file") == 0
    assert await db.fetchval("SELECT count(*) FROM core_vault") == before - 1


async def test_a_file_of_an_erased_person_is_not_sent_and_says_so(desk: Any, forms: Any) -> None:
    agent = await desk.signed_in("agent")
    path, filed = await _case(desk)
    await _put(agent, forms, path, TEXT)
    person = await db.fetchval("SELECT person_id FROM core_party WHERE case_id = $1", filed.case_id)
    fields = {**forms((await agent.get(path)).text).of(f"{path}/messages"), "text": "Here it is.", "kind": "note"}
    async with db.transaction():
        await keys.destroy(f"person/{person}")
    answer = await agent.http.post(f"{path}/messages", data=fields)
    assert answer.status_code == 409
    assert "was erased meanwhile" in answer.text
