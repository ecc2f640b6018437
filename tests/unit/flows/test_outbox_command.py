"""What `hallmark outbox` is asked for."""

from __future__ import annotations

import pytest

from flows.commands.outbox import list_rows
from governance.errors import ConfigurationError


def test_a_state_that_there_is_not_is_no_empty_list() -> None:
    with pytest.raises(ConfigurationError, match="pending, claimed, retry, delivered, buried") as caught:
        list_rows(state="burried")
    assert caught.value.exit_code == 2
