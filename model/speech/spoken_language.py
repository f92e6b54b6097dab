"""Which language is spoken when: from what each stretch of speech sounds like, and from what is spoken around it.

A long stretch speaks for itself. One of a second or two is often mistaken, so it leans on the nearest ones that are
sure; and a change of language must be plainer than that it stays. Where all this leaves doubt, the answer is that the
language cannot be told. Knows nothing of networks: it is given the probability of each language in each stretch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SURE = 0.5  # likelihood below which the language cannot be told; fitted: see benchmarks/hearing.py
LONG_S = 2.0  # from here on a stretch speaks for itself, its margins of a third of a second included
CHANGE = 0.3  # weight of "another language than before" beside "the same"
HINT = 3.0  # what the file says of its language weighs so much: enough to decide a doubt, too little to win a lie
# Kinds of one language that are told apart by how they are written more than by how they sound: they stand together.
_KINDS = (("no", "nn"), ("hr", "bs", "sr"), ("hi", "ur"), ("id", "ms"))

Shares = Mapping[str, float]  # the probability of each language


@dataclass(frozen=True)
class Verdict:
    """What is spoken in a stretch: ISO 639-1, or None where it cannot be told; `likelihood` of the likeliest."""

    language: str | None
    likelihood: float


def tell_languages(
    rated: Sequence[tuple[float, Shares]], before: Verdict | None = None, hint: str | None = None
) -> list[Verdict]:
    """A verdict for each stretch, in order of time.

    rated: seconds of each stretch, and the shares of the languages in it. before: the last sure verdict before them.
    hint: the language that the file says it has.
    """
    seen = [_hinted(_joined(shares), hint) for _, shares in rated]
    weights = [min(1.0, seconds / LONG_S) for seconds, _ in rated]
    anchors = [
        shares if weight == 1.0 and max(shares.values(), default=0.0) >= SURE else None
        for weight, shares in zip(weights, seen, strict=True)
    ]
    first = {before.language: before.likelihood} if before and before.language else None
    verdicts = []
    for number, (weight, shares) in enumerate(zip(weights, seen, strict=True)):
        left = next((anchor for anchor in reversed(anchors[:number]) if anchor), first)
        right = next((anchor for anchor in anchors[number + 1 :] if anchor), None)
        verdicts.append(_verdict(shares, weight, [side for side in (left, right) if side]))
    return verdicts


def _verdict(shares: Shares, weight: float, sides: list[Shares]) -> Verdict:
    around = {code: sum(side.get(code, 0.0) for side in sides) / len(sides) for code in shares} if sides else {}
    own = _normalised({code: share * (around.get(code, 0.0) + CHANGE) for code, share in shares.items()})
    both = {code: weight * share + (1 - weight) * around.get(code, 0.0) for code, share in own.items()}
    if not both:
        return Verdict(None, 0.0)
    language = max(both, key=lambda code: both[code])
    return Verdict(language if both[language] >= SURE else None, round(both[language], 4))


def _joined(shares: Shares) -> dict[str, float]:
    """With the shares of kinds of one language given to the likeliest of them."""
    joined = dict(shares)
    for kinds in _KINDS:
        here = {code: joined.pop(code) for code in kinds if code in joined}
        if here:
            joined[max(here, key=lambda code: here[code])] = sum(here.values())
    return joined


def _hinted(shares: dict[str, float], hint: str | None) -> dict[str, float]:
    if hint not in shares:
        return shares
    return _normalised({code: share * (HINT if code == hint else 1.0) for code, share in shares.items()})


def _normalised(shares: Shares) -> dict[str, float]:
    whole = sum(shares.values())
    return {code: share / whole for code, share in shares.items()} if whole else dict(shares)
