"""What administrators do with members of staff: add them, correct details, give and take roles, passwords, sessions."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from ombud.desk.administration.authority import MANAGE, demand_may_give, demand_over, in_reach, whole_desk
from ombud.desk.errors import Invalid, NotFound, NotNow
from ombud.desk.writing import check_version, demand, update
from ombud.kernel.database import db
from ombud.trust import passwords, tokens, users
from ombud.trust.ledger import NewEntry, Sealed, append
from ombud.trust.policy import Arguments, Viewer

LANGUAGES = ("en", "pl")
CHANGEABLE = ("display_name", "email", "language")


@asynccontextmanager
async def in_words() -> AsyncIterator[None]:
    """Refusals of the floor below, as the desk says them."""
    try:
        yield
    except users.LastAdministrator as problem:
        raise NotNow(sentence(problem)) from None
    except users.NoSuchUser as problem:
        raise NotFound(sentence(problem)) from None
    except passwords.WeakPassword as problem:
        raise Invalid(sentence(problem), "password") from None
    except users.NameTaken as problem:
        raise Invalid(sentence(problem), "name") from None
    except (users.NoSuchRole, users.NoSuchUnit) as problem:
        field = "role" if isinstance(problem, users.NoSuchRole) else "unit"
        raise Invalid(sentence(problem), field) from None
    except users.UserProblem as problem:
        field = "email" if "e-mail" in str(problem) else "display_name" if "shown name" in str(problem) else "name"
        raise Invalid(sentence(problem), field) from None


def sentence(problem: Exception) -> str:
    text = str(problem)
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


async def seen(viewer: Viewer, user_id: UUID) -> None:
    """Raises NotFound for users outside the administrator's reach, with one text for missing and hidden."""
    demand(viewer, MANAGE)
    arguments = Arguments()
    reach = in_reach(viewer, await whole_desk(viewer, MANAGE), "u", arguments)
    place = arguments.add(user_id)
    if not await db.fetchval(f"SELECT TRUE FROM core_user u WHERE u.id = {place} AND {reach}", *arguments.values):
        raise NotFound("There is no such user that you administer. The list of users shows those you do.")


async def add(
    viewer: Viewer, name: str, display_name: str, email: str, language: str, password: str | None, role: str,
    unit_id: UUID,
) -> UUID:  # fmt: skip
    """Adds somebody with a first role. Without a password nobody signs in as them until they have set one."""
    demand(viewer, MANAGE)
    _check_language(language)
    unit_key = await _unit_key(unit_id)
    await demand_may_give(viewer, role, unit_id)
    async with in_words(), db.transaction():
        user_id = await users.add(name, display_name, email, password, [role], unit_key, viewer.actor)
        if language != "en":
            await db.execute("UPDATE core_user SET language = $2 WHERE id = $1", user_id, language)
        return user_id


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise Invalid("Choose a language of the list.", "language")


async def _unit_key(unit_id: UUID) -> str:
    key = await db.fetchval("SELECT key FROM core_unit WHERE id = $1 AND active", unit_id)
    if key is None:
        raise Invalid("There is no such unit in use. Choose one of the list.", "unit")
    return str(key)


async def change(viewer: Viewer, user_id: UUID, values: Mapping[str, str], version: int) -> int:
    """Corrects name, address or language; before and after stand sealed in the ledger. Returns the new version."""
    await seen(viewer, user_id)
    await demand_over(viewer, user_id)
    async with in_words(), db.transaction():
        row = await db.fetchrow("SELECT * FROM core_user WHERE id = $1 FOR UPDATE", user_id)
        assert row is not None
        wanted = _checked(values, str(row["name"]))
        check_version("This user", row, version, wanted)
        changed = {key: value for key, value in wanted.items() if row[key] != value}
        if not changed:
            return int(row["version"])
        await update("core_user", user_id, changed)
        subject = f"user/{user_id}"
        sealed = {f"{key}.before": Sealed(subject, row[key]) for key in changed}
        sealed |= {f"{key}.after": Sealed(subject, value) for key, value in changed.items()}
        entry = NewEntry(subject, "user.changed", {"fields": sorted(changed)}, sealed)
        await append(actor=viewer.actor, entries=[entry])
        return int(row["version"]) + 1


def _checked(values: Mapping[str, str], name: str) -> dict[str, str]:
    wanted = {key: value for key, value in values.items() if key in CHANGEABLE}
    if "display_name" in wanted:
        wanted["display_name"] = users.checked_display(wanted["display_name"]) or name
    if "email" in wanted:
        wanted["email"] = users.checked_email(wanted["email"])
    if "language" in wanted:
        _check_language(wanted["language"])
    return wanted


async def give(viewer: Viewer, user_id: UUID, role: str, unit_id: UUID) -> None:
    """A role in a unit and in all below it."""
    await seen(viewer, user_id)
    unit_key = await _unit_key(unit_id)
    await demand_may_give(viewer, role, unit_id)
    async with in_words():
        await users.give_role(user_id, role, unit_key, viewer.actor)


async def take(viewer: Viewer, user_id: UUID, role: str, unit_id: UUID) -> None:
    """Who may give a role there may take it; the last who manages users of the whole desk keeps theirs."""
    await seen(viewer, user_id)
    await demand_may_give(viewer, role, unit_id)
    key = await db.fetchval("SELECT key FROM core_unit WHERE id = $1", unit_id)
    if key is None:
        raise Invalid("There is no such unit. Choose one of the list.", "unit")
    async with in_words():
        await users.take_role(user_id, role, key, viewer.actor)


async def set_password(viewer: Viewer, user_id: UUID, password: str) -> None:
    """For somebody else, who is signed out everywhere; one's own needs the old one and has its own page."""
    await seen(viewer, user_id)
    if viewer.user_id == user_id:
        raise NotNow("Change your own password on its page, with the old one.")
    await demand_over(viewer, user_id)
    async with in_words():
        await users.set_password(user_id, password, viewer.actor)


async def come_back(viewer: Viewer, user_id: UUID) -> None:
    """Lets somebody in again, with the roles they held."""
    await seen(viewer, user_id)
    await demand_over(viewer, user_id)
    async with in_words():
        await users.reactivate(user_id, viewer.actor)


async def end_token(viewer: Viewer, token_id: UUID) -> UUID:
    """Ends an API token of somebody in reach, and answers whose it was."""
    owner = await db.fetchval("SELECT user_id FROM core_token WHERE id = $1", token_id)
    if owner is None:
        raise NotFound("There is no such token. The list of tokens shows all you may end.")
    await seen(viewer, owner)
    await demand_over(viewer, owner)
    await tokens.revoke(token_id, viewer.actor)
    return UUID(str(owner))
