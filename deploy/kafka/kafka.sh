#!/usr/bin/env bash
# A real Apache Kafka, one node or three, from Maven's artifacts: no Docker, no download page.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: kafka.sh fetch                      resolve the broker's jars with Maven, once
       kafka.sh up DIR [NODES] [PORT]      make a cluster in DIR if there is none, and run it
       kafka.sh format DIR [NODES] [PORT]  make a cluster: NODES is 1 (default) or 3, of which
                                           node N listens on 127.0.0.1, port PORT + N - 1 (9092)
       kafka.sh node DIR N                 run node N of it, as this very process

Needs JDK 17 or newer, and Maven for `fetch`. Variables: KAFKA_LIB (where the jars are; default:
lib beside this script), KAFKA_HEAP (default: 512m).
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lib=${KAFKA_LIB:-$here/lib}
heap=${KAFKA_HEAP:-512m}

fail() {
  echo "kafka.sh: $*" >&2
  exit 1
}

# The stamp is named by what was resolved: another version in the pom is fetched again.
fetch() {
  local stamp
  stamp=$lib/.fetched-$(cksum <"$here/pom.xml" | cut -d ' ' -f 1)
  [[ -e $stamp ]] && return 0
  command -v mvn >/dev/null || fail "Maven is needed to fetch the broker (Debian: apt install maven)"
  rm -rf "$lib"
  mvn --batch-mode --quiet --file "$here/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$lib"
  touch "$stamp"
}

# A version of its own: brokers from 4.0 on do not start on an older one.
java_17() {
  command -v java >/dev/null || fail "JDK 17 is needed (Debian: apt install openjdk-17-jre-headless)"
  java -cp "$lib/*" "$@"
}

properties() {
  local dir=$1 node=$2 nodes=$3 port=$4 replicas=1 in_sync=1 quorum
  quorum=1@127.0.0.1:$((port + 100))
  if ((nodes == 3)); then
    replicas=3 in_sync=2
    quorum+=,2@127.0.0.1:$((port + 101)),3@127.0.0.1:$((port + 102))
  fi
  local at=127.0.0.1:$((port + node - 1)) control=127.0.0.1:$((port + node + 99))
  cat <<TEXT
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$quorum
listeners=PLAINTEXT://$at,CONTROLLER://$control
advertised.listeners=PLAINTEXT://$at,CONTROLLER://$control
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$dir/node-$node/data
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
# 128 MiB by default, allocated at the start: too much for a small heap
log.cleaner.dedupe.buffer.size=2097152
TEXT
}

logging() {
  cat <<'TEXT'
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %-5p %m (%c{1})%n
TEXT
}

format() {
  local dir=$1 nodes=${2:-1} port=${3:-9092} cluster node
  [[ $nodes == 1 || $nodes == 3 ]] || fail "a cluster has 1 node or 3, not $nodes"
  [[ -e $dir/nodes ]] && fail "$dir holds a cluster already"
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  cluster=$(tr -d - </proc/sys/kernel/random/uuid)
  logging >"$dir/log4j2.properties"
  for ((node = 1; node <= nodes; node++)); do
    mkdir -p "$dir/node-$node"
    properties "$dir" "$node" "$nodes" "$port" >"$dir/node-$node/server.properties"
    java_17 -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$dir/log4j2.properties" \
      kafka.tools.StorageTool format --cluster-id "$cluster" \
      --config "$dir/node-$node/server.properties" >/dev/null
  done
  echo "$nodes" >"$dir/nodes"
}

run_node() {
  local dir=$1 node=$2
  [[ -e $dir/node-$node/server.properties ]] || fail "$dir has no node $node"
  dir=$(cd "$dir" && pwd)
  command -v java >/dev/null || fail "JDK 17 is needed (Debian: apt install openjdk-17-jre-headless)"
  exec java -Xms64m -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile="$dir/log4j2.properties" -cp "$lib/*" \
    kafka.Kafka "$dir/node-$node/server.properties"
}

up() {
  local dir=$1 node pids=()
  [[ -e $dir/nodes ]] || format "$@"
  trap 'kill "${pids[@]}" 2>/dev/null || true' EXIT
  trap 'exit 0' INT TERM
  for ((node = 1; node <= $(cat "$dir/nodes"); node++)); do
    (run_node "$dir" "$node") &
    pids+=($!)
  done
  wait
}

case ${1:-} in
  fetch) fetch ;;
  format) shift && (($#)) || { usage >&2; exit 2; }; fetch; format "$@" ;;
  node) (($# == 3)) || { usage >&2; exit 2; }; run_node "$2" "$3" ;;
  up) shift && (($#)) || { usage >&2; exit 2; }; fetch; up "$@" ;;
  -h | --help | help) usage ;;
  *) usage >&2; exit 2 ;;
esac
