"""A lean Llama for the processor: the forward pass of SmolLM2, written out for one sequence.

transformers spends half of each token's time between kernels. Here q, k, v and the two halves of the MLP are one
product each, keys and values go into a buffer set aside beforehand, and a single token reads 4-bit weights where that
loses nothing. Same mathematics, same checkpoint layout (config.json, model.safetensors); no training.
Knows nothing of words: embeddings in, logits out. Llama: https://arxiv.org/abs/2302.13971.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn import functional

from model.errors import CheckpointError
from model.language.huge_pages import Arena
from model.language.lora import changes_of, merge
from model.language.network import Halted, measure_embeddings
from model.language.weight_files import read_json, read_safetensors

NF4_BLOCK = 64  # weights that share a scale; bitsandbytes' own default
GROUP = 32  # weights that share a scale and a minimum in GGUF's Q4_1
LEVELS = 15  # steps between a group's minimum and maximum in 4 bits
EXACT = 0.1  # of a step: bf16 rounds Q4_1 values by up to 0.03, weights that never were 4-bit miss by up to 0.5

Product = Callable[[torch.Tensor], torch.Tensor]  # [T, in] -> [T, out]


@dataclass(frozen=True)
class Layer:
    attention_norm: torch.Tensor
    qkv: Product
    output: Product
    mlp_norm: torch.Tensor
    gate_up: Product
    down: Product


class KeyValues:
    """Keys and values of one sequence, [layers, 2, heads, room, head]. `length` positions are filled."""

    def __init__(self, layers: int, heads: int, room: int, head: int, dtype: torch.dtype) -> None:
        self.tensor = torch.empty(layers, 2, heads, room, head, dtype=dtype)
        self.length = 0

    @property
    def room(self) -> int:
        return self.tensor.shape[3]

    def take(self, other: KeyValues) -> None:
        """Begins with what `other` holds: keys and values depend on earlier positions only."""
        self.tensor[:, :, :, : other.length] = other.tensor[:, :, :, : other.length]
        self.length = other.length


class Llama:
    """The weights of one checkpoint, kept as they are computed with."""

    def __init__(
        self, folder: Path, precision: Literal["bf16", "fp32", "nf4"], pack: bool = False, lora: Path | None = None
    ) -> None:
        """Reads config.json and model.safetensors from `folder`; merges in the weights that peft saved in `lora`.

        "nf4" computes in bf16. `pack` keeps a 4-bit copy for single tokens of every product that loses nothing by it;
        what `lora` changes is then added beside the copy, which holds the weights as they were.
        Raises CheckpointError if the files are damaged or describe another kind of network.
        """
        config = read_config(folder)
        self.device = torch.device("cpu")
        self.dtype = torch.float32 if precision == "fp32" else torch.bfloat16
        self.side_by_side = precision != "nf4"  # a library's own layers, of which that is not known
        make_product = quantized_product if precision == "nf4" else packed_product if pack else plain_product
        self.width: int = config["hidden_size"]
        self.heads: int = config["num_attention_heads"]
        self.kv_heads: int = config["num_key_value_heads"]
        self.head: int = config.get("head_dim") or self.width // self.heads
        self.epsilon: float = config["rms_norm_eps"]
        self.positions: int = config["max_position_embeddings"]
        weights = read_safetensors(folder / "model.safetensors")
        check_shapes(weights, config, folder / "model.safetensors")
        changes = changes_of(weights, lora) if lora is not None and pack else {}
        if lora is not None and not pack:
            merge(weights, lora)
        # Copies all: one tensor that stays would keep the whole mapped file (270 MB) in memory.
        count = sum(weight.numel() for weight in weights.values())
        self._arena = Arena(0 if precision == "nf4" else count * self.dtype.itemsize)
        table = weights["model.embed_tokens.weight"].to(self.dtype)
        self.embedding = self._arena.keep(table)  # [V, W]; output layer too
        self.norm = weights["model.norm.weight"].to(self.dtype, copy=True)
        layers = range(config["num_hidden_layers"])
        self.layers = [self._layer(weights, f"model.layers.{i}.", make_product, changes) for i in layers]
        self.parameters = count
        self.cosine, self.sine = self._rotations(config["rope_parameters"]["rope_theta"])

    def _layer(
        self,
        weights: dict[str, torch.Tensor],
        prefix: str,
        make: Callable[[torch.Tensor], Product],
        changes: dict[str, tuple[torch.Tensor, torch.Tensor]],
    ) -> Layer:
        def product(*names: str) -> Product:
            parts = [f"{prefix}{name}.weight" for name in names]
            weight = torch.cat([weights[part].to(self.dtype) for part in parts])
            if changes.keys().isdisjoint(parts):
                return make(self._arena.keep(weight))
            none = [(weights[part].new_zeros(0, weight.shape[1]), weights[part][:, :0]) for part in parts]
            factors = [changes.get(part, nothing) for part, nothing in zip(parts, none, strict=True)]
            down = torch.cat([factor.float() for factor, _ in factors])
            up = torch.block_diag(*(factor.float() for _, factor in factors))
            whole = self._arena.keep((weight.float() + up @ down).to(self.dtype))
            return changed_product(weight, whole, down.to(self.dtype), up.to(self.dtype))

        return Layer(
            attention_norm=weights[f"{prefix}input_layernorm.weight"].to(self.dtype, copy=True),
            qkv=product("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
            output=product("self_attn.o_proj"),
            mlp_norm=weights[f"{prefix}post_attention_layernorm.weight"].to(self.dtype, copy=True),
            gate_up=product("mlp.gate_proj", "mlp.up_proj"),
            down=product("mlp.down_proj"),
        )

    def _rotations(self, theta: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotary position tables [positions, 1, head]; the sign of "rotate half" is folded into the sine."""
        frequencies = theta ** -(torch.arange(0, self.head, 2) / self.head)
        angles = torch.outer(torch.arange(self.positions), frequencies).repeat(1, 2)[:, None]
        sine = angles.sin()
        sine[..., : self.head // 2] *= -1
        return angles.cos().to(self.dtype), sine.to(self.dtype)

    def new_cache(self, room: int) -> KeyValues:
        """For a sequence of at most `room` positions."""
        return KeyValues(len(self.layers), self.kv_heads, min(room, self.positions), self.head, self.dtype)

    def embed(self, tokens: list[int]) -> torch.Tensor:
        return self.embedding[tokens]  # [T, W]

    def embedding_statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        return measure_embeddings(self, self.embedding.shape[0])

    def extend(self, x: torch.Tensor, cache: KeyValues, halted: Callable[[], bool] | None = None) -> torch.Tensor:
        """Appends embeddings x [T, W] to the sequence. Returns the last one's logits [V]. Call in inference mode.

        Raises Halted as soon as `halted()` is true.
        """
        start, end = cache.length, cache.length + x.shape[0]
        cosine, sine = self.cosine[start:end], self.sine[start:end]
        # A single new position sees everything; the first positions see what is before them; later ones need a mask.
        mask = torch.ones(end - start, end, dtype=torch.bool).tril(start) if start and end - start > 1 else None
        for layer, kept in zip(self.layers, cache.tensor, strict=True):
            if halted is not None and halted():
                raise Halted
            x = x + layer.output(
                self._attend(self._normed(x, layer.attention_norm), layer, kept, cosine, sine, mask, end)
            )
            gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, dim=-1)
            x = x + layer.down(functional.silu(gate) * up)
        cache.length = end
        return functional.linear(self._normed(x[-1], self.norm), self.embedding)

    def _attend(
        self,
        x: torch.Tensor,
        layer: Layer,
        kept: torch.Tensor,
        cosine: torch.Tensor,
        sine: torch.Tensor,
        mask: torch.Tensor | None,
        end: int,
    ) -> torch.Tensor:
        length = x.shape[0]
        qkv = layer.qkv(x).view(length, self.heads + 2 * self.kv_heads, self.head)
        turned, value = qkv[:, : -self.kv_heads], qkv[:, -self.kv_heads :]
        turned = turned * cosine + turned.roll(self.head // 2, -1) * sine
        query, key = turned[:, : self.heads].transpose(0, 1), turned[:, self.heads :]  # [H, T, D], [T, K, D]
        kept[0, :, end - length : end] = key.transpose(0, 1)
        kept[1, :, end - length : end] = value.transpose(0, 1)
        keys, values = kept[:, None, :, :end]  # [1, K, end, D] each
        if length == 1:
            # Heads that share keys become rows of one query: 40 us instead of 300 us with enable_gqa.
            grouped = query.reshape(1, self.kv_heads, -1, self.head)
            return functional.scaled_dot_product_attention(grouped, keys, values).reshape(1, -1)
        seen = functional.scaled_dot_product_attention(
            query[None], keys, values, attn_mask=mask, is_causal=mask is None, enable_gqa=True
        )
        return seen[0].transpose(0, 1).reshape(length, -1)

    def _normed(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (self.width,), weight, self.epsilon)


def plain_product(weight: torch.Tensor) -> Product:
    """A linear layer without bias, `weight` [out, in], as a function; so are the two below."""
    return lambda x: functional.linear(x, weight)


def packed_product(weight: torch.Tensor) -> Product:
    """Reads 4-bit weights for a single token, which waits for memory alone; 16 or 32 bits for more, which compute.

    A weight that is no Q4_1 stays plain.
    """
    single = four_bit_product(weight)
    if single is None:
        return plain_product(weight)
    return lambda x: single(x) if x.shape[0] == 1 else functional.linear(x, weight)


def changed_product(weight: torch.Tensor, whole: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> Product:
    """As `packed_product`; whole: `weight` with the change [out, r] @ [r, in], which has no 4-bit copy of its own."""
    single = four_bit_product(weight)
    if single is None:
        return plain_product(whole)
    return lambda x: (
        single(x) + functional.linear(functional.linear(x, down), up)
        if x.shape[0] == 1
        else functional.linear(x, whole)
    )


def four_bit_product(weight: torch.Tensor) -> Product | None:
    """For a single token. What was Q4_1 goes back into 4 bits as it was; None where they change the weight."""
    groups = weight.float().unflatten(1, (-1, GROUP)) if weight.shape[1] % GROUP == 0 else None
    if groups is None or weight.shape[0] % GROUP:
        return None
    low = groups.amin(-1)
    step = ((groups.amax(-1) - low) / LEVELS).clamp(min=1e-8)
    exact = (groups - low[..., None]) / step[..., None]
    codes = exact.round()
    if (exact - codes).abs().max() > EXACT:
        return None
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.int().flatten(1), 1)
    # The kernel computes (code - 8) * step + offset, in bf16 whatever the other products use.
    steps = torch.stack([step.T, (low + 8 * step).T], -1).to(torch.bfloat16)  # [groups, out, 2]
    multiply = torch.ops.aten._weight_int4pack_mm_for_cpu

    return lambda x: multiply(x.to(torch.bfloat16), packed, GROUP, steps).to(x.dtype)


def quantized_product(weight: torch.Tensor) -> Product:
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    # On "meta" its own random weight costs nothing.
    layer = Linear4bit(weight.shape[1], weight.shape[0], False, torch.bfloat16, quant_type="nf4", device="meta")
    layer.weight = Params4bit(weight, requires_grad=False, quant_type="nf4", blocksize=NF4_BLOCK)
    return layer.to("cpu").eval()


def computes(folder: Path) -> bool:
    """Whether this network computes that checkpoint. Raises CheckpointError if it has no configuration."""
    config = read_json(folder / "config.json")
    return not differences(config) and (folder / "model.safetensors").is_file()


def read_config(folder: Path) -> dict[str, Any]:
    """Raises CheckpointError if there is none, or it describes a network that is computed otherwise."""
    config = read_json(folder / "config.json")
    if wrong := differences(config):
        raise CheckpointError(
            f"The language model in {folder} is not one that the lean network computes: see {', '.join(wrong)}."
        )
    return config


def differences(config: dict[str, Any]) -> list[str]:
    """Keys of a configuration that ask for another computation than this one."""
    rope = config.get("rope_parameters") or {}
    fits = {
        "model_type": config.get("model_type") == "llama",
        "rope_parameters": rope.get("rope_type", "default") == "default" and "rope_theta" in rope,
        "tie_word_embeddings": config.get("tie_word_embeddings") is True,
        "attention_bias": not config.get("attention_bias") and not config.get("mlp_bias"),
        "hidden_act": config.get("hidden_act") == "silu",
        "quantization_config": not config.get("quantization_config"),
    }
    return [key for key, right in fits.items() if not right]


def check_shapes(weights: dict[str, torch.Tensor], config: dict[str, Any], file: Path) -> None:
    """Raises CheckpointError at the first weight that is missing or not of the shape that `config` says."""
    width, wide, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    expected: dict[str, tuple[int, ...]] = {"model.embed_tokens": (vocabulary, width), "model.norm": (width,)}
    for layer in range(config["num_hidden_layers"]):
        for name, shape in {
            "input_layernorm": (width,), "post_attention_layernorm": (width,), "self_attn.q_proj": (queries, width),
            "self_attn.k_proj": (keys, width), "self_attn.v_proj": (keys, width), "self_attn.o_proj": (width, queries),
            "mlp.gate_proj": (wide, width), "mlp.up_proj": (wide, width), "mlp.down_proj": (width, wide),
        }.items():  # fmt: skip
            expected[f"model.layers.{layer}.{name}"] = shape
    for name, shape in expected.items():
        found = weights.get(f"{name}.weight")
        if found is None or tuple(found.shape) != shape:
            what = "nothing" if found is None else list(found.shape)
            raise CheckpointError(f"{file}: {name}.weight: expected {list(shape)} as config.json says, found {what}.")
