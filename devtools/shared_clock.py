"""A clock that several processes share, and that runs as fast as they sleep."""

import fcntl
import struct
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import freezegun.api
from freezegun import freeze_time


class SharedClock:
    """Callable that returns the moment (aware); ``sleep`` moves it for all at once, and takes no time."""

    def __init__(self, path, start=None, may_be_wrong=False):
        """:param path: of the file that holds the moment, and by how much the clocks that may be wrong are wrong
        :param datetime start: aware; None to share the clock that is there
        :param may_be_wrong: this one goes wrong by what ``put_wrong`` says
        """
        self._path = path
        self._may_be_wrong = may_be_wrong
        if start:
            with open(path, "wb") as file:
                file.write(struct.pack("dd", start.timestamp(), 0))

    def __call__(self):
        with open(self._path, "rb") as file:
            now, error = struct.unpack("dd", file.read(16))
        return datetime.fromtimestamp(now + error * self._may_be_wrong, timezone.utc)

    def put_wrong(self, seconds):
        """Let those clocks that may be wrong be some seconds ahead, or behind if below zero."""
        with open(self._path, "r+b", buffering=0) as file:
            file.seek(8)
            file.write(struct.pack("d", seconds))

    def sleep(self, seconds):
        with open(self._path, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (now,) = struct.unpack("d", file.read(8))
            file.seek(0)
            file.write(struct.pack("d", now + seconds))

    @contextmanager
    def in_force(self):
        """Let this be the time of the whole process."""
        with freeze_time(self()):
            # freezegun asks the last of these for the moment, which is naive and in UTC
            freezegun.api.freeze_factories[-1] = _Factory(self)
            yield


class _Factory:
    def __init__(self, clock):
        self._clock = clock

    def __call__(self):
        return self._clock().replace(tzinfo=None)

    def tick(self, delta=timedelta(seconds=1)):
        self._clock.sleep(delta.total_seconds())
