#!/bin/sh
# Makes the files in secrets/ that docker-compose.yml names, each only where it is missing. Needs openssl.
set -eu
cd "$(dirname "$0")/.."
# The folder is closed; the files inside are readable, because each container reads them as a user of its own.
umask 022
mkdir -p secrets
chmod 700 secrets
cd secrets

keep() { # FILE TEXT
    if [ ! -e "$1" ]; then printf '%s' "$2" >"$1"; fi
}

random() { openssl rand -hex 32; }

for name in postgres_password temporal_db_password certify_db_password certify_background_checks_webhook_secret \
    certify_xapi_password certify_portal_token certify_identity_key; do
    keep "$name" "$(random)"
done
for name in certify_lms_webhook_secret certify_portal_webhook_secret; do
    keep "$name" "whsec_$(openssl rand -base64 32)"
done
keep certify_database_url "postgresql+psycopg://certify:$(cat certify_db_password)@postgresql:5432/certify"
keep certify_staff_tokens "{\"staff\": \"$(random)\"}"
keep certify_smtp_password ""
# The training vendors of the federal program: {"id": {"url": "https://…", "secret": "whsec_…"}}.
keep certify_vendors "{}"

# Elliptic curve P-256, self-signed: put the exchange's own pair in its place.
if [ ! -e signing_key.pem ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj "/CN=Assister Certification" -keyout signing_key.pem -out signing_cert.pem 2>/dev/null
    chmod 644 signing_key.pem
fi

# What only the third parties can give.
for name in certify_registry_password certify_background_checks_api_key certify_lms_token certify_mlms_token \
    certify_oidc_client_secret; do
    keep "$name" "replace-me"
    if [ "$(cat "$name")" = replace-me ]; then echo "secrets/$name: write the real one into it" >&2; fi
done
