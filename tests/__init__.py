from . import (
    test_browser_upload,
    test_credentials,
    test_links,
    test_print,
    test_qr_image,
    test_seal,
    test_secrets,
    test_upload,
    test_vault,
)
