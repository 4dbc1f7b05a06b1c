import io

import zxingcpp
from PIL import Image

from odoo.tests import BaseCase

from ..ksef.codes import qr_image


class TestQrImage(BaseCase):
    def test_sizes_and_quiet_zone(self):
        # Length of a link -> modules without quiet zone: computed from ISO/IEC 18004, byte mode, level M.
        for link, length, modules in (
            ("KOD I, production", 99, 41),
            ("KOD II, EC, production", 211, 57),
            ("KOD II, EC, test", 216, 61),
            ("KOD II, RSA-2048, production", 467, 85),
        ):
            with self.subTest(link):
                text = ("https://qr.ksef.mf.gov.pl/invoice/" + "aB3-" * length)[:length]
                image = qr_image.render(text)
                self.assertEqual(image.modules, modules + 2 * 4)
                self.assertGreaterEqual(image.millimetres / image.modules, 0.4)
                picture = Image.open(io.BytesIO(image.png)).convert("L")
                self.assertEqual(picture.size, (image.modules * qr_image.PIXELS_PER_MODULE,) * 2)
                margin = 4 * qr_image.PIXELS_PER_MODULE
                dark = picture.point(lambda value: 255 - value).getbbox()
                self.assertEqual(dark, (margin, margin, picture.width - margin, picture.height - margin))
                (found,) = zxingcpp.read_barcodes(picture)
                self.assertEqual((found.text, found.ec_level), (text, "M"))
