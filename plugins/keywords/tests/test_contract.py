"""What every plugin promises, tried on a whole desk; and what an administrator's lists propose there."""

from uuid import UUID

from ombud.desk import aspects
from ombud.desk.administration import taxonomies
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.matters import proposals
from ombud.kernel.database import db
from ombud.testing_desk import Desk
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM
from ombud_plugin_api.testing import PluginContract

WORDS = "You took an overdraft fee twice, and the clerk shouted. The OPLATA is too high."


class TestContract(PluginContract):
    slug = "keywords"
    aims = "exemplary"


async def _desk(desk: Desk) -> UUID:
    for code in ("fees", "staff"):
        await taxonomies.add(SYSTEM, "category", code, None, TermGiven({"en": code.capitalize()}))
    await desk.enable("keywords")
    unit = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    lists = ["fees: overdraft fee, opłata", "staff: rude, shouted", "cards: card"]
    await group_settings.change(SYSTEM, "p-keywords", Change({"lists": lists}), unit)
    return UUID(str(unit))


async def test_a_message_gets_one_proposal_for_each_category_and_a_person_decides_each(desk: Desk) -> None:
    await _desk(desk)
    filed = await desk.file(WORDS)
    await desk.work()
    agent = await desk.viewer("agent")
    found = await proposals.waiting(agent, filed.case_id)
    assert [(each.category, each.text) for each in found] == [
        ("fees", "overdraft fee … OPLATA"), ("staff", "shouted"),
    ]  # fmt: skip
    assert await db.fetchval("SELECT count(*) FROM core_aspect") == 1
    made = await proposals.accept(agent, filed.case_id, found[0].id)
    await proposals.reject(agent, filed.case_id, found[1].id)
    row = await db.fetchrow("SELECT category, outcome, status FROM core_aspect WHERE id = $1", made)
    assert dict(row or {}) == {"category": "fees", "outcome": "", "status": "open"}
    assert await db.fetchval("SELECT count(*) FROM core_pin WHERE aspect_id = $1", made) == 2


async def test_what_the_case_has_already_is_not_proposed(desk: Desk) -> None:
    await _desk(desk)
    filed = await desk.file(WORDS)
    aspect = await db.fetchval("SELECT id FROM core_aspect WHERE case_id = $1", filed.case_id)
    await aspects.change(await desk.viewer("agent"), aspect, {"category": "fees"}, None)
    await desk.work()
    assert [each.category for each in await proposals.waiting(SYSTEM, filed.case_id)] == ["staff"]
