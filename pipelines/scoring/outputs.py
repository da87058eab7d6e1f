"""Write the predictions of one partition as Parquet, with what they come from in every row and in the metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from bundle import Target
from pipelines.errors import InvalidData, MissingData, OutputConflict
from pipelines.scoring.places import Place
from pipelines.scoring.predictions import no_outputs, prediction_columns
from pipelines.scoring.record import OUTPUT_KEY, OutputRecord, RunRecord

__all__ = ["OutputTable", "read_output_record"]

REASON = "invalid_reason"
"""Column that tells why a row has no prediction; with --invalid-rows null."""


class OutputTable:
    """The rows of one output: copied columns, prediction, lineage."""

    def __init__(self, schema: Any, kept: Sequence[str], target: Target, run: RunRecord, address: str) -> None:
        """Put the columns together.

        Args:
            schema: the pyarrow.Schema of the input.
            kept: its columns that are copied.
            target: what is predicted.
            run: the source of the columns with the lineage.
            address: of the output, for messages.

        Raises:
            InvalidData: a copied column has the name of another one of the output.
        """
        self._kept = list(kept)
        self._with_reason = run.invalid_rows == "null"
        self._lineage = _lineage(run)
        copied = [schema.field(name).with_type(_plain(schema.field(name).type)) for name in kept]
        predicted, _ = prediction_columns(target, no_outputs(target))
        if self._with_reason:
            predicted[REASON] = pa.array([], pa.string())
        made = {**predicted, **self._lineage}
        clashing = [name for name in kept if name in made]
        if clashing:
            raise InvalidData(
                f"{address} cannot have two columns {', '.join(clashing)}: choose the copied columns with --keep"
            )
        self.schema = pa.schema([*copied, *(pa.field(name, value.type) for name, value in made.items())])

    def batch(self, rows: Any, predicted: dict[str, Any], reasons: dict[int, str]) -> Any:
        """Return the output of a pyarrow.RecordBatch.

        Args:
            rows: (n, k) input.
            predicted: from ``prediction_columns``.
            reasons: row to the reason why it has no prediction.
        """
        columns = [_as_plain(rows.column(name)) for name in self._kept]
        columns += predicted.values()
        if self._with_reason:
            columns.append(
                pa.array([reasons.get(row) for row in range(rows.num_rows)], pa.string())
                if reasons
                else pa.nulls(rows.num_rows, pa.string())
            )
        columns += [_repeated(value, rows.num_rows) for value in self._lineage.values()]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def open(self, file: BinaryIO) -> Any:
        """Return a pyarrow.parquet.ParquetWriter."""
        # A dictionary costs time where the values of a column are different ones.
        coded = [field.name for field in self.schema if _is_text(field.type) or field.name in self._lineage]
        return pq.ParquetWriter(file, self.schema, use_dictionary=coded, compression="snappy")


def read_output_record(place: Place, name: str) -> OutputRecord | None:
    """Return the metadata of an output, or None if it does not exist.

    Raises:
        OutputConflict: another program wrote it.
    """
    try:
        with place.open(name) as existing:
            metadata = pq.ParquetFile(existing.file).metadata.metadata or {}
    except MissingData:
        return None
    except (OSError, pa.ArrowException) as error:
        raise _foreign(place, name) from error
    try:
        return OutputRecord.model_validate_json(metadata[OUTPUT_KEY])
    except (KeyError, ValidationError) as error:
        raise _foreign(place, name) from error


def _foreign(place: Place, name: str) -> OutputConflict:
    return OutputConflict(
        f"{place.address(name)} exists, and is not an output of this release; choose another output, or delete it"
    )


def _lineage(run: RunRecord) -> dict[str, Any]:
    """Return the columns with the lineage, of one row each."""
    texts = {"model_name": run.model.name, "model_version": run.model.version, "model_run_id": run.run_id}
    columns = {
        name: pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array([text])) for name, text in texts.items()
    }
    return {**columns, "scored_at": pa.array([run.began], pa.timestamp("us", "UTC"))}


def _repeated(value: Any, rows: int) -> Any:
    if pa.types.is_dictionary(value.type):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), value.dictionary)
    return pa.repeat(value[0], rows)


def _plain(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _as_plain(array: Any) -> Any:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))
