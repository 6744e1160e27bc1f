/** Kernel parameters of a container: only those that belong to one of its own namespaces. */
import { CooperError } from "../../errors.ts";
import type { RuntimeInput } from "./input.ts";
import { hasOwnUts } from "./namespaces.ts";

const ofIpc = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

type Owner = "ipc" | "net" | "uts";

function ownerOf(name: string): Owner | undefined {
  if (ofIpc.has(name) || name.startsWith("fs.mqueue.")) return "ipc";
  if (name.startsWith("net.")) return "net";
  return name === "kernel.domainname" ? "uts" : undefined;
}

/**
 * Those of the configuration, where the container has the namespace to itself; then those of the user,
 * which are errors where it has not.
 */
export function sysctls(input: RuntimeInput): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(input.settings.defaultSysctls)) {
    const owner = ownerOf(checked(name));
    if (owner !== undefined && isOwn(input, owner) && canWriteDefaults(input, owner))
      result[name] = value;
  }
  const { domainname } = input.spec;
  // runc before 1.2 knows no `domainname` in its config
  if (domainname !== null && hasOwnUts(input) && input.canMountProc)
    result["kernel.domainname"] = domainname;
  for (const [typed, value] of Object.entries(input.spec.sysctls)) {
    const name = typed.replaceAll("/", ".");
    const owner = ownerOf(checked(name));
    if (owner === undefined || !isOwn(input, owner)) {
      throw new CooperError(
        "invalid-argument",
        `sysctl ${name} cannot be set: the container has no ${owner} namespace of its own`,
        {
          hint:
            owner === "net"
              ? "leave out --network host, or set it on the host"
              : `leave out --${owner}, or set it on the host`,
        },
      );
    }
    result[name] = value;
  }
  return result;
}

function checked(name: string): string {
  if (ownerOf(name) !== undefined && !/[\0/]|\.\./.test(name)) return name;
  throw new CooperError(
    "invalid-argument",
    `sysctl "${name}" is not allowed: it would change the host`,
    {
      hint: "allowed are net.*, fs.mqueue.*, kernel.domainname and the kernel.msg*, kernel.sem and kernel.shm* ones",
    },
  );
}

/** Whether nothing but this container is in the namespace, or was before. */
function isOwn(input: RuntimeInput, owner: Owner): boolean {
  const { spec, network, namespaces: joined } = input;
  if (owner === "ipc") return spec.ipc.kind !== "host" && joined.ipc === undefined;
  if (owner === "uts") return hasOwnUts(input);
  const { kind } = spec.networking.mode;
  return network.kind !== "host" && kind !== "container" && kind !== "path";
}

/**
 * A default must never make a start fail: below another container /proc/sys is read-only, and a network
 * namespace that the engine has made does not belong to the container's user namespace.
 */
function canWriteDefaults(input: RuntimeInput, owner: Owner): boolean {
  if (!input.canMountProc) return false;
  return owner !== "net" || input.network.kind === "new" || input.idMappings === null;
}
