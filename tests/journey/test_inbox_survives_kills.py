"""A thousand messages by a channel that fetches, the work process killed three times: none is lost, none is there
twice, and each thread stands in its case in its order."""

import json
import random
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from served import CERTIFICATES, Served, allowed

from ombud.kernel.postgres import EmbeddedPostgres

pytestmark = pytest.mark.slow
CASES, OF_EACH, STRANGERS = 40, 20, 200


class Asked:
    """The desk's database, on one connection: a new one costs more than the question, and some ask until it holds."""

    def __init__(self, desk: Served) -> None:
        self._connection = psycopg.connect(EmbeddedPostgres(desk.data / "postgres").start(), autocommit=True)

    def __call__(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        self._connection.close()


def filed(desk: Served) -> list[str]:
    token = desk.token
    desk.start()
    found = []
    for n in range(CASES):
        answer = httpx.post(
            f"{desk.address}/api/v1/complaints", timeout=30, verify=CERTIFICATES,
            headers={"authorization": f"Bearer {token}", "idempotency-key": f"case-{n}"},
            json={"person": {"name": f"Person {n}", "email": f"p{n}@example.org"}, "matters": [{"text": f"Case {n}"}]},
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["reference"])
    return found


def messages(references: list[str]) -> dict[str, dict[str, Any]]:
    """Of each case a thread in which each message answers the one before; the first alone names the case. Strangers
    answer them, too."""
    told = {}
    for case, reference in enumerate(references):
        for n in range(OF_EACH):
            told[f"{case}-{n}"] = {
                "sender": {"name": f"Person {case}", "email": f"p{case}@example.org"},
                "text": f"{case} {n} {reference}" if n == 0 else f"{case} {n}",
                "thread": {"id": f"{case}-{n}@x", "answers": [f"{case}-{n - 1}@x"] if n else []},
                "received_at": f"2026-11-{n + 1:02}T{case % 24:02}:00:00Z",
            }
    for n in range(STRANGERS):
        told[f"stranger-{n}"] = {
            "sender": {"name": f"Stranger {n}", "email": f"s{n}@example.net"}, "text": f"stranger {n}",
            "thread": {"id": f"s{n}@x", "answers": [f"{n % CASES}-0@x"]}, "received_at": "2026-11-20T08:00:00Z",
        }  # fmt: skip
    return told


def wait_for(ask: Asked, sql: str, wanted: int, seconds: float) -> int:
    until = time.monotonic() + allowed(seconds)
    while (found := int(ask(sql)[0][0])) < wanted:
        assert time.monotonic() < until, (
            f"{found} of {wanted}: {ask('SELECT status, count(*) FROM core_raw GROUP BY 1')}"
        )
        time.sleep(0.2)
    return found


def test_a_thousand_messages_are_taken_once_each_and_in_order_though_the_work_process_dies_three_times(
    spooled: tuple[Served, Path],
) -> None:
    desk, spool = spooled
    told = messages(filed(desk))
    names = list(told)
    random.Random(7).shuffle(names)  # answers come before what they answer
    for place, name in enumerate(names):
        said = {"channel": "spool", **told[name]}
        (spool / f"{place:05}.json").write_text(json.dumps(said))
    ask = Asked(desk)
    taken = "SELECT count(*) FROM core_message WHERE channel = 'spool'"
    for share in (0.1, 0.4, 0.7):
        wait_for(ask, taken, int(len(told) * share), 240)
        desk.kill("ombud.kernel.child work")
    wait_for(ask, taken, len(told), 400)
    joined = CASES * OF_EACH
    wait_for(ask, f"{taken} AND case_id IS NOT NULL", joined, 240)
    assert not list(spool.glob("*.json"))
    assert ask("SELECT count(*), count(DISTINCT body) FROM core_message WHERE channel = 'spool'")[0] == (
        len(told), len(told),
    )  # fmt: skip
    assert ask("SELECT count(*) FROM core_raw WHERE channel = 'spool' AND status <> 'done'")[0][0] == 0
    rows = ask(
        "SELECT a.text, array_agg(split_part(m.body, ' ', 1) || ' ' || split_part(m.body, ' ', 2) "
        "ORDER BY m.said_at, m.id) FROM core_message m JOIN core_aspect a ON a.case_id = m.case_id "
        "WHERE m.channel = 'spool' GROUP BY a.text",
    )
    assert dict(rows) == {f"Case {case}": [f"{case} {n}" for n in range(OF_EACH)] for case in range(CASES)}
    strangers = "SELECT count(*) FROM core_message WHERE body LIKE 'stranger%' AND case_id IS NULL AND waits"
    assert ask(strangers)[0][0] == STRANGERS
    assert ask("SELECT count(*) FROM core_person WHERE email LIKE 'p%@example.org'")[0][0] == CASES
    ask.close()
    assert "hold" in desk.command("ledger", "verify")
