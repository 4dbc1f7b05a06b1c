from odoo.tools import SQL, sql

# (model, table, old state, new state)
STATES = (
    ("l10n_pl_ksef.document", "l10n_pl_ksef_document", "other_file", "superseded"),
    ("l10n_pl_ksef.certificate", "l10n_pl_ksef_certificate", "configuring", "unconfirmed"),
)
# (model, table, old field, new field)
FIELDS = (
    ("l10n_pl_ksef.document", "l10n_pl_ksef_document", "handed_over_at", "given_at"),
    ("l10n_pl_ksef.announcement", "l10n_pl_ksef_announcement", "withdrawn", "retracted"),
)


def migrate(cr, version):
    """Rename states and fields, in the records and in saved filters."""
    if not version:
        return
    for model, table, old, new in STATES:
        if sql.column_exists(cr, table, "state"):  # documents of the first version had none
            cr.execute(SQL("UPDATE %s SET state = %s WHERE state = %s", SQL.identifier(table), new, old))
        _rename_in_filters(cr, model, old, new)
        field = f"selection__{table}__%"
        cr.execute("DELETE FROM ir_model_data WHERE name LIKE %s AND name LIKE %s", (field, f"%\\_\\_{old}"))
    for model, table, old, new in FIELDS:
        if sql.column_exists(cr, table, old):
            sql.rename_column(cr, table, old, new)
            cr.execute("UPDATE ir_model_fields SET name = %s WHERE model = %s AND name = %s", (new, model, old))
            names = f"field_{table}__{new}", f"field_{table}__{old}"
            cr.execute("UPDATE ir_model_data SET name = %s WHERE name = %s", names)
            _rename_in_filters(cr, model, old, new)


def _rename_in_filters(cr, model, old, new):
    cr.execute("UPDATE ir_filters SET domain = replace(domain, %s, %s) WHERE model_id = %s", (old, new, model))
