import pytest

from services.api.errors import WeakPassword
from services.api.passwords import MAX_CHARACTERS, Passwords, check_password, random_password


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
    real = cheap._hasher.verify

    def watched(_self, encoded, password):
        worked.append(encoded)
        return real(encoded, password)

    monkeypatch.setattr(type(cheap._hasher), "verify", watched)

    assert not cheap.verify("a quiet harbour", None)
    assert worked == [cheap._dummy]


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
