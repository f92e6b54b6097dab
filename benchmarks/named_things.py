"""Which things the vision encoder misses where people name them: `python -m benchmarks.named_things tsv:data/flickr8k`.

An encoder that knows a thing by name can say that it is nowhere in a video; but only of things that it would have
noticed. Of captioned photos, prints each name that several people use, how often it was noticed where they do and
where nobody does, and at last the names that are mostly missed: `HARDLY_NAMED` of `retrieval/presence.py`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.commands.data import parse_data
from model.evaluation.pictures import Skipped, seen
from model.loading import Models
from model.profile import choose_profile
from model.training.readers import read
from model.training.samples import Sample
from retrieval.presence import SEEN_NOWHERE, is_called
from retrieval.words import stem, words

AGREEING = 2  # captions that must name a thing
PHOTOS = 8  # in which they do, at least
MISSED = 0.5  # a name that is noticed in fewer of them is hardly named


@dataclass(frozen=True)
class Named:
    """How often a name was noticed, of the photos where people use it, and of those where nobody does."""

    name: str
    photos: int
    noticed: float
    noticed_elsewhere: float


def measure(models: Models, samples: Sequence[Sample]) -> list[Named]:
    kept, rows = [], []
    for sample, (still,) in seen(samples, 1, Skipped()):
        kept.append(Counter(word for caption in sample.captions for word in {stem(w) for w in words(caption)}))
        rows.append(models.vision.encode_frames(still.picture[None]).probabilities[0].astype(np.float32))
    return sorted(_named(models.vision.concepts, kept, np.stack(rows)), key=lambda named: named.noticed)


def _named(
    concepts: Sequence[tuple[str, ...]], said: Sequence[Counter[str]], probabilities: np.ndarray
) -> Iterator[Named]:
    for name in sorted({words(name)[-1] for names in concepts for name in names}):
        there = np.array([count[stem(name)] >= AGREEING for count in said])
        nowhere = np.array([count[stem(name)] == 0 for count in said])
        if there.sum() >= PHOTOS:
            numbers = [number for number, names in enumerate(concepts) if is_called(names, name)]
            noticed = probabilities[:, numbers].sum(1) >= SEEN_NOWHERE
            yield Named(name, int(there.sum()), float(noticed[there].mean()), float(noticed[nowhere].mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="READER:PATH of captioned photos")
    parser.add_argument("--split", default="train")
    parser.add_argument("--profile", default="embedded")
    arguments = parser.parse_args()
    reader, path = parse_data(arguments.data)
    models = Models(choose_profile(arguments.profile)[0])
    found = measure(models, [sample for sample in read(reader, path, arguments.split) if sample.captions])
    print(f"{'name':>16} {'photos':>6} {'noticed':>8} {'elsewhere':>9}")
    for named in found:
        print(f"{named.name:>16} {named.photos:>6} {named.noticed:>8.2f} {named.noticed_elsewhere:>9.2f}")
    print("\nhardly named:", " ".join(sorted(named.name for named in found if named.noticed < MISSED)))


if __name__ == "__main__":
    main()
