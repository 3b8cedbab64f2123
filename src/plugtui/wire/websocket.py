"""The WebSocket frame that a server sends, built once for all clients that want the same (RFC 6455 §5.2)."""

import struct

TEXT, BINARY = 0x81, 0x82
"""First byte of a whole, unmasked message."""


def server_frame(payload: bytes, first_byte: int) -> bytes:
    """Return header and payload of one whole message from server to client."""
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 65_536:
        return struct.pack(">BBH", first_byte, 126, size) + payload
    return struct.pack(">BBQ", first_byte, 127, size) + payload
