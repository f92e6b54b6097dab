"""What can be answered without looking: the floor under every figure of question answering.

Antol et al. (arXiv:1505.00468), section 5: the most frequent answer, and the most frequent for this kind of question.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from model.evaluation.answers import normalise
from model.training.samples import Answered, Sample


class AnswerPrior:
    """The most frequent answer in training to questions that begin with the same words; fewer words where none did.

    `words` = 0 is the majority answer, 2 the question-only baseline. Of a multiple choice it takes the option that was
    the most frequent answer, and the first if none ever was one.
    """

    def __init__(self, words: int) -> None:
        self.words = words
        self.questions = 0
        self._answers: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)

    def fit(self, samples: Iterable[Sample]) -> AnswerPrior:
        for sample in samples:
            for question in sample.questions:
                self.questions += 1
                for beginning in self._beginnings(question):
                    self._answers[beginning][normalise(question.answer)] += 1
        return self

    def answer(self, question: Answered) -> str:
        """Empty if it was fitted on no question."""
        for beginning in self._beginnings(question):
            known = self._answers.get(beginning, Counter())
            if not question.options and known:
                return known.most_common(1)[0][0]
            option = max(question.options, key=lambda option: known[normalise(option)], default="")
            if option and known[normalise(option)]:
                return option
        return question.options[0] if question.options and self.questions else ""

    def _beginnings(self, question: Answered) -> list[tuple[str, ...]]:
        """The longest first, and nothing at all last."""
        words = question.question.lower().split()[: self.words]
        return [tuple(words[:count]) for count in range(len(words), -1, -1)]
