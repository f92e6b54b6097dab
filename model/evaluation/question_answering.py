"""Question answering as a task: the decoder looks and answers, beside what can be answered without looking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from model.evaluation.answers import lettered, parts, said
from model.evaluation.baselines import AnswerPrior
from model.evaluation.bootstrap import number_groups, weighted_mean, with_intervals
from model.evaluation.pictures import Skipped, seen
from model.evaluation.qa import SIMILAR, exact_match, measure_of, score, similarity
from model.evaluation.tasks import Report, check_any, reply_to, stills_of_decoder
from model.language.notes import in_few_words
from model.likely import as_likely, surest
from model.training.readers.colour_questions import asks_for_a_colour
from model.training.samples import Answered, Sample

if TYPE_CHECKING:
    from model.language.chat import Still
    from model.loading import Models

ANSWER_TOKENS = 24
SIMILARITY = f"similarity@{SIMILAR}"


def prompt_of(question: Answered) -> str:
    if not question.options:
        return in_few_words(question.question)
    text = question.question.strip()
    asked = text if text.endswith(("?", ".", ":", "!")) else f"{text}?"
    return f"{asked}\n{lettered(question.options)}\nAnswer with the letter of the right option."


def qa(models: Models, samples: Iterable[Sample], training: Iterable[Sample] = ()) -> Report:
    """Judged by VQA accuracy (several annotators), by the option chosen (multiple choice), else by exact match.

    `training`: what the baselines learn from; without it there are none. Raises UsageError for a decoder that is blind.
    """
    stills = stills_of_decoder(models, "qa")
    skipped, files, asked, replies = Skipped(), [], [], []
    for sample, looked_at in seen((s for s in samples if s.questions), stills, skipped):
        for question in sample.questions:
            replies.append(short_reply(models, looked_at, question))
            asked.append((sample, question))
            files.append(sample.file)
    check_any(asked, "questions", skipped)
    questions = [question for _, question in asked]
    answers = {"": replies} | baseline_answers(questions, training)
    measured = {name: measures(models, questions, given) for name, given in answers.items()}
    group = number_groups(files)
    kinds = kinds_of(questions)

    def statistic(weights: np.ndarray) -> dict[str, float]:
        return summarise(measured, kinds, weights[group])

    predictions = [
        _prediction(sample, question, [given[i] for given in answers.values()], list(answers))
        for i, (sample, question) in enumerate(asked)
    ]
    figures = with_intervals(statistic, group.max() + 1)
    notes = [] if len(answers) > 1 else ["No training split: no baselines."]
    if chances := [1 / len(question.options) for question in questions if question.options]:
        notes.append(f"Choosing an option blindly is right in {np.mean(chances):.1%}.")
    judged = len({sample.id for sample, _ in asked})
    return Report("qa", figures, judged, len(asked), skipped, predictions, notes)


def short_reply(models: Models, stills: Sequence[Still], question: Answered) -> str:
    """As the app answers what only a look can tell: a colour by its head, else of the decoder's words and the
    answer head's the likelier."""
    pictures = [still.picture for still in stills]
    if not question.options and models.colour_answers is not None and asks_for_a_colour(question.question):
        return models.colour_answers.to(question.question, pictures)[0].text
    said = reply_to(models, stills, prompt_of(question), ANSWER_TOKENS)
    if question.options or models.short_answers is None:
        return said
    known = models.short_answers.to(question.question, pictures)
    return surest([as_likely(said, models.decoder.last_stats), *known])[0].text


def baseline_answers(questions: Sequence[Answered], training: Iterable[Sample]) -> dict[str, list[str]]:
    """What each baseline answers, by its name; nothing if there is no question to learn from."""
    known = list(training)
    priors = {"majority": AnswerPrior(0).fit(known), "question_only": AnswerPrior(2).fit(known)}
    return {
        name: [prior.answer(question) for question in questions] for name, prior in priors.items() if prior.questions
    }


def measures(models: Models, questions: Sequence[Answered], replies: Sequence[str]) -> dict[str, np.ndarray]:
    """By the name of the measure, float [Q]: NaN where it says nothing of a question."""
    pairs = list(zip(questions, replies, strict=True))
    found = {}
    for measure in dict.fromkeys(map(measure_of, questions)):
        found[measure] = np.array([score(r, q) if measure_of(q) == measure else np.nan for q, r in pairs])
    if any(not question.options for question in questions):
        found["exact_match"] = np.array([np.nan if q.options else exact_match(r, q.answer) for q, r in pairs])
        known = {text for q, r in pairs if not q.options for text in (*parts(said(r)), *parts(q.answer))}
        vectors = dict(zip(sorted(known), models.text.embed(sorted(known)), strict=True))  # all at once: much faster
        found[SIMILARITY] = np.array([np.nan if q.options else similarity(r, q.answer, vectors) for q, r in pairs])
    return found


def kinds_of(questions: Sequence[Answered]) -> dict[str, np.ndarray]:
    """Which questions are of each of the data set's kinds, bool [Q]; nothing where there are not several."""
    kinds = sorted({question.kind for question in questions if question.kind})
    if len(kinds) < 2:
        return {}
    return {kind: np.array([question.kind == kind for question in questions]) for kind in kinds}


def summarise(
    measured: dict[str, dict[str, np.ndarray]], kinds: dict[str, np.ndarray], weight: np.ndarray
) -> dict[str, float]:
    """Means of the model and of the baselines, the model's lead over the better one, and the model's by kind."""
    found: dict[str, float] = {}
    for measure, values in measured[""].items():
        judged = ~np.isnan(values)
        means = {name: weighted_mean(of[measure][judged], weight[judged]) for name, of in measured.items()}
        found[measure] = means.pop("")
        found |= {f"{measure}_{name}": mean for name, mean in means.items()}
        if means:
            found[f"{measure}_lead"] = found[measure] - max(means.values())
    for measure in ("vqa_accuracy", "choice_accuracy", "exact_match"):
        if measure in measured[""]:
            values = measured[""][measure]
            for kind, of_kind in kinds.items():
                judged = of_kind & ~np.isnan(values)
                found[f"{measure}[{kind}]"] = weighted_mean(values[judged], weight[judged])
            break
    return {name: value for name, value in found.items() if not np.isnan(value)}


def _prediction(sample: Sample, question: Answered, given: list[str], names: list[str]) -> dict[str, Any]:
    return {
        "id": sample.id,
        "question": question.question,
        "answers": list(question.answers),
        "reply": said(given[0]),
        "score": round(score(given[0], question), 3),
        **dict(zip(names[1:], given[1:], strict=True)),
    }
