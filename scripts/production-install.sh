#!/usr/bin/env bash
# Installs a copy of the working tree by the README's recipe for production, measures what that leaves, and runs it on each Node
# whose folder is given, on the one of PATH otherwise (production-run.mjs says what it must do). Needs TEST_DATABASE_URL:
#   scripts/with-postgres.sh scripts/production-install.sh [FOLDER-OF-A-NODE…]
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")/.."

max_packages=130
max_megabytes=200

[ $# -gt 0 ] || set -- "$(dirname "$(command -v node)")"
: "${TEST_DATABASE_URL:?names no PostgreSQL server. For a throwaway one: scripts/with-postgres.sh scripts/production-install.sh}"

recipe=$(sed -n '/^For production install/,/^## /s/^npm ci .*/&/p' README.md)
[ "$(wc -l <<<"$recipe")" = 1 ] && [ -n "$recipe" ] || { echo "README.md has no one recipe for production: $recipe" >&2; exit 1; }

temp=$(mktemp -d /tmp/credentials-gateway-production.XXXXXX)
trap 'rm -rf "$temp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$temp/gateway"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$temp/gateway"

echo "$recipe"
(cd "$temp/gateway" && bash -euc "$recipe")

# An installed folder is one package, wherever it lies; a package.json inside it that only says how to read its files is none.
packages=$(cd "$temp/gateway" && find node_modules -name package.json -print0 |
  xargs -0 node -e 'console.log(process.argv.slice(1).filter((file) => { const { name, version } = JSON.parse(fs.readFileSync(file)); return name && version }).length)')
megabytes=$(du -sm "$temp/gateway/node_modules" | cut -f 1)
echo "$packages packages, $megabytes MB"
if [ "$packages" -gt "$max_packages" ] || [ "$megabytes" -gt "$max_megabytes" ]; then
  echo "At most $max_packages packages and $max_megabytes MB are allowed. The largest:" >&2
  (cd "$temp/gateway/node_modules" && du -sm -- * @*/* | sort -rn | sed -n 1,10p) >&2
  exit 1
fi

for programs in "$@"; do
  PATH="$programs:$PATH" node scripts/production-run.mjs "$temp/gateway"
done
