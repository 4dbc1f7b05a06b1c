-- a neutralized copy can sign nothing
UPDATE l10n_pl_ksef_certificate SET private_key = NULL;
DELETE FROM l10n_pl_ksef_certificate_upload;
