"""A plugin comes to a desk that serves and never saw its code, is switched, upgraded and taken away, while people file
complaints fifty times a second: none of their requests fails, and every process hears of each change within moments."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from served import CERTIFICATES, allowed

from ombud.kernel.postgres import EmbeddedPostgres
from ombud.testing_plugins import Made

HEARD = 2.0  # seconds until on and off hold in every process
A_SECOND = 50


class Load:
    """Asks a page or files a complaint every fiftieth of a second, each on a connection of its own."""

    def __init__(self, address: str, api: dict[str, str]) -> None:
        self.address, self.api = address, api
        self.answered = 0
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(8)]

    def __enter__(self) -> "Load":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join(40)

    def _run(self, number: int) -> None:
        count = 0
        while not self._over.wait(len(self._threads) / A_SECOND):
            count += 1
            try:
                answer = self._ask(number, count)
                if answer.status_code not in {200, 201}:
                    self.failed.append(f"{answer.status_code}: {answer.text[:200]}")
                self.answered += 1
            except httpx.HTTPError as problem:
                self.failed.append(repr(problem))

    def _ask(self, number: int, count: int) -> httpx.Response:
        if count % 5:
            return httpx.get(f"{self.address}/p/webform/", timeout=30, verify=CERTIFICATES)
        return httpx.post(
            f"{self.address}/api/v1/complaints", headers={**self.api, "idempotency-key": f"load-{number}-{count}"},
            json={"person": {"name": "Ann"}, "matters": [{"text": "The fee was taken twice."}]}, timeout=30,
            verify=CERTIFICATES,
        )  # fmt: skip


def within(seconds: float, holds: Callable[[], bool]) -> None:
    begun, seconds = time.monotonic(), allowed(seconds)
    while not holds():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.05)


def switched_on(desk: Any) -> int:
    """How often the ledger says that the plugin was switched on."""
    with psycopg.connect(EmbeddedPostgres(desk.data / "postgres").start(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM core_ledger_entry WHERE kind = 'plugin.enabled' AND stream = 'plugin/made-up'"
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_a_plugin_comes_is_upgraded_and_goes_while_nobodys_request_fails(
    make_desk: Callable[..., Any], prepared: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    desk = make_desk(
        of=prepared, PYTHONPATH=str(site), OMBUD_SERVER_WEB_PROCESSES="2", OMBUD_LIMITS_FILINGS_PER_HOUR="100000",
        OMBUD_LIMITS_FORMS_PER_HOUR="100000",
    )  # fmt: skip
    desk.start()
    api = {"authorization": f"Bearer {desk.token}"}
    made = Made("made-up", site)

    def everywhere(status: int, words: str = "") -> Callable[[], bool]:
        """Several connections, since each may be taken by another process."""

        def holds() -> bool:
            answers = [httpx.get(f"{desk.address}/p/made-up/", timeout=30, verify=CERTIFICATES) for _ in range(6)]
            return all(each.status_code == status and words in each.text for each in answers)

        return holds

    with Load(desk.address, api) as load:
        assert everywhere(404)()
        made.write()
        desk.command("reload")
        assert "installed" in desk.command("plugin", "list")
        with ThreadPoolExecutor() as two:
            said = list(two.map(lambda _: desk.command("plugin", "enable", "made-up"), range(2)))
        assert all("made-up 0.1.0 is on" in each for each in said)
        within(HEARD, everywhere(200, "made-up 0.1.0"))
        assert switched_on(desk) == 1
        desk.command("plugin", "disable", "made-up")
        within(HEARD, everywhere(404))
        desk.command("plugin", "enable", "made-up")
        within(HEARD, everywhere(200, "made-up 0.1.0"))

        made.version = "0.2.0"
        made.migration(
            "m_0002", "2026-02-01T00:00:00:000000", 'await run_sql("ALTER TABLE made_up_note ADD COLUMN mood text")'
        ).write()
        desk.command("reload")
        within(HEARD, everywhere(404))
        assert "upgrade needed" in desk.command("plugin", "list")
        desk.command("plugin", "enable", "made-up")
        within(HEARD, everywhere(200, "made-up 0.2.0"))

        said = desk.command("plugin", "uninstall", "made-up", "--delete-data", given="made-up\n")
        assert "deleted: made_up_note (0 rows)" in said
        within(HEARD, everywhere(404))
    assert load.failed == []
    assert load.answered > 200
    desk.command("ledger", "verify")


def test_a_reload_whose_new_processes_do_not_start_leaves_the_old_ones_at_work(
    make_desk: Callable[..., Any], prepared: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    desk = make_desk(of=prepared, PYTHONPATH=str(site))
    desk.start()
    assert httpx.get(f"{desk.address}/p/csv-import/", timeout=30).status_code == 303  # its process works, too
    new = "{'--socket', 'ombud.kernel.casting'} & {*sys.orig_argv}"  # both what imports for all and each by itself
    (site / "sitecustomize.py").write_text(f"import sys\nif {new}: sys.exit('no')\n")
    desk.process("kernel.child web").parent().send_signal(1)
    within(20, lambda: "the one before it goes on" in desk.log)
    assert httpx.get(f"{desk.address}/health", timeout=30).status_code == 200
    (site / "sitecustomize.py").unlink()
    assert "processes run anew" in desk.command("reload")
    assert httpx.get(f"{desk.address}/health", timeout=30).status_code == 200
