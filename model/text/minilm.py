"""Sentences to unit vectors: all-MiniLM-L6-v2, read from its safetensors and run in sixty lines of torch.

Reimers and Gurevych, "Sentence-BERT" (arXiv:1908.10084): the mean of BERT's last hidden states over the tokens.
Written out because importing transformers costs seconds at process start; a test holds it equal to its BertModel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.text.embedder import RememberingEmbedder, scale_of

if TYPE_CHECKING:
    import torch

MAX_TOKENS = 256  # the length all-MiniLM-L6-v2 was made for; the rest of a longer text is not seen
_HEADS = 12
_LAYERS = 6
_LAYER_NORM_EPS = 1e-12
_BATCH_TOKENS = 1024  # padded tokens a pass: wide enough for the matrix products, small enough to stay in the cache


class MiniLM(RememberingEmbedder):
    """all-MiniLM-L6-v2 on the CPU, safe to share between threads."""

    name = "all-minilm-l6-v2"
    dim = 384

    def __init__(self, folder: Path | None = None, bf16: bool | None = None):
        """`folder`: holds model.safetensors and tokenizer.json (default: the pack's). `bf16`: default where fast."""
        from tokenizers import Tokenizer

        super().__init__(scale_of(self.name))
        if folder is None:
            from model.pack import part

            folder = part("text")
        if bf16 is None:
            from model.hardware import describe

            bf16 = describe().bf16
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()
        self._bert = _Bert(folder / "model.safetensors", bf16)

    def _run(self, texts: list[str], is_query: bool) -> np.ndarray:
        """[n, 384]: texts of like length share a pass, so that little is padded."""
        import torch

        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), self.dim), np.float32)
        for batch in _batches([len(ids) for ids in tokens]):
            width = max(len(tokens[i]) for i in batch)
            ids = torch.zeros(len(batch), width, dtype=torch.long)
            mask = torch.zeros(len(batch), width, dtype=torch.bool)
            for row, i in enumerate(batch):
                ids[row, : len(tokens[i])] = torch.tensor(tokens[i])
                mask[row, : len(tokens[i])] = True
            vectors[batch] = self._bert.embed(ids, mask).numpy()
        return vectors


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices, shortest text first, in runs of at most `_BATCH_TOKENS` padded tokens."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class _Bert:
    """The encoder of Devlin et al. (arXiv:1810.04805) for one segment, with its pooling."""

    def __init__(self, weights: Path, bf16: bool):
        import torch
        from safetensors.torch import load_file

        w = load_file(weights)
        # The embeddings stay float32: they are looked up, not multiplied, and hold most of the precision.
        self.words = w["embeddings.word_embeddings.weight"]
        self.positions = w["embeddings.position_embeddings.weight"] + w["embeddings.token_type_embeddings.weight"][0]
        self.norm = w["embeddings.LayerNorm.weight"], w["embeddings.LayerNorm.bias"]
        self.dtype = torch.bfloat16 if bf16 else torch.float32
        self.layers = []
        for i in range(_LAYERS):
            layer = {}
            for name, sources in _LINEARS.items():
                kinds = ("weight", "bias")
                parts = ([w[f"encoder.layer.{i}.{source}.{kind}"] for source in sources] for kind in kinds)
                layer[name] = tuple(torch.cat(tensors).to(self.dtype) for tensors in parts)
            for name in ("attention.output.LayerNorm", "output.LayerNorm"):
                layer[name] = w[f"encoder.layer.{i}.{name}.weight"], w[f"encoder.layer.{i}.{name}.bias"]
            self.layers.append(layer)

    def embed(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """ids: int64 [B, T]; mask: bool [B, T], true on tokens. float32 [B, 384], unit length."""
        import torch
        import torch.nn.functional as F

        with torch.inference_mode():
            batch, length = ids.shape
            x = _layer_norm(self.words[ids] + self.positions[:length], self.norm)  # [B, T, 384]
            attended = None if mask.all() else mask[:, None, None, :]
            for layer in self.layers:
                qkv = F.linear(x.to(self.dtype), *layer["attention"]).view(batch, length, 3, _HEADS, -1)
                q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each [B, 12, T, 32]
                y = F.scaled_dot_product_attention(q, k, v, attended).transpose(1, 2).flatten(2)
                x = _layer_norm(x + F.linear(y, *layer["mix"]), layer["attention.output.LayerNorm"])
                y = F.gelu(F.linear(x.to(self.dtype), *layer["widen"]))
                x = _layer_norm(x + F.linear(y, *layer["narrow"]), layer["output.LayerNorm"])
            return F.normalize((x * mask[..., None]).sum(1), dim=-1)  # the length of the mean does not matter


# Our name of a matrix product -> the checkpoint's; query, key and value run as one.
_LINEARS = {
    "attention": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "mix": ("attention.output.dense",),
    "widen": ("intermediate.dense",),
    "narrow": ("output.dense",),
}


def _layer_norm(x: torch.Tensor, weights: tuple[torch.Tensor, ...]) -> torch.Tensor:
    import torch.nn.functional as F

    scale, shift = weights
    return F.layer_norm(x, x.shape[-1:], scale, shift, _LAYER_NORM_EPS)
