"""Signs of life are a process's own: what it starts writes none over them."""

import os
import subprocess
import sys
from pathlib import Path

from ombud.kernel import heartbeat
from ombud.kernel.heartbeat import PULSE_VARIABLE

PARENT = """
import subprocess, sys
from ombud.kernel import heartbeat
heartbeat.show_stack_on_request()
heartbeat.pulse().beat()
heartbeat.pulse().say_ready()
subprocess.run([sys.executable, "-c", "from ombud.kernel import heartbeat; heartbeat.pulse()"], check=True)
"""
BEATING = """
from ombud.kernel import heartbeat
pulse = heartbeat.pulse()
pulse.beat()
print("beating", flush=True)
while True:
    pulse.beat()
"""


def test_a_process_that_another_starts_does_not_write_over_its_signs_of_life(tmp_path: Path) -> None:
    file = tmp_path / "web.pulse"
    heartbeat.prepare(file)
    parent = subprocess.Popen([sys.executable, "-c", PARENT], env={**os.environ, PULSE_VARIABLE: str(file)})
    assert parent.wait(60) == 0
    said = heartbeat.read(file)
    assert said is not None
    assert (said.pid, said.ready) == (parent.pid, True)
    assert said.beat > 0, "a beat of nothing is what the supervisor takes for a process that never came to life"
    assert heartbeat.stack_file(file).exists()


def test_a_beat_is_never_seen_half_written(tmp_path: Path) -> None:
    """The supervisor reads at any moment; a beat of nothing would cost a living process its life."""
    file = tmp_path / "web.pulse"
    heartbeat.prepare(file)
    writer = subprocess.Popen(
        [sys.executable, "-c", BEATING], env={**os.environ, PULSE_VARIABLE: str(file)}, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"beating\n"
        seen = [heartbeat.read(file) for _ in range(5_000)]
    finally:
        writer.kill()
        writer.wait(30)
    beats = [each.beat for each in seen if each is not None]
    assert len(beats) == len(seen)
    assert beats == sorted(beats)
    assert beats[0] > 0
