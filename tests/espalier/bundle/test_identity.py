import pytest
from pydantic import ValidationError

from espalier.bundle import Identity, UnsafeName, artifact_folder, check_version


@pytest.mark.parametrize("number", ["1", "42", "9999999999", 7])
def test_version_is_digits(number):
    assert check_version(number) == str(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0",
        "01",
        "../../x",
        "/etc",
        "1/..",
        "1\n",
        " 1",
        "-1",
        "1.0",
        "٣",
        "9" * 11,
        "9" * 5000,
        10**12,
        None,
        True,
        [],
    ],
)
def test_anything_else_is_no_version(number):
    with pytest.raises(UnsafeName, match="not a version number"):
        check_version(number)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../x", "a/b", "a\\b", "a b", "a\n", "x" * 101])
def test_unsafe_name_of_a_model_is_refused(name):
    with pytest.raises(ValidationError):
        Identity(name=name, version="1")


def test_folder_of_artifacts_is_relative_and_inside():
    assert artifact_folder("mlflow-artifacts:/1/run/artifacts/bundle") == "1/run/artifacts/bundle"
    assert artifact_folder("mlflow-artifacts://elsewhere:1/1/a b/") == "1/a b"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        None,
        "mlflow-artifacts:/",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/1/../2",
        "mlflow-artifacts:/1/./2",
        "mlflow-artifacts:/1//2",
        "mlflow-artifacts:/1\\..\\2",
        "mlflow-artifacts:/1/\x00",
        "mlflow-artifacts:/" + "x" * 2000,
        "file:///etc/passwd",
        "/etc/passwd",
        "s3://bucket/1",
        "http://elsewhere/1",
    ],
)
def test_any_other_address_is_refused(uri):
    with pytest.raises(UnsafeName, match="not a folder of artifacts"):
        artifact_folder(uri)
