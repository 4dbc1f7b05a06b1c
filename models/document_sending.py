"""How documents fare on their way to KSeF."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..ksef import rejections
from ..ksef.errors import RequestRefused

_ON_THE_WAY = ("sending", "unknown", "sent")


class Document(models.Model):
    _inherit = "l10n_pl_ksef.document"

    submission_id = fields.Many2one("l10n_pl_ksef.submission", readonly=True, ondelete="restrict", index=True)
    ksef_reference = fields.Char("KSeF's Reference", readonly=True, help="Of the invoice within its session.")
    sent_at = fields.Datetime(
        "Sent", readonly=True, help="When it was sent or, in a batch, when the session was opened: this day counts."
    )
    ksef_number = fields.Char("KSeF Number", readonly=True, index="btree_not_null")
    accepted_at = fields.Datetime("KSeF Number Assigned", readonly=True)
    upo_id = fields.Many2one("ir.attachment", "UPO", readonly=True, ondelete="restrict")
    problem = fields.Text(readonly=True, help="Why it could not be sent the last time.")
    rejection_code = fields.Integer("KSeF's Code", readonly=True, aggregator=None)
    rejection_words = fields.Text("KSeF Says", readonly=True)
    rejection_meaning = fields.Text("What It Means", compute="_compute_rejection")
    rejection_advice = fields.Text("What to Do", compute="_compute_rejection")
    can_correct = fields.Boolean(compute="_compute_rejection")
    can_send_again = fields.Boolean(compute="_compute_rejection")

    _number_uniq = models.UniqueIndex(
        "(environment, ksef_number) WHERE ksef_number IS NOT NULL", "Another document has this KSeF number."
    )

    @api.depends("state", "rejection_code")
    @api.depends_context("lang")
    def _compute_rejection(self):
        for document in self:
            rejection = document.state == "rejected" and rejections.rejection_of(document.rejection_code)
            document.rejection_meaning = rejection and self.env._(rejection.meaning)
            document.rejection_advice = rejection and self.env._(rejection.advice)
            document.can_correct = bool(rejection and rejection.correctable)
            document.can_send_again = bool(rejection and rejection.resendable)

    # Taken by a session

    @api.model
    def _sendable(self, company, environment):
        """Return the documents of a company that wait, what is due first first."""
        return self.sudo().search(
            [("company_id", "=", company.id), ("environment", "=", environment), ("state", "=", "waiting")],
            order="deadline, id",
        )

    def _take(self, submission):
        """Take those that still wait for a session, for good, and return them; nobody else sends them then."""
        locked = self.try_lock_for_update()
        locked.invalidate_recordset(["state"])
        taken = locked.filtered(lambda document: document.state == "waiting")
        taken._step(state="sending", submission_id=submission.id, sent_at=fields.Datetime.now(), problem=False)
        return taken

    def _step(self, **values):
        """Write down how far the documents are, for good."""
        self.write(values)
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what KSeF knows must not be forgotten here

    def _on_the_way(self):
        return self.filtered(lambda document: document.state in _ON_THE_WAY)

    def _wait_again(self, problem=False):
        """Put back what KSeF has certainly not received."""
        self._step(state="waiting", submission_id=False, sent_at=False, problem=problem)

    def _readable(self):
        """Return those whose sealed bytes are whole; the others say that they are not."""
        readable = self.browse()
        for document in self:
            try:
                document._xml_bytes()
                readable += document
            except UserError as error:
                document.problem = str(error)
            document._forget_bytes()
        return readable

    def _files(self):
        """Yield (name, bytes) of each, for a package."""
        for document in self:
            yield f"{document.sha256}.xml", document._xml_bytes()
            document._forget_bytes()

    def _forget_bytes(self):
        self.env["ir.attachment"].invalidate_model(["raw", "datas", "db_datas"], flush=False)

    # What KSeF says of them

    def _take_results(self, submission, statuses, client):
        """Settle those documents of a session that ``statuses`` (of ``ksef.api.InvoiceStatus``) tell of."""
        by_hash = {status.sha256.hex(): status for status in statuses}
        for document in self.search([("submission_id", "=", submission.id), ("sha256", "in", list(by_hash))]):
            if document.state in _ON_THE_WAY:
                document._take_result(by_hash[document.sha256], client)

    def _take_result(self, status, client):
        if status.is_accepted:
            self._accept(status.ksef_number, status.acquisition_date, status.reference)
        elif status.is_pending:
            self.write({"state": "sent", "ksef_reference": status.reference})
        elif status.code in rejections.RETRIABLE:
            self._wait_again(status.description)
        elif status.code == rejections.DUPLICATE and (number := self._own_number(status, client)):
            self._accept(number, status.invoicing_date, status.reference)
        else:
            self._reject(status.code, ": ".join([status.description, *status.details]))

    def _own_number(self, status, client):
        """Return the KSeF number of the invoice that this one is a duplicate of, if it is this very one.

        An earlier sending was accepted although its answer was lost. The session that KSeF names is not reliable, so
        the invoice itself is compared.
        """
        number = status.extensions.get("originalKsefNumber")
        if not number:
            return None
        try:
            return number if client.accepted_invoice(number) == self._xml_bytes() else None
        except RequestRefused:
            return None

    def _accept(self, number, moment, reference):
        """Write the KSeF number to the document and the invoice."""
        was_rejected = self.corrects_id or self.rejection_code
        self.write(
            {
                "state": "accepted",
                "ksef_number": number,
                "accepted_at": moment and moment.replace(tzinfo=None, microsecond=0),
                "ksef_reference": reference,
                "problem": False,
            }
        )
        self.move_id._l10n_pl_ksef_accepted(number, reference, self.submission_id.reference)
        self.move_id._l10n_pl_ksef_renew_copy()
        if was_rejected:
            self._mended()
        self.move_id._message_log(body=self.env._("KSeF has accepted the invoice: %(number)s.", number=number))

    def _reject(self, code, words):
        self.write({"state": "rejected", "rejection_code": code, "rejection_words": words})
        rejection = rejections.rejection_of(code)
        self.move_id._message_log(
            body=self.env._(
                "KSeF has rejected the invoice (code %(code)s): %(words)s. %(meaning)s %(advice)s",
                code=code,
                words=words.rstrip("."),
                meaning=self.env._(rejection.meaning),
                advice=self.env._(rejection.advice),
            )
        )
        self._ask_for_mending()

    def _confirmed_by(self, attachment, numbers):
        """Keep with the accepted documents which page of a UPO confirms them.

        :param dict numbers: {SHA-256 (bytes): KSeF number}
        """
        for document in self.filtered(lambda document: document.state == "accepted"):
            if numbers.get(bytes.fromhex(document.sha256)) == document.ksef_number:
                document.upo_id = attachment

    # What people decide

    def action_send_again(self):
        """Let a rejected document be sent once more as it is."""
        self.move_id.check_access("write")
        self._lock_in("rejected")
        if not self.can_send_again:
            raise UserError(self.env._("Invoice %(number)s cannot be sent again as it is.", number=self.number))
        self.sudo().write({"state": "waiting", "submission_id": False, "sent_at": False})
        self.sudo()._update_deadlines()
        self.sudo()._mended()
        self.env["l10n_pl_ksef.queue"]._wake()

    def action_send_now(self):
        """Wake the worker."""
        self.check_access("read")
        queues = self.env["l10n_pl_ksef.queue"].sudo().search([("retry_at", "!=", False)])
        queues.retry_at = False
        self.env["l10n_pl_ksef.queue"]._wake()
