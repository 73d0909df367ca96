"""`ombud plugin rehearse`: the upgrade of every plugin, tried on a copy of the database; go or no-go."""

import argparse
import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ombud.commands.opening import desk
from ombud.config import Config
from ombud.desk.errors import NotNow
from ombud.kernel.supervisor import environment_beside
from ombud.rehearsal.comparing import Verdict, compare
from ombud.rehearsal.copying import copied

MINUTES = 20


def rehearse(config: Config, asked: argparse.Namespace) -> int:
    """The wheels given are laid over what is installed, for the second look alone; without any, what is installed in a
    newer version than is in use is tried. Exit code 0 for go, 1 for no-go."""

    async def run() -> int:
        async with desk(config, plugins=False) as url:  # those of the copy are looked at, in processes of their own
            return await asyncio.to_thread(_rehearsed, config, url, asked.wheel)

    return asyncio.run(run())


def _rehearsed(config: Config, url: str, wheels: Sequence[Path]) -> int:
    with copied(url) as copy, tempfile.TemporaryDirectory(prefix="ombud-rehearsal-") as folder:
        over = [_unpacked(wheel, Path(folder) / "wheels") for wheel in wheels]
        apart = _with_secrets_of_its_own(replace(config, database=replace(config.database, url=copy)), Path(folder))
        password = f"rehearsal {secrets.token_urlsafe(16)}"
        before = _look(apart, password, [])
        after = _look(apart, password, over, "--upgrade")
    verdict = compare(before, after)
    print(_told(before, after, verdict))
    return 0 if verdict.go else 1


def _unpacked(wheel: Path, folder: Path) -> Path:
    to = folder / wheel.stem
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(to)
    except (OSError, zipfile.BadZipFile) as problem:
        raise NotNow(f"{wheel} cannot be read as a wheel: {problem}. Build it again, or name another file.") from None
    return to


def _with_secrets_of_its_own(config: Config, folder: Path) -> Config:
    """The copy's processes may make keys and publish checkpoints; none of that may come into the desk's own folders."""
    kept = config.secrets.master_key_file
    shutil.copytree(kept.parent, folder / "secrets")
    return replace(
        config,
        data=replace(config.data, dir=folder),
        secrets=replace(config.secrets, master_key_file=folder / "secrets" / kept.name),
        ledger=replace(config.ledger, publish_file=folder / "checkpoints.jsonl"),
    )


def _look(config: Config, password: str, over: Sequence[Path], *words: str) -> Any:
    """In a process of its own, whose imports see the wheels first and no factor stands before the sign-in."""
    environment = environment_beside(config, config.database.url, over) | {"OMBUD_SIGN_IN_SECOND_FACTOR_ROLES": ""}
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "ombud.rehearsal.looking", *words], env=environment, capture_output=True, text=True,
            input=f"{password}\n",             timeout=MINUTES * 60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotNow(f"The rehearsal did not end within {MINUTES} minutes. Nothing of the desk was changed.") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise NotNow(f"The copy could not be looked at{' after the upgrade' if words else ''}: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _told(before: Mapping[str, Any], after: Mapping[str, Any], verdict: Verdict) -> str:
    lines = []
    for slug, (_, version, _) in sorted(after["plugins"].items()):
        was = before["plugins"].get(slug, ["", "", ""])[1]
        if slug in after["upgraded"]:
            lines.append(f"{slug}: {was} → {version if version != was else 'refused'}")
    lines = lines or ["No plugin needs an upgrade."]
    answered = after["answers"]
    lines.append(f"{len(after['pages'])} pages with their rights, {len(answered)} of them asked, "
                 f"{len(after['counts'])} tables counted, before and after.")  # fmt: skip
    lines += [f"  note: {each}" for each in verdict.notable]
    lines += [f"  AGAINST: {each}" for each in verdict.against]
    lines.append("GO" if verdict.go else "NO-GO")
    return "\n".join(lines)
