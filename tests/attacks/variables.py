"""The environment of a system in which nothing is unsafe; no test."""

from secrets import token_hex

from starter.stack.plan import SECRETS

PUBLIC = {
    "CERTIFY_WEB_URL": "https://certification.example.org",
    "CERTIFY_WEB_HOST": "0.0.0.0",
    "CERTIFY_TRUSTED_PROXIES": "192.0.2.7",
}
LOCAL = {"CERTIFY_WEB_URL": "http://127.0.0.1:8000", "CERTIFY_WEB_HOST": "127.0.0.1"}


def make_variables(database_url: str) -> dict[str, str]:
    """Settings with secrets of their own, third parties behind TLS, and a public address."""
    made = {name: make() for name, make in SECRETS.items() if name.startswith("CERTIFY_")}
    names = ("REGISTRY", "BACKGROUND_CHECKS", "LMS", "MLMS", "PORTAL")
    third_parties = {f"CERTIFY_{name}_URL": f"https://{name.lower()}.example.org" for name in names}
    # What stands there is the hash of a token, with its last day.
    tokens = {
        f"CERTIFY_{whose}_TOKENS": f'{{"clerk": "sha256:{token_hex(32)} until 2999-12-31"}}'
        for whose in ("STAFF", "INTAKE")
    }
    tokens["CERTIFY_STAFF_ROLES"] = '{"clerk": ["reviewer"]}'
    return {**made, **third_parties, **PUBLIC, **tokens, "CERTIFY_DATABASE_URL": database_url}
