"""How fast a draft runs over past cases: `python tests/bench/replay.py --data build/bench`. Prints Markdown, no test.

On a desk made by `ombud bench load --cases N`. Two rules run: one that listens to every opening, one of time.
"""

import argparse
import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

from ombud.config import load
from ombud.desk.engine.terms import Definition
from ombud.desk.rules.replay import months_back, run
from ombud.kernel.database import db
from ombud.kernel.postgres import EmbeddedPostgres
from ombud.start import opened
from ombud.trust.application_role import url_for_application

GOAL = 60.0  # seconds for 100,000 cases on two cores
RULES = (
    Definition(
        key="bench", label="Angry, or in need, or several matters",
        when={"event": ["case.opened", "case.changed", "message.received"]},
        conditions={"all": [
            {"any": [{"is": "mood", "moods": ["angry"]}, {"is": "support_needs"}, {"is": "aspects", "count": 2}]},
            {"not": {"is": "status", "statuses": ["closed"]}},
        ]},
        actions=({"do": "set_priority", "priority": "urgent"}, {"do": "tag", "tag": "hot"},
                 {"do": "answer_within", "clock": "hot", "amount": 4, "unit": "hours", "business": True}),
    ),
    Definition(
        key="bench", label="Nobody answered for two working days",
        when={"time": {"after": "P2D", "of": "last_in", "business": True}}, conditions={"is": "unanswered"},
        actions=({"do": "remind"}, {"do": "set_priority", "priority": "high"}),
    ),
)  # fmt: skip


async def measure(asked: argparse.Namespace, url: str) -> None:
    async with opened(load(data=asked.data), url, name="ombud bench"):
        await db.execute("ANALYZE")
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {asked.processes} processes\n")
        print("| rule | cases | entries | seconds | cases a second | for 100,000 cases | changed |")
        print("|---|---|---|---|---|---|---|")
        for draft in (*RULES, None):
            started = time.perf_counter()
            report = await run(replace(months_back(asked.months), draft=draft), processes=asked.processes)
            took = time.perf_counter() - started
            name = draft.label if draft else "the rules in force, found anew"
            whole = took / max(report.cases, 1) * 100_000
            print(
                f"| {name} | {report.cases:,} | {report.entries:,} | {took:.1f} | {report.cases / took:,.0f} | "
                f"{whole:.0f} s (goal {GOAL:.0f} s) | {report.changed:,} |"
            )


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=Path, default=Path("build/bench"))
    words.add_argument("--months", type=int, default=36)
    words.add_argument("--processes", type=int, default=2)
    asked = words.parse_args()
    asked.data = asked.data.resolve()
    embedded = EmbeddedPostgres(asked.data / "postgres")
    owner = embedded.start()
    try:
        asyncio.run(measure(asked, url_for_application(owner)))
    finally:
        embedded.stop()


if __name__ == "__main__":
    main()
