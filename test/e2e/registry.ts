/** Debian's docker-registry on loopback, with a store of its own, for as long as a test needs it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

/** A registry that runs. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
}

/** Starts one and waits until it answers. */
export async function testRegistry(): Promise<TestRegistry> {
  const directory = mkdtempSync("/tmp/cr-");
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(directory, "config.yml");
  mkdirSync(join(directory, "data"));
  const storage = {
    filesystem: { rootdirectory: join(directory, "data") },
    delete: { enabled: true },
  };
  const log = { level: "error", accesslog: { disabled: true } };
  writeFileSync(config, JSON.stringify({ version: 0.1, log, storage, http: { addr: address } }));
  const server = Bun.spawn(["docker-registry", "serve", config], {
    stdio: ["ignore", "ignore", "ignore"],
    cwd: directory,
  });
  await answers(address, server);
  return {
    address,
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await server.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer();
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
  });
  return promise;
}

async function answers(address: string, server: Bun.Subprocess): Promise<void> {
  for (let tries = 0; tries < 200 && server.exitCode === null; tries++) {
    const response = await fetch(`http://${address}/v2/`).catch(() => undefined);
    if (response?.ok) return;
    await Bun.sleep(50);
  }
  throw new Error("docker-registry does not answer");
}
