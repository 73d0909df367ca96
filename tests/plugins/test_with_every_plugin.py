"""A desk with every plugin on costs its pages no more than one without."""

from typing import Any

from ombud.kernel import plugins
from ombud.kernel.database import db


async def test_a_case_page_takes_few_statements_with_every_plugin_on(desk: Any) -> None:
    """What plugins are told of their settings and of the units is remembered until somebody changes one; only secrets
    are read anew, by a statement of their own for the one plugin with a part on this page that has some."""
    shipped = sorted(slug for slug in plugins.discover() if slug != "dummy")
    for slug in shipped:
        await desk.enable(slug)
    agent, filed = await desk.signed_in("agent"), await desk.file("The fee was taken twice.", "The clerk was rude.")
    await desk.work()
    case = f"/cases/{filed.reference}"
    await agent.get(case)
    with db.counting() as count:
        assert (await agent.get(case)).status_code == 200
    assert count.statements <= 12
