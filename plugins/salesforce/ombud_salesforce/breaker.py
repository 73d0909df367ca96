"""A circuit breaker: a Salesforce that failed three times in a row is left alone for a while, which doubles."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILURES = 3
FIRST_REST, LONGEST_REST = 30.0, 600.0  # seconds


@dataclass
class Breaker:
    """Closed: calls go through. Open: none for `rests` seconds, then one, which decides."""

    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    open_until: float = 0.0
    rest: float = field(default=0.0)
    trying: bool = False

    def wait(self) -> float:
        """Seconds to wait before the next call; 0: call now. Of several after the rest, one is let through."""
        left = self.open_until - self.clock()
        if left > 0:
            return left
        if self.rest and self.trying:
            return 1.0
        self.trying = bool(self.rest)
        return 0.0

    def worked(self) -> None:
        self.failures, self.open_until, self.rest, self.trying = 0, 0.0, 0.0, False

    def failed(self) -> None:
        self.trying = False
        self.failures += 1
        if self.failures >= FAILURES or self.rest:
            self.rest = min(LONGEST_REST, self.rest * 2 or FIRST_REST)
            self.open_until = self.clock() + self.rest
