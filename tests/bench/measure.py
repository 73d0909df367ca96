"""`make bench`: how fast the product is on a desk of a given size, beside its bare limits in the same run.

Prints Markdown. Product and bare server answer in turn, several times; medians are told. Not a test: it asserts nothing
but that every answer is the right one.
"""

import argparse
import asyncio
import itertools
import json
import os
import pickle
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from client import Request, Run, run
from pgbench import pgbench
from recording import Recorded, record
from spent import ROLES, spent, waiting

from ombud.bench.world import PASSWORD, USER
from ombud.kernel.postgres import EmbeddedPostgres
from ombud.trust.application_role import url_for_application

BIN = Path(sys.prefix) / "bin"
HERE = Path(__file__).parent
SEARCHED = "refund"


@dataclass
class Scenario:
    """One thing that is asked over and over, of the product and of each bare limit."""

    name: str
    status: int
    product: Callable[[], Request]
    bare: dict[str, tuple[Callable[[], Request], int]]
    goal: str
    statements: int | None = None
    runs: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    cost: dict[tuple[str, int], list[Counter[str]]] = field(default_factory=dict)


def main() -> None:
    asked = _asked()
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("OMBUD_")}, **LIMITS}
    if not (asked.data / "postgres").is_dir():
        words = ["bench", "load", "--cases", str(asked.cases), "--data", str(asked.data)]
        subprocess.run([BIN / "ombud", *words], check=True, env=environment)
    embedded = EmbeddedPostgres(asked.data / "postgres")
    owner = embedded.start()
    try:
        print(_heading(owner, asked))
        if not asked.only:
            print(_cold_starts(asked.data, environment))
        with served(asked.data, environment) as desk:
            scenarios = asyncio.run(_scenarios(desk, asked.data, url_for_application(owner)))
            chosen = [each for each in scenarios[0] if asked.only in each.name]
            _until_settled(owner)
            with bare_server(scenarios[1]) as bare:
                _measure(chosen, desk, bare, owner, asked)
            print(_table(chosen, asked))
            print(_spent_table(chosen, asked))
            print(desk.memory())
        if not asked.only:
            print(pgbench(owner, asked.clients, asked.seconds))
    finally:
        embedded.stop()


# Everybody on this machine comes from one address, and nobody is to be slowed down for it.
LIMITS = {
    "OMBUD_SIGN_IN_ATTEMPTS": "1000", "OMBUD_LIMITS_FILINGS_PER_HOUR": "1000000",
    "OMBUD_LIMITS_FORMS_PER_HOUR": "1000000",
}  # fmt: skip


def _asked() -> Any:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=Path, default=Path("build/bench"))
    words.add_argument("--cases", type=int, default=100_000, help="for a desk that is not there yet")
    words.add_argument("--seconds", type=float, default=3.0, help="of each run")
    words.add_argument("--runs", type=int, default=3, help="of each pair")
    words.add_argument("--clients", type=lambda text: [int(each) for each in text.split(",")], default=[1, 8])
    words.add_argument("--only", default="", help="what has this in its name, such as intake")
    asked = words.parse_args()
    asked.data = asked.data.resolve()
    return asked


class Desk:
    """The product, served by its own processes."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address

    def memory(self) -> str:
        """Of each process what nobody shares with it (USS)."""
        parts = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            words = " ".join(each.cmdline())
            if "postgres" not in words:
                role = next((name for name in (*ROLES, "pages", "schedule") if f" {name}" in words), "helper")
                parts.append(f"{role} {each.memory_full_info().uss / 1e6:.0f} MB")
        return f"\nMemory after the runs (unshared): {', '.join(parts)}.\n"


@contextmanager
def served(data: Path, environment: dict[str, str]) -> Iterator[Desk]:
    """`ombud serve` on a free port, stopped at the end."""
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the desk does not start, gone with this process
    process = subprocess.Popen(
        [BIN / "ombud", "serve", "--data", str(data), "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True,
        env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "serves on http" in line), "")
        if not line:
            log.seek(0)
            raise SystemExit(f"the desk did not start:\n{log.read()[-3000:]}")
        yield Desk(process, line.split("serves on ")[1].strip())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextmanager
def bare_server(plan: Any) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(plan))
        file.flush()
        process = subprocess.Popen(
            [sys.executable, HERE / "bare.py"], env={**os.environ, "BENCH_PLAN": file.name, "BENCH_PORT": str(port)}
        )
        try:
            _until_open(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _until_open(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the bare server did not start")


async def _scenarios(desk: Desk, data: Path, url: str) -> tuple[list[Scenario], Any]:
    """What is asked, with the statements and sizes of the product's own pages as the plan of the bare server."""
    from bare import Plan

    cookie = _sign_in(desk.address)
    reference = _a_case(url)
    pages = {
        "queue page": ("/queues/load-cards", "within 2x"),
        "all cases": ("/queues/all", "within 2x"),
        "case page": (f"/cases/{reference}", "within 3x"),
        "search": (f"/search?q={SEARCHED}", "within 3x"),
    }
    plan, scenarios = Plan(url, {}, 0, 0, 1), []
    for name, (path, goal) in pages.items():
        seen = await record(data, url, path, cookie)
        if seen.status != 200:
            print(f"{name}: {path} answers {seen.status}; it is left out.")
            continue
        scenarios.append(_page(name, path, goal, cookie, seen, plan))
    token = _token(data)
    plan = Plan(url, plan.pages, *_intake_size(desk.address, url, token))
    print(f"A complaint writes {plan.rows} rows of {plan.row_bytes} bytes, each in {plan.indexes} indexes (means).\n")
    scenarios += [_by_api(token), _by_form(desk.address)]
    return scenarios, plan


