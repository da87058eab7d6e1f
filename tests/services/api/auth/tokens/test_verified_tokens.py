"""A token's signature is verified once; its expiry and revocation are checked every time."""

import pytest

from services.api.auth.tokens.access_tokens import LEEWAY_SECONDS, Claims
from services.api.auth.tokens.verified_tokens import MAX_TOKENS, VerifiedTokens
from services.api.errors import InvalidToken

NOW = 1_000_000


class Verifier:
    """Counts verifications; any token but "bad" is of the user it names."""

    def __init__(self):
        self.verified = []

    def verify(self, token):
        self.verified.append(token)
        if token == "bad":
            raise InvalidToken
        return Claims(subject=token, scopes=frozenset({"predict"}), epoch=1, expires=NOW + 60)


class Revocations:
    def __init__(self):
        self.revoked = set()

    def is_revoked(self, claims):
        return claims.subject in self.revoked


@pytest.fixture
def verifier():
    return Verifier()


@pytest.fixture
def revocations():
    return Revocations()


@pytest.fixture
def clock():
    return [NOW]


@pytest.fixture
def tokens(verifier, revocations, clock):
    return VerifiedTokens(verifier, revocations, now=lambda: clock[0])


def test_signature_is_verified_once(tokens, verifier):
    assert tokens.find(b"ana") is None
    assert [tokens.check("ana").subject for _ in range(3)] == ["ana"] * 3
    assert tokens.find(b"ana").claims.subject == "ana"
    assert verifier.verified == ["ana"]


def test_invalid_token_is_refused_every_time(tokens, verifier):
    for _ in range(2):
        with pytest.raises(InvalidToken):
            tokens.check("bad")
    assert tokens.find(b"bad") is None
    assert verifier.verified == ["bad", "bad"]


def test_expired_token_is_verified_again(tokens, verifier, clock):
    tokens.check("ana")
    clock[0] = NOW + 60 + LEEWAY_SECONDS - 1
    assert tokens.find(b"ana") is not None
    clock[0] += 1
    assert tokens.find(b"ana") is None
    tokens.check("ana")  # a real verifier refuses it
    assert verifier.verified == ["ana", "ana"]


def test_revoked_token_is_refused_at_once(tokens, revocations):
    tokens.check("ana")
    revocations.revoked.add("ana")

    assert tokens.find(b"ana") is None
    with pytest.raises(InvalidToken):
        tokens.check("ana")


def test_memory_is_bounded_and_holds_no_token(tokens):
    for number in range(MAX_TOKENS + 10):
        tokens.check(f"user{number}")

    assert len(tokens._tokens) == MAX_TOKENS
    assert tokens.find(b"user0") is None
    assert tokens.find(b"user10") is not None
    assert not any(b"user" in key for key in tokens._tokens)


@pytest.mark.parametrize("token", ["", "\ud800", "ä" * 5000])
def test_any_text_is_looked_up(tokens, token):
    assert tokens.find(token.encode(errors="surrogatepass")) is None


def test_real_tokens(client, issuer, sample):
    tokens = client.app.state.services.tokens
    token = issuer.issue("ana", ["predict"], epoch=1)

    assert tokens.check(token) == tokens.find(token.encode()).claims
    with pytest.raises(InvalidToken):
        tokens.check(token[:-2])
    with pytest.raises(InvalidToken):
        tokens.check("\ud800")
