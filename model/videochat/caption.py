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
    shared: int = 0  # tokens that all begin with: the system message, where it is the same

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
    prefixes = {tuple(prompt.prefix) for prompt in prompts}
    return Batch(tokens, labels, mask, len(prompts[0].prefix) if len(prefixes) == 1 else 0)


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
    options: dict[str, Any] = {}
    if takes_limit(model):  # places, not a count: a slice of the states would have the output layer copied for each row
        options["logits_to_keep"] = torch.arange(first - 1, tokens.shape[1], device=tokens.device)
    # A GPU waits for launches, not for tokens: there, reading the beginning apart takes longer than reading it in each.
    many = batch.shared and len(tokens) > 1 and tokens.device.type == "cpu"
    begun = read_once(model, embedding(tokens[:1, : batch.shared]), len(tokens)) if many else None
    if begun is None:
        options["use_cache"] = False
    else:
        embeddings = embeddings[:, batch.shared :]
        options["past_key_values"] = begun
        if "logits_to_keep" in options:
            options["logits_to_keep"] = options["logits_to_keep"] - batch.shared
    logits = model(inputs_embeds=embeddings, attention_mask=mask, **options).logits[:, -kept:-1]
    wanted = labels[:, first:].to(logits.device)
    return functional.cross_entropy(logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED)


def read_once(model: Any, beginning: torch.Tensor, rows: int) -> Any:
    """What the model remembers of embeddings [1, S, W] that all rows begin with; None where its memory is not such.

    The system message is a third of a short lesson. Gradients flow back through it as if each row had read it.
    """
    limit = {"logits_to_keep": 1} if takes_limit(model) else {}
    memory = model(inputs_embeds=beginning, use_cache=True, **limit).past_key_values
    if type(memory).__name__ != "DynamicCache":
        return None
    memory.batch_repeat_interleave(rows)
    return memory


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
