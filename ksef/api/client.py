"""The client of KSeF's API 2.x: all of its calls that this addon needs, for one login.

Sources: the OpenAPI description of KSeF 2.x, and what each file names of the ministry's API documentation. All moments
are aware and in UTC. Properties of an answer that are not known are ignored, as the ministry wants.
"""

from .certificates import Certificates
from .pacing import rate_limits
from .sessions import Sessions

HOSTS = {
    "production": "https://api.ksef.mf.gov.pl/v2",
    "demo": "https://api-demo.ksef.mf.gov.pl/v2",
    "test": "https://api-test.ksef.mf.gov.pl/v2",
}


class Client(Certificates, Sessions):
    """Talks to one KSeF for one login, see ``Login``."""

    def rate_limits(self):
        """Return the limits in force, {group (str, KSeF's name): ``RateLimit``}."""
        return self._call("GET", "/rate-limits", rate_limits)
