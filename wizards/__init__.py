from . import (
    base_module_uninstall,
    certificate_request,
    certificate_revoke,
    certificate_upload,
    document_decision,
    in_ksef_already,
    issue_offline,
    technical_correction,
    test_code,
    verification_codes,
)
