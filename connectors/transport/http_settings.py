"""The settings that every vendor over HTTP has: where it is, and how long an answer may take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr


def _without_secrets(url: HttpUrl | None) -> HttpUrl | None:
    # what stands in an address is logged and shown
    if url is not None and (url.username or url.password or url.query or url.fragment):
        raise ValueError("give scheme, host, port and path alone, as https://HOST")
    return url


def _not_empty(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not secret.get_secret_value():
        raise ValueError("it is empty")
    return secret


#: An address of a vendor's server, which carries no secret.
Address = Annotated[HttpUrl, AfterValidator(_without_secrets)]
OptionalAddress = Annotated[HttpUrl | None, AfterValidator(_without_secrets)]
#: A secret that is not empty.
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
OptionalSecret = Annotated[SecretStr | None, AfterValidator(_not_empty)]


class HttpSettings(BaseModel):
    """What a connector over HTTP is told; a setting that it does not know is refused."""

    model_config = ConfigDict(extra="forbid", validate_default=True, use_attribute_docstrings=True)

    url: Address
    """The server's address, `https://HOST` or `https://HOST/PREFIX`."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 60
    """Seconds to wait for an answer."""
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 180
    """Seconds that a request may take as a whole, its tries and the waits between them together."""

    @property
    def address(self) -> str:
        """The server's address without a slash at its end."""
        return str(self.url).rstrip("/")
