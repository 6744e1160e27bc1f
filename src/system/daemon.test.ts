import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { daemonPid, endDaemon } from "./daemon.ts";

// it takes the kernel some milliseconds to give that much memory back, before it closes the socket
const heavy = `
  const memory = Buffer.alloc(200 << 20, 1);
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  console.log(server.port, memory.length);
`;

test("endDaemon() returns once the port of a helper that somebody has killed is free", async () => {
  const directory = mkdtempSync("/tmp/cooper-daemon-");
  try {
    const child = Bun.spawn([process.execPath, "-e", heavy, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { value } = await child.stdout.getReader().read();
    const port = Number.parseInt(new TextDecoder().decode(value), 10);
    const daemon = { pidFile: join(directory, "pid"), mark: directory };
    writeFileSync(daemon.pidFile, `${child.pid}\n`);
    expect(daemonPid(daemon)).toBe(child.pid);

    child.kill("SIGKILL");
    expect(daemonPid(daemon)).toBeUndefined();
    while (readFileSync(`/proc/${child.pid}/cmdline`, "utf8") !== "") Bun.sleepSync(1);
    await endDaemon(daemon);
    const listen = { hostname: "127.0.0.1", port, socket: { data: () => undefined } };
    Bun.listen(listen).stop();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
