"""Tags of one case by hand: put on, taken off, refused beside the field, and never taking away a colleague's."""

from typing import Any

from ombud.desk import tags
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


async def test_tags_are_put_on_and_taken_off_on_the_page_of_the_case(desk: Any) -> None:
    agent, filed = await desk.signed_in("agent"), await desk.file()
    page = f"/cases/{filed.reference}/tags"
    assert f'href="{page}"' in (await agent.get(f"/cases/{filed.reference}")).text
    answer = await agent.submit(page, {"tags": "Late-fee, branch", "was": ""}, page=page)
    assert answer.status_code == 303
    shown = (await agent.get(f"/cases/{filed.reference}")).text
    assert "branch, late-fee" in shown
    wrong = await agent.submit(page, {"tags": "late-fee, ünd!", "was": "branch late-fee"}, page=page)
    assert (wrong.status_code, "is no tag" in wrong.text, "ünd!" in wrong.text) == (422, True, True)
    async with db.transaction():
        await tags.put(SYSTEM, filed.case_id, ["from-a-rule"])
    await agent.submit(page, {"tags": "", "was": "branch late-fee"}, page=page)
    assert await tags.tags_of(filed.case_id) == ["from-a-rule"], "what came meanwhile stays"


async def test_who_only_reads_changes_no_tags(desk: Any) -> None:
    filed = await desk.file()
    compliance = await desk.signed_in("compliance")
    page = f"/cases/{filed.reference}/tags"
    assert (await compliance.get(page)).status_code == 403
    assert page not in (await compliance.get(f"/cases/{filed.reference}")).text
