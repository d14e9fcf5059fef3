"""An outage is told of when it begins, ever more seldom while it lasts, and when it is over."""

import pytest
from structlog.testing import capture_logs

from shared.outage import Outage


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_is_told_of_with_growing_pauses(clock: Clock) -> None:
    outage = Outage({"queue": "finance"}, clock)
    with capture_logs() as told:
        for tick in range(130 * 20):
            clock.now = 1_000.0 + tick / 20
            outage.noticed(ConnectionError("refused"), batches=tick)
        clock.now = 1_130.0
        outage.over()
        outage.over()
    *noticed, over = told
    assert [each["seconds"] for each in noticed] == [0, 1, 3, 7, 15, 31, 61, 91, 121]
    assert noticed[1] == {
        "event": "outage", "log_level": "warning", "queue": "finance", "error": "ConnectionError: refused",
        "seconds": 1.0, "batches": 20,
    }  # fmt: skip
    assert over == {"event": "outage.over", "log_level": "info", "queue": "finance", "seconds": 130.0}


def test_the_next_one_is_told_of_at_once(clock: Clock) -> None:
    outage = Outage({}, clock)
    with capture_logs() as told:
        outage.over()
        for _ in range(2):
            outage.noticed(ConnectionError())
            clock.now += 0.05
            outage.noticed(ConnectionError())
            outage.over()
    assert [each["event"] for each in told] == ["outage", "outage.over"] * 2
