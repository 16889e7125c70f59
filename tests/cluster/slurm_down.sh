#!/usr/bin/env bash
# Cancel the jobs of a Slurm that slurm_up.sh has started, and end its daemons: slurm_down.sh FOLDER
set -uo pipefail
folder=$(realpath -m "${1:?usage: slurm_down.sh FOLDER}")
export SLURM_CONF=$folder/slurm.conf

is_it() { [ "$(cat "/proc/$1/comm" 2> /dev/null)" = "$2" ]; }
end() { # the process of a pid file, if it is the one that wrote it
    local pid
    pid=$(cat "$2" 2> /dev/null) && is_it "$pid" "$1" || return 0
    kill "$pid"
    for _ in $(seq 50); do is_it "$pid" "$1" || break; sleep 0.2; done
    if is_it "$pid" "$1"; then kill -9 "$pid"; fi
    rm -f "$2"
}

if [ -e "$SLURM_CONF" ] && timeout 10 sinfo > /dev/null 2>&1; then
    timeout 10 scancel --user="$(id -un)"
    for _ in $(seq 100); do [ -z "$(timeout 10 squeue --noheader)" ] && break; sleep 0.2; done
fi
end slurmd "$folder/slurmd.pid"
end slurmctld "$folder/slurmctld.pid"
end munged "$folder/munge/pid"
