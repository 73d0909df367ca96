"""For those who write plugins: the conformance kit and the scaffold."""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ombud.config import Config
from ombud_plugin_api.scaffold import ScaffoldError, write_plugin


def plugin_check(config: Config, asked: argparse.Namespace) -> int:
    """In a process and on a database of its own; the desk here is not touched."""
    missing = [name for name in ("httpx", "packaging") if find_spec(name) is None]
    if missing:
        print(f"ombud: the kit needs {', '.join(missing)}: pip install 'ombud-plugin-api[testing]'", file=sys.stderr)
        return 2
    words = [sys.executable, "-m", "ombud.stage.command", asked.plugin, "--tier", asked.tier]
    words += ["--badge", str(asked.badge)] if asked.badge else []
    words += ["--verbose"] if asked.verbose else []
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OMBUD_")}
    return subprocess.run(words, env=environment, check=False).returncode  # noqa: S603


def plugin_new(config: Config, asked: argparse.Namespace) -> int:
    """Writes a plugin into a folder of its name."""
    try:
        made = write_plugin(asked.slug, asked.kind, Path(asked.into) / asked.slug)
    except ScaffoldError as refusal:
        print(f"ombud: {refusal}", file=sys.stderr)
        return 2
    print(f"{made} holds a plugin of kind {asked.kind}. Next:")
    print(f"  cd {made}\n  pip install -e . && ombud plugin check {asked.slug}")
    return 0
