from datetime import timedelta

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from odoo import api, fields, models, modules
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..ksef.api.certificates import EnrollmentCode, remedy
from ..ksef.codes import links
from ..ksef.errors import (
    AccessRefused,
    CertificateLimitReached,
    KeyMismatch,
    KsefError,
    LostAnswer,
    RequestLimitReached,
    RequestRefused,
    VaultKeyInvalid,
)
from ..ksef.keys import enrollment, key_files
from ..ksef.poland import WARSAW
from ..tools.errors import NotListed, RequestNotFound
from ..tools.master_key import open_vault
from ..tools.translation import spoken, translated, user_error

ENVIRONMENTS = [("production", "Production"), ("demo", "Demo"), ("test", "Test")]
# KSeF's words for the status of a certificate
STATE_OF_STATUS = {"Active": "active", "Blocked": "blocked", "Revoked": "revoked", "Expired": "expired"}
STATES = [
    ("requested", "Requested"),
    ("refused", "Refused"),
    ("awaiting", "Waiting for its certificate"),
    ("unconfirmed", "Not confirmed by KSeF"),
    ("active", "Active"),
    ("expired", "Expired"),
    ("blocked", "Blocked"),
    ("revoked", "Revoked"),
    ("removed", "Removed"),
]
# What leads from one state to another; KSeF tells its status whenever it is asked
_TOLD_BY_KSEF = ("active", "blocked", "revoked", "expired")
TRANSITIONS = {
    ("requested", "unconfirmed"): "issued by KSeF",
    ("requested", "refused"): "refused by KSeF",
    ("awaiting", "unconfirmed"): "joined with its certificate",
    **{("unconfirmed", state): "told by KSeF" for state in _TOLD_BY_KSEF},
    **{(old, new): "told by KSeF" for old in _TOLD_BY_KSEF for new in _TOLD_BY_KSEF if old != new},
    **{(state, "removed"): "removed" for state, _label in STATES if state != "removed"},
}
# KSeF can tell of them
ASKED_STATES = tuple({old: None for (old, _new), act in TRANSITIONS.items() if act.endswith("by KSeF")})
SIGNING_STATES = ("unconfirmed", "active")
REMIND_DAYS = (30, 14, 7, 1)


