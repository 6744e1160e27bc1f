import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startTime } from "./process.ts";

/** SYS_exit ends one thread alone; reading a file has started others. */
const endsFirstThread = `
  await require("node:fs").promises.readFile("/proc/self/stat");
  require("bun:ffi").dlopen("libc.so.6", { syscall: { args: ["i64", "i64"], returns: "i64" } })
    .symbols.syscall(60, 0);
`;

test.skipIf(process.arch !== "x64")(
  "startTime() takes a process for alive whose first thread alone has ended",
  async () => {
    const child = Bun.spawn([process.execPath, "-e", endsFirstThread]);
    const state = () => /^State:\s*(\S)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
    while (state()?.[1] !== "Z") await Bun.sleep(1);
    expect(startTime(child.pid)).toMatch(/^\d+$/);
    child.kill("SIGKILL");
    await child.exited;
    expect(startTime(child.pid)).toBeUndefined();
  },
);
