"""API tokens as administrators see them: whose, for what, when used; of the people in their reach."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from ombud.desk.administration.authority import MANAGE, in_reach, whole_desk
from ombud.desk.errors import Invalid
from ombud.desk.shown import read_cursor, write_cursor
from ombud.desk.writing import demand
from ombud.kernel.clock import now
from ombud.kernel.database import db
from ombud.trust.policy import Arguments, Viewer
from ombud.trust.tokens import TokenListed, mark_of

_HOLDS = "(t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > {now}) AND u.active)"
STATES = {"holds": _HOLDS, "over": f"NOT {_HOLDS}"}


@dataclass(frozen=True)
class TokenOf:
    """A token with its owner. `beyond`: scopes its owner does not hold (any more), which open nothing."""

    token: TokenListed
    owner_id: UUID
    owner: str
    owner_active: bool
    beyond: tuple[str, ...]


@dataclass(frozen=True)
class TokensPage:
    rows: tuple[TokenOf, ...]
    next_cursor: str | None


class _Place(msgspec.Struct, array_like=True):
    id: UUID


_TOKENS = """
SELECT t.id, t.name, t.scopes, t.created_at, t.expires_at, t.used_at, t.revoked_at, u.id AS owner_id,
    coalesce(nullif(u.display_name, ''), u.name) AS owner, u.active AS owner_active,
    ARRAY(SELECT s FROM unnest(t.scopes) AS s WHERE NOT EXISTS (SELECT 1 FROM core_user_role h
        JOIN core_role r ON r.key = h.role WHERE h.user_id = u.id AND s = ANY(r.permissions))) AS beyond
FROM core_token t JOIN core_user u ON u.id = t.user_id WHERE {condition} ORDER BY t.id DESC LIMIT {limit}
"""


async def list_tokens(
    viewer: Viewer, *, text: str = "", state: str = "", cursor: str | None = None, size: int = 50
) -> TokensPage:
    """The newest first. `text` is looked for in the token's and its owner's name; `state`: holds, over."""
    demand(viewer, MANAGE)
    arguments = Arguments()
    conditions = [in_reach(viewer, await whole_desk(viewer, MANAGE), "u", arguments)]
    if text:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        like = arguments.add(f"%{escaped}%")
        conditions.append(f"(t.name ILIKE {like} OR u.name ILIKE {like} OR u.display_name ILIKE {like})")
    if state:
        if state not in STATES:
            raise Invalid("Choose one of the list.", "state")
        conditions.append(STATES[state].format(now=arguments.add(now())))
    if cursor:
        conditions.append(f"t.id < {arguments.add(read_cursor(cursor, _Place).id)}")
    sql = _TOKENS.format(condition=" AND ".join(conditions), limit=arguments.add(size + 1))
    rows = await db.fetch(sql, *arguments.values)
    found = tuple(_row(row) for row in rows[:size])
    return TokensPage(found, write_cursor(_Place(rows[size - 1]["id"])) if len(rows) > size else None)


def _row(row: object) -> TokenOf:
    values = dict(row)  # type: ignore[call-overload]
    token = TokenListed(
        values["id"], mark_of(values["id"]), values["name"], tuple(values["scopes"]), values["created_at"],
        values["expires_at"], values["used_at"], values["revoked_at"],
    )  # fmt: skip
    return TokenOf(token, values["owner_id"], values["owner"], values["owner_active"], tuple(values["beyond"]))
