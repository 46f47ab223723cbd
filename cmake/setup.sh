#!/usr/bin/env bash
# Installs, with apt-get, what ArchLeak needs and this machine lacks. Does nothing when all is there.
set -euo pipefail
packages=(g++ cmake ninja-build ccache pkg-config git libtorch-dev libopenblas0-openmp libzmq3-dev cppzmq-dev
  libcereal-dev libtbb-dev libspdlog-dev libgtest-dev libgmock-dev libbenchmark-dev libcli11-dev libtomlplusplus-dev
  nlohmann-json3-dev libstb-dev libssl-dev libsqlite3-dev libboost-dev libcurl4-openssl-dev libpcap-dev zlib1g-dev
  gnuplot-nox clang-format python3)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "setup: installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: needs root or sudo to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
