"""The main job in a browser: three matters in, three different outcomes out, and a ledger that notices one byte."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from main_steps import journey

from ombud.kernel.postgres import EmbeddedPostgres

pytestmark = pytest.mark.browser


def test_three_matters_become_three_outcomes_the_customer_sees_and_the_case_is_closed(
    make_desk: Callable[..., Any], chromium: Any
) -> None:
    desk = make_desk()
    reference = journey(desk, chromium)
    flip_one_byte(desk.data, reference)
    desk.command("ledger", "verify", code=1)
    assert re.search(r"case/[0-9a-f-]{36}.*1", desk.said), desk.said


def flip_one_byte(data: Path, reference: str) -> None:
    """As the database's superuser, who can lift the guard: one letter of one committed fact."""
    with psycopg.connect(EmbeddedPostgres(data / "postgres").start(), autocommit=True) as connection:
        connection.execute("ALTER TABLE core_ledger_entry DISABLE TRIGGER USER")
        changed = connection.execute(
            "UPDATE core_ledger_entry SET body = replace(body::text, %s, %s)::jsonb WHERE kind = 'case.opened'",
            (reference, reference[:-1] + ("A" if reference[-1] != "A" else "B")),
        )
        assert changed.rowcount == 1
        connection.execute("ALTER TABLE core_ledger_entry ENABLE TRIGGER USER")
