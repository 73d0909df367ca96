"""How many statements a piece of work runs: pages and complaints are held to a number of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class QueryCount:
    """Each round trip counts once; so does one that is shared, for each who waits for it."""

    def __init__(self) -> None:
        self.statements = 0


_counter: ContextVar[QueryCount | None] = ContextVar("ombud_query_count", default=None)


def count_statements(number: int = 1) -> None:
    counter = _counter.get()
    if counter is not None:
        counter.statements += number


@contextmanager
def counting() -> Iterator[QueryCount]:
    count = QueryCount()
    token = _counter.set(count)
    try:
        yield count
    finally:
        _counter.reset(token)
