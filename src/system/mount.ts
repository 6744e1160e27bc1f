/** Mounting and unmounting through mount(2), and through the new mount API where one page is too small. */
import { readFileSync, statfsSync } from "node:fs";
import { CooperError, errnoName } from "../errors.ts";
import { check, cString, libc, SystemCallError } from "./libc.ts";
import { needProgram } from "./program.ts";

const { mount, umount2 } = libc({
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  umount2: { args: ["ptr", "i32"], returns: "i32" },
});

/** linux/mount.h */
export const mountFlag = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

/** mount(2). Throws a SystemCallError that names both ends. */
export function mountFilesystem(
  source: string,
  target: string,
  type: string | null,
  flags: number,
  data = "",
): void {
  const result = mount(
    cString(source),
    cString(target),
    type === null ? null : cString(type),
    flags,
    data === "" ? null : cString(data),
  );
  check(result, `mount ${type ?? "bind"} ${source} on ${target}`);
}

/** Makes `source` visible at `target` too, with what is mounted below it. */
export function bindMount(source: string, target: string, isRecursive = true): void {
  mountFilesystem(source, target, null, mountFlag.bind | (isRecursive ? mountFlag.recursive : 0));
}

/** Changes how mounts below `target` spread to other namespaces. */
export function setPropagation(target: string, flags: number): void {
  mountFilesystem("none", target, null, flags);
}

export interface OverlayMount {
  /** Topmost first, as overlayfs wants it. */
  readonly lower: readonly string[];
  /** Without both the mount is read-only. */
  readonly upper?: string;
  readonly work?: string;
  /** Needed (and only allowed) within a user namespace: whiteout marks in `user.overlay.*`. */
  readonly userXattr: boolean;
  /** Not syncing an upper directory that is thrown away anyway (`--rm`). */
  readonly isVolatile?: boolean;
}

/** Whether a path is on an overlay, which cannot hold upper directories of others (overlayfs.rst). */
export function isOnOverlay(path: string): boolean {
  return statfsSync(path).type === 0x794c7630;
}

/** Whether there are no overlays to be had here, and not this one alone is wrong. */
export function isOverlayRefused(error: unknown, place: string): boolean {
  const errno = errnoName(error);
  return errno === "ENODEV" || errno === "EPERM" || (errno === "EINVAL" && isOnOverlay(place));
}

/** mount(2) copies one page of options; beyond it there is only fsconfig(2). */
const longestOptions = 4000;

/** overlayfs separates layers by `:` and options by `,`; both must be escaped in names. */
const escaped = (path: string) => path.replace(/[\\:,]/g, (character) => `\\${character}`);

/** OVL_MAX_STACK of fs/overlayfs/ovl_entry.h. */
const maxLowers = 500;

/** Whether the kernel takes an overlay of so many layers with names of such a length. */
export function fitsOverlay(overlay: OverlayMount): boolean {
  if (overlay.lower.length > maxLowers) return false;
  const release = readFileSync("/proc/sys/kernel/osrelease", "utf8");
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  return major * 1000 + minor >= 6005 || overlayOptions(overlay).length <= longestOptions;
}

/**
 * An image may have a layer twice (two commands that changed nothing), and the kernel takes no directory
 * twice (ELOOP). All that the lower one has, the upper one shows already.
 */
const onceEach = (lower: readonly string[]) => [...new Set(lower)];

/** Mounts an overlay. Kernels before 6.5 cannot take more layers than fit into one page of options. */
export function mountOverlay(target: string, asked: OverlayMount): void {
  const overlay = { ...asked, lower: onceEach(asked.lower) };
  const data = overlayOptions(overlay);
  if (data.length <= longestOptions) mountFilesystem("overlay", target, "overlay", 0, data);
  else mountTallOverlay(target, overlay);
}

