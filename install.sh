#!/bin/sh
# Installs Cooper: what it stands on, the binary, and shell completions. Safe to run again.
set -eu

usage() {
  cat <<'EOF'
Usage: ./install.sh [--prefix DIR] [--uninstall]

Installs the Debian packages that Cooper stands on, builds it, and puts it below
DIR (default /usr/local). Asks sudo by itself for what an ordinary user may not do.
Below /usr/local and /usr also enables cooper-restart.service, of the system and of
each user: it starts containers at boot whose restart policy asks for that.

  --prefix DIR   install below DIR: DIR/bin/cooper, DIR/share/...
  --uninstall    take away what was put there; Debian packages and your
                 containers and images stay
EOF
}

prefix=/usr/local
action=install
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) prefix=${2:?install.sh: --prefix needs a directory}; shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --uninstall) action=uninstall ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac

# A command as root, where the caller is not.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo > /dev/null; then sudo "$@"
  else echo "install.sh: '$*' needs root, and there is no sudo" >&2; exit 1
  fi
}

# A command that writes below the prefix: as root only where the caller may not.
below_prefix() {
  existing=$prefix
  while [ ! -e "$existing" ]; do existing=$(dirname "$existing"); done
  if [ -w "$existing" ] && { [ ! -e "$prefix/bin" ] || [ -w "$prefix/bin" ]; }; then "$@"; else as_root "$@"; fi
}

bash_completion=$prefix/share/bash-completion/completions/cooper
zsh_completion=$prefix/share/zsh/site-functions/_cooper
fish_completion=$prefix/share/fish/vendor_completions.d/cooper.fish

# Where systemd looks for units that no package has brought (systemd.unit(5)).
case $prefix in /usr | /usr/local) units=$prefix/lib/systemd ;; *) units= ;; esac
unit_names="cooper-restart.service cooper.socket cooper.service"
# Has systemd begin (enable) or no longer begin (disable) with containers at boot.
at_boot() {
  if command -v systemctl > /dev/null; then
    as_root systemctl "$1" --quiet cooper-restart.service
    as_root systemctl --global "$1" --quiet cooper-restart.service
  fi
}

if [ "$action" = uninstall ]; then
  if [ -n "$units" ] && [ -e "$units/system/cooper-restart.service" ]; then
    at_boot disable
    for kind in system user; do
      for unit in $unit_names; do below_prefix rm -f "$units/$kind/$unit"; done
      below_prefix rm -rf "$units/$kind/cooper-.scope.d"
    done
  fi
  below_prefix rm -f "$prefix/bin/cooper" "$bash_completion" "$zsh_completion" "$fish_completion"
  echo "Removed cooper from $prefix. Debian packages, containers and images stay."
  exit 0
fi

cd "$(dirname "$0")"
packages="conmon crun catatonit uidmap busybox-static util-linux iproute2 nftables passt aardvark-dns"
# crun refuses hosts that have controllers in both versions of cgroups
if [ -n "$(cat /sys/fs/cgroup/unified/cgroup.controllers 2> /dev/null)" ]; then packages="$packages runc"; fi
# shellcheck source=/dev/null
. /etc/os-release 2> /dev/null || ID=unknown
case " $ID ${ID_LIKE:-} " in
  *" debian "*) ;;
  *)
    echo "install.sh: this is not Debian. Install these programs, then run scripts/build:" >&2
    echo "  conmon, crun (or runc), catatonit, newuidmap (uidmap or shadow-utils), a static busybox, util-linux, iproute2, nftables, passt, aardvark-dns" >&2
    exit 1
    ;;
esac
missing=
for package in $packages; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null | grep -q '^installed$' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "Installing$missing"
  as_root apt-get update -qq
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null
fi

command -v npm > /dev/null || { echo "install.sh: npm is missing (Debian: apt-get install npm)" >&2; exit 1; }
if [ ! -x node_modules/.bin/bun ]; then
  echo "Fetching what the build needs from the npm registry"
  npm install --no-audit --no-fund --loglevel=error > /dev/null || {
    echo "install.sh: npm install failed; its reasons are above" >&2
    exit 1
  }
fi
echo "Building"
scripts/build

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for shell in bash zsh fish; do dist/cooper completion "$shell" > "$scratch/$shell"; done
# In the pieces of scripts/build, for the same reason.
below_prefix install -D -m 755 /dev/null "$prefix/bin/cooper.new"
below_prefix dd if=dist/cooper of="$prefix/bin/cooper.new" bs=512K status=none
below_prefix mv -f "$prefix/bin/cooper.new" "$prefix/bin/cooper"
below_prefix install -D -m 644 "$scratch/bash" "$bash_completion"
below_prefix install -D -m 644 "$scratch/zsh" "$zsh_completion"
below_prefix install -D -m 644 "$scratch/fish" "$fish_completion"

if [ -n "$units" ]; then
  for kind in system user; do
    for unit in $unit_names; do
      sed "s|/usr/local/|$prefix/|" "systemd/$kind/$unit" > "$scratch/unit"
      below_prefix install -D -m 644 "$scratch/unit" "$units/$kind/$unit"
    done
    below_prefix install -D -m 644 "systemd/$kind/cooper-.scope.d/stop-order.conf" \
      "$units/$kind/cooper-.scope.d/stop-order.conf"
  done
  at_boot enable
fi

echo "Installed $prefix/bin/cooper"
if [ "$(id -u)" != 0 ] && ! grep -q "^$(id -un):" /etc/subuid 2> /dev/null; then
  echo "Note: you have no subordinate ids, so all files in containers will belong to you. To get some:"
  echo "  sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
fi
