"""Processor time that a run cost, in all its processes. On a shared machine it says more than the clock on the wall."""

import os
from collections import Counter

import psutil
import psycopg

_WAITING = """
SELECT (SELECT count(*) FROM core_delivery WHERE state IN ('waiting', 'running') AND available_at <= now())
    + (SELECT count(*) FROM core_search_due WHERE not_before IS NULL)
"""
ROLES = ("web", "doors", "work", "bare")
_BACKENDS = "SELECT pid, application_name FROM pg_stat_activity WHERE backend_type = 'client backend'"


def spent(url: str, desk: int) -> Counter[str]:
    """Seconds so far: processes of each role, their parts of the database, and the clients (this process)."""
    found: Counter[str] = Counter()
    for each in [*psutil.Process(desk).children(recursive=True), *psutil.Process().children()]:
        words = " ".join(each.cmdline())
        role = next((name for name in ROLES if f" {name}" in words or f"{name}.py" in words), "")
        if role:
            found[role] += _seconds(each)
    with psycopg.connect(url) as connection:
        for pid, _ in connection.execute(_BACKENDS).fetchall():
            if pid != connection.info.backend_pid:
                found["database"] += _seconds(psutil.Process(pid))
    mine = os.times()
    found["clients"] = mine.user + mine.system
    return found


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def waiting(url: str) -> int:
    """Background work that a run has left."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_WAITING).fetchone()
    return int(row[0]) if row else 0
