"""Measure things side by side, so that a ratio holds on a noisy machine too."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median


@dataclass
class Side:
    """One way to do a job.

    :ivar job: called with one record; its time counts, with all that it leaves to be flushed
    :ivar records: what it is done to, each record once
    :ivar before: called before each group; its time does not count
    """

    job: Callable
    records: object
    before: Callable = lambda: None
    seconds: list = field(default_factory=list)  # of one record, on average in each group

    @property
    def milliseconds(self):
        return round(median(self.seconds) * 1000, 2)


@dataclass(frozen=True)
class Result:
    """How long one way takes, against another way measured in turns with it.

    :ivar ratio: median of the ratios of neighbouring groups
    :ivar aim: the ratio that is wanted at most, None for one that only tells
    """

    title: str
    records: int
    milliseconds: float
    against_milliseconds: float
    ratio: float
    aim: float | None = None

    @property
    def missed(self):
        return self.aim is not None and self.ratio > self.aim

    def as_dict(self):
        return asdict(self) | {"missed": self.missed}


def take_turns(env, sides, group):
    """Let the sides work in turns on ``group`` records each, every other round in reverse order.

    :param list sides: ``Side`` records, with as many records each
    """
    for start in range(0, len(sides[0].records), group):
        for side in sides if start // group % 2 else reversed(sides):
            side.before()
            records = side.records[start : start + group]
            env.flush_all()
            env.invalidate_all()
            began = time.perf_counter()
            for record in records:
                side.job(record)
            env.flush_all()
            side.seconds.append((time.perf_counter() - began) / len(records))


def compare(title, side, against, aim=None):
    """Return the ``Result`` of two sides that took turns."""
    ratio = median(one / other for one, other in zip(side.seconds, against.seconds, strict=True))
    return Result(title, len(side.records), side.milliseconds, against.milliseconds, round(ratio, 3), aim)
