"""What was written for an earlier state of the API goes on to work: the frozen plugins' own contracts keep passing."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import ombud_plugin_api
from ombud.stage.wheels import unpack
from ombud_plugin_api import read_manifest

HERE = Path(__file__).parent
VERSIONS = sorted(HERE.glob("api_*"))
PLUGINS = sorted(path.parent for path in HERE.glob("api_*/*/pyproject.toml"))
FROZEN = "frozen files are not edited; what a new version of the API needs goes into a folder of its own"


def frozen_files(version: Path) -> dict[str, str]:
    found = (path for path in version.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {
        path.relative_to(version).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
        if path.name != "SHA256SUMS"
    }


def test_there_is_a_plugin_for_the_version_of_the_api_that_is_here() -> None:
    major, minor, _ = ombud_plugin_api.API_VERSION.split(".")
    assert f"api_{major}_{minor}" in {path.name for path in VERSIONS}, "freeze a plugin of this version: see README.md"


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_nobody_edited_a_frozen_plugin(version: Path) -> None:
    lines = (version / "SHA256SUMS").read_text().splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert frozen_files(version) == noted, FROZEN


@pytest.mark.slow
@pytest.mark.parametrize("project", PLUGINS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_its_own_contract_keeps_passing(project: Path, tmp_path: Path) -> None:
    (manifest,) = (read_manifest(path) for path in project.glob("*/plugin.toml"))
    if not SpecifierSet(manifest.api).contains(ombud_plugin_api.API_VERSION, prereleases=True):
        pytest.skip(f"{manifest.slug} was promised {manifest.api}; the API is {ombud_plugin_api.API_VERSION}")
    home = unpack(_wheel(project, tmp_path), tmp_path)
    shutil.copytree(project / "tests", tmp_path / "tests")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:faker",
         "--rootdir", str(tmp_path), "-c", os.devnull,
         "-W", "error::ombud_plugin_api.deprecation.OmbudDeprecation", str(tmp_path / "tests")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(home)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def _wheel(project: Path, into: Path) -> Path:
    subprocess.run(
        [Path(sys.prefix) / "bin" / "uv", "build", "--quiet", "--offline", "--wheel", "--no-build-isolation",
         "--python", sys.executable, "-o", into, project],
        check=True, timeout=120,
    )  # fmt: skip
    (wheel,) = into.glob("*.whl")
    return wheel
