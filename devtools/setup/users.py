"""The users of the database "demo". Run in Odoo's shell, which has `env`."""

admin = env.ref("base.user_admin")
admin.write({"password": "admin", "lang": "en_US"})
certificates = env.ref("l10n_pl_ksef_offline.group_certificate_manager", raise_if_not_found=False)
if certificates:
    admin.write({"group_ids": [(4, certificates.id)]})
env["res.users"].with_context(no_reset_password=True).create(
    {
        "name": "Anna Księgowa",
        "login": "accountant",
        "password": "accountant",
        "email": "accountant@example.com",
        "lang": "pl_PL",
        "tz": "Europe/Warsaw",
        # sees and does all of accounting, and none of the settings
        "group_ids": [(6, 0, [env.ref("base.group_user").id, env.ref("account.group_account_user").id])],
    }
)
env.cr.commit()
