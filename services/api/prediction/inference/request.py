"""Parse an inference request: its JSON, and the binary tensors behind the JSON."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, field

from services.api.errors import MalformedBody

__all__ = ["InferOutput", "InputTensor", "ParsedRequest", "RequestParser", "cut_text", "request_schemas"]

MAX_NAME = 200
MAX_ID = 1000
MAX_ERROR = 300
"""Maximum characters of a parser's message, which may quote the request."""

FORM = '{"inputs": [{"name": ..., "shape": [rows], "datatype": ..., "data": [value, ...]}, ...]}'

NOT_A_NUMBER = "JSON has no NaN and no Infinity: send a missing number as null, or as NaN in binary data"

NO_DATA = b"null"
"""JSON of an input without data."""

Size = Annotated[int, Meta(ge=0, le=2**62)]


class InferInputParameters(Struct, gc=False):
    """What describes the data of one input."""

    binary_data_size: Size | None = None
    shared_memory_region: Any = None


class InferInput(Struct, gc=False):
    """One input, as the JSON has it."""

    name: Annotated[str, Meta(max_length=MAX_NAME)]
    shape: Annotated[list[Size], Meta(min_length=1, max_length=2)]
    datatype: Annotated[str, Meta(max_length=MAX_NAME)]
    parameters: InferInputParameters | None = None
    data: Raw = field(default_factory=lambda: Raw(NO_DATA))


class InferOutputParameters(Struct, gc=False):
    """How one output is wanted."""

    binary_data: bool | None = None
    classification: Any = None
    shared_memory_region: Any = None


class InferOutput(Struct, gc=False):
    """One wanted output."""

    name: Annotated[str, Meta(max_length=MAX_NAME)]
    parameters: InferOutputParameters | None = None


class InferParameters(Struct):
    """Parameters of the request. Any others are ignored, as other servers do."""

    binary_data_output: bool = False


class InferRequest(Struct):
    """The JSON. Members that the protocol does not name are ignored."""

    inputs: Annotated[list[InferInput], Meta(min_length=1)]
    id: Annotated[str, Meta(max_length=MAX_ID)] | None = None
    parameters: InferParameters | None = None
    outputs: list[InferOutput] | None = None


@dataclass(frozen=True, slots=True)
class InputTensor:
    """One input, before its data are decoded: they are JSON or bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes | memoryview
    is_binary: bool

    @property
    def size(self) -> int:
        """The number of values in its shape."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request whose form is right."""

    id: str | None
    inputs: list[InputTensor]
    outputs: list[InferOutput]
    has_binary_outputs: bool
    """For outputs that do not say it themselves."""


class RequestParser:
    """Parses requests of one model. The data of tensors stay text, so all of it costs little."""

    def __init__(self, *, features: int) -> None:
        """Take the number of features, which is that of the most tensors."""
        self._features = features
        self._decoder = msgspec.json.Decoder(InferRequest)

    def parse(self, body: bytes, json_bytes: int | None) -> ParsedRequest:
        """Return the request.

        Args:
            body: the JSON, and the data of its binary tensors behind it.
            json_bytes: length of the JSON; None if there are no binary tensors.

        Raises:
            MalformedBody: says what is wrong, and where.
        """
        if json_bytes is not None and json_bytes > len(body):
            raise MalformedBody(
                f"Inference-Header-Content-Length is {json_bytes:,}, but the body has {len(body):,} bytes"
            )
        text = body if json_bytes is None else body[:json_bytes]
        request = self._decode(text)
        if len(request.inputs) > self._features:
            raise MalformedBody(f"inputs: {len(request.inputs):,} tensors; this model has {self._features} features")
        return ParsedRequest(
            request.id,
            _find_data(request.inputs, memoryview(body)[len(text) :]),
            request.outputs or [],
            request.parameters is not None and request.parameters.binary_data_output,
        )

    def _decode(self, text: bytes) -> InferRequest:
        try:
            request: InferRequest = self._decoder.decode(text)
        except msgspec.ValidationError as error:
            raise MalformedBody(f"{cut_text(error)}; the body must be {FORM}") from error
        except RecursionError as error:
            raise MalformedBody("Invalid JSON: it is nested too deeply") from error
        except (msgspec.MsgspecError, ValueError) as error:
            hint = NOT_A_NUMBER if b"NaN" in text or b"Infinity" in text else f"the body must be {FORM}"
            raise MalformedBody(f"Invalid JSON: {cut_text(error)}; {hint}") from error
        return request


def request_schemas() -> dict[str, Any]:
    """Return the JSON schemas of a request and of its parts, by name, for OpenAPI."""
    _, schemas = msgspec.json.schema_components((InferRequest,), ref_template="#/components/schemas/{name}")
    data = {"description": "The values in row-major order, flat or nested like the shape", "type": "array"}
    schemas["InferInput"]["properties"]["data"] = data
    return schemas


def cut_text(error: Exception) -> str:
    """Return the text of an error, at most 300 characters of it."""
    return str(error)[:MAX_ERROR]


def _find_data(inputs: list[InferInput], rest: memoryview) -> list[InputTensor]:
    """Return the inputs, each with its JSON data or with its part of the bytes behind the JSON, in their order."""
    tensors, start = [], 0
    for described in inputs:
        parameters = described.parameters or InferInputParameters()
        size, is_binary = parameters.binary_data_size, parameters.binary_data_size is not None
        if parameters.shared_memory_region is not None:
            raise MalformedBody(f"input {described.name}: shared memory is not supported; send the data in the body")
        data: bytes | memoryview = bytes(described.data)
        if is_binary == (data != NO_DATA):
            raise MalformedBody(f"input {described.name}: send either data or the parameter binary_data_size")
        if size is not None:
            if size > len(rest) - start:
                raise MalformedBody(
                    f"input {described.name}: binary_data_size is {size:,}, but only {len(rest) - start:,} bytes follow"
                )
            data = rest[start : start + size]
            start += size
        tensors.append(InputTensor(described.name, described.datatype, tuple(described.shape), data, is_binary))
    if start != len(rest):
        raise MalformedBody(f"{len(rest) - start:,} bytes follow the last binary tensor")
    return tensors
