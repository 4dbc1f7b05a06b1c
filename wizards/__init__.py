from . import certificate_request, certificate_revoke, certificate_upload
