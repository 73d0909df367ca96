"""The wheels alone are enough: built here, installed into an empty environment, and the main job done there."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from main_steps import journey

ROOT = Path(__file__).parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
DISTRIBUTIONS = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for pattern in ("core", "plugin_api", "plugins/*", "themes/*")
    for path in ROOT.glob(f"{pattern}/pyproject.toml")
)


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
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every distribution, as `make wheels` builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    for each in DISTRIBUTIONS:
        run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder,
            ROOT / each, folder=folder)  # fmt: skip
    assert len(list(folder.glob("*.whl"))) == len(DISTRIBUTIONS) >= 6
    return folder


@pytest.fixture(scope="module")
def installed(wheels: Path) -> Path:
    """The `bin` of an environment that holds our wheels, by name and from that folder alone, their pinned dependencies,
    and no checkout."""
    shutil.copy(ROOT / "requirements.txt", wheels)
    run(UV, "venv", "--python", sys.executable, wheels / "venv", folder=wheels)
    install = (UV, "pip", "install", "--offline", "--python", wheels / "venv" / "bin" / "python")
    run(*install, "-r", "requirements.txt", folder=wheels)
    run(*install, "--no-index", "--find-links", wheels, *map(name_of, DISTRIBUTIONS), folder=wheels)
    return wheels / "venv" / "bin"


def name_of(distribution: str) -> str:
    return str(tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]["name"])


def test_every_file_of_a_package_is_in_its_wheel(wheels: Path) -> None:
    for each in DISTRIBUTIONS:
        stem = name_of(each).replace("-", "_")
        (wheel,) = (path for path in wheels.glob("*.whl") if path.name.split("-")[0] == stem)
        held = set(zipfile.ZipFile(wheel).namelist())
        listed = run("git", "ls-files", "-co", "--exclude-standard", each, folder=ROOT).splitlines()
        inside = [path.removeprefix(f"{each}/") for path in listed]
        package = {path.split("/")[0] for path in inside if path.endswith("/__init__.py")} - {"tests"}
        wanted = {path for path in inside if path.split("/")[0] in package}
        wanted = {path for path in wanted if (ROOT / each / path).is_file() and not path.endswith("package-lock.json")}
        assert wanted - held == set(), each
        assert not any(name.startswith("tests/") for name in held), each


def test_what_is_composed_and_linked_is_in_the_wheel_of_core(wheels: Path) -> None:
    (wheel,) = wheels.glob("ombud-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    composed = {path.name for path in (ROOT / "core/ombud/web/static/built").iterdir() if path.is_file()}
    assert len(composed) > 2
    assert {f"ombud/web/static/built/{name}" for name in composed} <= held
    migrations = {path.name for path in (ROOT / "migrations").glob("*.py")}
    assert len(migrations) > 4
    assert {f"ombud/migrations/{name}" for name in migrations} <= held
    assert "ombud/desk/demo/data/narratives.json.gz" in held
    assert not any("node_modules" in name for name in held)


@pytest.mark.slow
@pytest.mark.browser
def test_the_main_job_is_done_on_a_desk_made_of_wheels_alone(
    installed: Path, make_desk: Callable[..., Any], chromium: Any, tmp_path: Path
) -> None:
    where = run(installed / "python", "-c", "import ombud; print(ombud.__file__)", folder=tmp_path)
    assert str(ROOT) not in where
    desk = make_desk("wheels", installed / "ombud")
    reference = journey(desk, chromium)
    listed = desk.command("plugin", "list").splitlines()
    assert {line.split()[0]: line.split()[1] for line in listed} == {
        each.removeprefix("plugins/"): "enabled" for each in DISTRIBUTIONS if each.startswith("plugins/")
    }
    desk.command("check")
    export = tmp_path / "desk.zip"
    desk.command("export", "all", "-o", str(export))
    other = make_desk("elsewhere", installed / "ombud")
    assert "Everything came in" in other.command("import", "desk", str(export))
    case = tmp_path / "case.jsonl"
    other.command("ledger", "export", "--case", reference, "-o", str(case))
    assert case.read_text().count('"kind":"aspect.decided"') == 3
