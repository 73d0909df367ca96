"""How far each folder was read, kept in the plugin's table."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from ombud_email.tables import EmailPosition

LOOKED_BACK, MOST_RECENT, TRIES = 500, 600, 3


@dataclass
class Position:
    """`recent`: UIDs taken lately; `skipped`: UIDs that could not be fetched, with how often it was tried."""

    account: str
    folder: str
    uidvalidity: int = 0
    last_uid: int = 0
    recent: set[int] = field(default_factory=set)
    skipped: dict[int, int] = field(default_factory=dict)
    taken: int = 0
    mail_at: datetime | None = None

    def begin(self, uidvalidity: int) -> None:
        """The server may have numbered its mails anew: then all are looked at again, and core knows what it has."""
        if uidvalidity != self.uidvalidity:
            self.uidvalidity, self.last_uid = uidvalidity, 0
            self.recent, self.skipped = set(), {}

    @property
    def after(self) -> int:
        """A mail may show up below the last one, where two were delivered at the same moment."""
        return max(0, self.last_uid - LOOKED_BACK)

    def wants(self, uid: int) -> bool:
        return uid not in self.recent and self.skipped.get(uid, 0) < TRIES

    def took(self, uid: int, *, new: bool) -> None:
        self.recent.add(uid)
        self.skipped.pop(uid, None)
        self.last_uid = max(self.last_uid, uid)
        if len(self.recent) > MOST_RECENT:
            self.recent = {each for each in self.recent if each > self.after}
        if new:
            self.taken += 1
            self.mail_at = datetime.now(UTC)

    def failed(self, uid: int) -> None:
        self.skipped[uid] = self.skipped.get(uid, 0) + 1


def _json(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str | bytes) else value


async def read(account: str, folder: str) -> Position:
    row = await _row(account, folder)
    if row is None:
        return Position(account, folder)
    return Position(
        account, folder, row.uidvalidity, row.last_uid, set(_json(row.recent)),
        {int(uid): tries for uid, tries in _json(row.skipped).items()}, row.taken, row.mail_at,
    )  # fmt: skip


async def _row(account: str, folder: str) -> EmailPosition | None:
    return await EmailPosition.objects().get(
        (EmailPosition.account == account) & (EmailPosition.folder == folder)
    )  # fmt: skip


async def keep(position: Position, how: str, problem: str = "") -> None:
    """Written after what it tells of is safe in core."""
    values: dict[Any, Any] = {
        EmailPosition.uidvalidity: position.uidvalidity, EmailPosition.last_uid: position.last_uid,
        EmailPosition.recent: sorted(position.recent),
        EmailPosition.skipped: {str(uid): tries for uid, tries in position.skipped.items()},
        EmailPosition.taken: position.taken, EmailPosition.mail_at: position.mail_at,
        EmailPosition.looked_at: datetime.now(UTC), EmailPosition.how: how, EmailPosition.problem: problem,
    }  # fmt: skip
    if await _row(position.account, position.folder) is None:
        row = EmailPosition(account=position.account, folder=position.folder)
        await EmailPosition.insert(row)
    await EmailPosition.update(values).where(
        (EmailPosition.account == position.account) & (EmailPosition.folder == position.folder)
    )


async def every() -> dict[str, EmailPosition]:
    """By account, for the page."""
    return {row.account: row for row in await EmailPosition.objects()}
