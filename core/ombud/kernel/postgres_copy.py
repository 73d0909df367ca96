"""A database out into one stream while others write, and back: by PostgreSQL's own programs, in one snapshot and one
transaction."""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

from ombud.kernel.postgres_cluster import PostgresError
from ombud.kernel.postgres_install import InstallError, installed

PART = 1 << 20
TIMEOUT_SINCE = 17  # what newer programs set at the head of a script, and older servers do not know
_UNKNOWN = b"SET transaction_timeout"


class Source(Protocol):
    """What can be read part by part."""

    def read(self, size: int = -1, /) -> bytes: ...


def program(name: str, server: int) -> Path:
    """One that can talk to a server of this major version: ours, else the one on the PATH. Raises PostgresError."""
    seen = []
    for found in _places(name):
        version = _major(found)
        if version >= server:
            return found
        seen.append(f"{found} is of version {version}")
    raise PostgresError(
        f"The server is PostgreSQL {server}, and no {name} of that version or a newer one is here"
        f"{' (' + '; '.join(seen) + ')' if seen else ''}. Install the PostgreSQL {server} client programs."
    )


def _places(name: str) -> Iterator[Path]:
    try:
        ours = installed() / "bin" / name
        if ours.is_file():
            yield ours
    except InstallError:
        pass
    if on_path := shutil.which(name):
        yield Path(on_path)


def version_of(found: Path) -> str:
    """As the program says it, such as `pg_dump (PostgreSQL) 18.4`."""
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return said.stdout.strip()


def _major(found: Path) -> int:
    number = re.search(r"(\d+)(?:\.\d+)*\s*(?:\(|$)", version_of(found))
    return int(number.group(1)) if number else 0


def dump(url: str, server: int, write: Callable[[bytes], Any]) -> str:
    """Everything in the database as it is at one moment, in pg_dump's own format; returns the program's version. What
    `write` raises is passed on, and the program ended. Raises PostgresError."""
    found = program("pg_dump", server)
    address, environment = _without_password(url)
    # Compressed by whoever writes it; no wait for a lock that a schema change holds for long.
    words = ["--format=custom", "--compress=0", "--lock-wait-timeout=60s", "--dbname", address]
    with TemporaryFile() as said, _running([str(found), *words], environment, said, stdout=True) as process:
        assert process.stdout is not None
        while part := process.stdout.read(PART):
            write(part)
        _demand_good(process, said, "The database could not be copied")
    return version_of(found)


def pour(source: Source, url: str, server: int, *, owners: bool, rights: bool) -> None:
    """Fills an empty database with what `dump` wrote: all of it or nothing. `owners`, `rights`: whether its roles are
    there, so that tables belong to who they belonged to, and may be used by who might. Raises PostgresError."""
    restore, psql = program("pg_restore", server), program("psql", server)
    address, environment = _without_password(url)
    words = [str(restore), "--file=-", "--exit-on-error"]
    words += ([] if owners else ["--no-owner"]) + ([] if rights else ["--no-privileges"])
    quiet = [str(psql), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", address]
    with (
        TemporaryFile() as told, TemporaryFile() as said,
        _running(quiet, environment, said, stdin=True) as writing,
        _running(words, environment, told, stdin=True, stdout=True) as reading,
    ):  # fmt: skip
        assert writing.stdin
        assert reading.stdout
        assert reading.stdin
        feeding = threading.Thread(target=_feed, args=(source, reading.stdin), daemon=True)
        feeding.start()
        try:
            writing.stdin.write(b"BEGIN;\n")
            _pass_on(reading.stdout, writing.stdin, server)
            _demand_good(reading, told, "The backup's database could not be read")
            writing.stdin.write(b"\nCOMMIT;\n")  # only now: an end that came too early is no whole script
            writing.stdin.close()
        except BrokenPipeError:
            pass  # what psql said of it follows
        _demand_good(writing, said, "The database could not be filled; nothing of it was kept")
        feeding.join()


def _feed(source: Source, into: IO[bytes]) -> None:
    try:
        while part := source.read(PART):
            into.write(part)
        into.close()
    except BrokenPipeError:
        pass  # the program ended; its exit code says so


def _pass_on(script: IO[bytes], into: IO[bytes], server: int) -> None:
    """The script, without what a server older than the program does not know; that stands in its first lines."""
    for line in script:
        if not (server < TIMEOUT_SINCE and line.startswith(_UNKNOWN)):
            into.write(line)
        if line.startswith((b"CREATE ", b"ALTER ")):
            break
    shutil.copyfileobj(script, into, PART)


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], said: IO[bytes], *, stdin: bool = False, stdout: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, which is ended where the block is left before it ended by itself."""
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own programs
        command, stdin=pipe if stdin else none, stdout=pipe if stdout else none, stderr=said, env=environment
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for each in (process.stdin, process.stdout):
            if each is not None:
                with suppress(BrokenPipeError):
                    each.close()


def _demand_good(process: subprocess.Popen[bytes], said: IO[bytes], what: str) -> None:
    if process.wait() == 0:
        return
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    raise PostgresError(f"{what}: {lines[0] if lines else f'it ended with code {process.returncode}'}")


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """The password goes by the environment: a command line can be read by every user of the machine."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, dict(os.environ)
    user, _, place = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}@{place}").geturl()
    return bare, os.environ | {"PGPASSWORD": unquote(parts.password)}
