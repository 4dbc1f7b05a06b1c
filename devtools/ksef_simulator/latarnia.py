"""Latarnia, the service that tells whether KSeF is available."""

from .messages import json_answer, moment
from .routing import Routes

routes = Routes()

_STATUS_OF_START = {"FAILURE_START": {"FAILURE", "TOTAL_FAILURE"}, "MAINTENANCE_ANNOUNCEMENT": {"MAINTENANCE"}}
_GRAVITY = ("MAINTENANCE", "FAILURE", "TOTAL_FAILURE")


@routes.add("GET", "/status", token=(), group=None)
def status(state, request):
    running = [message for message in state.announcements if _is_running(message, state.now(), state.announcements)]
    if not running:
        return json_answer({"status": "AVAILABLE"})
    gravest = max((message["category"] for message in running), key=_GRAVITY.index)
    return json_answer({"status": gravest, "messages": [_written(message) for message in running]})


@routes.add("GET", "/messages", token=(), group=None)
def messages(state, request):
    return json_answer([_written(message) for message in reversed(state.announcements)])


def announce(state, category, event_type, start, end=None, *, event_id, title="", text="", version=1):
    """Publish an announcement.

    :param str category: "FAILURE", "TOTAL_FAILURE" or "MAINTENANCE"
    :param str event_type: "FAILURE_START", "FAILURE_END" or "MAINTENANCE_ANNOUNCEMENT"
    :param datetime start: aware; ``end`` likewise, None while running
    :param int event_id: the same for the start and the end of one failure
    """
    now = state.now()
    kind = "NI" if category == "MAINTENANCE" else "AWR"
    with state.lock:
        message = {
            "id": f"K/{now.year}/{kind}/{len(state.announcements) + 1:02}",
            "eventId": event_id,
            "category": category,
            "type": event_type,
            "title": title or {"MAINTENANCE": "Niedostępność"}.get(category, "Wystąpiła awaria"),
            "text": text,
            "start": start,
            "end": end,
            "version": version,
            "published": now,
        }
        state.announcements.append(message)
    return message


def _is_running(message, now, announcements):
    if message["category"] not in _STATUS_OF_START.get(message["type"], ()):
        return False
    ended = any(
        other["type"] == "FAILURE_END" and other["eventId"] == message["eventId"] and other["end"] <= now
        for other in announcements
    )
    replaced = any(
        other["version"] > message["version"] and all(other[key] == message[key] for key in ("type", "eventId"))
        for other in announcements
    )
    lasting = message["start"] <= now and (message["end"] is None or now < message["end"])
    return lasting and not ended and not replaced


def _written(message):
    moments = {name: moment(message[name]) for name in ("start", "end", "published") if message[name]}
    return {name: value for name, value in message.items() if value is not None} | moments
