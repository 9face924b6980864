#!/bin/sh
# Gives Temporal the namespace, its retention and the search attributes. Safe to run again.
# Reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

patiently() { # COMMAND… until it succeeds, a minute long; what it said last is shown when it never does
    for _ in $(seq 30); do
        if said=$("$@" 2>&1); then return; fi
        sleep 2
    done
    echo "$said" >&2
    return 1
}

attribute() { # NAME TYPE
    patiently temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$1" --type "$2"
}

patiently temporal operator cluster health
if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    verb=update
else
    verb=create
fi
patiently temporal operator namespace "$verb" --namespace "$TEMPORAL_NAMESPACE" --retention 3650d

attribute Program Keyword
attribute PlanYear Int
attribute AssisterKind Keyword
attribute Stage Keyword
attribute WaitingFor Keyword
attribute WaitsOn Keyword
attribute WaitingSince Datetime
temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -cE '^ *(Program|PlanYear|AssisterKind|Stage|WaitingFor|WaitsOn|WaitingSince) ' | grep -qx 7
echo "Namespace $TEMPORAL_NAMESPACE is ready."
