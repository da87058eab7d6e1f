import pytest
from zxcvbn.matching import L33T_TABLE, enumerate_l33t_subs, relevant_l33t_subtable

from services.api.auth.passwords import guessing as module
from services.api.auth.passwords.guessing import is_easily_guessed


@pytest.mark.parametrize(
    ("password", "expected"),
    [("correcthorse", True), ("ana1234567890", True), ("velvet harbour seventeen mugs", False)],
)
def test_common_words_and_the_own_name_are_guessed(password, expected):
    assert is_easily_guessed(password, user="ana") is expected


@pytest.mark.parametrize(
    "text", ["4@8({[<369!1|70$5+7%2" * 10, "(!|$+" * 20, "p@$$w0rd!(" * 8, "xkcd-horse-battery" * 9]
)
def test_input_of_the_estimate_is_bounded(text, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "zxcvbn", lambda part, **_: seen.append(part) or {"score": 4})

    is_easily_guessed(text[:256], user="ana")

    (part,) = seen
    assert len(part) <= 40
    assert len(enumerate_l33t_subs(relevant_l33t_subtable(part, L33T_TABLE))) <= 24
