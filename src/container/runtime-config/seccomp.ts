/**
 * The system calls that containers may make by default, in the format that resolveSeccomp() reads and
 * docker and podman share. What is listed nowhere fails with ENOSYS, so that programs fall back to what
 * they did before that call existed; what is known and refused fails with EPERM.
 *
 * The set follows Podman's current profile (mounts and namespaces are allowed, since the kernel asks for
 * capabilities in a user namespace of one's own anyway), and is stricter in three places: see `sockets`,
 * `socketcall` and `keyctl` below.
 */
import type { ProfileRule, SeccompProfile } from "./seccomp-profile.ts";

/**
 * Allowed to everybody. Not there, and thus ENOSYS: io_uring_* (it goes around every later filter),
 * add_key, request_key and keyctl (keyrings are not namespaced; runc and crun go on without).
 */
const allowed = `
  _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod
  chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
  clock_gettime64 clock_nanosleep clock_nanosleep_time64 clone clone3 close close_range connect
  copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
  epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
  exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_init fanotify_mark
  fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr
  flistxattr flock fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstat64
  fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64
  futex_wait futex_waitv futex_wake futimesat get_mempolicy get_robust_list get_thread_area
  getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32
  getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority
  getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname
  getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init
  inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl
  ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset
  landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr llistxattr
  lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier memfd_create memfd_secret
  mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mount mount_setattr
  move_mount mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64
  mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync
  munlock munlockall munmap name_to_handle_at nanosleep newfstatat open open_tree openat openat2
  pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free
  pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease
  process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2
  read readahead readlink readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 recvmsg
  remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
  rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
  sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
  sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield seccomp select semctl semget semop semtimedop semtimedop_time64 send sendfile
  sendfile64 sendmmsg sendmsg sendto set_mempolicy set_robust_list set_thread_area
  set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
  setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat
  shmctl shmdt shmget shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending
  sigprocmask sigreturn sigsuspend socketpair splice stat stat64 statfs statfs64 statx symlink
  symlinkat sync sync_file_range syncfs sysinfo syslog tee tgkill time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate
  truncate64 ugetrlimit umask umount umount2 uname unlink unlinkat unshare uretprobe utime
  utimensat utimensat_time64 utimes vfork wait4 waitid waitpid write writev
`;

/** Known, and of no use but to attack or to watch others. */
const refused = `
  bdflush cachestat io_pgetevents io_pgetevents_time64 kexec_file_load kexec_load
  map_shadow_stack migrate_pages move_pages nfsservctl nice oldfstat oldlstat oldolduname
  oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapoff
  swapon syscall sysfs uselib userfaultfd ustat vm86 vm86old vmsplice
`;

const words = (text: string) => text.trim().split(/\s+/);

const errno = { EPERM: 1, EINVAL: 22 } as const;

/** Calls that need a capability: allowed with one of them, EPERM without any. */
const byCapability: readonly (readonly [capabilities: readonly string[], calls: string])[] = [
  [["CAP_DAC_READ_SEARCH"], "open_by_handle_at"],
  [["CAP_SYS_ADMIN"], "lookup_dcookie quotactl quotactl_fd setdomainname sethostname"],
  [["CAP_SYS_ADMIN", "CAP_BPF"], "bpf"],
  [["CAP_SYS_ADMIN", "CAP_PERFMON"], "perf_event_open"],
  [["CAP_SYS_CHROOT"], "chroot"],
  [["CAP_SYS_MODULE"], "delete_module finit_module init_module query_module"],
  [["CAP_SYS_PACCT"], "acct"],
  [["CAP_SYS_PTRACE"], "kcmp process_madvise"],
  [["CAP_SYS_RAWIO"], "ioperm iopl"],
  [["CAP_SYS_TIME"], "clock_settime clock_settime64 settimeofday stime"],
  [["CAP_SYS_TTY_CONFIG"], "vhangup"],
];

/**
 * Where libc may know no other way to sockets than socketcall(2): one call for all of them, with its
 * arguments behind a pointer that no filter can follow. On amd64 a 32-bit program would reach AF_ALG
 * with it around the rules below (CVE-2026-31431), so there it is refused, and by a rule of its own:
 * leaving it out is not enough, since libseccomp allows socketcall(n) along with the call it stands
 * for. 32-bit programs linked against glibc need a profile of their own for sockets; musl does not.
 */
const machinesWithSocketcall = "386 s390 s390x";

