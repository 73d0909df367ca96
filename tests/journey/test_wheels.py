"""The wheels alone are enough: built here, installed into an empty environment, and the main job done there."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from main_steps import journey
from wheel_house import DISTRIBUTIONS, ROOT, name_of, run


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
