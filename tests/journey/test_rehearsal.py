"""An upgrade rehearsed on a copy: the desk itself stays as it is, and the verdict names what speaks against it."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ombud.testing_plugins import PLUGIN, Made

LATER = "2026-02-01T00:00:00:000000"
LOOK = PLUGIN.replace('opt={"public": True}', 'opt={"permission": "made-up.look"}')
SLOW = """
import asyncio


@get("/slow", opt={"public": True})
async def slow() -> str:
    await asyncio.sleep(%s)
    return "slow"

"""


def wheel(made: Made, folder: Path) -> Path:
    """The plugin as a wheel: what lies in its site folder, in a ZIP."""
    path = folder / f"ombud_{made.prefix}-{made.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(made.site.rglob("*")):
            if each.is_file() and "__pycache__" not in each.parts:
                archive.write(each, each.relative_to(made.site))
    return path


@pytest.mark.slow
def test_a_rehearsal_says_go_or_no_go_and_leaves_the_desk_alone(
    make_desk: Callable[..., Any], prepared: Path, tmp_path: Path
) -> None:
    installed, coming = tmp_path / "site", tmp_path / "coming"
    pages = LOOK.replace("@hookimpl\ndef provide_pages", SLOW % "0" + "@hookimpl\ndef provide_pages", 1)
    pages = pages.replace("return [hello]", "return [hello, slow]")
    Made("made-up", installed, plugin=pages).write()
    desk = make_desk(of=prepared, PYTHONPATH=str(installed))
    assert "made-up 0.1.0 is on" in desk.command("plugin", "enable", "made-up")
    secrets = {each.name: each.read_bytes() for each in (desk.data / "secrets").iterdir()}

    add = 'await run_sql("ALTER TABLE made_up_note ADD COLUMN mood text")'
    good = Made("made-up", coming, version="0.2.0", plugin=pages).migration("m_0002", LATER, add).write()
    said = desk.command("plugin", "rehearse", str(wheel(good, tmp_path)))
    assert "made-up: 0.1.0 → 0.2.0" in said
    assert said.splitlines()[-1] == "GO"

    good.version, good.plugin = "0.3.0", pages.replace('opt={"permission": "made-up.look"}', 'opt={"public": True}')
    good.plugin = good.plugin.replace("asyncio.sleep(0)", "asyncio.sleep(0.4)")
    bad = good.write()
    said = desk.command("plugin", "rehearse", str(wheel(bad, tmp_path)), code=1)
    assert "AGAINST: GET /p/made-up/ was for made-up.look and would be open to everybody" in said
    took = re.search(r"AGAINST: /p/made-up/slow takes (\d+) ms, before \d+ ms", said)
    assert took, said
    assert int(took[1]) > 350, "what the loop waits for a processor while the page pauses is taken off too"
    assert re.search(r"^made-up +enabled +0\.1\.0", desk.command("plugin", "list"), re.MULTILINE)
    assert {each.name: each.read_bytes() for each in (desk.data / "secrets").iterdir()} == secrets
