"""Bodies of inference requests, in JSON and with binary tensors, built by the text of the protocol only."""

import json
import struct

FORMATS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP32": "f",
    "FP64": "d",
}
DATATYPES = {"height": "FP64", "age": "INT64", "grafted": "BOOL", "kind": "BYTES", "soil": "BYTES"}


def pack(datatype, values):
    """Bytes of the values of a tensor. None is NaN, and an empty text."""
    if datatype == "BYTES":
        texts = [(value or "").encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    numbers = [float("nan") if value is None else value for value in values]
    return struct.pack(f"<{len(numbers)}{FORMATS[datatype]}", *numbers)


def tensor(name, datatype, values, shape=None, **more):
    return {"name": name, "datatype": datatype, "shape": shape or [len(values)], "data": values, **more}


def body(*tensors, binary=False, **members):
    """A body, and the length of its JSON if the data are binary."""
    if not binary:
        return json.dumps({"inputs": tensors, **members}).encode(), None
    packed = [pack(one["datatype"], one["data"]) for one in tensors]
    described = [
        {name: value for name, value in one.items() if name != "data"} | {"parameters": {"binary_data_size": len(data)}}
        for one, data in zip(tensors, packed, strict=True)
    ]
    text = json.dumps({"inputs": described, **members}).encode()
    return text + b"".join(packed), len(text)


def tensors_of(rows, **datatypes):
    """A tensor for each feature of rows of the small model."""
    types = DATATYPES | datatypes
    return [tensor(name, types[name], [row[name] for row in rows]) for name in rows[0]]
