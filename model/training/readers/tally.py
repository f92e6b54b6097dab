"""What became of a data set's rows: how many samples were read, and what was left out for which reason.

A broken row never stops a reader: it is counted here, with the first of its kind as an example.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from model.training.samples import Sample

_EXAMPLE_CHARS = 80  # of a place or a name in a message: rows can be broken in long ways


@dataclass
class Tally:
    """Callers hand one in to see it afterwards, or to add up several data sets."""

    read: int = 0  # samples
    captions: int = 0
    questions: int = 0
    moments: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # rows and records, by reason
    first: dict[str, str] = field(default_factory=dict)  # where each reason was met first
    other_splits: set[str] = field(default_factory=set)  # met, but not asked for

    def skip(self, reason: str, where: object) -> None:
        self.skipped[reason] += 1
        self.first.setdefault(reason, str(where)[:_EXAMPLE_CHARS])

    def count(self, sample: Sample) -> None:
        self.read += 1
        self.captions += len(sample.captions)
        self.questions += len(sample.questions)
        self.moments += len(sample.moments)

    @property
    def losses(self) -> str:
        """'3 missing file (first: a.jpg), 1 empty caption (first: captions.tsv line 7)', the most frequent first."""
        return ", ".join(f"{n:,} {reason} (first: {self.first[reason]})" for reason, n in self.skipped.most_common())

    def __str__(self) -> str:
        parts = {"captions": self.captions, "questions": self.questions, "moments": self.moments}
        held = ", ".join(f"{n:,} {name}" for name, n in parts.items() if n)
        text = f"{self.read:,} samples" + (f" with {held}" if held else "")
        return f"{text}; {self.skipped.total():,} rows skipped: {self.losses}" if self.skipped else text
