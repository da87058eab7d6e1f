import numpy as np
import pytest

from pipelines.dataset.rows import FrameRows, JoinedRows
from pipelines.model.encoded_pieces import EncodedPieces
from pipelines.model.matrix import encode, labels


class Counted(JoinedRows):
    """Rows that count how often they are read."""

    read_times = 0

    def pieces(self, columns=None):
        self.read_times += 1
        yield from super().pieces(columns)


@pytest.fixture
def made(trained):
    return trained("penguins")


@pytest.fixture
def pieces(made):
    return Counted(*(FrameRows(made.train.iloc[start : start + 50]) for start in range(0, len(made.train), 50)))


def all_of(encoded):
    matrices, truths = zip(*encoded, strict=True)
    return np.concatenate(matrices), np.concatenate(truths)


@pytest.mark.parametrize("has_folder", [False, True])
def test_pieces_are_the_same_each_time(made, pieces, tmp_path, has_folder):
    encoded = EncodedPieces(pieces, made.contract, tmp_path if has_folder else None, title="reading")

    expected = encode(made.train, made.contract), labels(made.train, made.project.task)
    for _ in range(3):
        assert [len(matrix) for matrix, _ in encoded][:2] == [50, 50]
        for found, wanted in zip(all_of(encoded), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == wanted.dtype
    assert pieces.read_times == (1 if has_folder else 6)


def test_one_piece_stays_in_memory(made, tmp_path):
    rows = Counted(FrameRows(made.train))
    encoded = EncodedPieces(rows, made.contract, tmp_path, title="reading")

    [(first, _)], [(second, _)] = encoded, encoded

    assert first is second
    assert rows.read_times == 1
    assert list(tmp_path.iterdir()) == []


def test_loop_that_was_left_early_starts_again(made, pieces, tmp_path):
    encoded = EncodedPieces(pieces, made.contract, tmp_path, title="reading")
    next(iter(encoded))

    assert len(all_of(encoded)[0]) == len(all_of(encoded)[0]) == len(made.train)
