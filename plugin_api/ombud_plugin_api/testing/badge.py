"""The badge with the tier a plugin reached: for shields (JSON) or as a picture (SVG)."""

import json
from pathlib import Path

COLOURS = {"exemplary": "#1b6e4b", "sound": "#2c5a8c", "basic": "#6a6a2f", "": "#8c2c2c"}
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {told}">
  <title>{label}: {told}</title>
  <rect width="{left}" height="20" rx="3" fill="#444"/>
  <rect x="{left}" width="{right}" height="20" rx="3" fill="{colour}"/>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
    <text x="{left_middle}" y="14">{label}</text>
    <text x="{right_middle}" y="14">{told}</text>
  </g>
</svg>
"""
LABEL = "ombud plugin"


def write_badge(path: Path, tier: str) -> None:
    """As SVG where the name ends so, else as JSON in shields' endpoint format; `tier` is empty below basic."""
    path.write_text(svg(tier) if path.suffix == ".svg" else shields(tier), encoding="utf-8")


def shields(tier: str) -> str:
    told = {"schemaVersion": 1, "label": LABEL, "message": tier or "below basic", "color": COLOURS[tier]}
    return json.dumps(told, indent=2) + "\n"


def svg(tier: str) -> str:
    told = tier or "below basic"
    left, right = 7 * len(LABEL) + 12, 7 * len(told) + 12
    return _SVG.format(
        label=LABEL, told=told, left=left, right=right, width=left + right, left_middle=left // 2,
        right_middle=left + right // 2, colour=COLOURS[tier],
    )  # fmt: skip


__all__ = ["shields", "svg", "write_badge"]
