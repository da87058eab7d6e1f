import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


@pytest.fixture
def document(client):
    return client.get("/openapi.json").json()


@pytest.mark.parametrize(("path", "name"), [("/v1/predict", "Predict"), ("/v1/feedback", "Feedback")])
def test_example_is_answered_as_described(client, document, ask, row, bearer, path, name):
    schemas = document["components"]["schemas"]
    operation = document["paths"][path]["post"]
    example = schemas[f"{name}Request"]["example"]
    for item in example.get("feedback", ()):  # its token is of no prediction
        item["feedback_token"] = ask(row).json()["feedback_token"]

    response = client.post(path, json=example, headers=bearer())

    assert response.status_code == 200
    assert set(response.json()) == set(schemas[f"{name}Response"]["required"])
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{name}Request")
    assert "x-body" not in operation


def test_columns_arrow_and_parquet_are_described(document):
    operation = document["paths"]["/v1/predict"]["post"]
    columns = document["components"]["schemas"]["Columns"]

    assert set(operation["requestBody"]["content"]) == {"application/json", ARROW, PARQUET}
    assert set(operation["responses"]["200"]["content"]) == {"application/json", ARROW}
    assert columns["properties"]["age"]["items"]["maximum"] == 300
    assert {parameter["name"] for parameter in operation["parameters"]} == {"explain", "feedback"}


def test_labels_are_described_from_the_contract(document):
    feedback = document["components"]["schemas"]["Feedback"]

    assert feedback["required"] == ["feedback_token", "labels"]
    assert feedback["properties"]["labels"]["items"]["anyOf"][0]["enum"] == ["bare", "bearing"]


def test_rows_are_described_from_the_contract(document):
    row = document["components"]["schemas"]["Row"]

    assert row["required"] == ["height", "age", "grafted", "kind", "soil"]
    assert row["additionalProperties"] is False
    assert row["properties"]["kind"]["enum"] == ["apple", "pear", "plum"]
    assert row["properties"]["age"]["maximum"] == 300
    assert row["properties"]["height"]["unit"] == "m"


def test_openapi_describes_every_error_in_the_format_of_its_path(document):
    for path, by in document["paths"].items():
        expected = "application/json" if path.startswith("/v2") else "application/problem+json"
        for operation in by.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":  # a probe's 503 is an answer
                    assert expected in response["content"], operation["operationId"]


@schemathesis.serializer(ARROW, PARQUET)
def send_as_it_is(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture
def schema(client, bearer):
    loaded = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers={"host": "testserver"})
    loaded.config.seed = 7
    return loaded


def check_operation(operation, headers):
    # Rules that a schema cannot express: strong passwords, no disabling of oneself, valid feedback tokens, tensors.
    free = ("/v1/users", "/v1/feedback", "/v2/models")
    excluded = [positive_data_acceptance] if operation.path.startswith(free) else []

    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def check(case):
        # Nor that columns have the same length, or what a stream or a file consists of.
        is_columnar = case.media_type in (ARROW, PARQUET) or (isinstance(case.body, dict) and "columns" in case.body)
        more = [positive_data_acceptance] if is_columnar else []
        case.call_and_validate(headers=headers, excluded_checks=excluded + more)

    check()


def test_generated_requests_match_the_openapi_document(schema, account, bearer):
    """Every operation, with bodies generated from the OpenAPI document."""
    headers = {**bearer(), "host": "testserver"}

    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations:
        check_operation(operation, headers)

    assert len(operations) == 25
