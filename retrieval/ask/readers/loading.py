"""Which reader reads for a profile."""

from __future__ import annotations

from model.loading import Models
from retrieval.ask.look import Looker
from retrieval.ask.readers.embedded import EmbeddedReader
from retrieval.ask.readers.quoting import QuotingReader
from retrieval.ask.readers.reader import Reader
from retrieval.ask.readers.strong import StrongReader
from retrieval.search.search import Searcher


def load_reader(searcher: Searcher, models: Models, looker: Looker) -> Reader:
    """Builds no model: each is loaded with its first question."""
    reader = models.profile.decoder.reads
    if reader == "quoting":
        return QuotingReader()
    if reader == "embedded":
        return EmbeddedReader(searcher, models, looker)
    return StrongReader(searcher.library, models, looker)
