"""Read the columns of a record batch of an Arrow stream; numbers are not copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluation.columns import Coded, Coder, Column, Floats, Missing, Numbers
from services.api.prediction.columnar.arrow_buffers import Buffers, Texts
from services.api.prediction.columnar.arrow_schema import TEXTS, Kind, Plan
from services.api.prediction.columnar.flatbuffers import Malformed

__all__ = ["read_columns"]


class _Categories:
    """A column of texts, which are encoded block by block."""

    def __init__(self, texts: Texts, coder: Coder) -> None:
        self._texts, self._coder = texts, coder

    def fill(self, block: Floats, start: int, stop: int) -> None:
        block[:] = self._coder(self._texts.read(start, stop))


class _Coded(Coded):
    """Places in a dictionary that a client has sent."""

    __slots__ = ()

    def fill(self, block: Floats, start: int, stop: int) -> None:
        places = self.places[start:stop]
        outside = (places < 0) | (places >= len(self.codes) - 1)
        if self.missing is not None:
            outside &= ~self.missing[start:stop]
        if outside.any():
            raise Malformed("a value is outside of its dictionary")
        super().fill(block, start, stop)


def read_columns(
    buffers: Buffers, plan: Plan, coders: Sequence[Coder | None], codes: Mapping[int, Floats]
) -> list[Column]:
    """Return the columns in the contract's order.

    Args:
        buffers: of the record batch, which has at least one row.
        plan: from the schema.
        coders: for each feature that is a category.
        codes: of the texts of each feature's dictionary, with that of null at the end.

    Raises:
        Malformed
    """
    columns: list[Column] = [Missing()] * len(coders)
    for field, place in zip(plan.fields, plan.features, strict=True):
        if place is None or field.kind is Kind.MISSING:
            buffers.skip(field)
            continue
        coder = coders[place]
        if field.kind in TEXTS and coder is not None:
            columns[place] = _Categories(buffers.texts(field), coder)
        elif field.kind is Kind.CODED:
            if place not in codes:
                raise Malformed("a dictionary is missing")
            missing = buffers.missing()
            columns[place] = _Coded(buffers.array(field.dtype), codes[place], missing)
        else:
            missing = buffers.missing()
            values = buffers.bits() if field.kind is Kind.BOOL else buffers.array(field.dtype)
            columns[place] = Numbers(values, missing)
    return columns
