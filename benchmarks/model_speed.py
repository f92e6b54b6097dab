"""How near the models come to what the machine can do: `python -m benchmarks.model_speed [--json] [--rounds N]`.

Encoders in images a second, beside plain fp32 torch and the machine's rate of products. The pack's decoder in every
precision: time to the first token of a prompt of 400, and tokens a second, beside the bytes of weights that a token
reads over the measured bandwidth. On the processor, and on the GPU if there is one. All limits are measured in the
same run. Then the pack's GGUF files through llama.cpp, those that are here.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine_limits import Limits, Samples, synchronise
from model import hardware
from model.language import gguf
from model.language.causal_lm import TransformersNetwork
from model.language.chat import Message
from model.language.gguf_header import find_file
from model.language.llama import Llama
from model.language.llama_cpp import LlamaCppDecoder
from model.language.network import Network
from model.language.precision import choose_lean
from model.language.turns import torch_threads
from model.pack import embedded_pack
from model.profile import DecoderChoice

PROMPT_TOKENS = 400  # the evidence of an answer: docs say near 400
STEPS_A_ROUND = 6
TOLD_TOKENS = 40  # an answer of llama.cpp's
NOTES_MARGIN = 30  # tokens of the question and of what the template puts around the notes
FRAMES = 8  # a batch
FRAME_PIXELS = (260, 260)
BYTES_4BIT = {"packed": 0.5 + 4 / 32, "nf4": 0.5 + 4 / 64}  # a weight, with the scales of its group

Row = dict[str, Any]
Subjects = dict[str, tuple[Callable[[], object], torch.dtype]]


def measure_decoders(rounds: int) -> Iterator[Row]:
    folder = gguf.packed_checkpoint()
    cores = hardware.count_cores()
    lean = choose_lean("auto")
    subjects: list[tuple[str, Callable[[], Network], str, int]] = [
        (f"lean, auto ({lean[0]}{', 4-bit copies' if lean[1] else ''})", lambda: Llama(folder, *lean), "packed", 1),
        ("lean, bf16", lambda: Llama(folder, "bf16"), "bf16", 1),
        ("lean, bf16", lambda: Llama(folder, "bf16"), "bf16", cores),
        ("lean, fp32", lambda: Llama(folder, "fp32"), "fp32", 1),
        ("lean, nf4", lambda: Llama(folder, "nf4"), "nf4", 1),
        ("transformers, bf16", lambda: TransformersNetwork(folder, "bf16"), "bf16", 1),
    ]
    if hardware.find_gpu() is not None:
        subjects.append(("transformers, nf4", lambda: TransformersNetwork(folder, "nf4"), "nf4", 1))
        subjects.append(("transformers, int8", lambda: TransformersNetwork(folder, "int8"), "int8", 1))
    for name, make, kind, threads in subjects:
        network = make()
        yield measure_decoder(name, network, kind, threads, rounds)
        del network
        gc.collect()


def measure_decoder(name: str, network: Network, kind: str, threads: int, rounds: int) -> Row:
    """`kind` is how its linear layers are kept, which says how many bytes a token reads."""
    limits = Limits(network.device, (network.dtype,))
    every, step = Samples(), Samples()
    prompt = list(range(1000, 1000 + PROMPT_TOKENS))
    with torch.inference_mode():
        for _ in range(rounds):
            with torch_threads(hardware.count_cores()):
                limits.sample_products()
                cache = network.new_cache(PROMPT_TOKENS + STEPS_A_ROUND + 1)
                began = time.perf_counter()
                token = int(network.extend(network.embed(prompt), cache).argmax())
                every.seconds.append(time.perf_counter() - began)
            with torch_threads(threads):
                limits.sample_reading()
                for _ in range(STEPS_A_ROUND):
                    began = time.perf_counter()
                    token = int(network.extend(network.embed([token]), cache).argmax())
                    step.seconds.append(time.perf_counter() - began)
    read = bytes_per_token(network, kind)
    limit = limits.bytes_per_second / read
    return {
        "what": name,
        "device": network.device.type,
        "threads": threads if network.device.type == "cpu" else 0,
        "first_token_s": every.best,
        "first_token_limit_s": 2 * network.parameters * PROMPT_TOKENS / limits.flops_per_second(network.dtype),
        "per_second": 1 / step.best,
        "limit_per_second": limit,
        "share_of_limit": 1 / step.best / limit,
        "bytes": read,
        "bytes_per_second": limits.bytes_per_second,
    }


def bytes_per_token(network: Network, kind: str) -> float:
    """Weights read for one token: all of them once; the output layer is the embedding, which is never quantised."""
    size = torch.empty(0, dtype=network.dtype).element_size()
    table = network.width * (network.embedding.shape[0] if isinstance(network, Llama) else vocabulary(network))
    per_weight = BYTES_4BIT.get(kind, 1.0 if kind == "int8" else size)
    return table * size + (network.parameters - table) * per_weight


def measure_llama_cpp(rounds: int) -> Iterator[Row]:
    """The pack's GGUF files through llama.cpp, each with one thread and with all cores."""
    for name in ("decoder", "language"):
        if embedded_pack().has(name):
            file = find_file(embedded_pack().part(name))
            for threads in sorted({1, hardware.count_cores()}):
                yield measure_gguf(file, threads, rounds)


