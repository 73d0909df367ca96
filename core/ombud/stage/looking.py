"""What a database holds beside rows, and trouble made for a plugin on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ombud.desk.platform import CorePlatform
from ombud_plugin_api import Transient

_PLATFORM = (
    "file", "receive", "units", "refuses_file", "case_fields", "case", "follow", "say", "prove", "documents",
    "document", "withdraw", "links", "make_link", "revoke_link", "start_job", "job", "keep_file", "kept_file",
    "drop_file", "settings",
)  # fmt: skip


@contextmanager
def troubled(slug: str, method: str) -> Iterator[list[str]]:
    """Within it the plugin's calls of one method of the platform, or of all (`*`), raise Transient; they are listed."""
    called: list[str] = []
    names = [each for each in _PLATFORM if method in {"*", each}]
    kept = {each: getattr(CorePlatform, each) for each in names}
    for each in names:
        setattr(CorePlatform, each, _failing(kept[each], each, slug, called))
    try:
        yield called
    finally:
        for each in names:
            setattr(CorePlatform, each, kept[each])


def _failing(kept: Any, name: str, slug: str, called: list[str]) -> Any:
    async def fail(self: CorePlatform, *args: Any, **kwargs: Any) -> Any:
        if self._slug != slug:
            return await kept(self, *args, **kwargs)
        called.append(name)
        raise Transient("the desk is busy for a moment; try again")

    return fail


async def outcome(work: Any) -> Exception | None:
    try:
        await work
    except Exception as problem:
        return problem
    return None


SCHEMA = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type AS told
FROM information_schema.columns WHERE table_schema = current_schema()
UNION SELECT 'index ' || tablename || '.' || indexname || ' ' || indexdef
    FROM pg_indexes WHERE schemaname = current_schema()
UNION SELECT 'constraint ' || conrelid::regclass || '.' || conname || ' ' || pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
UNION SELECT 'relation ' || relname || ' ' || relkind::text
    FROM pg_class WHERE relnamespace = current_schema()::regnamespace
UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION SELECT 'type ' || typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typcategory <> 'A'
UNION SELECT 'trigger ' || tgrelid::regclass || '.' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION SELECT 'migration ' || app_name::text || ' ' || name FROM migration
"""
