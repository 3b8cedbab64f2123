"""Refusals of the simulated trading API, with Alpaca's codes (protocol §3.1)."""

from typing import Any


class Rejection(Exception):
    """A request that Alpaca would refuse.

    Args:
        status: HTTP status.
        code: Alpaca's code: HTTP status × 100000 + detail.
        message: Alpaca's words.
        context: further keys of the error body, such as ``buying_power``.
    """

    def __init__(self, status: int, code: int, message: str, **context: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.context = context

    def body(self) -> dict[str, Any]:
        """Return the error body."""
        return {"code": self.code, "message": self.message, **self.context}


def bad_request(message: str = "request body format is invalid") -> Rejection:
    """400: the body is not what the route expects."""
    return Rejection(400, 40010000, message)


def invalid(message: str, **context: Any) -> Rejection:
    """422: a parameter is missing or not allowed."""
    return Rejection(422, 40010001, message, **context)


def forbidden(message: str, **context: Any) -> Rejection:
    """403: the account cannot do it: buying power, held or missing quantity, restrictions."""
    return Rejection(403, 40310000, message, **context)


def not_found(message: str) -> Rejection:
    """404: no such order, position, asset or route."""
    return Rejection(404, 40410000, message)


def unprocessable(message: str) -> Rejection:
    """422: the order's state does not allow it."""
    return Rejection(422, 42210000, message)
