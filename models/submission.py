"""The worker that sends: sessions with KSeF, from the first document to the UPO, and how a cut-off one goes on."""

from contextlib import suppress
from datetime import timedelta
from itertools import islice

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ..ksef.api import packages, rejections
from ..ksef.api.originals import Originals
from ..ksef.api.pacing import is_near
from ..ksef.api.sessions import SessionCode
from ..ksef.api.transport import Code
from ..ksef.api.upo import confirmed
from ..ksef.errors import (
    AccessRefused,
    AnswerUnreadable,
    KsefError,
    KsefUnreachable,
    LostAnswer,
    PackageTooLarge,
    RateLimited,
    RequestRefused,
    SessionEnded,
    SessionUnavailable,
    UpoMissing,
)
from ..tools import jobs
from ..tools.errors import SessionFailed
from ..tools.translation import translated
from .certificate import ENVIRONMENTS
from .document.states import ON_THE_WAY

# A package holds at most 10,000 invoices; fewer are built, sent and settled within what a worker of Odoo may take.
BATCH_SIZE = 5_000
# As many as KSeF takes in half a minute one by one; more go faster in a package.
DEFAULT_THRESHOLD = 20
THRESHOLD_PARAMETER = "l10n_pl_ksef_offline.batch_threshold"
_PAGE = 500  # how many results are settled between two commits
_PAUSES = (1, 2, 4)  # seconds between questions whether KSeF is done; after that the next run asks
_NO_TIME = timedelta()
# Later questions: after a tenth of the session's age, within these bounds.
_NEXT_QUESTION, LONGEST_SILENCE = timedelta(minutes=1), timedelta(hours=1)
STATES = [
    ("opening", "Being opened"),
    ("open", "Open for documents"),
    ("closing", "Being closed"),
    ("processing", "Being processed by KSeF"),
    ("confirming", "Waiting for the UPO"),
    ("done", "Done"),
    ("failed", "Failed"),
]
# What leads from one state to another
TRANSITIONS = {
    ("opening", "open"): "opened",
    ("opening", "closing"): "given up before it was opened",
    ("opening", "failed"): "resent",
    ("open", "closing"): "all is sent",
    ("open", "failed"): "resent",
    ("closing", "processing"): "closed",
    ("closing", "failed"): "resent",
    ("processing", "confirming"): "some are accepted",
    ("processing", "done"): "none is accepted",
    ("processing", "failed"): "KSeF refuses it, or resent",
    ("confirming", "done"): "the UPO is here",
}
FINISHED_STATES = ("done", "failed")
# KSeF closes a session by itself after that; one that it does not know then is lost.
_SESSION_LIFE = timedelta(hours=12)


