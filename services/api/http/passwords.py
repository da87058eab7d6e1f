"""The type of a new password in a request; how hard it is to guess is checked later, off the event loop."""

from typing import Annotated

from pydantic import Field, SecretStr

from services.api.auth.passwords.hashing import MAX_TYPED_CHARACTERS, MIN_CHARACTERS

__all__ = ["NewPassword"]

NewPassword = Annotated[SecretStr, Field(min_length=MIN_CHARACTERS, max_length=MAX_TYPED_CHARACTERS)]
