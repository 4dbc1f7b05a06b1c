"""Find all that keeps an invoice from being sealed, and tell it with a link to what must be fixed."""

from datetime import timezone

from odoo import fields, models, tools
from odoo.exceptions import UserError

from ...ksef.fa3 import checks, fitting, readback, rules, writer
from ...tools.translation import translated


class AccountMove(models.Model):
    _inherit = "account.move"

    def _l10n_pl_ksef_sealable_xml(self):
        """Return the FA(3) XML of this invoice (bytes), checked against KSeF's rules and the books.

        :raises UserError: there are problems; it tells all of them
        """
        self.ensure_one()
        facts = self._l10n_pl_ksef_facts()
        xml, problems = None, rules.find_problems(facts)
        if not problems:
            facts, _left_out = fitting.fit(facts)
            xml = writer.write(facts, fields.Datetime.now().replace(tzinfo=timezone.utc))
            problems = checks.byte_problems(xml) + checks.schema_problems(xml, self._l10n_pl_ksef_schema())
            problems = problems or readback.contradictions(xml, facts)
        if problems:
            raise UserError(
                "\n".join(
                    [
                        self.env._("Invoice %(number)s cannot go to KSeF yet:", number=self.name),
                        *(f"- {translated(self.env, problem)}" for problem in problems),
                    ]
                )
            )
        return xml

    def _l10n_pl_ksef_problems(self):
        """Return what an accountant must fix before this invoice can be sealed.

        :return: list of (sentence, window action that opens what is to be fixed, or None for the invoice itself)
        """
        self.ensure_one()
        return self._l10n_pl_ksef_with_links(rules.find_problems(self._l10n_pl_ksef_facts()))

    def _l10n_pl_ksef_with_links(self, problems):
        return [(translated(self.env, problem), self._l10n_pl_ksef_fixing_action(problem)) for problem in problems]

    def _l10n_pl_ksef_notices(self):
        """Return what to look at before this invoice goes to KSeF, though nothing keeps it from that.

        :return: as of ``_l10n_pl_ksef_problems``
        """
        self.ensure_one()
        facts = self._l10n_pl_ksef_facts()
        _fitting, left_out = fitting.fit(facts)
        return self._l10n_pl_ksef_with_links([*rules.find_questions(facts), *left_out])

    def _l10n_pl_ksef_fixing_action(self, problem):
        record = {
            "company": self.company_id,
            "partner": self.commercial_partner_id,
            "currency": self.currency_id,
            "original": self._l10n_pl_ksef_original(),
            "tax": self.env["account.tax"].browse(problem.values.get("record_id")),
            "advance": self.browse(problem.values.get("record_id")),
        }.get(problem.about)
        return record._get_records_action() if record else None

    @tools.ormcache()
    def _l10n_pl_ksef_schema(self):
        with tools.file_open(self._l10n_pl_ksef_schema_path(), "rb") as file:
            return file.read()
