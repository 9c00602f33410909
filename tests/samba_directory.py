"""A real Active Directory for tests: Samba's, which `deploy/services start samba` makes.

Below `OU=School` are 2,000 users who stay as they are. A test that changes anything makes a unit of
its own beside it. The directory is written to by python-ldap itself, never by code of ours.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from connectors.network import Network, parse_networks

HERE = Network(allowed=parse_networks("127.0.0.0/8"))
#: What `deploy/private_servers/active_directory_seed.py` makes.
SCHOOL = "OU=School,DC=school,DC=test"
STUDENTS, STAFF, DISABLED, WITHOUT_NUMBER = 1800, 200, 20, 40
ENABLED, NO_PASSWORD, OFF = 0x200, 0x20, 0x2

_NUMBERS = itertools.count(1)
_TREE_DELETE = "1.2.840.113556.1.4.805"


def require_python_ldap() -> None:
    """Skip where the extra is missing; in CI that is a failure."""
    if find_spec("ldap") is None:
        reason = "python-ldap is not installed: deploy/make-venv says what it takes to compile it"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)


def settings_of(
    environment: Mapping[str, str], user: str = "syncer", **more: str
) -> dict[str, str]:
    """Return the settings by which the connector reads the 2,000 users, with their roles.

    Args:
        environment: what `deploy/services env` prints once samba was started.
        user: `administrator`, `syncer` (may use DirSync) or `reader` (may not).
        more: settings beside or instead of these.
    """
    groups = f"OU=Groups,{SCHOOL}"
    rules = [f"student {n} OU={name},OU=Students,{SCHOOL}" for n, name in _SCHOOLS.items()]
    rules += [f"teacher {n} CN=Teachers {name},{groups}" for n, name in _SCHOOLS.items()]
    return {
        **sign_in(environment, user),
        "ous": SCHOOL,
        "schools": "\n".join(f"{number} {name}" for number, name in _SCHOOLS.items()),
        "roles": "\n".join([*rules, f"aide 1 CN=Staff,{groups}"]),
        **more,
    }


_SCHOOLS = {"1": "North", "2": "South", "3": "East", "4": "West"}


def sign_in(environment: Mapping[str, str], user: str) -> dict[str, str]:
    """Return the settings by which an account signs in."""
    return {
        "host": environment["BELLRINGER_LDAP_HOST"],
        "ca_file": environment["BELLRINGER_LDAP_CA_FILE"],
        "user": environment[f"BELLRINGER_LDAP_{user.upper()}"],
        "password": environment[f"BELLRINGER_LDAP_{user.upper()}_PASSWORD"],
    }


class SambaDirectory:
    """The directory, and the administrator's hand in it.

    Attributes:
        environment: what `deploy/services env` prints.
        base: the domain's name.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.base = environment["BELLRINGER_LDAP_BASE"]
        self._admin: Any = None

    @property
    def admin(self) -> Any:
        """A connection of python-ldap's, signed in as the administrator."""
        if self._admin is None:
            self._admin = self.bare("administrator")
        return self._admin

    def sign_out(self) -> None:
        """Let the next use of `admin` sign in anew, as after the server was down."""
        self._admin = None

    def bare(self, user: str) -> Any:
        """Return a bare connection of python-ldap's, which signs in anew after a long silence."""
        import ldap
        from ldap.ldapobject import ReconnectLDAPObject

        given = sign_in(self.environment, user)
        # a directory hangs up on whoever has said nothing for a quarter of an hour
        made = ReconnectLDAPObject(f"ldaps://{given['host']}", retry_max=2, retry_delay=0.1)
        made.set_option(ldap.OPT_X_TLS_CACERTFILE, given["ca_file"])
        made.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        made.set_option(ldap.OPT_REFERRALS, 0)
        made.simple_bind_s(given["user"], given["password"])
        return made

    def unit(self) -> Unit:
        """Make a unit of a test's own."""
        name = f"test {os.getpid()} {next(_NUMBERS)}"
        made = Unit(self, f"OU={name},{self.base}", name.replace(" ", "-"))
        made.make()
        return made

    def newest_number(self) -> int:
        """The number of the last change, as a client of anybody's reads it."""
        found = self.admin.search_s("", 0, "(objectClass=*)", ["highestCommittedUSN"])
        return int(found[0][1]["highestCommittedUSN"][0])


