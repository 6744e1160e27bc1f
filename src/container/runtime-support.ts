/** What an OCI runtime cannot do would be left out silently: it is refused before the start instead. */
import { existsSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { OciRuntime } from "../runtime/oci-runtime.ts";
import type { ConfiguredSpec } from "./spec.ts";

/**
 * @throws CooperError not-supported, with the runtime that can
 */
export function assertSupported(runtime: OciRuntime, spec: ConfiguredSpec): void {
  if (spec.resources.rdtClass !== null && !existsSync("/sys/fs/resctrl/schemata")) {
    throw new CooperError("not-supported", "--rdt-class: this host has no resource control", {
      hint: "it needs Intel RDT or AMD QoS, and: mount -t resctrl resctrl /sys/fs/resctrl",
    });
  }
  if (runtime.name !== "runc") return;
  if (spec.cgroups === "disabled") {
    throw new CooperError("not-supported", "--cgroups disabled: runc always makes a cgroup", {
      hint: "use --runtime crun",
    });
  }
  const asked =
    spec.personality !== null
      ? "--personality"
      : spec.mounts.some((mount) => "idmap" in mount && mount.idmap !== null)
        ? "a mount with idmap"
        : undefined;
  if (asked === undefined || versionOf(runtime.path) >= 1.2) return;
  throw new CooperError("not-supported", `${asked}: this runc is too old for it`, {
    hint: "use --runtime crun, or runc from version 1.2 on",
  });
}

/** `1.1` of `runc version 1.1.5`; nothing known is taken for new. */
function versionOf(path: string): number {
  const { stdout } = Bun.spawnSync([path, "--version"], { stdio: ["ignore", "pipe", "ignore"] });
  return Number(/runc version (\d+\.\d+)/.exec(stdout.toString())?.[1] ?? Number.POSITIVE_INFINITY);
}
