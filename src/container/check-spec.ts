/** What cannot be asked together, whoever asks. */
import { CooperError } from "../errors.ts";
import type { ConfiguredSpec, Networking } from "./spec.ts";

/** Each rule: when it is broken, and what is wrong then. */
const rules: readonly [
  broken: (spec: ConfiguredSpec) => boolean,
  message: string,
  hint?: string,
][] = [
  [
    (spec) => spec.removesItself && spec.restart.policy !== "no",
    "--rm and --restart exclude each other: a removed container cannot be started again",
  ],
  [
    ({ resources }) =>
      resources.memorySwapBytes !== null &&
      resources.memorySwapBytes >= 0 &&
      resources.memoryBytes === null,
    "--memory-swap needs --memory too",
  ],
  [
    ({ resources }) =>
      resources.memorySwapBytes !== null &&
      resources.memorySwapBytes >= 0 &&
      resources.memorySwapBytes < (resources.memoryBytes ?? 0),
    "--memory-swap is memory and swap together, so it cannot be below --memory",
  ],
  [
    ({ resources }) =>
      (resources.memoryReservationBytes ?? 0) > (resources.memoryBytes ?? Number.POSITIVE_INFINITY),
    "--memory-reservation cannot be above --memory",
  ],
  [
    ({ resources }) =>
      resources.memoryBytes !== null &&
      resources.memoryBytes > 0 &&
      resources.memoryBytes < 6 * 1024 * 1024,
    "--memory must be at least 6m",
  ],
  [
    (spec) =>
      spec.userns !== null &&
      spec.userns.kind !== "private" &&
      (spec.uidMappings.length > 0 || spec.gidMappings.length > 0),
    "--userns excludes --uidmap and --gidmap",
  ],
  [
    (spec) => spec.subuidName !== null && spec.uidMappings.length > 0,
    "--subuidname excludes --uidmap",
  ],
  [
    (spec) => spec.uts.kind === "host" && spec.hostname !== null,
    "--hostname needs a uts namespace of the container's own, not --uts host",
  ],
  [
    (spec) => spec.uts.kind === "host" && spec.domainname !== null,
    "--domainname needs a uts namespace of the container's own, not --uts host",
  ],
  [
    (spec) => spec.pid.kind === "host" && spec.systemd === "always",
    "systemd needs a process namespace of its own, not --pid host",
  ],
  [
    (spec) => spec.ipc.kind === "none" && spec.resources.shmSizeBytes !== null,
    "--ipc none has no /dev/shm to size",
  ],
  [(spec) => spec.initPath !== null && spec.init !== true, "--init-path needs --init"],
  [
    (spec) =>
      ["host", "none", "container", "path"].includes(spec.networking.mode.kind) &&
      spec.networking.ports.length > 0,
    "ports cannot be published without a network of the container's own",
  ],
  [
    ({ networking }) => !hasOwnNetworks(networking) && hasAddress(networking),
    "--ip, --ip6 and --mac-address need a network of the container's own",
  ],
  [
    ({ networking }) => !hasOwnNetworks(networking) && networking.aliases.length > 0,
    "--network-alias needs a network of the container's own",
  ],
  [
    ({ networking }) => networking.networks.length > 1 && hasAddress(networking),
    "--ip, --ip6 and --mac-address do not say which of several networks they are for",
    "write --network NAME:ip=ADDRESS",
  ],
];

function hasOwnNetworks({ mode }: Networking): boolean {
  return ["bridge", "default", "private"].includes(mode.kind);
}

function hasAddress({ addresses, macAddress }: Networking): boolean {
  return addresses.length > 0 || macAddress !== null;
}

/** Throws for the first rule that a spec breaks. */
export function checkSpec(spec: ConfiguredSpec): void {
  for (const [isBroken, message, hint] of rules) {
    if (isBroken(spec))
      throw new CooperError("invalid-argument", message, hint === undefined ? {} : { hint });
  }
  checkTargets(spec);
}

/** The very same mount twice is one, as Podman has it. */
function checkTargets(spec: ConfiguredSpec): void {
  const texts = new Set<string>();
  spec.mounts = spec.mounts.filter((mount) => {
    const text = JSON.stringify(mount);
    return !texts.has(text) && texts.add(text);
  });
  const { mounts } = spec;
  const seen = new Set<string>();
  for (const { target } of mounts) {
    if (seen.has(target))
      throw new CooperError("invalid-argument", `two mounts have the same target ${target}`);
    seen.add(target);
  }
}
