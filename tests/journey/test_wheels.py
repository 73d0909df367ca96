"""The wheels alone are enough: built here, installed into an empty environment elsewhere, and a complaint is filed."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
BROUGHT = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("[pt]*s/*/pyproject.toml"))
DISTRIBUTIONS = ["plugin_api", "core", *BROUGHT]  # plugins/* and themes/*, as the Makefile finds them


def run(*words: str | Path, folder: Path, **more: str) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("OMBUD_", "PYTHON", "VIRTUAL"))
    }
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env={**environment, **more}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds our wheels and their pinned dependencies, and no checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    for each in DISTRIBUTIONS:
        run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, ROOT / each,
            folder=folder)  # fmt: skip
    shutil.copy(ROOT / "requirements.txt", folder)
    run(UV, "venv", "--python", sys.executable, folder / "venv", folder=folder)
    wheels = sorted(folder.glob("*.whl"))
    assert len(wheels) == len(DISTRIBUTIONS)
    python = folder / "venv" / "bin" / "python"
    run(UV, "pip", "install", "--offline", "--python", python, "-r", "requirements.txt", *wheels, folder=folder)
    return folder / "venv" / "bin"


@contextmanager
def serving(program: Path, data: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--data", data], cwd=data.parent, stdout=subprocess.PIPE, text=True,
        stderr=(data.parent / "serve.log").open("w"),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        until = time.monotonic() + 60
        for line in process.stdout:
            if "serves on http" in line:
                yield line.split("serves on ")[1].strip()
                return
            assert time.monotonic() < until
        pytest.fail((data.parent / "serve.log").read_text()[-3000:])
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_a_complaint_is_filed_on_a_desk_made_of_wheels_alone(installed: Path, tmp_path: Path) -> None:
    data, ombud = tmp_path / "desk", installed / "ombud"
    said = run(ombud, "migrate", "--data", data, folder=tmp_path)
    assert "admin" in said
    token = run(ombud, "token", "create", "--user", "admin", "--data", data, folder=tmp_path).splitlines()[-1]
    where = run(installed / "python", "-c", "import ombud; print(ombud.__file__)", folder=tmp_path)
    assert str(ROOT) not in where
    with serving(ombud, data) as address:
        body = json.dumps({"channel": "api", "person": {"name": "Ann"}, "matters": [{"text": "Fee taken twice."}]})
        request = urllib.request.Request(
            f"{address}/api/v1/complaints", body.encode(), method="POST",
            headers={"authorization": f"Bearer {token}", "idempotency-key": "w1", "content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            filed = json.load(answer)
        assert filed["reference"].startswith("OMB-")
        with urllib.request.urlopen(f"{address}/complain", timeout=10) as page:
            assert b"<form" in page.read()
        with urllib.request.urlopen(filed["track_url"], timeout=10) as page:
            assert filed["reference"].encode() in page.read()
    assert "hold" in run(ombud, "ledger", "verify", "--data", data, folder=tmp_path)
