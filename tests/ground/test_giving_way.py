"""Work in the background gives way to whoever waits for an answer on the same machine, for a while."""

import asyncio
import time
from pathlib import Path

import pytest

from ombud.kernel import giving_way, heartbeat
from ombud.kernel.giving_way import GivingWay


@pytest.fixture
def web(tmp_path: Path) -> heartbeat.Pulse:
    """A web process of the neighbourhood."""
    heartbeat.prepare(tmp_path / "web.pulse")
    web = heartbeat.Pulse(tmp_path / "web.pulse")
    web.beat()
    return web


async def test_it_stands_back_until_everybody_has_an_answer(web: heartbeat.Pulse, tmp_path: Path) -> None:
    way = GivingWay(tmp_path)
    await asyncio.wait_for(way.pause(), 5)
    web.asked(1)
    web.asked(1)
    pausing = asyncio.create_task(way.pause())
    await asyncio.sleep(3 * giving_way.LOOKS)
    web.asked(-1)
    await asyncio.sleep(3 * giving_way.LOOKS)
    assert not pausing.done()
    web.asked(-1)
    await asyncio.wait_for(pausing, 5)


async def test_a_flood_without_end_and_the_work_take_turns(
    web: heartbeat.Pulse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "TURN", 0.2)
    way = GivingWay(tmp_path)
    web.asked(1)
    for _ in range(2):
        began = time.monotonic()
        await asyncio.wait_for(way.pause(), 20)
        assert time.monotonic() - began >= 0.2
        assert way.ours()
        await asyncio.sleep(0.25)


def test_what_a_dead_process_said_and_a_folder_without_neighbours_hold_nobody_up(
    web: heartbeat.Pulse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.asked(1)
    assert not GivingWay(tmp_path).ours()
    monkeypatch.setattr(heartbeat, "_FRESH", 0)
    assert GivingWay(tmp_path).ours()
    assert GivingWay(None).ours()
