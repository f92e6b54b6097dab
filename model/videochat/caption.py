"""Learning to word what is seen: conversations and their answers as one padded batch, and the loss over the answers.

Knows nothing of frames: embeddings stand where placeholders stand.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from model.errors import CheckpointError
from model.language.chat_tokens import PLACEHOLDER, ChatTokenizer, Prompt

IGNORED = -100  # a label that is not learned: prompt and padding


@dataclass(frozen=True)
class Batch:
    """B conversations, padded at the end, where causal attention does not look."""

    tokens: torch.Tensor  # int64 [B, L]; PLACEHOLDER where an embedding goes
    labels: torch.Tensor  # int64 [B, L]; IGNORED outside the answers
    mask: torch.Tensor  # int64 [B, L]; 0 in the padding

    @property
    def first_label(self) -> int:
        """Position of the earliest token that is learned."""
        return int((self.labels != IGNORED).any(0).int().argmax())


def make_batch(prompts: Sequence[Prompt], answers: Sequence[list[int]]) -> Batch:
    rows = [[*prompt.prefix, *prompt.rest, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    longest = max(map(len, rows))
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full_like(tokens, IGNORED)
    mask = torch.zeros_like(tokens)
    for i, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        tokens[i, : len(row)] = torch.tensor(row)
        labels[i, len(row) - len(answer) : len(row)] = torch.tensor(answer)
        mask[i, : len(row)] = 1
    return Batch(tokens, labels, mask)


def encode_answer(tokens: ChatTokenizer, text: str, most: int) -> list[int]:
    """`text` and the token that ends an answer; a text of more than `most` tokens is cut, and ends nowhere."""
    answer = tokens.encode(text, "text")
    return answer[:most] if len(answer) > most else [*answer, end_of_answer(tokens)]


def end_of_answer(tokens: ChatTokenizer) -> int:
    """The first token after an assistant's message that ends an answer. Raises CheckpointError if there is none."""
    slots, opening = tokens.layout.slots(["user", "assistant"])
    for token in [*slots[-1].closing, *opening, *sorted(tokens.layout.ends)]:
        if token in tokens.layout.ends:
            return token
    raise CheckpointError("The language model cannot be trained: its tokenizer has no token that ends an answer.")


def answer_loss(model: Any, batch: Batch, seen: torch.Tensor) -> torch.Tensor:
    """Cross entropy over the answers' tokens, their mean. `model`: transformers' causal LM; seen [P, W]: an embedding
    for each placeholder, in order.

    Raises ValueError if there are not as many of them.
    """
    embedding = model.get_input_embeddings()
    tokens, labels, mask = (x.to(embedding.weight.device) for x in (batch.tokens, batch.labels, batch.mask))
    embeddings = put_seen(embedding(tokens.clamp(min=0)), tokens == PLACEHOLDER, seen)
    first = batch.first_label
    kept = tokens.shape[1] - first + 1  # logits cost most where the vocabulary is large: only those that are needed
    limit = {"logits_to_keep": kept} if takes_limit(model) else {}
    logits = model(inputs_embeds=embeddings, attention_mask=mask, use_cache=False, **limit).logits[:, -kept:-1]
    wanted = labels[:, first:].to(logits.device)
    return functional.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED)


def put_seen(embeddings: torch.Tensor, places: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Embeddings [B, L, W] with the rows of seen [P, W] at places [B, L]: the one step in which pictures enter."""
    if int(places.sum()) != len(seen):
        raise ValueError(
            f"There are {int(places.sum())} places for embeddings of pictures, but {len(seen)} embeddings."
        )
    placed = embeddings.clone()
    placed[places] = seen.to(embeddings.device, embeddings.dtype)
    return placed


def takes_limit(model: Any) -> bool:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model  # peft wraps
    return "logits_to_keep" in inspect.signature(inner.forward).parameters
