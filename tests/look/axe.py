"""What axe finds on a page: barriers for those who see little, hear little, or use keys alone.

The page finds and tells the barriers alone: all that axe looked at, sent over to the test, took three times as long as
the look itself.
"""

from typing import Any

from ombud.web import assets

SOURCE = assets.MODULES / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """
async rules => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"], selectors: false});
    return found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}
"""


def barriers(page: Any, rules: list[str]) -> list[tuple[str, list[str]]]:
    """(rule, the first elements that break it), for each rule that is broken; `rules` are names of rules or tags."""
    return [(rule, elements) for rule, elements in page.evaluate(_RUN, rules)]
