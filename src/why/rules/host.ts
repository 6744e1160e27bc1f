/** Whether a machine is fit for containers: one rule a thing, each with its cure. */
import type { HelperProgram, HostCheck, HostFacts, SysctlName } from "../host-facts.ts";
import { shellWords } from "../words.ts";
import { idMappers, subordinateIds, userNamespaces } from "./host-ids.ts";
import { check, type HostRule, install, ok } from "./host-rule.ts";

/** `[6, 1]` of 6.1.0-25-amd64. */
function kernelVersion(text: string): [major: number, minor: number] {
  const [major = 0, minor = 0] = text.split(/[.-]/).map(Number);
  return [major, minor];
}

const isBefore = (text: string, major: number, minor: number) => {
  const [own, ownMinor] = kernelVersion(text);
  return own < major || (own === major && ownMinor < minor);
};

function kernel({ kernel: version, isRootless }: HostFacts): HostCheck {
  if (isBefore(version, 5, 6))
    return check(
      "kernel",
      "hinders",
      `${version}: openat2(2) came with 5.6, and paths in containers are resolved by it`,
      [],
      "install a newer kernel",
    );
  if (isRootless && isBefore(version, 5, 11))
    return check(
      "kernel",
      "limits",
      `${version}: overlays for ordinary users came with 5.11`,
      [install("fuse-overlayfs")],
      null,
    );
  return ok("kernel", version);
}

function runtime({ programs, tried }: HostFacts): HostCheck {
  if (programs.crun === null && programs.runc === null)
    return check("runtime", "hinders", "neither crun nor runc is installed", [install("crun")]);
  if (tried !== null && tried.runtime === null && tried.namespace === null) {
    const other = programs.crun === null ? "crun" : programs.runc === null ? "runc" : null;
    return check(
      "runtime",
      "hinders",
      tried.runtimeFailure ?? "no runtime works here",
      other === null ? [] : [install(other)],
    );
  }
  return ok("runtime", tried?.runtime ?? [programs.crun, programs.runc].filter(Boolean).join(", "));
}

/** A program that containers cannot do without, or something that they then do without. */
function program(
  id: HelperProgram,
  pack: string,
  without: string,
  status: "limits" | "hinders",
  isNeeded: (facts: HostFacts) => boolean = () => true,
): HostRule {
  return (facts) => {
    if (!isNeeded(facts)) return null;
    const path = facts.programs[id];
    return path === null
      ? check(id, status, `${id} is not installed: ${without}`, [install(pack)])
      : ok(id, path);
  };
}

const isRootless = (facts: HostFacts) => facts.isRootless;

function cgroups({
  cgroups: version,
  isRootless: rootless,
  canLimit,
  controllers,
  hasSystemd,
}: HostFacts): HostCheck {
  const which = `v${version}`;
  if (version === 1 && rootless)
    return check(
      "cgroups",
      "limits",
      "v1: an ordinary user cannot limit memory, processors and processes",
      hasSystemd
        ? [
            "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub",
            "sudo update-grub",
          ]
        : [],
      hasSystemd ? "then start the machine anew" : "boot with cgroup v2",
    );
  if (!canLimit)
    return check(
      "cgroups",
      "limits",
      `${which}: they may not be written to, so that nothing can be limited`,
      rootless && hasSystemd ? ['sudo loginctl enable-linger "$USER"'] : [],
      rootless ? "then log in anew" : "within a container, that must be privileged",
    );
  const missing = ["memory", "pids", "cpu"].filter((name) => !controllers.includes(name));
  if (missing.length === 0) return ok("cgroups", `${which}: ${controllers.join(", ")}`);
  return check(
    "cgroups",
    "limits",
    `${which}: ${missing.join(" and ")} cannot be limited`,
    rootless && hasSystemd
      ? [
          "sudo mkdir -p /etc/systemd/system/user@.service.d",
          "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf",
          "sudo systemctl daemon-reload",
        ]
      : [],
    rootless ? "then log in anew" : `boot with: cgroup_enable=${missing.join(" cgroup_enable=")}`,
  );
}