def _page(name: str, path: str, goal: str, cookie: str, seen: Recorded, plan: Any) -> Scenario:
    key = name.replace(" ", "-")
    plan.pages[f"{key}-main"] = ([seen.main], seen.size)
    plan.pages[f"{key}-all"] = (seen.reads, seen.size)
    headers = {"cookie": f"ombud_session={cookie}"}
    bare = {
        "its main statement": (lambda: ("GET", f"/page/{key}-main", {}, b""), 200),
        f"its {len(seen.reads)} reads": (lambda: ("GET", f"/page/{key}-all", {}, b""), 200),
    }
    return Scenario(name, 200, lambda: ("GET", path, headers, b""), bare, goal, seen.statements)


def _sign_in(address: str) -> str:
    with httpx.Client(base_url=address) as client:
        form = client.get("/sign-in").text
        found = re.search(r'name="_csrf" value="([^"]+)"', form)
        assert found is not None
        answer = client.post("/sign-in", data={"_csrf": found.group(1), "login": USER, "password": PASSWORD})
        assert answer.status_code == 303, answer.text[:500]
        return str(client.cookies["ombud_session"])


def _a_case(url: str) -> str:
    """One with three aspects and seven messages, as many have."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT c.reference FROM core_case c JOIN core_message m ON m.case_id = c.id WHERE c.aspects_total = 3 "
            "AND c.status = 'in_progress' GROUP BY c.id HAVING count(*) = 7 ORDER BY c.id LIMIT 1"
        ).fetchone()
    assert row is not None, "the desk holds no such case; load it again with more cases"
    return str(row[0])


def _token(data: Path) -> str:
    words = ["token", "create", "--user", USER, "--name", f"bench {uuid4().hex[:8]}", "--data", str(data)]
    done = subprocess.run([BIN / "ombud", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]


COMPLAINT = {
    "person": {"name": "Helena Marsh", "email": "helena@example.org"},
    "matters": [
        {"text": "The fee was taken twice in March although I had paid it in the branch, and nobody could say why."},
        {"text": "When I called, I waited for forty minutes and the line was cut before anybody answered me."},
    ],
    "unit": "load-north-cards",
}


def _by_api(token: str) -> Scenario:
    body, headers = json.dumps(COMPLAINT).encode(), {"authorization": f"Bearer {token}"}

    def product() -> Request:
        sent = {**headers, "content-type": "application/json", "idempotency-key": uuid4().hex}
        return "POST", "/api/v1/complaints", sent, body

    return Scenario("intake by API", 201, product, _bare_intake(body), "at least 0.4 of it")


def _bare_intake(body: bytes) -> dict[str, tuple[Callable[[], Request], int]]:
    """As many rows in a table with as many indexes as ours have, and in one with its primary key alone."""
    headers = {"content-type": "application/json"}
    return {
        "as many rows": (lambda: ("POST", "/intake/bench_indexed", headers, body), 201),
        "as many rows, no further index": (lambda: ("POST", "/intake/bench_plain", headers, body), 201),
    }


def _by_form(address: str) -> Scenario:
    with httpx.Client(base_url=address) as client:
        page = client.get("/complain", follow_redirects=True)
        found = re.search(r'name="_csrf" value="([^"]+)"', page.text)
        assert found is not None, "no plugin serves the form"
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        path = page.url.path
    numbers = itertools.count(1)
    mark = uuid4().hex

    def product() -> Request:
        fields = {"_csrf": found.group(1), "name": "Helena Marsh", "email": "helena@example.org",
                  "matter": COMPLAINT["matters"][0]["text"], "key": f"{mark}-{next(numbers)}"}  # fmt: skip
        body = str(httpx.QueryParams(fields)).encode()
        return "POST", path, {"cookie": cookie, "content-type": "application/x-www-form-urlencoded"}, body

    return Scenario("intake by form", 303, product, _bare_intake(json.dumps(COMPLAINT).encode()), "at least 0.4 of it")


_OF_PERSON = "(SELECT person_id FROM core_party WHERE case_id = %(case)s)"
_OF_RECEIPT = "(SELECT id FROM core_raw WHERE case_id = %(case)s)"
_STREAM = "stream = 'case/' || %(case)s::text"
# Of each table the rows that a complaint has written when it is acknowledged. Notes for the search are gone as soon as
# they are followed, so they are made once more from what they name; deliveries stay for a week.
_WRITTEN = {
    "core_case": "id = %(case)s",
    "core_party": "case_id = %(case)s",
    "core_person": f"id IN {_OF_PERSON}",
    "core_aspect": "case_id = %(case)s",
    "core_message": "case_id = %(case)s",
    "core_triage": "case_id = %(case)s",
    "core_message_aspect": "message_id IN (SELECT id FROM core_message WHERE case_id = %(case)s)",
    "core_link": "case_id = %(case)s",
    "core_raw": "case_id = %(case)s",
    "core_vault": "id IN (SELECT vault_id FROM core_raw WHERE case_id = %(case)s)",
    "core_intake_step": f"raw_id IN {_OF_RECEIPT}",
    "core_ledger_entry": _STREAM,
    "core_sealed": _STREAM,
    "core_stream": _STREAM,
    "core_key": "subject IN (SELECT 'person/' || person_id::text FROM core_party WHERE case_id = %(case)s)",
    "core_queue_count": "id = (SELECT id FROM core_queue_count ORDER BY at DESC LIMIT 1)",  # the kept counter
    "core_delivery": "event->>'stream' = 'case/' || %(case)s::text AND event->>'kind' = ANY(%(kinds)s)",
}
_NOTED = """(SELECT 'message' AS kind, subject, now() AS at FROM (
    SELECT id AS subject FROM core_case WHERE id = %(case)s UNION ALL
    SELECT id FROM core_message WHERE case_id = %(case)s UNION ALL
    SELECT person_id FROM core_party WHERE case_id = %(case)s) new)"""
_PARTS = [*((table, table, which) for table, which in _WRITTEN.items()), ("core_search_due", _NOTED, "TRUE")]


def _intake_size(address: str, url: str, token: str) -> tuple[int, int, int]:
    """How many rows one complaint writes until it is acknowledged, their mean size, and in how many indexes they
    stand."""
    method, path, headers, body = _by_api(token).product()
    answer = httpx.request(method, f"{address}{path}", headers=headers, content=body)
    assert answer.status_code == 201, answer.text
    with psycopg.connect(url) as connection:
        case = connection.execute(
            "SELECT id FROM core_case WHERE reference = %s", (answer.json()["reference"],)
        ).fetchone()
        assert case is not None
        given = {"case": case[0], "kinds": ["case.opened", "message.received"]}
        parts = [_written(connection, given, *part) for part in _PARTS]
    rows, size, entries = (sum(column) for column in zip(*parts, strict=True))
    return rows, size // rows, round(entries / rows)


def _written(connection: Any, given: dict[str, Any], table: str, rows: str, which: str) -> tuple[int, int, int]:
    """Rows of this table, their bytes, and their entries in its indexes: in a partial one, of those it is for."""
    indexes = connection.execute(
        "SELECT coalesce(pg_get_expr(indpred, indrelid), 'TRUE') FROM pg_index WHERE indrelid = %s::regclass", (table,)
    ).fetchall()
    entries = " + ".join(f"count(*) FILTER (WHERE {holds.replace('%', '%%')})" for (holds,) in indexes)
    found = connection.execute(
        f"SELECT count(*), coalesce(sum(pg_column_size(t.*)), 0)::bigint, {entries} FROM {rows} t WHERE {which}", given
    ).fetchone()
    return found[0], found[1], found[2]


def _measure(scenarios: list[Scenario], desk: Desk, bare: str, url: str, asked: Any) -> None:
    """Product and bare limits in turn; a short run before each scenario warms both."""
    for scenario in scenarios:
        turns = [("product", desk.address, scenario.product, scenario.status)]
        turns += [(name, bare, make, status) for name, (make, status) in scenario.bare.items()]
        for _, where, make, status in turns:
            asyncio.run(run(where, 2, 0.7, make, status))
        for clients in asked.clients:
            for _ in range(asked.runs):
                for name, where, make, status in turns:
                    _until_quiet(url)
                    before = spent(url, desk.process.pid)
                    done = asyncio.run(run(where, clients, asked.seconds, make, status))
                    _until_quiet(url)
                    scenario.runs.setdefault((name, clients), []).append(done)
                    scenario.cost.setdefault((name, clients), []).append(spent(url, desk.process.pid) - before)


def _until_settled(url: str) -> None:
    """A desk that was just loaded first starts the clocks of its cases."""
    until = time.monotonic() + 1800
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT EXISTS (SELECT FROM core_case WHERE NOT clocked)").fetchone() == (True,):
            if time.monotonic() > until:
                raise SystemExit("the clocks of the desk do not start")
            time.sleep(1)
    _until_quiet(url)


def _until_quiet(url: str) -> None:
    """What a run left to the background belongs to it, and disturbs no other."""
    until = time.monotonic() + 120
    while waiting(url):
        if time.monotonic() > until:
            raise SystemExit("the background work of a run does not end")
        time.sleep(0.1)


def _median(runs: list[Run], read: Callable[[Run], float]) -> float:
    return statistics.median(read(each) for each in runs)


def _table(scenarios: list[Scenario], asked: Any) -> str:
    lines = [
        "| what | clients | p50 ms | p95 ms | per second | bare limit | its p50 ms | its per second | ratio | goal "
        "| statements |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for scenario, clients in itertools.product(scenarios, asked.clients):
        mine = scenario.runs["product", clients]
        own = _median(mine, lambda each: each.per_second)
        for name in scenario.bare:
            other = scenario.runs[name, clients]
            per_second = _median(other, lambda each: each.per_second)
            ratio = (
                f"{own / per_second:.2f} of it" if scenario.name.startswith("intake") else f"{per_second / own:.2f}x"
            )
            lines.append(
                f"| {scenario.name} | {clients} | {_ms(mine, 0.5)} | {_ms(mine, 0.95)} | {own:.0f} | {name} | "
                f"{_ms(other, 0.5)} | {per_second:.0f} | {ratio} | {scenario.goal} | {scenario.statements or ''} |"
            )
    return "\n".join(lines)


PARTS = (*ROLES, "database", "clients")


def _spent_table(scenarios: list[Scenario], asked: Any) -> str:
    """Milliseconds of processor time for each answer, the work it left to the background among them."""
    lines = [
        f"| what | clients | ms in all | {' | '.join(PARTS)} | of the bare limit |",
        "|---" * (len(PARTS) + 4) + "|",
    ]
    for scenario, clients in itertools.product(scenarios, asked.clients):
        whole: dict[str, float] = {}
        for name in (*scenario.bare, "product"):
            each = {part: _cost(scenario, name, clients, part) for part in PARTS}
            whole[name] = sum(each.values())
            share = " and ".join(f"{whole[bare] / whole[name]:.2f}" for bare in scenario.bare if name == "product")
            columns = " | ".join(f"{value:.2f}" if value >= 0.01 else "" for value in each.values())
            lines.append(f"| {scenario.name}, {name} | {clients} | {whole[name]:.2f} | {columns} | {share} |")
    return "\nProcessor time:\n\n" + "\n".join(lines) + "\n"


def _cost(scenario: Scenario, name: str, clients: int, part: str) -> float:
    pairs = zip(scenario.runs[name, clients], scenario.cost[name, clients], strict=True)
    return statistics.median(1000 * cost[part] / len(done.times) for done, cost in pairs)


def _ms(runs: list[Run], part: float) -> str:
    return f"{_median(runs, lambda each: each.percentile(part)) * 1000:.1f}"


def _heading(url: str, asked: Any) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM core_case), (SELECT count(*) FROM core_aspect), "
            "(SELECT count(*) FROM core_message), current_setting('server_version'), "
            "pg_size_pretty(pg_database_size(current_database()))"
        ).fetchone()
    assert row is not None
    return (
        f"{row[0]} cases, {row[1]} aspects, {row[2]} messages ({row[4]}); PostgreSQL {row[3]}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; medians of "
        f"{asked.runs} runs of {asked.seconds:g} s each, product and bare limit in turn.\n"
    )


def _cold_starts(data: Path, environment: dict[str, str]) -> str:
    """From the command to the first page answered, the database running already."""
    took = []
    for _ in range(3):
        start = time.monotonic()
        with served(data, environment) as desk:
            assert httpx.get(f"{desk.address}/sign-in").status_code == 200
            took.append(time.monotonic() - start)
    return f"Cold start, command to first page: {statistics.median(took):.1f} s (median of 3).\n"


if __name__ == "__main__":
    main()
