/** A store on a disk that is small, and full when a test wants it to be. */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { TestHost } from "./host.ts";

/** A small file system at the store's root; removed with it. */
export class SmallDisk implements Disposable {
  private readonly root: string;
  private readonly image: string | undefined;

  constructor(host: TestHost, kind: "tmpfs" | "ext4") {
    this.root = host.root;
    mkdirSync(host.root);
    const run = (...argv: string[]) => {
      const result = Bun.spawnSync(argv, { stdio: ["ignore", "pipe", "pipe"] });
      if (!result.success) throw new Error(`${argv.join(" ")}: ${result.stderr}`);
    };
    if (kind === "tmpfs") {
      run("mount", "-t", "tmpfs", "-o", "size=140m", "tmpfs", host.root);
      return;
    }
    this.image = `${host.directory}.ext4`;
    const descriptor = openSync(this.image, "w");
    closeSync(descriptor);
    truncateSync(this.image, 160 << 20);
    run("mkfs.ext4", "-q", "-m", "0", this.image);
    run("mount", "-o", "loop", this.image, host.root);
    rmSync(join(host.root, "lost+found"), { recursive: true, force: true });
  }

  /** Fills it to the last byte, or until only so many are left. */
  fill(leftBytes = 0): void {
    const descriptor = openSync(join(this.root, "filler"), "w");
    for (let size = 1 << 20; size > 0; ) {
      try {
        writeSync(descriptor, Buffer.alloc(size, 1));
      } catch {
        size >>= 1; // there is less than that
      }
    }
    if (leftBytes > 0)
      ftruncateSync(descriptor, Math.max(0, fstatSync(descriptor).size - leftBytes));
    closeSync(descriptor);
  }

  /** Takes away what filled it. */
  free(): void {
    rmSync(join(this.root, "filler"));
  }

  [Symbol.dispose](): void {
    Bun.spawnSync(["umount", "--lazy", this.root]);
    if (this.image !== undefined) rmSync(this.image, { force: true });
  }
}
