-- a neutralized copy can sign nothing, and its wizards keep nothing
UPDATE l10n_pl_ksef_certificate SET private_key = NULL;
DELETE FROM l10n_pl_ksef_certificate_upload;
-- nor log in: l10n_pl_edi says the same, this holds however its own statements change
UPDATE res_company SET l10n_pl_edi_certificate = NULL;
