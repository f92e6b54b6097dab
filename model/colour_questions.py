"""Which questions ask for a colour: their head is loaded for no others."""

from __future__ import annotations

import re

_ASKS_FOR_A_COLOUR = re.compile(r"\b(?:what|which)\b.*\bcolou?rs?\b", re.IGNORECASE)


def asks_for_a_colour(question: str) -> bool:
    """Whether an English question wants a colour for an answer."""
    return bool(_ASKS_FOR_A_COLOUR.search(question))
