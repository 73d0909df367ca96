"""Somebody who may open everything, in a served demonstration desk."""

import re
import time
from typing import Any

import httpx
import psycopg

from ombud.kernel.postgres import EmbeddedPostgres

PASSWORD = "a walk through every room of the house"


def everybody(desk: Any) -> str:
    """Makes that person, with every role in every topmost unit, and returns their name."""
    desk.command("user", "add", "tour", "--display-name", "Tove Ur", "--password-stdin", given=PASSWORD)
    with psycopg.connect(EmbeddedPostgres(desk.data / "postgres").start(), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO core_user_role (id, user_id, role, unit_id) SELECT gen_random_uuid(), u.id, r.key, top.id "
            "FROM core_user u, core_role r, core_unit top WHERE u.name = 'tour' AND top.parent_id IS NULL "
            "ON CONFLICT DO NOTHING"
        )
    return "tour"


def signed_in(address: str, name: str, password: str = PASSWORD) -> httpx.Client:
    """A client with the session of that person."""
    client = httpx.Client(base_url=address, timeout=30)
    found = re.search(r'name="_csrf" value="([^"]+)"', client.get("/sign-in").text)
    assert found is not None
    answer = client.post("/sign-in", data={"_csrf": found.group(1), "login": name, "password": password})
    assert answer.status_code == 303, answer.text[:500]
    return client


def wait_for_clocks(client: httpx.Client, seconds: float = 120) -> None:
    """A new desk starts the clocks of its demonstration cases while it serves already; the page of deadlines shows them
    as they come."""
    until = time.monotonic() + seconds
    while "/deadlines/figures.csv" not in client.get("/deadlines").text:
        assert time.monotonic() < until, "no clock of a demonstration case began"
        time.sleep(2)  # the page counts hundreds of cases, on a machine that has to do what is waited for


STARTS = [
    "/",
    "/queues/all",
    "/queues/all?status=",
    "/complain",
    "/administration",
    "/sign-in",
    "/me/tokens",
    "/me/password",
]
