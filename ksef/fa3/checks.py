"""What KSeF checks of the bytes of an invoice before it looks at their meaning.

Source of the rules: ``weryfikacja-faktury.md`` and ``limity.md`` of the ministry's API documentation; section 2.2 of
the XML 1.0 recommendation for the characters.
"""

import re
from functools import lru_cache
from pathlib import Path

from lxml import etree

from ..errors import InvoiceUnreadable, KsefError
from . import rules as problems
from .xml import parse

SIZE_LIMIT = 1_000_000
_BASE_TYPES = Path(__file__).parent / "schema" / "base_types.xsd"
_MARK = b"\xef\xbb\xbf"
_PLANES = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}-{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
# what XML forbids, what it discourages, and code points that are no characters
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef" + _PLANES + "]")


def without_refused(text: str) -> str:
    """Return ``text`` without the characters that KSeF refuses; none of them can be seen."""
    return _REFUSED.sub("", text)


def byte_problems(xml: bytes) -> list[KsefError]:
    """Return what KSeF would refuse of these bytes, whatever they say; a list of ``KsefError``."""
    found = []
    if len(xml) > SIZE_LIMIT:
        found.append(problems.FileTooLong(size=len(xml), limit=SIZE_LIMIT))
    try:
        text = xml.decode()
    except UnicodeDecodeError:
        return [*found, problems.FileNotUtf8()]
    if xml.startswith(_MARK):
        found.append(problems.FileNotUtf8())
    if refused := sorted(set(_REFUSED.findall(text))):
        found.append(problems.CharacterDiscouraged(codes=", ".join(f"U+{ord(each):04X}" for each in refused)))
    if re.search(r"<\?(?!xml\s)|<!DOCTYPE", text):
        found.append(problems.ProcessingInstruction())
    return found


def schema_problems(xml: bytes, schema: bytes) -> list[KsefError]:
    """Return where these bytes break the FA(3) schema; a list of ``KsefError``.

    :param schema: the ministry's FA(3) schema; what it imports comes from here, never from the network
    """
    compiled = _compiled(schema)
    try:
        tree = parse(xml)
    except InvoiceUnreadable as error:
        return [problems.SchemaViolated(field="XML", **error.values)]
    if compiled.validate(tree):
        return []
    errors = {}
    for entry in compiled.error_log:
        # libxml2 tells one fault of a value several times, the plainest first
        errors.setdefault((entry.path, entry.line), entry)
    return [_violation(tree, entry) for entry in errors.values()]


def _violation(tree, entry):
    field = "XML"
    for node in tree.xpath(entry.path) if entry.path else []:
        names = [etree.QName(each).localname for each in (node, *node.iterancestors())]
        field = "/".join(reversed(names[:-1] or names))
    return problems.SchemaViolated(field=field, problem=re.sub(r"\{[^}]*\}|^Element '[^']*': ", "", entry.message))


@lru_cache(maxsize=2)
def _compiled(schema):
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_BaseTypes())
    return etree.XMLSchema(etree.fromstring(schema, parser))


class _BaseTypes(etree.Resolver):
    """Answers every import with our own definitions."""

    def resolve(self, system_url, public_id, context):
        return self.resolve_filename(str(_BASE_TYPES), context)
