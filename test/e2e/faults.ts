/** Faults that are seeded into containers, and the causes that `cooper why` must name: data, a row each. */

/** What a fault is made of. Its container is `x`, unless it says otherwise. */
export interface Fault {
  readonly title: string;
  /** Options and image and command of `run --name x`. `DIR` stands for a directory of the test's own. */
  readonly run: readonly string[];
  /** The rule that must have found the cause. */
  readonly id: string;
  /** In the sentence that names it. */
  readonly cause: RegExp;
  /** Whether its commands, pasted into a shell, mend it: the last one then ends with 0. `offered`: they need a machine. */
  readonly fix?: "works" | "offered";
  /** Only as root, and why. */
  readonly rootOnly?: string;
  /** Only as an ordinary user, and why. */
  readonly rootlessOnly?: string;
  /** What else is done before `why` is asked. */
  readonly after?: readonly (readonly string[])[];
}

const limits = "an ordinary user of this host's cgroups (v1) cannot set limits";

/** Files in `DIR`, which every row may mount; text, or bytes. */
export const faultFiles: Readonly<
  Record<string, { readonly mode: number; readonly content: string | Uint8Array }>
> = {
  "no-bash": { mode: 0o755, content: "#!/bin/bash\nexit 0\n" },
  "no-python": { mode: 0o755, content: "#!/usr/bin/env python3\nexit 0\n" },
  crlf: { mode: 0o755, content: "#!/bin/sh\r\nexit 0\r\n" },
  "no-first-line": { mode: 0o755, content: "exit 0\n" },
  "not-executable": { mode: 0o644, content: "#!/bin/sh\nexit 0\n" },
  empty: { mode: 0o755, content: "" },
  data: { mode: 0o755, content: new Uint8Array([0, 1, 2, 3, 0, 0, 0, 0, 5]) },
  "for-arm": { mode: 0o755, content: elf(183, null) },
  "for-glibc": { mode: 0o755, content: elf(62, "/lib64/ld-linux-none.so.2") },
  "for-musl": { mode: 0o755, content: elf(62, "/lib/ld-musl-none.so.1") },
  "bad.conf": { mode: 0o600, content: "x = 1\n" },
};

/** An ELF file (elf(5)) that gets no further than its machine, or the loader that it asks for. */
function elf(machine: number, loader: string | null): Uint8Array {
  const bytes = Buffer.alloc(256);
  bytes.write("\x7fELF\x02\x01\x01", 0, "latin1");
  bytes.writeUInt16LE(2, 16); // ET_EXEC
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(loader === null ? 0 : 1, 56);
  if (loader === null) return bytes;
  bytes.writeUInt32LE(3, 64); // PT_INTERP
  bytes.writeUInt32LE(4, 68);
  bytes.writeBigUInt64LE(128n, 72);
  bytes.writeBigUInt64LE(BigInt(loader.length + 1), 96);
  bytes.writeBigUInt64LE(BigInt(loader.length + 1), 104);
  bytes.write(loader, 128, "latin1");
  return bytes;
}

const own = ["-v", "DIR:/i", "hello"];
const says = (line: string, code = 1) => ["hello", "sh", "-c", `echo "${line}" >&2; exit ${code}`];

