# Sourced: installs the Debian packages that are missing, or says with which command to.
# need_packages <for what> <advice where it cannot be done, or ""> <package>…
need_packages() {
  local purpose=$1 advice=$2
  shift 2
  [ "$#" -eq 0 ] && return 0
  local install="apt-get install -y --no-install-recommends $*"
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "== installing for $purpose: $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    $install -qq >/dev/null
  else
    echo "Missing for $purpose: $*. Install with: sudo $install" >&2
    [ -z "$advice" ] || echo "$advice" >&2
    return 1
  fi
}
