"""The addresses that e-mails lead to. Only an activation link holds a secret: kept by its hash, and never logged."""

OWN_PATH = "/me"
OWN_ADDRESS_PATH = "/me/email"
OWN_CASE_PATH = "/me/{reference}"
ACTIVATION_PATH = "/activate/{token}"
