#!/bin/sh
# Runs once, when PostgreSQL's volume is empty: one role and its databases for Temporal; for the
# application a role that owns its database and migrates it, and one that works with what it is granted there.
set -eu

create() { # ROLE DATABASE…
    role=$1
    shift
    # The password goes through psql's own quoting, never into a command line.
    psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
\\set password \`cat /run/secrets/${role}_db_password\`
CREATE ROLE $role LOGIN PASSWORD :'password';
SQL
    for database; do
        createdb --username "$POSTGRES_USER" --owner "$role" "$database"
    done
}

create temporal temporal temporal_visibility
create certify_owner certify
create certify
