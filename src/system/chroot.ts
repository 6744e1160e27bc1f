/** Making a directory the root of this process, so that no name of a stranger's leads out of it. */
import { check, cString, libc } from "./libc.ts";

/**
 * chroot(2) and chdir(2) into it. Threads share it (CLONE_FS). There is no way back: for children
 * that do one thing and end. All modules must be loaded, and all files opened, before.
 */
export function enterRoot(directory: string): void {
  const { chroot, chdir } = libc({
    chroot: { args: ["ptr"], returns: "i32" },
    chdir: { args: ["ptr"], returns: "i32" },
  });
  check(chdir(cString(directory)), `enter ${directory}`);
  check(chroot(cString(".")), `make ${directory} the root`);
  check(chdir(cString("/")), "enter the new root");
}

/** Has the kernel kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG). */
export function dieWithParent(): void {
  const { prctl } = libc({ prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" } });
  const [setParentDeathSignal, sigkill] = [1, 9n];
  check(prctl(setParentDeathSignal, sigkill, 0n, 0n, 0n), "ask for a signal at the parent's death");
}

/** Sets the mask of permission bits that new files do not get. */
export function setUmask(mask: number): void {
  libc({ umask: { args: ["u32"], returns: "u32" } }).umask(mask);
}
