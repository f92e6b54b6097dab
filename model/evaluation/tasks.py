"""What is evaluated: each task takes a profile's models and samples, and gives figures with 95 % intervals.

Samples are read one after the other as they come; one whose picture cannot be read is skipped and counted. Which data
set they are of, and what is trained on, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from model.errors import UnreadableMedia, UsageError
from model.evaluation import captions as caption_metrics
from model.evaluation import classification as class_metrics
from model.evaluation import retrieval as retrieval_metrics
from model.evaluation.bootstrap import Figure, number_groups, weighted_mean, with_intervals
from model.evaluation.moments import OVERLAPS, best_window, iou
from model.evaluation.pictures import Skipped, encode_samples, encode_stretch, seen
from model.language.chat import Message, Still
from model.training.samples import Sample

if TYPE_CHECKING:
    from model.loading import Models

CAPTION_PROMPT = "Describe this in one sentence."
CAPTION_TOKENS = 40  # the longest human captions of Flickr8k have 38 words, the mean 11
LABEL_PROMPTS = ("a photo of {}", "{}")  # their mean is more robust than either (Radford et al., arXiv:2103.00020)
STILLS = 8  # of a video, for a model that words answers; fewer where it looks at fewer
MOMENT_FPS = 2.0
MOMENT_FRAMES = 1800  # a quarter of an hour at that rate; a longer video is looked at more seldom
_TEXTS_AT_ONCE = 256


@dataclass(frozen=True)
class Report:
    """What a task found. `figures` are shares (0 to 1) unless the metric says otherwise."""

    task: str
    figures: dict[str, Figure]
    samples: int  # that were judged
    items: int  # captions, questions, moments: what the figures are the mean of
    skipped: Skipped
    predictions: list[dict[str, Any]] = field(default_factory=list)  # one of each item, for reading
    notes: list[str] = field(default_factory=list)


def retrieval(models: Models, samples: Iterable[Sample]) -> Report:
    """Captions find their picture or stretch of video among all samples, and the other way round. Raises UsageError.

    Intervals are over the pictures asked for; the gallery stays the same.
    """
    skipped = Skipped()
    kept, images = encode_samples(models.vision, (s for s in samples if _written(s)), skipped)
    check_any(kept, "captions", skipped)
    texts = [text for sample in kept for text in _written(sample)]
    owner = np.repeat(np.arange(len(kept)), [len(_written(sample)) for sample in kept])
    vectors = encode_texts(models, texts)
    by_text = retrieval_metrics.text_to_image_ranks(vectors, images, owner)
    by_image = retrieval_metrics.image_to_text_ranks(vectors, images, owner)
    group = number_groups([sample.file for sample in kept])

    def statistic(weights: np.ndarray) -> dict[str, float]:
        found = {}
        for name, ranks, counts in (
            ("text_to_image", by_text, weights[group[owner]]),
            ("image_to_text", by_image, weights[group]),
        ):
            for depth in retrieval_metrics.DEPTHS:
                found[f"{name}_recall@{depth}"] = retrieval_metrics.recall_at(ranks, depth, counts)
            found[f"{name}_median_rank"] = retrieval_metrics.median_rank(ranks, counts)
        return found

    predictions = [
        {"id": kept[i].id, "caption": text, "rank": int(rank)}
        for i, text, rank in zip(owner, texts, by_text, strict=True)
    ]
    figures = with_intervals(statistic, group.max() + 1)
    return Report("retrieval", figures, len(kept), len(texts), skipped, predictions)


def captions(models: Models, samples: Iterable[Sample], prompt: str = CAPTION_PROMPT) -> Report:
    """The decoder describes each sample; judged by what people wrote. Raises UsageError for a decoder that is blind."""
    stills = stills_of_decoder(models, "captions")
    skipped, kept, said = Skipped(), [], []
    for sample, looked_at in seen((s for s in samples if _written(s)), stills, skipped):
        reply = reply_to(models, looked_at, prompt, CAPTION_TOKENS)
        kept.append(sample)
        said.append(reply.splitlines()[0] if reply else "")
    check_any(kept, "captions", skipped)
    references = [_written(sample) for sample in kept]
    group = number_groups([sample.file for sample in kept])
    pairs = list(zip(said, references, strict=True))
    counts = np.stack([caption_metrics.bleu_counts(mine, others) for mine, others in pairs])
    rouge = np.array([caption_metrics.rouge_l(mine, others) for mine, others in pairs])
    cider = caption_metrics.cider_d(said, references)

    def statistic(weights: np.ndarray) -> dict[str, float]:
        weight = weights[group]
        return {
            "bleu_4": caption_metrics.bleu(weight @ counts),
            "rouge_l": weighted_mean(rouge, weight),
            "cider_d": weighted_mean(cider, weight),
        }

    predictions = [
        {"id": sample.id, "caption": mine, "references": others, "cider_d": round(float(value), 3)}
        for sample, mine, others, value in zip(kept, said, references, cider, strict=True)
    ]
    figures = with_intervals(statistic, group.max() + 1)
    notes = ["CIDEr-D weighs words by how rare they are in these very captions: compare it on the same pictures."]
    return Report("captions", figures, len(kept), len(said), skipped, predictions, notes)


def classification(models: Models, samples: Iterable[Sample], labels: Sequence[str] = ()) -> Report:
    """Zero-shot: each sample is called by the label whose text is nearest, of its own set's and `labels`."""
    skipped = Skipped()
    kept, images = encode_samples(models.vision, (s for s in samples if s.label), skipped)
    check_any(kept, "labels", skipped)
    names = sorted({*labels, *(sample.label for sample in kept)})
    number = {name: i for i, name in enumerate(names)}
    spoken = [name.replace("_", " ") for name in names]
    texts = sum(encode_texts(models, [prompt.format(name) for name in spoken]) for prompt in LABEL_PROMPTS)
    order = np.argsort(-(images @ np.asarray(texts).T), axis=1, kind="stable")
    wanted, group = np.array([number[s.label] for s in kept]), number_groups([s.file for s in kept])
    among_five = (order[:, :5] == wanted[:, None]).any(axis=1)

    def statistic(weights: np.ndarray) -> dict[str, float]:
        weight = weights[group]
        precision, recall, f1 = class_metrics.macro_scores(wanted, order[:, 0], weight)
        return {
            "accuracy": class_metrics.accuracy(wanted, order[:, 0], weight),
            "accuracy@5": weighted_mean(among_five, weight),
            "macro_precision": precision,
            "macro_recall": recall,
            "macro_f1": f1,
        }

    predictions = [
        {"id": sample.id, "label": sample.label, "predicted": names[row[0]]}
        for sample, row in zip(kept, order, strict=True)
    ]
    figures = with_intervals(statistic, group.max() + 1)
    notes = [f"{len(names)} labels; guessing is right in {1 / len(names):.1%}."]
    return Report("classification", figures, len(kept), len(kept), skipped, predictions, notes)


