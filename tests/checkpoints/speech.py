"""Whisper checkpoints with random weights, made from code alone: what they hear is nonsense, but in words and times.

The vocabulary has the order of multilingual Whisper's, its empty token included: by that one CTranslate2 tells it from
English-only checkpoints.
"""

from __future__ import annotations

import itertools
import string
from pathlib import Path

_SYLLABLES = 600
_TIMES = 1501  # 0.00 to 30.00 s in steps of 20 ms


def tiny_whisper(folder: Path, english_only: bool = False) -> Path:
    """A folder as `save_pretrained` writes it: one layer of width 16, two heads."""
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
    from transformers.models.whisper.tokenization_whisper import LANGUAGES, WhisperTokenizer

    languages = [f"<|{code}|>" for code in itertools.islice(LANGUAGES, 99)]
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{i * 0.02:.2f}|>" for i in range(_TIMES)]
    tokenizer = WhisperTokenizer(vocab={word: i for i, word in enumerate(_words())}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|startoftranscript|>", *languages, *tasks]})  # type: ignore[dict-item]
    tokenizer.add_tokens(times)
    at = tokenizer.convert_tokens_to_ids
    special = {
        "bos_token_id": at("<|endoftext|>"),
        "eos_token_id": at("<|endoftext|>"),
        "pad_token_id": at("<|endoftext|>"),
        "decoder_start_token_id": at("<|startoftranscript|>"),
    }
    sizes = {
        f"{part}_{what}": n for part in ("encoder", "decoder") for what, n in
        (("layers", 1), ("attention_heads", 2), ("ffn_dim", 32))
    }  # fmt: skip
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, num_mel_bins=80, suppress_tokens=[], begin_suppress_tokens=[], **sizes,
        **special,
    )  # fmt: skip
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    for weight in model.parameters():
        weight.data.mul_(20)  # so that what is heard depends on the sound
    model.generation_config = GenerationConfig(
        max_length=64,
        is_multilingual=not english_only,
        no_timestamps_token_id=at("<|notimestamps|>"),
        alignment_heads=[[0, 0], [0, 1]],
        lang_to_id={language: at(language) for language in languages},
        task_to_id={"translate": at("<|translate|>"), "transcribe": at("<|transcribe|>")},
        max_initial_timestamp_index=50,
        **special,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    return folder


def tiny_faster_whisper(folder: Path) -> Path:
    """The same for faster-whisper: `tiny_whisper` converted by CTranslate2's own converter."""
    from ctranslate2.converters import TransformersConverter

    source = tiny_whisper(folder.with_name(folder.name + "-source"))
    files = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(source), copy_files=files).convert(str(folder), quantization="int8")
    return folder


def _words() -> list[str]:
    """All bytes, syllables with and without a space before, the empty token, and then the end of the text."""
    from tokenizers.pre_tokenizers import ByteLevel

    pairs = ("".join(pair) for pair in itertools.product(string.ascii_lowercase, repeat=2))
    syllables = [word for pair in itertools.islice(pairs, _SYLLABLES // 2) for word in (f"Ġ{pair}", pair)]
    return [*sorted(ByteLevel.alphabet()), *syllables, "", "<|endoftext|>"]
