"""A link as a QR code that scans from paper (ISO/IEC 18004; the ministry gives no sizes of its own).

Modules are whole pixels, so that nothing is blurred, and the printed size is given in millimetres.
"""

import io
from dataclasses import dataclass, field

import qrcode
from qrcode.image.svg import SvgPathImage

QUIET_ZONE = 4  # modules on each side, ISO/IEC 18004
PIXELS_PER_MODULE = 8
# Trying all eight takes most of the time, and this one is as good: with base64url in byte mode its penalty by the
# standard's rules is within 2 % of the best one's.
MASK_PATTERN = 2
MILLIMETRES_PER_MODULE = 0.5  # whole dots of a label printer too (203 dpi: 4 dots); phones want 0.4 or more


@dataclass(frozen=True)
class QrImage:
    """:ivar png: PNG file, black on white, quiet zone included
    :ivar modules: modules on each side, quiet zone included
    """

    png: bytes = field(repr=False)
    modules: int

    @property
    def millimetres(self) -> float:
        """Side of the printed square, quiet zone included."""
        return self.modules * MILLIMETRES_PER_MODULE


def render(text: str) -> QrImage:
    """Return the QR code (``QrImage``) of ``text``, with error-correction level M."""
    code = _code(text, PIXELS_PER_MODULE)
    png = io.BytesIO()
    code.make_image().save(png, format="PNG")
    return QrImage(png=png.getvalue(), modules=code.modules_count + 2 * QUIET_ZONE)


def render_svg(text: str) -> bytes:
    """Return the same code as an SVG file (bytes) in its printed size, quiet zone included."""
    svg = io.BytesIO()
    _code(text, MILLIMETRES_PER_MODULE * 10).make_image(image_factory=SvgPathImage).save(svg)  # in tenths of a mm
    return svg.getvalue()


def _code(text: str, box_size: float) -> qrcode.QRCode:
    code = qrcode.QRCode(
        error_correction=qrcode.constants.ERROR_CORRECT_M,
        border=QUIET_ZONE,
        box_size=box_size,
        mask_pattern=MASK_PATTERN,
    )
    code.add_data(text, optimize=0)  # one segment in byte mode, so that a link's size depends on its length alone
    code.make(fit=True)
    return code
