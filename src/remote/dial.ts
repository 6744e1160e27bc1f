/** `system dial-stdio`: our standard streams are the socket of this machine's service, for whoever has come by ssh. */
import { join } from "node:path";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { startDetached } from "../own-command.ts";
import { writeAll } from "../system/pipe.ts";
import type { Target } from "./target.ts";
import { openWire, type Wire } from "./wire.ts";

/** A service that was just started listens within this. */
const patienceMs = 10_000;

/** @param target another socket of this machine; resolves when the service has closed its side, or nobody reads ours. */
export async function dialStdio(host: Host, target: Target | null): Promise<void> {
  const path = join(host.paths.run, "cooper.sock");
  const wire =
    target === null
      ? await connected(host, { kind: "unix", url: `unix://${path}`, path })
      : await openWire(target);
  const input = (async () => {
    for await (const bytes of Bun.stdin.stream()) await wire.write(bytes);
    wire.end();
  })();
  input.catch(() => undefined); // ssh has gone: so does the other direction
  for (;;) {
    const bytes = await wire.input.read(1 << 16);
    if (bytes === undefined || writeAll(1, bytes) === "gone") return;
  }
}

/** To the service that listens; else one is started, which ends by itself when nobody asks it any more. */
async function connected(host: Host, target: Target): Promise<Wire> {
  const deadline = performance.now() + patienceMs;
  for (let hasStarted = false; ; ) {
    try {
      return await openWire(target);
    } catch (error) {
      if (!(error instanceof CooperError) || error.code !== "network") throw error;
      if (performance.now() > deadline) throw error;
      if (!hasStarted) startDetached(host, {}, "system", "service");
      hasStarted = true;
      await Bun.sleep(20);
    }
  }
}
