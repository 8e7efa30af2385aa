# shellcheck shell=bash
# Sourced by scripts that need something of the system.

give_up() {
  echo "Error: $*" >&2
  exit 1
}

may_install() {
  [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get > /dev/null
}

# install WHAT PACKAGE...: packages of Debian, or one line for a person.
install() {
  local what=$1
  shift
  may_install || give_up "found no $what; install it (Debian: apt-get install $*)"
  echo "Installing $what." >&2
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install --yes --no-install-recommends "$@"; } > /dev/null 2>&1 \
    || give_up "apt-get could not install $what; see why with: apt-get install $*"
}