class Unit:
    """An organizational unit of a test's own.

    Attributes:
        dn: its name.
        token: begins the account names in it, which are unique in the domain.
    """

    def __init__(self, samba: SambaDirectory, dn: str, token: str) -> None:
        self.samba = samba
        self.dn = dn
        self.token = token

    def make(self) -> None:
        self.samba.admin.add_s(self.dn, [("objectClass", [b"organizationalUnit"])])

    def remove(self) -> None:
        from ldap.controls import RequestControl

        tree = RequestControl(_TREE_DELETE, True, None)
        self.samba.admin.delete_ext_s(self.dn, serverctrls=[tree])

    def settings(self, user: str = "syncer", **more: Any) -> dict[str, Any]:
        return {**sign_in(self.samba.environment, user), "ous": self.dn, **more}

    def sub(self, name: str) -> Unit:
        """Make a unit within."""
        made = Unit(self.samba, f"OU={escaped(name)},{self.dn}", f"{self.token}-{name}"[:14])
        made.make()
        return made

    def add_user(self, name: str, **values: Any) -> str:
        """Make a user, enabled and with names unless told; returns the distinguished name."""
        dn = f"CN={escaped(name)},{self.dn}"
        given: dict[str, Any] = {
            "sAMAccountName": account(self.token, name),
            "givenName": f"Given{name}",
            "sn": f"Family{name}",
            "userAccountControl": ENABLED | NO_PASSWORD,
            **values,
        }
        self._add(dn, "user", given)
        return dn

    def add_users(self, count: int) -> list[str]:
        return [self.add_user(str(number)) for number in range(count)]

    def add_group(self, name: str, members: list[str]) -> str:
        dn = f"CN={escaped(name)},{self.dn}"
        self._add(
            dn, "group", {"sAMAccountName": account(self.token, name), "member": members or None}
        )
        return dn

    def set(self, dn: str, **values: Any) -> None:
        """Set attributes; None clears."""
        import ldap

        changes = [(ldap.MOD_REPLACE, name, octets(value)) for name, value in values.items()]
        self.samba.admin.modify_s(dn, changes)

    def join(self, group: str, *members: str) -> None:
        import ldap

        self.samba.admin.modify_s(group, [(ldap.MOD_ADD, "member", octets(list(members)))])

    def leave(self, group: str, *members: str) -> None:
        import ldap

        self.samba.admin.modify_s(group, [(ldap.MOD_DELETE, "member", octets(list(members)))])

    def move(self, dn: str, parent: str, name: str | None = None) -> str:
        """Move or rename; returns the new name."""
        head = dn.partition(",")[0] if name is None else f"{dn[:3]}{escaped(name)}"
        self.samba.admin.rename_s(dn, head, newsuperior=parent)
        return f"{head},{parent}"

    def delete(self, dn: str) -> None:
        self.samba.admin.delete_s(dn)

    def id_of(self, dn: str) -> str:
        """The id as any client reads it: Microsoft's order of bytes."""
        import uuid

        found = self.samba.admin.search_s(dn, 0, "(objectClass=*)", ["objectGUID"])
        return str(uuid.UUID(bytes_le=found[0][1]["objectGUID"][0]))

    def _add(self, dn: str, kind: str, values: dict[str, Any]) -> None:
        entry = [("objectClass", [kind.encode()])]
        entry += [(k, made) for k, v in values.items() if (made := octets(v)) is not None]
        self.samba.admin.add_s(dn, entry)


def account(token: str, name: str) -> str:
    """An account name: short, unique, and without what Windows forbids in one."""
    plain = "".join(c for c in name if c.isalnum())
    return f"{token.replace('test-', '')}-{plain}"[:20]


def escaped(name: str) -> str:
    from ldap.dn import escape_dn_chars

    return escape_dn_chars(name)


def octets(value: Any) -> list[bytes] | None:
    """A value as python-ldap takes it."""
    if value is None:
        return None
    values = value if isinstance(value, list) else [value]
    return [one if isinstance(one, bytes) else str(one).encode() for one in values]


def other_authority(folder: Path) -> Path:
    """Make the certificate of an authority that has signed nothing, and return its file."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "other-ca.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path
