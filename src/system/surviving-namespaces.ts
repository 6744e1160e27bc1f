/**
 * The user and mount namespace of an ordinary user whose pause process was killed: they live on in the
 * monitors of containers, and the user namespace in the containers themselves.
 */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { libc } from "./libc.ts";

/** Namespaces that are held open; null: the mount namespace has ended. */
export class SurvivingNamespaces implements Disposable {
  readonly user: number;
  readonly mount: number | null;

  constructor(user: number, mount: number | null) {
    this.user = user;
    this.mount = mount;
  }

  [Symbol.dispose](): void {
    closeSync(this.user);
    if (this.mount !== null) closeSync(this.mount);
  }
}

/** Finds them by the pid files of containers. @param bundles the directory that has one for each container */
export function findSurvivors(bundles: string): SurvivingNamespaces | undefined {
  const ids = list(bundles);
  for (const id of ids) {
    const pid = pidIn(join(bundles, id, "conmon.pid"));
    if (!textOf(pid, "cmdline").includes(id) || !isElsewhere(pid, "mnt")) continue;
    const user = openUser(pid);
    if (user !== undefined) return new SurvivingNamespaces(user, open(pid, "mnt") ?? null);
  }
  for (const id of ids) {
    const pid = pidIn(join(bundles, id, "pid"));
    // its root is the container's, so this is no stranger who was given the number
    const user = textOf(pid, "mountinfo").includes(id) ? openUser(pid) : undefined;
    if (user !== undefined) return new SurvivingNamespaces(user, null);
  }
  return undefined;
}

/** Its user namespace or one above it: the one that is right below ours. */
function openUser(pid: number): number | undefined {
  const { ioctl } = libc({ ioctl: { args: ["i32", "u64"], returns: "i32" } });
  const own = statSync("/proc/self/ns/user").ino;
  const getParent = 0xb702; // ioctl_ns(2), NS_GET_PARENT
  let descriptor = open(pid, "user");
  while (descriptor !== undefined) {
    const parent = ioctl(descriptor, getParent);
    if (parent >= 0 && fstatSync(parent).ino === own) {
      closeSync(parent);
      return descriptor;
    }
    closeSync(descriptor); // none of ours is above it, or we are in it
    descriptor = parent >= 0 ? parent : undefined;
  }
  return undefined;
}

const isElsewhere = (pid: number, kind: "mnt"): boolean => {
  try {
    return statSync(`/proc/${pid}/ns/${kind}`).ino !== statSync(`/proc/self/ns/${kind}`).ino;
  } catch {
    return false; // it has ended
  }
};

function open(pid: number, kind: "user" | "mnt"): number | undefined {
  try {
    return openSync(`/proc/${pid}/ns/${kind}`, "r");
  } catch {
    return undefined; // it has ended, or is not ours to join
  }
}

function textOf(pid: number, what: "cmdline" | "mountinfo"): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, "utf8");
  } catch {
    return ""; // it has ended
  }
}

function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, "utf8").trim()) || 0;
  } catch {
    return 0; // it has not been started, or is gone
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no container has run in this boot
  }
}
