"""From a vision encoder's frame tokens to embeddings that a language model reads as if they were words.

Two kinds: a Perceiver resampler (Flamingo, arXiv:2204.14198, section 3.1.1; Perceiver IO, arXiv:2107.14795) with frame
times and attention across frames, and pixel shuffle with an MLP (InternVL 1.5, arXiv:2404.16821, section 3.1).
Knows nothing of words, prompts or files. B clips of N frames, each T tokens of width D;
M embeddings of width W come out.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from model.videochat.config import AdapterConfig

SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 1.0, 20_000.0  # tells the frames of a second apart, and hours
PERIODS = 32
TOKENS_AT_ONCE = 4096  # frames are resampled in steps of so many tokens: memory stays flat in their number
MLP_RATIO = 4
POSITION_STD = 0.1  # of the tokens' learned places in a frame, beside token features of about 1
# With this and `keep_variance` a third of the variance that the decoder sees at first comes from the frames, a fifth
# from their times; with torch's own initialisation and queries of 1 it is 1 % each, and the rest says nothing.
QUERY_STD = 0.5


class FrameTimes(nn.Module):
    """Embeds seconds: sinusoids of geometric periods (arXiv:1706.03762, 3.5, over time instead of index) and an MLP.

    Time is continuous, so any frame rate works, and so does none.
    """

    frequencies: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        periods = torch.logspace(math.log10(SHORTEST_PERIOD_S), math.log10(LONGEST_PERIOD_S), PERIODS)
        self.register_buffer("frequencies", 2 * math.pi / periods, persistent=False)
        self.enter = nn.Linear(2 * PERIODS, width)
        self.leave = nn.Linear(width, width)

    def forward(self, seconds: torch.Tensor) -> torch.Tensor:
        angles = seconds.float()[..., None] * self.frequencies.float()  # bfloat16 would blur minutes
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        embedded: torch.Tensor = self.leave(functional.gelu(self.enter(waves.to(self.enter.weight.dtype))))
        return embedded


class Layer(nn.Module):
    """Attention and MLP, each normalised before and added after.

    Queries attend to `context` and to one another, as Flamingo's do; without context to one another alone.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, MLP_RATIO * width), nn.GELU(), nn.Linear(MLP_RATIO * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: torch.Tensor, context: torch.Tensor | None = None, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """x [B, Q, d], context [B, S, d]; mask [B, keys] bool: False is not looked at."""
        normed = self.norm(x)
        source = normed if context is None else torch.cat([context, normed], 1)
        query = self._split(self.query(normed))
        key, value = map(self._split, self.key_value(source).chunk(2, -1))
        attended = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=None if mask is None else mask[:, None, None, :]
        )
        x = x + self.dropout(self.output(attended.transpose(1, 2).flatten(2)))
        added: torch.Tensor = x + self.dropout(self.mlp(x))
        return added

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, heads, L, d / heads]


