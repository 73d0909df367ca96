"""Calls one method of a provider alone: with a time limit, a fault record and rest after repeated faults."""

import asyncio
import contextvars
import functools
import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, ParamSpec, TypeVar, cast

from ombud.kernel import faults
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.heartbeat import TooManyCalls, pulse
from ombud_plugin_api.errors import Misconfigured, Permanent, Transient

LIMIT = 5.0  # seconds, unless the caller says otherwise
REFRESH = 5.0  # seconds after which other processes' rests are read again
FAREWELL = 0.2  # seconds a cancelled coroutine gets to leave

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)
_threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="provider")
_background: set[asyncio.Task[Any]] = set()


class InsideTransaction(RuntimeError):
    """A provider was about to be called inside a database transaction, which its failure would abort."""


class Overdue(Exception):
    """The call passed its limit."""


class ProviderFailed(Exception):
    """A provider's unexpected error, already recorded against it."""


class ProviderLeft(Exception):
    """The provider tried to end the process or cancelled its caller."""


@dataclass(frozen=True)
class Fault:
    """Why there is no value. Kinds: error, timeout, transient, permanent, misconfigured, resting, busy."""

    kind: str
    provider: str
    place: str
    message: str
    retry_after: float | None = None  # seconds, where the provider or its rest says so

    def as_error(self) -> Exception:
        """One of the contract's three, or ProviderFailed for what the provider did not mean to raise."""
        kinds = {"permanent": Permanent, "misconfigured": Misconfigured, "error": ProviderFailed}
        error = kinds.get(self.kind, Transient)(f"{self.place}: {self.message}")
        if self.retry_after is not None:
            setattr(error, "retry_after", self.retry_after)  # noqa: B010 (the contract's errors do not declare it)
        return error


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """Either a value or a fault."""

    result: T | None = None
    fault: Fault | None = None

    @property
    def ok(self) -> bool:
        return self.fault is None

    @property
    def value(self) -> T:
        """The value; raises if there is a fault, so look at `ok` first."""
        if self.fault is not None:
            raise LookupError(f"{self.fault.place} gave no value: {self.fault.message}")
        return cast(T, self.result)

    def or_raise(self) -> T:
        """The value, or the fault as the error by which a delivery or job backs off or is parked."""
        if self.fault is None:
            return cast(T, self.result)
        raise self.fault.as_error()


class _Rests:
    """The resting providers as this process knows them."""

    until: dict[str, datetime] = {}
    read_at = 0.0


async def call(
    provider_slug: str,
    function: Callable[..., T | Awaitable[T]],
    *args: Any,
    limit: float = LIMIT,
    place: str | None = None,
) -> Outcome[T]:
    """Runs `function(*args)`, async or sync (in a thread), for at most `limit` seconds; never raises its errors.

    Faults are recorded against the provider. Raises InsideTransaction where a transaction is open.
    """
    where = place or place_of(function)
    if db.in_transaction():
        raise InsideTransaction(f"{where} of {provider_slug}: commit first, then call the provider")
    if (rests := resting_until(provider_slug)) is not None:
        left = (rests - now()).total_seconds()
        return Outcome(fault=Fault("resting", provider_slug, where, f"rests for {left:.0f} s after faults", left))
    try:
        return Outcome(await _limited(provider_slug, where, function, args, limit))
    except TooManyCalls as error:
        return Outcome(fault=Fault("busy", provider_slug, where, str(error)))
    except asyncio.CancelledError:
        raise
    except Exception as error:
        fault = Fault(_kind(error), provider_slug, where, _say(error), getattr(error, "retry_after", None))
        await _record(fault, faults.trace_hash(error))
        return Outcome(fault=fault)


