"""Trying out settings before they are saved: the plugin's own code, under a limit, outside any transaction."""

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ombud.desk.platform import context_in
from ombud.desk.settings.groups import Group
from ombud.kernel.calling import Outcome, call
from ombud.trust.policy import Viewer
from ombud_plugin_api import Misconfigured, Permanent, Transient, Tried

SECONDS = 10.0
MASK = "•••"
LONGEST = 500


class TryOutFailed(Exception):
    """The plugin's own error, with its secrets taken out."""


@dataclass(frozen=True)
class TriedOut:
    """`code`: works, failed (what was typed does not work), or fault (the plugin's own, which blocks nothing)."""

    code: str
    message: str
    field: str = ""


async def try_out(group: Group, candidate: Mapping[str, Any], viewer: Viewer, unit: str) -> TriedOut | None:
    """None where the group has nothing to try. `unit`: the key of the unit, empty for the whole desk. No secret of the
    candidate is in the answer, nor in the fault that is recorded."""
    if group.try_out is None:
        return None
    secrets = [str(candidate[name]) for name in group.schema.secrets if candidate.get(name)]
    context = await context_in(group.slug, viewer, unit=unit)
    outcome: Outcome[Tried] = await call(
        group.slug, _guarded(group.try_out, secrets), dict(candidate), context, limit=SECONDS, place="try_out"
    )
    if outcome.fault is not None:
        return TriedOut("fault", outcome.fault.message[:LONGEST].rstrip("."))
    tried = outcome.value
    field = tried.field if tried.field in group.schema.fields else ""
    return TriedOut("works" if tried.works else "failed", _masked(tried.message, secrets)[:LONGEST], field)


def _guarded(function: Callable[..., Any], secrets: Collection[str]) -> Callable[..., Any]:
    """The plugin's function, of which only a `Tried` or an error without secrets comes back."""

    async def awaited(candidate: Mapping[str, Any], context: Any) -> Tried:
        try:
            return _checked(await function(candidate, context))
        except Exception as error:
            return _judged(error, secrets)

    def plain(candidate: Mapping[str, Any], context: Any) -> Tried:
        try:
            return _checked(function(candidate, context))
        except Exception as error:
            return _judged(error, secrets)

    return awaited if inspect.iscoroutinefunction(function) else plain


def _checked(answer: Any) -> Tried:
    if not isinstance(answer, Tried) or not isinstance(answer.message, str):
        raise TypeError(f"try_out gave {type(answer).__name__}; give Tried(works, message)")
    return answer


def _judged(error: Exception, secrets: Collection[str]) -> Tried:
    """The contract's three errors say that what was typed does not work; any other is the plugin's own."""
    words = _masked(str(error), secrets)
    if isinstance(error, Misconfigured | Permanent | Transient):
        return Tried(False, words or type(error).__name__)
    raise TryOutFailed(f"{type(error).__name__}: {words}") from None


def _masked(text: str, secrets: Collection[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


__all__ = ["TriedOut", "try_out"]
