"""The serving process examines a model in a child: it imports no XGBoost, and survives a crash of native code.

Each test is a process of its own, because a process that has used XGBoost cannot fork one that uses it.
"""

import subprocess
import sys

import pytest
import xgboost as xgb

from evaluation.encoding import encode

LOAD = """
import logging, os, sys
from pathlib import Path
from bundle import load_public_keys
from services.api.errors import BundleRefused
from services.api.model import child
from services.api.model.child import examine_in_child
from evaluation.encoding import encode
from services.api.model.loaded import load_model
from services.api.model.requested import RequestedModel
from services.api.model.source import ServedBundle

logging.basicConfig(stream=sys.stdout, format="%(message)s")
keys = tuple(load_public_keys([Path(sys.argv[2])]))
requested = RequestedModel(name="orchard", alias="champion", version="7", trusted_keys=keys, max_bytes=10**7)
served = ServedBundle("orchard", "7", Path(sys.argv[1]), "registry")

def load():
    return load_model(served, requested, examine=examine_in_child)
"""

INSTEAD = """
class Examination:
    @staticmethod
    def examine(bundle):
        {work}

    @staticmethod
    def examine_xgboost(bundle, reason):
        {xgboost}

import evaluation
sys.modules["evaluation.examination"] = evaluation.examination = Examination
"""


def instead(work, xgboost="return reason"):
    return INSTEAD.format(work=work, xgboost=xgboost)


@pytest.fixture
def run(served, keys):
    def run(script):
        command = [sys.executable, "-c", LOAD + script, str(served.folder), str(keys.public)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.splitlines()

    return run


def test_predictions_need_no_xgboost_and_explanations_import_it(run, model):
    loaded, predicted = run(
        """
model = load()
contract = model.bundle.contract
matrix = encode([contract.example], contract)
predicted = float(model.predict(matrix)[0])
print(model.evaluator.name, model.evaluator.reason, sorted({"xgboost", "scipy", "pandas"} & set(sys.modules)))
assert model.explain(matrix).shape == (1, 6) and "xgboost" in sys.modules
print(predicted)
"""
    )

    assert loaded == "lignum verified []"
    contract = model.bundle.contract
    booster = xgb.Booster(model_file=bytearray(model.bundle.model))
    assert float(predicted) == float(booster.inplace_predict(encode([contract.example], contract))[0])


def test_other_reasons_are_returned(run):
    printed = run(instead("return 'different'") + "print(load().evaluator)")

    assert "Evaluator(name='xgboost', reason='different'" in printed[-1]


def test_refusal_keeps_its_text(run):
    printed = run(
        instead("raise BundleRefused('no probability')")
        + """
try:
    load()
except BundleRefused as error:
    print(error)
"""
    )

    assert printed == ["the bundle of orchard version 7 is refused: no probability"]


@pytest.mark.parametrize(
    ("work", "seconds", "reason"),
    [
        ("os.abort()", 60, "the comparison ended with status"),
        ("1 / 0", 60, "the comparison ended with status"),
        ("sys.exit(0)", 60, "the comparison ended with status"),
        ("__import__('time').sleep(60)", 1, "no result within 1 s"),
    ],
)
def test_crash_or_hang_is_a_failure_of_lignum(run, work, seconds, reason):
    printed = run(
        instead(work)
        + """
child.SECONDS = SECONDS
child.log.warning = lambda _message, extra: print(extra["error"])
print(load().evaluator.reason)
""".replace("SECONDS = SECONDS", f"SECONDS = {seconds}")
    )

    assert printed[-1] == "failed"
    assert any(line.startswith(reason) for line in printed)


def test_after_a_crash_xgboost_is_examined_in_a_child_of_its_own(run):
    printed = run(instead("os.abort()", "return 'xgboost_different'") + "print(load().evaluator.reason)")

    assert printed[-1] == "xgboost_different"


@pytest.mark.parametrize(
    ("xgboost", "told"),
    [
        ("raise BundleRefused('no probability')", "no probability"),
        ("os.abort()", "XGBoost cannot evaluate the bundle's model: the comparison ended with status"),
    ],
)
def test_model_that_neither_can_evaluate_is_refused(run, xgboost, told):
    printed = run(
        instead("os.abort()", xgboost)
        + """
try:
    load()
except BundleRefused as error:
    print(error)
"""
    )

    assert printed[-1].startswith(f"the bundle of orchard version 7 is refused: {told}")
