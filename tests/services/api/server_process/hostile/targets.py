"""The routes that hostile bytes are sent to."""

import json

from tests.services.api.server_process.hostile.cases import Target

ROW = {"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"}
INPUTS = [
    {"name": name, "shape": [1], "datatype": datatype, "data": [ROW[name]]}
    for name, datatype in {
        "height": "FP32",
        "age": "INT64",
        "grafted": "BOOL",
        "kind": "BYTES",
        "soil": "BYTES",
    }.items()
]

TARGETS = {
    "predict": Target(b"/v1/predict", b"application/json", json.dumps({"rows": [ROW]}).encode()),
    "infer": Target(b"/v2/models/orchard/infer", b"application/json", json.dumps({"inputs": INPUTS}).encode()),
    "token": Target(
        b"/v1/auth/token",
        b"application/x-www-form-urlencoded",
        b"username=ana&password=grafted+quince",
        bad=422,
        is_open=True,
    ),
}
