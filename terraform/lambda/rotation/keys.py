"""RSA keys as Snowflake takes them: PKCS 8 without a password, fingerprints, tokens.

https://docs.snowflake.com/en/user-guide/key-pair-auth and …/developer-guide/sql-api/authenticating
"""

from __future__ import annotations

import base64
import hashlib
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

BITS = 2048
MINUTES = 10
"""Of a token; Snowflake takes an hour at most."""


def new_private_key() -> str:
    """A private key as PEM."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_key(private_key: str) -> str:
    """Its public key on one line, as ALTER USER takes it."""
    return base64.b64encode(_public(_loaded(private_key))).decode()


def fingerprint(private_key: str) -> str:
    """Its fingerprint, as DESC USER shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(_public(_loaded(private_key))).digest()).decode()


def token(private_key: str, account: str, user: str) -> str:
    """A JSON Web Token by which a user logs in for a few minutes."""
    who = f"{account.upper().replace('.', '-')}.{user.upper()}"
    now = int(time.time())
    claims = {"iss": f"{who}.{fingerprint(private_key)}", "sub": who, "iat": now, "exp": now + 60 * MINUTES}
    signed = ".".join(_coded(json.dumps(x).encode()) for x in ({"alg": "RS256", "typ": "JWT"}, claims))
    signature = _loaded(private_key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_coded(signature)}"


def _loaded(private_key: str) -> RSAPrivateKey:
    try:
        found = serialization.load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, RSAPrivateKey):
        raise ValueError("no RSA private key without a password, as PEM") from None  # the text stays out of it
    return found


def _public(key: RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.DER, form)


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
