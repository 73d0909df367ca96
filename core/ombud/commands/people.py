"""Users and tokens."""

import argparse
import getpass
import sys
from datetime import timedelta

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.process import address
from ombud.trust import resets, second_factor, tokens, users


def user_add(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        password = _password(asked.password_stdin)
        roles = asked.role or ["agent"]
        await users.add(
            asked.name, asked.display_name or asked.name, asked.email, password, roles, asked.unit, "system"
        )
        print(f"{asked.name} may sign in as {', '.join(roles)}.")
        return 0

    return with_desk(config, work, plugins=False)


def user_passwd(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        await users.set_password(asked.name, _password(asked.password_stdin), "system")
        print(f"{asked.name} has a new password; earlier sessions are ended.")
        return 0

    return with_desk(config, work, plugins=False)


def reset_link(config: Config, asked: argparse.Namespace) -> int:
    """Prints the link alone on standard output."""

    async def work() -> int:
        user = await users.find(asked.name)
        token = await resets.make(user.id, "system", "reset" if user.has_password else "invite", asked.hours)
        print(f"{user.name} sets a password with this link, once, within {asked.hours} hours:", file=sys.stderr)
        print(address(f"/reset/{token}"))
        return 0

    return with_desk(config, work, plugins=False)


def remove_factor(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        user = await users.find(asked.name)
        gone = await second_factor.turn_off(user.id, "system", "lost")
        print(f"{user.name} signs in by password alone now." if gone else f"{user.name} has no second factor.")
        return 0

    return with_desk(config, work, plugins=False)


def _password(from_stdin: bool) -> str:
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise users.BadUser("the two passwords differ; type them again")
    return first


def token_create(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        days = timedelta(days=asked.days) if asked.days else None
        plain = await tokens.create(asked.user, asked.name, asked.scope or None, days, actor="system")
        print("This token is shown only now:", file=sys.stderr)
        print(plain)
        return 0

    return with_desk(config, work, plugins=False)