class Certificate(models.Model):
    """A KSeF offline certificate (type 2) of a company, with its private key.

    Its life, see ``TRANSITIONS``::

        requested -> unconfirmed, refused, removed
        awaiting (a lone key) -> unconfirmed, removed
        unconfirmed -> active, blocked, revoked, expired, removed
        active -> blocked, revoked, expired, removed
        blocked -> active, revoked, expired, removed
        revoked -> active, blocked, expired, removed
        expired -> active, blocked, revoked, removed
        refused -> removed

    The certificate is public and kept in clear. The private key is kept as a token of the vault; it is decrypted
    inside ``_sign`` only. Records are made by the wizards; nobody has the right to create or write them.
    """

    _name = "l10n_pl_ksef.certificate"
    _description = "KSeF Offline Certificate"
    _inherit = ["mail.thread", "mail.activity.mixin", "l10n_pl_ksef.life"]
    _transitions = TRANSITIONS
    _mail_post_access = "read"
    _order = "valid_to desc, id desc"

    name = fields.Char(required=True, readonly=True)
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    state = fields.Selection(STATES, required=True, readonly=True, tracking=True)
    status = fields.Selection(
        [*STATES, ("not_yet_valid", "Not yet valid"), ("locked", "Locked"), ("no_key", "No private key")],
        compute="_compute_status",
        help="What the certificate is good for now.",
    )
    wanted_vault_key = fields.Char(compute="_compute_status")
    ksef_words = fields.Char("KSeF Says", readonly=True, help="KSeF's own words when it was last asked.")
    checked_at = fields.Datetime("Last Check", readonly=True, help="When KSeF last answered.")
    check_problem = fields.Char("Could Not Ask", readonly=True, help="Why KSeF could not be asked the last time.")

    pem = fields.Text("Certificate (PEM)", readonly=True)
    subject = fields.Char(readonly=True)
    common_name = fields.Char("Issued For", readonly=True)
    identifier_type = fields.Selection([("Nip", "NIP"), ("Pesel", "PESEL")], readonly=True)
    identifier = fields.Char("NIP or PESEL", readonly=True)
    serial_number = fields.Char(readonly=True)
    key_type = fields.Char(readonly=True)
    valid_from = fields.Datetime(readonly=True)
    valid_to = fields.Datetime("Valid Until", readonly=True)
    fingerprint = fields.Char("SHA-256 Fingerprint", readonly=True)
    public_key_fingerprint = fields.Char(required=True, readonly=True, export_string_translation=False)
    request_reference = fields.Char(readonly=True, copy=False)
    reminded_days = fields.Integer(readonly=True, copy=False, export_string_translation=False)
    private_key = fields.Text(
        groups=fields.NO_ACCESS, readonly=True, copy=False, prefetch=False, export_string_translation=False
    )
    can_be_asked = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_be_joined = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_be_revoked = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_be_removed = fields.Boolean(compute="_compute_possible", export_string_translation=False)
    can_renew = fields.Boolean(compute="_compute_can_renew")
    ends_before_deadline = fields.Boolean(
        compute="_compute_ends_before_deadline",
        help="Copies that it has signed will fail the check of KOD II while they still wait for KSeF.",
    )
    document_ids = fields.One2many("l10n_pl_ksef.document", "certificate_id", "Signatures")

    _fingerprint_uniq = models.UniqueIndex(
        "(company_id, environment, fingerprint) WHERE state != 'removed'",
        "This certificate has already been added to the company.",
    )

    # What it is good for

    @api.depends("state", "valid_from", "valid_to", "private_key")
    def _compute_status(self):
        now = fields.Datetime.now()
        for certificate in self:
            certificate.wanted_vault_key = certificate._missing_vault_key()
            certificate.status = certificate.state
            if certificate.state in SIGNING_STATES:
                if now >= certificate.valid_to:
                    certificate.status = "expired"
                elif certificate.wanted_vault_key:
                    certificate.status = "locked"
                elif not certificate.sudo().private_key:
                    certificate.status = "no_key"  # as in a neutralized database
                elif now < certificate.valid_from:
                    certificate.status = "not_yet_valid"
            elif certificate.wanted_vault_key:
                certificate.status = "locked"

    def _missing_vault_key(self):
        """Return the fingerprint of the master key that this server lacks for the private key, or False."""
        token = self.sudo().private_key
        try:
            return bool(token) and (open_vault().missing_key(token) or False)
        except VaultKeyInvalid:
            return token.split(".")[1]

    @api.depends("state")
    def _compute_possible(self):
        for certificate in self:
            certificate.can_be_joined = certificate.state == "awaiting"
            certificate.can_be_asked = certificate.state in ASKED_STATES
            certificate.can_be_revoked = certificate._can_become("revoked") and certificate.state != "expired"
            certificate.can_be_removed = certificate._can_become("removed")

    @api.depends("valid_to", "state")
    def _compute_can_renew(self):
        soon = fields.Datetime.now() + timedelta(days=max(REMIND_DAYS))
        for certificate in self:
            certificate.can_renew = bool(
                certificate.valid_to and certificate.valid_to <= soon and certificate.state != "removed"
            )

    @api.depends("valid_to", "document_ids.state", "document_ids.deadline")
    def _compute_ends_before_deadline(self):
        for certificate in self:
            waiting = certificate.sudo().document_ids._unfinished()
            certificate.ends_before_deadline = any(document._outlives_certificate() for document in waiting)

    @api.model
    def _usable(self, company, environment):
        """Return the certificate that signs for a company now: of the usable ones that which ends last, or none."""
        now = fields.Datetime.now()
        candidates = self.sudo().search(
            [
                ("company_id", "parent_of", company.id),
                ("environment", "=", environment),
                ("state", "in", SIGNING_STATES),
                ("private_key", "!=", False),
                ("valid_from", "<=", now),
                ("valid_to", ">", now),
            ]
        )
        return candidates.filtered(lambda certificate: not certificate.wanted_vault_key)[:1]

    @api.model
    def _locked(self, company, environment):
        """Return the certificates of a company that could sign if their master key were here."""
        return (
            self.sudo()
            .search(
                [
                    ("company_id", "parent_of", company.id),
                    ("environment", "=", environment),
                    ("state", "in", SIGNING_STATES),
                ]
            )
            .filtered("wanted_vault_key")
        )

    def _public(self):
        """Return what the certificate says (``ksef.keys.certificates.Certificate``)."""
        return key_files.read_certificate(self.pem.encode())

    # The private key

    def _sign(self, payload):
        """Return the raw signature (bytes) of ``payload`` (bytes) for KOD II."""
        self.ensure_one()
        try:
            return links.sign(open_vault().decrypt(self.sudo().private_key, self._vault_context()), payload)
        except KsefError as error:
            raise user_error(self.env, error) from error

    def _keep_key(self, private_key):
        self.private_key = open_vault(for_storing=True).encrypt(private_key, self._vault_context())

    def _vault_context(self):
        self.ensure_one()
        return f"{self._name}/{self.id}/{self.company_id.id}/{self.public_key_fingerprint}".encode()

    @api.model
    def _rotate_keys(self):
        """Re-encrypt every private key under the current master key; return (done, locked), two recordsets."""
        vault = open_vault(for_storing=True)
        done = locked = self.sudo().browse()
        for certificate in self.sudo().search([("private_key", "!=", False)]):
            try:
                certificate.private_key = vault.rotate(certificate.private_key, certificate._vault_context())
                done += certificate
            except KsefError:
                locked += certificate
        return done, locked

    # How records are made

    @api.model
    def _add(self, company, environment, name, found):
        """Store ``found`` (``ksef.credentials.Credentials``) for a company and return the record."""
        certificate = self._add_key(company, environment, name, found.private_key, "awaiting")
        certificate._take_certificate(found.certificate)
        return certificate

    @api.model
    def _add_key(self, company, environment, name, private_key, state):
        """Store a private key (PKCS#8, DER) whose certificate is still to come, and return the record."""
        certificate = self.sudo().create(
            {
                "name": name,
                "company_id": company.id,
                "environment": environment,
                "state": state,
                "public_key_fingerprint": key_files.public_key_fingerprint(private_key),
            }
        )
        certificate._keep_key(private_key)
        return certificate

    @api.model
    def _awaiting(self, company, environment, public):
        """Return the record of a company whose lone key is the one of ``public``, or none."""
        return self.sudo().search(
            [
                ("company_id", "=", company.id),
                ("environment", "=", environment),
                ("state", "=", "awaiting"),
                ("public_key_fingerprint", "=", public.public_key_fingerprint),
            ],
            limit=1,
        )

    def _take_certificate(self, public):
        """Join the certificate (``ksef.credentials.Certificate``) to its key.

        :raises KeyMismatch: it is for another key
        """
        self.ensure_one()
        if public.public_key_fingerprint != self.public_key_fingerprint:
            raise KeyMismatch()
        self.sudo()._to(
            "unconfirmed",
            pem=public.pem,
            subject=public.subject,
            common_name=public.common_name or public.subject,
            identifier_type=public.identifier_type,
            identifier=public.identifier,
            serial_number=public.serial,
            key_type=public.key_type,
            valid_from=public.not_before.replace(tzinfo=None),
            valid_to=public.not_after.replace(tzinfo=None),
            fingerprint=public.fingerprint,
        )

    # What KSeF knows of it

    @api.model
    def _request(self, company, environment, name, key_type, valid_from):
        """Ask KSeF for a certificate, commit its key first, and return its record: ``requested`` or ``refused``.

        :param valid_from: aware, or None for at once
        :raises KsefError: KSeF could not be asked; nothing was requested
        """
        with company._l10n_pl_ksef_client(environment) as client:
            subject = client.enrollment_data()
            key = enrollment.new_private_key(key_type)
            csr = enrollment.build_csr(subject, key)
            certificate = self._add_key(
                company,
                environment,
                name,
                key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
                "requested",
            )
            # The key must outlive whatever happens to the answer.
            certificate._commit()
            try:
                certificate.request_reference = client.enroll(name, "Offline", csr, valid_from)
            except LostAnswer as error:
                certificate._could_not_ask(error)
            except (CertificateLimitReached, RequestLimitReached, AccessRefused) as error:  # they say what to do
                certificate._refused(translated(self.env, error))
            except RequestRefused as error:
                certificate._refused(translated(self.env, error), remedy(error.code, str(error)))
            except KsefError as error:
                certificate._refused(translated(self.env, error))
        return certificate

    def action_update_status(self):
        """Ask KSeF about these certificates and tell what it said."""
        self.check_access("read")
        self._update_status()
        problems = [
            f"{certificate.name}: {certificate.check_problem}" for certificate in self if certificate.check_problem
        ]
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if problems else "success",
                "title": self.env._("KSeF has not confirmed it") if problems else self.env._("KSeF has answered"),
                "message": "\n".join(problems)
                or "\n".join(f"{certificate.name}: {certificate.ksef_words or ''}" for certificate in self),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _update_status(self):
        asked = self.sudo().filtered(lambda certificate: certificate.state in ASKED_STATES)
        for (company, environment), certificates in asked.grouped(
            lambda certificate: (certificate.company_id, certificate.environment)
        ).items():
            try:
                with company._l10n_pl_ksef_client(environment) as client:
                    for certificate in certificates:
                        certificate._ask(client)
            except KsefError as error:
                for certificate in certificates:
                    certificate._could_not_ask(error)

    def _ask(self, client):
        try:
            if self.state == "requested" and not self._follow_request(client):
                return
            self._read_status(client)
        except KsefError as error:
            self._could_not_ask(error)

    def _follow_request(self, client):
        """Tell whether KSeF has issued what was requested, and take it."""
        serial = self._serial_of_request(client)
        if not serial:
            return False
        (issued,) = client.certificates([serial])
        self._take_certificate(key_files.read_certificate(issued.der))
        return True

    def _serial_of_request(self, client):
        if not self.request_reference:
            return self._serial_of_lost_request(client)
        request = client.enrollment(self.request_reference)
        if request.serial:
            return request.serial
        if request.code == EnrollmentCode.PENDING:
            self._answered(request.reason)
        else:
            self._refused(f"{request.reason} ({request.code})", remedy(request.code, request.reason))
        return None

    def _serial_of_lost_request(self, client):
        # The answer to the request was lost: whether it arrived shows in the certificates that KSeF has issued.
        serials = [record.serial for record in client.certificate_records(name=self.name, type="Offline")]
        for issued in client.certificates(serials):
            public = key_files.read_certificate(issued.der)
            if public.public_key_fingerprint == self.public_key_fingerprint:
                return issued.serial
        raise RequestNotFound()

    def _read_status(self, client):
        record = next(client.certificate_records(certificateSerialNumber=self.serial_number), None)
        if not record:
            raise NotListed()
        self._answered(record.status)
        self._to(STATE_OF_STATUS.get(record.status, self.state))

    def _answered(self, words):
        self.write({"ksef_words": words, "checked_at": fields.Datetime.now(), "check_problem": False})

    def _could_not_ask(self, error):
        self.check_problem = translated(self.env, error)

    def _refused(self, reason, advice=None):
        """:param advice: ``Sentence``: what can be done about it, if ``reason`` does not say so"""
        told = " ".join([reason, *([spoken(self.env, advice)] if advice else [])])
        self._answered(told)
        self._to("refused", private_key=False)
        self.message_post(body=self.env._("KSeF refused the request: %(reason)s", reason=told))

    def _revoke(self, reason):
        """Revoke the certificate at KSeF.

        :raises KsefError: KSeF could not be asked, or refused
        """
        self.ensure_one()
        with self.company_id._l10n_pl_ksef_client(self.environment) as client:
            client.revoke_certificate(self.serial_number, reason)
        self.sudo()._answered("Revoked")
        self.sudo()._to("revoked")
        self.message_post(body=self.env._("Revoked at KSeF, reason: %(reason)s", reason=reason))

    # The end

    def action_remove(self):
        """Delete the private key permanently; the public part stays while documents refer to it."""
        self.check_access("unlink")
        for certificate in self.sudo():
            if certificate.document_ids:
                certificate._to("removed", private_key=False)
                certificate.message_post(body=self.env._("The private key was deleted."))
            else:
                certificate.unlink()
        return {"type": "ir.actions.act_window_close"} if self.exists() else self._action_all()

    @api.model
    def _action_all(self):
        return self.env["ir.actions.actions"]._for_xml_id("l10n_pl_ksef_offline.action_certificate")

    @api.ondelete(at_uninstall=False)
    def _unlink_except_signed(self):
        if self.sudo().document_ids:
            raise UserError(
                self.env._(
                    "This certificate has signed invoices issued offline, so it stays in the records. Use Remove to "
                    "delete its private key."
                )
            )

    # Every day

    @api.model
    def _cron_every_day(self):
        """Ask KSeF about all certificates and remind of those that end; commit after each company."""
        certificates = self.search(
            [
                ("state", "in", ASKED_STATES),
                # one that has ended is asked about until it is known as such
                *("|", "|", ("valid_to", "=", False), ("valid_to", ">", fields.Datetime.now())),
                ("state", "in", SIGNING_STATES),
            ]
        )
        for company, mine in certificates.grouped("company_id").items():
            mine = mine.with_context(lang=company._l10n_pl_ksef_lang())
            mine._update_status()
            mine._remind()
            self.env["ir.cron"]._commit_progress(len(mine))

    def _remind(self):
        today = fields.Date.context_today(self.with_context(tz=WARSAW.key))
        for certificate in self.filtered(lambda certificate: certificate.state in SIGNING_STATES):
            if certificate._successor():
                continue
            days = (certificate.valid_to.date() - today).days
            due = [limit for limit in REMIND_DAYS if days <= limit]
            if due and (not certificate.reminded_days or min(due) < certificate.reminded_days):
                certificate.reminded_days = min(due)
                user = certificate.company_id.l10n_pl_ksef_responsible_id or certificate.create_uid
                certificate.activity_schedule(
                    "mail.mail_activity_data_todo",
                    date_deadline=certificate.valid_to.date(),
                    summary=certificate.with_context(lang=user.lang)._reminder_summary(),
                    user_id=user.id,
                )

    def _reminder_summary(self):
        return self.env._(
            "The KSeF offline certificate %(name)s ends on %(date)s: renew it in time.",
            name=self.name,
            date=format_date(self.env, self.valid_to.date()),
        )

    def _successor(self):
        """Return a certificate of the same company that ends later and can take over."""
        return self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("environment", "=", self.environment),
                ("state", "in", SIGNING_STATES),
                ("valid_from", "<=", self.valid_to),
                ("valid_to", ">", self.valid_to),
            ],
            limit=1,
        )

    def _commit(self):
        if not modules.module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit  # see the callers for why
