"""Checks what goes over the wire against the ministry's description of KSeF's API (2.9, without its prose).

Every simulator of the tests is watched: a request of ours that KSeF would not take, or an answer that KSeF would not
give, fails the test in which it went over the wire.
"""

import json
import re
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator, FormatChecker

_CHECKER = FormatChecker(())
# The storage of packages and UPOs, Latarnia and the page that codes lead to are no part of the API.
_OUTSIDE = re.compile(r"/20|/(messages|status)$|/(invoice|certificate)/")
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@_CHECKER.checks("date-time")
def _is_moment(value):
    return not isinstance(value, str) or _RFC_3339.fullmatch(value) is not None


def watch(simulator):
    """Watch what goes to and from a simulator from now on; return the list of what is not as described, which grows."""
    contract, problems = contract_of_ksef(), []

    def observe(request, answer):
        if not _OUTSIDE.match(request.path):
            problems.extend(contract.problems(request, None if answer.is_fault else answer))

    simulator.observers.append(observe)
    return problems


@cache
def contract_of_ksef():
    return Contract(json.loads((Path(__file__).parent / "contract-2.9.json").read_text()))


class Contract:
    """An OpenAPI 3.0 description (dict, read from JSON)."""

    def __init__(self, description):
        self._description = _as_json_schema(description)
        # The path without parameters is the better match: /auth/challenge is not /auth/{referenceNumber}.
        self._operations = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in sorted(self._description["paths"].items(), key=lambda item: item[0].count("{"))
        ]

    def problems(self, request, answer):
        """Return in what a ``Request`` and its ``Answer`` of the simulator differ from the description, [str].

        :param answer: None if it is not to be looked at
        """
        where = f"{request.method} {request.path} {answer.status if answer else ''}"
        operation = self._operation(request)
        if operation is None:
            return [f"{where}: no such call"]
        problems = []
        if not answer or answer.status != 400:  # what the simulator itself refuses is the point of some tests
            content_type = request.headers.get("Content-Type")
            problems += self._query_problems(request.query, operation.get("parameters", ()))
            problems += self._body_problems(content_type, request.body, operation.get("requestBody"))
        problems += self._answer_problems(answer, operation["responses"]) if answer else []
        return [f"{where}: {problem}" for problem in problems]

    def _query_problems(self, query, parameters):
        known = {item["name"]: item for item in parameters if item["in"] == "query"}
        problems = [f"parameter {name} is not foreseen" for name in query if name not in known]
        problems += [
            f"parameter {name} is missing" for name in known if known[name].get("required") and name not in query
        ]
        for name in known.keys() & query.keys():
            schema = known[name]["schema"]
            value = _converted(query[name], schema.get("type"))
            problems += [f"parameter {name}: {problem}" for problem in self._value_problems(value, schema)]
        return problems

    def _answer_problems(self, answer, responses):
        expected = responses.get(str(answer.status))
        if expected is None:
            return ["this status is not foreseen"]
        return self._body_problems(answer.content_type, answer.body, expected)

    def _operation(self, request):
        method = request.method.lower()
        return next(
            (each[method] for path, each in self._operations if path.fullmatch(request.path) and method in each), None
        )

    def _body_problems(self, content_type, body, expected):
        contents = (expected or {}).get("content", {})
        if not body:
            return ["content is missing"] if contents and expected.get("required", True) else []
        schema = contents.get((content_type or "").partition(";")[0])
        if schema is None:
            return [f"content of type {content_type} is not foreseen"]
        if "json" not in content_type:
            return []
        try:
            value = json.loads(body)
        except ValueError:
            return ["this is not JSON"]
        return self._value_problems(value, schema["schema"])

    def _value_problems(self, value, schema):
        schema = schema | {"components": self._description["components"]}
        validator = Draft202012Validator(schema, format_checker=_CHECKER)
        # A message of jsonschema quotes the whole value.
        return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


def _converted(text, kind):
    """Return the value of a query's parameter as JSON would have it; the text itself if it is no such value."""
    if kind == "array":
        return [text]
    if kind not in ("integer", "boolean"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _as_json_schema(value):
    """Return OpenAPI 3.0 schemas as JSON Schema, which says "nullable" in another way.

    Objects have no other fields than those described: one that is spelled wrongly would be ignored by KSeF.
    """
    if isinstance(value, list):
        return [_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {name: _as_json_schema(item) for name, item in value.items() if name not in ("nullable", "example")}
    if value.get("type") == "object" and "properties" in value:
        converted.setdefault("additionalProperties", False)
    if value.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, converted]}
    return converted
