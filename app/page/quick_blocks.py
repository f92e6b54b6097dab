"""Gradio's Blocks, but what an update leaves alone costs nothing.

Gradio builds a component anew and describes it as JSON schema for every output that an event skips: 2 to 3 ms each, on
the event loop that all pages share. Polling skips nearly all of our fourteen parts, once a second for every open page.
"""

from __future__ import annotations

import copy
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_SKIP = gr.skip()


class QuickBlocks(gr.Blocks):
    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[str, Any], state: SessionState | None
    ) -> list[Any]:
        """As Gradio does it for the outputs that are not skipped; in the place of the others stands the skip itself."""
        outputs = block_fn.outputs
        if len(outputs) < 2 or not isinstance(predictions, list | tuple) or len(predictions) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        shown = [index for index, prediction in enumerate(predictions) if not _is_skip(prediction)]
        data: list[Any] = [dict(_SKIP) for _ in outputs]
        if not shown:
            return data
        fewer = copy.copy(block_fn)
        fewer.outputs = [outputs[index] for index in shown]
        kept = [predictions[index] for index in shown]
        made = await super().postprocess_data(fewer, kept if len(kept) > 1 else kept[0], state)
        for index, value in zip(shown, made, strict=True):
            data[index] = value
        return data


def _is_skip(prediction: Any) -> bool:
    return isinstance(prediction, dict) and prediction == _SKIP
