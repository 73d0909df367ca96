"""Plugins' words in a process of a replay's own: loaded there, and stopped where they hold it up.

Such a process has no watchdog: a word that never ends is ended by an alarm, and what it kept from being answered is
counted.
"""

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from ombud.desk.engine.vocabulary import Vocabulary, vocabulary
from ombud.kernel import plugins


class TooSlow(BaseException):
    """A page of cases took longer than it may. No Exception, so that what asks words cannot take it for theirs."""


def words_of(slugs: Iterable[str]) -> Vocabulary:
    """Core's words and those of these plugins. One that does not load brings none: its words then cannot answer, and
    the replay names them."""
    installed, loaded = plugins.discover(), []
    for slug in slugs:
        try:
            loaded.append(plugins.load(installed[slug]))
        except (KeyError, plugins.UnfitError):
            continue
    return vocabulary(
        [each for one in loaded for each in one.conditions], [each for one in loaded for each in one.actions]
    )


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TooSlow in the main thread after so many seconds, also out of code that never waits."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
