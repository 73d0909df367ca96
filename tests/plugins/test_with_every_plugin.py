"""A desk with every plugin on costs its pages no more than one without."""

from typing import Any

from ombud.desk import aspects, cases
from ombud.desk.administration import taxonomies
from ombud.desk.administration.taxonomies import TermGiven
from ombud.desk.aspects import Decision
from ombud.kernel import plugins
from ombud.kernel.database import db
from ombud.trust.policy import SYSTEM


async def test_a_case_page_takes_few_statements_with_every_plugin_on(desk: Any) -> None:
    """What plugins are told of their settings and of the units is remembered until somebody changes one; only secrets
    are read anew, by a statement of their own for the one plugin with a part on this page that has some."""
    shipped = sorted(slug for slug in plugins.discover() if slug != "dummy")
    for slug in shipped:
        await desk.enable(slug)
    agent, filed = await desk.signed_in("agent"), await desk.file("The fee was taken twice.", "The clerk was rude.")
    await desk.work()
    case = f"/cases/{filed.reference}"
    assert await statements(agent, case) <= 12

    await taxonomies.add(SYSTEM, "category", "fees", None, TermGiven({"en": "Fees"}))
    viewer, decision = await desk.viewer("agent"), Decision("not_upheld", "The fee stands in the contract.")
    await cases.take(viewer, filed.case_id)
    for row in await db.fetch("SELECT id FROM core_aspect"):
        await aspects.decide_aspect(viewer, row["id"], decision, None)
    await desk.work()
    assert await statements(agent, case) <= 12
    page = (await agent.get(case)).text
    assert "Say what aspect A is about" in page
    assert '<option value="fees">Fees</option>' in page


async def statements(agent: Any, page: str) -> int:
    """Of a page that was looked at before."""
    await agent.get(page)
    with db.counting() as count:
        assert (await agent.get(page)).status_code == 200
    return count.statements