def moments(models: Models, samples: Iterable[Sample]) -> Report:
    """Each described moment is looked for in its own video by the vision encoder alone. Raises UsageError."""
    skipped, predictions, files, judged = Skipped(), [], [], 0
    for sample in samples:
        if not sample.moments:
            continue
        try:
            times, frames = encode_stretch(models.vision, sample, MOMENT_FPS, MOMENT_FRAMES)
        except UnreadableMedia as error:
            skipped.add(error)
            continue
        judged += 1
        end = (
            sample.end if sample.end is not None else float(times[-1] + (times[-1] - times[0]) / max(len(times) - 1, 1))
        )
        scores = frames @ encode_texts(models, [text for _, _, text in sample.moments]).T  # [F, M]
        for (first, last, text), fit in zip(sample.moments, scores.T, strict=True):
            found = best_window(times, fit, end, sample.start)
            fitting = round(iou(found, (first, last)), 4)
            predictions.append(
                {"id": sample.id, "query": text, "moment": [first, last], "found": list(found), "iou": fitting}
            )
            files.append(sample.file)
    check_any(predictions, "moments", skipped)
    overlaps, group = np.array([p["iou"] for p in predictions]), number_groups(files)

    def statistic(weights: np.ndarray) -> dict[str, float]:
        weight = weights[group]
        shares = {f"recall@1_iou@{least}": weighted_mean(overlaps >= least, weight) for least in OVERLAPS}
        return shares | {"mean_iou": weighted_mean(overlaps, weight)}

    figures = with_intervals(statistic, group.max() + 1)
    return Report("moments", figures, judged, len(predictions), skipped, predictions)


def encode_texts(models: Models, texts: Sequence[str]) -> np.ndarray:
    """float32 [M, dim], unit length."""
    parts = [models.vision.encode_text(texts[i : i + _TEXTS_AT_ONCE]) for i in range(0, len(texts), _TEXTS_AT_ONCE)]
    return np.concatenate(parts)


def stills_of_decoder(models: Models, task: str) -> int:
    """How many stills it is shown of a sample. Raises UsageError for a decoder that is blind."""
    if models.decoder.max_stills < 1:
        raise UsageError(
            f"Profile {models.profile.name} words answers without seeing pictures, so {task} cannot be evaluated: "
            "choose one with an adapter or a vision-language model (--profile)."
        )
    return min(STILLS, models.decoder.max_stills)


def reply_to(models: Models, stills: Sequence[Still], text: str, tokens: int) -> str:
    messages: list[Message] = [{"role": "user", "content": [*stills, text]}]
    return "".join(models.decoder.stream(messages, max_new_tokens=tokens)).strip()


def check_any(found: Sequence[object], what: str, skipped: Skipped) -> None:
    """Raises UsageError if there is nothing to judge."""
    if not found:
        because = f": {skipped.count} could not be read ({skipped.reasons[0]})" if skipped.count else ""
        raise UsageError(f"There is no sample with {what} to evaluate{because}.")


def _written(sample: Sample) -> list[str]:
    return [caption for caption in sample.captions if caption.strip()]
