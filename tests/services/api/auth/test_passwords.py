import unicodedata

import pytest
from argon2 import PasswordHasher
from zxcvbn.matching import L33T_TABLE, enumerate_l33t_subs, relevant_l33t_subtable

from services.api.auth import passwords as module
from services.api.auth.passwords import MAX_CHARACTERS, MAX_TYPED_CHARACTERS, Passwords, check_password, random_password
from services.api.errors import WeakPassword


@pytest.fixture(scope="module")
def cheap():
    return Passwords(passes=3, memory_kib=12288)


def test_right_password_is_right_and_wrong_is_wrong(cheap):
    encoded = cheap.hash("a quiet harbour")

    assert encoded.startswith("$argon2id$")
    assert cheap.verify("a quiet harbour", encoded)
    assert not cheap.verify("a quiet harbor", encoded)


def test_without_a_user_the_same_work_is_done_and_the_answer_is_no(cheap, monkeypatch):
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


def test_what_is_no_hash_is_never_right(cheap):
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
def test_good_password_needs_no_special_kind_of_characters(password):
    check_password(password, user="ana")


def test_random_password_is_good_and_different():
    first, second = random_password(), random_password()

    check_password(first, user="ana")
    assert first != second


def test_half_characters_are_refused_in_a_new_password():
    with pytest.raises(WeakPassword, match="whole characters"):
        check_password("grafted quince under \ud800", user="ana")


def test_half_characters_are_a_wrong_password_and_no_failure(cheap):
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
def test_password_is_the_same_however_a_keyboard_composes_it(cheap, text):
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


@pytest.mark.parametrize(
    "text", ["4@8({[<369!1|70$5+7%2" * 10, "(!|$+" * 20, "p@$$w0rd!(" * 8, "xkcd-horse-battery" * 9]
)
def test_estimate_has_little_to_read(text, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "zxcvbn", lambda part, **_: seen.append(part) or {"score": 4})

    check_password(text[:256], user="ana")

    (part,) = seen
    assert len(part) <= 40
    assert len(enumerate_l33t_subs(relevant_l33t_subtable(part, L33T_TABLE))) <= 24


@pytest.mark.parametrize("password", ["p@$$w0rd1234", "123456789012", "p4$$w0rdp4$$w0rd", "1l0v3y0u1l0v3y0u"])
def test_guessable_password_is_refused_behind_signs(password):
    with pytest.raises(WeakPassword, match="easily guessed"):
        check_password(password, user="ana")
