#!/usr/bin/env bash
# Start a Slurm of one node, this machine, as plain processes of the user: slurm_up.sh FOLDER [PORT]
# All it writes lies in FOLDER; PORT and the one after it are taken. What runs already is left as it is.
# Prints the line that makes Slurm's commands use it. Ends with 1, and says why, where it cannot be started.
set -euo pipefail
folder=$(realpath -m "${1:?usage: slurm_up.sh FOLDER [PORT]}")
port=${2:-16917}
host=$(hostname -s)
user=$(id -un)
cores=$(($(nproc) > 4 ? $(nproc) : 4)) # jobs of a few cores can be tried on a small machine too
export SLURM_CONF=$folder/slurm.conf

fail() { echo "slurm_up.sh: $*" >&2; exit 1; }

PATH=$PATH:/usr/sbin:/sbin
for program in munged slurmctld slurmd sbatch squeue scontrol; do
    command -v "$program" > /dev/null || fail "no $program here (Debian: slurm-wlm and munge)"
done
# Slurm splits its configuration at blanks.
case $folder in *[[:space:]]*) fail "the folder's name has a blank in it: $folder" ;; esac

runs() { # whether the process of a pid file is the one that wrote it
    [ -s "$1" ] && [ "$(cat "/proc/$(cat "$1")/comm" 2> /dev/null)" = "$2" ]
}
wait_for() { # seconds, what, then a command that succeeds once it is there
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $until ] || fail "$what; see the logs in $folder"
        sleep 0.2
    done
}
node_is_up() { sinfo --noheader --format=%t | grep -qxE 'idle|mix|alloc'; }

# munged insists on parents that only their owner writes to, or that are sticky.
mkdir -p -m 755 "$folder" "$folder/state" "$folder/spool"
mkdir -p -m 700 "$folder/munge"
if [ ! -s "$folder/munge/key" ]; then
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key")
fi

cat > "$SLURM_CONF" << END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=10
MinJobAge=300
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$(($(awk '/^MemTotal/ {print $2}' /proc/meminfo) / 1100)) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
END

if ! runs "$folder/munge/pid" munged; then
    munged --force --num-threads=2 --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" \
        || fail "munged does not start"
fi
wait_for 10 "munged does not answer" test -S "$folder/munge/socket"
runs "$folder/slurmctld.pid" slurmctld || slurmctld || fail "slurmctld does not start"
wait_for 30 "slurmctld does not answer" sinfo
runs "$folder/slurmd.pid" slurmd || slurmd -N "$host" || fail "slurmd does not start"
wait_for 30 "the node does not come up" node_is_up
echo "export SLURM_CONF=$SLURM_CONF"