def place_of(function: Callable[..., Any]) -> str:
    """Such as `ombud_postbox.channel:Mailbox.poll`; its last word is the function's name, as stacks show it."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function).__call__
    return f"{named.__module__}:{named.__qualname__}"


async def _limited(
    slug: str, place: str, function: Callable[..., T | Awaitable[T]], args: tuple[Any, ...], limit: float
) -> T:
    shown = place if place == place_of(function) else f"{place} {place_of(function)}"  # the watchdog looks for the name
    context = contextvars.copy_context()
    running: asyncio.Future[T]
    if _is_async(function):
        body = _await_it(slug, shown, cast(Callable[..., Awaitable[T]], function), args, limit)
        running = asyncio.create_task(body, context=context, name=f"{slug}: {place}")
    else:
        in_thread = functools.partial(context.run, _run_it, slug, shown, function, args, limit)
        running = asyncio.get_running_loop().run_in_executor(_threads, cast(Callable[[], T], in_thread))
    try:
        done, _ = await asyncio.wait({running}, timeout=limit)
    except asyncio.CancelledError:
        running.cancel()
        raise
    if done:
        return running.result()
    await _leave(running)
    raise Overdue(f"took longer than {limit:g} s")


async def _leave(running: "asyncio.Future[Any]") -> None:
    """Asks a coroutine to end. What will not end stays in shared memory, and the watchdog ends the process."""
    running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    if isinstance(running, asyncio.Task):
        running.cancel()
        await asyncio.wait({running}, timeout=FAREWELL)


async def _await_it(
    slug: str, place: str, function: Callable[..., Awaitable[T]], args: tuple[Any, ...], limit: float
) -> T:
    with pulse().open_call(slug, place, limit):
        try:
            return await function(*args)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ProviderLeft("raised CancelledError by itself") from None
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise ProviderLeft(f"raised {type(error).__name__}") from error


def _run_it(slug: str, place: str, function: Callable[..., T], args: tuple[Any, ...], limit: float) -> T:
    with pulse().open_call(slug, place, limit):
        try:
            return function(*args)
        except (StopIteration, asyncio.CancelledError, SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            # No future carries these as what they are.
            raise ProviderLeft(f"raised {type(error).__name__}") from error


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _kind(error: Exception) -> str:
    for known, kind in (
        (Overdue, "timeout"),
        (Transient, "transient"),
        (Permanent, "permanent"),
        (Misconfigured, "misconfigured"),
    ):
        if isinstance(error, known):
            return kind
    return "error"


def _say(error: Exception) -> str:
    named = isinstance(error, Overdue | ProviderLeft | Transient | Permanent | Misconfigured)
    return str(error) if named and str(error) else faults.told(error)


async def _record(fault: Fault, trace: str) -> None:
    """A fault that cannot be written is logged: the caller still gets its answer."""
    log.warning("fault of %s in %s: %s", fault.provider, fault.place, fault.message)
    if not db.is_open:
        return
    try:
        rests = await faults.record(fault.provider, fault.kind, fault.place, fault.message, trace)
    except Exception as error:
        log.error("the fault of %s could not be recorded: %s", fault.provider, error)
        return
    if rests is not None:
        log.warning("%s rests until %s", fault.provider, rests.isoformat(timespec="seconds"))
        _Rests.until[fault.provider] = rests


def forget_rests() -> None:
    """When the process opens a desk: what is known of another one's providers does not count there."""
    _Rests.until, _Rests.read_at = {}, 0.0


def resting_until(slug: str) -> datetime | None:
    """Until when a provider rests after repeated faults, as far as this process knows; None if it may work."""
    if db.is_open and time.monotonic() - _Rests.read_at > REFRESH:
        _Rests.read_at = time.monotonic()
        task = asyncio.get_running_loop().create_task(_read_rests(), context=contextvars.Context())
        _background.add(task)
        task.add_done_callback(_background.discard)
    rests = _Rests.until.get(slug)
    return rests if rests is not None and rests > now() else None


async def _read_rests() -> None:
    """Off the caller's path and outside its query count."""
    try:
        _Rests.until = await faults.resting()
    except Exception as error:
        log.debug("rests could not be read: %s", error)
