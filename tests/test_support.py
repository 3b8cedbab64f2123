"""The helpers of the tests keep their word."""

import os

import pytest

from tests.support import NeverHappened, eventually, process_exists


async def test_eventually_returns_the_value_once_it_is_true():
    values = iter([0, None, 7])
    assert await eventually(lambda: next(values), timeout=5) == 7


async def test_eventually_names_what_never_happened():
    with pytest.raises(NeverHappened, match="the moon turns green"):
        await eventually(lambda: False, timeout=0.01, what="the moon turns green")


def test_this_process_exists():
    assert process_exists(os.getpid())


def test_no_key_of_the_developer_reaches_a_test():
    assert not [name for name in os.environ if name.startswith("APCA_")]
