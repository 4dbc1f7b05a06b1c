from . import controllers, models, wizards


def uninstall_hook(env):
    """Leave the originals, and what is known of them, with their invoices, where they outlive the addon."""
    env["l10n_pl_ksef.document"]._leave_all_with_invoices()
