import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.api.auth.tokens.access_tokens import TokenIssuer, TokenVerifier, public_jwk
from services.api.errors import InvalidToken

KEY = Ed25519PrivateKey.from_private_bytes(b"7" * 32)
KID = public_jwk(KEY.public_key())["kid"]
NAMED = {"issuer": "https://issuer", "audience": "api"}


@pytest.fixture
def verifier():
    return TokenVerifier([KEY.public_key()], **NAMED)


def make(key=KEY, algorithm="EdDSA", header=None, **changes):
    now = int(time.time())
    claims = {"iss": "https://issuer", "aud": "api", "sub": "ana", "iat": now, "exp": now + 60, "jti": "1", "epoch": 3}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "at+jwt", "kid": KID} | (header or {}))


def encode(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_token_that_was_issued_is_accepted(verifier):
    token = TokenIssuer(KEY, seconds=60, **NAMED).issue("ana", ["predict", "model:read"], epoch=3)

    claims = verifier.verify(token)

    assert claims.subject == "ana"
    assert claims.scopes == {"predict", "model:read"}
    assert claims.epoch == 3


def raw_public():
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hs256_with_the_public_key():
    import hashlib
    import hmac

    body = f"{encode({'typ': 'at+jwt', 'alg': 'HS256', 'kid': KID})}.{make().split('.')[1]}"
    mac = hmac.new(raw_public(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


BAD = {
    "no algorithm": lambda: f"{encode({'typ': 'at+jwt', 'alg': 'none', 'kid': KID})}.{make().split('.')[1]}.",
    "HS256 with the public key": hs256_with_the_public_key,
    "RS256": lambda: make(rsa.generate_private_key(65537, 2048), "RS256"),
    "another key": lambda: make(Ed25519PrivateKey.generate()),
    "unknown crit": lambda: make(header={"crit": ["exp2"], "exp2": 1}),
    "wrong audience": lambda: make(aud="another"),
    "wrong issuer": lambda: make(iss="https://evil"),
    "issuer as prefix": lambda: make(iss="https://issuer.evil"),
    "issuer as part": lambda: make(iss="https://issue"),
    "expired for 35 s": lambda: make(exp=int(time.time()) - 35),
    "not for another 40 s": lambda: make(nbf=int(time.time()) + 40),
    "made in 40 s": lambda: make(iat=int(time.time()) + 40),
    "longer than 15 minutes": lambda: make(exp=int(time.time()) + 901),
    "ten years": lambda: make(exp=int(time.time()) + 10 * 365 * 86400),
    "infinite": lambda: make(exp=float("inf")),
    "no epoch": lambda: make(epoch=None),
    "epoch as text": lambda: make(epoch="3"),
    "epoch of another type": lambda: make(epoch=True),
    "no jti": lambda: make(jti=None),
    "no subject": lambda: make(sub=None),
    "no expiry": lambda: make(exp=None),
    "no time of issue": lambda: make(iat=None),
    "no issuer": lambda: make(iss=None),
    "no audience": lambda: make(aud=None),
    "type of an id token": lambda: make(header={"typ": "JWT"}),
    "no type": lambda: make(header={"typ": None}),
    "truncated signature": lambda: make()[:-4],
    "changed payload": lambda: ".".join([make().split(".")[0], encode({"sub": "root"}), make().split(".")[2]]),
    "no dots": lambda: make().replace(".", ""),
    "one megabyte": lambda: make() + "a" * 2**20,
    "empty": lambda: "",
    "empty kid": lambda: make(header={"kid": ""}),
    "path as kid": lambda: make(header={"kid": "../../etc/passwd"}),
    "long kid": lambda: make(header={"kid": "k" * 2000}),
    "key in the header": lambda: make(
        Ed25519PrivateKey.from_private_bytes(b"8" * 32),
        header={"jwk": public_jwk(Ed25519PrivateKey.from_private_bytes(b"8" * 32).public_key()), "kid": "x"},
    ),
    "key behind a URL": lambda: make(header={"jku": "https://evil/keys", "kid": "x"}),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_token_is_rejected_with_the_same_text(verifier, name):
    try:
        token = BAD[name]()
    except jwt.exceptions.InvalidKeyError:
        pytest.fail("the test could not make its token")

    with pytest.raises(InvalidToken) as caught:
        verifier.verify(token)

    assert str(caught.value) == "the access token is missing, expired or not valid; get one from /v1/auth/token"


def test_clock_skew_of_20_seconds_is_accepted(verifier):
    assert verifier.verify(make(exp=int(time.time()) - 20)).subject == "ana"


def test_token_lifetime_is_as_configured():
    token = TokenIssuer(KEY, seconds=900, now=lambda: 1_700_000_000.9, **NAMED).issue("ana", [], epoch=1)

    claims = jwt.decode(token, options={"verify_signature": False})

    assert (claims["iat"], claims["exp"]) == (1_700_000_000, 1_700_000_900)


def test_maximum_lifetime_is_accepted(verifier):
    assert verifier.verify(make(exp=int(time.time()) + 900)).subject == "ana"


def test_any_trusted_key_is_accepted_during_a_rotation():
    new = Ed25519PrivateKey.generate()
    both = TokenVerifier([new.public_key(), KEY.public_key()], **NAMED)

    assert both.verify(make()).subject == "ana"
    assert both.verify(TokenIssuer(new, seconds=60, **NAMED).issue("bob", [], epoch=1)).subject == "bob"


def test_key_set_has_public_parts_only(verifier):
    (key,) = verifier.key_set["keys"]

    assert set(key) == {"crv", "kty", "x", "kid", "alg", "use"}


def test_token_without_scopes_has_no_permissions(verifier):
    assert verifier.verify(make()).scopes == frozenset()


def test_key_id_is_the_thumbprint():
    """RFC 8037, appendix A.3."""
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")

    key = public_jwk(Ed25519PublicKey.from_public_bytes(raw))

    assert key["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert (key["alg"], key["use"]) == ("EdDSA", "sig")


def test_token_has_4096_characters_at_most(verifier):
    """base64 does not produce every length, so the header grows too."""
    made = [make(header={"cty": "x" * more}, pad="x" * number) for more in range(4) for number in range(2750, 2900)]
    by_length = {len(token): token for token in made}

    assert verifier.verify(by_length[4096]).subject == "ana"
    with pytest.raises(InvalidToken):
        verifier.verify(by_length[4097])
