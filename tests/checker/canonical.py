"""Canonical forms and keys: one spelling for each thing, however a log wrote it."""

import datetime
import hashlib
import ipaddress
import re
from typing import Iterator

from event import lower

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

VALUE_BYTES_MAX = 8192
LOCAL_DOMAINS = {
    "",
    "builtin",
    "font driver host",
    "iis apppool",
    "nt authority",
    "nt service",
    "nt virtual machine",
    "window manager",
}
HASHES = {
    "MD5": "hashes.md5",
    "SHA1": "hashes.sha1",
    "SHA256": "hashes.sha256",
    "IMPHASH": "hashes.imphash",
}
GUID = re.compile(r"\{?([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})\}?")
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?", re.ASCII
)


def node_key(kind: str, *fields: bytes) -> bytes:
    """SHA-256 over kind and fields, each behind its length in four bytes; the first 16 bytes."""
    parts = (kind.encode(), *fields)
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(message).digest()[:16]


def present(value: str | None) -> str | None:
    """The text of a field, unless it is one of the ways to say nothing."""
    return None if value in (None, "", "-") else value


def clip(value: str) -> str:
    """The longest head of a value that a property may hold, in whole characters."""
    return value.encode()[:VALUE_BYTES_MAX].decode(errors="ignore")


def name(text: str) -> str:
    """A host or DNS name: lower case, without the root's dot."""
    return lower(text.removesuffix("."))


def path(text: str) -> str | None:
    """A path without the prefixes that switch off path parsing; a placeholder is none."""
    for prefix in ("\\\\?\\", "\\??\\"):
        if text.startswith(prefix):
            text = text[len(prefix) :]
            break
    return None if not text or text.startswith("<") else lower(text)


def pipe_path(text: str) -> str | None:
    """The path of a named pipe; None for an anonymous one."""
    if text.startswith(("<", "&lt;")):
        return None
    return "\\\\.\\pipe\\" + lower(text.removeprefix("\\"))


def number(text: str | None, bits: int) -> int | None:
    """A decimal number without sign."""
    if text is None or not re.fullmatch(r"[0-9]+", text):
        return None
    return int(text) if int(text) < 1 << bits else None


def guid(text: str) -> bytes | None:
    """The 16 bytes of a GUID in the order they are written."""
    match = GUID.fullmatch(text)
    # Braces come in pairs.
    if match is None or text.startswith("{") != text.endswith("}"):
        return None
    return bytes.fromhex(match[1].replace("-", ""))


def guid_text(value: bytes) -> str:
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def ip(text: str) -> Address | None:
    """An address: IPv4 inside IPv6 is IPv4, and a zone is left out."""
    try:
        address = ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_local(address: Address) -> bool:
    """Whether an address means something else on every device."""
    return address.is_loopback or address.is_link_local or address.is_unspecified


def account(user: str) -> tuple[str, str]:
    """Domain and name, lower case; the domain is empty where none is given."""
    domain, backslash, account_name = user.partition("\\")
    return (lower(domain), lower(account_name)) if backslash else ("", lower(user))


def is_local_domain(domain: str, device: str) -> bool:
    """Whether each device has the domain's accounts for itself."""
    return domain in LOCAL_DOMAINS or domain == device.split(".")[0]


def hashes(text: str) -> Iterator[tuple[str, str]]:
    """`SHA1=…,MD5=…`: property and lower-case hex; zeros mean that there was nothing to hash."""
    for part in text.split(","):
        algorithm, equals, digits = part.partition("=")
        is_hash = re.fullmatch(r"[0-9a-fA-F]+", digits) and digits.strip("0")
        if equals and algorithm in HASHES and is_hash:
            yield HASHES[algorithm], lower(digits)


def answers(results: str) -> Iterator[Address | str]:
    """The answers of `type:  5 example.org;::ffff:192.0.2.1;`: addresses and names."""
    for part in results.split(";"):
        text = present(part.strip(" "))
        if text is None:
            continue
        address = ip(text)
        if address is not None:
            yield address
            continue
        if text.startswith("type:"):
            text = text[5:].lstrip(" ").lstrip("0123456789").lstrip(" ")
        if text:
            yield name(text)


def time_ms(text: str | None) -> int | None:
    """`2020-09-21 19:35:27.123` as milliseconds since the epoch, digits behind them cut off."""
    match = TIME.fullmatch(text or "")
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(group) for group in match.groups()[:6])
    try:
        # The calendar repeats every 400 years; year 0 is none that datetime knows.
        days = datetime.date(year + 400, month, day).toordinal() - 146_097
    except ValueError:
        if year + 400 <= datetime.MAXYEAR:
            return None
        try:
            days = datetime.date(year, month, day).toordinal()
        except ValueError:
            return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    epoch = datetime.date(1970, 1, 1).toordinal()
    seconds = ((days - epoch) * 24 + hour) * 3600 + minute * 60 + second
    return seconds * 1000 + int((match[7] or "").ljust(3, "0")[:3])
