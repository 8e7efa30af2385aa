#!/usr/bin/env bash
# Makes sure that the browser is there with which tests read the pages. As root on Debian it installs it; otherwise it
# says in one line what to install.
set -euo pipefail
. "$(dirname "$0")/install.sh"

for name in chromium chromium-browser google-chrome; do
  command -v "$name" > /dev/null && exit 0
done
install "Chromium" chromium
