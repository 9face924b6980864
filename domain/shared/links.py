"""The addresses that e-mails lead to. Whoever knows the token has the page: it is kept by its hash, never logged."""

STATUS_PATH = "/status/{token}"
ACTIVATION_PATH = "/activate/{token}"
