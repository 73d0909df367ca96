from typing import Any

from ombud.kernel.database import db


async def test_words_typed_into_a_form_that_came_too_late_are_given_back(desk: Any) -> None:
    agent = await desk.signed_in("agent")
    filed = await desk.file("The fee was taken twice.")
    typed = {"kind": "note", "text": "Half an hour of careful words <b>.", "_csrf": "wrong", "password": "secret words"}
    answer = await agent.http.post(f"/cases/{filed.reference}/messages", data=typed)
    assert answer.status_code == 403
    assert "Half an hour of careful words &lt;b&gt;." in answer.text
    assert "secret words" not in answer.text
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE direction = 'note'") == 0
    typed["_csrf"] = await agent.token(f"/cases/{filed.reference}")
    assert (await agent.http.post(f"/cases/{filed.reference}/messages", data=typed)).status_code == 303
