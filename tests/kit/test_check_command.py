"""`ombud plugin check`: what it is given, and what it leaves alone. The tutorial's test tries the rest."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ombud.cli import main
from ombud.stage import command, theatre, wheels
from ombud_plugin_api.testing import PluginContract, Subject, subject_of
from ombud_plugin_api.testing.examine import BROKEN, run_check
from ombud_plugin_api.testing.registry import all_checks


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("no-such-plugin", "there is no plugin no-such-plugin installed here; there are: ccpa, cfpb, crm-csv, "),
        ("{folder}", "holds no pyproject.toml"),
        ("{folder}/bare/", 'has no [project.entry-points."ombud.plugins"]'),
        ("{folder}/torn.whl", "cannot be read as a wheel"),
        ("{folder}/other-1.0-py3-none-any.whl", "no entry point of the group ombud.plugins"),
        ("{folder}/evil-1.0-py3-none-any.whl", "holds a file outside itself"),
        ("{folder}/needy-1.0-py3-none-any.whl", "is not the plugin API of this desk"),
    ],
)
def test_what_is_no_plugin_is_refused_with_what_is_missing(named: str, words: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "pyproject.toml").write_text('[project]\nname = "bare"\nversion = "1"\n')
    (tmp_path / "torn.whl").write_text("not a wheel")
    wheel(tmp_path / "other-1.0-py3-none-any.whl", {"other-1.0.dist-info/METADATA": "Name: other\nVersion: 1.0\n"})
    wheel(tmp_path / "evil-1.0-py3-none-any.whl", {"../../evil.py": "bad = True"})
    needs = "Metadata-Version: 2.1\nName: needy\nVersion: 1.0\nRequires-Dist: ombud-plugin-api>=7\n"
    points = "[ombud.plugins]\nneedy = ombud_needy.plugin\n"
    wheel(
        tmp_path / "needy-1.0-py3-none-any.whl",
        {"needy-1.0.dist-info/METADATA": needs, "needy-1.0.dist-info/entry_points.txt": points},
    )
    before = list(sys.path)
    assert command.main([named.replace("{folder}", str(tmp_path))]) == 2
    assert words in capsys.readouterr().err
    assert sys.path == before


def test_without_the_kit_s_libraries_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    from ombud.commands import kit

    monkeypatch.setattr(kit, "find_spec", lambda name: None)
    assert main(["plugin", "check", "webform"]) == 2
    assert "pip install 'ombud-plugin-api[testing]'" in capsys.readouterr().err


def test_a_new_plugin_is_not_written_over_another(tmp_path: Path, capsys: Any) -> None:
    assert main(["plugin", "new", "post-box", "--kind", "slots", "--into", str(tmp_path)]) == 0
    assert "ombud plugin check post-box" in capsys.readouterr().out
    assert main(["plugin", "new", "post-box", "--kind", "slots", "--into", str(tmp_path)]) == 2
    assert "is there already; nothing was written" in capsys.readouterr().err


def test_what_an_index_would_not_take_is_told(written: Callable[..., Subject]) -> None:
    """A checkout's metadata as they are before the build: without what pyproject.toml tells the builder."""
    told = wheels.unpublishable(written("bare-box", "slots").slug)
    assert [line.split(";")[0] for line in told] == [
        "it has no summary", "it has no readme", "it has no license", "it has no requires-python",
    ]  # fmt: skip
    changed = ("pyproject.toml", "ombud-plugin-api>=0.9,<0.10", "ombud-plugin-api>=0.9")
    told = wheels.unpublishable(written("open-box", "slots", (changed,)).slug)
    assert told[0] == 'it does not require ombud-plugin-api with an upper end; write "ombud-plugin-api>=0.9,<0.10"'


def test_a_plugin_s_own_contract_is_found_in_its_tests_or_its_package(written: Callable[..., Subject]) -> None:
    assert command.contract_of(subject_of("webform")).jobs == {"sweep": {}}
    plugin = written("post-box", "jobs")
    assert command.contract_of(plugin).jobs == {"count": {"key": "first"}}
    text = (
        "from ombud_plugin_api.testing import PluginContract\n\n\n"
        "class Own(PluginContract):\n    slug = 'post-box'\n    patience = 7.0\n"
    )
    (plugin.folder / "contract.py").write_text(text)
    assert command.contract_of(plugin).patience == 7.0


class TestCodeThatNeverEnds:
    def test_it_is_broken_into_and_the_checks_go_on(
        self, written: Callable[..., Subject], ombud_stage: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(theatre, "SILENCE", 1.5)
        loop = ("PACKAGE/pages.py", "    return await", "    while True:\n        pass\n    return await")
        plugin = written("endless", "settings", (loop,))
        stage, own = ombud_stage.for_plugin(plugin), type("Own", (PluginContract,), {"slug": "endless"})()
        check, contract = all_checks()["basic-22"]
        result = run_check(check, contract, plugin, stage, own)
        assert result.outcome == BROKEN
        assert "held the whole process up" in result.told
        check, contract = all_checks()["basic-23"]
        assert run_check(check, contract, plugin, stage, own).outcome == "kept"


def test_the_kit_is_there_without_core_and_without_pytest() -> None:
    code = (
        "import sys\n"
        "class Away:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'ombud', 'pytest', '_pytest'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Away())\n"
        "from ombud_plugin_api.testing.registry import all_checks\n"
        "print(len(all_checks()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) == len(all_checks())
