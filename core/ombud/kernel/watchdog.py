"""Decides from a process's signs of life whether it is stuck, and who stopped it. Pure: time is passed in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ombud.kernel.heartbeat import OpenCall, Reading

SILENCE = 3.0  # seconds without a turn of the event loop
GRACE = 1.0  # seconds past a call's limit


@dataclass(frozen=True)
class Verdict:
    """Why a process must be killed, and the call that is to blame if one is known."""

    reason: str
    call: OpenCall | None
    silent: bool


def judge(reading: Reading | None, now: int) -> Verdict | None:
    """None while all is well; `now` in monotonic nanoseconds. A process that never beat is still starting."""
    if reading is None or reading.beat == 0:
        return None
    overdue = [call for call in reading.calls if call.limit and now - call.started > call.limit + int(GRACE * 1e9)]
    if overdue:
        late = overdue[0]
        ran = (now - late.started) / 1e9
        return Verdict(f"{late.place} ran for {ran:.1f} s; its limit is {late.limit / 1e9:g} s", late, False)
    silence = (now - reading.beat) / 1e9
    if silence > SILENCE:
        return Verdict(f"the event loop stood still for {silence:.1f} s", None, True)
    return None


def blame(calls: Sequence[OpenCall], stack: str) -> list[OpenCall]:
    """The open calls whose function stands in the stack of a silent process, or all if none does; the last begun
    comes last."""
    named = set(re.findall(r" in (\w+)$", stack, re.MULTILINE))
    seen = [call for call in calls if re.split(r"[.:/ ]", call.place)[-1] in named]
    return seen or list(calls)


def culprit(suspects: Sequence[OpenCall]) -> UUID | None:
    """The delivery that stopped its process, if it is certain which one it was."""
    deliveries = {call.delivery for call in suspects}
    return deliveries.pop() if len(deliveries) == 1 else None
