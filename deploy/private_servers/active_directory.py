"""A private Active Directory: Samba's domain controller (4.17 or newer), LDAP alone.

It is made on request, since to provision a domain and fill it takes a while. That is done once:
what came of it lies in `.cache` of the checkout, by Samba's version and the text of this module and
of `active_directory_seed`, and each site starts from a copy.

Samba's LDAP ports cannot be moved, so a site has an address of its own in 127.0.0.0/8 instead. Only
root may open these ports, and provision a domain.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from private_servers.errors import ServiceError
from private_servers.processes import (
    descendants,
    end,
    is_alive,
    log_tail,
    run,
    send,
    spawn,
    wait_gone,
)
from private_servers.server import clean_env
from private_servers.site import Site, remove_tree

DOMAIN = "school.test"
BASE = "DC=school,DC=test"
ADMINISTRATOR = "administrator"
#: Accounts beside it, which may read what everybody may, each with its rights beyond that.
ACCOUNTS: dict[str, list[str]] = {
    "reader": [],
    "changer": ["changes"],
    "syncer": ["changes", "deleted"],
}
#: They are part of Samba's program. Source: source4/ldap_server/ldap_server.c.
PORTS = {"ldap": 389, "ldaps": 636}

_CACHE = Path(__file__).resolve().parents[2] / ".cache"
_SEED = Path(__file__).with_name("active_directory_seed.py")
#: Samba's Python modules are Debian's Python's, whichever runs this.
_PYTHON = "/usr/bin/python3"
_SETUP = Path("/usr/share/samba/setup/provision.ldif")
_HOST = "dc1"
_CONFIG = """\
[global]
netbios name = {host}
workgroup = SCHOOL
realm = {domain}
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = -all
interfaces = {address}/8
bind interfaces only = yes
private dir = {home}/dc/private
state directory = {home}/dc/state
cache directory = {home}/dc/cache
lock directory = {home}/dc
binddns dir = {home}/dc/bind-dns
pid directory = {home}/run
ncalrpc dir = {home}/run/ncalrpc
tls keyfile = {home}/tls/key.pem
tls certfile = {home}/tls/cert.pem
tls cafile = {home}/tls/ca.pem
log file = {home}/log.samba
log level = 1
"""
#: Asks, without signing in, for nothing of the root: message 1, a base search for `objectClass=*`.
_PROBE = bytes.fromhex("3025020101632004000a01000a0100020100020100010100870b") + b"objectClass0\0"
_SEARCH_RESULT = b"\x64"


class SambaAD:
    """One domain controller with some two thousand generated users."""

    name: ClassVar[str] = "samba"
    packages: ClassVar[tuple[str, ...]] = (
        "samba-ad-dc",
        "samba-ad-provision",
        "python3-samba",
        "openssl",
    )
    purposes: ClassVar[tuple[str, ...]] = tuple(PORTS)

    @classmethod
    def is_installed(cls) -> bool:
        """Tell whether Samba's domain controller and its templates are on this machine."""
        programs = ("samba", "samba-tool", "openssl")
        return _SETUP.exists() and all(_program(name) is not None for name in programs)

    @classmethod
    def why_not(cls) -> str | None:
        """Return why it cannot run here, whatever is installed; None: it can."""
        if os.geteuid() == 0:
            return None
        return "samba: its ports 389 and 636 cannot be moved, and only root may open them"

    def __init__(self, site: Site) -> None:
        """Bind to a site."""
        self._site = site
        self._home = site.folder / self.name
        self._log = self._home / "server.log"

    def make(self) -> None:
        """Copy the provisioned domain, which is made first where there is none of this version."""
        self.remove()
        self._site.ports |= {f"{self.name}.{purpose}": port for purpose, port in PORTS.items()}
        self._home.mkdir(mode=0o700)
        shutil.copytree(_provisioned(self._site), self._home, symlinks=True, dirs_exist_ok=True)
        (self._home / "run").mkdir()
        make_certificates(self._home / "tls", address(self._site))
        write_config(self._home, address(self._site))

    def start(self) -> None:
        """Start the server in the foreground, as a child of nobody."""
        config = str(self._home / "smb.conf")
        command = [str(_program("samba")), "-F", "--no-process-group", "-M", "single", "-s", config]
        env = {**clean_env(self._site, self._home), "TDB_NO_FSYNC": "1"}
        self._site.record(self.name, spawn(command, env=env, log=self._log))

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until it answers a search."""
        deadline = time.monotonic() + timeout_s
        while not speaks_ldap(address(self._site)):
            if not self.is_running():
                raise ServiceError(f"samba ended while it started:\n{self._told()}")
            if time.monotonic() > deadline:
                raise ServiceError(f"samba is not ready after {timeout_s:g} s:\n{self._told()}")
            time.sleep(0.05)

    def is_running(self) -> bool:
        """Tell whether the server runs."""
        process = self._site.processes.get(self.name)
        return process is not None and is_alive(process)

    def stop(self) -> None:
        """End the server in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server by SIGKILL."""
        self._end(signal.SIGKILL)

    def abandon(self) -> None:
        """End the server by SIGKILL."""
        self.kill()

    def remove(self) -> None:
        """Remove the copy; what is cached stays."""
        remove_tree(self._home)

    def _end(self, signal_number: int) -> None:
        process = self._site.processes.get(self.name)
        if process is None:
            return
        family = [process, *descendants(process)]
        send(process, signal_number)
        end(wait_gone(family, 10), grace_s=1)
        self._site.record(self.name, None)

    def _told(self) -> str:
        return log_tail(self._log) + log_tail(self._home / "log.samba")


def address(site: Site) -> str:
    """Return the loopback address of a site's domain controller, made of the site's token."""
    second, third, fourth = bytes.fromhex(site.token)[:3]
    return f"127.{64 + second % 128}.{third}.{1 + fourth % 254}"


def environment(site: Site) -> dict[str, str]:
    """Return the variables that lead to the directory, with the accounts that it knows."""
    home = site.folder / SambaAD.name
    passwords = json.loads((home / "passwords.json").read_text())
    given = {
        "BELLRINGER_LDAP_HOST": address(site),
        "BELLRINGER_LDAP_BASE": BASE,
        "BELLRINGER_LDAP_CA_FILE": str(home / "tls" / "ca.pem"),
    }
    for user in (ADMINISTRATOR, *ACCOUNTS):
        given[f"BELLRINGER_LDAP_{user.upper()}"] = f"{user}@{DOMAIN}"
        given[f"BELLRINGER_LDAP_{user.upper()}_PASSWORD"] = passwords[user]
    return given


def make_certificates(folder: Path, host: str) -> None:
    """Make a certificate authority, and by it the certificate of a server at an address."""
    folder.mkdir(mode=0o700)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca, ca_key, cert = (str(folder / name) for name in ("ca.pem", "ca-key.pem", "cert.pem"))
    wanted = str(folder / "request.pem")
    names = folder / "names"
    names.write_text(f"subjectAltName=IP:{host},DNS:{_HOST}.{DOMAIN},DNS:localhost\n")

    def openssl(*arguments: str) -> None:
        run([str(_program("openssl")), *arguments])

    of_ca = ("-x509", "-days", "3650", "-subj", "/CN=Bellringer tests", "-out", ca)
    openssl("req", *of_ca, *key, "-keyout", ca_key)
    of_server = ("-subj", f"/CN={_HOST}.{DOMAIN}", "-out", wanted)
    openssl("req", *of_server, *key, "-keyout", str(folder / "key.pem"))
    signed = ("-req", "-in", wanted, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial")
    openssl("x509", *signed, "-days", "3650", "-extfile", str(names), "-out", cert)


def write_config(home: Path, host: str) -> None:
    """Write the server's configuration."""
    text = _CONFIG.format(home=home, address=host, host=_HOST.upper(), domain=DOMAIN.upper())
    (home / "smb.conf").write_text(text)