function overlay({ tried, programs, fuse }: HostFacts): HostCheck | null {
  if (tried === null || tried.namespace !== null) return null;
  if (tried.overlay === null) return ok("overlay", "the kernel's");
  const hasFuse = programs["fuse-overlayfs"] !== null && fuse === "usable";
  if (hasFuse) return ok("overlay", `fuse-overlayfs (the kernel's: ${tried.overlay})`);
  const cures = [
    ...(fuse === "missing" ? ["sudo modprobe fuse"] : []),
    ...(programs["fuse-overlayfs"] === null ? [install("fuse-overlayfs")] : []),
  ];
  return check(
    "overlay",
    "limits",
    `${tried.overlay}: each container gets a copy of its image`,
    cures,
    "or keep the store on ext4 or xfs: cooper --root DIR",
  );
}

function tun({ tun: state, isRootless: rootless }: HostFacts): HostCheck | null {
  if (!rootless) return null;
  if (state === "usable") return ok("tun", "/dev/net/tun");
  return state === "missing"
    ? check(
        "tun",
        "limits",
        "there is no /dev/net/tun: containers of ordinary users have no network",
        ["sudo modprobe tun"],
      )
    : check(
        "tun",
        "limits",
        "/dev/net/tun may not be opened: containers of ordinary users have no network",
        ["sudo chmod 0666 /dev/net/tun"],
      );
}

function outsideNetwork({ isRootless: rootless, programs }: HostFacts): HostCheck | null {
  if (!rootless) return null;
  const path = programs.pasta ?? programs.slirp4netns;
  return path === null
    ? check(
        "pasta",
        "limits",
        "neither pasta nor slirp4netns is installed: containers of ordinary users have no network",
        [install("passt")],
      )
    : ok("pasta", path);
}

function seccomp({ hasSeccomp }: HostFacts): HostCheck {
  return hasSeccomp
    ? ok("seccomp", "the kernel filters system calls")
    : check(
        "seccomp",
        "limits",
        "this kernel cannot filter system calls (CONFIG_SECCOMP)",
        [],
        "install a kernel that can",
      );
}

/** statfs(2), f_type: where overlays cannot be, or ids cannot be kept. */
const unfitFileSystems: Readonly<Record<number, string>> = {
  26985: "nfs",
  20859: "smb",
  4283649346: "cifs",
  4266872130: "smb2",
  19780: "vfat",
  1397118030: "ntfs",
  16914839: "9p",
  1702057286: "fuse",
};

const gib = 1 << 30;

function store({
  store: { path, type, isWritable, isNoExec, freeBytes, freeInodes, inodes },
  isRootless: rootless,
}: HostFacts): HostCheck {
  const quoted = shellWords([path]);
  if (!isWritable)
    return check(
      "store",
      "hinders",
      `${path} may not be written to`,
      rootless
        ? [`sudo chown -R "$(id -u):$(id -g)" ${quoted}`]
        : [`mount -o remount,rw ${quoted}`],
      "or choose another place with --root",
    );
  const unfit = unfitFileSystems[type];
  if (unfit !== undefined)
    return check(
      "store",
      rootless ? "hinders" : "limits",
      `${path} is on ${unfit}, which cannot keep owners and overlays`,
      [],
      "choose a place on a disk of this machine with --root, or as graphroot in storage.conf",
    );
  if (isNoExec)
    return check(
      "store",
      "hinders",
      `${path} is mounted with noexec: no program in a container can be executed`,
      [`sudo mount -o remount,exec "$(findmnt -no TARGET -T ${quoted})"`],
    );
  const free = `${(freeBytes / gib).toFixed(1)} GiB free`;
  const cures = ["cooper system df", "cooper system prune --force"];
  if (freeBytes < 100 << 20) return check("store", "hinders", `${path} is full: ${free}`, cures);
  if (inodes > 0 && freeInodes < 1000)
    return check(
      "store",
      "hinders",
      `${path} has ${freeInodes} inodes free: no files can be made`,
      cures,
    );
  return freeBytes < gib
    ? check("store", "limits", `${path} is nearly full: ${free}`, cures)
    : ok("store", `${path}: ${free}`);
}

function runDirectory({
  run: { path, isWritable },
  isRootless: rootless,
  hasSystemd,
  user,
}: HostFacts): HostCheck {
  if (!isWritable)
    return check(
      "run-directory",
      "hinders",
      `${path} may not be written to`,
      rootless && hasSystemd ? [`sudo loginctl enable-linger ${shellWords([user])}`] : [],
      "or name one of your own in XDG_RUNTIME_DIR",
    );
  return ok("run-directory", path);
}

