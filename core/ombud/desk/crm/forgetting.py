"""What was borrowed from a customer system goes with the plugin that borrowed it."""

from ombud.desk.crm.tables import CrmLink, CrmSnapshot
from ombud.kernel.database import db
from ombud.trust import switching


def listen() -> None:
    """Called once by every process, since each may uninstall a plugin."""
    switching.when_uninstalled("crm", forget)


async def forget(slug: str) -> dict[str, int]:
    """Its answers about people, and who was chosen among them; what it was told of cases stays with the cases."""
    rows = {}
    for table in (CrmSnapshot, CrmLink):
        name = table._meta.tablename
        done = await db.execute(f"DELETE FROM {name} WHERE split_part(crm, '.', 1) = $1", slug)
        rows[name] = int(done.rpartition(" ")[2])
    return rows
