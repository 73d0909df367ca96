"""What each test costs: `OMBUD_TEST_COSTS=FILE make test` writes a line for each, with its seconds, the processor time
of the worker and that of the processes it waited for; `python tests/costs.py FILE` sums them up by module."""

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest


class Costs:
    def __init__(self, file: Path) -> None:
        self._file = file

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        begun, before = time.monotonic(), os.times()
        yield
        after, seconds = os.times(), time.monotonic() - begun
        own = after.user + after.system - before.user - before.system
        others = after.children_user + after.children_system - before.children_user - before.children_system
        with self._file.open("a") as lines:  # one short write, so that workers do not mix
            lines.write(f"{seconds:.2f}\t{own:.2f}\t{others:.2f}\t{item.nodeid}\n")


def summed(file: Path) -> None:
    modules: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for line in file.read_text().splitlines():
        *costs, name = line.split("\t")
        for place, cost in enumerate(costs):
            modules[name.partition("::")[0]][place] += float(cost)
            modules["in all"][place] += float(cost)
    print("seconds    own others  module")
    for name, costs in sorted(modules.items(), key=lambda each: -sum(each[1][1:]))[:60]:
        print(f"{costs[0]:7.1f} {costs[1]:6.1f} {costs[2]:6.1f}  {name}")


if __name__ == "__main__":
    summed(Path(sys.argv[1]))
