"""What axe finds on a page: barriers for those who see little, hear little, or use keys alone.

The page finds and tells the barriers alone: all that axe looked at, sent over to the test, took three times as long as
the look itself. Contrast takes as long as all other rules together, and hundreds of pages share a few hundred looks; so
`contrast` looks at each of them once. What is only measured is painted small (`sized`).
"""

from pathlib import Path
from typing import Any

from ombud.web import assets

SOURCE = assets.MODULES / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What depends on colours, lines and sizes, beside contrast; the other rules read what a page is made of.
OF_LOOKS = ["target-size", "link-in-text-block", "scrollable-region-focusable"]
_RUN = """
async ([rules, without, chosen]) => {
    const options = {runOnly: rules, resultTypes: ["violations"], selectors: false, preload: {assets: ["media"]}};
    options.rules = Object.fromEntries(without.map(rule => [rule, {enabled: false}]));
    const where = chosen === null ? document : {include: chosen.map(place => window.seenTexts[place])};
    const found = await axe.run(where, options);
    return found.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}
"""
# For each text a number that tells how it looks: its own colour, size and weight, and every ground it stands on, down
# to the first that lets nothing through. What lies elsewhere than its parent may stand on something else.
_LOOKS = """
() => {
    const known = new Map();
    const numbered = text => {
        let high = 0xdeadbeef, low = 0x41c6ce57;
        for (let place = 0; place < text.length; place++) {
            const sign = text.charCodeAt(place);
            high = Math.imul(high ^ sign, 2654435761);
            low = Math.imul(low ^ sign, 1597334677);
        }
        return 4294967296 * (2097151 & low) + (high >>> 0);
    };
    const read = element => {
        const above = element.parentElement ? surroundings(element.parentElement) : {ground: "", veil: ""};
        const style = getComputedStyle(element), color = style.backgroundColor;
        const full = style.backgroundImage === "none" && /^rgb[(]/.test(color);
        const placed = ["static", "relative"].includes(style.position) && style.transform === "none" &&
            style.float === "none" ? "" : style.position + style.float;
        const own = color === "rgba(0, 0, 0, 0)" && style.backgroundImage === "none" ? placed :
            [placed, color, style.backgroundImage].join(",");
        const veil = [style.opacity === "1" ? "" : style.opacity, style.filter, style.mixBlendMode, style.clip,
            style.clipPath, element.matches(":disabled, [aria-disabled=true]")].join(",");
        return {style, ground: full ? own : own ? `${above.ground};${own}` : above.ground,
            veil: veil === ",none,normal,auto,none,false" ? above.veil : `${above.veil};${veil}`};
    };
    const surroundings = element => {
        if (!known.has(element)) known.set(element, read(element));
        return known.get(element);
    };
    const words = element => element.matches("input, select, textarea") ? "form" :
        [...element.childNodes].map(each => each.nodeType === 3 ? each.data : "").join("").trim();
    const look = element => {
        const {style, ground, veil} = surroundings(element);
        const idle = element.matches("label") && element.control !== null && element.control.matches(":disabled");
        return numbered([ground, veil, style.color, style.fontSize, style.fontWeight, style.textShadow,
            style.webkitTextFillColor, words(element).length > 1, idle].join("|"));
    };
    window.seenTexts = [...document.body.querySelectorAll("*")].filter(each =>
        words(each) && each.checkVisibility({visibilityProperty: true, contentVisibilityAuto: true}));
    return window.seenTexts.map(look);
}
"""

Barriers = list[tuple[str, list[str]]]


# Puts a page as it stands into another theme, at once; themes bring a sheet and draw nothing (test_look.py shows it).
_WEAR = """
text => {
    for (const sheet of document.querySelectorAll('link[href^="/themes/"]')) sheet.disabled = true;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets = [sheet];
}
"""


def wear(page: Any, sheet: Path) -> None:
    page.evaluate(_WEAR, sheet.read_text("utf-8"))


def sized(page: Any, width: int, height: int) -> None:
    """Gives a page that is measured, and that nobody looks at, another size. It is laid out as ever and painted at a
    twentieth of its size: without a graphics card painting takes as long as half of the rules."""
    if not hasattr(page, "painter"):
        page.painter = page.context.new_cdp_session(page)
    given = {"width": width, "height": height, "screenWidth": width, "screenHeight": height}
    page.painter.send(
        "Emulation.setDeviceMetricsOverride", {**given, "deviceScaleFactor": 1, "mobile": False, "scale": 0.05}
    )
    laid = page.evaluate("[innerWidth, innerHeight, devicePixelRatio]")
    assert laid == [width, height, 1], laid


def ready(page: Any) -> None:
    """Axe is there in whatever this page opens from now on, but in no frame: sent over once, where a script of half a
    megabyte in each of hundreds of pages would go through three processes."""
    page.add_init_script(script=f"if (window === window.top) {{ {SOURCE.read_text('utf-8')} }}")


def barriers(page: Any, rules: list[str], *, without: tuple[str, ...] = ()) -> Barriers:
    """(rule, the first elements that break it), for each rule that is broken; `rules` are names of rules or tags."""
    return _run(page, rules, without, None)


def contrast(page: Any, seen: set[tuple[str, int]], rule: str = "color-contrast") -> Barriers:
    """What is wrong with the contrast of texts whose look is not among those `seen`, to which they are added: two texts
    with the same colour, size and weight on the same grounds have the same contrast."""
    fresh: dict[int, int] = {}
    for place, look in enumerate(page.evaluate(_LOOKS)):
        if (rule, look) not in seen:
            fresh.setdefault(look, place)
    seen.update((rule, look) for look in fresh)
    return _run(page, [rule], (), list(fresh.values())) if fresh else []


def whole(page: Any, rules: list[str], seen: set[tuple[str, int]], *, without: tuple[str, ...] = ()) -> Barriers:
    """As `barriers`, the contrast of all texts among them, whose looks are then among those `seen`: to go through a
    page once for both is less than to do it twice."""
    seen.update(("color-contrast", look) for look in page.evaluate(_LOOKS))
    return _run(page, rules, without, None)


def _run(page: Any, rules: list[str], without: tuple[str, ...], chosen: list[int] | None) -> Barriers:
    return [(rule, elements) for rule, elements in page.evaluate(_RUN, [rules, list(without), chosen])]
