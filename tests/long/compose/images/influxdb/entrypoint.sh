#!/bin/bash
# What the official image does with its variables: without data, and with DOCKER_INFLUXDB_INIT_MODE=setup, a server on
# another port is told user, organisation and bucket; then, and whenever there is data, the server proper is started.
set -eo pipefail

export INFLUXD_CONFIG_PATH=${INFLUXD_CONFIG_PATH:-/etc/defaults/influxdb2/config.yml}
bolt=${INFLUXD_BOLT_PATH:-/var/lib/influxdb2/influxd.bolt}
engine=${INFLUXD_ENGINE_PATH:-/var/lib/influxdb2/engine}

fail() {
    echo "lvl=error msg=\"$1\" system=docker $2" >&2
    exit 1
}

# VARIABLE_FILE names a file whose text is VARIABLE.
for name in USERNAME PASSWORD ADMIN_TOKEN; do
    variable=DOCKER_INFLUXDB_INIT_$name file=DOCKER_INFLUXDB_INIT_${name}_FILE
    if [[ -n ${!file} ]]; then
        if [[ -e ${!file} ]]; then
            declare "$variable=$(cat "${!file}")"
        else
            echo "$file defined, but file not existing, skipping."
        fi
    fi
done

seconds() { # of a duration such as 30d; 0 is for ever
    local -r number=${1%[a-z]}
    case $1 in
        "" | 0) echo 0 ;;
        *h) echo $((number * 3600)) ;;
        *d) echo $((number * 86400)) ;;
        *w) echo $((number * 604800)) ;;
        *) fail "invalid retention period" "$1" ;;
    esac
}

# What fails half-way leaves no data, or the next start would take it for a server that is set up.
clean() {
    rm -rf "$bolt" "${engine:?}"/*
}

setup() {
    [[ $DOCKER_INFLUXDB_INIT_MODE == setup ]] \
        || fail "found invalid DOCKER_INFLUXDB_INIT_MODE, valid values are 'setup' and 'upgrade'" "$DOCKER_INFLUXDB_INIT_MODE"
    for name in USERNAME PASSWORD ORG BUCKET; do
        variable=DOCKER_INFLUXDB_INIT_$name
        [[ -n ${!variable} ]] || fail "missing parameter, cannot init InfluxDB" "parameter: $variable"
    done
    trap clean EXIT
    local -r url=http://localhost:$INFLUXD_INIT_PORT
    INFLUXD_HTTP_BIND_ADDRESS=:$INFLUXD_INIT_PORT influxd &
    local -r server=$!
    for ((attempt = 0; ; attempt++)); do
        curl --silent --fail --output /dev/null "$url/health" && break
        kill -0 "$server" || fail "influxd crashed during startup"
        [[ $attempt -lt $INFLUXD_INIT_PING_ATTEMPTS ]] || fail "influxd took too long to start up"
        sleep 1
    done
    local retention
    retention=$(seconds "$DOCKER_INFLUXDB_INIT_RETENTION")
    # The values are put into JSON as they are: none of the stack's holds a quote or a backslash.
    curl --silent --show-error --fail-with-body --output /dev/null "$url/api/v2/setup" --json @- <<END
{"username": "$DOCKER_INFLUXDB_INIT_USERNAME", "password": "$DOCKER_INFLUXDB_INIT_PASSWORD",
 "org": "$DOCKER_INFLUXDB_INIT_ORG", "bucket": "$DOCKER_INFLUXDB_INIT_BUCKET",
 "retentionPeriodSeconds": $retention, "token": "$DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"}
END
    kill -TERM "$server"
    wait "$server" || true
    trap - EXIT
}

mkdir -p "$(dirname "$bolt")" "$engine"
chmod 700 "$(dirname "$bolt")" "$engine"
if [[ ! -f $bolt && -n $DOCKER_INFLUXDB_INIT_MODE ]]; then
    setup
fi
if [[ $(id -u) == 0 ]]; then
    chown -R influxdb /var/lib/influxdb2 /etc/influxdb2
    exec setpriv --reuid=influxdb --regid=influxdb --init-groups "$@"
fi
exec "$@"
