"""The reader of the embedded profile: small models look at the best moment; what is said and written is quoted.

A small decoder that words what it read gets it wrong more often than the line itself (docs/answers.md), so words are
quoted. Of pictures it says a few words where its models are sure and the pictures fit, and that it cannot tell else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from model.errors import CuepointError
from model.language.chat import Still
from model.language.notes import look_of
from model.likely import AnswerKind, Likely, as_likely, surest
from model.loading import Models
from model.vision.colour import NAMES
from retrieval.ask.check import denies, depicted, echoes
from retrieval.ask.evidence import Evidence, Item
from retrieval.ask.look import Looker
from retrieval.ask.plan import Plan, Wants
from retrieval.ask.readers.quoting import QuotingReader, quoted
from retrieval.ask.readers.reader import Claim, Halted, Report
from retrieval.ask.say import Say
from retrieval.search.search import Searcher
from retrieval.store.fulltext import words
from retrieval.store.records import Message

# Likelihood from which a few words about a picture are said: there seven of ten are right, of 1,000 questions about
# photos of COCO and DAQUAR that nothing was trained or tuned on. Counts never get there (docs/answers.md).
BELIEVED: dict[Wants, float] = {"colour": 0.7, "yes_no": 0.5, "count": 0.95}
_BELIEVED = 0.75
_CERTAIN = 0.85  # and from which they are said without "probably"
# Of the answers that the head knows, those that a question can have.
_KINDS: dict[str, AnswerKind] = {"yes_no": "any", "count": "number"}
_SENTENCE = re.compile(r"\s*((?:\S+\s+){2,}?\S*[.!?][\"”')]*)\s")


class EmbeddedReader:
    """Looks with the answer head, the colour head and the VideoChat model; quotes words."""

    waits_for_a_server = words_times = False
    prompt = ""

    def __init__(self, searcher: Searcher, models: Models, looker: Looker) -> None:
        self.searcher, self.models, self.looker = searcher, models, looker

    def read(
        self, plan: Plan, evidence: Evidence, history: Sequence[Message], report: Report, stop: Halted
    ) -> Iterator[Claim]:
        if plan.operation == "when" or evidence.lead != "visual":
            yield from QuotingReader().read(plan, evidence, history, report, stop)
            return
        stills = self.looker.look(evidence.items, self.models.decoder.max_stills)
        number = next((number for number, pictures in enumerate(stills, 1) if pictures), None)
        if number is None:
            yield quoted(plan, evidence)
            return
        yield self._seen(plan, evidence, number, stills[number - 1], report, stop)

    def _seen(
        self, plan: Plan, evidence: Evidence, number: int, stills: list[Still], report: Report, stop: Halted
    ) -> Claim:
        """A few words about the best moment, or that they would be a guess."""
        say, item = Say(plan.language), evidence.items[number - 1]
        likely = self._few_words(plan, stills, report, stop)
        if likely and denies(likely[0].text):
            likely = []
        fitting = [w for w in likely if self._fits(plan, w.text, item)]
        best = fitting[0] if fitting and fitting[0] is likely[0] else None
        if best is None or best.likelihood < BELIEVED.get(plan.wants, _BELIEVED):
            if any(item.source != "visual" for item in evidence.items):  # a line that may answer
                return quoted(plan, evidence, words=True)
            return Claim(say.cannot_tell(evidence), verdict="unsure")
        doubt = "" if best.likelihood >= _CERTAIN else say("probably")
        return Claim(f"{doubt}{self._worded(plan, best.text, say)}", (number,))

    def _fits(self, plan: Plan, said: str, item: Item) -> bool:
        """A colour is believed that was measured in the moment, unless the colour head measured where the thing is;
        yes and no only where they are asked for."""
        if plan.wants == "colour":
            return self.models.colour_answers is not None or bool(set(words(said)) & set(words(item.quote)))
        polar = said.lower().rstrip(".") in ("yes", "no") and plan.wants != "yes_no"
        return not polar and not echoes(plan, said) and depicted(self.searcher, plan, said, item)

    def _worded(self, plan: Plan, said: str, say: Say) -> str:
        """ "No, it is blue" where another colour was asked about."""
        asked = [word for word in words(plan.question) if word in NAMES]
        if plan.wants == "yes_no" and not plan.choices and said in NAMES and asked:
            return said if said in asked else say("no_rather", answer=said)
        return said

    def _few_words(self, plan: Plan, stills: list[Still], report: Report, stop: Halted) -> list[Likely]:
        """What the decoder says of stills and what the answer head knows, likeliest first; colours have a head."""
        pictures = [still.picture for still in stills]
        if plan.wants == "colour" and self.models.colour_answers is not None:
            return self.models.colour_answers.to(plan.question, pictures)
        said = self._said(plan, stills, report, stop)
        mine = [as_likely(said, report.stats)] if said and said.isprintable() else []
        if self.models.short_answers is None:
            return mine
        return surest([*mine, *self.models.short_answers.to(plan.question, pictures, _KINDS.get(plan.wants, "thing"))])

    def _said(self, plan: Plan, stills: list[Still], report: Report, stop: Halted) -> str:
        """The decoder's first sentence, without its full stop."""
        decoder, pending = self.models.decoder, ""
        try:
            most = self.models.profile.decoder.new_tokens
            for piece in decoder.stream(look_of(plan.question, stills), max_new_tokens=most, stop=stop):
                pending += piece
                if whole := _SENTENCE.match(pending):
                    pending = whole[1]
                    break
        except CuepointError as error:
            report.problem = str(error)
            return ""
        report.stats = decoder.last_stats
        return " ".join(pending.split()).rstrip(" .")
