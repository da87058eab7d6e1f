"""Registered versions of a small model, verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bundle import Identity, load_public_keys, read_bundle
from pipelines.registry.description import Description
from pipelines.registry.versions import Version

TAGS = {"gate": "passed", "bundle": "complete", "gate.gain": "0.010000", "gate.reasons": ""}


@pytest.fixture
def described(make_bundle, keys, tmp_path) -> Callable[..., Description]:
    """Return a function that gives a version, with other parts of its bundle if any."""

    def make(number: str = "7", *, kind: str = "binary", params=(("train.rounds", "12"),), **parts) -> Description:
        folder = make_bundle(tmp_path / f"{kind}-{number}", kind=kind, version=number)
        found = read_bundle(
            folder,
            expected=Identity(name="orchard", version=number),
            trusted_keys=load_public_keys([keys.public]),
        )
        return Description(Version("orchard", number, "run", 0.0, TAGS, ()), replace(found, **parts), dict(params))

    return make
