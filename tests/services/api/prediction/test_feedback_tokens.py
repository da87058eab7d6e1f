import base64
import string

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bundle import Target
from services.api.prediction.feedback_tokens import FeedbackTokens, InvalidFeedbackToken, derive_feedback_key

DAY = 86_400
KEY = derive_feedback_key(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OLD_KEY = derive_feedback_key(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
SCORES = np.asarray([0.1, 0.5, 0.987654321], dtype=np.float32)


def tokens(*keys, at=1_000_000.0, version="7", **changes):
    target = Target(**({"name": "bears", "classes": ("bare", "bearing"), "threshold": 0.5} | changes))
    return FeedbackTokens(keys or (KEY,), target=target, model_version=version, seconds=90 * DAY, now=lambda: at)


def test_feedback_token_contains_the_prediction():
    receipt = tokens().verify(tokens().issue("ana", SCORES))

    assert (receipt.subject, receipt.model_version, receipt.target) == ("ana", "7", tokens().target)
    assert (receipt.threshold, receipt.expires) == (0.5, 1_000_000 + 90 * DAY)
    assert receipt.outputs.dtype == np.float32
    np.testing.assert_array_equal(receipt.outputs, SCORES)


def test_feedback_token_of_an_earlier_version_is_accepted():
    issued = tokens(version="7", classes=("früh", "spät"), threshold=0.25).issue("zoë", SCORES)

    receipt = tokens(version="12").verify(issued)

    assert (receipt.model_version, receipt.threshold) == ("7", 0.25)
    assert receipt.target == tokens(classes=("früh", "spät")).target != tokens().target
    assert receipt.subject == "zoë"


def test_token_ids_are_unique():
    ids = {tokens().verify(tokens().issue("ana", SCORES)).receipt_id for _ in range(100)}

    assert len(ids) == 100
    assert all(len(one) == 24 for one in ids)


def test_token_is_short_and_grows_by_four_bytes_a_row():
    one, hundred = (len(tokens().issue("ana", np.zeros(rows, dtype=np.float32))) for rows in (1, 100))

    assert one == 86
    assert hundred - one == pytest.approx(99 * 4 * 4 / 3, abs=2)


def test_every_changed_bit_is_detected():
    raw = base64.urlsafe_b64decode(tokens().issue("ana", SCORES[:1]) + "===")
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            with pytest.raises(InvalidFeedbackToken, match="not a feedback_token"):
                tokens().verify(base64.urlsafe_b64encode(bytes(changed)).decode())


@pytest.mark.parametrize("subject", ["a", "an", "ana", "anna"])
def test_token_is_url_safe_whatever_its_length(subject):
    for _ in range(50):
        issued = tokens().issue(subject, SCORES)

        assert set(issued) <= set(string.ascii_letters + string.digits + "-_"), "no padding"
        assert tokens().verify(issued).subject == subject


def test_token_with_other_characters_is_refused():
    issued = tokens().issue("ana", SCORES)

    for extra in ("!", "\n", " ", "."):
        with pytest.raises(InvalidFeedbackToken, match="not a feedback_token"):
            tokens().verify(issued[:8] + extra * 4 + issued[8:])


def test_scores_are_little_endian_float32():
    issued = tokens().issue("ana", SCORES.astype(">f8"))

    np.testing.assert_array_equal(tokens().verify(issued).outputs, SCORES)


@pytest.mark.parametrize("text", ["", "=", "AAAA", "not base64!", "é", "A" * 1000, "AQ", "AQ=="])
def test_other_texts_are_refused(text):
    with pytest.raises(InvalidFeedbackToken, match="not a feedback_token"):
        tokens().verify(text)


def test_feedback_token_of_an_old_key_is_accepted_and_of_another_refused():
    issued = tokens(OLD_KEY).issue("ana", SCORES)

    with pytest.raises(InvalidFeedbackToken):
        tokens(KEY).verify(issued)
    assert tokens(KEY, OLD_KEY).verify(issued).subject == "ana"
    with pytest.raises(InvalidFeedbackToken):
        tokens(OLD_KEY).verify(tokens(KEY, OLD_KEY).issue("ana", SCORES))


def test_feedback_token_expires():
    issued = tokens(at=0).issue("ana", SCORES)

    assert tokens(at=90 * DAY - 1).verify(issued)
    with pytest.raises(InvalidFeedbackToken, match="expired; feedback is accepted for 90 days"):
        tokens(at=90 * DAY).verify(issued)


def test_feedback_key_is_derived_and_deterministic():
    signing = Ed25519PrivateKey.from_private_bytes(b"k" * 32)

    assert derive_feedback_key(signing) == KEY
    assert len({KEY, OLD_KEY, b"k" * 32}) == 3


OTHERS = {
    "multiclass": {"type": "multiclass", "classes": ("none", "some", "many"), "threshold": None},
    "regression": {"type": "regression", "classes": (), "threshold": None, "unit": "kg"},
    "interval": {"type": "regression", "classes": (), "threshold": None, "unit": "kg", "interval": 0.9},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_feedback_token_of_another_target_contains_the_prediction(kind):
    outputs = np.random.default_rng(1).random((4,) if kind == "regression" else (4, 3)).astype(np.float32)
    issuing = tokens(version="12", **OTHERS[kind])

    receipt = tokens().verify(issuing.issue("zoë", outputs))

    assert (receipt.subject, receipt.model_version, receipt.target) == ("zoë", "12", issuing.target)
    assert receipt.expires == 1_000_000 + 90 * DAY
    assert receipt.outputs.dtype == np.float32
    np.testing.assert_array_equal(receipt.outputs, outputs)


def test_length_does_not_depend_on_the_number_of_classes():
    many = {"type": "multiclass", "classes": tuple(f"class {number}" for number in range(100)), "threshold": None}

    issued = tokens(**many).issue("ana", np.zeros((1, 100), dtype=np.float32))

    assert len(issued) == pytest.approx((100 * 4 + 56) * 4 / 3, abs=8)


@pytest.mark.parametrize("kind", OTHERS)
def test_every_changed_bit_of_another_target_is_detected(kind):
    issued = tokens(**OTHERS[kind]).issue("ana", np.zeros((1,) if kind == "regression" else (1, 3), dtype=np.float32))
    raw = base64.urlsafe_b64decode(issued + "===")
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 3 if place == 0 else 1  # the other format too
        with pytest.raises(InvalidFeedbackToken, match="not a feedback_token"):
            tokens().verify(base64.urlsafe_b64encode(bytes(changed)).decode())


def test_targets_that_are_scored_differently_have_different_hashes():
    targets = [{}, {"classes": ("bearing", "bare")}, *OTHERS.values()]
    targets += [OTHERS["regression"] | {"unit": "g"}, OTHERS["interval"] | {"interval": 0.8}]

    assert len({tokens(**target).target for target in targets}) == len(targets)
    assert tokens(threshold=0.3).target == tokens().target, "each receipt has its own threshold"
