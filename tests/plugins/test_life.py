"""The life of a plugin: its states, and switching, upgrading and uninstalling in one piece or not at all."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from ombud.kernel import calling, holding_up, lifecycle, plugins
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running, standings
from ombud.kernel.migrations import MigrationError
from ombud.kernel.plugins import UnfitError
from ombud.start import open_desk
from ombud.testing_plugins import Made
from ombud.trust import switching
from ombud.trust.policy import SYSTEM

LATER = "2026-02-01T00:00:00:000000"


async def state(slug: str = "made-up") -> str:
    return next((each.state for each in await standings() if each.slug == slug), "unknown")


async def problem(slug: str = "made-up") -> str:
    return next(each.problem for each in await standings() if each.slug == slug)


async def fingerprint() -> dict[str, Any]:
    """What the database holds: relations, constraints, and the rows of every table."""
    names = [row["name"] for row in await db.fetch(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1"
    )]  # fmt: skip
    rows = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    names = [name for name in names if name not in {"core_fault", "core_worker"}]
    sums = await db.fetchrow("SELECT " + ", ".join(f"({rows.format(name)}) AS {name}" for name in names))
    assert sums is not None
    found: dict[str, Any] = dict(sums)
    found["constraints"] = [row["conname"] for row in await db.fetch("SELECT conname FROM pg_constraint ORDER BY 1")]
    found["indexes"] = [row["indexname"] for row in await db.fetch("SELECT indexname FROM pg_indexes ORDER BY 1")]
    return found


class Tripping:
    """Counts the statements of this process and lets one of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen = 0
        self.at = 0
        for name in ("execute", "_execute", "_executemany"):
            monkeypatch.setattr(asyncpg.Connection, name, self._wrapped(getattr(asyncpg.Connection, name)))

    def _wrapped(self, real: Any) -> Any:
        async def run(connection: Any, query: str, *args: Any, **more: Any) -> Any:
            if not query.startswith(("ROLLBACK", "SELECT pg_advisory_unlock_all")):
                self.seen += 1
                if self.seen == self.at:
                    raise RuntimeError("tripped")
            return await real(connection, query, *args, **more)

        return run


async def _goes_through(change: Callable[[], Awaitable[None]]) -> bool:
    """False where the tripped statement stopped it; any other trouble is the test's."""
    try:
        await change()
    except (RuntimeError, MigrationError) as failure:
        if "tripped" not in f"{failure} {failure.__cause__}":
            raise
        return False
    return True


async def test_every_state_is_derived_from_what_is_installed_and_what_is_wanted(desk: Any, made: Made) -> None:
    assert await state() == "installed"
    await desk.enable("made-up")
    assert await state() == "enabled"
    await desk.disable("made-up")
    assert await state() == "disabled"
    await desk.enable("made-up")
    made.version = "0.2.0"
    made.write()
    await running.refresh()
    assert await state() == "upgrade needed"
    assert "made-up" not in running.loaded
    await desk.enable("made-up")
    assert await state() == "enabled"
    made.version = "0.1.0"
    made.write()
    assert await state() == "incompatible"
    assert "install 0.2.0 or a later one" in await problem()
    with pytest.raises(UnfitError, match="cannot read what it wrote"):
        await desk.enable("made-up")
    made.api = ">=1.0"
    made.write()
    assert await state() == "incompatible"
    made.remove()
    assert await state() == "missing"


async def test_a_plugin_switched_on_by_two_at_once_is_switched_on_once(desk: Any, made: Made) -> None:
    await asyncio.gather(*(switching.enable(SYSTEM, "made-up") for _ in range(3)))
    told = await db.fetchval("SELECT count(*) FROM core_ledger_entry WHERE kind = 'plugin.enabled'")
    assert told == 1
    assert await db.fetchval("SELECT count(*) FROM migration WHERE app_name = 'made-up'") == 1


