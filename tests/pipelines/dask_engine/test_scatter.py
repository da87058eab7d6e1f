import weakref

import numpy as np
import pytest

from pipelines.dask_engine.connect import connected
from pipelines.dask_engine.pieces import Piece, Rows
from pipelines.dask_engine.scatter import deal, place
from pipelines.dask_engine.workers import free_workers
from tests.pipelines.dask_engine.clusters import NAMES, make_rows, whole


def dealt(rows, workers):
    held = [[] for _ in range(workers)]
    for number, part in deal(rows.pieces(), rows.count, workers):
        held[number].append(part)
    return held


@pytest.mark.parametrize(("pieces", "workers"), [(1, 1), (1, 3), (3, 2), (7, 5), (40, 2), (100, 3)])
def test_every_worker_gets_about_the_same_number_of_rows(pieces, workers):
    held = dealt(make_rows(count=1200, pieces=pieces), workers)

    counts = [sum(len(part.labels) for part in parts) for parts in held]
    assert sum(counts) == 1200
    assert max(counts) - min(counts) <= max(len(part.labels) for parts in held for part in parts)


def test_many_pieces_are_handed_out_whole():
    held = dealt(make_rows(count=1200, pieces=40), 2)

    assert {len(part.labels) for parts in held for part in parts} == {30}


def test_one_piece_is_dealt_out_row_by_row():
    """Rows are in the order of time, and each worker should have rows of all times."""
    rows = make_rows(count=10, pieces=1, weight=3)
    matrix = whole(rows).matrix

    first, second = (parts[0] for parts in dealt(rows, 2))

    np.testing.assert_array_equal(first.matrix, matrix[::2])
    np.testing.assert_array_equal(second.matrix, matrix[1::2])
    np.testing.assert_array_equal(second.weights, whole(rows).weights[1::2])
    assert second.matrix.flags["C_CONTIGUOUS"]


def test_the_same_rows_always_go_to_the_same_worker():
    one, other = (dealt(make_rows(pieces=7), 3) for _ in range(2))

    for mine, theirs in zip(one, other, strict=True):
        for part, again in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(part.matrix, again.matrix)


def test_parts_lie_on_the_worker_that_they_were_sent_to(two_workers):
    settings = two_workers.settings()
    with connected(settings) as client:
        workers = free_workers(client, settings)
        placed = place(client, make_rows(pieces=5), workers, len(NAMES))

        held = client.who_has(placed.futures())
        for address, parts in placed.parts.items():
            assert {held[part.key] for part in parts} == {(address,)}
        assert set(placed.parts) == {worker.address for worker in workers}
        values = client.gather(placed.parts[workers[0].address])
        assert set(values[0]) == {"data", "label"} and values[0]["data"].dtype == np.float32


@pytest.mark.parametrize("pieces", [3, 40])
def test_one_piece_is_in_memory_at_a_time(two_workers, pieces):
    """When the next one is read, nothing holds the one before."""
    settings, rows, alive = two_workers.settings(), make_rows(pieces=pieces), []

    def read():
        before = None
        for piece in rows.pieces():
            copy = Piece(piece.matrix.copy(), piece.labels)
            alive.append(before is not None and before() is not None)
            before = weakref.ref(copy.matrix)
            yield copy
            del copy

    with connected(settings) as client:
        workers = free_workers(client, settings)
        place(client, Rows("train", rows.count, read), workers, len(NAMES))
    assert alive == [False] * pieces
