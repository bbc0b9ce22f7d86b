#!/bin/sh
# Run make targets on a copy of this checkout as an ordinary user (needs root to become one).
#   scripts/as_ordinary_user.sh demo
#   scripts/as_ordinary_user.sh test ARGS='-k sandbox'
# The user and its home are made for the run and removed after it.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "agentdb: run this as root; as an ordinary user call make itself" >&2; exit 1; }

user=agentdb-visitor
home=$(mktemp -d "${TMPDIR:-/tmp}/agentdb-visitor.XXXXXX")
checkout=$home/agentdb

as_visitor() {
    runuser -u "$user" -- env -i HOME="$home" TMPDIR="$home/tmp" LANG=C.UTF-8 \
        PATH=/usr/local/bin:/usr/bin:/bin "$@"
}

leave() {
    as_visitor "$checkout/.venv/bin/python" -m agentdb server stop >/dev/null 2>&1 || true
    userdel "$user" 2>/dev/null || true
    rm -rf "$home"
}

useradd --system --home-dir "$home" --shell /bin/sh "$user"
trap leave EXIT
trap 'exit 130' INT TERM

mkdir "$checkout" "$home/tmp"
tar --create --exclude=./.git --exclude=./.venv --exclude=__pycache__ . | tar --extract --directory "$checkout"
# The package index is the caller's.
for config in "$HOME/.config/pip" "$HOME/.pip"; do
    [ ! -d "$config" ] || { mkdir -p "$home/.config" && cp -R "$config" "$home/.config/pip"; }
done
chown -R "$user" "$home"
as_visitor make --directory "$checkout" "$@"