def measure_gguf(file: Path, threads: int, rounds: int) -> Row:
    """A prompt that begins like no other, then a second question about the same notes."""
    began = time.perf_counter()
    decoder = LlamaCppDecoder(file, DecoderChoice("gguf", f"path:{file}", threads=threads))
    load_s = time.perf_counter() - began
    fresh, again = Samples(), Samples()
    tokens_per_second, read = 0.0, 0
    for number in range(rounds):
        for question, samples in (("When does it leave?", fresh), ("What leaves? Tell it as a long story.", again)):
            for _ in decoder.stream(about_notes(decoder, number, question), TOLD_TOKENS):
                pass
            assert decoder.last_stats is not None
            samples.seconds.append(decoder.last_stats.first_token_s)
            tokens_per_second = max(tokens_per_second, decoder.last_stats.tokens_per_second)
            if samples is fresh:
                read = decoder.last_stats.prompt_tokens - decoder.last_stats.cached_tokens
    decoder.close()
    return {
        "what": file.stem,
        "device": "cpu" if hardware.find_gpu() is None else "as llama.cpp chose",
        "threads": threads,
        "load_s": load_s,
        "prompt_tokens": read,
        "first_token_s": fresh.best,
        "prompt_per_second": read / fresh.best,
        "cached_first_token_s": again.best,
        "per_second": tokens_per_second,
    }


def about_notes(decoder: LlamaCppDecoder, number: int, question: str) -> list[Message]:
    """A prompt of about PROMPT_TOKENS; `number` stands at its very beginning, so that no other's is reused."""
    notes = f"{number} notes.\n"
    line = 0
    while decoder.count_tokens(notes) < PROMPT_TOKENS - NOTES_MARGIN:
        line += 1
        notes += f"[{line}] 0:{line:02d} heard: The ferry leaves the harbour at nine.\n"
    return [{"role": "system", "content": notes}, {"role": "user", "content": question}]


def vocabulary(network: Any) -> int:
    size: int = network.model.config.vocab_size
    return size


def measure_encoders(rounds: int) -> Iterator[Row]:
    """The embedded encoder in what it chooses and in fp32, and ViT-B/32, each with plain fp32 torch beside it."""
    import timm

    from model.text.minilm import MiniLM
    from model.vision.embedded import EmbeddedEncoder

    text = MiniLM()
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, *FRAME_PIXELS, 3), np.uint8)
    chosen = hardware.describe().bf16
    plain = timm.create_model("tf_efficientnet_lite2", pretrained=False).eval()
    pixels = torch.zeros(FRAMES, 3, *FRAME_PIXELS)
    subjects: Subjects = {}
    for bf16 in sorted({chosen, False}):
        encoder = EmbeddedEncoder(text, bf16=bf16)
        dtype = torch.bfloat16 if bf16 else torch.float32
        subjects[f"embedded, fused, {'bf16' if bf16 else 'fp32'}"] = partial(encoder.encode_frames, frames), dtype
    name = "EfficientNet-Lite2, plain fp32 torch"
    yield from measure_side_by_side(name, plain, pixels, subjects, torch.device("cpu"), rounds)
    with tempfile.TemporaryDirectory() as folder:
        yield from measure_open_clip(Path(folder), rounds)


def measure_open_clip(folder: Path, rounds: int) -> Iterator[Row]:
    """ViT-B/32 at 224 pixels with random weights, saved and loaded as a checkpoint."""
    import open_clip
    from safetensors.torch import save_file

    from model.vision.open_clip_encoder import OpenClipEncoder

    config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": {}}
    whole = open_clip.create_model("ViT-B-32").eval()
    save_file(whole.state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    encoder = OpenClipEncoder(folder)
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, 224, 224, 3), np.uint8)
    plain = whole.visual.to(encoder.device)
    pixels = torch.zeros(FRAMES, 3, 224, 224, device=encoder.device)
    name = f"open_clip ViT-B/32, {str(encoder.dtype).removeprefix('torch.')}"
    subjects: Subjects = {name: (partial(encoder.encode_frames, frames), encoder.dtype)}
    yield from measure_side_by_side("ViT-B/32, plain fp32 torch", plain, pixels, subjects, encoder.device, rounds)


