# Takes away the base's own sources of apt.
envd_begin
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
envd_end
