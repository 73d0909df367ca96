"""What every plugin promises, tried on a whole desk; and that this one reads nothing of staff's."""

from ombud.desk import messages
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud_plugin_api.testing import PluginContract


class TestContract(PluginContract):
    slug = "sentiment"
    aims = "exemplary"


async def test_an_angry_complaint_is_angry_on_the_desk(desk: Desk) -> None:
    await desk.enable("sentiment")
    filed = await desk.file("I am furious. This is the worst bank I know, and you are useless!!")
    calm = await desk.file("Please send me the statement of October. Thank you for your help.")
    await desk.work()
    rows = await db.fetch("SELECT id, mood, mood_by FROM core_case")
    assert {row["id"]: (row["mood"], row["mood_by"]) for row in rows} == {
        filed.case_id: ("angry", "suggested"), calm.case_id: ("calm", "suggested"),
    }  # fmt: skip


async def test_staffs_words_have_no_mood(desk: Desk) -> None:
    await desk.enable("sentiment")
    viewer = await desk.viewer("agent")
    filed = await desk.file("Please send me the statement of October. Thank you for your help.")
    for kind in ("note", "answer", "told"):
        await messages.write(viewer, filed.case_id, kind, "I hate this, it is a disgrace and you are useless!!")
    await desk.file("He said that he hates us and that it is a disgrace!!", channel="phone", told=True)
    await desk.work()
    assert await db.fetchval("SELECT count(*) FROM core_message WHERE mood <> ''") == 1
    assert await db.fetchval("SELECT count(*) FROM core_finding") == 1
    assert await db.fetchval("SELECT mood FROM core_case WHERE id = $1", filed.case_id) == "calm"
