"""When a service is started again."""

import pytest

from frostline_runtime.supervision.restarts import LONG_ENOUGH, restart_delay


@pytest.mark.product("X3")
def test_delays_grow() -> None:
    """The delays are those of docs/supervisor.md §4."""
    assert [restart_delay(k, 0.1, 0.0) for k in (1, 2, 3, 4, 8)] == [0.5, 1, 2, 4, 30]
    assert restart_delay(1, 0.1, 1.0) == pytest.approx(0.6)


def test_the_first_restart_after_a_long_run_is_at_once() -> None:
    """After a long run the first restart follows at once, the second in a row waits."""
    assert restart_delay(1, LONG_ENOUGH, 1.0) == 0.0
    assert restart_delay(2, LONG_ENOUGH, 0.0) == 1.0
