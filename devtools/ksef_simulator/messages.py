"""What goes in and out: requests, answers, and refusals in both of KSeF's error formats."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"
HTML = "text/html; charset=utf-8"

# Code and sentence, as the description of the API has them.
_DESCRIPTIONS = {
    9101: "Nieprawidłowy dokument.",
    9102: "Brak podpisu.",
    9103: "Przekroczona liczba dozwolonych podpisów.",
    9105: "Nieprawidłowy podpis.",
    21001: "Nieczytelna treść.",
    21111: "Nieprawidłowe wyzwanie autoryzacyjne.",
    21115: "Nieprawidłowy certyfikat.",
    21117: "Nieprawidłowy identyfikator podmiotu dla wskazanego typu kontekstu.",
    21155: "Przekroczono dozwoloną liczbę faktur w sesji.",
    21157: "Nieprawidłowy rozmiar części pakietu.",
    21161: "Przekroczono dozwoloną liczbę części pakietu.",
    21164: "Faktura o podanym identyfikatorze nie istnieje.",
    21166: "Korekta techniczna niedostępna.",
    21167: "Status faktury nie pozwala na korektę techniczną.",
    21173: "Brak sesji o wskazanym numerze referencyjnym.",
    21178: "Nie znaleziono UPO dla podanych kryteriów.",
    21180: "Status sesji nie pozwala na wykonanie operacji.",
    21184: "Sesja jest tymczasowo niedostępna.",
    21205: "Pakiet nie może być pusty.",
    21208: "Czas oczekiwania na requesty upload lub finish został przekroczony.",
    21217: "Nieprawidłowe kodowanie znaków.",
    21301: "Brak autoryzacji.",
    21304: "Brak uwierzytelnienia.",
    21401: "Dokument nie jest zgodny ze schemą (xsd).",
    21402: "Nieprawidłowy rozmiar pliku.",
    21403: "Nieprawidłowy skrót pliku.",
    21405: "Błąd walidacji danych wejściowych.",
    21418: "Przekazany token kontynuacji ma nieprawidłowy format.",
    21470: "Nieprawidłowy identyfikator klucza publicznego.",
    25001: "Brak możliwości pobrania danych do CSR dla wykorzystanego sposobu uwierzytelnienia.",
    25002: "Brak możliwości złożenia wniosku certyfikacyjnego dla wykorzystanego sposobu uwierzytelnienia.",
    25003: "Dane w CSR nie zgadzają się z danymi w użytym wektorze uwierzytelniającym.",
    25004: "Niepoprawny format CSR lub niepoprawny podpis CSR.",
    25005: "Wniosek certyfikacyjny o podanym numerze referencyjnym nie istnieje.",
    25006: "Osiągnięto limit możliwych do złożenia wniosków certyfikacyjnych.",
    25007: "Osiągnięto limit dopuszczalnej liczby posiadanych certyfikatów.",
    25008: "Certyfikat o podanym numerze seryjnym nie istnieje.",
    25009: "Nie można odwołać wskazanego certyfikatu, ponieważ jest już odwołany, zablokowany lub nieważny.",
    25010: "Nieprawidłowy typ lub długość klucza.",
    25011: "Nieprawidłowy algorytm podpisu CSR.",
}


@dataclass
class Request:
    """A request. ``path`` is below the base of the API; ``login`` is set for routes that need one."""

    method: str
    path: str
    query: dict
    headers: object
    body: bytes
    client_ip: str
    params: dict = field(default_factory=dict)
    login: object = None

    def json(self, required=(), optional=()):
        """Return the JSON object of the body, which has the ``required`` properties and no unknown ones."""
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(21405, "Content-Type musi być application/json.")
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refusal(21405, "Treść żądania nie jest poprawnym dokumentem JSON.") from None
        if not isinstance(value, dict):
            raise Refusal(21405, "Treść żądania musi być obiektem JSON.")
        problems = [f"Brak wymaganego pola {name}." for name in required if value.get(name) is None]
        problems += [f"Nieznane pole {name}." for name in value.keys() - set(required) - set(optional)]
        if problems:
            raise Refusal(21405, *problems)
        return value

    def bearer(self):
        """Return the bearer token, or None."""
        scheme, _blank, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" and token else None


@dataclass(frozen=True)
class Answer:
    """:ivar bool is_fault: whether it is not KSeF's own"""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: dict = field(default_factory=dict)
    is_fault: bool = False


class Refusal(Exception):
    """400: the request is refused with KSeF's code and its details."""

    def __init__(self, code, *details):
        super().__init__(code, *details)
        self.code = code
        self.details = list(details)


class Denial(Exception):
    """401, 403 or 410, which are problem details always."""

    def __init__(self, status, detail, **more):
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.more = more


class TooMany(Exception):
    """429: the limit of a group is used up for some seconds."""

    def __init__(self, detail, retry_after):
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


def json_answer(value, status=200):
    return Answer(status, json.dumps(value, ensure_ascii=False).encode(), JSON)


def html_answer(body, status=200):
    page = f"<!DOCTYPE html><html lang='pl'><meta charset='utf-8'><title>KSeF</title><body>{body}</body></html>"
    return Answer(status, page.encode(), HTML)


def refused(refusal, request, now):
    """Return the answer 400 in the format that the request asks for."""
    description = _DESCRIPTIONS[refusal.code]
    if _wants_problem(request):
        error = {"code": refusal.code, "description": description, "details": refusal.details or None}
        return _problem(400, "Bad Request", "Żądanie jest nieprawidłowe.", request, now, errors=[error])
    detail = {
        "exceptionCode": refusal.code,
        "exceptionDescription": description,
        "details": refusal.details or None,
    }
    exception = {
        "exceptionDetailList": [detail],
        "serviceCode": "00-c02cc3747020c605be02159bf3324f0e-eee7647dc67aa74a-00",
        "serviceCtx": "srvSIMUL",
        "serviceName": "Undefined",
        "timestamp": moment(now),
    }
    return json_answer({"exception": exception}, 400)


def denied(denial, request, now):
    """Return the answer 401, 403 or 410."""
    title = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 410: "Gone"}[denial.status]
    return _problem(denial.status, title, denial.detail, request, now, **denial.more)


def too_many(refusal, request, now):
    """Return the answer 429 in the format that the request asks for."""
    if _wants_problem(request):
        answer = _problem(429, "Too Many Requests", refusal.detail, request, now)
    else:
        status = {"code": 429, "description": "Too Many Requests", "details": [refusal.detail]}
        answer = json_answer({"status": status}, 429)
    return Answer(429, answer.body, answer.content_type, {"Retry-After": str(refusal.retry_after)})


def moment(value):
    """Return a moment as KSeF writes it, with seven digits after the second."""
    value = value.astimezone(timezone.utc)
    return f"{value:%Y-%m-%dT%H:%M:%S.%f}0+00:00"


def parse_moment(text, name):
    try:
        value = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Refusal(21405, f"Pole {name} nie jest poprawną datą.") from None
    if value.tzinfo is None:
        raise Refusal(21405, f"Pole {name} nie podaje strefy czasowej.")
    return value


def _wants_problem(request):
    return request.headers.get("X-Error-Format") == "problem-details"


def _problem(status, title, detail, request, now, **more):
    problem = {
        "title": title,
        "status": status,
        "instance": request.path,
        "detail": detail,
        "traceId": "673843e023c432286660bc0501a3af44",
        "timestamp": moment(now),
    }
    body = json.dumps(problem | more, ensure_ascii=False).encode()
    return Answer(status, body, PROBLEM)
