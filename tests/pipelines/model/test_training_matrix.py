import numpy as np
import pytest
import xgboost as xgb

from pipelines.config.params import PrepareParams, TrainParams
from pipelines.dataset.rows import FrameRows, JoinedRows
from pipelines.errors import InvalidData, InvalidParams
from pipelines.model.boosting import boost, weights_of
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.model.measure import predict
from pipelines.model.training_matrix import to_matrix
from pipelines.stages.prepare import split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of

BOOSTER = {"max_depth": 5, "eta": 0.3, "subsample": 0.8, "colsample_bytree": 0.5}


@pytest.fixture
def parts(make, schema, params):
    rows = make(3000, every="2h")
    known = check_table(rows[rows["bears"].notna()], schema, params.validate_)
    return split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.2)))


@pytest.fixture
def contract(parts, schema):
    rows = FrameRows(parts[0])
    return build_contract(rows, project_of(schema), example=example_row(rows, schema))


@pytest.fixture
def folder(tmp_path):
    """Not that of the project."""
    path = tmp_path / "scratch"
    path.mkdir()
    return path


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def in_pieces(frame, size=700):
    return JoinedRows(*(FrameRows(frame.iloc[start : start + size]) for start in range(0, len(frame), size)))


def params_of(threads=1, **changes):
    return TrainParams(seed=1, rounds=12, **{"threads": threads, "booster": BOOSTER} | changes)


def fit(matrix, contract, schema, params):
    return boost(matrix, contract, schema, params, callbacks=[])


def losses(booster, rows, contract):
    truth, likely = rows["bears"].to_numpy(), predict(booster, encode(rows, contract)).astype(float)
    return -np.log(np.where(truth == 1, likely, 1 - likely)).mean()


@pytest.mark.parametrize("tree_method", ["auto", "hist", "approx", "exact"])
def test_matrix_has_the_contracts_names_and_types(parts, contract, tree_method):
    matrix = to_matrix(FrameRows(parts[0]), contract, params_of(booster={"tree_method": tree_method}))

    assert isinstance(matrix, xgb.QuantileDMatrix) == (tree_method in ("auto", "hist"))
    assert matrix.feature_names == [feature.name for feature in contract.features]
    assert matrix.feature_types == ["q", "int", "i", "c", "c"]
    assert matrix.num_row() == len(parts[0])


@pytest.mark.parametrize("tree_method", ["hist", "approx", "exact"])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_model_of_one_piece_is_that_of_a_matrix_with_the_values(parts, contract, schema, tree_method, weights):
    params = params_of(booster={**BOOSTER, "tree_method": tree_method}, class_weights=weights)
    rows = FrameRows(parts[0])
    if tree_method == "exact":  # XGBoost has no categories for it
        numbers = tuple(feature for feature in schema.features if feature.type != "category")
        schema = schema.model_copy(update={"features": numbers})
        contract = build_contract(rows, project_of(schema), example=example_row(rows, schema))
    each, truth = weights_of(rows, contract, params), labels(parts[0], project_of(schema).task)
    whole = xgb.DMatrix(
        encode(parts[0], contract),
        truth,
        weight=None if each is None else each[truth],
        feature_names=[feature.name for feature in contract.features],
        feature_types=contract.feature_types,
        enable_categorical=True,
    )

    ours = fit(to_matrix(rows, contract, params, each), contract, schema, params)

    assert ours.save_raw() == fit(whole, contract, schema, params).save_raw()


@pytest.mark.parametrize("external_memory", [False, True])
def test_pieces_give_nearly_the_same_model_with_any_number_of_threads(parts, contract, schema, folder, external_memory):
    """Quantiles of pieces are merged, so that a few split points may lie elsewhere."""
    train, test = parts
    whole = fit(to_matrix(FrameRows(train), contract, params_of()), contract, schema, params_of())
    models = set()
    for threads in (1, 2, 5):
        params = params_of(threads, external_memory=external_memory)
        booster = fit(to_matrix(in_pieces(train), contract, params, folder=folder), contract, schema, params)
        models.add(bytes(booster.save_raw()))
        assert losses(booster, test, contract) == pytest.approx(losses(whole, test, contract), rel=0.03)

    assert len(models) == 1
    assert not list(folder.glob("encoded-*"))
    assert files_in(folder) == [], "XGBoost removes its pages with the matrix"


def test_pages_are_in_the_folder(parts, contract, folder):
    matrix = to_matrix(in_pieces(parts[0]), contract, params_of(external_memory=True), folder=folder)

    assert matrix.num_row() == len(parts[0])
    assert sum(file.stat().st_size for file in files_in(folder)) > len(parts[0]) * 5


def test_several_pieces_do_not_depend_on_the_folder(parts, contract, schema, folder):
    params = params_of()

    kept = fit(to_matrix(in_pieces(parts[0]), contract, params, folder=folder), contract, schema, params)

    assert kept.save_raw() == fit(to_matrix(in_pieces(parts[0]), contract, params), contract, schema, params).save_raw()


@pytest.mark.parametrize("external_memory", [False, True])
def test_loss_of_measured_rows_is_that_of_their_values(parts, contract, schema, folder, external_memory):
    train, test = parts
    params = params_of(external_memory=external_memory)
    learned = to_matrix(in_pieces(train), contract, params, folder=folder)
    measured = to_matrix(in_pieces(test, 200), contract, params, learned=learned, folder=folder)
    booster = fit(learned, contract, schema, params)

    assert booster.predict(measured) == pytest.approx(predict(booster, encode(test, contract)), abs=1e-6)
    assert float(booster.eval(measured).split(":")[1]) == pytest.approx(losses(booster, test, contract), abs=1e-5)


@pytest.mark.parametrize("wanted", [64, 512])
def test_number_of_bins_is_that_of_the_parameters(parts, contract, schema, wanted):
    params = params_of(booster={**BOOSTER, "max_bin": wanted})
    matrix = to_matrix(FrameRows(parts[0]), contract, params)

    starts, _ = matrix.get_quantile_cut()
    assert wanted - 5 <= np.diff(starts)[0] <= wanted + 1
    assert fit(matrix, contract, schema, params).num_boosted_rounds() == 12


@pytest.mark.parametrize("wanted", ["many", 1])
def test_number_of_bins_that_xgboost_rejects_is_reported(parts, contract, wanted):
    """With the reason, and not with the path of a source file or a stack."""
    with pytest.raises(InvalidParams, match=r"XGBoost rejects train\.booster in params\.yaml: [^/\n]*max_bin[^/\n]*$"):
        to_matrix(FrameRows(parts[0]), contract, params_of(booster={"max_bin": wanted}))


class Ended(JoinedRows):
    """Rows whose reading ends in the middle."""

    def __init__(self, error, *parts):
        super().__init__(*parts)
        self._error = error

    def pieces(self, columns=None):
        yield next(super().pieces(columns))
        raise self._error


@pytest.mark.parametrize("external_memory", [False, True])
@pytest.mark.parametrize("error", [InvalidData("the second piece is bad"), SystemExit(143), KeyboardInterrupt()])
def test_what_ends_the_reading_is_raised(parts, contract, folder, external_memory, error):
    """A callback of C drops what is no Exception: SIGTERM would be lost."""
    rows = Ended(error, FrameRows(parts[0].head(300)), FrameRows(parts[0].tail(300)))

    with pytest.raises(type(error)):
        to_matrix(rows, contract, params_of(external_memory=external_memory), folder=folder)

    assert not list(folder.glob("encoded-*"))
