"""The settings of where files go: which are missing, and which keys cannot be read."""

from __future__ import annotations

import io
from typing import Any

import paramiko
import pytest
from pydantic import ValidationError

from connectors import registry
from connectors.transport.drop import Drop, SftpDrop
from connectors.transport.folder import FolderPlace
from connectors.transport.ssh_keys import private_key, public_keys, told
from shared.errors import ConfigurationError

RSA = paramiko.RSAKey.generate(2048)
LINE = f"{RSA.get_name()} {RSA.get_base64()}"
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def pem(passphrase: str | None = None) -> str:
    text = io.StringIO()
    RSA.write_private_key(text, password=passphrase)
    return text.getvalue()


SFTP = {
    "sftp_host": "sftp.example",
    "sftp_user": "district",
    "sftp_host_key": LINE,
    "sftp_private_key": pem(),
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sftp_host": None}, "sftp_host"),
        ({"sftp_user": None}, "sftp_user"),
        ({"sftp_host_key": None}, "sftp_host_key"),
        ({"sftp_host_key": "sftp.example"}, "sftp_host_key"),
        ({"sftp_host_key": LINE[:60]}, "sftp_host_key"),
        ({"sftp_private_key": None}, "sftp_private_key"),
        ({"sftp_private_key": "s3cret"}, "sftp_private_key"),
        ({"sftp_private_key": pem("x")}, "sftp_private_key"),
        ({"sftp_private_key": pem("x"), "sftp_passphrase": "y"}, "sftp_private_key"),
        ({"sftp_port": 0}, "sftp_port"),
        ({"sftp_timeout_s": 0}, "sftp_timeout_s"),
        ({"sftp_hots": "x"}, "sftp_hots"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_told(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SftpDrop(**{**SFTP, **changes})
    (error,) = refused.value.errors()
    assert error["loc"] == (named,)
    for secret in ("s3cret", "BEGIN"):
        assert secret not in str(refused.value.errors(include_input=False))


def test_a_place_is_either_here_or_there(tmp_path) -> None:
    assert isinstance(Drop(path=tmp_path).place("x"), FolderPlace)
    for given in ({}, {**SFTP, "path": tmp_path}, {"path": "relative"}):
        with pytest.raises(ValidationError, match="path"):
            Drop(**given)
    with pytest.raises(ValidationError, match="no sftp_host"):
        Drop(path=tmp_path, sftp_user="x")


def test_the_registry_names_the_setting_and_the_fix(tmp_path) -> None:
    connector = registry.get("lightspeed")
    with pytest.raises(
        ConfigurationError, match=r"--set sftp_host_key: it is missing.*ssh-ed25519"
    ):
        registry.parse_config(connector, {**SFTP, "sftp_host_key": ""})
    with pytest.raises(ConfigurationError, match=r"--set path: it is missing\. Give either"):
        registry.parse_config(connector, {})


@pytest.mark.parametrize("passphrase", [None, "a long one"])
def test_a_private_key_is_read_as_it_was_pasted(passphrase: str | None) -> None:
    config = SftpDrop(
        **{**SFTP, "sftp_private_key": pem(passphrase).strip().replace("\n", "\r\n")},
        sftp_passphrase=passphrase,
    )
    assert config.sftp_private_key is not None
    assert private_key(config.sftp_private_key, config.sftp_passphrase) == RSA


def test_public_keys_in_every_form() -> None:
    known = f"[sftp.example]:2222 {LINE} somebody@somewhere"
    assert public_keys(f"\n{known}\n{ED25519}\n") == [RSA, *public_keys(ED25519)]
    assert told(RSA).startswith("ssh-rsa SHA256:")


def test_an_address_tells_no_secret() -> None:
    assert SftpDrop(**SFTP).address == "sftp://district@sftp.example:22/~/."
    assert SftpDrop(**SFTP, sftp_path="/in/").address == "sftp://district@sftp.example:22/in"
