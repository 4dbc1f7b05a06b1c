"""Checks what goes over the wire against the ministry's OpenAPI description of KSeF."""

import json
import re

from jsonschema import Draft202012Validator, FormatChecker

_CHECKER = FormatChecker(())
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@_CHECKER.checks("date-time")
def _is_moment(value):
    return not isinstance(value, str) or _RFC_3339.fullmatch(value) is not None


class Contract:
    """An OpenAPI 3.0 description."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self._description = _as_json_schema(json.load(file))

    def problems(self, request, answer):
        """Return in what a ``Request`` and its ``Answer`` of the simulator differ from the description, [str]."""
        where = f"{request.method} {request.path} {answer.status}"
        operation = self._operation(request)
        if operation is None:
            return [f"{where}: no such call"]
        parameters = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "query"}
        problems = [f"parameter {name} is not foreseen" for name in request.query if name not in parameters]
        problems += self._body_problems(request.headers.get("Content-Type"), request.body, operation.get("requestBody"))
        expected = operation["responses"].get(str(answer.status))
        if expected is None:
            problems.append("this status is not foreseen")
        else:
            problems += self._body_problems(answer.content_type, answer.body, expected)
        return [f"{where}: {problem}" for problem in problems]

    def _operation(self, request):
        # The path without parameters is the better match: /auth/challenge is not /auth/{referenceNumber}.
        for path in sorted(self._description["paths"], key=lambda path: path.count("{")):
            pattern = re.sub(r"\{\w+\}", "[^/]+", path)
            if re.fullmatch(pattern, request.path) and request.method.lower() in self._description["paths"][path]:
                return self._description["paths"][path][request.method.lower()]
        return None

    def _body_problems(self, content_type, body, expected):
        contents = (expected or {}).get("content", {})
        if not body:
            return ["content is missing"] if contents and expected.get("required", True) else []
        schema = contents.get((content_type or "").partition(";")[0])
        if schema is None:
            return [f"content of type {content_type} is not foreseen"]
        if "json" not in content_type:
            return []
        validator = Draft202012Validator(
            schema["schema"] | {"components": self._description["components"]}, format_checker=_CHECKER
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(body))]


def _as_json_schema(value):
    """Return OpenAPI 3.0 schemas as JSON Schema, which says "nullable" in another way."""
    if isinstance(value, list):
        return [_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {name: _as_json_schema(item) for name, item in value.items() if name not in ("nullable", "example")}
    if value.get("nullable") is True:
        return {"anyOf": [{"type": "null"}, converted]}
    return converted
