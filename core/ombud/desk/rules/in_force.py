"""Which rules hold at which moment, and which events this process must tell the work process of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ombud import speech
from ombud.desk.engine.events import KINDS
from ombud.desk.engine.terms import Definition, Rule
from ombud.desk.engine.vocabulary import Vocabulary, vocabulary
from ombud.kernel import outbox
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running
from ombud.kernel.outbox import Handler, Subscription
from ombud.trust.canonical import moment_text

NAME = "rules"
CHANNEL = "ombud_rules"  # told when a version begins or ends
# What moves the moment a rule of time counts from, or ends its waiting.
ANCHOR_KINDS = frozenset(
    {"case.opened", "message.received", "message.sent", "case.status_changed", "case.changed", "case.merged",
     "case.restored", "clock.started", "clock.moved", "clock.paused", "clock.resumed", "clock.met", "clock.stopped",
     "clock.breached"}
)  # fmt: skip
BUILT_IN = "acknowledge"
"""The shipped rule that the notices to customers follow by themselves, as long as its first version is in force."""


@dataclass(frozen=True)
class Held:
    """One version with the time in which it held, or was tried in shadow. `since`: nothing of before is its affair."""

    rule: Rule
    since: datetime
    until: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)

    @property
    def built_in(self) -> bool:
        """Done by the desk itself, so the engine only tells of it."""
        return self.rule.key == BUILT_IN and self.rule.version == 1


_VERSIONS = """
SELECT v.rule, v.number, v.definition, v.valid_from, v.valid_to, v.shadow_from, v.shadow_to
FROM core_rule_version v WHERE v.valid_from IS NOT NULL OR v.shadow_from IS NOT NULL ORDER BY v.rule, v.number
"""


async def held(after: datetime | None = None) -> list[Held]:
    """Every version that held at some time, from `after` on if given."""
    found: list[Held] = []
    for row in await db.fetch(_VERSIONS):
        definition = definition_of(row["rule"], row["definition"])
        for shadow, since, until in (
            (False, row["valid_from"], row["valid_to"]), (True, row["shadow_from"], row["shadow_to"]),
        ):  # fmt: skip
            if since is not None and (after is None or until is None or until > after):
                found.append(Held(Rule(definition=definition, version=row["number"], shadow=shadow), since, until))
    return found


def definition_of(key: str, stored: Mapping[str, Any]) -> Definition:
    """A version's definition as it lies in the database."""
    return msgspec.convert({**stored, "key": key}, Definition)


def stored(definition: Definition) -> dict[str, Any]:
    """A definition as the database and the ledger take it."""
    found: dict[str, Any] = speech.builtins_of(definition)
    return found


def at(versions: Iterable[Held], moment: datetime) -> list[Rule]:
    """The rules that the engine follows at a moment."""
    return [each.rule for each in versions if each.holds(moment) and not each.built_in]


BUILT_IN_HOLDS = f"""
(SELECT count(*) = 0 OR count(*) FILTER (WHERE v.number = 1 AND v.valid_from <= {{at}}
    AND (v.valid_to IS NULL OR v.valid_to > {{at}})) > 0 FROM core_rule_version v WHERE v.rule = '{BUILT_IN}')
"""
"""For a statement that is asked anyway: whether the desk acknowledges by itself at a moment, as the shipped rule says.
True on a desk without rules."""


def kinds_of(versions: Sequence[Held], moment: datetime) -> tuple[str, ...]:
    """The kinds of entries for which somebody listens, now or from a day that is set."""
    kinds: set[str] = set()
    for each in versions:
        if each.built_in or (each.until is not None and each.until <= moment):
            continue
        if each.rule.definition.timed:
            kinds |= ANCHOR_KINDS
        else:
            kinds |= {code.partition(":")[0] for code in each.rule.definition.codes} & KINDS
    return tuple(sorted(kinds))


_handler: list[Handler] = []


def listen(handler: Handler) -> None:
    """Called once by every process, since each writes down who hears of an event; `refresh` says of which."""
    _handler[:] = [handler]
    outbox.registry.subscriptions[NAME] = Subscription((), handler)


async def refresh() -> None:
    """Reads which kinds somebody listens for; an event of another kind writes nothing down and costs nothing."""
    if _handler and db.is_open:
        kinds = kinds_of(await held(), now())
        outbox.registry.subscriptions[NAME] = Subscription(kinds, _handler[0])


def tell() -> None:
    """At the commit: other processes read again."""
    db.tell(CHANNEL)


def words() -> Vocabulary:
    """Core's words and those of the plugins that are on."""
    return vocabulary(
        [each for loaded in running.loaded.values() for each in loaded.conditions],
        [each for loaded in running.loaded.values() for each in loaded.actions],
    )


def slug_of(key: str) -> str:
    """Whose word it is; empty for core's."""
    return next(
        (slug for slug, loaded in running.loaded.items()
         for each in (*loaded.conditions, *loaded.actions) if each.key == key), "",
    )  # fmt: skip


async def parents() -> dict[str, str]:
    """Unit → the unit above it."""
    rows = await db.fetch("SELECT id::text, coalesce(parent_id::text, '') AS above FROM core_unit")
    return {row["id"]: row["above"] for row in rows}


async def came_over_at(case_id: UUID) -> datetime | None:
    """When a case came over with the demonstration firm or an export, None for one that began here: what happened in it
    before that is no rule's affair."""
    found: datetime | None = await db.fetchval(
        "SELECT max(e.at) FROM core_ledger_entry e WHERE e.kind = 'desk.imported' OR (e.kind = 'demo.loaded' "
        "AND EXISTS (SELECT 1 FROM core_demo_item d WHERE d.item_id = $1))",
        case_id,
    )
    return found


def text_of(moment: datetime) -> str:
    return moment_text(moment)
