"""The namespace of FA(3), and the one parser of such files.

Source: the logical structure FA(3), http://crd.gov.pl/wzor/2025/06/25/13775/.
"""

from lxml import etree

from ..errors import InvoiceUnreadable

NAMESPACE = "http://crd.gov.pl/wzor/2025/06/25/13775/"
# An invoice is data: nothing outside it is ever read, and nobody looks at what is no element.
_PARSER = etree.XMLParser(
    resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
)


def parse(xml: bytes) -> etree._Element:
    """Return the root element of a file.

    :raises InvoiceUnreadable: not XML
    """
    try:
        return etree.fromstring(xml, _PARSER)
    except etree.XMLSyntaxError as error:
        raise InvoiceUnreadable(problem=error.msg) from None


def in_namespace(path: str) -> str:
    """Return a path below the root, such as "Fa/P_1", as lxml looks for it."""
    return "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
