"""Writes the averaged weights as the file that the engine reads: two ONNX graphs in one archive."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from local_space.recognition import SIDE
from local_space.training import network

_OPSET = 17
# Smaller ones stay as they are: nothing would be saved.
_HALVED_FROM = 256


class _Recognition(nn.Module):
    """A picture to features, a whole, and what the heads say."""

    def __init__(self, encoder: network.Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: torch.Tensor) -> List[torch.Tensor]:
        features, whole, answers = self.encoder(image)
        found = network.heads(answers)
        angles, kinds = torch.softmax(found["angles"], 1), torch.softmax(found["kinds"], 1)
        rest = [found["above"], found["nearness"], found["scale"]]
        return [
            features,
            whole,
            angles,
            kinds,
            torch.stack(rest, 1),
            found["middle"],
            found["log_half"],
        ]


class _Occupancy(nn.Module):
    """Points in box coordinates to logits."""

    def __init__(self, decoder: network.Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self,
        boxed: torch.Tensor,
        half: torch.Tensor,
        camera: torch.Tensor,
        features: torch.Tensor,
        mask: torch.Tensor,
        whole: torch.Tensor,
    ) -> torch.Tensor:
        inputs = network.point_features(boxed, half, camera, features, mask, network.gathered)
        told = network.pose(camera[:, 0], camera[:, 1], camera[:, 2], half)
        return self.decoder(inputs, whole, told)


_ENCODED = ("features", "whole", "angles", "kinds", "view", "middle", "log_half")
_DECODED = ("points", "half", "camera", "features", "mask", "whole")


def export(checkpoint: Path, path: Path) -> None:
    """Both graphs, large weights as half floats, in one archive."""
    net = network.Network()
    net.load_state_dict(torch.load(checkpoint, map_location="cpu")["average"])
    net.eval()
    image = torch.rand(1, 4, SIDE, SIDE)
    features, whole, _ = net.encoder(image)
    points = torch.rand(1, 100, 3)
    half, camera = torch.rand(1, 3) + 0.1, torch.tensor([[30.0, 20.0, 0.3, 0.8, 0.5, 0.5]])
    some = {"points": {1: "n"}, "logits": {1: "n"}}
    graphs = {
        "recognition.onnx": _graph(_Recognition(net.encoder), (image,), ("image",), _ENCODED, {}),
        "occupancy.onnx": _graph(
            _Occupancy(net.decoder),
            (points, half, camera, features, image[:, 3:], whole),
            _DECODED,
            ("logits",),
            some,
        ),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, graph in graphs.items():
            archive.writestr(zipfile.ZipInfo(name), graph, zipfile.ZIP_DEFLATED)


def _graph(
    module: nn.Module,
    inputs: Tuple[Any, ...],
    names: Tuple[Any, ...],
    outputs: Tuple[Any, ...],
    axes: Dict[str, Dict[int, str]],
) -> bytes:
    file = io.BytesIO()
    torch.onnx.export(
        module.eval(),
        inputs,
        file,
        input_names=list(names),
        output_names=list(outputs),
        dynamic_axes=axes,
        opset_version=_OPSET,
        dynamo=False,
    )
    return _halved(onnx.load_from_string(file.getvalue())).SerializeToString()


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large weights as half floats, each followed by a cast, which the run time does once."""
    casts = []
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size >= _HALVED_FROM:
            name = weights.name
            weights.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
            casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
