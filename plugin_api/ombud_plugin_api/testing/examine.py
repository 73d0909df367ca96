"""Runs the checks that concern a plugin and says how each ended and which tier the plugin reached."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ombud_plugin_api.testing.checks import TIERS, Broken, Check, Contract, NotTried
from ombud_plugin_api.testing.contract import PluginContract
from ombud_plugin_api.testing.quality import EXEMPT, QualityError, Word, read_quality
from ombud_plugin_api.testing.registry import all_checks, chosen
from ombud_plugin_api.testing.stage import Stage
from ombud_plugin_api.testing.subject import Subject

KEPT, BROKEN, EXEMPTED, UNTRIED = "kept", "broken", "exempt", "not tried"


@dataclass(frozen=True)
class Result:
    """How one check ended: kept, broken, exempt or not tried. `told`: what was found, or the reason."""

    check: Check
    outcome: str
    told: str = ""

    @property
    def remedy(self) -> str:
        return self.check.remedy if self.outcome == BROKEN else ""


def run_check(check: Check, contract: type[Contract], plugin: Subject, stage: Stage, own: PluginContract) -> Result:
    """One check on the stage; whatever the plugin raises is its own failure, not the kit's."""
    try:
        stage.run(_tried(check, contract(plugin, stage, own)), own.patience)
    except Broken as broken:
        return Result(check, BROKEN, str(broken))
    except NotTried as reason:
        return Result(check, UNTRIED, str(reason))
    except Exception as problem:
        return Result(check, BROKEN, f"{type(problem).__name__}: {problem}"[:600])
    return Result(check, KEPT)


async def _tried(check: Check, contract: Contract) -> None:
    await check.run(contract)


def examine(
    plugin: Subject,
    stage: Stage,
    own: PluginContract,
    up_to: str = TIERS[-1],
    tell: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """All of them up to a tier, one after another on one desk; raises QualityError for a quality.toml that may not be
    so."""
    words = words_of(plugin)
    results = []
    for check, contract in chosen(plugin).values():
        if TIERS.index(check.tier) > TIERS.index(up_to):
            continue
        word = words.get(check.id)
        if word is not None and word.state == EXEMPT:
            result = Result(check, EXEMPTED, word.reason)
        else:
            result = run_check(check, contract, plugin, stage, own)
        tell(result)
        results.append(result)
    return results


def words_of(plugin: Subject) -> dict[str, Word]:
    return read_quality(plugin, all_checks())


def tier_reached(results: Iterable[Result]) -> str:
    """The highest tier of which, and of all below, nothing is broken; empty below basic."""
    tried, reached = list(results), ""
    for tier in TIERS:
        own = [each for each in tried if each.check.tier == tier]
        if not own or any(each.outcome == BROKEN for each in own):
            break
        reached = tier
    return reached


__all__ = [
    "BROKEN", "EXEMPTED", "KEPT", "UNTRIED", "QualityError", "Result", "examine", "run_check", "tier_reached",
    "words_of",
]  # fmt: skip
