"""How near captions are to those that people wrote: BLEU-4, ROUGE-L, CIDEr-D.

The definitions are those of the COCO evaluation server (Chen et al., arXiv:1504.00325). Its Java tokenizer is stood in
for by a few lines, which moves the figures by little: compare with published ones in the first two digits only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

ORDERS = 4  # n-grams of 1 to 4 words
_ROUGE_BETA = 1.2  # weighs recall over precision: the COCO server's choice
_CIDER_SIGMA = 6.0  # words of difference in length that are forgiven: CIDEr-D, section 6.1
_CIDER_SCALE = 10.0

# Penn Treebank's way with contractions ("do n't", "dog 's"); hyphens stay inside words; other punctuation goes.
_WORD = re.compile(r"n't\b|'(?:s|re|ve|ll|d|m)\b|\w+?(?=n't\b)|\w+(?:-\w+)*")

Ngram = tuple[str, ...]


def tokenise(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return _WORD.findall(text.lower().replace("’", "'").replace("_", " "))


def bleu_counts(candidate: str, references: Sequence[str]) -> np.ndarray:
    """int [10]: what BLEU-4 needs of one picture. Sums over pictures make `bleu` of the corpus.

    Matches of n-grams of 1 to 4 words, then n-grams proposed, then the lengths of candidate and nearest reference.
    """
    words, others = tokenise(candidate), [tokenise(reference) for reference in references]
    matches, proposed = [], []
    for order in range(1, ORDERS + 1):
        most: Counter[Ngram] = Counter()
        for other in others:
            most |= _ngrams(other, order)
        mine = _ngrams(words, order)
        matches.append((mine & most).total())
        proposed.append(mine.total())
    nearest = min((len(other) for other in others), key=lambda length: (abs(length - len(words)), length))
    return np.array([*matches, *proposed, len(words), nearest])


def bleu(counts: np.ndarray) -> float:
    """BLEU-4 of a corpus, 0 to 1, from its summed counts. Papineni et al., ACL 2002: geometric mean, brevity penalty.

    Not smoothed: a corpus without a single match of four words scores 0.
    """
    matches, proposed = counts[:ORDERS].astype(float), counts[ORDERS : 2 * ORDERS].astype(float)
    length, reference = counts[-2:].astype(float)
    if not matches.all():
        return 0.0
    penalty = min(0.0, 1 - reference / length)
    return float(np.exp(np.log(matches / proposed).mean() + penalty))


def rouge_l(candidate: str, references: Sequence[str]) -> float:
    """0 to 1: F-measure of the longest common subsequence. Lin, "ROUGE" (ACL workshop 2004), section 3.

    As on the COCO server, the best precision and the best recall over the references go into it.
    """
    words = tokenise(candidate)
    common = [(_common(words, other), len(other)) for other in map(tokenise, references)]
    precision = max((length / len(words) for length, _ in common), default=0.0) if words else 0.0
    recall = max((length / n for length, n in common if n), default=0.0)
    if not precision or not recall:
        return 0.0
    return (1 + _ROUGE_BETA**2) * precision * recall / (recall + _ROUGE_BETA**2 * precision)


def cider_d(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """float [N]: CIDEr-D of each picture, 0 to 10; their mean is the corpus's. Vedantam et al., arXiv:1411.5726.

    How rare an n-gram is follows from the references given here, so that figures of different sets (or of a part of a
    set) cannot be compared with one another.
    """
    written = [[tokenise(text) for text in texts] for texts in references]
    pictures_with: Counter[Ngram] = Counter()
    for texts in written:
        pictures_with.update({gram for words in texts for n in range(1, ORDERS + 1) for gram in _ngrams(words, n)})
    weigh = _Rarity(pictures_with, len(written))
    return np.array([_cider_of(tokenise(mine), texts, weigh) for mine, texts in zip(candidates, written, strict=True)])


class _Rarity:
    """Turns words into one vector of weighted counts for each length of n-gram."""

    def __init__(self, pictures_with: Counter[Ngram], pictures: int) -> None:
        self._pictures_with, self._log_pictures = pictures_with, np.log(max(pictures, 1))

    def __call__(self, words: Sequence[str]) -> list[dict[Ngram, float]]:
        return [
            {
                gram: count * (self._log_pictures - np.log(max(1, self._pictures_with[gram])))
                for gram, count in _ngrams(words, order).items()
            }
            for order in range(1, ORDERS + 1)
        ]


def _cider_of(words: Sequence[str], references: Sequence[Sequence[str]], weigh: _Rarity) -> float:
    mine = weigh(words)
    scores = []
    for other in references:
        near = np.mean([_clipped_cosine(a, b) for a, b in zip(mine, weigh(other), strict=True)])
        scores.append(near * np.exp(-((len(words) - len(other)) ** 2) / (2 * _CIDER_SIGMA**2)))
    return float(_CIDER_SCALE * np.mean(scores))


def _clipped_cosine(mine: dict[Ngram, float], other: dict[Ngram, float]) -> float:
    """Cosine, but saying a word more often than the reference does not pay."""
    norms = np.sqrt(sum(v * v for v in mine.values()) * sum(v * v for v in other.values()))
    shared = sum(min(weight, other[gram]) * other[gram] for gram, weight in mine.items() if gram in other)
    return float(shared / norms) if norms else 0.0


def _ngrams(words: Sequence[str], order: int) -> Counter[Ngram]:
    return Counter(zip(*(words[i:] for i in range(order)), strict=False))


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        above, row = row, [0]
        for i, other in enumerate(b):
            row.append(above[i] + 1 if word == other else max(above[i + 1], row[i]))
    return row[-1]
