#!/usr/bin/env bash
# Makes sure that the browser is there with which tests read the pages. As root on Debian it installs it; otherwise it
# says in one line what to install.
set -euo pipefail
. "$(dirname "$0")/install.sh"

for name in chromium-headless-shell chromium chromium-browser google-chrome; do
  command -v "$name" > /dev/null && exit 0
done
# The same engine without windows: the tests of pages take two thirds of the time.
install "Chromium" chromium-headless-shell
