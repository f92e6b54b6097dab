"""Rows that belong to one picture or stretch of video, gathered into one Sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from model.training.samples import Answered, Sample


@dataclass
class _Rows:
    name: str
    captions: list[str] = field(default_factory=list)
    questions: list[Answered] = field(default_factory=list)
    label: str = ""


class Gathering:
    """Samples in the order in which their files were first met; rows of one file need not stand together."""

    def __init__(self, split: str) -> None:
        self._split = split
        self._rows: dict[tuple[Path, float, float | None], _Rows] = {}

    def add(
        self,
        file: Path,
        name: str,
        *,
        caption: str = "",
        question: Answered | None = None,
        label: str = "",
        start: float = 0.0,
        end: float | None = None,
    ) -> None:
        """name: unique for the file in its data set; the first of several counts. Times in seconds."""
        rows = self._rows.setdefault((file, start, end), _Rows(name))
        if caption:
            rows.captions.append(caption)
        if question:
            rows.questions.append(question)
        rows.label = rows.label or label

    def samples(self) -> Iterator[Sample]:
        for (file, start, end), rows in self._rows.items():
            stretch = "" if end is None and start == 0 else f"@{start:g}-{'end' if end is None else f'{end:g}'}"
            yield Sample(
                id=rows.name + stretch,
                file=file,
                split=self._split,
                start=start,
                end=end,
                captions=tuple(rows.captions),
                questions=tuple(rows.questions),
                label=rows.label,
            )
