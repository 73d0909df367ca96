"""`ombud bench load`: a made-up desk that is as whole as a real one."""

import json
from pathlib import Path
from typing import Any

import pytest

from ombud.bench import load as loading
from ombud.bench.cases import Maker
from ombud.bench.world import PASSWORD, USER, world
from ombud.desk.errors import NotNow
from ombud.desk.queues import lines, total
from ombud.desk.search import build as search_build
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.keys import MasterKeys
from ombud.trust.ledger_verify import verify
from ombud.trust.policy import SYSTEM

CASES = 1200


def _texts(folder: Path, chunk: int) -> list[str]:
    keys = folder / "master.key"
    if not keys.exists():
        keys.write_text("A" * 43 + "=\n")
        keys.chmod(0o600)
    end = now().replace(hour=12, minute=0, second=0, microsecond=0)
    rows = Maker(7, chunk, world(), MasterKeys(keys), end, "OMB").make(1 + 1000 * chunk, 20, 5000)
    return [json.dumps(rows.tables[name], default=str) for name in ("core_person", "core_case", "core_message")]


def test_the_same_seed_makes_the_same_cases_and_another_chunk_makes_others(tmp_path: Path) -> None:
    assert _texts(tmp_path, 0) == _texts(tmp_path, 0)
    assert _texts(tmp_path, 0) != _texts(tmp_path, 1)


@pytest.mark.slow
async def test_a_loaded_desk_keeps_every_promise_of_a_desk(desk: Any) -> None:
    told: list[tuple[int, int]] = []
    done = await loading.load(desk.config.database.url, CASES, 7, lambda *progress: told.append(progress))
    assert (done.cases, told[-1]) == (CASES, (CASES, CASES))
    row = await db.fetchrow(
        """
        SELECT (SELECT count(*) FROM core_case) AS cases,
            (SELECT min(n) || ' to ' || max(n) FROM (SELECT count(*) n FROM core_aspect GROUP BY case_id) a) AS aspects,
            (SELECT min(n) || ' to ' || max(n) FROM (SELECT count(*) n FROM core_message GROUP BY case_id) m) AS said,
            (SELECT count(*) FROM core_case WHERE status <> 'closed') AS waiting
        """
    )
    assert row is not None
    assert (row["cases"], row["aspects"], row["said"]) == (CASES, "1 to 5", "3 to 8")
    assert await total(SYSTEM) == CASES
    assert sum(line.waiting for line in await lines(SYSTEM)) == row["waiting"] > 0
    report = await verify()
    assert report.broken == ""
    assert report.entries > CASES * 5
    with pytest.raises(NotNow, match="has cases already"):
        await loading.load(desk.config.database.url, 5, 7, lambda *progress: None)
    await _the_index_is_that_of_a_rebuild()
    await _works_on(desk)


async def _the_index_is_that_of_a_rebuild() -> None:
    """Row by row, though the loader found the words in its own memory."""
    everything = "SELECT id, kind, case_id, at, words::text AS words FROM core_search ORDER BY kind, id"
    loaded = await db.fetch(everything)
    indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = (SELECT 'core_search_' || live FROM core_search_state)"
    assert await db.fetchval(indexes) == 8
    assert await db.fetchval("SELECT count(*) FROM core_search_due") == 0
    assert {row["kind"] for row in loaded} == {"case", "message", "person"}
    assert await search_build.rebuild() == len(loaded)
    assert await db.fetch(everything) == loaded


async def _works_on(desk: Any) -> None:
    """People sign in and read, and what is filed next has a number of its own."""
    browser = desk.browser()
    await browser.submit("/sign-in", {"login": USER, "password": PASSWORD})
    reference = await db.fetchval("SELECT reference FROM core_case ORDER BY id LIMIT 1")
    assert (await browser.get(f"/cases/{reference}")).status_code == 200

    assert "1200 cases" in (await browser.get("/queues/all?status=")).text
    filed = await desk.file("The fee was taken twice.")
    assert await db.fetchval("SELECT count(*) FROM core_case WHERE reference = $1", filed.reference) == 1
