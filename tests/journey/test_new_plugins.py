"""A plugin of every kind, from `ombud plugin new` to its end, on a running desk that never saw its source: its wheel is
installed, switched on, used, upgraded to 0.2 with a migration, and taken away without residue."""

import inspect
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from new_plugins import USES, Office, second_version
from wheel_house import build, environment, install, run

from ombud.kernel.postgres import EmbeddedPostgres
from ombud_plugin_api.scaffold import KINDS, write_plugin

PASSWORD = "harbour lantern moss"
SLUGS = {kind: f"new-{kind}" for kind in KINDS}


def wait_for(condition: Callable[[], bool], what: str = "") -> None:
    until = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < until, f"it did not come to be: {what or inspect.getsource(condition)}"
        time.sleep(0.25)  # each look draws a page, on a machine that has to do what is waited for


def test_every_kind_that_can_be_written_is_used_here() -> None:
    assert set(USES) == set(KINDS)


class Shop:
    """Where the plugins are written and built; the desk gets wheels alone."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.folder, self.place = folder, place
        self.wheels = folder / "wheels"
        self.wheels.mkdir()

    def write(self) -> None:
        for kind, slug in SLUGS.items():
            write_plugin(slug, kind, self.folder / slug)

    def deliver(self, version: str) -> None:
        """Builds what was written and installs it beside the desk."""
        for slug in SLUGS.values():
            build(self.folder / slug, self.wheels)
        files = [str(path) for path in self.wheels.glob(f"*-{version}-*.whl")]
        assert len(files) == len(SLUGS)
        run(*install(self.place), "--no-deps", *files, folder=self.wheels)


@pytest.mark.slow
def test_a_plugin_of_every_kind_lives_from_its_first_line_to_its_last_row(
    wheels: Path, make_desk: Callable[..., Any], tmp_path: Path
) -> None:
    place = environment(wheels, tmp_path, "ombud")
    desk = make_desk("new", place / "ombud", OMBUD_PLUGINS_ENABLED_FIRST="")
    desk.start()
    for name, roles in (("agnes", "agent"), ("lena", "leader"), ("adam", "administrator"), ("cora", "compliance")):
        desk.command("user", "add", name, "--role", roles, "--password-stdin", given=PASSWORD)
    shop = Shop(tmp_path, place)
    shop.write()
    shop.deliver("0.1.0")
    assert {line.split()[1] for line in desk.command("plugin", "list").splitlines()} == {"installed"}
    desk.command("reload")
    office = Office(desk.address, desk.command, PASSWORD)
    for slug in SLUGS.values():
        answer = office.administrator.submit(f"/plugins/{slug}/enable", {}, page="/plugins")
        assert answer.status_code == 200, (slug, answer.text[-2000:])
    used(office)

    for slug in SLUGS.values():
        second_version(tmp_path / slug, slug)
    shop.deliver("0.2.0")
    for slug in SLUGS.values():
        shutil.rmtree(tmp_path / slug)
    desk.command("reload")
    assert {line.split()[1] for line in desk.command("plugin", "list").splitlines()} == {"upgrade"}
    for slug in SLUGS.values():
        office.administrator.submit(f"/plugins/{slug}/enable", {}, page="/plugins")
    listed = desk.command("plugin", "list").splitlines()
    assert [line.split()[1:3] for line in listed] == [["enabled", "0.2.0"]] * len(SLUGS), listed
    used(office)
    with psycopg.connect(EmbeddedPostgres(desk.data / "postgres").start(), autocommit=True) as database:
        assert len(residue(database, "_second")) == len(SLUGS)
        taken_away(desk, database, office.administrator)
    office.administrator.get("/plugins").raise_for_status()


def used(office: Office) -> None:
    office.complain()
    for kind, use in USES.items():
        if len(inspect.signature(use).parameters) > 1:
            use(office, wait_for)  # type: ignore[call-arg]
        else:
            use(office)
        assert kind in KINDS


def taken_away(desk: Any, database: Any, administrator: Any) -> None:
    """One keeps its data, which then can still be erased; all of them leave nothing when they are asked to."""
    desk.command("plugin", "uninstall", SLUGS["pages"], "--keep-data")
    assert residue(database, "new_pages_note") == ["table new_pages_note"]
    desk.command("plugin", "uninstall", SLUGS["pages"], "--delete-data", "--yes")
    administrator.submit("/me/confirm", {"password": PASSWORD})
    for slug in set(SLUGS.values()) - {SLUGS["pages"]}:
        administrator.submit(f"/plugins/{slug}/uninstall", {"data": "delete", "slug": slug})
    assert residue(database, "new") == []
    left = database.execute(
        "SELECT slug FROM core_plugin UNION ALL SELECT plugin FROM core_delivery WHERE plugin <> '' "
        "UNION ALL SELECT app_name FROM migration WHERE app_name <> 'core' "
        "UNION ALL SELECT key FROM core_setting WHERE key LIKE 'p-%' UNION ALL SELECT key FROM core_setting_secret "
        "UNION ALL SELECT slug FROM core_fault WHERE slug <> 'core' UNION ALL "
        "SELECT p FROM core_role, unnest(permissions) AS p WHERE p LIKE 'new-%'"
    ).fetchall()
    assert left == []


def residue(database: Any, words: str) -> list[str]:
    rows = database.execute(
        "SELECT CASE relkind WHEN 'r' THEN 'table ' ELSE 'other ' END || relname FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') AND relname LIKE %s ORDER BY 1",
        (f"%{words}" if words.startswith("_") else f"{words}%",),
    ).fetchall()
    return [row[0] for row in rows]
