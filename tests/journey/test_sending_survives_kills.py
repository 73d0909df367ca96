"""The work process is killed between the other side's yes and our commit: the message is not sent again and says so."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import Served

from ombud.testing_plugins import Made

pytestmark = pytest.mark.slow

# Takes a message, says nothing more while `hold` is there, and answers at once otherwise.
SLOW = """
import asyncio
import os
from pathlib import Path

import ombud_plugin_api as api
from ombud_plugin_api.hooks import hookimpl

PLACE = Path(os.environ["TAKEN"])


async def send(message: api.OutboundMessage, key: str, context: api.Context) -> api.Receipt:
    with (PLACE / "taken").open("a") as file:
        print(key, file=file)
    while (PLACE / "hold").exists():
        await asyncio.sleep(0.05)
    return api.Receipt(state="sent", remote_id=key)


@hookimpl
def provide_deliverers(manifest: api.Manifest) -> list:
    return [api.Deliverer("made-up", "Slow post", "mailbox", "email", send)]
"""


def until(condition: Callable[[], Any], what: str) -> Any:
    latest = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < latest, what
        time.sleep(0.1)
    return found


@pytest.fixture
def post(tmp_path: Path, prepared: Path) -> Any:
    made = Made("made-up", tmp_path / "site", plugin=SLOW.replace("%", "%%"), tables=False).write()
    (tmp_path / "hold").touch()
    desk = Served(tmp_path / "desk", {"PYTHONPATH": str(made.site), "TAKEN": str(tmp_path)}, of=prepared)
    desk.command("plugin", "enable", "made-up")
    token = desk.token
    desk.start()
    with httpx.Client(base_url=desk.address, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
        yield desk, client, tmp_path
    desk.stop()


def test_a_kill_after_the_other_side_took_it_leaves_doubt_and_nothing_goes_twice(post: Any) -> None:
    desk, client, place = post
    person = {"name": "Helena Marsh", "email": "helena@example.org"}
    filed = client.post(
        "/api/v1/complaints", headers={"idempotency-key": "k1"},
        json={"person": person, "matters": [{"text": "The fee was taken twice."}]},
    ).json()  # fmt: skip
    case = f"/api/v1/cases/{filed['reference']}"
    answer = {"kind": "answer", "text": "We paid it back.", "channel": "made-up"}
    soon = time.time() + 2
    leaves = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon))
    made = client.post(f"{case}/messages", json={**answer, "leaves_at": leaves})
    assert made.status_code == 201, made.text

    def stands() -> str:
        items = client.get(f"{case}/messages").json()["items"]
        return str(next(each["state"] for each in items if each["id"] == made.json()["id"]))

    until((place / "taken").exists, "the message never reached the other side")
    assert time.time() - soon < 30
    until(lambda: stands() == "sending", "it is not said to be leaving")
    desk.kill("ombud.kernel.child work")
    (place / "hold").unlink()
    until(lambda: stands() == "unsure", "nobody is told of the doubt")
    # It is the second run of the same delivery that says so; nothing else is to do with the message any more.
    taken = (place / "taken").read_text().split()
    assert taken.count(f"ombud-{made.json()['id']}") == 1
    assert len(taken) == len(set(taken)), "an acknowledgement went twice"
