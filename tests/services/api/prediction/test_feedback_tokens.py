import base64
import string

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.api.prediction.feedback_tokens import FeedbackTokens, InvalidFeedbackToken, derive_feedback_key

DAY = 86_400
KEY = derive_feedback_key(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OLD_KEY = derive_feedback_key(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
SCORES = np.asarray([0.1, 0.5, 0.987654321], dtype=np.float32)


def tokens(*keys, at=1_000_000.0, version="7", **changes):
    values = {"classes": ("bare", "bearing"), "threshold": 0.5, "seconds": 90 * DAY} | changes
    return FeedbackTokens(keys or (KEY,), model_version=version, now=lambda: at, **values)


def test_feedback_token_contains_the_prediction():
    receipt = tokens().verify(tokens().issue("ana", SCORES))

    assert (receipt.subject, receipt.model_version, receipt.classes) == ("ana", "7", ("bare", "bearing"))
    assert (receipt.threshold, receipt.expires) == (0.5, 1_000_000 + 90 * DAY)
    assert receipt.probabilities.dtype == np.float32
    np.testing.assert_array_equal(receipt.probabilities, SCORES)


def test_feedback_token_of_an_earlier_version_is_accepted():
    issued = tokens(version="7", classes=("früh", "spät"), threshold=0.25).issue("zoë", SCORES)

    receipt = tokens(version="12").verify(issued)

    assert (receipt.model_version, receipt.classes, receipt.threshold) == ("7", ("früh", "spät"), 0.25)
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

    np.testing.assert_array_equal(tokens().verify(issued).probabilities, SCORES)


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
