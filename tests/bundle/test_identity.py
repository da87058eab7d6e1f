from fractions import Fraction

import pytest
from pydantic import ValidationError

from bundle import Identity, UnsafeName, artifact_folder, check_version


@pytest.mark.parametrize("number", ["1", "42", "9999999999", 1, 7, 9_999_999_999])
def test_version_of_digits_is_accepted(number):
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
        0,
        -1,
        10**10,
        10**12,
        None,
        True,
        Fraction(7),
        [],
    ],
)
def test_other_versions_are_refused(number):
    with pytest.raises(UnsafeName, match="not a version number"):
        check_version(number)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("x/..", "'x/..' is not"),
        (b"7", "bytes is not"),
        (7.5, "float is not"),
        ("x" * 59, "'" + "x" * 59 + "… is not"),
        ("x" * 58, "'" + "x" * 58 + "' is not"),
    ],
)
def test_refusal_shows_a_short_text_or_a_type(number, shown):
    with pytest.raises(UnsafeName) as caught:
        check_version(number)

    assert str(caught.value).startswith(shown)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "../x", "a/b", "a\\b", "a b", "a\n", "x" * 101])
def test_unsafe_model_name_is_refused(name):
    with pytest.raises(ValidationError):
        Identity(name=name, version="1")


def test_artifact_folder_is_relative_and_inside():
    assert artifact_folder("mlflow-artifacts:/1/run/artifacts/bundle") == "1/run/artifacts/bundle"
    assert artifact_folder("mlflow-artifacts://elsewhere:1/1/a b/") == "1/a b"
    assert artifact_folder("mlflow-artifacts:/X") == "X"
    assert artifact_folder("mlflow-artifacts:/" + "x" * 1000) == "x" * 1000


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
        "mlflow-artifacts:/" + "x" * 1001,
        "file:///etc/passwd",
        "/etc/passwd",
        "s3://bucket/1",
        "http://elsewhere/1",
    ],
)
def test_other_artifact_uris_are_refused(uri):
    with pytest.raises(UnsafeName, match="not a folder of artifacts"):
        artifact_folder(uri)
