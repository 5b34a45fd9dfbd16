// Two cores, and an engine that does most of the work: two tests at a time keep both busy.
[assembly: Parallelize(Workers = 2, Scope = ExecutionScope.MethodLevel)]
[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]
