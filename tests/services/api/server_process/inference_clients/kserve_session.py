"""A session of kserve's InferenceRESTClient: reads the server and the rows from standard input, prints what it got.

It runs in an environment of its own (make inference-clients), without this repository's packages.
"""

import asyncio
import json
import ssl
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def main():
    given = json.load(sys.stdin)
    url, model, bearer = given["url"], given["model"], {"Authorization": f"Bearer {given['token']}"}
    config = RESTConfig(protocol="v2", verify=ssl.create_default_context(cafile=given["ca"]))
    async with InferenceRESTClient(config) as client:
        found = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model_ready": await client.is_model_ready(url, model, headers=bearer),
            "other_model_ready": await client.is_model_ready(url, "other", headers=bearer),
            "json": await infer(client, url, request(given, is_binary=False), bearer),
            "binary": await infer(client, url, request(given, is_binary=True), bearer),
            "all_features": await infer(client, url, all_features(given), bearer),
        }
        found["no_token"] = await refusal(client, url, request(given, is_binary=False), {})
        missing = request(given, is_binary=True)
        del missing.inputs[0]
        found["without_input"] = await refusal(client, url, missing, bearer)
    print(json.dumps(found))  # noqa: T201


def request(given, *, is_binary):
    rows, inputs = given["rows"], []
    for name, (datatype, kind) in given["datatypes"].items():
        missing = "" if datatype == "BYTES" else np.nan
        values = np.array([missing if row[name] is None else row[name] for row in rows], dtype=kind)
        tensor = InferInput(name, [len(rows)], datatype)
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    outputs = [RequestedOutput(name, {"binary_data": is_binary}) for name in ("label", "probability")]
    return InferRequest(given["model"], inputs, request_id="mine", request_outputs=outputs)


def all_features(given):
    values = np.array(given["matrix"], dtype=np.float32)
    tensor = InferInput("input", list(values.shape), "FP32")
    tensor.set_data_from_numpy(values)
    return InferRequest(given["model"], [tensor], parameters={"binary_data_output": True})


async def infer(client, url, asked, bearer):
    headers = {}
    response = await client.infer(
        url, asked, model_name=asked.model_name, headers=dict(bearer), response_headers=headers
    )
    outputs = {output.name: output for output in response.outputs}
    labels = [label.decode() if isinstance(label, bytes) else label for label in outputs["label"].as_numpy().tolist()]
    return {
        "id": response.id,
        "model": response.model_name,
        "feedback_token": response.parameters["feedback_token"],
        "content_type": headers["content-type"],
        "label": labels,
        "probability": outputs["probability"].as_numpy().tolist(),
    }


async def refusal(client, url, asked, headers):
    try:
        await client.infer(url, asked, model_name=asked.model_name, headers=dict(headers))
    except httpx.HTTPStatusError as error:
        return [error.response.status_code, str(error)]
    return None


if __name__ == "__main__":
    asyncio.run(main())
