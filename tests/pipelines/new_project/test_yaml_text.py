import pytest
import yaml

from pipelines.new_project.yaml_text import as_comment, as_yaml


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "no",
        "1",
        "1e5",
        "a: b",
        "a, b",
        "[x]",
        "{x}",
        "#x",
        "'",
        '"',
        "",
        " x ",
        "å\n- z: 1",
        "\x07",
        "null",
        "2025-01-01",
    ],
)
def test_text_stays_what_it_is(value):
    flow = f"{{a: {as_yaml(value)}, b: {as_yaml([value, 1])}}}"

    assert yaml.safe_load(flow) == {"a": value, "b": [value, 1]}
    assert "\n" not in flow


def test_comment_is_one_line():
    text = f"a: 1 {as_comment('name' + chr(10) + 'b: 2' + chr(0x85) + 'c' + chr(0x2028) + 'd: 3')}"

    assert yaml.safe_load(text) == {"a": 1}
    assert len(text.splitlines()) == 1
    assert as_comment("x" * 500).endswith("…")
