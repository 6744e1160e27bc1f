/** What programs say when a limit is reached. */
import { type SaidRule, withOptions } from "./said-rule.ts";

/** Rows in the order in which they are tried. */
export const limitWords: readonly SaidRule[] = [
  {
    id: "processes-limit",
    pattern:
      /(?:can'?t fork|fork|pthread_create|unable to create (?:new )?(?:native )?thread|Cannot spawn)[^\n]*(?:resource temporarily unavailable|EAGAIN)|Resource temporarily unavailable[^\n]*fork|unable to create new native thread/i,
    cause: (_, { pidsLimit }) =>
      pidsLimit === null
        ? "it may not start more processes: the limit of its user or of its cgroup is reached"
        : `it may not have more than ${pidsLimit} processes and threads at a time`,
    facts: ({ pidsLimit }) => (pidsLimit === null ? [] : [`pids limit ${pidsLimit}`]),
    change: (_, { pidsLimit, canLimit }) =>
      canLimit && pidsLimit !== null
        ? { options: ["--pids-limit", `${Math.max(pidsLimit * 4, 64)}`], without: ["--pids-limit"] }
        : { options: ["--ulimit", "nproc=-1"], without: [] },
  },
  {
    id: "files-limit",
    pattern: /too many open files|EMFILE|can't duplicate fd|file descriptor limit/i,
    when: (_, { input = "" }) => !/inotify/i.test(input),
    cause: (_, { filesLimit }) =>
      filesLimit === null
        ? "it has as many files open as it may"
        : `it may not have more than ${filesLimit} files open at a time`,
    facts: ({ filesLimit }) => (filesLimit === null ? [] : [`ulimit nofile ${filesLimit}`]),
    change: () => ({ options: ["--ulimit", "nofile=1024"], without: ["--ulimit"] }),
  },
  {
    id: "inotify-limit",
    pattern:
      /inotify[^\n]*(?:no space left|too many open files|limit|watches)|(?:no space left|limit)[^\n]*inotify|ENOSPC: System limit for number of file watchers|max_user_(?:watches|instances)/i,
    cause: () => "the host's limit of files that may be watched (inotify) is reached",
    cures: () => [
      "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024",
    ],
  },
  {
    id: "map-count",
    pattern: /vm\.max_map_count \[?(\d+)\]? is too low/,
    cause: ([, count]) => `the host's vm.max_map_count of ${count} is too low for it`,
    cures: () => ["sudo sysctl vm.max_map_count=262144"],
  },
  {
    id: "transparent-huge",
    pattern: /WARNING Memory overcommit must be enabled/,
    when: ({ exitCode }) => exitCode !== 0,
    cause: () => "the host does not allow memory to be overcommitted",
    cures: () => ["sudo sysctl vm.overcommit_memory=1"],
  },
  {
    id: "heap-full",
    pattern:
      /java\.lang\.OutOfMemoryError: (\S[^\n]*)|JavaScript heap out of memory|MemoryError\b|fatal error: runtime: out of memory/,
    cause: ([, why]) => `the program's own heap is full${why === undefined ? "" : ` (${why})`}`,
    change: ([text]) =>
      text.startsWith("JavaScript")
        ? withOptions("-e", "NODE_OPTIONS=--max-old-space-size=4096")
        : text.startsWith("java")
          ? withOptions("-e", "JAVA_TOOL_OPTIONS=-XX:MaxRAMPercentage=75")
          : null,
    facts: ({ memoryBytes }) => [
      memoryBytes === null ? "it has no memory limit" : `memory limit ${memoryBytes} bytes`,
    ],
    advice: () => "and give it more with --memory, where that is what limits it",
  },
  {
    id: "memory-lock",
    pattern:
      /(?:mlock|memory lock|locked memory|RLIMIT_MEMLOCK)[^\n]*(?:cannot allocate|not permitted|too low|fail|limit)/i,
    cause: () => "it may not lock as much memory as it wants",
    change: () => withOptions("--ulimit", "memlock=-1"),
  },
  {
    id: "no-memory",
    pattern: /cannot allocate memory|ENOMEM|out of memory/i,
    cause: (_, { memoryBytes }) =>
      memoryBytes === null
        ? "it got no more memory: the machine, or a limit of its own (ulimit), has none left"
        : "it got no more memory: its limit is reached",
    facts: ({ memoryBytes }) => (memoryBytes === null ? [] : [`memory limit ${memoryBytes} bytes`]),
    change: (_, { memoryBytes, canLimit }) =>
      memoryBytes === null || !canLimit
        ? null
        : {
            options: ["--memory", `${Math.ceil((memoryBytes * 2) / (1 << 20))}m`],
            without: ["--memory", "-m", "--memory-swap"],
          },
    advice: (_, { memoryBytes }) => (memoryBytes === null ? "see what is free: free -h" : null),
  },
  {
    id: "file-size-limit",
    pattern: /file too large|EFBIG|File size limit exceeded/i,
    cause: () => "it may not write a file that large (ulimit fsize)",
    change: () => ({ options: ["--ulimit", "fsize=-1"], without: ["--ulimit"] }),
  },
];
