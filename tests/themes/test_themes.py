"""Themes: chosen on a page for everybody, live; a theme from outside; a broken one never stops the desk."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ombud.kernel.database import db
from ombud.testing_desk import running_desk
from ombud.trust import settings
from ombud.trust.ledger import open_sealed
from ombud.trust.policy import SYSTEM
from ombud.web.look import KEY, look

UV = Path(sys.prefix) / "bin" / "uv"
PROJECT = """
[project]
name = "acme-night"
version = "1.2.0"
requires-python = ">=3.11"
[project.entry-points."ombud.themes"]
night = "acme_night"
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"
[tool.uv.build-backend]
module-name = "acme_night"
module-root = ""
"""
OVERRIDE = """{% extends "core/layouts/public.html" %}
{% block body %}{{ super() }}<span>Acme since 1901</span>{% endblock %}
"""


def write_theme(folder: Path, name: str = "night", files: dict[str, str] | None = None) -> Path:
    """The package of a theme, with more files by their place in it."""
    (folder / "static").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "theme.toml").write_text(f'name = "{name}"\nlabel = "Acme night"\nstyles = ["night.css"]\n')
    (folder / "static" / "night.css").write_text("@layer theme { :root { --o-accent: light-dark(#402060, #d0b0ff); } }")
    for place, text in (files or {}).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def installed_by_hand(site: Path, name: str, package: str, version: str = "1") -> None:
    """A dist-info folder, as pip leaves one."""
    info = site / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[ombud.themes]\n{name} = {package}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of this process, as an environment's site-packages is."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A theme of somebody else's, built as they would."""
    project = tmp_path_factory.mktemp("night")
    (project / "pyproject.toml").write_text(PROJECT)
    write_theme(project / "acme_night", files={"templates/layouts/public.html": OVERRIDE})
    _run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", project / "out", project)
    return next((project / "out").glob("*.whl"))


def _run(*words: str | Path) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


async def choose(browser: Any, name: str, **more: Any) -> Any:
    return await browser.submit("/administration/look", {"theme": name}, **more)


async def test_a_theme_from_outside_is_installed_and_chosen_while_the_desk_runs(desk, site, wheel):
    administrator = await desk.signed_in("administrator")
    assert "Acme night" not in (await administrator.get("/administration/look")).text
    _run(UV, "pip", "install", "--offline", "--no-deps", "--target", site, wheel)
    listed = (await administrator.get("/administration/look")).text
    assert "Acme night" in listed
    assert "1.2.0" in listed
    stranger = desk.browser()
    assert "since 1901" not in (await stranger.get("/")).text
    done = await choose(administrator, "night", follow=True)
    assert "Everybody sees Acme night from now on." in done.text
    page = (await stranger.get("/")).text
    assert "Acme since 1901" in page
    sheet = page.split('href="/themes/night/')[1].split('"')[0]
    assert "#402060" in (await stranger.get(f"/themes/night/{sheet}")).text
    assert "/themes/night/" in (await administrator.get("/plugins")).text
    core = Path(look.jinja.get_template("core/layouts/public.html").filename or "")
    assert "1901" not in core.read_text("utf-8")


async def test_choosing_stands_in_the_ledger_with_before_and_after(desk):
    administrator = await desk.signed_in("administrator")
    await choose(administrator, "contrast")
    await choose(administrator, "plain")
    rows = await db.fetch("SELECT stream, seq, actor, body->>'key' AS key FROM core_ledger_entry "
                          "WHERE kind = 'setting.changed' ORDER BY id")  # fmt: skip
    assert [row["key"] for row in rows] == [KEY, KEY]
    assert rows[0]["actor"].startswith("user/")
    values = {each.field: each.value for each in await open_sealed([(rows[1]["stream"], rows[1]["seq"])])}
    assert values == {"before": "contrast", "after": "plain"}


async def test_a_choice_made_in_another_process_shows_here_by_itself(desk):
    stranger = desk.browser()
    assert "/themes/plain/theme.css" in (await stranger.get("/")).text
    await settings.change(SYSTEM, KEY, "contrast")  # as another process does it: nothing here is told but by notice
    until = time.monotonic() + 20  # a moment, but on a busy machine
    while "/themes/contrast/theme.css" not in (await stranger.get("/")).text:
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_a_preview_is_for_whoever_may_choose_and_changes_nothing_for_others(desk):
    administrator, agent = await desk.signed_in("administrator"), await desk.signed_in("agent")
    shown = (await administrator.get("/administration/look?theme-preview=contrast")).text
    assert "/themes/contrast/theme.css" in shown
    assert "This page is drawn in Contrast. Nobody else sees it." in shown
    assert "/themes/contrast/theme.css" in (await administrator.get("/?theme-preview=contrast")).text
    assert "/themes/contrast/" not in (await agent.get("/queues/all?theme-preview=contrast")).text
    assert "/themes/contrast/" not in (await desk.browser().get("/?theme-preview=contrast")).text
    assert "/themes/contrast/" not in (await administrator.get("/administration/look")).text
    assert (await administrator.get("/administration/look?theme-preview=no-such")).status_code == 200