function overlayOptions(overlay: OverlayMount): string {
  const options = [`lowerdir=${overlay.lower.map(escaped).join(":")}`];
  if (overlay.upper !== undefined && overlay.work !== undefined) {
    options.push(`upperdir=${escaped(overlay.upper)}`, `workdir=${escaped(overlay.work)}`);
    // whatever the module's default: an upper directory must hold all that makes it a changeset. With
    // userxattr they are off anyway, and must not be named (fs/overlayfs/params.c)
    if (!overlay.userXattr) options.push("redirect_dir=off", "metacopy=off");
  }
  if (overlay.userXattr) options.push("userxattr");
  if (overlay.isVolatile) options.push("volatile");
  return options.join(",");
}

/**
 * The same by fuse-overlayfs(1), which stays in the background until it is unmounted. It serves kernels
 * and places that refuse an overlay.
 */
export function mountFuseOverlay(
  target: string,
  overlay: Required<Pick<OverlayMount, "lower" | "upper" | "work">>,
): void {
  const options = [
    `lowerdir=${onceEach(overlay.lower).map(escaped).join(":")}`,
    `upperdir=${escaped(overlay.upper)}`,
    `workdir=${escaped(overlay.work)}`,
  ].join(",");
  const result = Bun.spawnSync([needProgram("fuse-overlayfs"), "-o", options, target], {
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (result.success) return;
  throw new CooperError(
    "helper-failed",
    `fuse-overlayfs: ${result.stderr.toString().trim().split("\n").at(-1)}`,
    { hint: "it needs /dev/fuse; without it: cooper --storage-driver vfs" },
  );
}

/** fsopen(2) and kin: one call a layer (`lowerdir+`, Linux 6.5). */
function mountTallOverlay(target: string, overlay: OverlayMount): void {
  const { fsopen, fsconfig, fsmount, move_mount, close } = libc({
    fsopen: { args: ["ptr", "u32"], returns: "i32" },
    fsconfig: { args: ["i32", "u32", "ptr", "ptr", "i32"], returns: "i32" },
    fsmount: { args: ["i32", "u32", "u32"], returns: "i32" },
    move_mount: { args: ["i32", "ptr", "i32", "ptr", "u32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const [setFlag, setString, create, closeOnExec, currentDirectory, emptyPath] = [
    0, 1, 6, 1, -100, 4,
  ];
  const context = check(fsopen(cString("overlay"), closeOnExec), "fsopen overlay");
  try {
    const set = (key: string, value: string) =>
      check(
        fsconfig(context, setString, cString(key), cString(value), 0),
        `overlay ${key}=${value}`,
      );
    for (const layer of overlay.lower) set("lowerdir+", layer);
    if (overlay.upper !== undefined && overlay.work !== undefined) {
      set("upperdir", overlay.upper);
      set("workdir", overlay.work);
      if (!overlay.userXattr) set("redirect_dir", "off");
      if (!overlay.userXattr) set("metacopy", "off");
    }
    for (const flag of [overlay.userXattr && "userxattr", overlay.isVolatile && "volatile"]) {
      if (flag) check(fsconfig(context, setFlag, cString(flag), null, 0), `overlay ${flag}`);
    }
    check(fsconfig(context, create, null, null, 0), `mount overlay on ${target}`);
    const tree = check(fsmount(context, closeOnExec, 0), `mount overlay on ${target}`);
    try {
      check(
        move_mount(tree, cString(""), currentDirectory, cString(target), emptyPath),
        `mount overlay on ${target}`,
      );
    } finally {
      close(tree);
    }
  } finally {
    close(context);
  }
}

/** Detaches what is mounted at `target`, all of it; nothing mounted there (or no such path) is fine. */
export function unmount(target: string): void {
  const detach = 2;
  const noFollow = 8;
  for (;;) {
    try {
      check(umount2(cString(target), detach | noFollow), `unmount ${target}`);
    } catch (error) {
      if (error instanceof SystemCallError && ["EINVAL", "ENOENT"].includes(error.code)) return;
      throw error;
    }
  }
}
