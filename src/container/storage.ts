/**
 * How layers become one writable tree. The kernel's overlay, unless another driver is asked for or the
 * kernel refuses: it stacks none on the overlay that the root of a container is. Then fuse-overlayfs where
 * it can be had, and else a copy.
 */
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { copyMerged } from "../layer/merge-copy.ts";
import {
  bindMount,
  isOnOverlay,
  isOverlayRefused,
  mountFlag,
  mountFuseOverlay,
  mountOverlay,
  setPropagation,
} from "../system/mount.ts";
import { bootId } from "../system/process.ts";
import { findProgram } from "../system/program.ts";
import { isInUserNamespace } from "../system/userns.ts";

/** What becomes one tree, and where. */
export interface Stack {
  readonly target: string;
  /** Topmost first. */
  readonly lower: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Where the copy is kept that stands for all of them, with `vfs`. */
  readonly tree: string;
  /** Whether its changes may be lost with the power. */
  readonly isVolatile: boolean;
}

/** Mounts it. A tree that has been copied once stays one, whatever the driver is now. */
export function mountStack(host: Host, stack: Stack): void {
  if (existsSync(stack.tree)) return mountTree(stack);
  const asked = host.storageDriver();
  let driver = asked ?? "overlay";
  if (driver === "overlay") {
    const failure = tryOverlay(stack);
    if (failure === undefined) return;
    if (!isOverlayRefused(failure, stack.upper)) throw failure;
    if (asked !== null) throw refused(host, failure);
    driver = fallback(host);
  }
  if (driver === "fuse-overlayfs") mountFuseOverlay(stack.target, stack);
  else {
    makeTree(stack);
    mountTree(stack);
  }
}

function tryOverlay(stack: Stack): unknown {
  try {
    mountOverlay(stack.target, { ...stack, userXattr: isInUserNamespace() });
    return undefined;
  } catch (error) {
    return error;
  }
}

function refused(host: Host, cause: unknown): CooperError {
  const why = isOnOverlay(host.paths.root)
    ? `the store ${host.paths.root} is on an overlay itself, and the kernel stacks no further one`
    : "the kernel mounts no overlay here";
  const hint = "leave out --storage-driver, or keep the store on a volume: cooper --root DIR";
  return new CooperError("not-supported", why, { hint, cause });
}

const factName = "storage-fallback";

/** The next best driver; told once for each start of the machine. */
function fallback(host: Host): "fuse-overlayfs" | "vfs" {
  const driver = canFuse() ? "fuse-overlayfs" : "vfs";
  const fact = `${bootId()} ${driver}`;
  if (rememberedFallback(host) === fact) return driver;
  host.database
    .query("insert or replace into fact (name, value) values (?, ?)")
    .run(factName, fact);
  host.warn(
    driver === "vfs"
      ? `the kernel mounts no overlay on ${host.paths.root}: each container gets a copy of its image (vfs); a volume there, or fuse-overlayfs with --device /dev/fuse, spares that`
      : `the kernel mounts no overlay on ${host.paths.root}: fuse-overlayfs is used`,
  );
  return driver;
}

function rememberedFallback(host: Host): string | undefined {
  return host.database
    .query<{ value: string }, [string]>("select value from fact where name = ?")
    .get(factName)?.value;
}

/** The driver that containers get, as far as that is known without mounting anything. */
export function driverName(host: Host): string {
  const asked = host.storageDriver();
  if (asked !== null) return asked;
  const [boot, driver = "overlay"] = rememberedFallback(host)?.split(" ") ?? [];
  return boot === bootId() ? driver : "overlay";
}

function canFuse(): boolean {
  if (findProgram("fuse-overlayfs") === undefined) return false;
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false; // not in this container, or not for this user
  }
}

/** Killed in the middle it leaves a tree of another name, which the next start takes away. */
function makeTree({ tree, lower }: Stack): void {
  const staged = `${tree}.new`;
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(dirname(staged), { recursive: true, mode: 0o755 });
  copyMerged(lower, staged);
  renameSync(staged, tree);
}

function mountTree({ tree, target }: Stack): void {
  bindMount(tree, target);
  // the runtime needs a mount that is not shared with the host (pivot_root(2))
  setPropagation(target, mountFlag.private);
}
