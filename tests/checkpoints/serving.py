"""A tiny chat model, and `transformers serve` as a process that serves tiny checkpoints as OpenAI-compatible models."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.ports import free_port

READY_S = 120.0  # importing torch and transformers takes a tenth of that on an idle machine
_REVISION = "0" * 40
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SENTENCES = ("A red car stops at the crossing.", "The harbour opens in May.", "What is said about the harbour?")


def tiny_chat_model(folder: Path) -> Path:
    """A Llama of one layer and width 32 with random weights, and a byte-level BPE tokenizer that speaks ChatML."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=384, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    fast.chat_template = CHATML
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@contextlib.contextmanager
def serve(builders: Mapping[str, Callable[[Path], object]], folder: Path) -> Iterator[str]:
    """The URL of a server process that has what `builders` build (by names such as "tiny/chat") and nothing else.

    It is laid out in `folder` as the hub's cache has it, so that it is listed, and loaded when asked for.
    """
    cache, port, log = folder / "hub", free_port(), folder / "server.log"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", "127.0.0.1", "--device", "cpu"]
    environment = os.environ | {
        "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with log.open("wb") as output:
        server = subprocess.Popen([*command, "--port", str(port)], env=environment, stdout=output, stderr=output)
    try:
        for name, build in builders.items():  # while the server starts: it looks for models when it is asked for them
            repository = cache / f"models--{name.replace('/', '--')}"
            build(repository / "snapshots" / _REVISION)
            (repository / "refs").mkdir()
            (repository / "refs" / "main").write_text(_REVISION)
        _wait_until_ready(server, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError(f"transformers serve is not ready: {log.read_text(errors='replace')[-2000:]}")
