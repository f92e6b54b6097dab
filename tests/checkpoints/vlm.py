"""Tiny vision-language checkpoints: each family's configuration, processor and chat template, with random weights.

Two layers, stills of a few dozen tokens: built, saved and loaded in well under a second. The templates are written in
the manner of the family (where its placeholders stand, what it does with the images of one message), not copied.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

CHATML_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN_TOKENS = [*CHATML_TOKENS, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
SENTENCES = (
    "A red car stops at the crossing at twelve seconds.",
    "The speaker says that the harbour opens in May.",
    "What is shown in these pictures of the video? Answer in one sentence.",
)
WIDTH = 64  # a block of bitsandbytes: its 4-bit product for processors refuses narrower layers
SEED = 7

# One body for ChatML families; what an image becomes is filled in.
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '@IMAGE@' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
# LLaVA-OneVision puts all the images of a message before its texts.
LLAVA = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SMOLVLM = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% else %}{{ '<image>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
THINKING = CHATML.replace(
    "'<|im_start|>assistant\n' }}",
    "'<|im_start|>assistant\n' }}{% if enable_thinking is defined and not enable_thinking %}"
    "{{ '<think>\n\n</think>\n\n' }}{% endif %}",
)


def tiny_qwen3_vl(folder: Path, thinking: bool = False) -> Path:
    """32 x 32 pixels a token. With `thinking`, a template that writes its thoughts down unless it is told not to."""
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = byte_tokenizer(QWEN_TOKENS, extra=("<think>", "</think>"))
    size = {"shortest_edge": 64 * 64, "longest_edge": 1024 * 1024}
    images = Qwen2VLImageProcessor(patch_size=16, merge_size=2, temporal_patch_size=2, size=size)
    template = (THINKING if thinking else CHATML).replace("@IMAGE@", QWEN_IMAGE)
    processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=template)
    config = Qwen3VLConfig(
        text_config={
            **text_config(tokenizer),
            "head_dim": 16,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 2,
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_heads": 4,
            "patch_size": 16,
            "out_hidden_size": WIDTH,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        **qwen_ids(tokenizer),
    )
    return save(folder, Qwen3VLForConditionalGeneration, config, processor)


def tiny_qwen2_5_vl(folder: Path) -> Path:
    """28 x 28 pixels a token, with windowed attention in the vision tower."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = byte_tokenizer(QWEN_TOKENS)
    images = Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 1024 * 1024})
    template = CHATML.replace("@IMAGE@", QWEN_IMAGE)
    processor = Qwen2_5_VLProcessor(images, tokenizer, Qwen2VLVideoProcessor(), chat_template=template)
    config = Qwen2_5_VLConfig(
        text_config={
            **text_config(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_heads": 4,
            "out_hidden_size": WIDTH,
            "fullatt_block_indexes": [1],
        },
        **qwen_ids(tokenizer),
    )
    return save(folder, Qwen2_5_VLForConditionalGeneration, config, processor)


def tiny_videollama3(folder: Path) -> Path:
    """14 x 14 pixels a token: nothing is merged for images."""
    from transformers import (
        VideoLlama3Config,
        VideoLlama3ForConditionalGeneration,
        VideoLlama3ImageProcessor,
        VideoLlama3Processor,
        VideoLlama3VideoProcessor,
    )

    tokenizer = byte_tokenizer(QWEN_TOKENS)
    images = VideoLlama3ImageProcessor(size={"shortest_edge": 28 * 28, "longest_edge": 224 * 224})
    template = CHATML.replace("'@IMAGE@'", "image_token + '\n'")
    processor = VideoLlama3Processor(images, tokenizer, VideoLlama3VideoProcessor(), chat_template=template)
    config = VideoLlama3Config(
        text_config={"model_type": "qwen2", **text_config(tokenizer)},
        vision_config={**vision_config(), "patch_size": 14},
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
    )
    return save(folder, VideoLlama3ForConditionalGeneration, config, processor)


def tiny_smolvlm2(folder: Path) -> Path:
    """16 tokens a tile of 64 pixels; an image that is split becomes many tiles."""
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    rows = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    own = ["<fake_token_around_image>", "<image>", "<global-img>", "<end_of_utterance>"]
    tokenizer = byte_tokenizer([*CHATML_TOKENS, *own, *rows], end="<end_of_utterance>")
    images = SmolVLMImageProcessor(size={"longest_edge": 256}, max_image_size={"longest_edge": 64})
    processor = SmolVLMProcessor(images, tokenizer, SmolVLMVideoProcessor(), image_seq_len=16, chat_template=SMOLVLM)
    config = SmolVLMConfig(
        text_config={"model_type": "llama", **text_config(tokenizer)},
        vision_config={**vision_config(), "image_size": 64, "patch_size": 8},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    return save(folder, SmolVLMForConditionalGeneration, config, processor)


def tiny_llava_onevision(folder: Path) -> Path:
    """16 tokens a view of 64 pixels; a single image gets a second, finer view, one of several does not."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    tokenizer = byte_tokenizer([*CHATML_TOKENS, "<image>", "<video>"])
    grid = [[64, 64], [64, 128], [128, 64], [128, 128]]
    size = {"height": 64, "width": 64}
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=grid),
        tokenizer,
        LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=LLAVA,
    )
    config = LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **text_config(tokenizer)},
        vision_config={
            "model_type": "siglip_vision_model",
            **vision_config(),
            "image_size": 64,
            "patch_size": 16,
            "vision_use_head": False,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grid,
    )
    return save(folder, LlavaOnevisionForConditionalGeneration, config, processor)


def tiny_internvl(folder: Path) -> Path:
    """16 tokens a tile of 64 pixels."""
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    names = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = byte_tokenizer([*CHATML_TOKENS, *names.values()], names=names)
    size = {"height": 64, "width": 64}
    processor = InternVLProcessor(
        GotOcr2ImageProcessor(size=size, crop_to_patches=False),
        tokenizer,
        InternVLVideoProcessor(size=size),
        image_seq_length=16,
        chat_template=CHATML.replace("@IMAGE@", "<IMG_CONTEXT>\n"),
    )
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **text_config(tokenizer)},
        vision_config={**vision_config(), "image_size": [64, 64], "patch_size": [8, 8]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=16,
    )
    return save(folder, InternVLForConditionalGeneration, config, processor)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "Qwen3-VL": tiny_qwen3_vl,
    "Qwen2.5-VL": tiny_qwen2_5_vl,
    "SmolVLM2": tiny_smolvlm2,
    "LLaVA-OneVision": tiny_llava_onevision,
    "InternVL": tiny_internvl,
    "VideoLLaMA3": tiny_videollama3,
}


def byte_tokenizer(
    special: list[str], extra: tuple[str, ...] = (), names: dict[str, str] | None = None, end: str = "<|im_end|>"
) -> Any:
    """Byte-level BPE trained on three sentences; `special` and `extra` (not special, but whole) are added to it."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in extra])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=end, pad_token="<|endoftext|>", extra_special_tokens=names or {}
    )


def text_config(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def vision_config() -> dict[str, Any]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }


def qwen_ids(tokenizer: Any) -> dict[str, Any]:
    names = {"image_token_id": "image_pad", "video_token_id": "video_pad"}
    names |= {f"{name}_token_id": name for name in ("vision_start", "vision_end")}
    return {key: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}


def save(folder: Path, architecture: Any, config: Any, processor: Any) -> Path:
    """Weights are larger than at the start of a training, so that what a model sees changes what it says."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = architecture(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim > 1 and "norm" not in name:
                    weight.normal_(std=0.2)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