async def test_choosing_is_refused_without_the_right_and_for_what_is_not_there(desk):
    agent, administrator = await desk.signed_in("agent"), await desk.signed_in("administrator")
    assert (await choose(agent, "contrast", page="/me/password")).status_code == 403
    unknown = await choose(administrator, "no-such")
    assert unknown.status_code == 422
    assert "No theme &#39;no-such&#39; is installed" in unknown.text
    assert (await choose(administrator, "")).status_code == 422
    assert await db.fetchval("SELECT count(*) FROM core_setting WHERE key = $1", KEY) == 0


BROKEN = {
    "toml": ({"theme.toml": "name = \n"}, "theme.toml"),
    "sheet": ({"theme.toml": 'name = "night"\nlabel = "N"\nstyles = ["gone.css"]\n'}, "gone.css is not there"),
    "name": ({"theme.toml": 'name = "other"\nlabel = "N"\n'}, "the name must be"),
    "syntax": ({"templates/layouts/public.html": "{% if %}"}, "line 1"),
    "parent": ({"templates/layouts/public.html": '{% extends "core/no/such.html" %}'}, "there is no template"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_theme_is_shown_with_its_problem_and_cannot_be_chosen(desk, site, fault):
    files, said = BROKEN[fault]
    write_theme(site / "acme_night", files=files)
    installed_by_hand(site, "night", "acme_night")
    administrator = await desk.signed_in("administrator")
    listed = (await administrator.get("/administration/look")).text
    assert "Cannot be used" in listed
    assert said in listed.replace("&#39;", "'")
    refused = await choose(administrator, "night")
    assert refused.status_code == 422
    assert "Nothing was changed." in refused.text


async def test_a_theme_that_breaks_after_it_was_chosen_costs_the_look_and_not_the_desk(desk, site):
    folder = write_theme(site / "acme_night")
    installed_by_hand(site, "night", "acme_night")
    administrator = await desk.signed_in("administrator")
    assert (await choose(administrator, "night")).status_code == 303
    (folder / "theme.toml").unlink()
    look.begin("plain")  # a process starts anew
    await look.refresh()
    assert "has no theme.toml" in look.problem
    page = await desk.browser().get("/")
    assert page.status_code == 200
    assert "/themes/" not in page.text
    shown = (await administrator.get("/administration/look")).text
    assert "night is chosen but cannot be used" in shown
    assert (await choose(administrator, "plain")).status_code == 303
    assert look.problem == ""


async def test_a_template_that_fails_while_it_is_drawn_is_replaced_by_cores_and_noted_once(desk, site):
    override = '{% extends "core/layouts/public.html" %}{% block body %}{{ nothing.known }}{% endblock %}'
    write_theme(site / "acme_night", files={"templates/layouts/public.html": override})
    installed_by_hand(site, "night", "acme_night")
    administrator = await desk.signed_in("administrator")
    await choose(administrator, "night")
    for _ in range(3):
        assert (await desk.browser().get("/")).status_code == 200
    await asyncio.sleep(0.2)
    assert await db.fetchval("SELECT count(*) FROM core_fault WHERE place = 'theme night, pages/front.html'") == 1


async def test_a_desk_starts_although_the_theme_of_its_settings_is_not_installed(fresh_database_url, tmp_path):
    async with running_desk(fresh_database_url, tmp_path / "desk", OMBUD_THEME_NAME="no-such") as desk:
        assert (await desk.browser().get("/")).status_code == 200
        assert "No theme 'no-such' is installed" in look.problem


async def test_files_of_a_theme_are_served_and_nothing_beside_them(desk):
    stranger = desk.browser()
    assert (await stranger.get("/themes/contrast/theme.css")).status_code == 200
    for wrong in ("contrast/..%2ftheme.toml", "contrast/theme.toml", "no-such/theme.css", "contrast/none.css"):
        assert (await stranger.get(f"/themes/{wrong}")).status_code == 404
