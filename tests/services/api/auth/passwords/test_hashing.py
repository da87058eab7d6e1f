import unicodedata

import pytest
from argon2 import PasswordHasher

from services.api.auth.passwords.hashing import (
    MAX_CHARACTERS,
    MAX_TYPED_CHARACTERS,
    Passwords,
    check_password,
    random_password,
)
from services.api.errors import WeakPassword


@pytest.fixture(scope="module")
def cheap():
    return Passwords(passes=3, memory_kib=12288)


def test_only_the_right_password_is_verified(cheap):
    encoded = cheap.hash("a quiet harbour")

    assert encoded.startswith("$argon2id$")
    assert cheap.verify("a quiet harbour", encoded)
    assert not cheap.verify("a quiet harbor", encoded)


def test_unknown_user_costs_the_same_hashing(cheap, monkeypatch):
    worked = []
    real = PasswordHasher.verify

    def watched(hasher, encoded, password):
        worked.append((encoded.split("$")[1:4], password))
        return real(hasher, encoded, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    encoded = cheap.hash("a quiet harbour")

    assert not cheap.verify("a quiet harbor", encoded)
    assert not cheap.verify("a quiet harbor", None)
    assert worked[0] == worked[1]


def test_invalid_hash_never_verifies(cheap):
    assert not cheap.verify("a quiet harbour", "plain text")


def test_hash_of_other_parameters_is_outdated(cheap):
    dearer = Passwords(passes=4, memory_kib=12288)

    assert dearer.is_outdated(cheap.hash("x"))
    assert not cheap.is_outdated(cheap.hash("x"))


@pytest.mark.parametrize("password", ["short", "x" * (MAX_CHARACTERS + 1)])
def test_length_has_bounds(password):
    with pytest.raises(WeakPassword, match="12 to 256 characters"):
        check_password(password, user="ana")


@pytest.mark.parametrize("password", ["passwordpassword", "123456789012", "qwertyuiop123", "annabella1990"])
def test_guessable_password_is_refused_without_being_repeated(password):
    with pytest.raises(WeakPassword, match="easily guessed") as caught:
        check_password(password, user="annabella")

    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["grafted quince under snow", "ünïcödé wörds ärè fine tøø", "w" * 3 + "-kQ8vZp2mXr" * 20]
)
def test_strong_password_needs_no_special_characters(password):
    check_password(password, user="ana")


def test_random_passwords_are_strong_and_unique():
    first, second = random_password(), random_password()

    check_password(first, user="ana")
    assert first != second


def test_lone_surrogate_is_refused_in_a_new_password():
    with pytest.raises(WeakPassword, match="whole characters"):
        check_password("grafted quince under \ud800", user="ana")


def test_lone_surrogate_is_a_wrong_password(cheap):
    encoded = cheap.hash("a quiet harbour")

    assert not cheap.verify("a quiet harbour\ud800", encoded)
    assert not cheap.verify("\udfff", None)


def test_long_password_counts_to_its_last_character(cheap):
    encoded = cheap.hash("w" * 255 + "a")

    assert cheap.verify("w" * 255 + "a", encoded)
    assert not cheap.verify("w" * 255 + "b", encoded)


@pytest.mark.parametrize(
    "text",
    [
        "ünïcödé wörds ärè fine tøø",
        "각시탈 곧은 나무 열두 그루 심는다",
        "\u2460 \ufb01ne gra\ufb00t of qu\u0131nce\u2122",
    ],
)
def test_password_is_unicode_normalised(cheap, text):
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    encoded = cheap.hash(forms[0])

    for form in forms:
        check_password(form, user="ana")
        assert cheap.verify(form, encoded)


def test_length_counts_after_normalisation():
    most = "ᾂ" * MAX_CHARACTERS
    decomposed = unicodedata.normalize("NFD", most)
    assert len(decomposed) == MAX_TYPED_CHARACTERS

    for text in (most, decomposed):
        with pytest.raises(WeakPassword, match="easily guessed"):
            check_password(text, user="ana")
    for text in ("e\u0301" * 11, decomposed + "a", "ᾂ" * 10_000_000):
        with pytest.raises(WeakPassword, match="12 to 256 characters"):
            check_password(text, user="ana")


@pytest.mark.parametrize("password", ["p@$$w0rd1234", "123456789012", "p4$$w0rdp4$$w0rd", "1l0v3y0u1l0v3y0u"])
def test_guessable_password_with_signs_is_refused(password):
    with pytest.raises(WeakPassword, match="easily guessed"):
        check_password(password, user="ana")
