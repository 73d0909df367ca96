"""What a reply asks for: the lines of the box, as a draft keeps them, and as the desk writes them down."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

from ombud.desk.case_shown import AspectShown, CasePageView
from ombud.desk.errors import Invalid
from ombud.desk.matters.asking import FIELD, MOST, Asking
from ombud.speech import sentence
from ombud.web.pages.given import Given, identity_of

PARTS = ("what", "of", "by", "for", "need")
EMPTY_LINES = 2


def lines_of(form: Given) -> list[dict[str, str]]:
    """The lines that say something, and what was ticked of what the protocols ask for."""
    columns = {part: form.all(f"ask_{part}") for part in PARTS}
    longest = max(map(len, columns.values()))
    lines = [
        {part: (values[place].strip() if place < len(values) else "") for part, values in columns.items()}
        for place in range(longest)
    ]
    found = [each for each in lines if each["what"] or each["by"]]
    for each in form.all("ask_tick"):
        aspect, _, rest = each.partition("|")
        need, _, what = rest.partition("|")
        of, by = form.text("ask_tick_of").strip(), form.text("ask_tick_by").strip()
        found.append({"what": what, "of": of, "by": by, "for": aspect, "need": need})
    return found[: MOST + 1]


def as_draft(form: Given) -> str:
    """For the draft; empty where nothing is asked for."""
    found = lines_of(form)
    return json.dumps(found) if found else ""


def wanted(form: Given, aspects: Sequence[AspectShown]) -> list[Asking]:
    """What the form asks for. Raises Invalid for a day that is none, and for an aspect that is not in the case."""
    known = {str(each.id) for each in aspects}
    return [_wanted(each, known) for each in lines_of(form)]


def _wanted(line: Mapping[str, str], known: set[str]) -> Asking:
    if line["for"] not in known:
        raise Invalid(sentence("Choose the aspect for which you ask for “%(what)s”.", what=line["what"][:60]), FIELD)
    try:
        by = date.fromisoformat(line["by"]) if line["by"] else None
    except ValueError:
        raise Invalid("This is not a date. Write it like 2026-11-23.", FIELD) from None
    return Asking(identity_of(line["for"], FIELD), line["what"], line["of"], by, line["need"])


def drawn(view: CasePageView, typed: Mapping[str, Any]) -> dict[str, Any]:
    """The lines of the box: those kept, and some empty ones; and the aspects they may be for."""
    open_ones = [each for each in view.aspects if any(one.key == "change" and one.allowed for one in each.actions)]
    lines = _kept(str(typed.get("asks") or ""))
    usual = str(open_ones[0].id) if len(open_ones) == 1 else ""
    empty = {"what": "", "of": view.case.customer or "", "by": "", "for": usual, "need": ""}
    return {
        "lines": [*lines, *([empty] * EMPTY_LINES)], "kept": len(lines),
        "href": f"/cases/{quote(view.case.reference)}/asks",
        "aspects": [(str(each.id), f"{each.letter}: {each.title}") for each in open_ones],
    }  # fmt: skip


def _kept(text: str) -> list[dict[str, str]]:
    """A draft that another version of this program wrote may hold something else."""
    try:
        lines = json.loads(text) if text else []
    except ValueError:
        return []
    return [
        {part: str(each.get(part, "")) for part in PARTS} for each in lines if isinstance(each, dict)
    ][:MOST]  # fmt: skip
