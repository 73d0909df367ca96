"""Somebody who may open everything, in a served demonstration desk."""

import re
from typing import Any

import httpx

PASSWORD = "a walk through every room of the house"
ROLES = ("agent", "leader", "quality", "compliance", "administrator")


def everybody(desk: Any) -> str:
    """Makes that person and returns their name."""
    words = [part for role in ROLES for part in ("--role", role)]
    desk.command("user", "add", "tour", "--display-name", "Tove Ur", *words, "--unit", "modra", "--password-stdin",
                 given=PASSWORD)  # fmt: skip
    return "tour"


def signed_in(address: str, name: str, password: str = PASSWORD) -> httpx.Client:
    """A client with the session of that person."""
    client = httpx.Client(base_url=address, timeout=30)
    found = re.search(r'name="_csrf" value="([^"]+)"', client.get("/sign-in").text)
    assert found is not None
    answer = client.post("/sign-in", data={"_csrf": found.group(1), "login": name, "password": password})
    assert answer.status_code == 303, answer.text[:500]
    return client


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
