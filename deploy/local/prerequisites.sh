#!/usr/bin/env bash
# Prints the path of a Python that fits, once Python, a JDK and Maven are there. As root on Debian it installs what is
# missing; otherwise it says in one line what to install. What it does goes to standard error.
set -euo pipefail

oldest_java=17
needed_mb=3600 # the environment takes 700 MB, the checkers 650 MB, jars and data 500 MB, a run of the tests as much again

. "$(dirname "$0")/install.sh"

# A Python that is new enough and can make virtual environments.
find_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      command -v "$name"
      return 0
    fi
  done
  return 1
}

java_fits() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p;T;q') || return 1
  [ "${version:-0}" -ge "$oldest_java" ]
}

free_mb=$(df -Pm . | awk 'NR == 2 { print $4 }')
[ "$free_mb" -ge "$needed_mb" ] || give_up "the disk of $PWD has $free_mb MB free and $needed_mb MB are needed; make room"

find_python > /dev/null || install "Python 3.11 or newer" python3 python3-venv
find_python || give_up "found no Python 3.11 or newer with venv; install one"

if [ -z "${CAKUPAN_KAFKA_BOOTSTRAP:-}" ]; then
  java_fits || install "JDK $oldest_java or newer" default-jdk-headless
  java_fits || give_up "found no Java $oldest_java or newer; install one and put it first on the PATH"
  command -v mvn > /dev/null || install "Maven" maven
fi

# mongod comes in a wheel and needs this one library of the system.
if [ -z "${CAKUPAN_MONGODB_URI:-}" ] && [ "$(uname)" = Linux ] && command -v ldconfig > /dev/null; then
  ldconfig -p | grep 'libcurl\.so\.4' > /dev/null || install "libcurl" libcurl4
fi