def speaks_ldap(host: str) -> bool:
    """Tell whether an LDAP server answers a search."""
    try:
        with socket.create_connection((host, PORTS["ldap"]), timeout=2) as connection:
            connection.sendall(_PROBE)
            return _SEARCH_RESULT in connection.recv(16)
    except OSError:
        return False


def _provisioned(site: Site) -> Path:
    """Return the folder of the provisioned domain, which is made where it is not there."""
    version = run([str(_program("samba")), "--version"])
    texts = [version, Path(__file__).read_text(), _SEED.read_text()]
    key = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    made = _CACHE / f"samba-{key}"
    with _one_at_a_time():
        if not made.exists():
            for old in _CACHE.glob("samba-*"):
                remove_tree(old)
            with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
                _provision(site, Path(folder) / "new")
                (Path(folder) / "new").rename(made)
    return made


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one run of this checkout provision at a time."""
    _CACHE.mkdir(exist_ok=True)
    folder = os.open(_CACHE, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _provision(site: Site, home: Path) -> None:
    """Make the domain and fill it, all offline."""
    home.mkdir(mode=0o700)
    env = {**clean_env(site, home), "TDB_NO_FSYNC": "1"}
    # mixed, so that the rule of complexity takes them, which holds until it is lifted
    passwords = {user: f"{secrets.token_hex(12)}-Aa1" for user in (ADMINISTRATOR, *ACCOUNTS)}
    (home / "passwords.json").touch(mode=0o600)
    (home / "passwords.json").write_text(json.dumps(passwords))
    tool = str(_program("samba-tool"))
    run(
        [
            *(tool, "domain", "provision", f"--realm={DOMAIN.upper()}", "--domain=SCHOOL"),
            *("--server-role=dc", "--dns-backend=NONE", "--use-rfc2307", "--host-ip=127.0.0.1"),
            *(f"--host-name={_HOST}", f"--targetdir={home / 'dc'}"),
            *("--option=interfaces=lo", "--option=bind interfaces only=yes"),
            f"--adminpass={passwords[ADMINISTRATOR]}",
        ],
        env=env,
    )
    write_config(home, "127.0.0.1")
    sam, config = f"{home / 'dc' / 'private' / 'sam.ldb'}", str(home / "smb.conf")
    here = ("-H", sam, "-s", config)
    rules = ("--complexity=off", "--max-pwd-age=0", "--account-lockout-threshold=3")
    run([tool, "domain", "passwordsettings", "set", *rules, *here], env=env)
    accounts = {u: {"password": passwords[u], "rights": ACCOUNTS[u]} for u in ACCOUNTS}
    seed = [_PYTHON, "-I", str(_SEED), sam, config]
    run(seed, env=env, stdin=json.dumps(accounts), timeout_s=600)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
