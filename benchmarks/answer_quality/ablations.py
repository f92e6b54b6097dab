"""The same questions with a part of the program left out, to see what each part is worth.

Parts are left out from outside: rows deleted from a copy of the index, objects wrapped. One has no such handle, the
check of sentences: its functions are replaced where answers look them up, for as long as the run lasts.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from app.engine import Engine
from app.settings import Settings
from benchmarks.answer_quality.judging import Verdict
from benchmarks.answer_quality.running import TOP, Film, ask_everything, say, search_everything
from model.language.chat import Message, stills_of, text_of
from model.loading import Models
from retrieval.ask.answer import Answerer
from retrieval.ask.find import Finder
from retrieval.ask.readers import embedded as reading
from retrieval.search.search import Searcher
from retrieval.store.library import Library
from retrieval.store.records import Moment, Source

SOURCES: dict[Source, str] = {
    "visual": "the pictures alone", "speech": "the speech alone", "text": "the on-screen text alone",
}  # fmt: skip


def ablate(engine: Engine, films: Sequence[Film], folder: Path) -> Iterator[tuple[str, list[Verdict]]]:
    """(what is left, its verdicts), one after the other. Works on copies of the index in `folder`."""
    models = Wrapped(engine.models, Remembering(engine.models.decoder))
    alone = {}
    for source, name in SOURCES.items():
        library = keep_only(source, engine.library.data_dir, folder / source)
        alone[source] = Searcher(library, models)
        say(name)
        yield name, ask_everything(Answerer(alone[source], models), films)[0]
    yield "no fusion: the best single list", search_everything(best_list(list(alone.values())), films)[0]
    if models.decoder.max_stills:
        say("no look again")
        yield (
            "no look again",
            ask_everything(Answerer(engine.searcher, Wrapped(models, Blind(models.decoder))), films)[0],
        )
    say("no check of sentences")
    with unchecked():
        yield "no check of sentences", ask_everything(Answerer(engine.searcher, models), films)[0]


def keep_only(source: Source, data_dir: Path, copy: Path) -> Library:
    """A copy of the index that knows one source."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data_dir, copy, ignore=shutil.ignore_patterns("indexes", "incoming", "films", "without"))
    library = Engine(Settings(copy)).library
    with library.db.transaction() as db:
        if source == "visual":
            db.execute("DELETE FROM passages")
        else:
            db.execute("DELETE FROM passages WHERE source <> ?", (source,))
            db.execute("DELETE FROM vectors WHERE kind = 'visual'")
            db.execute("DELETE FROM clips")
    return library


def best_list(searchers: Sequence[Searcher]) -> Callable[[str, Sequence[str]], list[Moment]]:
    """Search that takes, for each query, the one list whose first moment scores highest, and joins nothing."""

    def search(text: str, video_ids: Sequence[str]) -> list[Moment]:
        lists = [Finder(searcher).search(text, video_ids, TOP) for searcher in searchers]
        return max(lists, key=lambda found: found[0].score if found else -np.inf)

    return search


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Every sentence of a model stands, as if the first piece of evidence supported it, and so do few words."""
    with mock.patch.multiple(
        reading, depicted=lambda *args, **named: True, BELIEVED={}, _BELIEVED=0.0, denies=lambda *args, **named: False
    ):
        yield


class Wrapped(Models):
    """Another process-wide set of models, with a decoder of its own."""

    def __init__(self, models: Models, decoder: Any) -> None:
        super().__init__(models.profile)
        self._built = dict(models._built) | {"decoder": decoder}
        self._warm = models._warm


class Through:
    """A decoder that is asked through this one."""

    def __init__(self, decoder: Any) -> None:
        self.inner = decoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Blind(Through):
    """Looks at nothing."""

    max_stills = 0


class Remembering(Through):
    """Says the same again to the same prompt without computing it: ablations ask most things unchanged."""

    def __init__(self, decoder: Any) -> None:
        super().__init__(decoder)
        self.last_stats: Any = None
        self._said: dict[str, tuple[list[str], Any]] = {}

    def stream(
        self, messages: Sequence[Message], max_new_tokens: int = 96, *args: Any, **named: Any
    ) -> Generator[str, None, None]:
        key = repr((max_new_tokens, [text_of(m) for m in messages], [_look_of(s.picture) for s in stills_of(messages)]))
        if key not in self._said:
            pieces = list(self.inner.stream(messages, max_new_tokens, *args, **named))
            self._said[key] = pieces, self.inner.last_stats
        pieces, self.last_stats = self._said[key]
        yield from pieces


def _look_of(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()
