from odoo.tools import SQL, sql

ADDON = "l10n_pl_ksef_offline"
OLD, NEW = "l10n_pl_ksef.queue", "l10n_pl_ksef.channel"
OLD_TABLE, NEW_TABLE = "l10n_pl_ksef_queue", "l10n_pl_ksef_channel"
XML_IDS = {
    "access_queue_invoice": "access_channel_invoice",
    "access_queue_readonly": "access_channel_readonly",
    "queue_view_list": "channel_view_list",
    "action_queue": "action_channel",
    "menu_queue": "menu_channel",
}
# Where Odoo writes a model's name as text
MODEL_NAMES = (
    ("ir_model", "model"),
    ("ir_model_data", "model"),
    ("ir_model_fields", "model"),
    ("ir_model_fields", "relation"),
    ("ir_act_window", "res_model"),
    ("ir_attachment", "res_model"),
    ("ir_exports", "resource"),
    ("ir_filters", "model_id"),
    ("ir_ui_view", "model"),
)


def migrate(cr, version):
    """Rename ``l10n_pl_ksef.queue`` to ``l10n_pl_ksef.channel``: its rows, and whoever refers to it, stay.

    The first version had no such model.
    """
    if not version or not sql.table_exists(cr, OLD_TABLE):
        return
    _rename_table(cr)
    for table, column in MODEL_NAMES:
        names = {"table": SQL.identifier(table), "column": SQL.identifier(column), "old": OLD, "new": NEW}
        cr.execute(SQL("UPDATE %(table)s SET %(column)s = %(new)s WHERE %(column)s = %(old)s", **names))
    cr.execute(
        "UPDATE ir_model_constraint SET name = replace(name, %s, %s) WHERE starts_with(name, %s)",
        (OLD_TABLE, NEW_TABLE, f"{OLD_TABLE}_"),
    )
    _rename_xml_ids(cr)


def _rename_table(cr):
    """Rename the table with all that PostgreSQL has named after it: indexes, constraints, the sequence."""
    old, new = SQL.identifier(OLD_TABLE), SQL.identifier(NEW_TABLE)
    cr.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND starts_with(conname, %s)",
        (OLD_TABLE, f"{OLD_TABLE}_"),
    )
    for (name,) in cr.fetchall():
        renamed = SQL.identifier(name.replace(OLD_TABLE, NEW_TABLE, 1))
        cr.execute(SQL("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", old, SQL.identifier(name), renamed))
    # The index of a constraint has taken its new name along.
    cr.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND tablename = %s "
        "AND starts_with(indexname, %s)",
        (OLD_TABLE, f"{OLD_TABLE}_"),
    )
    for (name,) in cr.fetchall():
        renamed = SQL.identifier(name.replace(OLD_TABLE, NEW_TABLE, 1))
        cr.execute(SQL("ALTER INDEX %s RENAME TO %s", SQL.identifier(name), renamed))
    cr.execute(SQL("ALTER TABLE %s RENAME TO %s", old, new))
    sequence = SQL.identifier(f"{OLD_TABLE}_id_seq"), SQL.identifier(f"{NEW_TABLE}_id_seq")
    cr.execute(SQL("ALTER SEQUENCE IF EXISTS %s RENAME TO %s", *sequence))


def _rename_xml_ids(cr):
    for old, new in XML_IDS.items():
        cr.execute("UPDATE ir_model_data SET name = %s WHERE module = %s AND name = %s", (new, ADDON, old))
    # Those that Odoo makes: model_…, field_…__name, selection__…__field__value, constraint_…
    cr.execute(
        "UPDATE ir_model_data SET name = replace(name, %s, %s) WHERE module = %s AND strpos(name, %s) > 0",
        (OLD_TABLE, NEW_TABLE, ADDON, OLD_TABLE),
    )
