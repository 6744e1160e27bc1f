/** What programs say when they may not do something. */
import { type SaidRule, withOptions } from "./said-rule.ts";
import { whoText } from "./who.ts";

/** capabilities(7), by what programs that lack one say; the first that fits. */
const capabilityWords: readonly (readonly [words: RegExp, capability: string])[] = [
  [
    /\b(can't set date|settimeofday|clock_settime|set the (system|hardware) clock|hwclock)/i,
    "CAP_SYS_TIME",
  ],
  [
    /SIOCSIF|SIOCADDRT|SIOCDELRT|RTNETLINK|iptables|nft|netlink|ip6?tables|TUNSETIFF|(^|\s)(ip|tc): |brctl/i,
    "CAP_NET_ADMIN",
  ],
  [/\b(ping|raw socket|arping|tcpdump|traceroute|socket\(.*RAW)/i, "CAP_NET_RAW"],
  [
    /\b(mount|umount|pivot_root|setns|swapon|losetup|unshare|nsenter|sethostname|hostname)\b/i,
    "CAP_SYS_ADMIN",
  ],
  [/\b(strace|ptrace|gdb|PTRACE|process_vm_readv)\b/, "CAP_SYS_PTRACE"],
  [/\b(nice|setpriority|renice|sched_set|chrt|ionice|mbind|set_mempolicy)\b/i, "CAP_SYS_NICE"],
  [/\b(mlock|mlockall|memory lock|shmctl)\b/i, "CAP_IPC_LOCK"],
  [/\bmknod\b/i, "CAP_MKNOD"],
  [/\b(chroot)\b/i, "CAP_SYS_CHROOT"],
  [/\b(insmod|modprobe|rmmod|init_module)\b/i, "CAP_SYS_MODULE"],
  [/\b(dmesg|klogctl|syslog)\b/i, "CAP_SYSLOG"],
  [/\b(setgid|setgroups|initgroups|setresgid|cannot set groups)\b/i, "CAP_SETGID"],
  [/\b(setuid|setresuid|su|gosu|set user)\b/i, "CAP_SETUID"],
  [/\b(chown|lchown|fchown|changing ownership)/i, "CAP_CHOWN"],
  [/\b(chmod|utime|changing permissions|setting times)/i, "CAP_FOWNER"],
  [/\b(kill)\b/i, "CAP_KILL"],
  [/\b(bpf|perf_event_open)\b/i, "CAP_BPF"],
  [/\b(setcap|setfcap)\b/i, "CAP_SETFCAP"],
  [/\b(ulimit|setrlimit|RLIMIT)\b/i, "CAP_SYS_RESOURCE"],
];

const capabilityFor = (line: string) => capabilityWords.find(([words]) => words.test(line))?.[1];

/** System calls that the default filter forbids to everybody. */
const filteredCalls =
  /\b(userfaultfd|keyctl|add_key|request_key|io_uring_setup|io_uring|kexec_load|lookup_dcookie|nfsservctl)\b/i;

/** Rows in the order in which they are tried. */
export const privilegeWords: readonly SaidRule[] = [
  {
    id: "no-new-privileges",
    pattern: /no new privileges|effective uid is not 0|must be setuid root/i,
    when: ({ noNewPrivileges }) => noNewPrivileges,
    cause: () => "it may gain no privileges (no-new-privileges), which sudo and su need",
    change: () => ({
      options: ["--security-opt", "no-new-privileges=false"],
      rewrite: (word) =>
        /^no-new-privileges(:true|=true)?$/.test(word)
          ? "no-new-privileges=false"
          : word.replace(/=no-new-privileges$/, "=no-new-privileges=false"),
    }),
    advice: () => "or run what needs root as root: --user 0",
  },
  {
    id: "unmapped-id",
    pattern:
      /(?:chown|lchown|changing ownership|setgid|setuid|setgroups|initgroups)[^\n]*invalid argument/i,
    cause: () => "it names a user or group that is not mapped into the container's user namespace",
    facts: ({ isRootless }) =>
      isRootless
        ? ["the containers of an ordinary user have as many ids as /etc/subuid gives"]
        : [],
    cures: () => ["cooper unshare cat /proc/self/uid_map"],
    advice: () =>
      "choose ids within that range, or give yourself more: sudo usermod --add-subuids 200000-300000 --add-subgids 200000-300000 $USER",
  },
  {
    id: "system-call",
    pattern: filteredCalls,
    when: (container, { input = "" }) =>
      container.isSeccompOn && /not permitted|ENOSYS|not implemented|EPERM/i.test(input),
    cause: ([call]) => `the system call ${call} is forbidden by the seccomp filter`,
    change: () => withOptions("--security-opt", "seccomp=unconfined"),
    advice: () => "better: a profile that allows this call alone, with --security-opt seccomp=FILE",
  },
  {
    id: "capability",
    pattern:
      /operation not permitted|EPERM|must be (?:superuser|root)|are you root|permission denied/i,
    when: ({ capabilities, user, isPrivileged }, { input = "" }) => {
      const needed = capabilityFor(input);
      if (isPrivileged || needed === undefined) return false;
      if (/permission denied/i.test(input) && !/RTNETLINK|iptables|mount|ping|raw/i.test(input))
        return false;
      return user.uid === 0 ? !capabilities.includes(needed) : true;
    },
    cause: ({ input = "" }, container) => {
      const needed = capabilityFor(input);
      return container.user.uid !== 0 && container.capabilities.includes(needed ?? "")
        ? `${whoText(container)} does not have ${needed}, which root of the container has`
        : `it does not have the capability ${needed}, which that needs`;
    },
    facts: ({ capabilities }) => [
      `its capabilities: ${capabilities.join(" ").replaceAll("CAP_", "") || "none"}`,
    ],
    change: ({ input = "" }, { user, capabilities, isRootless }) => {
      const needed = capabilityFor(input) ?? "";
      if (isRootless && /CAP_SYS_(TIME|MODULE)|CAP_SYSLOG/.test(needed)) return null;
      if (user.uid !== 0 && capabilities.includes(needed))
        return { options: ["--user", "0"], without: ["--user", "-u"] };
      const name = needed.replace("CAP_", "");
      const spellings = [name, needed, name.toLowerCase(), needed.toLowerCase()];
      return {
        options: ["--cap-add", name],
        withoutPairs: spellings.map((spelling) => `--cap-drop=${spelling}`),
      };
    },
    advice: ({ input = "" }, { isRootless }) =>
      isRootless && /CAP_SYS_(TIME|MODULE)|CAP_SYSLOG/.test(capabilityFor(input) ?? "")
        ? "that concerns the whole machine: a container of an ordinary user never may; as root: sudo cooper run --cap-add"
        : null,
  },
  {
    id: "not-root",
    pattern:
      /must be run as root|you need to be root|requires root|not running as root|are you root\?|must be superuser|only root (?:can|may)/i,
    when: ({ user }) => user.uid !== 0,
    cause: (_, container) => `it wants to be root, and runs as ${whoText(container)}`,
    change: () => ({ options: ["--user", "0"], without: ["--user", "-u"] }),
  },
];
