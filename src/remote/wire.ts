/** The bytes to and from another engine: a socket, TLS, or the standard streams of ssh. */
import { readFileSync } from "node:fs";
import type { Socket, TLSOptions } from "bun";
import { Input } from "../api/http/input.ts";
import { CooperError, messageOf } from "../errors.ts";
import { findProgram } from "../system/program.ts";
import { sshCommand } from "./ssh.ts";
import type { Target, TlsFiles } from "./target.ts";
import { unreachable } from "./unreachable.ts";

/** An open connection. */
export interface Wire {
  readonly input: Input;
  /** Resolves when more can be taken; what is written to a peer that has gone is lost. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends nothing more, and still receives. */
  end(): void;
  close(): void;
  /** Whether the peer has closed its side, or all of it. */
  readonly isOver: boolean;
  /** What a program between us says of its end; empty where there is none. */
  complaint(): Promise<string>;
}

const connectMs = 30_000;

/** @throws CooperError network, permission-denied: what is wrong, and what mends it */
export async function openWire(target: Target): Promise<Wire> {
  return target.kind === "ssh" ? sshWire(target) : socketWire(target);
}

class SocketWire implements Wire {
  readonly input: Input;
  isOver = false;
  private readonly socket: Socket<SocketWire | undefined>;
  private unsent: Uint8Array[] = [];
  private waiting: (() => void)[] = [];
  private endsWhenSent = false;

  constructor(socket: Socket<SocketWire | undefined>) {
    this.socket = socket;
    this.input = new Input(socket);
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.isOver && this.unsent.length === 0 && this.hasGone) return Promise.resolve();
    let rest = bytes;
    if (this.unsent.length === 0) {
      const sent = this.socket.write(bytes);
      if (sent < 0) {
        this.closed();
        return Promise.resolve();
      }
      if (sent >= bytes.length) return Promise.resolve();
      rest = bytes.subarray(sent);
    }
    this.unsent.push(rest.slice());
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  drained(): void {
    while (this.unsent.length > 0) {
      const [first = new Uint8Array()] = this.unsent;
      const sent = this.socket.write(first);
      if (sent < 0) return this.closed();
      if (sent < first.length) {
        this.unsent[0] = first.subarray(sent);
        return;
      }
      this.unsent.shift();
    }
    this.release();
    if (this.endsWhenSent) this.socket.shutdown();
  }

  private hasGone = false;

  private release(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  ended(): void {
    this.isOver = true;
    this.input.end();
  }

  closed(): void {
    this.hasGone = true;
    this.unsent = [];
    this.ended();
    this.release();
  }

  end(): void {
    if (this.unsent.length > 0) this.endsWhenSent = true;
    else this.socket.shutdown();
  }

  close(): void {
    this.socket.end();
  }

  complaint(): Promise<string> {
    return Promise.resolve("");
  }
}

type SocketTarget = Exclude<Target, { kind: "ssh" }>;

async function socketWire(target: SocketTarget): Promise<Wire> {
  const opened = Promise.withResolvers<SocketWire>();
  const refused = (cause: unknown) => opened.reject(unreachable(target, cause));
  const handlers = {
    open(socket: Socket<SocketWire | undefined>) {
      socket.data = new SocketWire(socket);
      if (target.kind === "unix" || target.tls === null) opened.resolve(socket.data);
    },
    handshake(socket: Socket<SocketWire | undefined>, isTrusted: boolean, error: Error | null) {
      const verifies = target.kind === "tcp" && target.tls?.verifies !== false;
      if (socket.data !== undefined && (isTrusted || !verifies)) return opened.resolve(socket.data);
      refused(error ?? new Error("its certificate cannot be trusted"));
      socket.terminate();
    },
    data(socket: Socket<SocketWire | undefined>, bytes: Buffer) {
      socket.data?.input.push(Buffer.from(bytes));
    },
    drain: (socket: Socket<SocketWire | undefined>) => socket.data?.drained(),
    end: (socket: Socket<SocketWire | undefined>) => socket.data?.ended(),
    close(socket: Socket<SocketWire | undefined>) {
      refused(new Error("it closed the connection"));
      socket.data?.closed();
    },
    error(socket: Socket<SocketWire | undefined>, error: Error) {
      refused(error);
      socket.data?.closed();
    },
    connectError: (_: unknown, error: Error) => refused(error),
  };
  const timer = setTimeout(() => refused(new Error("it does not answer")), connectMs);
  try {
    const place =
      target.kind === "unix"
        ? { unix: target.path }
        : {
            hostname: target.host,
            port: target.port,
            ...(target.tls !== null && { tls: tlsOptions(target.tls, target.host) }),
          };
    Bun.connect({ ...place, allowHalfOpen: true, socket: handlers } as never).catch(refused);
    return await opened.promise;
  } finally {
    clearTimeout(timer);
  }
}

function tlsOptions(tls: TlsFiles, host: string): TLSOptions {
  return {
    ...(tls.ca !== null && { ca: readPem(tls.ca) }),
    ...(tls.certificate !== null && { cert: readPem(tls.certificate) }),
    ...(tls.key !== null && { key: readPem(tls.key) }),
    rejectUnauthorized: tls.verifies,
    serverName: tls.serverName ?? host,
  } as TLSOptions;
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new CooperError("invalid-argument", `cannot read ${file}: ${messageOf(cause)}`, {
      cause,
      hint: "certificates are --tlscacert, --tlscert and --tlskey, or DOCKER_CERT_PATH",
    });
  }
}

/** What ssh says on its way out, at most. */
const maxComplaint = 4096;

function sshWire(target: Extract<Target, { kind: "ssh" }>): Wire {
  if (findProgram("ssh") === undefined)
    throw new CooperError("missing-helper", `${target.url} needs ssh, which is not installed`, {
      hint: "install the package openssh-client",
    });
  const child = Bun.spawn(sshCommand(target), { stdio: ["pipe", "pipe", "pipe"] });
  const reader = child.stdout.getReader();
  let wake: () => void = () => undefined;
  let isHeld = false;
  const input = new Input({
    pause() {
      isHeld = true;
    },
    resume() {
      isHeld = false;
      wake();
    },
  });
  let isOver = false;
  const pump = async () => {
    for (;;) {
      if (isHeld)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const { done, value } = await reader.read();
      if (done) break;
      input.push(Buffer.from(value));
    }
  };
  pump()
    .catch(() => undefined) // ssh has ended, which its complaint tells
    .finally(() => {
      isOver = true;
      input.end();
    });
  const said = lastOf(child.stderr, maxComplaint);
  return {
    input,
    get isOver() {
      return isOver;
    },
    async write(bytes) {
      if (isOver) return;
      child.stdin.write(bytes);
      await child.stdin.flush();
    },
    end: () => void child.stdin.end(),
    close() {
      child.kill();
    },
    complaint: () => said,
  };
}

/** The last lines of what a program says. */
async function lastOf(stream: ReadableStream<Uint8Array>, max: number): Promise<string> {
  let text = "";
  for await (const bytes of stream) text = (text + Buffer.from(bytes).toString()).slice(-max);
  return text.trim();
}
