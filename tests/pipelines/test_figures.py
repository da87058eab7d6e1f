import io

import pytest

from pipelines.figures import new_figure, save_figure


def figure():
    made = new_figure(4, 3)
    ax = made.subplots()
    ax.barh(["a rather long name of a feature", "b"], [1, 2])
    ax.set(title="title", xlabel="share")
    return made


def test_png_has_the_size_in_inches_at_110_dots():
    image = io.BytesIO()

    save_figure(figure(), image)

    content = image.getvalue()
    assert content.startswith(b"\x89PNG")
    assert (int.from_bytes(content[16:20]), int.from_bytes(content[20:24])) == (440, 330)


@pytest.mark.parametrize("name", ["picture.png", "picture.svg"])
def test_file_has_no_time_and_no_version(name, tmp_path):
    save_figure(figure(), tmp_path / name)

    content = (tmp_path / name).read_bytes()
    assert b"Software" not in content
    assert b"<dc:date>" not in content


def test_labels_have_their_place():
    """Without a layout a long label is cut off at the edge."""
    made = figure()

    save_figure(made, io.BytesIO())

    (label, _), width = made.axes[0].get_yticklabels(), made.bbox.width
    box = label.get_window_extent(made.canvas.get_renderer())
    assert 0 < box.x0 < box.x1 < width / 1.5
