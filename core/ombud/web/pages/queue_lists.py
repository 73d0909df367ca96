"""Which list of cases an address means, what narrows it, and what stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from litestar.exceptions import NotFoundException

from ombud.desk.case_list import CaseFilters
from ombud.desk.channels import CORE, channel_label
from ombud.desk.errors import Invalid
from ombud.desk.queue_side import QueueSide
from ombud.desk.views import View
from ombud.desk.words import PRIORITIES, label
from ombud.kernel.lifecycle import running
from ombud.speech import noted, sentence, word

# The views that every desk has: what they show, and their sign.
VIEWS = {
    "mine": ("My cases", "user", CaseFilters(owner="me", order="due")),
    "nobody": ("No owner", "circle-dashed", CaseFilters(owner="nobody", order="due")),
    "late": ("Late", "alert-circle", CaseFilters(due="late", order="due")),
    "all": ("All cases", "stack-2", CaseFilters(order="due")),
}
CHOICES = {
    "status": ("Status", ("open", "new", "in_progress", "resolved", "closed")),
    "due": ("Clock", ("late", "soon")),
    "priority": ("Priority", tuple(reversed(PRIORITIES))),
    "owner": ("Owner", ("me", "nobody")),
    "order": ("Order", ("due", "newest")),
}
LABELS = {
    **{name: words for name, (words, _) in CHOICES.items()},
    "queue": "Queue", "unit": "Unit", "channel": "Way in", "case_type": "Case type", "received_from": "Received from",
    "received_to": "Received to", "text": "Words", "reference": "Reference",
}  # fmt: skip
WORDS = {
    "open": noted("not closed"), "late": noted("late"), "soon": noted("next three days"), "me": noted("me"),
    "nobody": noted("nobody"),
    "due": noted("the clock that runs out first"), "newest": noted("the newest first"),
}  # fmt: skip
FIRST = ("status", "due", "priority", "owner")
MORE = ("unit", "case_type", "channel", "received_from", "received_to", "order")
FIELDS = (*FIRST, *MORE)


@dataclass(frozen=True)
class Listed:
    """A list: its name, the filters nobody can take off here, and those it starts with."""

    code: str
    name: str
    fixed: CaseFilters
    usual: CaseFilters
    view: View | None = None


def address(code: str) -> str:
    return f"/queues/{quote(code, safe='')}"


def listed(code: str, side: QueueSide) -> Listed:
    """The list this address means; raises NotFoundException."""
    if code in VIEWS:
        return Listed(code, VIEWS[code][0], VIEWS[code][2], CaseFilters(status="open", order="due"))
    for line in side.lines:
        if line.key == code:
            fixed = CaseFilters(queue=code, order="due")
            return Listed(code, line.name, fixed, CaseFilters(status="open", order="due"))
    for view in side.views:
        if view.code == code:
            return Listed(code, view.name, CaseFilters(queue=view.filters.queue), view.filters, view)
    raise NotFoundException


def narrowed(asked: Mapping[str, str], which: Listed) -> CaseFilters:
    """The filters of the address instead of the list's usual ones, under those that are fixed. A search looks at
    closed cases too."""
    for name, (words, codes) in CHOICES.items():
        if name != "owner" and asked.get(name, "") not in {"", *codes}:
            raise Invalid(
                sentence("%(r)s is no choice of %(words)s. Open the queue again.", r=f"{asked[name]!r}", words=words),
                name,
            )
    fixed = {name: value for name, value in which.fixed.told().items() if name != "order"}
    told = {**which.usual.told(), **{name: asked[name] for name in FIELDS if name in asked}}
    if "q" in asked:
        told["text"] = asked["q"].strip()
        if told["text"] and "status" not in asked:
            told.pop("status", None)
    filters = CaseFilters.of({**told, **fixed})
    return filters if told.get("order") else replace(filters, order="due")


def drawn(used: CaseFilters, which: Listed, side: QueueSide, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The filters as pages/queue.html draws them; those with nothing to choose from are left out."""
    told = used.told()
    return [
        {"name": name, "label": LABELS[name], "value": told.get(name, ""), "options": options}
        for name in names
        if (not getattr(which.fixed, name) or name == "order")
        and (options := _options(name, side, told.get(name, ""))) is not None
    ]


def _options(name: str, side: QueueSide, chosen: str) -> list[tuple[str, str]] | None:
    if name.startswith("received_"):
        return []
    if name == "owner":
        people = side.people if len(side.people) > 1 else []
        return [(code, word(WORDS[code])) for code in CHOICES["owner"][1]] + people
    if name in CHOICES:
        return [(code, word(WORDS.get(code, "")) or label(code).lower()) for code in CHOICES[name][1]]
    if name == "channel":
        codes = {code for code, words in CORE.items() if words}
        codes |= {each.key for loaded in running.loaded.values() for each in loaded.channels} | {chosen} - {""}
        return sorted(((code, channel_label(code)) for code in codes), key=lambda each: each[1].lower())
    found = side.units if name == "unit" else side.case_types
    return found if len(found) > 1 or chosen else None


def in_words(filters: CaseFilters, side: QueueSide) -> list[str]:
    """What these filters say: "Status: not closed"."""
    names = {line.key: line.name for line in side.lines} | dict(side.units) | dict(side.case_types) | dict(side.people)
    said = []
    for name, value in filters.told().items():
        words = channel_label(value) if name == "channel" else word(WORDS.get(value, "")) or names.get(value)
        plain = name in {"text", "received_from", "received_to", "reference"}
        chosen = value if plain else words or label(value).lower()
        said.append(sentence("%(what)s: %(value)s", what=word(LABELS[name]), value=chosen))
    return said


def as_query(filters: CaseFilters) -> str:
    """All filters in one text, for forms that carry them on."""
    return urlencode(filters.told())


def entries(side: QueueSide) -> list[dict[str, Any]]:
    """The left side in its groups: what every desk has, one's own views, shared ones, queues with kept counts."""
    found = [_entry(code, words, icon, None, "") for code, (words, icon, _) in VIEWS.items()]
    found += [_entry(v.code, v.name, "bookmark", None, v.unit.name if v.unit else "My views") for v in side.views]
    return found + [_entry(line.key, line.name, "inbox", line.waiting, "Queues") for line in side.lines]


def _entry(code: str, words: str, icon: str, count: int | None, group: str) -> dict[str, Any]:
    return {"code": code, "label": words, "icon": icon, "href": address(code), "count": count, "group": group}
