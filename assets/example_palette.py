"""The colours that all scenes of the example video share."""

from __future__ import annotations

INK, NIGHT = "#22304a", "#0d1730"
CREAM, PEACH, SUN, CORAL = "#fdf3e0", "#f9cfa5", "#f7b84f", "#e2574c"
SEA, TEAL, LEAF, PINE = "#3d7ea6", "#2f8f8b", "#7fa860", "#3f6b52"
BLUE, WOOD, BARK, STONE, SNOW = "#2f6fd6", "#b07a4b", "#7a4e2d", "#b9b2a6", "#ffffff"


def mix(first: str, second: str, share: float) -> str:
    """The colour `share` of the way from the first to the second, both `#rrggbb`."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