@pytest.mark.parametrize("act", ["enable", "upgrade", "disable", "uninstall", "uninstall and keep"])
async def test_whatever_statement_fails_nothing_of_the_change_remains(
    act: str, desk: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    if act != "enable":
        await desk.enable("made-up")
        await db.execute("INSERT INTO made_up_note (words) VALUES ('kept')")
    if act == "upgrade":
        made.version = "0.2.0"
        made.migration("m_0002", LATER, 'await run_sql("ALTER TABLE made_up_note ADD COLUMN mood text")').write()

    async def change() -> None:
        if act == "disable":
            await switching.disable(SYSTEM, "made-up")
        elif act.startswith("uninstall"):
            await switching.uninstall(SYSTEM, "made-up", keep_data="keep" in act)
        else:
            await switching.enable(SYSTEM, "made-up")

    before = await fingerprint()
    with monkeypatch.context() as patch:
        trip = Tripping(patch)
        for place in range(1, 400):
            trip.seen, trip.at = 0, place
            if await _goes_through(change):
                break
            trip.at = 0
            assert await fingerprint() == before, f"statement {place} left something behind"
        assert 5 < place < 399
    assert await fingerprint() != before


async def test_uninstalling_with_its_data_leaves_no_trace_but_the_ledgers(desk: Any, made: Made) -> None:
    before = await fingerprint()
    await desk.enable("made-up")
    filed = await desk.file("The fee was taken twice.")
    await db.execute("INSERT INTO made_up_note (words, case_id) VALUES ('kept', $1)", filed.case_id)
    await db.execute(
        "INSERT INTO core_delivery (id, subscriber, plugin, event, state, available_at, created_at) "
        "VALUES (gen_random_uuid(), 'plugin/made-up', 'made-up', '{}', 'waiting', now(), now())"
    )
    gone = await switching.uninstall(SYSTEM, "made-up", keep_data=False)
    assert (gone.kept, dict(gone.rows)) == (False, {"made_up_note": 1})
    assert await state() == "installed"
    after = await fingerprint()
    touched = {name for name in before if after[name] != before[name]}
    assert {"constraints", "indexes", "migration", "core_plugin", "core_role"} & touched == set()
    assert not {name for name in after if "made_up" in name}
    assert await db.fetchval("SELECT count(*) FROM core_delivery WHERE plugin = 'made-up'") == 0
    entry = await db.fetchrow("SELECT body FROM core_ledger_entry WHERE kind = 'plugin.uninstalled'")
    assert entry["body"]["tables"] == [{"table": "made_up_note", "rows": 1}]


async def test_uninstalled_with_its_data_kept_it_finds_it_again(desk: Any, made: Made) -> None:
    await desk.enable("made-up")
    leader = await desk.viewer("leader")
    assert leader.may("made-up.look")
    await db.execute("INSERT INTO made_up_note (words) VALUES ('kept')")
    await switching.uninstall(SYSTEM, "made-up", keep_data=True)
    await running.refresh()
    assert await state() == "installed"
    assert "made-up" not in running.loaded
    assert not (await desk.viewer("leader")).may("made-up.look")
    assert await db.fetchval("SELECT declaration->'tables'->0->>'name' FROM core_plugin WHERE slug = 'made-up'")
    await desk.enable("made-up")
    assert await db.fetchval("SELECT words FROM made_up_note") == "kept"
    assert (await desk.viewer("leader")).may("made-up.look")


async def test_a_plugin_whose_code_is_gone_is_uninstalled_by_its_declaration(desk: Any, made: Made) -> None:
    await desk.enable("made-up")
    await db.execute("INSERT INTO made_up_note (words) VALUES ('left')")
    made.remove()
    assert await state() == "missing"
    await desk.uninstall("made-up")
    assert await state() == "unknown"
    assert await db.fetchval("SELECT to_regclass('made_up_note')") is None
    assert await db.fetchval("SELECT count(*) FROM migration WHERE app_name = 'made-up'") == 0


async def test_a_plugin_that_others_need_is_neither_switched_off_nor_uninstalled(desk: Any, made: Made) -> None:
    other = Made("needy", made.site, needs=("made-up",), tables=False).write()
    try:
        with pytest.raises(UnfitError, match="it needs made-up; switch that on first"):
            await desk.enable("needy")
        await desk.enable("made-up")
        await desk.enable("needy")
        for act in (desk.disable, desk.uninstall):
            with pytest.raises(UnfitError, match="needy needs it; switch that off first"):
                await act("made-up")
        await desk.disable("needy")
        await desk.disable("made-up")
    finally:
        other.remove()


async def test_a_migration_that_holds_up_complaints_is_cut_off_and_refused(desk: Any, made: Made) -> None:
    await desk.enable("made-up")
    made.version = "0.2.0"
    made.migration(
        "m_0002", LATER, 'await run_sql("LOCK TABLE core" + "_case"); await run_sql("SELECT pg_sleep(60)")'
    ).write()
    upgrading = asyncio.create_task(switching.enable(SYSTEM, "made-up"))
    waited = []
    while not upgrading.done():
        begun = time.monotonic()
        await desk.file("The fee was taken twice.")
        waited.append(time.monotonic() - begun)
        await asyncio.sleep(0.02)
    with pytest.raises(MigrationError, match="others waiting for a table"):
        await upgrading
    assert max(waited) > holding_up.WAITED / 2, "nothing was held up, so nothing was tried"
    assert max(waited) < 2
    assert await state() == "upgrade needed"
    assert await db.fetchval("SELECT applied_version FROM core_plugin WHERE slug = 'made-up'") == "0.1.0"


async def test_a_migration_that_sleeps_in_python_while_it_holds_a_table_is_cut_off_too(desk: Any, made: Made) -> None:
    await desk.enable("made-up")
    made.version = "0.2.0"
    made.migration("m_0002", LATER, 'await run_sql("LOCK TABLE core" + "_case"); await asyncio.sleep(4)').write()
    upgrading = asyncio.create_task(switching.enable(SYSTEM, "made-up"))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    await desk.file("The fee was taken twice.")
    assert time.monotonic() - begun < 2
    with pytest.raises(MigrationError, match="others waiting for a table"):
        await upgrading


async def test_a_statement_that_runs_too_long_is_refused_with_the_remedy(
    desk: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ombud.kernel.migrations.STATEMENT", "300ms")
    made.migration("m_0002", LATER, 'await run_sql("SELECT pg_sleep(60)")').write()
    begun = time.monotonic()
    with pytest.raises(MigrationError, match="Fill rows in a job"):
        await desk.enable("made-up")
    assert time.monotonic() - begun < 5
    assert await db.fetchval("SELECT to_regclass('made_up_note')") is None
    assert await state() == "installed"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('await run_sql("SELECT nonsense FROM nowhere")', "the database refused it"),
        ('raise ValueError("no such luck")', "ValueError: no such luck"),
        ('await run_sql("CREATE TABLE elsewhere (id int)")', "must begin with made_up_"),
        ('await run_sql("DROP TABLE core" + "_view")', "which is not its own"),
    ],
)
async def test_a_migration_that_fails_or_reaches_beyond_its_own_tables_leaves_nothing(
    body: str, said: str, desk: Any, made: Made
) -> None:
    made.migration("m_0002", LATER, body).write()
    before = await fingerprint()
    with pytest.raises((MigrationError, UnfitError), match=said):
        await desk.enable("made-up")
    assert await fingerprint() == before
    assert await desk.file("The fee was taken twice.")


