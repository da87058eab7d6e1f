"""The outputs of the model: which ones a request wants, and the response with them in JSON or as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson

from services.api.errors import MalformedBody
from services.api.model.loaded import Model
from services.api.prediction.answer import describe_model
from services.api.prediction.inference.request import InferOutput
from services.api.prediction.targets.target import Predicted, ServedTarget

__all__ = ["InferenceAnswer", "WantedOutput", "choose_outputs"]

TEXTS = "BYTES"


class WantedOutput(NamedTuple):
    """An output, and whether its data follow the JSON as bytes."""

    name: str
    is_binary: bool


def choose_outputs(
    requested: Sequence[InferOutput], outputs: Sequence[str], *, is_binary: bool
) -> tuple[WantedOutput, ...]:
    """Return the outputs of a request, in its order; all of them if it names none.

    Args:
        requested: what the request names.
        outputs: names of all outputs of the model.
        is_binary: for outputs that do not say it themselves.

    Raises:
        MalformedBody: unknown or repeated, or in a form that is not supported.
    """
    chosen: dict[str, WantedOutput] = {}
    for output in requested:
        name, parameters = output.name, output.parameters
        if name not in outputs:
            raise MalformedBody(f"output {name}: this model has the outputs {' and '.join(outputs)}")
        if name in chosen:
            raise MalformedBody(f"output {name}: it is requested twice")
        if parameters is not None and (parameters.classification or parameters.shared_memory_region):
            raise MalformedBody(f"output {name}: classification and shared memory are not supported")
        own = parameters.binary_data if parameters is not None else None
        chosen[name] = WantedOutput(name, is_binary if own is None else own)
    return tuple(chosen.values()) or tuple(WantedOutput(name, is_binary) for name in outputs)


class InferenceAnswer:
    """Writes responses of one model. What is the same in all of them is prepared once."""

    def __init__(self, model: Model, target: ServedTarget) -> None:
        """Prepare the constant parts."""
        lineage = describe_model(model)
        self._begin = {"model_name": lineage.pop("name"), "model_version": lineage.pop("version")}
        self._lineage, self._labels, self._tensors = lineage, target.classes, target.tensors
        self._packed = [struct.pack("<I", len(label.encode())) + label.encode() for label in target.classes]

    def write(
        self, predicted: Predicted, outputs: Sequence[WantedOutput], *, answer_id: str, feedback_token: str
    ) -> tuple[bytes, int | None]:
        """Return the body, and the length of its JSON if bytes of outputs follow it."""
        described, binary = [], []
        for name, is_binary in outputs:
            tensor = self._tensors[name]
            values, shape = tensor.read(predicted), [len(predicted.outputs), *tensor.shape]
            output: dict[str, Any] = {"name": name, "datatype": tensor.datatype, "shape": shape}
            if is_binary:
                binary.append(self._bytes(tensor.datatype, values))
                output["parameters"] = {"binary_data_size": len(binary[-1])}
            else:
                output["data"] = self._flat(tensor.datatype, values)
            described.append(output)
        parameters = {**self._lineage, "feedback_token": feedback_token}
        text = orjson.dumps(
            {**self._begin, "id": answer_id, "parameters": parameters, "outputs": described},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        return (b"".join((text, *binary)), len(text)) if binary else (text, None)

    def _flat(self, datatype: str, values: npt.NDArray[Any]) -> Any:
        """Return the values for JSON, in row-major order."""
        if datatype == TEXTS:
            return [self._labels[code] for code in values.tolist()]
        return np.ravel(values)

    def _bytes(self, datatype: str, values: npt.NDArray[Any]) -> bytes:
        if datatype == TEXTS:
            return b"".join([self._packed[code] for code in values.tolist()])
        return values.astype("<f4", copy=False).tobytes()
