"""What a document keeps of its way to KSeF; the worker that sends it is in ``models/submission.py``."""

from dataclasses import replace
from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ...ksef.api import rejections
from ...ksef.api.pacing import is_near
from ...ksef.api.sessions import InvoiceStatus, UnreadableStatus
from ...tools import jobs
from ...tools.errors import Unexpected
from ...tools.translation import translated
from .states import ON_THE_WAY

FEW = 100  # files in memory at once
_NO_TIME = timedelta()
_CLOCK_ERROR = timedelta(days=1)  # at most, of ours
# After each failure of a document's own twice as long, up to the last.
_FIRST_PAUSE, _LONGEST_PAUSE, _MOST_DOUBLINGS = timedelta(minutes=5), timedelta(days=1), 10
_ASKED_AFTER = 5  # failures: in about two hours and a half


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
    attempts = fields.Integer(
        "Failed Attempts", readonly=True, default=0, aggregator=None, help="How often KSeF could not take it alone."
    )
    tried_at = fields.Datetime("Last Failure", readonly=True)
    retry_at = fields.Datetime("Next Attempt", readonly=True)
    package_limit = fields.Integer(readonly=True, aggregator=None, export_string_translation=False)
    ksef_warning = fields.Text("KSeF Warns", readonly=True)
    hindrance = fields.Text("Waiting for", compute="_compute_hindrance")
    rejection_code = fields.Integer("KSeF's Code", readonly=True, aggregator=None)
    rejection_words = fields.Text("KSeF's reply", readonly=True)
    rejection_meaning = fields.Text("What It Means", compute="_compute_rejection")
    rejection_advice = fields.Text("What to Do", compute="_compute_rejection")
    can_correct = fields.Boolean(compute="_compute_rejection")
    can_send_again = fields.Boolean(compute="_compute_rejection")
    maybe_in_ksef = fields.Boolean(compute="_compute_rejection", export_string_translation=False)
    duplicate_of = fields.Char(readonly=True, help="The KSeF number of the invoice that KSeF has in place of this one.")

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
            document.maybe_in_ksef = bool(rejection and rejection.maybe_in_ksef)

    @api.depends("state", "problem")
    @api.depends_context("lang")
    def _compute_hindrance(self):
        channels, hindrances = self.env["l10n_pl_ksef.channel"], {}
        for document in self:
            document.hindrance = document.state == "waiting" and document.problem
            if document.state != "waiting" or document.problem:
                continue
            channel = document.environment, document.company_id.sudo()._l10n_pl_ksef_nip()
            if channel not in hindrances:
                hindrances[channel] = channels._hindrance(*channel)
            document.hindrance = hindrances[channel]

    # Claimed by a session

    @api.model
    def _sendable(self, company, environment, corrections=False):
        """Return the documents of a company that wait and may be tried now: technical corrections or the others.

        The earliest deadline comes first, but what has failed before comes behind all others.
        """
        now = fields.Datetime.now()
        waiting = [
            ("company_id", "=", company.id),
            ("environment", "=", environment),
            ("state", "=", "waiting"),
            ("corrects_id", "!=" if corrections else "=", False),
        ]
        found = self.sudo().search(waiting, order="attempts, tried_at NULLS FIRST, deadline, id")
        return found.filtered(
            lambda document: (
                not document.retry_at or not is_near(document.retry_at, now, past=_NO_TIME, ahead=_LONGEST_PAUSE)
            )
        )

    def _step_aside_and_commit(self, state, words):
        """Count a failure that is this document's own, and commit: it is tried again later, less and less often.

        :param state: what it becomes; unknown if KSeF may have received it
        :param str words: what KSeF has answered
        """
        self._step_aside(state, words)
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what KSeF knows must not be forgotten here

    def _step_aside(self, state, words):
        now = fields.Datetime.now()
        attempts = self.attempts + 1
        pause = min(_FIRST_PAUSE * 2 ** min(attempts - 1, _MOST_DOUBLINGS), _LONGEST_PAUSE)
        values = {"attempts": attempts, "tried_at": now, "retry_at": now + pause, "problem": words}
        if state == "waiting":
            values |= {"submission_id": False, "sent_at": False}
        self._to(state, **values)
        if attempts == _ASKED_AFTER:
            self._ask_about_failures()

    def _acquit_and_commit(self):
        """Take the blame for the last failure off these documents, and commit: it was KSeF's, or the line's."""
        for document in self:
            document.write({"attempts": document.attempts - 1, "retry_at": False})
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what comes next may fail

    def _halve_package(self, words):
        """Let these documents, which KSeF has refused as one package, go in two; one that was alone steps aside."""
        if len(self) == 1:
            self._step_aside("waiting", words)
        else:
            self._to("waiting", submission_id=False, sent_at=False, package_limit=len(self) // 2)

    def _claim_and_commit(self, submission):
        """Claim those that still wait for a session, and return them; nobody else sends them then."""
        locked = self.try_lock_for_update()
        locked.invalidate_recordset(["state"])
        ended = locked._whose_duty_has_ended()  # the job that says so may not have come to them yet
        claimed = (locked - ended).filtered(lambda document: document.state == "waiting")
        claimed._to_and_commit("sending", submission_id=submission.id, sent_at=fields.Datetime.now(), problem=False)
        return claimed

    def _to_and_commit(self, state, **values):
        """Write down how far the documents are, and commit."""
        self._to(state, **values)
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what KSeF knows must not be forgotten here

    def _requeue_and_commit(self, problem=False):
        """Put back to waiting what KSeF has certainly not received."""
        values = {"problem": problem} if problem else {}
        self._to_and_commit("waiting", submission_id=False, sent_at=False, **values)

    def _leave_out_damaged_and_commit(self):
        """Return those whose sealed bytes are whole; the others say from now on that they are not."""
        damaged = []
        for document, xml in self._few_at_a_time():
            try:
                document._intact(xml)
            except UserError as error:
                document.problem = str(error)
                damaged.append(document.id)
        self.env.cr.commit()  # pylint: disable=invalid-commit  # reading takes long; what comes next looks again
        return self - self.browse(damaged)

    def _files(self):
        """Yield (name, bytes) of each, for a package."""
        for document, xml in self._few_at_a_time():
            yield f"{document.sha256}.xml", document._intact(xml)

    def _few_at_a_time(self):
        """Yield each document and what the file store has of it, in memory that does not grow with their number."""
        for documents in split_every(FEW, self.ids, self.browse):
            attachments = {attachment.res_id: attachment for attachment in documents._xml_attachments()}
            for document in documents:
                yield document, document.id in attachments and attachments[document.id].raw
            self.env.invalidate_all()

    # What KSeF says of them

    def _settle_and_commit(self, submission, statuses, originals):
        """Settle those documents of a session that ``statuses`` (of ``ksef.api.sessions.InvoiceStatus``) tell of.

        :param ksef.api.originals.Originals originals: finds the numbers of what was accepted before
        :return: how many of them are not settled
        """
        unreadable = sum(isinstance(status, UnreadableStatus) and not status.sha256 for status in statuses)
        told = {status.sha256.hex(): status for status in statuses if status.sha256}
        for document in self._on_the_way_in(submission, told):
            if words := document._unsettled(told[document.sha256]):
                document._step_aside_and_commit(document.state, words)
        by_hash = {sha256: status for sha256, status in told.items() if self._settles(status)}
        documents = self._on_the_way_in(submission, by_hash)
        duplicates = documents.filtered(lambda document: by_hash[document.sha256].code == rejections.DUPLICATE)
        (documents - duplicates)._settle_all_and_commit(by_hash)
        for document in duplicates:
            document._settle_duplicate_and_commit(by_hash[document.sha256], originals)
        if documents:
            jobs.commit_and_go_on(self.env, len(documents))
        return unreadable + len(self._on_the_way_in(submission, told))

    @api.model
    def _settles(self, status):
        return isinstance(status, InvoiceStatus) and (status.has_number or not status.is_accepted)

    def _unsettled(self, status):
        """Return why what KSeF says of this document settles nothing (str), or an empty text."""
        if isinstance(status, UnreadableStatus):
            return self.env._("KSeF's answer about this invoice cannot be read: %(words)s", words=status.words)
        if not self._settles(status):
            return self.env._(
                "KSeF says that it has accepted the invoice, but gives no valid number: %(number)s. It is asked again.",
                number=status.ksef_number or "-",
            )
        return ""

    def _on_the_way_in(self, submission, hashes):
        return self.search(
            [("submission_id", "=", submission.id), ("sha256", "in", list(hashes)), ("state", "in", ON_THE_WAY)]
        )

    def _settle_all_and_commit(self, by_hash):
        """Write down what KSeF says of these; a document that cannot be written stops no other."""
        what = "What KSeF says of %s cannot be written down"
        with jobs.attempt(self.env, what, self) as settling:
            accepted = self.filtered(lambda document: by_hash[document.sha256].is_accepted)
            accepted._accept({document: by_hash[document.sha256] for document in accepted})
            for document in self - accepted:
                document._settle_one(by_hash[document.sha256])
            self.env.cr.commit()  # pylint: disable=invalid-commit  # the next page may fail
        if not settling.error:
            return
        if len(self) == 1:
            self.problem = translated(self.env, Unexpected())
            self.env.cr.commit()  # pylint: disable=invalid-commit  # the next page may fail
            return
        middle = len(self) // 2
        self[:middle]._settle_all_and_commit(by_hash)
        self[middle:]._settle_all_and_commit(by_hash)

    def _settle_one(self, status):
        if status.is_pending:
            self._to("sent", ksef_reference=status.reference)
        elif status.code in rejections.RETRIABLE:
            self._step_aside("waiting", ": ".join([status.description, *status.details]))
        else:
            self._reject(status.code, ": ".join([status.description, *status.details]))

    def _settle_duplicate_and_commit(self, status, originals):
        """Settle a duplicate, and commit: it is accepted if it is one of itself, whose first sending is forgotten."""
        since = self.sealed_at.replace(tzinfo=timezone.utc) - _CLOCK_ERROR
        number = originals.own_number(status, self._xml_bytes(), since)
        if number:
            status = replace(status, ksef_number=number, acquisition_date=status.invoicing_date)
            self._accept({self: status})
        else:
            self.duplicate_of = status.extensions.get("originalKsefNumber")
            self._settle_one(status)
        self.env.cr.commit()  # pylint: disable=invalid-commit  # the next one asks KSeF

    def _accept(self, statuses):
        """Write the KSeF numbers to these documents and their invoices.

        :param dict statuses: {document: ``ksef.api.sessions.InvoiceStatus`` with a KSeF number}
        """
        for document, status in statuses.items():
            moment = status.acquisition_date
            if document.corrects_id or document.rejection_code or document.attempts:
                document._settled_by_hand()
            document._to(
                "accepted",
                ksef_number=status.ksef_number,
                accepted_at=moment and moment.replace(tzinfo=None, microsecond=0),
                ksef_reference=status.reference,
                problem=False,
                retry_at=False,
            )
            document.move_id._l10n_pl_ksef_accepted(
                status.ksef_number, status.reference, document.submission_id.reference
            )
        self.move_id._l10n_pl_ksef_renew_copy()
        self.move_id._message_log_batch(
            {
                document.move_id.id: self.env._(
                    "KSeF has accepted the invoice: %(number)s.", number=document.ksef_number
                )
                for document in statuses
            }
        )

    def _reject(self, code, words):
        self._to("rejected", rejection_code=code, rejection_words=words)
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
        self._ask_for_correction()

    @api.model
    def _confirmed_by(self, submission, attachment, numbers):
        """Keep with the accepted documents of a session which page of its UPO confirms them.

        :param dict numbers: {SHA-256 (bytes): KSeF number}
        """
        self.search(
            [
                ("submission_id", "=", submission.id),
                ("state", "=", "accepted"),
                ("ksef_number", "in", list(numbers.values())),
            ]
        ).filtered(lambda document: numbers.get(bytes.fromhex(document.sha256)) == document.ksef_number).write(
            {"upo_id": attachment.id}
        )

    # What people decide

    def action_send_again(self):
        """Let a rejected document be sent once more as it is."""
        self.move_id.check_access("write")
        self._lock_for("waiting")
        if not self.can_send_again:
            raise UserError(self.env._("Invoice %(number)s cannot be sent again as it is.", number=self.number))
        self.sudo()._to("waiting", rejection_code=False, submission_id=False, sent_at=False)
        self.sudo()._update_deadlines()
        self.sudo()._settled_by_hand()
        self.env["l10n_pl_ksef.channel"]._wake()

    def action_send_now(self):
        """Wake the worker, whatever pause is on."""
        self.check_access("read")
        self.sudo().filtered("retry_at").retry_at = False
        channels = self.env["l10n_pl_ksef.channel"].sudo()
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        for company in self.company_id or self.env.companies:
            channels |= channels._of(environment, company._l10n_pl_ksef_nip())
        channels.retry_at = False
        channels._wake()
        closed = channels._closed_because(environment)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if closed else "success",
                "message": closed or self.env._("What waits is being sent now. Look again in a moment."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
