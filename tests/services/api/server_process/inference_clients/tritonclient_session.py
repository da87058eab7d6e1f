"""A session of tritonclient's HTTP client: reads the server and the rows from standard input, prints what it got.

It runs in an environment of its own (make inference-clients), without this repository's packages.
"""

import json
import sys

import gevent.ssl
import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, triton_to_np_dtype


def main():
    given = json.load(sys.stdin)
    model, rows, bearer = given["model"], given["rows"], {"Authorization": f"Bearer {given['token']}"}
    options = {"ca_certs": given["ca"]}
    secure = {"ssl": True, "ssl_options": options, "ssl_context_factory": gevent.ssl.create_default_context}
    with InferenceServerClient(given["url"].removeprefix("https://"), **secure) as client:
        metadata = client.get_model_metadata(model, headers=bearer)
        inputs = {form: tensors(metadata, rows, binary=form == "binary") for form in ("json", "binary")}
        found = {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready(model, headers=bearer),
            "version_ready": client.is_model_ready(model, "1", headers=bearer),
            "other_version_ready": client.is_model_ready(model, "2", headers=bearer),
            "server": client.get_server_metadata(headers=bearer),
            "metadata": metadata,
            "json": infer(client, model, tensors(metadata, rows[:1], binary=False), bearer, binary=False),
            "binary": infer(client, model, inputs["binary"], bearer, binary=True),
            "mixed": infer(client, model, inputs["binary"], bearer, binary=False),
            "version": infer(client, model, inputs["binary"], bearer, binary=True, model_version="1"),
            "default": infer(client, model, inputs["binary"], bearer, binary=None),
            "all_features": infer(client, model, [all_features(given["matrix"])], bearer, binary=True),
        }
        found["nan_in_json"] = refusal(client.infer, model, inputs["json"], headers=dict(bearer))
        found["no_token"] = refusal(client.infer, model, inputs["json"])
        found["other_model"] = refusal(client.infer, "other", inputs["json"], headers=dict(bearer))
        found["without_input"] = refusal(client.infer, model, inputs["binary"][1:], headers=dict(bearer))
        found["compressed"] = refusal(
            client.infer, model, inputs["json"], headers=dict(bearer), request_compression_algorithm="gzip"
        )
        found["metadata_without_token"] = refusal(client.get_model_metadata, model)
    print(json.dumps(found))  # noqa: T201


def tensors(metadata, rows, *, binary):
    made = []
    for described in metadata["inputs"]:
        name, datatype = described["name"], described["datatype"]
        missing = "" if datatype == "BYTES" else np.nan
        values = [missing if row[name] is None else row[name] for row in rows]
        tensor = InferInput(name, [len(rows)], datatype)
        tensor.set_data_from_numpy(np.array(values, dtype=triton_to_np_dtype(datatype)), binary_data=binary)
        made.append(tensor)
    return made


def all_features(matrix):
    values = np.array(matrix, dtype=np.float32)
    tensor = InferInput("input", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return tensor


def infer(client, model, inputs, bearer, *, binary, **options):
    """Ask for both outputs, or for none by name: then the client wants all of them, as bytes."""
    names = ("label", "probability")
    outputs = None if binary is None else [InferRequestedOutput(name, binary_data=binary) for name in names]
    result = client.infer(model, inputs, outputs=outputs, request_id="mine", headers=dict(bearer), **options)
    answer = result.get_response()
    labels = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label").tolist()]
    return {
        "id": answer["id"],
        "model": [answer["model_name"], answer["model_version"]],
        "feedback_token": answer["parameters"]["feedback_token"],
        "are_binary": ["data" not in output for output in answer["outputs"]],
        "label": labels,
        "probability": result.as_numpy("probability").tolist(),
    }


def refusal(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


if __name__ == "__main__":
    main()
