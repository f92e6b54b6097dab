"""Scores of answers to questions: VQA accuracy, exact match, multiple choice, similarity of embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from model.evaluation.answers import chosen, normalise, parts, said
from model.training.samples import Answered

AGREEING = 3  # annotators who make an answer fully right
SIMILAR = 0.9
_BELOW_THRESHOLD = 0.1  # what WUPS leaves of a similarity under its threshold


def vqa_accuracy(reply: str, answers: Sequence[str]) -> float:
    """Mean over all sets of the annotators but one of min(matches / 3, 1). Antol et al., arXiv:1505.00468, section 3.

    Raises ValueError for fewer than four annotators, with whom no answer could be right.
    """
    if len(answers) <= AGREEING:
        raise ValueError(f"VQA accuracy needs more than {AGREEING} answers, not {len(answers)}")
    mine = normalise(said(reply))
    right = [normalise(answer) == mine for answer in answers]
    matches = sum(right)
    return float(np.mean([min((matches - left_out) / AGREEING, 1.0) for left_out in right]))


def exact_match(reply: str, answer: str) -> float:
    """1 if they are the same once normalised; of a list ("lamp, chair") the order does not matter."""
    return float(set(parts(said(reply))) == set(parts(answer)))


def right_option(reply: str, question: Answered) -> float:
    """1 if the reply names the right option, by its letter or in words."""
    place = chosen(reply, question.options)
    return float(place is not None and normalise(question.options[place]) == normalise(question.answer))


def similarity(reply: str, answer: str, vectors: Mapping[str, np.ndarray], threshold: float = SIMILAR) -> float:
    """0 to 1: WUPS with cosines of text embeddings in the place of WordNet's similarity; not comparable with WUPS.

    Malinowski and Fritz, arXiv:1410.0210, section 2.3: of two lists, each thing counts as much as the most similar of
    the other list; below the threshold a tenth is left. `vectors`: unit, of all `parts` of both.
    """
    mine, wanted = parts(said(reply)), parts(answer)
    # [m, w]; the same words are fully alike, whatever rounding says
    near = np.array([[1.0 if a == b else float(vectors[a] @ vectors[b]) for b in wanted] for a in mine]).clip(0, 1)
    near = np.where(near >= threshold, near, _BELOW_THRESHOLD * near)
    return float(min(near.max(axis=1).prod(), near.max(axis=0).prod()))


def measure_of(question: Answered) -> str:
    """The name of the measure by which this kind of question is judged first."""
    if question.options:
        return "choice_accuracy"
    return "vqa_accuracy" if len(question.answers) > AGREEING else "exact_match"


def score(reply: str, question: Answered) -> float:
    """By `measure_of(question)`."""
    measure = measure_of(question)
    if measure == "choice_accuracy":
        return right_option(reply, question)
    if measure == "vqa_accuracy":
        return vqa_accuracy(reply, question.answers)
    return exact_match(reply, question.answer)