export const faults: readonly Fault[] = [
  // the program
  {
    title: "a program that the image does not have",
    run: ["hello", "no-such-program"],
    id: "command-missing",
    cause: /no directory of its PATH/,
  },
  {
    title: "a mistyped program",
    run: ["hello", "slepp", "0"],
    id: "command-mistyped",
    cause: /called "sleep"/,
    fix: "works",
  },
  {
    title: "a mistyped path",
    run: ["hello", "/bin/slep", "0"],
    id: "command-mistyped",
    cause: /called "sleep"/,
    fix: "works",
  },
  {
    title: "a path that another directory has",
    run: ["hello", "/usr/local/bin/true"],
    id: "command-elsewhere",
    cause: /the image has it as \/.*bin\/true/,
    fix: "works",
  },
  {
    title: "a program outside of PATH",
    run: ["-e", "PATH=/nowhere", "hello", "true"],
    id: "command-elsewhere",
    cause: /not in the container's PATH/,
    fix: "works",
  },
  {
    title: "a command as one word",
    run: ["hello", "echo hello"],
    id: "command-missing",
    cause: /blanks in its name/,
    fix: "works",
  },
  {
    title: "a directory as a program",
    run: [...own, "/i"],
    id: "command-directory",
    cause: /it is a directory/,
  },
  {
    title: "a script that is not executable",
    run: ["-v", "DIR/not-executable:/x:ro", "hello", "/x"],
    id: "command-not-executable",
    cause: /not executable/,
    fix: "works",
  },
  {
    title: "a script without a first line",
    run: [...own, "/i/no-first-line"],
    id: "script-no-interpreter",
    cause: /without #!/,
    fix: "works",
  },
  {
    title: "a script of Windows",
    run: ["-v", "DIR/crlf:/x:ro", "hello", "/x"],
    id: "script-crlf",
    cause: /carriage return/,
    fix: "works",
  },
  {
    title: "a script for bash without bash",
    run: [...own, "/i/no-bash"],
    id: "script-interpreter",
    cause: /\/bin\/bash is not in the container/,
    fix: "works",
  },
  {
    title: "a script for python by env",
    run: [...own, "/i/no-python"],
    id: "script-env|script-interpreter",
    cause: /python3|\/usr\/bin\/env/,
  },
  {
    title: "an empty program",
    run: [...own, "/i/empty"],
    id: "command-empty",
    cause: /the file is empty/,
  },
  {
    title: "a file that is no program",
    run: [...own, "/i/data"],
    id: "command-format",
    cause: /no program/,
  },
  {
    title: "a program for another processor",
    run: [...own, "/i/for-arm"],
    id: "wrong-architecture",
    cause: /built for arm64/,
  },
  {
    title: "a program for glibc without glibc",
    run: [...own, "/i/for-glibc"],
    id: "loader-missing",
    cause: /ld-linux-none\.so\.2 is not in the container: it is built for glibc/,
  },
  {
    title: "a program for musl without musl",
    run: [...own, "/i/for-musl"],
    id: "loader-missing",
    cause: /built for musl/,
  },
  {
    title: "a library that is not there",
    run: [
      "-v",
      "/bin/true:/x:ro",
      "-v",
      "/lib64/ld-linux-x86-64.so.2:/lib64/ld-linux-x86-64.so.2:ro",
      "hello",
      "/x",
    ],
    id: "library-missing",
    cause: /libc\.so\.6 is not in the image/,
  },
  {
    title: "a C library that is too old",
    run: says("/x: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /x)").map((word) =>
      word.replace("`", "\\`"),
    ),
    id: "library-version",
    cause: /GLIBC_2\.38/,
  },
  {
    title: "a program of glibc on musl",
    run: says("Error relocating /x: __memcpy_chk: symbol not found", 127),
    id: "symbol-missing",
    cause: /musl/,
  },
  {
    title: "a program that a script calls",
    run: ["hello", "sh", "-c", "no-such; exit $?"],
    id: "program-missing",
    cause: /no program "no-such"/,
  },
  {
    title: "a mistyped program in a script",
    run: ["hello", "sh", "-c", "slepp 0"],
    id: "program-missing",
    cause: /called "sleep"/,
    fix: "works",
  },
  {
    title: "a program on a noexec mount",
    run: ["--mount", "type=bind,source=DIR,target=/i,noexec", "hello", "/i/no-first-line"],
    id: "command-noexec",
    cause: /mounted with noexec/,
  },

  // users, permissions and mounts
  {
    title: "a directory on the way that others may not enter",
    run: ["-v", "DIR/closed:/c", "--user", "1000", "hello", "cat", "/c/file"],
    id: "directory-denied",
    cause: /user 1000:0 may not enter \/c/,
    fix: "works",
    rootOnly: "what an ordinary user mounts belongs to the container's user",
  },
  {
    title: "a mount that another user owns",
    run: ["-v", "DIR/of-root:/d", "--user", "1000", "hello", "touch", "/d/new"],
    id: "mount-denied",
    cause: /may not make files in \/d: it belongs to root \(.*of-root on the host\)/,
    fix: "works",
    rootOnly: "what an ordinary user mounts belongs to the container's user",
  },
  {
    title: "a directory of the image that another user owns",
    run: ["--user", "1000", "hello", "touch", "/etc/new"],
    id: "file-denied",
    cause: /may not make files in \/etc: it belongs to root/,
    fix: "works",
  },
  {
    title: "a file that only its owner reads",
    run: ["-v", "DIR/bad.conf:/etc/bad.conf", "--user", "1000", "hello", "cat", "/etc/bad.conf"],
    id: "mount-denied",
    cause: /may not read \/etc\/bad\.conf/,
    fix: "works",
    rootOnly: "what an ordinary user mounts belongs to the container's user",
  },
  {
    title: "root without its powers",
    run: ["-v", "DIR/of-other:/d", "--cap-drop", "all", "hello", "touch", "/d/new"],
    id: "mount-denied",
    cause: /root without CAP_DAC_OVERRIDE may not make files in \/d/,
    fix: "works",
  },
  {
    title: "files that are read-only",
    run: ["--read-only", "hello", "touch", "/new"],
    id: "read-only-root",
    cause: /--read-only/,
    fix: "works",
  },
  {
    title: "a directory of files that are read-only",
    run: ["--read-only", "hello", "touch", "/var/new"],
    id: "read-only-root",
    cause: /--read-only/,
    fix: "works",
  },
  {
    title: "a mount that is read-only",
    run: ["-v", "DIR/of-root:/d:ro", "hello", "touch", "/d/new"],
    id: "read-only-mount",
    cause: /\/d is mounted read-only/,
    fix: "works",
  },
  {
    title: "a file that is not there",
    run: ["hello", "cat", "/etc/no.conf"],
    id: "file-missing",
    cause: /no \/etc\/no\.conf/,
  },
  {
    title: "a directory on the way that is not there",
    run: ["hello", "cat", "/srv/no/no.conf"],
    id: "file-missing",
    cause: /no \/srv(\/no)?, on the way/,
  },
  {
    title: "a device that is not there",
    run: ["hello", "cat", "/dev/kmsg"],
    id: "device-missing",
    cause: /no device \/dev\/kmsg/,
    rootOnly: "an ordinary user may not read that device",
    fix: "offered",
  },

  // limits
  {
    title: "too little memory",
    run: ["--memory", "8m", "hello", "sh", "-c", "tail /dev/zero"],
    id: "out-of-memory",
    cause: /more than the 8m/,
    rootOnly: limits,
    fix: "offered",
  },
  {
    title: "too few processes",
    run: ["--pids-limit", "2", "hello", "sh", "-c", "sleep 0.1 & sleep 0.1 & wait"],
    id: "processes-limit",
    cause: /more than 2 processes/,
    rootOnly: limits,
    fix: "works",
  },
  {
    title: "too few files",
    run: [
      "--ulimit",
      "nofile=16",
      "hello",
      "sh",
      "-c",
      "paste $(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do echo /etc/passwd; done)",
    ],
    id: "files-limit",
    cause: /more than 16 files/,
    fix: "works",
  },
  {
    title: "a tmpfs that is full",
    run: ["--tmpfs", "/t:size=64k", "hello", "dd", "if=/dev/zero", "of=/t/x", "bs=128k", "count=1"],
    id: "tmpfs-full",
    cause: /\/t is full/,
    fix: "works",
  },
  {
    title: "shared memory that is full",
    run: [
      "--shm-size",
      "64k",
      "hello",
      "dd",
      "if=/dev/zero",
      "of=/dev/shm/x",
      "bs=128k",
      "count=1",
    ],
    id: "shm-full",
    cause: /\/dev\/shm is full: it has 64k/,
    fix: "works",
  },
  {
    title: "a file that may not be that large",
    run: [
      "--ulimit",
      "fsize=1024",
      "hello",
      "sh",
      "-c",
      "trap '' XFSZ; dd if=/dev/zero of=/x bs=64k count=1",
    ],
    id: "file-size-limit",
    cause: /fsize/,
    fix: "works",
  },
  {
    title: "the time that it may run",
    run: ["--timeout", "1", "hello", "sleep", "3"],
    id: "timeout",
    cause: /longer than the 1 seconds/,
    fix: "works",
  },

  // signals
  {
    title: "a stop that process 1 ignores",
    run: ["-d", "--stop-timeout", "1", "hello", "sleep", "60"],
    after: [["stop", "x"]],
    id: "stop-ignored",
    cause: /did not end within 1 seconds of SIGTERM/,
    fix: "works",
  },
  {
    title: "a stop by its signal",
    run: ["-d", "--init", "hello", "sleep", "60"],
    after: [["stop", "x"]],
    id: "stopped",
    cause: /it was stopped/,
    fix: "works",
  },
  {
    title: "a kill",
    run: ["-d", "hello", "sleep", "60"],
    after: [["kill", "x"]],
    id: "killed",
    cause: /cooper kill/,
    fix: "works",
  },
  {
    title: "a crash",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -SEGV $$'"],
    id: "crashed",
    cause: /crashed/,
  },
  {
    title: "a bus error",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -BUS $$'"],
    id: "bus-error",
    cause: /memory that is not there/,
    fix: "offered",
  },
  {
    title: "an instruction that is not there",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -ILL $$'"],
    id: "illegal-instruction",
    cause: /instruction/,
  },
  {
    title: "a program that gives up",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -ABRT $$'"],
    id: "aborted",
    cause: /gave up/,
  },
  {
    title: "a system call that kills",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -SYS $$'"],
    id: "bad-system-call",
    cause: /seccomp/,
    fix: "offered",
  },
  {
    title: "a kill from nowhere",
    run: ["--init", "hello", "sh", "-c", "sh -c 'kill -KILL $$'"],
    id: "killed-from-outside",
    cause: /from outside/,
  },

  {
    title: "a health check that fails",
    run: [
      "-d",
      "--health-cmd",
      "exit 1",
      "--health-interval",
      "1h",
      "--health-retries",
      "1",
      "hello",
      "sleep",
      "60",
    ],
    after: [["healthcheck", "run", "x"]],
    id: "unhealthy",
    cause: /has failed 1 times in a row/,
    fix: "offered",
  },
  {
    title: "a health check that cannot be run",
    run: [
      "-d",
      "--health-cmd",
      "no-such",
      "--health-interval",
      "1h",
      "--health-retries",
      "1",
      "hello",
      "sleep",
      "60",
    ],
    after: [["healthcheck", "run", "x"]],
    id: "health-command",
    cause: /cannot be run/,
    fix: "offered",
  },
  // capabilities and system calls
  {
    title: "a capability for links",
    run: ["hello", "ifconfig", "lo", "down"],
    id: "capability",
    cause: /CAP_NET_ADMIN/,
    fix: "works",
  },
  {
    title: "a capability for mounts",
    run: ["hello", "mount", "-t", "tmpfs", "none", "/tmp"],
    id: "capability",
    cause: /CAP_SYS_ADMIN/,
    fix: "works",
  },
  {
    title: "a capability for owners",
    run: ["--cap-drop", "CHOWN", "hello", "chown", "1", "/etc"],
    id: "capability",
    cause: /CAP_CHOWN/,
    fix: "works",
  },
  {
    title: "a capability for the root",
    run: ["--cap-drop", "SYS_CHROOT", "hello", "chroot", "/", "true"],
    id: "capability",
    cause: /CAP_SYS_CHROOT/,
    fix: "works",
  },
  {
    title: "a capability for the clock",
    run: [
      "hello",
      "sh",
      "-c",
      "echo 'date: can'\\''t set date: Operation not permitted' >&2; exit 1",
    ],
    id: "capability",
    cause: /CAP_SYS_TIME/,
  },
  {
    title: "owners as another user",
    run: ["--user", "1000", "hello", "chown", "1", "/etc"],
    id: "capability",
    cause: /user 1000:0 does not have CAP_CHOWN/,
    fix: "works",
  },
  {
    title: "an id that is not mapped",
    run: says("chown: /data: Invalid argument"),
    id: "unmapped-id",
    cause: /not mapped/,
    fix: "offered",
  },
  {
    title: "files of a user that is not mapped",
    run: ["-v", "DIR/of-nobody:/d", "hello", "touch", "/d/new"],
    id: "mount-denied",
    cause: /belongs to an id that the container does not have/,
    fix: "works",
    rootlessOnly: "root has all ids",
  },
  {
    title: "a system call of the filter",
    run: says("io_uring_setup: Operation not permitted"),
    id: "system-call",
    cause: /io_uring_setup is forbidden/,
    fix: "offered",
  },

  // network
  {
    title: "a low port as another user",
    run: ["--user", "1000", "hello", "sh", "-c", "httpd -p 80"],
    id: "port-denied",
    cause: /port below 1024/,
    fix: "works",
  },
  {
    title: "a port twice",
    run: ["hello", "sh", "-c", "httpd -p 81 && httpd -p 81"],
    id: "port-taken",
    cause: /two of its own processes/,
  },
  {
    title: "a name without a network",
    run: ["--network", "none", "hello", "wget", "-q", "http://db.invalid/"],
    id: "no-network-names",
    cause: /no network/,
    fix: "offered",
  },
  {
    title: "an address without a network",
    run: ["--network", "none", "hello", "wget", "-q", "http://10.1.2.3/"],
    id: "no-network",
    cause: /no network/,
    fix: "offered",
  },
  {
    title: "localhost meant as the host",
    run: ["hello", "wget", "-q", "http://127.0.0.1:9/"],
    id: "refused-localhost",
    cause: /localhost is the container itself/,
  },
  {
    title: "a certificate that is not trusted",
    run: says("x509: certificate signed by unknown authority"),
    id: "certificate-unknown",
    cause: /not trusted/,
    fix: "offered",
  },

  // what programs ask for
  {
    title: "a variable that is not set",
    run: ["hello", "sh", "-u", "-c", "echo $WANTED"],
    id: "variable-missing",
    cause: /WANTED is not set/,
    fix: "works",
  },
  {
    title: "a database without a password",
    run: says("Error: Database is uninitialized and superuser password is not specified."),
    id: "postgres-password",
    cause: /POSTGRES_PASSWORD/,
    fix: "offered",
  },
  {
    title: "a terminal",
    run: ["hello", "sh", "-c", "test -t 1 || { echo 'not a tty' >&2; exit 1; }"],
    id: "no-terminal",
    cause: /needs a terminal/,
    fix: "offered",
  },
  {
    title: "a shell without input",
    run: ["hello", "sh"],
    id: "no-input",
    cause: /without anything to read/,
    fix: "offered",
  },
  {
    title: "a heap that is full",
    run: says(
      "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
      134,
    ),
    id: "heap-full",
    cause: /heap is full/,
    fix: "offered",
  },
  {
    title: "a sysctl that is too low",
    run: says(
      "max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]",
      78,
    ),
    id: "map-count",
    cause: /max_map_count/,
    fix: "offered",
  },
  {
    title: "no more watches",
    run: says("inotify_add_watch: No space left on device"),
    id: "inotify-limit",
    cause: /inotify/,
    fix: "offered",
  },
];
