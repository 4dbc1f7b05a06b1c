"""A KSeF of one's own on loopback: real HTTP, strict rather than kind, and it misbehaves when told to.

It implements the ministry's API from its description, shares no code with ``ksef/`` (what it checks is thereby
checked twice), and keeps its state in plain objects that a test or a script may look into and change.
"""

from .clock import Clock
from .faults import AnswerInstead, ChangeAnswer, CutAnswer, CutAnswerAt, CutRequest, LoseAnswer, OnlyFor, SlowAnswer
from .messages import JSON, PROBLEM
from .server import Simulator
from .state import Settings
