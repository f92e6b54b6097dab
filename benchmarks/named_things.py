"""Which things the vision encoder notices where people name them: `python -m benchmarks.named_things DATA ...`.

An encoder can say that a thing is nowhere in a video, but only of things that it would have noticed. Of photos with
captions or questions, prints each name that people use, how often it was noticed where they do and where nobody does,
by two measures:

- as a class of the encoder's, by name: those mostly missed are `HARDLY_NAMED` of `retrieval/ask/presence.py`;
- by the cosine of the name and the photo: with --output, those that are told well are written with the cosine that most
  photos of them reach; what the profile's `vision.things` names. --check tells how that does on other photos.

DATA is READER:PATH or READER:PATH@SPLIT: photos that the encoder did not learn from.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.commands.data import parse_data
from model.evaluation.pictures import Skipped, seen
from model.known_things import KnownThing, KnownThings, read_known_things, save_known_things
from model.loading import Models
from model.profile import choose_profile
from model.training.object_words import THINGS
from model.training.readers import read
from model.training.samples import Sample
from retrieval.ask.presence import SEEN_ELSEWHERE_ANSWERED, SEEN_ELSEWHERE_ASKED, SEEN_NOWHERE, is_called
from retrieval.store.fulltext import stem, words

AGREEING = 2  # captions that must name a thing, and annotators that must answer it, where there are several
PHOTOS = 8  # in which they do, at least
HARDLY = 0.5  # a class that is noticed in fewer of them is hardly named
MISSED = 0.15  # share of a thing's photos that its least cosine may leave out
LEFT_OUT = 0.3  # things that are seen in more of the photos where nobody names them are not written
_PRESUMES = ("what", "which", "who", "whose", "where", "how")  # such a question is asked of what is there


@dataclass(frozen=True)
class Photos:
    said: list[frozenset[str]]  # of each photo the stems of what people agree is there
    mentioned: list[frozenset[str]]  # and of all that anybody spoke of
    probabilities: np.ndarray  # float32 [N, classes]
    vectors: np.ndarray  # float32 [N, D]

    def where(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """bool [N] each: in which photos a thing is, and in which nobody speaks of it."""
        key = stem(name)
        return (
            np.array([key in said for said in self.said], bool),
            np.array([key not in mentioned for mentioned in self.mentioned], bool),
        )


@dataclass(frozen=True)
class Noticed:
    """How often a name was noticed, of the photos where people use it, and of those where nobody does."""

    name: str
    photos: int
    there: float
    elsewhere: float
    least: float = 0.0  # the cosine that counts as noticed


def look_at(models: Models, samples: Sequence[Sample]) -> Photos:
    said, mentioned, probabilities, vectors = [], [], [], []
    for sample, (still,) in seen(samples, 1, Skipped()):
        agreed, spoken_of = named_in(sample)
        features = models.vision.encode_frames(still.picture[None])
        said.append(agreed)
        mentioned.append(spoken_of)
        probabilities.append(features.probabilities[0].astype(np.float32))
        vectors.append(features.pooled[0])
    return Photos(said, mentioned, np.stack(probabilities), np.stack(vectors))


def named_in(sample: Sample) -> tuple[frozenset[str], frozenset[str]]:
    """Stems of what people agree is in a photo, and of all that they speak of."""
    counts = Counter(word for caption in sample.captions for word in _stems(caption))
    agreed = {word for word, count in counts.items() if count >= min(AGREEING, len(sample.captions))}
    spoken_of = set(counts)
    for asked in sample.questions:
        if asked.generated:
            continue
        answers = Counter(word for answer in asked.answers for word in _stems(answer))
        spoken_of |= _stems(asked.question) | set(answers)
        if asked.question.lower().startswith(_PRESUMES):
            agreed |= _stems(asked.question)
            agreed |= {word for word, count in answers.items() if 2 * count >= len(asked.answers)}
    return frozenset(agreed), frozenset(spoken_of)


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text.replace("_", " "))}


def by_class(concepts: Sequence[tuple[str, ...]], photos: Photos) -> list[Noticed]:
    """Names of classes, those noticed least first."""
    found = []
    for name in sorted({words(name)[-1] for names in concepts for name in names}):
        numbers = [number for number, names in enumerate(concepts) if is_called(names, name)]
        noticed = photos.probabilities[:, numbers].sum(1) >= SEEN_NOWHERE
        found += list(_noticed(name, photos, noticed))
    return sorted(found, key=lambda named: named.there)


def by_cosine(models: Models, photos: Photos, least: Mapping[str, float] | None = None) -> list[Noticed]:
    """Everyday things and names of classes, those told best first; without `least`, that is set to miss MISSED."""
    names = list(least) if least is not None else everyday_names(models.vision.concepts)
    cosines = photos.vectors @ models.vision.encode_text(names).T
    found = []
    for name, cosine in zip(names, cosines.T, strict=True):
        there, _ = photos.where(name)
        if there.sum() >= PHOTOS:
            cut = least[name] if least is not None else float(np.quantile(cosine[there], MISSED))
            found += list(_noticed(name, photos, cosine >= cut, cut))
    return sorted(found, key=lambda named: named.elsewhere)


def _noticed(name: str, photos: Photos, noticed: np.ndarray, least: float = 0.0) -> Iterator[Noticed]:
    there, nowhere = photos.where(name)
    if there.sum() >= PHOTOS and nowhere.any():
        yield Noticed(name, int(there.sum()), float(noticed[there].mean()), float(noticed[nowhere].mean()), least)


def everyday_names(concepts: Sequence[tuple[str, ...]]) -> list[str]:
    """Of each stem one name."""
    things = [word for thing in THINGS for word in (thing.name, *sorted(thing.one))]
    classes = sorted({words(name)[-1] for names in concepts for name in names})
    return list({stem(name): name for name in reversed([*things, *classes]) if name}.values())[::-1]


def known_among(encoder: str, found: Sequence[Noticed]) -> KnownThings:
    told = sorted((named for named in found if named.elsewhere <= LEFT_OUT), key=lambda named: named.name)
    things = [KnownThing(named.name, round(named.least, 4), round(named.elsewhere, 3)) for named in told]
    return KnownThings(encoder, MISSED, things)


def show(title: str, found: Sequence[Noticed]) -> None:
    print(f"\n{title}\n{'name':>16} {'photos':>6} {'noticed':>8} {'elsewhere':>9} {'cosine':>7}")
    for named in found:
        print(f"{named.name:>16} {named.photos:>6} {named.there:>8.2f} {named.elsewhere:>9.2f} {named.least:>7.3f}")


def show_check(found: Sequence[Noticed], known: KnownThings) -> None:
    """For those that may deny a question and those that may deny an answer, what all of them do together."""
    elsewhere = {thing.name: thing.elsewhere for thing in known.things}
    for what, most in (("questions", SEEN_ELSEWHERE_ASKED), ("answers", SEEN_ELSEWHERE_ANSWERED)):
        used = [named for named in found if elsewhere[named.name] <= most]
        photos = sum(named.photos for named in used)
        missed = sum((1 - named.there) * named.photos for named in used) / max(photos, 1)
        others = float(np.mean([named.elsewhere for named in used])) if used else 0.0
        print(
            f"\n{len(used)} for {what}: missed in {missed:.3f} of {photos} photos, seen in {others:.3f} of the others"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="DATA", help="READER:PATH[@SPLIT] of photos")
    parser.add_argument("--split", default="val", help="where DATA names none (default: %(default)s)")
    parser.add_argument("--profile", default="embedded")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the things that are told well")
    parser.add_argument("--check", type=Path, metavar="FILE", help="how the things of FILE are told in these photos")
    arguments = parser.parse_args()
    samples: list[Sample] = []
    for named in arguments.data:
        reader, path = parse_data(named.rpartition("@")[0] or named)
        samples += read(reader, path, named.rpartition("@")[2] if "@" in named else arguments.split)
    models = Models(choose_profile(arguments.profile)[0])
    photos = look_at(models, samples)
    if arguments.check:
        known = read_known_things(arguments.check)
        found = by_cosine(models, photos, {thing.name: thing.least for thing in known.things})
        show(f"things of {arguments.check}", found)
        show_check(found, known)
        return
    classes, things = by_class(models.vision.concepts, photos), by_cosine(models, photos)
    show("as classes", classes)
    print("\nhardly named:", " ".join(sorted(named.name for named in classes if named.there < HARDLY)))
    show("by cosine", things)
    known = known_among(models.vision.name, things)
    print("\ntold well:", " ".join(thing.name for thing in known.things))
    if arguments.output:
        save_known_things(arguments.output, known)


if __name__ == "__main__":
    main()