async def test_code_that_hangs_when_it_is_imported_does_not_hold_up_the_process(
    desk: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enable("made-up")
    monkeypatch.setattr("ombud.kernel.lifecycle.LOAD_SECONDS", 0.3)
    made.plugin = "import time\ntime.sleep(3)\n" + made.plugin
    made.write()
    running.loaded.clear()
    refreshing = asyncio.create_task(running.refresh())
    begun = time.monotonic()
    await desk.file("The fee was taken twice.")
    assert time.monotonic() - begun < 1
    await refreshing
    assert "was not imported within 0.3 s" in running.problems["made-up"]
    assert await state() == "incompatible"


async def test_a_plugin_whose_loading_killed_processes_is_not_loaded_again(desk: Any, made: Made) -> None:
    await desk.enable("made-up")
    for _ in range(2):
        await db.execute(
            "INSERT INTO core_fault (id, slug, at, kind, place, error, trace) "
            "VALUES (gen_random_uuid(), 'made-up', now(), 'killed', 'load', 'it stood still', '')"
        )
    running.loaded.clear()
    await running.refresh()
    assert "stopped this desk's processes 2 times" in running.problems["made-up"]
    await desk.disable("made-up")
    await desk.enable("made-up")
    assert "made-up" in running.loaded
    assert "made-up" in plugins.discover()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from ombud.kernel.database import db", "imports ombud.kernel.database, which is not the plugin API"),
        ("import json, ombud_webform.pages", "imports ombud_webform.pages, which is not the plugin API"),
        ("import asyncpg", "a plugin's rows go through its Piccolo tables"),
        ("SQL = 'SELECT * FROM core_case'", "names core's table core_case"),
        ("def broken(:", "is not Python"),
    ],
)
async def test_code_that_breaks_the_law_of_plugins_is_never_imported(
    code: str, said: str, desk: Any, made: Made
) -> None:
    (made.folder / "more.py").write_text(f"# core_, for it is read at all\n{code}\n")
    (made.folder / "plugin.py").write_text((made.folder / "plugin.py").read_text() + "\nraise RuntimeError('imported')")
    with pytest.raises(UnfitError, match="it does what no plugin may: .*" + said):
        await desk.enable("made-up")


