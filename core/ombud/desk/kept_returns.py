"""Returns whose figures stand, as a plugin that brought them may read them again. They are made in `insight`, a floor
above; what is kept of them lies here."""

from typing import Any

from ombud.desk.errors import NotAllowed
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer, decide
from ombud_plugin_api.returns import ReturnKept

READ = "return.read"
MOST = 20

_KEPT = """
SELECT r.id, r.provider AS key, u.name AS unit, r.period_first AS first, r.period_last AS last, r.period_label AS label,
    r.number, r.state, coalesce((SELECT jsonb_object_agg(f.number, f.value) FROM core_return_figure f
        WHERE f.return_id = r.id AND f.value IS NOT NULL), '{{}}') AS figures
FROM core_return r JOIN core_unit u ON u.id = r.unit_id
WHERE r.provider = {key} AND r.state IN ('frozen', 'signed', 'filed') AND {seen}
ORDER BY r.period_last DESC, r.number DESC, r.id LIMIT {most}
"""


async def of_plugin(viewer: Viewer, slug: str, key: str) -> tuple[ReturnKept, ...]:
    """Raises NotAllowed for a key of another plugin's."""
    if key != slug and not key.startswith(f"{slug}."):
        raise NotAllowed(f"{key} is no return of the plugin {slug}.")
    if not viewer.may(READ):
        return ()
    arguments = Arguments()
    sql = _KEPT.format(
        key=arguments.add(key), seen=decide(viewer, READ, "return").where("r", arguments), most=arguments.add(MOST)
    )
    rows: list[Any] = await db.fetch(sql, *arguments.values)
    return tuple(ReturnKept(**dict(row)) for row in rows)
