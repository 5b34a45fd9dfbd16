# Installs packages of R: $1 the repository; the rest, by three: a name, a version or empty, an address or empty.
envd_begin
Rscript --vanilla -e '
arguments <- commandArgs(TRUE)
repository <- arguments[1]
wanted <- matrix(arguments[-1], ncol = 3, byrow = TRUE)
options(repos = c(CRAN = repository), Ncpus = if (nzchar(Sys.which("make"))) parallel::detectCores() else 1L, warn = 1)
archived <- function(name, version) {
  for (folder in c("src/contrib", file.path("src/contrib/Archive", name))) {
    address <- sprintf("%s/%s/%s_%s.tar.gz", repository, folder, name, version)
    file <- file.path(tempdir(), basename(address))
    if (tryCatch(suppressWarnings(download.file(address, file, quiet = TRUE)) == 0, error = function(e) FALSE)) return(address)
  }
  stop(sprintf("package %s has no version %s in %s", name, version, repository), call. = FALSE)
}
dependencies <- function(address) {
  file <- file.path(tempdir(), basename(address))
  download.file(address, file, quiet = TRUE)
  name <- sub("_.*", "", basename(file))
  untar(file, exdir = tempdir())
  description <- read.dcf(list.files(file.path(tempdir()), "^DESCRIPTION$", recursive = TRUE, full.names = TRUE)[1])
  fields <- intersect(c("Depends", "Imports", "LinkingTo"), colnames(description))
  found <- trimws(sub("\\(.*", "", unlist(strsplit(description[1, fields], ","))))
  unlink(list.dirs(tempdir(), recursive = FALSE), recursive = TRUE)
  setdiff(found, c("R", rownames(installed.packages())))
}
for (i in seq_len(nrow(wanted))) {
  name <- wanted[i, 1]
  address <- if (nzchar(wanted[i, 3])) wanted[i, 3] else if (nzchar(wanted[i, 2])) archived(name, wanted[i, 2]) else ""
  if (nzchar(address)) {
    needed <- dependencies(address)
    if (length(needed)) install.packages(needed)
    install.packages(address, repos = NULL, type = "source")
  } else install.packages(name)
  if (!name %in% rownames(installed.packages())) stop(sprintf("package %s is not available", name), call. = FALSE)
}' "$@"
envd_end