async def test_a_plugins_templates_lie_in_its_own_folder_and_override_nothing(desk: Any, made: Made) -> None:
    (made.folder / "templates" / "pages").mkdir(parents=True)
    (made.folder / "templates" / "pages" / "case.html").write_text("mine")
    with pytest.raises(UnfitError, match=r"the template pages/case.html must lie in templates/made-up/"):
        await desk.enable("made-up")


async def test_a_foreign_key_of_piccolos_to_core_is_refused(desk: Any, made: Made) -> None:
    tables = (made.folder / "tables.py").read_text()
    more = tables.replace("from piccolo.columns import Text", "from piccolo.columns import ForeignKey, Text")
    more += "\n\nclass Case(Table, tablename='corecase'):\n    pass\n"
    (made.folder / "tables.py").write_text(more.replace('CoreRef(to="case")', "ForeignKey('Case')"))
    with pytest.raises(UnfitError, match="refer to core by CoreRef"):
        await desk.enable("made-up")


async def test_a_rest_of_another_desk_does_not_count_here(desk: Any, made: Made) -> None:
    calling._Rests.until["made-up"] = now() + timedelta(minutes=5)
    await open_desk(desk.config)
    assert calling.resting_until("made-up") is None


async def test_a_plugin_that_settings_toml_blocks_is_not_imported_whatever_the_database_says(
    desk: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enable("made-up")
    made.plugin = "raise SystemExit('imported')"
    made.write()
    monkeypatch.setattr(running, "blocked", ("made-up",))
    running.loaded.clear()
    await running.refresh()
    assert "made-up" not in running.loaded
    found = next(each for each in await standings(("made-up",)) if each.slug == "made-up")
    assert (found.state, found.problem) == ("incompatible", "settings.toml blocks it (plugins.blocked)")
    with pytest.raises(UnfitError, match=r"settings\.toml blocks it"):
        await desk.enable("made-up")
    assert await desk.file("The fee was taken twice.")


async def test_an_earlier_look_that_ends_later_does_not_have_the_last_word(
    desk: Any, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enable("made-up")
    running.loaded.clear()
    real, first = lifecycle._load, asyncio.Event()

    async def slowly(installed: plugins.Installed) -> plugins.Loaded:
        first.set()
        await asyncio.sleep(0.3)
        return await real(installed)

    monkeypatch.setattr(lifecycle, "_load", slowly)
    earlier = asyncio.create_task(running.refresh())
    await first.wait()
    await switching.disable(SYSTEM, "made-up")
    await running.refresh()
    await earlier
    assert "made-up" not in running.loaded
