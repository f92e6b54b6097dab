"""Tiny GGUF files with random weights, laid out as llama.cpp's converters do: a language model, and eyes for it."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from tests.checkpoints.language import CHATML, CHATML_TOKENS, SEED, save_bpe, vocabulary

WIDTH, HIDDEN, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 128, 2, 4, 2, 4096
PICTURE_PX, PATCH_PX, SHUFFLE = 64, 16, 2  # (64 / 16 / 2)^2 = 4 tokens a picture
PICTURE_TOKENS = ["<fake_token_around_image>", "<global-img>", "<image>", "<end_of_utterance>"]


def tiny_model(
    file: Path,
    template: str = CHATML,
    architecture: str = "qwen2",
    layers: int = LAYERS,
    hidden: int = HIDDEN,
    loops: bool = False,
) -> Path:
    """Qwen2 with a byte-level BPE and ChatML. `template` "" for none. One that `loops` writes a token for ever."""
    tokens, merges = tiny_vocabulary(file.parent)
    writer = gguf.GGUFWriter(str(file), architecture)
    writer.add_name("tiny")
    writer.add_vocab_size(len(tokens))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(hidden)
    writer.add_block_count(layers)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    control = {*CHATML_TOKENS, *PICTURE_TOKENS}
    writer.add_token_types([gguf.TokenType.CONTROL if t in control else gguf.TokenType.NORMAL for t in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)
    for name, weight in model_weights(len(tokens), layers, hidden).items():
        # Layers that add nothing: each token is most like itself, so it follows itself.
        writer.add_tensor(name, weight * 0 if loops and name.startswith("blk.") else weight)
    return save(writer, file)


def tiny_projector(file: Path, kind: str = "idefics3", width: int = WIDTH, longest_px: int = 4 * PICTURE_PX) -> Path:
    """Eyes as SmolVLM2 has them (SigLIP and a pixel shuffle), for a model of that `width`."""
    writer = gguf.GGUFWriter(str(file), "clip")
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(kind)
    writer.add_vision_projection_dim(width)
    writer.add_vision_image_size(PICTURE_PX)
    writer.add_vision_patch_size(PATCH_PX)
    writer.add_vision_embedding_length(WIDTH)
    writer.add_vision_feed_forward_length(HIDDEN)
    writer.add_vision_block_count(LAYERS)
    writer.add_vision_head_count(HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    writer.add_vision_projector_scale_factor(SHUFFLE)
    writer.add_vision_preproc_image_size(longest_px)
    for name, weight in projector_weights(width).items():
        writer.add_tensor(name, weight)
    return save(writer, file)


def tiny_vocabulary(folder: Path) -> tuple[list[str], list[str]]:
    """Tokens and merges. An empty line is a token, which llama.cpp puts before a picture of SmolVLM2."""
    source = folder / "vocabulary"
    if not source.exists():
        source.mkdir()
        save_bpe(source, CHATML, PICTURE_TOKENS)
    tokens, merges = vocabulary(source)
    return [*tokens, "ĊĊ"], [*merges, "Ċ Ċ"]


def model_weights(size: int, layers: int, hidden: int) -> dict[str, np.ndarray]:
    made = Made(SEED)
    weights = {"token_embd.weight": made.matrix(size, WIDTH), "output_norm.weight": made.ones(WIDTH)}
    of_keys = WIDTH * KV_HEADS // HEADS
    for layer in range(layers):
        block = f"blk.{layer}."
        for name, rows in (("q", WIDTH), ("k", of_keys), ("v", of_keys)):
            weights[f"{block}attn_{name}.weight"] = made.matrix(rows, WIDTH)
            weights[f"{block}attn_{name}.bias"] = made.matrix(rows)
        weights[f"{block}attn_output.weight"] = made.matrix(WIDTH, WIDTH)
        weights[f"{block}ffn_gate.weight"] = made.matrix(hidden, WIDTH)
        weights[f"{block}ffn_up.weight"] = made.matrix(hidden, WIDTH)
        weights[f"{block}ffn_down.weight"] = made.matrix(WIDTH, hidden)
        for name in ("attn_norm", "ffn_norm"):
            weights[f"{block}{name}.weight"] = made.ones(WIDTH)
    return weights


def projector_weights(width: int) -> dict[str, np.ndarray]:
    made = Made(SEED + 1)
    patches = (PICTURE_PX // PATCH_PX) ** 2
    weights = {
        "v.patch_embd.weight": made.matrix(WIDTH, 3, PATCH_PX, PATCH_PX),
        "v.patch_embd.bias": made.matrix(WIDTH),
        "v.position_embd.weight": made.matrix(patches, WIDTH),
        "v.post_ln.weight": made.ones(WIDTH),
        "v.post_ln.bias": made.matrix(WIDTH),
        "mm.model.fc.weight": made.matrix(width, WIDTH * SHUFFLE**2),
    }
    for layer in range(LAYERS):
        block = f"v.blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            weights[f"{block}{name}.weight"] = made.matrix(WIDTH, WIDTH)
            weights[f"{block}{name}.bias"] = made.matrix(WIDTH)
        for name in ("ln1", "ln2"):
            weights[f"{block}{name}.weight"] = made.ones(WIDTH)
            weights[f"{block}{name}.bias"] = made.matrix(WIDTH)
        for name, rows, columns in (("ffn_up", HIDDEN, WIDTH), ("ffn_down", WIDTH, HIDDEN)):
            weights[f"{block}{name}.weight"] = made.matrix(rows, columns)
            weights[f"{block}{name}.bias"] = made.matrix(rows)
    return weights


class Made:
    """Random weights, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def matrix(self, *shape: int) -> np.ndarray:
        return (self._random.standard_normal(shape) * 0.3).astype(np.float32)

    def ones(self, size: int) -> np.ndarray:
        return np.ones(size, np.float32)


def save(writer: gguf.GGUFWriter, file: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
