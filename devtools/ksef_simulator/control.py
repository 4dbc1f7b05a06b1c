"""How a person makes the simulator do what a real KSeF does at the worst moment: ``./dev ksef`` calls these."""

from datetime import timedelta

from . import latarnia
from .faults import AnswerInstead
from .messages import Answer

PREFIX = "/control"


def carry_out(simulator, request):
    """Answer a request below ``PREFIX``; what it did is in the body."""
    act, parameter = _ACTS.get(request.path.removeprefix(f"{PREFIX}/"), (None, None))
    if act is None:
        return _text(404, f"There are: {', '.join(_ACTS)}")
    if request.query.keys() - {parameter} or not all(value.isdecimal() for value in request.query.values()):
        return _text(400, f"It takes {parameter}=NUMBER" if parameter else "It takes nothing else")
    return _text(200, act(simulator, request.query))


def _text(status, words):
    return Answer(status, f"{words}\n".encode(), "text/plain; charset=utf-8")


def _start(category):
    def act(simulator, _query):
        state = simulator.state
        event_id = _unused_event(state)
        latarnia.announce(state, category, "FAILURE_START", state.now(), event_id=event_id)
        return f"{category} announced (event {event_id}); the API goes on answering unless you say 'away'"

    return act


def _end(simulator, _query):
    state = simulator.state
    ended = {message["eventId"] for message in state.announcements if message["type"] == "FAILURE_END"}
    running = [message for message in state.announcements if message["type"] == "FAILURE_START"]
    running = [message for message in running if message["eventId"] not in ended]
    for message in running:
        latarnia.announce(
            state,
            message["category"],
            "FAILURE_END",
            message["start"],
            state.now(),
            event_id=message["eventId"],
            title="Zakończenie awarii",
        )
    lasting = _lasting_maintenance(state)
    for message in lasting:
        version = message["version"] + 1
        values = {"event_id": message["eventId"], "version": version}
        latarnia.announce(state, "MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT", message["start"], state.now(), **values)
    return f"Announcements ended: {len(running) + len(lasting)}"


def _lasting_maintenance(state):
    """Return the newest message of each maintenance that has not ended."""
    newest = {message["eventId"]: message for message in state.announcements if message["category"] == "MAINTENANCE"}
    return [message for message in newest.values() if message["end"] > state.now()]


def _maintenance(simulator, query):
    state = simulator.state
    end = state.now() + timedelta(minutes=int(query.get("minutes", 60)))
    latarnia.announce(state, "MAINTENANCE", "MAINTENANCE_ANNOUNCEMENT", state.now(), end, event_id=_unused_event(state))
    return f"Maintenance announced until {end:%H:%M} UTC"


def _unused_event(state):
    # Other events each time the simulator starts, as it forgets what it has announced before.
    return int(state.now().timestamp()) + len(state.announcements)


def _reject(simulator, query):
    code = int(query.get("code", 430))
    simulator.state.next_outcomes.append(code)
    return f"The next invoice is rejected with {code}"


def _away(simulator, _query):
    for path in ("/auth/*", "/sessions*"):
        simulator.faults.plan(AnswerInstead(), path=path, times=None)
    return "The API answers 503 until you say 'back'"


def _back(simulator, _query):
    simulator.faults.clear()
    return "The API answers again"


# Name: (what it does, the number that it takes)
_ACTS = {
    "failure": (_start("FAILURE"), None),
    "total-failure": (_start("TOTAL_FAILURE"), None),
    "end": (_end, None),
    "maintenance": (_maintenance, "minutes"),
    "reject": (_reject, "code"),
    "away": (_away, None),
    "back": (_back, None),
}
