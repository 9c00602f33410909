"""What a read must know of the domain first: the server, and what the settings' names stand for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.transport.ldap import Directory, Entry, equals
from connectors.vendors.active_directory.config import ActiveDirectoryConfig
from connectors.vendors.active_directory.scope import Circles, Scope, is_below, key
from connectors.vendors.active_directory.source import NAME
from connectors.vendors.active_directory.values import first, guid_text, number, rid, text
from shared.errors import PermanentConnectorError

_ROOT = ("defaultNamingContext", "dsServiceName", "highestCommittedUSN", "dnsHostName")
_IDENTITY = ("objectGUID", "objectSid", "objectClass")


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain as one of its controllers has it.

    Attributes:
        server: the controller's own name.
        context: the naming context that is read.
        invocation: the id of the controller's database. Another one numbers changes anew.
        usn: the newest number of a change there, when the read began.
    """

    server: str
    context: str
    invocation: str
    usn: int


def look(directory: Directory, config: ActiveDirectoryConfig) -> Domain:
    """Return the domain.

    Raises:
        PermanentConnectorError: it is no domain controller, or base_dn is not there.
    """
    root = directory.read("", _ROOT)
    told = root.values if root is not None else {}
    context, service = text(told, "defaultNamingContext"), text(told, "dsServiceName")
    usn = number(told, "highestCommittedUSN")
    if context is None or service is None or usn is None:
        raise _no("host", "it is no domain controller of Active Directory")
    settings = directory.read(service, ("invocationId",))
    invocation = first(settings.values, "invocationId") if settings is not None else None
    if invocation is None:
        raise _no("user", f"the account may not read invocationId of {service}")
    if config.base_dn is not None:
        base = directory.read(config.base_dn, ("objectGUID",))
        if base is None:
            raise _no("base_dn", f"there is no {config.base_dn}, or the account may not see it")
        if key(base.dn) != key(context):
            fix = "Name a part of it by ous."
            raise _no("base_dn", f"the server has the domain {context}, not {base.dn}. {fix}")
    server = text(told, "dnsHostName") or config.host
    return Domain(server, context, guid_text(invocation), usn)


def scope_of(directory: Directory, domain: Domain, config: ActiveDirectoryConfig) -> Scope:
    """Look up whatever the settings name, and return the scope.

    Raises:
        PermanentConnectorError: names the setting: there is no such unit or group, or it is another
            kind of thing. Else everybody would seem to have gone.
    """
    needed = [_group(directory, "groups", dn) for dn in config.needed_groups]
    rules = []
    named = list(needed)
    for rule in config.role_rules:
        place = _named(directory, "roles", rule.dn)
        is_group = b"group" in place.values.get("objectclass", ())
        if is_group:
            named.append(place)
        rules.append((rule, key(place.dn), is_group))
    return Scope(
        units=tuple(_units(directory, "ous", config.units)),
        excluded=tuple(_units(directory, "exclude_ous", config.excluded_units)),
        groups=frozenset(key(group.dn) for group in needed),
        circles=circles(directory, domain, named),
        roles=tuple(rules),
        keeps_disabled=config.disabled == "keep",
    )


def circles(directory: Directory, domain: Domain, named: Iterable[Entry]) -> Circles:
    """Return what membership of the named groups means, by whatever groups are within.

    The groups within are asked for level by level. The server could do it in one search
    (LDAP_MATCHING_RULE_IN_CHAIN), and takes many times longer for it.
    """
    around: defaultdict[str, set[str]] = defaultdict(set)
    primary: dict[str, str] = {}
    guids: set[bytes] = set()
    for top in named:
        waiting, seen = [top], {key(top.dn)}
        while waiting:
            group = waiting.pop()
            around[key(group.dn)].add(key(top.dn))
            guids.add(first(group.values, "objectGUID") or b"")
            if (sid := first(group.values, "objectSid")) is not None:
                primary[rid(sid)] = key(group.dn)
            for inner in groups_within(directory, domain, group.dn):
                # a circle of groups ends here
                if key(inner.dn) not in seen:
                    seen.add(key(inner.dn))
                    waiting.append(inner)
    return Circles(
        {group: frozenset(tops) for group, tops in around.items()}, primary, frozenset(guids)
    )


def groups_within(directory: Directory, domain: Domain, dn: str) -> Iterator[Entry]:
    """Yield the groups that are direct members of a group."""
    wanted = f"(&(objectClass=group){equals('memberOf', dn)})"
    for page in directory.search(domain.context, wanted, _IDENTITY):
        yield from page


def _units(directory: Directory, setting: str, dns: Iterable[str]) -> list[str]:
    """Return the keys of units, those left out that stand below another one."""
    found = [key(_named(directory, setting, dn).dn) for dn in dns]
    unique = dict.fromkeys(found)
    return [one for one in unique if not is_below(one, unique)]


def _group(directory: Directory, setting: str, dn: str) -> Entry:
    found = _named(directory, setting, dn)
    if b"group" not in found.values.get("objectclass", ()):
        raise _no(setting, f"{dn} is no group")
    return found


def _named(directory: Directory, setting: str, dn: str) -> Entry:
    found = directory.read(dn, _IDENTITY)
    if found is None:
        raise _no(setting, f"there is no {dn}, or the account may not see it")
    return found


def _no(setting: str, problem: str) -> PermanentConnectorError:
    return PermanentConnectorError(NAME, f"{setting}: {problem}")
