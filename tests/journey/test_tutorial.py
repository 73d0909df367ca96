"""The tutorial is followed to the letter: its blocks are read, files written, commands typed, and what it says one sees
is seen. Offline: our distributions come from wheels built here, all others from what this environment was made of."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from wheel_house import ROOT, UV, packages_of, warm

TUTORIAL = ROOT / "docs" / "plugins" / "tutorial.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./-]+)`:\s*\Z")
CODE = re.compile(r"\s+# exit code (\d)\Z")


@dataclass(frozen=True)
class Typed:
    """One command with the lines that must be among what it says; `code`: how it ends."""

    command: str
    seen: tuple[str, ...]
    code: int


def steps() -> Iterator[Typed | tuple[str, str]]:
    """Commands, and files as (path, text), in the order of the page."""
    page = TUTORIAL.read_text("utf-8")
    for block in BLOCK.finditer(page):
        language, text = block.groups()
        if language == "console":
            yield from commands(text)
        elif language != "text":
            named = FILE.search(page[: block.start()])
            assert named, f"which file is this block?\n{text[:200]}"
            yield named.group(1), text


def commands(text: str) -> Iterator[Typed]:
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts, text
    assert starts[0] == 0, f"a block begins with what is typed:\n{text}"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        told = CODE.search(lines[start])
        command = CODE.sub("", lines[start][2:])
        yield Typed(command, tuple(lines[start + 1 : end]), int(told.group(1)) if told else 0)


class Reader:
    """Somebody with one shell, who keeps its folder and its variables from line to line."""

    def __init__(self, folder: Path, wheels: Path, port: int) -> None:
        self.folder, self.port = folder, port
        constraints = folder / "constraints.txt"
        pinned = [(ROOT / name).read_text() for name in ("requirements.txt", "requirements-test.txt")]
        constraints.write_text("\n".join(pinned))
        outside = {
            key: value for key, value in os.environ.items() if not key.startswith(("OMBUD_", "PYTHON", "VIRTUAL"))
        }
        self.variables = {
            **outside, "UV_OFFLINE": "1", "UV_FIND_LINKS": str(wheels), "UV_CONSTRAINT": str(constraints),
            "PATH": f"{UV.parent}{os.pathsep}{outside['PATH']}",
        }  # fmt: skip
        self.background: list[subprocess.Popen[bytes]] = []

    def write(self, path: str, text: str) -> None:
        place = self.folder / path
        assert place.parent.is_dir(), f"the tutorial writes {path} into a folder that is not there"
        place.write_text(text, encoding="utf-8")

    def type(self, step: Typed) -> None:
        command = step.command.replace("8123", str(self.port))
        if command.endswith(" &"):
            self.leave_running(command.removesuffix(" &"))
            return
        script = f'{command}\ncode=$?\nprintf "\\n--state--\\n%s\\n" "$PWD"; env -0; exit $code'
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.variables, capture_output=True, timeout=300, check=False
        )
        said, _, state = done.stdout.decode().partition("\n--state--\n")
        told = f"$ {command}\n{said}\n{done.stderr.decode()}"
        assert done.returncode == step.code, told
        for line in step.seen:
            assert line.strip() in said.replace(str(self.port), "8123"), f"nowhere {line!r} in:\n{told}"
        folder, _, variables = state.partition("\n")
        self.folder = Path(folder)
        if command.startswith("uv pip install"):
            warm(packages_of(Path(self.variables.get("VIRTUAL_ENV", self.folder / ".venv")) / "bin"))
        pairs = (each.split("=", 1) for each in variables.split("\0") if "=" in each)
        self.variables = {key: value for key, value in pairs if key not in {"_", "SHLVL", "PWD", "OLDPWD"}}

    def leave_running(self, command: str) -> None:
        log = self.folder / "serve.log"
        with log.open("wb") as file:
            serving = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.variables, stdout=file, stderr=file
            )
        self.background.append(serving)
        until = time.monotonic() + 120
        while b"serves on http" not in log.read_bytes():
            assert serving.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.1)

    def leave(self) -> None:
        for each in self.background:
            each.terminate()
            each.wait(30)


@pytest.mark.slow
def test_the_tutorial_is_followed_to_the_letter(wheels: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        reason = "curl is not installed; on Debian: apt-get install curl"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reader = Reader(tmp_path, wheels, port)
    typed = 0
    try:
        for step in steps():
            if isinstance(step, Typed):
                reader.type(step)
                typed += 1
            else:
                reader.write(*step)
    finally:
        reader.leave()
    assert typed > 12
    assert "sound" in (tmp_path / "letter-box" / "badge.svg").read_text()


def test_every_kind_the_tutorial_names_can_be_written_and_all_are_named() -> None:
    from ombud_plugin_api.scaffold import KINDS

    told = TUTORIAL.read_text("utf-8").split("The kinds are ")[1].split(";")[0]
    assert set(re.findall(r"`(\w+)`", told)) == set(KINDS)
