/** What a client of BuildKit's protocol lends for a build: its files, secrets and credentials. */
import { CooperError } from "../../errors.ts";
import type { Credentials } from "../../registry/credentials.ts";
import type { RawStream } from "../http/reply.ts";
import { GrpcClient } from "./grpc.ts";
import { encode, Message } from "./protobuf.ts";

/** Headers of `POST /session` (Moby's session package). */
const idHeader = "x-docker-expose-session-uuid";
const methodHeader = "x-docker-expose-session-grpc-method";

/** How long a build waits for the session that it names. */
const waitMs = 20_000;

/** One client's offer, for as long as its connection is there. */
export class BuildSession {
  readonly client: GrpcClient;
  private readonly methods: ReadonlySet<string>;

  constructor(client: GrpcClient, methods: ReadonlySet<string>) {
    this.client = client;
    this.methods = methods;
  }

  /** Whether the client offers a method, by its whole path. */
  offers(path: string): boolean {
    return this.methods.has(path.toLowerCase());
  }

  /** undefined: it has none of that id, or none at all. */
  async secret(id: string): Promise<Uint8Array | undefined> {
    const path = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
    if (!this.offers(path)) return undefined;
    try {
      return new Message(await this.client.ask(path, encode([1, id]))).bytes(1);
    } catch (error) {
      if (error instanceof CooperError && error.code === "no-such-object") return undefined;
      throw error;
    }
  }

  /** What the client would show to a registry; undefined: nothing. */
  async credentials(registry: string): Promise<Credentials | undefined> {
    const path = "/moby.filesync.v1.Auth/Credentials";
    if (!this.offers(path)) return undefined;
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    const found = new Message(await this.client.ask(path, encode([1, host])));
    const [username, secret] = [found.string(1), found.string(2)];
    if (secret === "") return undefined;
    // docker's own configuration has a token in place of a password like this
    if (username === "") return { username, password: "", identityToken: secret };
    return { username, password: secret };
  }
}

/** The sessions of a service, by the id that each client chose. */
export class BuildSessions {
  private readonly sessions = new Map<string, BuildSession>();
  private readonly waiting = new Set<() => void>();

  /** What `POST /session` does with its connection: resolves when the client has gone. */
  async serve(headers: ReadonlyMap<string, string>, raw: RawStream): Promise<void> {
    const id = headers.get(idHeader) ?? "";
    const methods = (headers.get(methodHeader) ?? "").split(/,\s*/).map((one) => one.toLowerCase());
    const client = new GrpcClient(raw);
    this.sessions.set(id, new BuildSession(client, new Set(methods)));
    for (const wake of this.waiting) wake();
    try {
      await client.ended;
    } finally {
      this.sessions.delete(id);
      client.close();
    }
  }

  /** Why a client may not open a session; undefined: it may. */
  refusal(headers: ReadonlyMap<string, string>): string | undefined {
    const id = headers.get(idHeader) ?? "";
    if (headers.get("upgrade")?.toLowerCase() !== "h2c") return "a session is switched to h2c";
    if (id === "") return `${idHeader} is missing`;
    return this.sessions.has(id) ? `session ${id} already exists` : undefined;
  }

  /** The session of that id, also one that is still to come. @throws CooperError */
  async get(id: string): Promise<BuildSession> {
    const until = Date.now() + waitMs;
    for (;;) {
      const found = this.sessions.get(id);
      if (found !== undefined) return found;
      if (Date.now() >= until)
        throw new CooperError("timeout", `no active session for ${id}: its client has gone`);
      await this.change(until - Date.now());
    }
  }

  private change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.waiting.add(wake);
    });
  }
}
