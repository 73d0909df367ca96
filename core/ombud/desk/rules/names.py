"""What ids and codes in rules are called, and what a form offers for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ombud.desk.outgoing import templates
from ombud.kernel.database import db
from ombud.kernel.lifecycle import running

# The arguments of core's words that take something of the desk, and what.
SOURCES = {
    "queue": "queues", "queues": "queues", "unit": "units", "units": "units", "user": "users", "users": "users",
    "types": "types", "case_type": "types", "category": "categories", "categories": "categories",
    "causes": "causes", "channels": "channels", "languages": "languages", "template": "templates",
}  # fmt: skip
LANGUAGES = {"en": "English", "pl": "Polish", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian",
             "uk": "Ukrainian", "cs": "Czech", "nl": "Dutch", "pt": "Portuguese"}  # fmt: skip

# Where two things have one code, the later one's name is shown.
_IN_ORDER = ("languages", "channels", "causes", "categories", "types", "templates", "users", "units", "queues")


@dataclass(frozen=True)
class Known:
    """`of`: for each source what can be chosen, code to name; `names`: all of it together."""

    of: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in _IN_ORDER:
            found |= self.of.get(source, {})
        return found


_SQL = """
SELECT
    (SELECT coalesce(jsonb_object_agg(id, name), '{}') FROM core_queue WHERE active) AS queues,
    (SELECT coalesce(jsonb_object_agg(id, name), '{}') FROM core_unit) AS units,
    (SELECT coalesce(jsonb_object_agg(id, coalesce(nullif(display_name, ''), name)), '{}') FROM core_user
     WHERE active) AS users,
    (SELECT coalesce(jsonb_object_agg(key, label), '{}') FROM core_case_type WHERE active) AS types,
    (SELECT coalesce(jsonb_object_agg(code, coalesce(labels->>'en', code)), '{}') FROM core_taxonomy_term
     WHERE kind = 'category') AS categories,
    (SELECT coalesce(jsonb_object_agg(code, coalesce(labels->>'en', code)), '{}') FROM core_taxonomy_term
     WHERE kind = 'cause') AS causes,
    (SELECT coalesce(jsonb_agg(DISTINCT channel), '[]') FROM (SELECT channel FROM core_case
     ORDER BY opened_at DESC LIMIT 5000) c WHERE channel <> '') AS channels
"""


async def known() -> Known:
    """Everything a rule can name, as it is now."""
    row = await db.fetchrow(_SQL)
    assert row is not None
    channels = {each: each for each in row["channels"]}
    channels |= {each.key: each.label for loaded in running.loaded.values() for each in loaded.channels}
    texts = {each.key: each.name for each in await templates.all_newest() if not each.retired}
    return Known(
        {
            **{name: _sorted(row[name]) for name in ("queues", "units", "users", "types", "categories", "causes")},
            "channels": _sorted(channels), "languages": LANGUAGES, "templates": _sorted(texts),
        }
    )  # fmt: skip


def _sorted(found: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(found.items(), key=lambda pair: pair[1].lower()))


__all__ = ["LANGUAGES", "SOURCES", "Known", "known"]
