import hashlib
import json
import logging
import os
from datetime import timezone

import requests
from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date, groupby

from ..ksef.api import latarnia
from ..ksef.errors import AvailabilityUnknown
from ..ksef.law import modes
from ..ksef.poland import day_of
from .certificate import ENVIRONMENTS

_logger = logging.getLogger(__name__)

# Where a Latarnia listens that stands in for the ministry's; heeded by no database that works with KSeF's production
LATARNIA_VARIABLE = "L10N_PL_KSEF_LATARNIA_URL"
# What others go by
_FACTS = {"kind", "start", "end", "announced", "number", "title", "url", "retracted"}
# What people may say of a notice of Latarnia, and what they may say of none
_BY_HAND_OF_LATARNIA = {"end", "url", "retracted"}
_NEVER_BY_HAND = {"origin", "event_id", "end_by_hand", "notice_ids"}


class Announcement(models.Model):
    """A notice of the minister that KSeF is or will be unavailable or failed, as it stands now.

    Source: art. 106ne of the VAT Act. Latarnia's are made and kept up to date by ``_poll``; of those people set the
    end at most, for the day when Latarnia does not answer. Others are typed in from the Public Information Bulletin.
    An announcement concerns every company of the database. It is never deleted, but can be retracted.
    """

    _name = "l10n_pl_ksef.announcement"
    _description = "KSeF Announcement"
    _inherit = ["mail.thread"]
    _mail_post_access = "read"
    _order = "start desc, id desc"
    _rec_names_search = ["number", "title"]

    environment = fields.Selection(
        ENVIRONMENTS,
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env["account.move"]._l10n_pl_ksef_environment(),
    )
    kind = fields.Selection(
        [
            (modes.Kind.MAINTENANCE, "KSeF unavailability (maintenance)"),
            (modes.Kind.FAILURE, "KSeF failure"),
            (modes.Kind.TOTAL_FAILURE, "Total failure"),
        ],
        required=True,
        tracking=True,
        help="Maintenance leads to unavailability, a failure to emergency mode. In total failure invoices are issued "
        "outside KSeF and never sent.",
    )
    start = fields.Datetime(required=True, tracking=True)
    end = fields.Datetime(tracking=True, help="As the notice of the end says. Empty while it is not known.")
    announced = fields.Datetime(
        "Published",
        default=fields.Datetime.now,
        tracking=True,
        help="When the notice was first published. If empty: at its start.",
    )
    number = fields.Char("Number of the Notice", tracking=True, help="Such as K/2026/AWR/02.")
    title = fields.Char(tracking=True, help="Title of the notice or, in total failure, the medium that told it.")
    url = fields.Char(
        "Link of the Notice", tracking=True, help="Address of the notice in the Public Information Bulletin (BIP)."
    )
    origin = fields.Selection(
        [("latarnia", "Latarnia"), ("manual", "Entered by hand")],
        required=True,
        readonly=True,
        default="manual",
        copy=False,
    )
    event_id = fields.Integer("Latarnia's Event", readonly=True, copy=False)
    end_by_hand = fields.Boolean(readonly=True, copy=False)
    retracted = fields.Boolean(readonly=True, tracking=True, copy=False)
    status = fields.Selection(
        [
            ("planned", "Planned"),
            ("in_force", "In force"),
            ("ended", "Ended"),
            ("retracted", "Retracted"),
        ],
        compute="_compute_status",
    )
    notice_ids = fields.One2many(
        "l10n_pl_ksef.announcement.notice", "announcement_id", "Latarnia's Notices", readonly=True
    )

    _event_uniq = models.UniqueIndex(
        "(environment, event_id) WHERE origin = 'latarnia'", "This event of Latarnia is on record already."
    )

    @api.depends("start", "end", "announced", "retracted")
    def _compute_status(self):
        now = _aware(fields.Datetime.now())
        for announcement in self:
            announcement.status = "retracted" if announcement.retracted else "planned"
            if announcement.start and not announcement.retracted:
                told = announcement._told()
                if told.ended_by(now):
                    announcement.status = "ended"
                elif told.in_force(now):
                    announcement.status = "in_force"

    @api.depends("kind", "number", "title", "start", "end")
    @api.depends_context("lang")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for announcement in self:
            parts = (kinds.get(announcement.kind), announcement.number or announcement.title, announcement._days())
            announcement.display_name = " ".join(filter(None, parts))

    def _days(self):
        """Return the days (in Poland) on which it lasts, as text in brackets."""
        if not self.start:
            return ""
        told = self._told()
        first = day_of(told.start)
        days = [format_date(self.env, first)]
        if told.last_day != first:
            days.append(format_date(self.env, told.last_day) if told.end else "…")
        return f"({' - '.join(days)})"

    @api.constrains("start", "end", "end_by_hand")
    def _check_end(self):
        # What Latarnia says is kept as it is, be it nonsense.
        for announcement in self.filtered(lambda announcement: announcement._is_by_hand() and announcement.end):
            if announcement.end <= announcement.start:
                raise ValidationError(self.env._("The end of an announcement is after its start. Correct the times."))

    def _is_by_hand(self):
        return self.origin == "manual" or self.end_by_hand

    @api.constrains("number", "title", "url")
    def _check_source(self):
        if any(announcement.origin == "manual" and not announcement._source() for announcement in self):
            raise ValidationError(
                self.env._("Enter the number, the title or the link of the notice, so that others find it.")
            )

    def _source(self):
        return " ".join(filter(None, (self.number, self.title))) or self.url

    # What others go by

    @api.model
    def _announcements(self, environment):
        """Return all announcements of an environment that are not retracted: a list of ``modes.Announcement``."""
        found = self.sudo().search([("environment", "=", environment), ("retracted", "=", False)])
        return [announcement._told() for announcement in found]

    @api.model
    def _in_force(self, environment):
        """Return the announcements that are in force now: a list of ``modes.Announcement``."""
        now = _aware(fields.Datetime.now())
        return [announcement for announcement in self._announcements(environment) if announcement.in_force(now)]

    @api.model
    def _propose(self, environment, at=None):
        """Return the mode of an invoice that is sealed at a moment, and why, see ``modes.propose``.

        :param datetime at: aware; now unless told
        """
        return modes.propose(self._announcements(environment), at or _aware(fields.Datetime.now()))

    def _told(self):
        """Return the ``modes.Announcement`` of this record."""
        return modes.Announcement(
            kind=self.kind,
            start=_aware(self.start),
            source=self._source() or "",
            end=_aware(self.end),
            announced=_aware(self.announced),
        )

    # By hand

    def action_end_now(self):
        """Record that it has ended now."""
        self.end = fields.Datetime.now()

    def action_retract(self):
        """Let it no longer count, as one that was entered by mistake."""
        self.retracted = True

    def action_reinstate(self):
        """Let it count again."""
        self.retracted = False

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su and any(_NEVER_BY_HAND & vals.keys() for vals in vals_list):
            raise UserError(self._not_by_hand())
        announcements = super().create(vals_list)
        announcements._changed()
        return announcements

    def write(self, vals):
        if not self.env.su:
            self._check_by_hand(vals)
            if "end" in vals:
                vals = vals | {"end_by_hand": True}
        result = super().write(vals)
        if _FACTS & vals.keys():
            self._changed()
        return result

    def _check_by_hand(self, vals):
        self.check_access("write")
        forbidden = _NEVER_BY_HAND | {"environment"}
        if "latarnia" in self.mapped("origin"):
            forbidden |= _FACTS - _BY_HAND_OF_LATARNIA
        if forbidden & vals.keys():
            raise UserError(self._not_by_hand())

    def _not_by_hand(self):
        return self.env._(
            "What Latarnia says in its notice cannot be changed by hand. Set the end, or retract the notice and "
            "enter another one."
        )

    def _changed(self):
        for environment in set(self.mapped("environment")):
            self.env["l10n_pl_ksef.document"]._announcements_changed(environment)

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("An announcement stays in the records. If it was entered by mistake, retract it."))

    # Latarnia

    @api.model
    def _poll(self, timeout=latarnia.TIMEOUT):
        """Read Latarnia, if a company of this database works with KSeF. No answer and nonsense change nothing.

        :param float timeout: seconds
        :return: whether Latarnia, if it was asked, has answered
        """
        environment = self.env["account.move"]._l10n_pl_ksef_environment()
        url = self._latarnia_url(environment)
        if not url or not self._anybody_cares(environment):
            return True
        try:
            with requests.Session() as session:
                notices = latarnia.parse_messages(latarnia.fetch(url, session, timeout))
        except AvailabilityUnknown as error:
            _logger.warning("%s", error)
            return False
        self.sudo().with_context(lang=self.env.company._l10n_pl_ksef_lang())._record(environment, notices)
        return True

    @api.model
    def _anybody_cares(self, environment):
        """Tell whether a company of this database works with KSeF, online or offline."""
        offline = self.env["l10n_pl_ksef.certificate"].sudo().search_count([("environment", "=", environment)], limit=1)
        return bool(offline) or self.env["res.company"]._l10n_pl_ksef_any_works_with_ksef()

    @api.model
    def _latarnia_url(self, environment):
        """Return where Latarnia is asked for an environment, or None where it is not.

        The ministry's Latarnia for its test environment tells of a standing total failure that is made up.
        """
        if environment == "production":
            return latarnia.HOSTS[environment]
        return os.environ.get(LATARNIA_VARIABLE)

    @api.model
    def _record(self, environment, notices):
        """Keep what is new among ``notices`` (of ``availability.Notice``), and rebuild their announcements."""
        kept = self.env["l10n_pl_ksef.announcement.notice"]
        for event_id, new in groupby(kept._unknown(environment, notices), key=lambda notice: notice.event_id):
            try:
                with self.env.cr.savepoint():
                    kept._keep(environment, new)
                    self._rebuild(environment, event_id)
            except (UniqueViolation, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY):
                _logger.info("Event %s of Latarnia is being recorded by another server; asked again soon.", event_id)

    @api.model
    def _rebuild(self, environment, event_id):
        """Make the announcement of an event say what all kept notices of the event say together."""
        event = [("environment", "=", environment), ("event_id", "=", event_id)]
        notices = self.env["l10n_pl_ksef.announcement.notice"].search(event)
        announcement = self.search([*event, ("origin", "=", "latarnia")])
        for told in latarnia.announcements_of(latarnia.parse_messages(notices.mapped("raw"))):
            if announcement:
                announcement._follow(told)
            else:
                event_values = {"environment": environment, "event_id": event_id, "origin": "latarnia"}
                announcement = self.create(event_values | self._values_of(told))
        notices.announcement_id = announcement

    @api.model
    def _values_of(self, told):
        """Return the values of a record for a ``modes.Announcement`` of Latarnia."""
        number, _blank, title = told.source.partition(" ")
        return {
            "kind": told.kind,
            "start": _naive(told.start),
            "end": _naive(told.end),
            "announced": _naive(told.announced),
            "number": number or False,
            "title": title or False,
        }

    def _follow(self, told):
        """Say what Latarnia says now; an end entered by hand holds until Latarnia tells one."""
        values = self._values_of(told) | {"retracted": False, "end_by_hand": False}
        if self.end_by_hand and not values["end"] and (not self.end or self.end > values["start"]):
            del values["end"], values["end_by_hand"]
        changed = {name: value for name, value in values.items() if self[name] != value}
        if not changed:
            return
        message = self.env._("Latarnia has published a newer notice.")
        if self.end_by_hand and "end" in changed:
            message += " " + self.env._("The end that was entered by hand no longer counts.")
        self._track_set_log_message(message)
        self.write(changed)


