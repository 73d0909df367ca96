"""Where credentials and questions may be sent: Salesforce's own hosts, and those that an administrator listed."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from ombud_plugin_api import Misconfigured

OWN = (".salesforce.com", ".force.com", ".cloudforce.com", ".salesforce.mil")


def checked(address: str, listed: Sequence[str]) -> str:
    """The origin (`https://host`), or Misconfigured with the remedy. Plain http is for listed loopback alone."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Misconfigured(f"{address[:100]!r} is no address. Write it like https://login.salesforce.com") from None
    if parts.scheme not in {"https", "http"} or not host or parts.username or parts.password:
        raise Misconfigured(
            f"{address[:100]!r} is no address of Salesforce. Write it like https://login.salesforce.com"
        )
    place = f"{host}:{port}" if port else host
    known = place in listed or host in listed
    if not known and not host.endswith(OWN):
        raise Misconfigured(
            f"{host} is no host of Salesforce. Use its own address, or have an administrator of the desk list the host."
        )
    if parts.scheme == "http" and not (known and _is_loopback(host)):
        raise Misconfigured(f"{host} would be asked without encryption. Write the address with https.")
    return f"{parts.scheme}://{place}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def audience(origin: str) -> str:
    """Whom a signed login is for: Salesforce asks for its login host, also where a company's own domain is used."""
    host = urlsplit(origin).hostname or ""
    if host == "test.salesforce.com" or ".sandbox." in host:
        return "https://test.salesforce.com"
    return "https://login.salesforce.com" if host.endswith(OWN) else origin
