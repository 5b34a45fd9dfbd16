# Installs packages of Julia into the depot: by three, a name, a version or empty, an address or empty.
envd_begin
umask 022
julia --startup-file=no -e '
using Pkg
specs = PackageSpec[]
for i in 1:3:length(ARGS)
    name, version, url = ARGS[i:i+2]
    push!(specs, isempty(url) ? (isempty(version) ? PackageSpec(name=name) : PackageSpec(name=name, version=version)) : (isempty(version) ? PackageSpec(url=url) : PackageSpec(url=url, rev=version)))
end
Pkg.add(specs)' "$@"
rm -rf "$JULIA_DEPOT_PATH/logs" "$JULIA_DEPOT_PATH/registries"
envd_end
