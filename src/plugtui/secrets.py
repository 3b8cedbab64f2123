"""A value that must not be seen: its text form is masked wherever it ends up."""

import hmac


def _bytes(text: str) -> bytes:
    # What a client presents may hold halves of surrogate pairs, which UTF-8 has no form for.
    return text.encode(errors="surrogatepass")


class Secret:
    """Hold a key or token so that repr, str, format and tracebacks show only a mask.

    The value leaves through :meth:`reveal` alone, at the place that puts it on the wire.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self.__value

    def matches(self, other: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(_bytes(self.__value), _bytes(other))

    def __repr__(self) -> str:
        return "Secret('••••')"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.matches(other.reveal())

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def mask(key_id: str) -> str:
    """Shorten a key id or account number to what may be shown (``PA37…K2``).

    What a client presents as its key is anybody's text: only plain characters of it reach a log or a screen.
    """
    plain = "".join(character if character.isascii() and character.isprintable() else "?" for character in key_id)
    return plain if len(plain) <= 4 else f"{plain[:4]}…{plain[-2:]}"