class Submission(models.Model):
    """A session with KSeF that carries documents: one by one (interactive) or in a package (batch).

    Each step is committed before the next request, so that it can be cut off at any point. Its life (``TRANSITIONS``)::

        opening -> open, closing, failed
        open -> closing, failed
        closing -> processing, failed
        processing -> confirming, done, failed
        confirming -> done

    KSeF works on nothing that is not closed: of a session that has failed, the documents wait again.
    Documents whose answer was lost are looked up by their hash when the session is closed.
    """

    _name = "l10n_pl_ksef.submission"
    _description = "KSeF Submission"
    _inherit = "l10n_pl_ksef.life"
    _transitions = TRANSITIONS
    _order = "id desc"
    _rec_name = "reference"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="restrict", index=True)
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    kind = fields.Selection([("interactive", "Interactive"), ("batch", "Batch")], required=True, readonly=True)
    state = fields.Selection(STATES, required=True, readonly=True, default="opening", index=True)
    can_be_resent = fields.Boolean(compute="_compute_can_be_resent", export_string_translation=False)
    reference = fields.Char("Session Reference", readonly=True)
    code = fields.Integer("KSeF's Code", readonly=True, aggregator=None)
    ksef_words = fields.Char("KSeF's reply", readonly=True)
    opened_at = fields.Datetime("Opened", readonly=True)
    ask_at = fields.Datetime("Ask KSeF Again", readonly=True)
    document_ids = fields.One2many("l10n_pl_ksef.document", "submission_id", "Documents", readonly=True)
    upo_ids = fields.Many2many("ir.attachment", string="UPO", readonly=True)

    _reference_uniq = models.UniqueIndex("(environment, reference)", "This session is on record already.")

    @api.depends("state")
    def _compute_can_be_resent(self):
        for submission in self:
            submission.can_be_resent = submission._can_become("failed")

    # Work

    @api.model
    def _companies_with_work(self, environment):
        """Return the companies with documents or sessions that are not finished, and a NIP."""
        documents = self.env["l10n_pl_ksef.document"].sudo()
        on_the_way = [("environment", "=", environment), ("state", "in", ("waiting", *ON_THE_WAY))]
        unfinished = [("environment", "=", environment), ("state", "not in", FINISHED_STATES)]
        groups = documents._read_group(on_the_way, ["company_id"]) + self.sudo()._read_group(unfinished, ["company_id"])
        companies = self.env["res.company"].sudo().union(*(company for (company,) in groups))
        return companies.filtered(lambda company: company._l10n_pl_ksef_nip())

    @api.model
    def _send_all(self, client, company):
        """Send what waits, in order of deadline, and commit each step: few one by one, many in packages."""
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        documents = self.env["l10n_pl_ksef.document"]
        waiting = documents._sendable(company, environment)
        healthy = waiting.filtered(lambda document: not document.attempts)
        # KSeF takes corrections one by one only.
        corrections = documents._sendable(company, environment, corrections=True)
        one_by_one = corrections.filtered(lambda document: not document.attempts)
        failed_before = waiting + corrections - healthy - one_by_one
        if len(healthy) > self._threshold():
            for batch in self._batches(healthy):
                if whole := batch._leave_out_damaged_and_commit():
                    self._new(company, environment, "batch")._send_package(client, whole)
                    jobs.commit_and_go_on(self.env, len(whole))
        else:
            one_by_one += healthy
        # What has failed before comes last and each alone: it holds up nothing.
        for group in (one_by_one, *failed_before):
            if whole := group._leave_out_damaged_and_commit():
                self._new(company, environment, "interactive")._send_one_by_one(client, whole)

    @api.model
    def _batches(self, documents):
        """Yield documents in packages, those of one that was refused or cut off in halves of it."""
        for limit, group in documents.grouped(lambda document: document.package_limit or BATCH_SIZE).items():
            yield from split_every(limit, group.ids, group.browse)

    @api.model
    def _threshold(self):
        return int(self.env["ir.config_parameter"].sudo().get_param(THRESHOLD_PARAMETER) or DEFAULT_THRESHOLD)

    @api.model
    def _new(self, company, environment, kind):
        return self.sudo().create({"company_id": company.id, "environment": environment, "kind": kind})

    def _commit_step(self, **values):
        """Write down how far the session is, and commit."""
        self.write(values)
        self._commit()

    def _to_and_commit(self, state, **values):
        """Bring the session to its next state, and commit."""
        self._to(state, **values)
        self._commit()

    def _commit(self):
        self.env.cr.commit()  # pylint: disable=invalid-commit  # what KSeF knows must not be forgotten here

    def _commit_opened(self, reference):
        self._to_and_commit("open", reference=reference, opened_at=fields.Datetime.now())

    # One by one

    def _send_one_by_one(self, client, documents):
        """Open this session, send documents in it and close it; commit before each request and after it."""
        session = client.open_interactive()
        self._commit_opened(session.reference)
        is_proven, doubtful = False, documents.browse()
        try:
            for document in documents:
                if not document._claim_and_commit(self):
                    continue
                # As soon as one goes through, KSeF works, and what fails is to blame itself; two that fail before
                # that are taken for KSeF's own failure.
                if trouble := self._send_one_and_commit(client, session, document):
                    doubtful += document
                else:
                    is_proven = True
                if len(doubtful) > 1 and not is_proven:
                    raise trouble
                jobs.commit_and_go_on(self.env, 1)
        except (SessionEnded, SessionUnavailable) as error:
            # The others go with the next session.
            self._commit_step(ksef_words=translated(self.env, error))
        except KsefError:
            self.env.cr.rollback()
            if not is_proven:
                doubtful._acquit_and_commit()
            raise
        finally:
            self.env.cr.rollback()  # a transaction that has failed would keep the session from being closed
            self._close_and_commit(client)

    def _send_one_and_commit(self, client, session, document):
        """Send one document, write down what came of it, and commit.

        :return: None, or the error that keeps this document from KSeF, which may be its own fault or KSeF's
        :raises SessionEnded, SessionUnavailable, AccessRefused, RateLimited, KsefUnreachable: no other can go either
        """
        corrected = document.corrects_id
        try:
            xml = document._xml_bytes()
        except UserError as error:
            document._requeue_and_commit(str(error))
            return None
        client.taken_warnings()
        try:
            reference = client.send(
                session, xml, corrected_sha256=bytes.fromhex(corrected.sha256) if corrected else None
            )
        except LostAnswer as error:
            document._step_aside_and_commit("unknown", translated(self.env, error))
            return error
        except (SessionEnded, SessionUnavailable, AccessRefused, RateLimited, KsefUnreachable):
            document._requeue_and_commit()
            raise
        except AnswerUnreadable as error:
            document._step_aside_and_commit("waiting", translated(self.env, error))
            return error
        except RequestRefused as refusal:
            if not rejections.judges_invoice(refusal.code):
                document._step_aside_and_commit("waiting", translated(self.env, refusal))
                return refusal
            document._reject(refusal.code, refusal.values["reason"])
            self._commit()
        else:
            if warnings := client.taken_warnings():
                document._note_warning(warnings)
            document._to_and_commit("sent", ksef_reference=reference)
        return None

    def _close_and_commit(self, client):
        """Close the session, so that KSeF finishes it and what it has received can be told for sure."""
        self._to_and_commit("closing")
        close = client.close_interactive if self.kind == "interactive" else client.close_batch
        with suppress(SessionEnded):  # before, by a call whose answer was lost or by KSeF itself
            close(self.reference)
        self._to_and_commit("processing")

    # In a package

    def _send_package(self, client, documents):
        """Send documents as the package of this session; commit before each request and after it."""
        claimed = documents._claim_and_commit(self)
        if not claimed:
            self._to_and_commit("failed")
            return
        key, iv = packages.new_key()
        try:
            with packages.build_package(claimed._files(), key, iv) as package:
                session = client.open_batch(package)
                self._commit_opened(session.reference)
                for upload in session.uploads:
                    client.upload_part(upload, package)
        except AccessRefused:
            raise
        except (RequestRefused, PackageTooLarge) as error:
            self._halve_and_commit(translated(self.env, error))
            return
        self._close_and_commit(client)

    def _halve_and_commit(self, words):
        """Let the documents of a package that KSeF does not take go in halves of it, and commit."""
        self.ksef_words = words
        self._on_the_way()._halve_package(words)
        self._to_and_commit("failed")

    # What became of it

    @api.model
    def _follow_all(self, client, company):
        """Bring every unfinished session of a company as far as it goes now, and commit; none stops another."""
        now = fields.Datetime.now()
        for submission in self._unfinished(company).filtered(
            lambda session: not session.ask_at or not is_near(session.ask_at, now, _NO_TIME, LONGEST_SILENCE)
        ):
            what = "What became of session %s cannot be written down"
            try:
                with jobs.attempt(self.env, what, submission.reference, passing=(KsefError,)):
                    submission._resume(client)
            except AccessRefused:
                raise
            except RequestRefused as error:
                self.env.cr.rollback()
                submission._note(error)
            submission._ask_later_and_commit()
            jobs.commit_and_go_on(self.env, 1)

    @api.model
    def _unfinished(self, companies):
        """Return the sessions of companies that KSeF or we are not done with, the oldest first."""
        return self.sudo().search(
            [
                ("company_id", "in", companies.ids),
                ("environment", "=", self.env["account.move"]._l10n_pl_ksef_environment()),
                ("state", "not in", FINISHED_STATES),
            ],
            order="id",
        )

    def _ask_later_and_commit(self):
        """Leave KSeF in peace about this session for a while, the longer the older it is."""
        now = fields.Datetime.now()
        self._commit_step(ask_at=now + min(max(self._age() / 10, _NEXT_QUESTION), LONGEST_SILENCE))

    def _age(self):
        return fields.Datetime.now() - (self.opened_at or self.create_date)

    def _note(self, refusal):
        """Keep what KSeF says against this session; the documents of one that it has lost are sent in a new one."""
        code = refusal.code if isinstance(refusal.code, int) else False
        self.write({"code": code, "ksef_words": refusal.values["reason"]})
        if refusal.code == Code.UNKNOWN_SESSION and self._can_become("failed") and self._age() > _SESSION_LIFE:
            self._resend()

    def _resume(self, client):
        """Go on where this or another process has stopped, and commit each step; no other one works on it now."""
        if self.state == "open" and self.kind == "batch":
            self._halve_and_commit(self.env._("The package was cut off on its way to KSeF."))
        elif self.state == "opening":
            self._resend()
        elif self.state in ("open", "closing"):
            self._close_again(client)
        if self.state == "processing":
            self._settle(client)
        if self.state == "confirming":
            self._confirm(client)

    def _resend(self):
        """Put the documents of a session that KSeF will never work on back to waiting, for a new session."""
        self._on_the_way()._to("waiting", submission_id=False, sent_at=False)
        self._to("failed")

    def _on_the_way(self):
        """Return the documents of which it is not known yet what became of them."""
        return self.env["l10n_pl_ksef.document"].search([("submission_id", "=", self.id), ("state", "in", ON_THE_WAY)])

    def _close_again(self, client):
        """Close the session once more, and commit; one whose parts KSeF lacks sends its documents in a new one."""
        try:
            self._close_and_commit(client)
        except (AccessRefused, SessionUnavailable):
            raise
        except RequestRefused as refusal:
            if self.kind == "interactive":
                raise
            # Parts are missing or came too late: nothing of it was received.
            self._halve_and_commit(translated(self.env, refusal))

    def _settle(self, client):
        """Ask KSeF what became of the documents, once it is done with the session, and commit."""
        status = self._ask_status_and_commit(client)
        if status.is_pending:
            return
        listed = still_open = 0
        originals = Originals(client, self.reference)
        results = client.session_invoices(self.reference) if status.invoices else iter(())
        while page := list(islice(results, _PAGE)):
            listed += len(page)
            still_open += self.env["l10n_pl_ksef.document"]._settle_and_commit(self, page, originals)
        if still_open or listed < (status.invoices or 0):
            return
        not_received = self._on_the_way()
        if status.accepted:
            state = "confirming"
        else:
            state = "done" if status.code in (SessionCode.DONE, SessionCode.NONE_ACCEPTED) else "failed"
        is_failure = state == "failed" and status.code != SessionCode.CANCELLED
        if is_failure and self.kind == "batch":
            self._halve_and_commit(f"{status.reason} ({status.code})")
            return
        self._to(state)
        not_received._requeue_and_commit(is_failure and status.reason)
        if is_failure:
            raise SessionFailed(code=status.code, reason=status.reason)

    def _ask_status_and_commit(self, client):
        """Return the status of the session, after a little patience with KSeF if it is just closed."""
        for pause in (*([] if self.code else _PAUSES), None):
            status = client.session(self.reference)
            self._commit_step(code=status.code, ksef_words=status.reason)
            if not status.is_pending or pause is None:
                return status
            jobs.sleep(pause)

    def _confirm(self, client):
        """Fetch the UPO of the session, let each accepted document know its page of it, and commit."""
        status = client.session(self.reference)
        try:
            pages = [client.session_upo(self.reference, reference) for reference in status.upo_references]
            confirmations = [confirmed(xml) for xml in pages]
        except (UpoMissing, AnswerUnreadable) as error:
            self.ksef_words = translated(self.env, error)
            return
        if not pages:
            return
        for number, (xml, numbers) in enumerate(zip(pages, confirmations, strict=True), 1):
            attachment = self.env["ir.attachment"].create(
                {
                    "name": f"UPO-{self.reference}-{number}.xml",
                    "raw": xml,
                    "mimetype": "application/xml",
                    "res_model": self._name,
                    "res_id": self.id,
                }
            )
            self.upo_ids += attachment
            self.env["l10n_pl_ksef.document"]._confirmed_by(self, attachment, numbers)
        self._to_and_commit("done")

    def action_resend(self):
        """Send the documents of a session that KSeF no longer knows in a new one; KSeF refuses what it has already.

        :raises UserError: the worker is busy with KSeF, or the session is finished by now
        """
        self.ensure_one()
        self.document_ids.move_id.check_access("write")
        self.env["l10n_pl_ksef.channel"]._keep_out(self.environment, self.company_id._l10n_pl_ksef_nip())
        if not self.can_be_resent:
            raise UserError(self.env._("There is nothing to resend: this session is finished."))
        self.sudo()._resend()
