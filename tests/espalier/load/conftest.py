"""Answers as a generator would have them."""

from __future__ import annotations

import ssl

import pytest

from espalier.load.generator import Answer, Load, Target
from espalier.load.verdict import Plan

BEGAN = 1_700_000_000.0


@pytest.fixture
def plan():
    """Ten requests a second for a hundred seconds."""
    return Plan("https://localhost", rate=10, seconds=100, warm_up_seconds=0, rows=1)


@pytest.fixture
def sent(plan):
    """A load that has been sent: every answer fast and good, but for those that are named by their place."""

    def make(plan=plan, **changes):
        load = Load(Target(plan.url, ssl.create_default_context(), "ana", "secret", b"{}"))
        for place in range(round(plan.rate * (plan.warm_up_seconds + plan.seconds))):
            answer = Answer(BEGAN + place / plan.rate, "kept", 0.001, 0.02, 200, "7")
            load.answers.append(answer)
        for name, values in changes.items():
            for place, value in values.items():
                setattr(load.answers[place], name, value)
        load.sent = len(load.answers)
        return load

    return make
