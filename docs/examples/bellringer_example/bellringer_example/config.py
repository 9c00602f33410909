"""The settings: the console makes its form of them, and each one's docstring is its help."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr


class ExampleConfig(BaseModel):
    """Where the district's Example SIS is, and the key that it made for us."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    url: HttpUrl
    """The server's address, `https://HOST`."""
    client_id: Annotated[str, Field(min_length=1)]
    """The id of the key, from Administration → API keys."""
    client_secret: SecretStr
    """The secret of the key, which is shown once, when it is made."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 200
    """Records of a page."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 30
    """Seconds to wait for an answer."""
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 120
    """Seconds that a request may take as a whole, its tries and the waits between them together."""
