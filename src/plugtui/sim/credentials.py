"""Credentials in the headers of a request, in every form that Alpaca takes (protocol §1.5, §3.1)."""

import base64
import binascii
from collections.abc import Callable


def header_credentials(header: Callable[[str], str | None]) -> tuple[str, str] | None:
    """Return key id and secret, or ``oauth`` and a token; None when the headers carry neither.

    Args:
        header: looks a header up by its name, whatever its case.
    """
    key_id, secret = header("APCA-API-KEY-ID"), header("APCA-API-SECRET-KEY")
    if key_id and secret:
        return key_id, secret
    kind, _, value = (header("Authorization") or "").partition(" ")
    if kind.lower() == "bearer" and value:
        return "oauth", value.strip()
    if kind.lower() == "basic":
        try:
            key_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return key_id, secret
    return None
