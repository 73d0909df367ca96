"""Who wants to know that this process is about to stop, while its open requests still run."""

from collections.abc import Callable

_told: list[Callable[[], None]] = []


def on_leaving(callback: Callable[[], None]) -> None:
    """Calls back when the process was asked to stop; for answers that would otherwise never end."""
    _told.append(callback)


def forget(callback: Callable[[], None]) -> None:
    if callback in _told:
        _told.remove(callback)


def leave() -> None:
    for callback in list(_told):
        callback()
