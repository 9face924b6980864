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

webhook_secret() { printf 'whsec_%s' "$(openssl rand -base64 32)"; }

for name in postgres_password temporal_db_password certify_db_password certify_owner_db_password \
    certify_portal_token certify_identity_key; do
    keep "$name" "$(random)"
done
# Who may report to us, each with a credential of its own that it is handed: docs/operating.md says what stands here.
keep certify_senders "{
  \"lms\": {\"program\": \"bewellnm\", \"kinds\": [\"training\", \"exam\"], \"secret\": \"$(webhook_secret)\"},
  \"record-store\": {\"program\": \"bewellnm\", \"kinds\": [\"training\", \"exam\"], \"user\": \"xapi\", \"password\": \"$(random)\"},
  \"background-checks\": {\"program\": \"bewellnm\", \"kinds\": [\"background-checks\"], \"check_key\": \"$(random)\"},
  \"portal\": {\"program\": \"bewellnm\", \"kinds\": [\"portal\"], \"secret\": \"$(webhook_secret)\"},
  \"portal-look-up\": {\"program\": \"bewellnm\", \"kinds\": [\"applicants\"], \"token\": \"$(random)\"},
  \"mlms\": {\"program\": \"ffm\", \"kinds\": [\"training\"], \"secret\": \"$(webhook_secret)\"},
  \"marketplace\": {\"program\": \"ffm\", \"kinds\": [\"registration\"], \"token\": \"$(random)\"},
  \"mail\": {\"program\": \"bewellnm\", \"kinds\": [\"bounces\"], \"token\": \"$(random)\"}
}"
keep certify_database_url "postgresql+psycopg://certify:$(cat certify_db_password)@postgresql:5432/certify"
keep certify_migration_url "postgresql+psycopg://certify_owner:$(cat certify_owner_db_password)@postgresql:5432/certify"
# The application has the token's hash and its last day; whoever acts with it has the token.
keep staff_token "$(random)"
last_day="$(($(date -u +%Y) + 1))-$(date -u +%m)-01"
hash="$(openssl dgst -sha256 -r staff_token | cut -d ' ' -f 1)"
keep certify_staff_tokens "{\"staff\": \"sha256:$hash until $last_day\"}"
# So has an intake partner.
keep intake_token "$(random)"
hash="$(openssl dgst -sha256 -r intake_token | cut -d ' ' -f 1)"
keep certify_intake_tokens "{\"intake\": \"sha256:$hash until $last_day\"}"
keep certify_smtp_password ""
# The secret at a provider that proofs identity, where there is one.
keep certify_proofing_client_secret ""
# An Absorb LMS that is asked, where there is one: docs/settings.md shows what stands here.
keep certify_absorb null
# The training vendors of the federal program: {"id": {"url": "https://…"}}; each is a sender of its id too.
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
