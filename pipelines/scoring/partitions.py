"""Which file of the input becomes which file of the output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, MissingData
from pipelines.scoring.places import Place, is_file_name, open_place, split_address

__all__ = ["WHOLE", "Partition", "Shard", "Tables", "find_tables"]


@dataclass(frozen=True)
class Partition:
    """One file of the input, and its output."""

    source: str
    target: str


@dataclass(frozen=True)
class Shard:
    """Every ``of``-th partition, from number ``index``, counted from 0: the part of one pod of an Indexed Job."""

    index: int = 0
    of: int = 1


WHOLE = Shard()


@dataclass(frozen=True)
class Tables:
    """The input and the output of a run."""

    source: str
    """Address of the folder or prefix of the input."""

    target: str
    partitions: tuple[Partition, ...]
    is_folder: bool

    def of(self, shard: Shard) -> tuple[Partition, ...]:
        """Return the partitions of one part of the run."""
        return self.partitions[shard.index :: shard.of]


def find_tables(source: str, target: str, settings: Settings) -> Tables:
    """Find the partitions: one file, or all Parquet files below a folder or prefix.

    Raises:
        MissingData: there are none.
        InvalidParams: one of the two is a file and the other a folder, or one is inside the other.
    """
    source, target = _absolute(source), _absolute(target)
    if is_file_name(source) != is_file_name(target):
        raise InvalidParams(
            f"{source} and {target} must both be files that end in .parquet, or both folders or prefixes"
        )
    if is_file_name(source):
        if source == target:
            raise InvalidParams(f"{target} is the input itself; name another output")
        (folder, name), (target_folder, target_name) = split_address(source), split_address(target)
        return Tables(folder, target_folder, (Partition(name, target_name),), is_folder=False)
    source, target = source.rstrip("/") or "/", target.rstrip("/") or "/"
    if f"{target}/".startswith(f"{source}/") or f"{source}/".startswith(f"{target}/"):
        raise InvalidParams(f"{target} and {source} must not contain each other: outputs would be scored as inputs")
    names = _table_names(open_place(source, settings))
    if not names:
        raise MissingData(f"{source} has no file that ends in .parquet")
    return Tables(source, target, tuple(Partition(name, name) for name in names), is_folder=True)


def _absolute(address: str) -> str:
    """Return a path in the one form that it has from everywhere; a URL has it already."""
    return address if "://" in address else os.path.abspath(address)


def _table_names(place: Place) -> Sequence[str]:
    return [
        name for name in place.names() if is_file_name(name) and not any(part[0] == "_" for part in name.split("/"))
    ]
