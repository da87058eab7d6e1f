import pytest


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


@pytest.mark.parametrize(
    "path", ["/v2/models/{model_name}/infer", "/v2/models/{model_name}/versions/{model_version}/infer"]
)
def test_example_of_tensors_is_answered_as_described(client, document, bearer, path):
    schemas, operation = document["components"]["schemas"], document["paths"][path]["post"]
    served = {one["name"]: one["schema"]["enum"][0] for one in operation["parameters"] if one["in"] == "path"}

    response = client.post(path.format(**served), json=schemas["InferRequest"]["example"], headers=bearer())

    assert response.status_code == 200
    assert set(response.json()) == set(schemas["InferResponse"]["required"])
    assert set(operation["requestBody"]["content"]) == {"application/json", "application/octet-stream"}
    assert "x-body" not in operation


def test_paths_name_the_served_model(document):
    for path, by in document["paths"].items():
        if not path.startswith("/v2/models/"):
            continue
        for operation in by.values():
            served = {one["name"]: one["schema"]["enum"] for one in operation["parameters"] if one["in"] == "path"}
            version = {"model_version": ["7"]} if "{model_version}" in path else {}
            assert served == {"model_name": ["orchard"], **version}


def test_datatypes_are_those_that_are_accepted(document):
    datatypes = document["components"]["schemas"]["InferInput"]["properties"]["datatype"]["enum"]

    assert {"BOOL", "BYTES", "INT8", "UINT64", "FP32", "FP64"} <= set(datatypes)
    assert "FP16" not in datatypes
