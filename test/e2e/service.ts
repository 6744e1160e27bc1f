/** The API of a test's store, served by the compiled binary, and clients that ask it. */
import { join } from "node:path";
import type { Result, TestHost } from "./host.ts";

/** Docker's own client, where the machine has one. */
export const dockerClient = Bun.which("docker");

/** Podman's own client, where the machine has one. */
export const podmanClient = Bun.which("podman");

interface ClientOptions {
  readonly stdin?: string;
  readonly tty?: boolean;
}

async function runClient(words: readonly string[], options: ClientOptions): Promise<Result> {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = Bun.spawn(options.tty ? ["script", "-qec", quoted, "/dev/null"] : [...words], {
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", TERM: "dumb" },
    stdio: [options.stdin === undefined ? "ignore" : new Blob([options.stdin]), "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, stdout, stderr };
}

/** A service that runs; disposing ends it. */
export class Service implements AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  private readonly child: Bun.Subprocess;

  private constructor(socket: string, child: Bun.Subprocess) {
    this.socket = socket;
    this.child = child;
    this.pid = child.pid;
  }

  /** Resolves once it listens. */
  static async start(host: TestHost, ...args: string[]): Promise<Service> {
    const socket = join(host.run, "cooper.sock");
    const child = host.start(
      {},
      "system",
      "service",
      ...(args.length > 0 ? args : ["--time", "0"]),
    );
    const service = new Service(socket, child);
    for (let waits = 0; !(await service.answers()); waits++) {
      if (waits > 500 || child.exitCode !== null)
        throw new Error(`the service does not listen: ${await new Response(child.stderr).text()}`);
      await Bun.sleep(20);
    }
    return service;
  }

  private async answers(): Promise<boolean> {
    const answer = await this.ask("GET", "/_ping").catch(() => undefined); // it does not listen yet
    return answer?.status === 200;
  }

  /** Runs docker's client against it. */
  async docker(...args: string[]): Promise<Result> {
    return this.dockerWith({}, ...args);
  }

  async dockerWith(options: ClientOptions, ...args: string[]): Promise<Result> {
    return runClient(["docker", "-H", `unix://${this.socket}`, ...args], options);
  }

  /** Runs Podman's client against it, as a remote one. */
  async podman(...args: string[]): Promise<Result> {
    return this.podmanWith({}, ...args);
  }

  async podmanWith(options: ClientOptions, ...args: string[]): Promise<Result> {
    return runClient(["podman", "--remote", "--url", `unix://${this.socket}`, ...args], options);
  }

  /** Runs Podman's client, which must succeed; its output without the last newline. */
  async mustPodman(...args: string[]): Promise<string> {
    const result = await this.podman(...args);
    if (result.exitCode !== 0)
      throw new Error(`podman ${args.join(" ")}: exit ${result.exitCode}: ${result.stderr}`);
    return result.stdout.trimEnd();
  }

  /** Runs docker's client, which must succeed; its output without the last newline. */
  async must(...args: string[]): Promise<string> {
    const result = await this.docker(...args);
    if (result.exitCode !== 0)
      throw new Error(`docker ${args.join(" ")}: exit ${result.exitCode}: ${result.stderr}`);
    return result.stdout.trimEnd();
  }

  /** Asks by HTTP, as a client of an SDK would. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://docker${path}`, {
      method,
      unix: this.socket,
      ...(body !== undefined && {
        body: typeof body === "string" ? body : JSON.stringify(body),
        headers: { "Content-Type": "application/json" },
      }),
    });
    return { status: response.status, text: await response.text() };
  }

  /** Sends bytes as they are, and resolves to what comes back until `until` is in it or the end. */
  async raw(sent: string, until?: string, then?: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    let received = "";
    let hasSent = false;
    const socket = await Bun.connect({
      unix: this.socket,
      allowHalfOpen: true,
      socket: {
        data(peer, bytes) {
          received += bytes.toString("latin1");
          if (until === undefined || !received.includes(until) || hasSent) return;
          hasSent = true;
          if (then === undefined) resolve(received);
          else {
            peer.write(then);
            peer.shutdown();
          }
        },
        end: () => resolve(received),
        close: () => resolve(received),
        error: () => resolve(received),
      },
    });
    socket.write(sent);
    return promise.finally(() => socket.end());
  }

  /** Resolves to its exit status. */
  async ended(): Promise<number> {
    return this.child.exited;
  }

  /** Asks it to end. */
  terminate(): void {
    this.child.kill("SIGTERM");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    await this.child.exited;
  }
}
