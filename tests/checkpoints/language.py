"""Tiny causal language models: random weights, tokenizers trained here on a few sentences, saved as their makers do.

Width 64 is a block of bitsandbytes, so that NF4 and INT8 can be tested on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# In the manner of models that think aloud unless they are asked not to.
THINKING = CHATML.replace(
    "assistant\n' }}", "assistant\n' }}{% if enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
)
# In the manner of models that know no system role, want turns to alternate, and trim what is said.
TURNS = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' "
    "+ message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
SENTENCES = (
    "A red car stops at the crossing at twelve seconds.",
    "The speaker says that the harbour opens in May.",
    "What is shown in these pictures of the video? Answer in one sentence.",
    "user assistant system model",
)
SEED = 5
SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": True,
}


def tiny_llama(folder: Path, **options: Any) -> Path:
    """Byte-level BPE and ChatML, as SmolLM2: the lean network computes it."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return save(folder, LlamaForCausalLM, LlamaConfig, save_bpe(folder, CHATML), eos_token_id=2, **options)


def tiny_qwen(folder: Path, **options: Any) -> Path:
    """Another architecture (Qwen3: norms on queries and keys), and a template that is more than ChatML."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    size = save_bpe(folder, THINKING, ["<think>", "</think>"])  # added, but not special, as in models that think
    return save(folder, Qwen3ForCausalLM, Qwen3Config, size, eos_token_id=2, head_dim=16, **options)


def tiny_sentencepiece(folder: Path, template: str = TURNS, **options: Any) -> Path:
    """Gemma 2 (sliding windows, scaled embeddings) with a SentencePiece model; `template` "" for none."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    size = save_sentencepiece(folder, template)
    settings = {"sliding_window": 16, "head_dim": 16, "eos_token_id": [2, 5], **options}
    return save(folder, Gemma2ForCausalLM, Gemma2Config, size, **settings)


def tiny_lora(folder: Path, base: Path, **options: Any) -> Path:
    """What peft saves after training on the checkpoint in `base`, with changes large enough to be seen."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(SEED)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"], **options}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(task_type="CAUSAL_LM", **settings))
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.2)
    model.save_pretrained(str(folder))
    return folder


def tiny_gguf(file: Path) -> Path:
    """A Llama with its byte-level tokenizer and ChatML template in one file, as llama.cpp converts it."""
    import gguf
    from safetensors.torch import load_file

    folder = tiny_llama(file.parent / f"{file.stem}-source")
    tokens, merges = vocabulary(folder)
    writer = gguf.GGUFWriter(str(file), "llama")
    writer.add_name("tiny")
    writer.add_vocab_size(len(tokens))
    writer.add_context_length(SHAPE["max_position_embeddings"])
    writer.add_embedding_length(SHAPE["hidden_size"])
    writer.add_feed_forward_length(SHAPE["intermediate_size"])
    writer.add_block_count(SHAPE["num_hidden_layers"])
    writer.add_head_count(SHAPE["num_attention_heads"])
    writer.add_head_count_kv(SHAPE["num_key_value_heads"])
    writer.add_rope_dimension_count(SHAPE["hidden_size"] // SHAPE["num_attention_heads"])
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if t in CHATML_TOKENS else gguf.TokenType.NORMAL for t in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHATML)
    for name, weight in load_file(folder / "model.safetensors").items():
        writer.add_tensor(gguf_name(name), gguf_order(name, weight.float()).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def gguf_name(name: str) -> str:
    """llama.cpp's name of a Llama's weight."""
    parts = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "model.layers.": "blk.",
    }  # fmt: skip
    for theirs, ours in parts.items():
        name = name.replace(theirs, ours)
    return name


def gguf_order(name: str, weight: torch.Tensor) -> torch.Tensor:
    """llama.cpp rotates neighbours where transformers rotates halves: rows of queries and keys stand in that order."""
    heads = {"q_proj": SHAPE["num_attention_heads"], "k_proj": SHAPE["num_key_value_heads"]}
    for part, count in heads.items():
        if part in name:
            return weight.view(count, 2, -1, weight.shape[1]).transpose(1, 2).reshape(weight.shape).contiguous()
    return weight


def save(folder: Path, model: Any, config: Any, vocabulary_size: int, **options: Any) -> Path:
    torch.manual_seed(SEED)
    settings = {**SHAPE, "vocab_size": vocabulary_size, "bos_token_id": 1, "pad_token_id": 0, **options}
    settings.setdefault("initializer_range", 0.3)  # more than usual at first: layers matter, answers are no mere echo
    network = model(config(**settings))
    network.save_pretrained(folder)
    return folder


def save_bpe(folder: Path, template: str, added: Sequence[str] = ()) -> int:
    """Returns the size of the vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=list(CHATML_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.add_tokens(list(added))
    fast.chat_template = template
    fast.save_pretrained(folder)
    return len(fast)


def save_sentencepiece(folder: Path, template: str) -> int:
    """tokenizer.model and what names it, as Llama 2 and Gemma have them. Returns the size of the vocabulary."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=384,
        byte_fallback=True,
        control_symbols=["<start_of_turn>", "<end_of_turn>"],
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "tokenizer.vocab").unlink()
    settings: dict[str, Any] = {"tokenizer_class": "LlamaTokenizer", "legacy": False, "bos_token": "<s>"}
    settings |= {"eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True}
    settings["extra_special_tokens"] = ["<start_of_turn>", "<end_of_turn>"]
    if template:
        settings["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return int(sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model")).vocab_size())


def vocabulary(folder: Path) -> tuple[list[str], list[str]]:
    """Tokens in their order and merges of a tokenizer.json."""
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    numbers = dict(content["model"]["vocab"]) | {token["content"]: token["id"] for token in content["added_tokens"]}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in content["model"]["merges"]]
    return sorted(numbers, key=numbers.__getitem__), merges
