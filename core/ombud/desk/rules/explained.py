"""Why something was done in a case: the rule, its version, what held and what it saw, in plain words.

Nothing of it is told to somebody whom an aspect of the case is about: what a rule saw could speak of that aspect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ombud.desk.engine.vocabulary import Vocabulary
from ombud.desk.rules import in_force, names
from ombud.desk.rules.in_force import definition_of
from ombud.desk.rules.wording import change_words, matched_words, when_words
from ombud.kernel.database import db


@dataclass(frozen=True)
class Because:
    """Why an entry is there. `matched`: each condition that held with what it saw; `changes` and `refused`: what the
    rule asked for, and what could not be done; `shadow`: nothing was done."""

    rule: str
    label: str
    version: int
    when: str
    matched: tuple[dict[str, str], ...]
    changes: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    shadow: bool = False
    due: str = ""


def is_told(body: Mapping[str, Any], kind: str) -> bool:
    """Whether an entry can be explained by a rule. Routing and ladders write reasons of their own, without one."""
    why = body.get("because")
    return kind in {"rule.applied", "rule.shadowed"} or (isinstance(why, Mapping) and {"rule", "version"} <= set(why))


async def explain(entries: Iterable[tuple[int, str, Mapping[str, Any]]], *, concerned: bool) -> dict[int, Because]:
    """Number → why, for entries given as (number, kind, body); two statements, none where no rule was at work."""
    told = [(number, kind, body) for number, kind, body in entries if is_told(body, kind)]
    if not told or concerned:
        return {}
    wanted = {(str(why["rule"]), int(why["version"])) for _, _, body in told for why in [_why(body)]}
    rows = await db.fetch(
        "SELECT v.rule, v.number, v.definition FROM core_rule_version v "
        "JOIN unnest($1::text[], $2::int[]) AS w(rule, number) ON w.rule = v.rule AND w.number = v.number",
        [rule for rule, _ in wanted], [number for _, number in wanted],
    )  # fmt: skip
    versions = {(row["rule"], row["number"]): definition_of(row["rule"], row["definition"]) for row in rows}
    words, known = in_force.words(), (await names.known()).names
    return {number: _because(body, versions, words, known) for number, _, body in told}


def _why(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body.get("because") or body
    return found


def _because(
    body: Mapping[str, Any], versions: Mapping[tuple[str, int], Any], words: Vocabulary, known: Mapping[str, str]
) -> Because:
    why = _why(body)
    definition = versions.get((str(why["rule"]), int(why["version"])))
    return Because(
        rule=str(why["rule"]), label=definition.label if definition else str(why["rule"]), version=int(why["version"]),
        when=when_words(definition.when) if definition else "",
        matched=tuple(matched_words(why.get("matched") or (), words, known)),
        changes=tuple(change_words(each, known) for each in body.get("changes") or ()),
        refused=tuple((str(each["change"]).replace("_", " "), str(each["why"])) for each in body.get("refused") or ()),
        shadow=bool(body.get("shadow")), due=str(why.get("due") or ""),
    )  # fmt: skip
