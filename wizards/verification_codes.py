from base64 import b64encode

from odoo import Command, api, fields, models

from ..ksef.codes import qr_image


class VerificationCodes(models.TransientModel):
    """Shows the codes of an invoice for use apart from the paper, as with EDI or a label printer."""

    _name = "l10n_pl_ksef.verification.codes"
    _description = "Verification Codes"

    move_id = fields.Many2one("account.move", required=True, readonly=True)
    code_ids = fields.One2many("l10n_pl_ksef.verification.code", "wizard_id", compute="_compute_code_ids", store=True)

    @api.depends("move_id")
    def _compute_code_ids(self):
        for wizard in self:
            wizard.code_ids = [
                Command.clear(),
                *(
                    Command.create({key: code[key] for key in ("name", "label", "url")})
                    for code in wizard.move_id._l10n_pl_ksef_verification_codes()
                ),
            ]


class VerificationCode(models.TransientModel):
    """One of the codes: its link, its label and its picture."""

    _name = "l10n_pl_ksef.verification.code"
    _description = "Verification Code"

    wizard_id = fields.Many2one("l10n_pl_ksef.verification.codes", required=True, ondelete="cascade")
    name = fields.Char("Code", readonly=True)
    label = fields.Char("Label under It", readonly=True)
    url = fields.Char("Link", readonly=True)
    png = fields.Binary("PNG", compute="_compute_pictures")
    svg = fields.Binary("SVG", compute="_compute_pictures")
    png_name = fields.Char(compute="_compute_pictures", export_string_translation=False)
    svg_name = fields.Char(compute="_compute_pictures", export_string_translation=False)

    @api.depends("url")
    def _compute_pictures(self):
        for code in self:
            stem = f"{code.wizard_id.move_id.name}_{code.name}_{code.label}".replace("/", "_").replace(" ", "_")
            code.png = b64encode(qr_image.render(code.url).png)
            code.svg = b64encode(qr_image.render_svg(code.url))
            code.png_name = f"{stem}.png"
            code.svg_name = f"{stem}.svg"

    def action_download_png(self):
        return self._download("png")

    def action_download_svg(self):
        return self._download("svg")

    def _download(self, field):
        self.ensure_one()
        self.wizard_id.move_id._l10n_pl_ksef_note_given()
        url = f"/web/content/{self._name}/{self.id}/{field}?filename_field={field}_name&download=true"
        return {"type": "ir.actions.act_url", "url": url, "target": "download"}