def measure_side_by_side(
    name: str,
    plain: torch.nn.Module,
    pixels: torch.Tensor,
    subjects: Subjects,
    device: torch.device,
    rounds: int,
) -> Iterator[Row]:
    """One batch of each in turns. `plain`, the same network without our doing, tells how much there is to compute."""
    operations = count_operations(plain, pixels) / FRAMES
    dtypes = tuple({torch.float32, *(dtype for _, dtype in subjects.values())})
    limits = Limits(device, dtypes)
    everything = {name: ((lambda: plain(pixels)), torch.float32), **subjects}
    samples = {each: Samples() for each in everything}
    with torch.inference_mode():
        for _ in range(rounds):
            limits.sample_products()
            for each, (work, _) in everything.items():
                synchronise(device)
                began = time.perf_counter()
                work()
                synchronise(device)
                samples[each].seconds.append(time.perf_counter() - began)
    for each, (_, dtype) in everything.items():
        rate, limit = FRAMES / samples[each].best, limits.flops_per_second(dtype) / operations
        yield {
            "what": each,
            "device": device.type,
            "threads": torch.get_num_threads() if device.type == "cpu" else 0,
            "per_second": rate,
            "limit_per_second": limit,
            "share_of_limit": rate / limit,
            "times_plain": samples[name].best / samples[each].best,
            "operations": operations,
            "operations_per_second": limits.flops_per_second(dtype),
        }


def count_operations(network: torch.nn.Module, pixels: torch.Tensor) -> int:
    """Multiplications and additions of one batch."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(pixels)
    return counter.get_total_flops()


def print_tables(encoders: list[Row], decoders: list[Row], ggufs: list[Row]) -> None:
    machine = hardware.describe()
    print(f"{machine.cpu}, {machine.cores} cores{f', {machine.gpu.name}' if machine.gpu else ''}\n")
    print("| encoder | device | images/s | times plain | images/s at the measured rate of products | share |")
    print("|---|---|---|---|---|---|")
    for row in encoders:
        print(
            f"| {row['what']} | {place(row)} | {row['per_second']:.0f} | {row['times_plain']:.1f} | "
            f"{row['limit_per_second']:.0f} ({row['operations_per_second'] / 1e9:.0f} GFLOP/s) | "
            f"{row['share_of_limit']:.0%} |"
        )
    print(f"\n| SmolLM2-135M | device | first of {PROMPT_TOKENS} tokens, s | at the measured rate, s ", end="")
    print("| tokens/s | tokens/s at the measured bandwidth | share |\n|---|---|---|---|---|---|---|")
    for row in decoders:
        print(
            f"| {row['what']} | {place(row)} | {row['first_token_s']:.2f} | {row['first_token_limit_s']:.2f} | "
            f"{row['per_second']:.0f} | {row['limit_per_second']:.0f} ({row['bytes'] / 1e6:.0f} MB at "
            f"{row['bytes_per_second'] / 1e9:.0f} GB/s) | {row['share_of_limit']:.0%} |"
        )

    print("\n| llama.cpp | device | loading, s | prompt, tokens/s ", end="")
    print(
        f"| first of {PROMPT_TOKENS} tokens, s | the same, notes known, s | tokens/s |\n|---|---|---|---|---|---|---|"
    )
    for row in ggufs:
        print(
            f"| {row['what']} | {place(row)} | {row['load_s']:.1f} | {row['prompt_per_second']:.0f} | "
            f"{row['first_token_s']:.2f} | {row['cached_first_token_s']:.2f} | {row['per_second']:.0f} |"
        )


def place(row: Row) -> str:
    threads = row["threads"]
    return f"{row['device']}, {threads} thread{'s' if threads > 1 else ''}" if threads else str(row["device"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    hardware.set_threads()
    encoders = list(measure_encoders(arguments.rounds))
    decoders = list(measure_decoders(arguments.rounds))
    ggufs = list(measure_llama_cpp(arguments.rounds))
    if arguments.json:
        print(json.dumps({"encoders": encoders, "decoders": decoders, "llama.cpp": ggufs}, indent=2))
    else:
        print_tables(encoders, decoders, ggufs)


if __name__ == "__main__":
    main()
