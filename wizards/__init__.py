from . import (
    certificate_request,
    certificate_revoke,
    certificate_upload,
    document_decision,
    issue_offline,
    technical_correction,
    test_code,
    verification_codes,
)
