"""Tiny open_clip checkpoints: a ViT as OpenAI's and a SigLIP with a tower of timm, as the repositories of the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import open_clip
import torch
from safetensors.torch import save_file

Family = Literal["vit", "siglip"]

_TEXT_LAYERS = {"width": 32, "heads": 2, "layers": 2}
_SENTENCES = (
    "a photo of a red car on a wet street",
    "the quick brown fox jumps over the lazy dog",
    "a man plays the violin while 1234567890 people listen",
)


def tiny_clip(folder: Path, family: Family = "vit", preprocess: dict[str, Any] | None = None) -> Path:
    """Saves open_clip_config.json, open_clip_model.safetensors and, for SigLIP, its tokenizer. Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = clip_config() if family == "vit" else siglip_config(save_tokenizer(folder))
    model = build(config["model_cfg"])
    with torch.no_grad():  # as trained models have it: random towers see too little difference between two pictures
        model.logit_scale.fill_(4.6)
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    config["preprocess_cfg"] |= preprocess or {}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def clip_config() -> dict[str, Any]:
    """16 tokens of 32 numbers from 64 x 64 pixels."""
    vision = {"image_size": 64, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}
    return {
        "model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": {"context_length": 77, **_TEXT_LAYERS}},
        "preprocess_cfg": {
            "mean": [0.48145466, 0.4578275, 0.40821073],
            "std": [0.26862954, 0.26130258, 0.27577711],
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }


def siglip_config(vocabulary: int) -> dict[str, Any]:
    """timm's smallest ViT that pools by attention, as SigLIP does: 100 tokens of 96 numbers from 160 x 160 pixels."""
    text = {
        "context_length": 16,
        "vocab_size": vocabulary,
        "hf_tokenizer_name": "nobody/tiny-siglip",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
        "act_kwargs": {"approximate": "tanh"},
        **_TEXT_LAYERS,
    }
    vision = {"image_size": 160, "timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "none"}
    return {
        "model_cfg": {
            "embed_dim": 96, "init_logit_bias": -10, "custom_text": True, "vision_cfg": vision, "text_cfg": text,
        },
        "preprocess_cfg": {
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic", "resize_mode": "squash",
        },
    }  # fmt: skip


def build(model_cfg: dict[str, Any]) -> Any:
    """The model of a config, randomly initialised."""
    cfg = dict(model_cfg)
    return (open_clip.CustomTextCLIP if cfg.pop("custom_text", False) else open_clip.CLIP)(**cfg).eval()


def save_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer trained on three sentences. Returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<pad>", "<eos>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(_SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")
    fast.save_pretrained(folder)
    return len(fast)
