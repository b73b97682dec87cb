#!/usr/bin/env bash
# Holds the description of the REST routes to what two public linters ask of OpenAPI documents. They bring hundreds of packages, so they
# are installed for this alone, into a temporary folder. Needs `npm ci` (which builds) before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
temp=$(mktemp -d "/tmp/credentials-gateway-openapi.XXXXXX")
trap 'rm -rf "$temp"' EXIT

node --input-type=module -e '
import { describeRoutes } from "./dist/rest/openapi.js"
import { routes } from "./dist/rest/routes.js"
process.stdout.write(JSON.stringify(describeRoutes(routes), null, 2))' >"$temp/openapi.json"
echo 'extends: ["spectral:oas"]' >"$temp/.spectral.yaml"

npm install --loglevel=error --no-audit --no-fund --no-save --prefix "$temp" @stoplight/spectral-cli@6.16.3 @redocly/cli@2.77.0
cd "$temp"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/spectral lint --ruleset .spectral.yaml --fail-severity error openapi.json
node_modules/.bin/redocly lint --extends recommended openapi.json
