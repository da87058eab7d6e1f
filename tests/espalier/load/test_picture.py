from espalier.load.picture import draw_load
from espalier.load.verdict import Objectives, judge


def test_plot_is_drawn_without_predictions(sent, plan, tmp_path):
    for name, load in {"good": sent(), "bad": sent(status=dict.fromkeys(range(1000), 0))}.items():
        draw_load(tmp_path / f"{name}.png", load.answers, judge(load, plan, Objectives()), Objectives())

    assert {path.name for path in tmp_path.iterdir()} == {"good.png", "bad.png"}
