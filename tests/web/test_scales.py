"""Severity and priority in an organisation's own words, unit by unit; the steps stay the same."""

from ombud.desk.administration import units as unit_setup
from ombud.kernel.database import db
from ombud.trust import group_settings
from ombud.trust.group_settings import Change
from ombud.trust.policy import SYSTEM


async def _set(unit=None, **values):
    await group_settings.change(SYSTEM, "scales", Change(values), unit)


async def test_the_words_of_a_unit_stand_wherever_a_step_is_shown_or_chosen_in_it(desk, send):
    agent = await desk.signed_in("agent")
    filed = await desk.file()
    path = f"/cases/{filed.reference}"
    aspect = f"{path}/aspects/{await db.fetchval('SELECT id FROM core_aspect')}"
    for page in (path, f"{path}/change", aspect):
        assert "1, minor" in (await agent.get(page)).text
    await _set(severity_1="a nuisance", priority_normal="In turn", severity_help="1: no money lost")
    for page in (path, f"{path}/change", aspect):
        text = (await agent.get(page)).text
        assert "1, a nuisance" in text
        assert "In turn" in text
        assert "1, minor" not in text
    assert "1: no money lost" in (await agent.get(aspect)).text
    await send(agent, aspect, f"{aspect}/change", severity="3")
    assert await db.fetchval("SELECT severity FROM core_aspect") == 3


async def test_a_unit_below_has_its_own_words_and_takes_the_rest_from_above(desk):
    agent = await desk.signed_in("agent")
    main = await db.fetchval("SELECT id FROM core_unit WHERE key = 'main'")
    team = await unit_setup.add(SYSTEM, "team", main, {"name": "Team"})
    await _set(severity_1="a nuisance", priority_normal="In turn")
    await _set(team, severity_1="a trifle")
    there = await desk.file(unit="team")
    text = (await agent.get(f"/cases/{there.reference}")).text
    assert "1, a trifle" in text
    assert "In turn" in text


async def test_an_administrator_changes_the_words_on_a_settings_page_and_an_empty_word_is_refused(desk, send):
    administrator = await desk.signed_in("administrator")
    page = await administrator.get("/settings/scales")
    assert page.status_code == 200
    assert "Severity 1" in page.text
    assert "What counts as which severity" in page.text
