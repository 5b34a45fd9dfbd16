#!/usr/bin/env bash
# Fills the checksums of src/Envd.Core/Tools/tools.json for the versions that stand there: edit a version, run this, review the difference.
#
#   eng/refresh-tools.sh [TOOL]...       all of them without arguments
#
# Each file is downloaded once for each architecture, and compared with the publisher's own checksums where there are some. Needs curl and jq.
set -euo pipefail
cd "$(dirname "$0")/.."
file=src/Envd.Core/Tools/tools.json
for need in curl jq; do command -v "$need" >/dev/null || { echo "refresh-tools.sh: $need is missing" >&2; exit 1; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
if [ $# = 0 ]; then mapfile -t all < <(jq -r 'keys[]' "$file") && set -- "${all[@]}"; fi
for tool; do
  version=$(jq -r --arg t "$tool" '.[$t].version' "$file")
  for architecture in $(jq -r --arg t "$tool" '.[$t].architectures // {any: ""} | keys[]' "$file"); do
    fill() {
      jq -r --arg t "$tool" --arg a "$architecture" --arg v "$version" --arg k "$1" \
        '.[$t] as $x | ($x[$k] // "") | gsub("{version}"; $v) | gsub("{minor}"; $v | split(".")[0:2] | join("."))
          | gsub("{architecture}"; $x.architectures[$a] // "") | gsub("{folder}"; $x.folders[$a] // "")' "$file"
    }
    url=$(fill url)
    if ! curl -fsSL --retry 3 -o "$work/file" "$url"; then
      echo "$tool $architecture: cannot be had" >&2
      failed=1
      continue
    fi
    sum=$(sha256sum "$work/file" | cut -d' ' -f1)
    sums=$(fill checksums)
    if [ -n "$sums" ]; then
      published=$(curl -fsSL --retry 3 "$sums")
      if ! grep -qF -e "$sum" -e "$(sha512sum "$work/file" | cut -d' ' -f1)" <<<"$published"; then
        echo "$tool $architecture: $url does not have the checksum that its publisher states" >&2
        failed=1
        continue
      fi
    fi
    jq --arg t "$tool" --arg a "$architecture" --arg s "$sum" '.[$t].sha256[$a] = $s' "$file" >"$work/json"
    cp "$work/json" "$file"
    echo "$tool $version $architecture $sum"
  done
done
exit $failed
