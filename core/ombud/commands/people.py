"""Users and tokens."""

import argparse
import getpass
import sys
from datetime import timedelta

from ombud.commands.opening import with_desk
from ombud.config import Config
from ombud.trust import tokens, users


def user_add(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        password = _password(asked.password_stdin)
        roles = asked.role or ["agent"]
        await users.add(
            asked.name, asked.display_name or asked.name, asked.email, password, roles, asked.unit, "system"
        )
        print(f"{asked.name} may sign in as {', '.join(roles)}.")
        return 0

    return with_desk(config, work)


def user_passwd(config: Config, asked: argparse.Namespace) -> int:
    async def work() -> int:
        await users.set_password(asked.name, _password(asked.password_stdin), "system")
        print(f"{asked.name} has a new password; earlier sessions are ended.")
        return 0

    return with_desk(config, work)


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

    return with_desk(config, work)