function lingering({
  isRootless: rootless,
  hasSystemd,
  lingers,
  user,
}: HostFacts): HostCheck | null {
  if (!rootless || !hasSystemd) return null;
  return lingers
    ? ok("lingering", "containers outlive the log-out, and start with the machine")
    : check(
        "lingering",
        "limits",
        "systemd ends containers at the log-out, and starts none with the machine",
        [`sudo loginctl enable-linger ${shellWords([user])}`],
      );
}

/** A sysctl that must be at least so much. */
function atLeast(
  id: string,
  name: SysctlName,
  least: number,
  better: number,
  without: string,
): HostRule {
  return ({ sysctls }) => {
    const value = sysctls[name];
    if (value === null) return null;
    return value >= least
      ? ok(id, `${name} is ${value}`)
      : check(id, "limits", `${name} is ${value}: ${without}`, [`sudo sysctl ${name}=${better}`]);
  };
}

function ownLimits({ filesLimit, processesLimit }: HostFacts): HostCheck {
  if (filesLimit >= 0 && filesLimit < 1024)
    return check(
      "limits",
      "limits",
      `only ${filesLimit} files may be open: large images need more`,
      ['ulimit -n "$(ulimit -Hn)"'],
    );
  if (processesLimit >= 0 && processesLimit < 512)
    return check(
      "limits",
      "limits",
      `only ${processesLimit} processes may run, those in containers among them`,
      ['ulimit -u "$(ulimit -Hu)"'],
    );
  return ok("limits", `${filesLimit < 0 ? "unlimited" : filesLimit} open files`);
}

function processors({ emulated }: HostFacts): HostCheck {
  return emulated.length === 0
    ? ok(
        "emulation",
        "none: images for other processors do not run (sudo apt-get install -y qemu-user-static)",
      )
    : ok("emulation", emulated.map((name) => name.replace("qemu-", "")).join(", "));
}

function clock({ clockBehindSeconds }: HostFacts): HostCheck {
  if (clockBehindSeconds < 86_400)
    return ok("clock", new Date().toISOString().slice(0, 16).replace("T", " "));
  return check(
    "clock",
    "hinders",
    `it is ${Math.round(clockBehindSeconds / 86_400)} days behind files of the system: certificates of registries are not valid yet`,
    ["sudo timedatectl set-ntp true"],
  );
}

/** All rules, in the order in which they are shown. */
const rules: readonly HostRule[] = [
  kernel,
  userNamespaces,
  subordinateIds,
  idMappers,
  program("nsenter", "util-linux", "the user namespace cannot be entered", "hinders", isRootless),
  program("unshare", "util-linux", "the user namespace cannot be made", "hinders", isRootless),
  program("conmon", "conmon", "nothing keeps a container's log and exit code", "hinders"),
  runtime,
  program("catatonit", "catatonit", "--init does not work", "limits"),
  cgroups,
  seccomp,
  overlay,
  store,
  runDirectory,
  lingering,
  program("ip", "iproute2", "there are no networks", "limits"),
  program("nft", "nftables", "no ports can be published, and no networks be kept apart", "limits"),
  outsideNetwork,
  tun,
  program("aardvark-dns", "aardvark-dns", "containers do not find each other by name", "limits"),
  atLeast(
    "inotify",
    "fs.inotify.max_user_instances",
    64,
    1024,
    "programs that watch files fail in several containers at once",
  ),
  atLeast(
    "inotify-watches",
    "fs.inotify.max_user_watches",
    8192,
    524288,
    "programs that watch many files fail",
  ),
  atLeast("keys", "kernel.keys.maxkeys", 100, 20000, "each container takes a key: few run at once"),
  atLeast("process-ids", "kernel.pid_max", 32768, 4194304, "few processes can run at once"),
  ownLimits,
  processors,
  clock,
];

/** What is to be said of a machine, a line for each thing that counts for this user. */
export function checkHost(facts: HostFacts): HostCheck[] {
  return rules.map((rule) => rule(facts)).filter((found) => found !== null);
}