class Adapter(nn.Module):
    """What both kinds share: masks, steps of flat memory, and the scale of the decoder's embeddings."""

    embedding_mean: torch.Tensor
    embedding_std: torch.Tensor

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.config = config
        self.times = FrameTimes(config.width)
        if config.concepts:
            self.concept_norm = nn.LayerNorm(config.concepts, elementwise_affine=False)
            self.concepts = nn.Linear(config.concepts, config.concept_tokens * config.width)
        self.project = nn.Linear(config.width, config.decoder_width)
        self.gain = nn.LayerNorm(config.decoder_width)  # gain and shift, in units of the statistics below
        self.register_buffer("embedding_mean", torch.zeros(config.decoder_width))
        self.register_buffer("embedding_std", torch.ones(config.decoder_width))

    def scale_to(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Makes the output as large as the decoder's own embeddings: their mean [W] and deviation, [W] or []."""
        self.embedding_mean.copy_(mean)
        self.embedding_std.copy_(std.expand_as(self.embedding_std))

    def forward(
        self,
        tokens: torch.Tensor,
        times: torch.Tensor,
        mask: torch.Tensor | None = None,
        concepts: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """tokens [B, N, T, D], times [B, N] in seconds, mask [B, N] bool, log-probabilities `concepts` [B, N, C].

        Returns embeddings [B, M, W] and which of them are real, bool [B, M]; M is N * K, or K for a whole clip. Frames
        outside the mask change nothing and give zeros. Raises ValueError for tokens of another shape.
        """
        self._check(tokens, concepts)
        if mask is None:
            mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        frames = self._each_frame(tokens, times, mask, concepts)  # [F, K, d]: only those of the mask
        x = frames.new_zeros(*mask.shape, *frames.shape[1:])
        x[mask] = frames
        seen = mask.repeat_interleave(frames.shape[1], 1)
        if x.shape[1]:
            x, seen = self.across(x.flatten(1, 2), seen)
        else:
            x = x.flatten(1, 2)
        scaled = self.embedding_mean + self.embedding_std * self.gain(self.project(x))
        return scaled * seen[..., None], seen

    def _each_frame(
        self, tokens: torch.Tensor, times: torch.Tensor, mask: torch.Tensor, concepts: torch.Tensor | None
    ) -> torch.Tensor:
        dtype = self.project.weight.dtype
        done = [self.project.weight.new_empty(0, self.config.tokens_a_frame, self.config.width)]
        at_once = max(1, TOKENS_AT_ONCE // tokens.shape[2])
        # Where there is no frame at all, `split` gives one empty part, over which attention on a GPU gives None.
        for clip, frame in (part.unbind(1) for part in mask.nonzero().split(at_once) if len(part)):
            told = self._concept_tokens(concepts[clip, frame].to(dtype)) if concepts is not None else None
            done.append(self.each_frame(tokens[clip, frame].to(dtype), self.times(times[clip, frame]), told))
        return torch.cat(done)

    def _concept_tokens(self, log_probabilities: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self.concepts(self.concept_norm(log_probabilities))  # of any scale and offset
        return told.unflatten(-1, (self.config.concept_tokens, -1))  # [F, concept_tokens, d]

    def _check(self, tokens: torch.Tensor, concepts: torch.Tensor | None) -> None:
        config = self.config
        if tokens.shape[2:] != (config.vision_tokens, config.vision_width):
            raise ValueError(
                f"The adapter takes {config.vision_tokens} tokens of width {config.vision_width} a frame, "
                f"not {tokens.shape[2]} of width {tokens.shape[3]}."
            )
        found = 0 if concepts is None else concepts.shape[2]
        if found != config.concepts:
            raise ValueError(f"The adapter takes {config.concepts} class log-probabilities a frame, not {found}.")

    def each_frame(self, tokens: torch.Tensor, times: torch.Tensor, concepts: torch.Tensor | None) -> torch.Tensor:
        """tokens [F, T, D], embedded times [F, d], concept tokens [F, C', d] -> [F, K, d]."""
        raise NotImplementedError

    def across(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All frames of a clip together: x [B, N * K, d], mask [B, N * K] -> [B, M, d], [B, M]. N is at least 1."""
        return x, mask


class PerceiverResampler(Adapter):
    """K learned queries read each frame by itself; then those of all frames read one another.

    Per clip, K more queries then read the lot.
    """

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__(config)
        width = config.width
        self.enter = nn.Sequential(nn.LayerNorm(config.vision_width), nn.Linear(config.vision_width, width))
        self.positions = nn.Parameter(torch.randn(config.vision_tokens, width) * POSITION_STD)
        self.queries = nn.Parameter(torch.randn(config.queries, width) * QUERY_STD)
        layer = (width, config.heads, config.dropout)
        self.layers = nn.ModuleList(Layer(*layer) for _ in range(config.depth))
        self.temporal = nn.ModuleList(Layer(*layer) for _ in range(config.temporal_depth))
        if config.per == "clip":
            self.clip_queries = nn.Parameter(torch.randn(config.queries, width) * QUERY_STD)
            self.gather = Layer(*layer)

    def each_frame(self, tokens: torch.Tensor, times: torch.Tensor, concepts: torch.Tensor | None) -> torch.Tensor:
        context = self.enter(tokens) + self.positions  # [F, T, d]
        if concepts is not None:
            context = torch.cat([context, concepts], 1)
        x = self.queries + times[:, None]  # [F, K, d]
        for layer in self.layers:
            x = layer(x, context)
        return x

    def across(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        real = mask.any(1, keepdim=True)  # [B, 1]
        # A clip without frames attends to its zeros, since attention to nothing is NaN. No mask at all is quicker.
        looked_at = None if mask.all() else mask | ~real
        for layer in self.temporal:
            x = layer(x, mask=looked_at)
        if self.config.per == "frame":
            return x, mask
        queries = self.clip_queries.expand(len(x), -1, -1)
        own = torch.ones(queries.shape[:2], dtype=torch.bool, device=mask.device)
        x = self.gather(queries, x, None if looked_at is None else torch.cat([looked_at, own], 1))
        return x, real.expand(-1, queries.shape[1])


class MlpProjector(Adapter):
    """Neighbouring tokens of the grid are laid side by side, then two linear layers; each frame by itself."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__(config)
        joined = config.vision_width * config.shuffle**2
        self.enter = nn.Sequential(nn.LayerNorm(joined), nn.Linear(joined, config.width))
        self.dropout = nn.Dropout(config.dropout)

    def each_frame(self, tokens: torch.Tensor, times: torch.Tensor, concepts: torch.Tensor | None) -> torch.Tensor:
        x = self.enter(space_to_depth(tokens, self.config.shuffle))  # [F, T / shuffle^2, d]
        if concepts is not None:
            x = torch.cat([x, concepts], 1)
        inner: torch.Tensor = self.dropout(functional.gelu(x + times[:, None]))
        return inner


def space_to_depth(tokens: torch.Tensor, factor: int) -> torch.Tensor:
    """[F, side * side, D] -> [F, T / factor^2, D * factor^2]: each square of tokens becomes one, in reading order."""
    if factor == 1:
        return tokens
    side = math.isqrt(tokens.shape[1])
    grid = tokens.unflatten(1, (side // factor, factor, side // factor, factor))  # [F, Y, y, X, x, D]
    return grid.permute(0, 1, 3, 2, 4, 5).flatten(3).flatten(1, 2)


def make_adapter(config: AdapterConfig) -> Adapter:
    """With random weights."""
    adapter = PerceiverResampler(config) if config.kind == "perceiver" else MlpProjector(config)
    return adapter.apply(keep_variance)


def keep_variance(module: nn.Module) -> None:
    """Linear layers begin by giving back the variance that they are given."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
