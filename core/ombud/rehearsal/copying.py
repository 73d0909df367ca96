"""A copy of the desk's database beside it, made while the desk serves, by PostgreSQL's own programs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ombud.desk.errors import NotNow
from ombud.kernel.ids import new_id
from ombud.kernel.postgres import create_database, drop_database
from ombud.kernel.postgres_install import installed

PREFIX = "ombud_rehearsal_"


@contextmanager
def copied(url: str) -> Iterator[str]:
    """The address of a copy that is dropped at the end; raises NotNow where the server does not allow one."""
    name = f"{PREFIX}{new_id().hex[-12:]}"
    try:
        copy = create_database(url, name)
    except psycopg.Error as problem:
        raise NotNow(
            f"No copy of the database could be made: {str(problem).strip()}. Give its user the right CREATEDB for the "
            "time of the rehearsal."
        ) from None
    try:
        _pour(url, copy)
        yield copy
    finally:
        drop_database(url, name)


def _pour(source: str, copy: str) -> None:
    programs = installed() / "bin"
    dump = subprocess.Popen(  # noqa: S603
        [programs / "pg_dump", "--format=custom", "--compress=0", source], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ,
    )  # fmt: skip
    restore = subprocess.run(  # noqa: S603
        [programs / "pg_restore", "--no-owner", "--exit-on-error", "--dbname", copy], stdin=dump.stdout,
        capture_output=True, env=os.environ, check=False,
    )  # fmt: skip
    _, said = dump.communicate()
    if dump.returncode or restore.returncode:
        lines = (said + restore.stderr).decode(errors="replace").strip().splitlines() or ["it ended without a word"]
        raise NotNow(f"The database could not be copied: {lines[0]}")
