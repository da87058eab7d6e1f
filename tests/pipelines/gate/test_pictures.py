from pipelines.gate.evidence import CalibrationBin
from pipelines.gate.pictures import MAX_SLICES, draw_pictures
from pipelines.gate.slices import SliceGain


def test_pictures_are_png_of_what_there_is(evidence):
    usual = draw_pictures(evidence())
    bare = draw_pictures(evidence(periods=()))

    assert list(usual) == [
        "Gain of the candidate, and its bounds",
        "Gain by block of 1d",
        "Calibration on the compared rows",
    ]
    assert "Gain by block of 1d" not in bare
    assert all(image.startswith(b"\x89PNG") for image in usual.values())


def test_margins_are_drawn_where_they_are(evidence):
    title = "Gain of the candidate, and its bounds"
    with_margins, moved, without = (
        draw_pictures(evidence(min_improvement=better, max_loss=loss))[title]
        for better, loss in ((0.001, 0.005), (0.002, 0.005), (0.0, 0.0))
    )

    assert len({with_margins, moved, without}) == 3


def test_many_slices_are_cut_to_the_lowest(evidence):
    slices = tuple(
        SliceGain(column="kind", value=f"{n}", rows=9, blocks=20, gain=n, lower=n - 1, upper=n + 1, p=1)
        for n in range(MAX_SLICES)
    )
    more = slices[-1].model_copy(update={"gain": 99.0, "lower": 98.0, "upper": 100.0})

    few, many = (draw_pictures(evidence(slices=part))["Gain by slice"] for part in (slices, (*slices, more)))

    assert few == many


def test_values_are_drawn_in_their_own_range(evidence):
    bins = {name: (CalibrationBin(predicted=200.0, observed=250.0, rows=9),) for name in ("champion", "candidate")}

    values = draw_pictures(evidence(are_probabilities=False, calibration=bins))

    assert values["Calibration on the compared rows"] != draw_pictures(evidence())["Calibration on the compared rows"]