class Notice(models.Model):
    """A message of Latarnia as it was fetched, kept as evidence: Latarnia itself forgets it after about a month.

    One for each content. Nobody has the right to create, write or delete one; ``_keep`` makes them.
    """

    _name = "l10n_pl_ksef.announcement.notice"
    _description = "KSeF Latarnia Notice"
    _order = "id desc"
    _rec_name = "number"

    announcement_id = fields.Many2one("l10n_pl_ksef.announcement", readonly=True, ondelete="restrict", index=True)
    environment = fields.Selection(ENVIRONMENTS, required=True, readonly=True)
    event_id = fields.Integer(required=True, readonly=True)
    number = fields.Char(required=True, readonly=True)
    version = fields.Integer(readonly=True, aggregator=None)
    type = fields.Char(required=True, readonly=True)
    published = fields.Datetime(readonly=True)
    fetched_at = fields.Datetime("Fetched", required=True, readonly=True)
    raw = fields.Json("Message", required=True, readonly=True)
    content = fields.Text("As Latarnia Sent It", compute="_compute_content")
    sha256 = fields.Char(required=True, readonly=True, export_string_translation=False)

    _content_uniq = models.UniqueIndex("(environment, sha256)", "This notice of Latarnia is on record already.")
    _event_idx = models.Index("(environment, event_id)")

    @api.depends("raw")
    def _compute_content(self):
        for notice in self:
            notice.content = json.dumps(notice.raw, ensure_ascii=False, indent=2, sort_keys=True)

    @api.model
    def _unknown(self, environment, notices):
        """Return those of ``notices`` (of ``availability.Notice``) whose content is not on record yet."""
        by_hash = {_sha256(notice.raw): notice for notice in notices}
        known = self.search([("environment", "=", environment), ("sha256", "in", list(by_hash))])
        for sha256 in known.mapped("sha256"):
            del by_hash[sha256]
        return list(by_hash.values())

    @api.model
    def _keep(self, environment, notices):
        """Store ``notices`` (of ``availability.Notice``)."""
        self.create(
            [
                {
                    "environment": environment,
                    "event_id": notice.event_id,
                    "number": notice.id,
                    "version": notice.version,
                    "type": notice.type,
                    "published": _naive(notice.published),
                    "fetched_at": fields.Datetime.now(),
                    "raw": notice.raw,
                    "sha256": _sha256(notice.raw),
                }
                for notice in notices
            ]
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(self.env._("A notice of Latarnia stays in the records."))


def _sha256(message):
    return hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()


def _aware(moment):
    return moment and moment.replace(tzinfo=timezone.utc) or None


def _naive(moment):
    return moment and moment.replace(tzinfo=None) or False
