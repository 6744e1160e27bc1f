/** What of /proc and /sys is hidden or read-only: the parts that are not namespaced. */
import { CooperError } from "../../errors.ts";
import { runsSystemd } from "./command.ts";
import type { RuntimeInput } from "./input.ts";
import { sharesSys } from "./namespaces.ts";

/** Podman's and Docker's current ones; interrupts and powercap tell apart what others compute (CVE-2020-8694). */
const maskedByDefault = [
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/dev/block",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  "/sys/fs/selinux",
];

const readOnlyByDefault = [
  "/proc/asound",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Paths that the runtime covers with /dev/null or an empty directory. */
export function maskedPaths(input: RuntimeInput): string[] {
  const { spec } = input;
  const relative = spec.mask.find((path) => !path.startsWith("/"));
  if (relative !== undefined) {
    throw new CooperError("invalid-argument", `cannot mask "${relative}": it is no absolute path`);
  }
  const defaults = spec.isPrivileged ? [] : [...maskedByDefault, ...input.extraMaskedPaths];
  const masked = defaults.filter((path) => !isUnmasked(spec.unmask, path));
  // a bind of the host's /sys shows what a sysfs of its own would not
  const ofHost = !spec.isPrivileged && input.isRootless && sharesSys(input) ? ["/sys/kernel"] : [];
  const ofSystemd =
    runsSystemd(spec, input.image) && input.cgroup.version === 1
      ? ["/sys/fs/cgroup/systemd/release_agent"]
      : [];
  return [...new Set([...masked, ...ofHost, ...ofSystemd, ...spec.mask])];
}

/** Paths that are bound over themselves, read-only. */
export function readonlyPaths({ spec }: RuntimeInput): string[] {
  return spec.isPrivileged
    ? []
    : readOnlyByDefault.filter((path) => !isUnmasked(spec.unmask, path));
}

/** `--security-opt unmask=`: ALL, or patterns separated by colons. */
export function isUnmasked(unmask: readonly string[], path: string): boolean {
  return unmask
    .flatMap((text) => text.split(":"))
    .some((pattern) => pattern.toUpperCase() === "ALL" || new Bun.Glob(pattern).match(path));
}