/** Calls that only some machines have, by GOARCH. */
const byMachine: readonly (readonly [machines: string, calls: string])[] = [
  ["ppc64le", "sync_file_range2 swapcontext"],
  [
    "arm arm64",
    "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
  ],
  ["amd64 x32", "arch_prctl"],
  ["amd64 x32 386", "modify_ldt"],
  ["s390 s390x", "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"],
  ["riscv64", "riscv_flush_icache riscv_hwprobe"],
  [machinesWithSocketcall, "socketcall"],
];

/** personality(2): Linux, 32 bit, UNAME26 and both, and the question. Not ADDR_NO_RANDOMIZE. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const netlink = 16;
const auditProtocol = 9;

/**
 * Address families as blocks `[first, size]` with sizes that are powers of two. Left out, and so ENOSYS:
 * 38, AF_ALG, the kernel's ciphers (CVE-2026-31431); 40, AF_VSOCK, which leads out to the host whatever
 * the network namespace; 16, netlink, which has rules of its own.
 *
 * The kernel reads a family as an int while a filter sees all 64 bits: rules such as "not 38" or "above
 * 40" can be passed with 2^32 + 38, so each block is compared under a mask of 32 bits. There is no rule
 * that refuses the two with EPERM, since libseccomp 2.5 finds that to contradict the masks (EEXIST).
 */
const families: readonly (readonly [first: number, size: number])[] = [
  [0, 16],
  [17, 1],
  [18, 2],
  [20, 4],
  [24, 8],
  [32, 4],
  [36, 2],
  [39, 1],
  [41, 1],
  [42, 2],
  [44, 4],
  [48, 16],
];

const inBlock = (index: number, first: number, size: number) => ({
  index,
  op: "SCMP_CMP_MASKED_EQ",
  value: 0xffffffff - (size - 1),
  valueTwo: first,
});

const allow = { action: "SCMP_ACT_ALLOW" } as const;
const refuse = { action: "SCMP_ACT_ERRNO", errnoRet: errno.EPERM } as const;

/** Rules for one call must not overlap: libseccomp does not say which of them wins. */
const sockets: readonly ProfileRule[] = [
  ...families.map(([first, size]) => ({
    ...allow,
    names: ["socket"],
    args: [inBlock(0, first, size)],
  })),
  {
    ...allow,
    names: ["socket"],
    args: [inBlock(0, netlink, 1)],
    includes: { caps: ["CAP_AUDIT_WRITE"] },
  },
  {
    ...allow,
    names: ["socket"],
    args: [inBlock(0, netlink, 1), { index: 2, op: "SCMP_CMP_NE", value: auditProtocol }],
    excludes: { caps: ["CAP_AUDIT_WRITE"] },
  },
  {
    // PAM takes this for "no audit here" and lets the login go on, while EPERM ends it
    action: "SCMP_ACT_ERRNO",
    errnoRet: errno.EINVAL,
    names: ["socket"],
    args: [inBlock(0, netlink, 1), { index: 2, op: "SCMP_CMP_EQ", value: auditProtocol }],
    excludes: { caps: ["CAP_AUDIT_WRITE"] },
  },
];

/** With several capabilities any one will do, which the format says by one rule for each set of the others. */
const ruledByCapability: readonly ProfileRule[] = [
  ...byCapability.flatMap(([capabilities, calls]) =>
    capabilities.map((capability, index) => ({
      ...allow,
      names: words(calls),
      includes: { caps: [capability] },
      excludes: { caps: capabilities.slice(0, index) },
    })),
  ),
  ...byCapability.map(([capabilities, calls]) => ({
    ...refuse,
    names: words(calls),
    excludes: { caps: capabilities },
  })),
];

/** The profile of every container that names none. */
export const defaultSeccompProfile: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38, // ENOSYS
  archMap: [
    // without x32, which hardly anything uses: its calls are refused altogether, and the runtime
    // compiles the filter for two architectures instead of three (10 ms a container)
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    {
      architecture: "SCMP_ARCH_MIPS64",
      subArchitectures: ["SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"],
    },
    {
      architecture: "SCMP_ARCH_MIPSEL64",
      subArchitectures: ["SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"],
    },
    { architecture: "SCMP_ARCH_S390X", subArchitectures: ["SCMP_ARCH_S390"] },
  ],
  syscalls: [
    { ...allow, names: words(allowed) },
    ...byMachine.map(([machines, calls]) => ({
      ...allow,
      names: words(calls),
      includes: { arches: words(machines) },
    })),
    ...ruledByCapability,
    { ...refuse, names: words(refused) },
    { ...refuse, names: ["socketcall"], excludes: { arches: words(machinesWithSocketcall) } },
    ...personalities.map((value) => ({
      ...allow,
      names: ["personality"],
      args: [{ index: 0, op: "SCMP_CMP_EQ", value }],
    })),
    ...sockets,
  ],
};
