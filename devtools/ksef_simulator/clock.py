"""A clock that stands still until it is moved, so that no test waits for time to pass."""

from datetime import timedelta


class Clock:
    """Callable that returns the moment; ``sleep`` moves it, and ``slept`` lists for how long it did (seconds)."""

    def __init__(self, moment):
        """:param datetime moment: aware"""
        self.moment = moment
        self.slept = []

    def __call__(self):
        return self.moment

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.move(seconds=seconds)

    def move(self, **duration):
        """:param duration: of ``timedelta``"""
        self.moment += timedelta(**duration)
