"""Background work in words: what a piece does, why it failed, what of its payload may be shown, how often it is due."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ombud.kernel.job_list import Piece
from ombud.kernel.lifecycle import running
from ombud.speech import counted, sentence, word

CORE_WORK = {
    "core.sweep": "Clear away old work and faults",
    "intake.resume": "Open a case from a receipt",
    "intake.sweep": "Take up receipts that were left lying",
    "queues.fold": "Count the queues",
    "calendars.renew": "Look up the holidays of later years",
    "payments.ask": "Ask the payment service about a payment that is not certain",
    "ledger.mail": "Mail the root of the ledger",
    "trials.run": "Try a change on past cases",
    "clocks.start": "Start clocks, warn of deadlines and notice those that passed",
    "ledger.checkpoint": "Make and publish a checkpoint",
    "ledger.verify": "Verify the ledger",
    "ledger.timestamp": "Have the newest checkpoint time-stamped",
    "case_file.make": "Make a file of a case",
    "retention.run": "Destroy cases whose time is over",
    "retention.nightly": "Look for cases whose time is over",
    "trust.sweep": "Clear away old sessions and throttles",
    "crm.refresh": "Ask a customer system about a person",
    "live.sweep": "Clear away who works on what",
    "notices.digest": "Send the daily digests",
    "notices.staff": "Tell members of staff",
    "notices.customers": "Tell customers",
    "outgoing.send": "Send a message",
    "outgoing.sweep": "Take up messages that were left lying",
    "payments.sweep": "Look after payments that are under way",
    "routing.climb": "Climb escalations",
    "routing.sweep": "Look for work that nobody has",
    "rules.arm": "Arm rules that look at time",
    "rules.due": "Let rules act whose time has come",
    "crm.record": "Tell a customer system of a closed case",
}
# What core does by itself when something happened.
CORE_HEARS = {
    "classify": "Read what a message is about",
    "clocks": "Look after the clocks of a case",
    "crm": "Tell customer systems of a case",
    "mood": "Read the mood of a message",
    "notices.customers": "Tell customers",
    "notices.staff": "Tell members of staff",
    "outgoing": "Note what became of a message",
    "outgoing_settings": "Try again what waited for a setting",
    "routing.ends": "End routing that is not needed any more",
    "viewing.told": "Tell of an emergency access",
}
STATES = {"parked": "Parked", "running": "Running", "waiting": "Waiting", "done": "Done lately", "given_up": "Given up"}

# How an error begins (the class that was raised, or what the watchdog wrote), and what that means.
_WHY = (
    (r"its process died", "Its process died each time it ran, so it is kept away from the others."),
    (r"NoHandler", "No program here knows this work. The version or the plugin that does is not installed."),
    (r"Transient|TimeoutError|ConnectionError|OSError|ConnectError", "What it needs did not answer for seven days."),
    (r"Misconfigured", "A setting it needs is missing or wrong."),
    (r"Permanent", "It said itself that trying again cannot help as things are."),
    (r"LookupError|KeyError|NotFound", "Something it works on is not there any more."),
)
_STILL = (
    (r"Transient|TimeoutError|ConnectionError|OSError|ConnectError", "What it needs did not answer yet."),
    (r"NoHandler", "No program that runs knows this work yet."),
    (r"Misconfigured", "A setting it needs is missing or wrong."),
    (r"its process died", "Its process died while it ran."),
)
_UNEXPECTED = "It failed in a way its program did not expect."


def what(subscriber: str, plugin: str) -> str:
    """What a piece of work does, in a few words."""
    kind, _, name = subscriber.partition("/")
    if kind == "job" and name in CORE_WORK:
        return word(CORE_WORK[name])
    if kind == "core" and name in CORE_HEARS:
        return word(CORE_HEARS[name])
    if kind == "plugin":
        return sentence("Tell %(name)s what happened", name=plugin_name(name))
    short = name.removeprefix(f"{plugin}.") if plugin else name
    return word(short.replace(".", " ").replace("_", " ").replace("-", " ").capitalize())


def plugin_name(slug: str) -> str:
    loaded = running.loaded.get(slug)
    return word(loaded.manifest.name) if loaded else slug


def why(piece: Piece) -> str:
    """Why it stands as it does, in plain words; empty where there is nothing to explain."""
    if piece.state == "given_up":
        return piece.reason
    if piece.plugin and piece.plugin not in running.loaded and piece.state in {"waiting", "parked"}:
        return sentence("%(plugin)s is not on; its work waits until it is.", plugin=plugin_name(piece.plugin))
    if not piece.error:
        return ""
    known = _WHY if piece.state == "parked" else _STILL
    return next((words for start, words in known if re.match(start, piece.error)), _UNEXPECTED)


def remedy(piece: Piece) -> str:
    """What an administrator does about a parked piece."""
    if piece.error.startswith("its process died"):
        return "Look at the plugin's faults first. Running it again can stop that process once more."
    if re.match("Misconfigured", piece.error):
        return "Correct the setting, then run it again."
    if re.match("NoHandler", piece.error):
        return "Install or turn on what does this work, then run it again."
    return "Mend the cause, then run it again. What it had done is kept. If nobody needs it, give it up."


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_STREAM = re.compile(r"[a-z][a-z_-]{0,30}/[0-9a-f-]{36}(/\d{1,9})?\Z")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}(\.[a-z][a-z0-9_]{0,40})+\Z")
_DEEP = 3


def ids(event: Mapping[str, Any], path: str = "", depth: int = 0) -> tuple[list[tuple[str, str]], int]:
    """(name, value) of what in a payload is an id, a number or an event's kind; and how many values are not shown,
    because they could be somebody's words."""
    shown: list[tuple[str, str]] = []
    hidden = 0
    for name, value in event.items():
        place = f"{path}{name}" if _plain(name) else f"{path}…"
        if isinstance(value, Mapping) and depth < _DEEP:
            inner, more = ids(value, f"{place}.", depth + 1)
            shown, hidden = shown + inner, hidden + more
        elif _is_id(name, value):
            shown.append((place, str(value)))
        elif value not in ("", None, [], {}):
            hidden += 1
    return shown[:30], hidden


def _plain(name: str) -> bool:
    return re.fullmatch(r"[a-z_]{1,40}", name) is not None


def _is_id(name: str, value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < 10**6):
        return True
    if not isinstance(value, str):
        return False
    if name == "kind":
        return _KIND.match(value) is not None
    return _UUID.match(value) is not None or _STREAM.match(value) is not None


def rhythm(text: str) -> str:
    """How often an entry of the schedule is due."""
    kind, _, rest = text.partition(":")
    if kind == "interval" and rest.isdigit():
        return _every(int(rest))
    if kind == "cron":
        line, _, zone = rest.rpartition(" ")
        return sentence("At %(times)s (%(zone)s)", times=line, zone=zone)
    return text


_RHYTHMS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (86_400, lambda number: counted("Every day", "Every %(num)s days", number)),
    (3600, lambda number: counted("Every hour", "Every %(num)s hours", number)),
    (60, lambda number: counted("Every minute", "Every %(num)s minutes", number)),
)


def _every(seconds: int) -> str:
    for size, told in _RHYTHMS:
        if seconds % size == 0:
            number = seconds // size
            return told(number)
    return counted("Every second", "Every %(num)s seconds", seconds)


FAULTS = {
    "error": "Failed unexpectedly",
    "timeout": "Took too long",
    "transient": "What it needs did not answer",
    "permanent": "Refused its input",
    "misconfigured": "A setting is wrong",
    "killed": "Was stopped by the watchdog",
    "parked": "Work was parked",
}
