/** One engine elsewhere: its version agreed upon, requests one after the other or side by side, failures in our words. */
import { errorOf } from "../api/docker/error.ts";
import { oldestVersion, versionText } from "../api/versions.ts";
import { CooperError } from "../errors.ts";
import { version as ownVersion } from "../version.ts";
import { closedWords, exchange, type Request, type Response } from "./http.ts";
import type { Target } from "./target.ts";
import { tlsHint } from "./unreachable.ts";
import { openWire, type Wire } from "./wire.ts";

/** Values of a query: what is undefined or false is left out. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | null | undefined>
>;

export interface Call {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Bytes of another kind. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** What an engine says of itself. */
export interface Peer {
  readonly kind: "cooper" | "docker" | "podman";
  /** Minor number of the version that is spoken. */
  readonly version: number;
}

/** A connection that has left HTTP. */
export interface Hijacked extends Disposable {
  /** Whether output comes under headers, or bare. */
  readonly contentType: string;
  readonly output: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
}

/** The newest whose answers are read here: later ones leave out what lists tell. */
const spokenVersion = 51;

/** More JSON than this no engine sends. */
const jsonLimit = 64 << 20;

/** Connections to it are kept for one more request, and opened anew where one is busy. */
export class Client {
  readonly target: Target;
  private idle: Wire | undefined;
  private peerOnce: Promise<Peer> | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  /** Asked once. @throws CooperError network */
  peer(): Promise<Peer> {
    this.peerOnce ??= this.ping();
    return this.peerOnce;
  }

  private async ping(): Promise<Peer> {
    const answer = await this.send("GET", "/_ping", {});
    const said = await this.text(answer, 1 << 16);
    const theirs = /^1\.(\d{1,3})$/.exec(answer.headers.get("api-version") ?? "")?.[1];
    const { url } = this.target;
    if (answer.status >= 400 && theirs !== undefined) throw errorOf(answer.status, said, "/_ping");
    if (answer.status >= 400 || theirs === undefined)
      throw new CooperError("network", `what answers at ${url} does not speak Docker's API`, {
        hint: "it must be the socket of a service of Cooper, Podman or Docker",
      });
    if (Number(theirs) < oldestVersion)
      throw new CooperError(
        "not-supported",
        `the engine at ${url} speaks version 1.${theirs} of Docker's API, and ${versionText(oldestVersion)} is the oldest that is understood`,
        { hint: "it needs an update" },
      );
    const server = answer.headers.get("server") ?? "";
    const kind = /^Cooper/.test(server) ? "cooper" : /^Libpod/.test(server) ? "podman" : "docker";
    return { kind, version: Math.min(Number(theirs), spokenVersion) };
  }

  /** The document that answers; undefined without one. @throws CooperError what the engine says */
  async json(method: string, path: string, call: Call = {}): Promise<unknown> {
    const text = await this.text(await this.open(method, path, call), jsonLimit);
    if (text.trim() === "") return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw this.broken("an answer that is no JSON", cause);
    }
  }

  /** As json(), for what is not of interest. */
  async act(method: string, path: string, call: Call = {}): Promise<void> {
    await this.text(await this.open(method, path, call), jsonLimit);
  }

  /** The answer, its body unread. @throws CooperError what the engine says */
  async open(method: string, path: string, call: Call = {}): Promise<Response> {
    const { version } = await this.peer();
    return this.checked(await this.send(method, `/v${versionText(version)}${path}`, call), path);
  }

  /** Documents one after the other, a line each. */
  async *lines(method: string, path: string, call: Call = {}): AsyncGenerator<unknown, void> {
    const { body } = await this.open(method, path, call);
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of body) {
      rest += decoder.decode(bytes, { stream: true });
      const parts = rest.split("\n");
      rest = parts.pop() ?? "";
      if (rest.length > jsonLimit) throw this.broken("a line without end");
      for (const part of parts) if (part.trim() !== "") yield this.parse(part);
    }
    if (rest.trim() !== "") yield this.parse(rest);
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw this.broken("a line that is no JSON", cause);
    }
  }

  /** Takes a connection over: both directions are bare bytes from then on. */
  async hijack(path: string, call: Call = {}): Promise<Hijacked> {
    const { version } = await this.peer();
    const wire = await openWire(this.target);
    const offer = { Connection: "Upgrade", Upgrade: "tcp" };
    const request = this.request("POST", `/v${versionText(version)}${path}`, call);
    const answer = await this.on(wire, { ...request, headers: { ...request.headers, ...offer } });
    const { headers, body } = await this.checked(answer, path);
    return {
      contentType: headers.get("content-type") ?? "",
      output: body,
      write: (bytes) => wire.write(bytes),
      endInput: () => wire.end(),
      [Symbol.dispose]: () => wire.close(),
    };
  }

  /** Gives back the connection that is kept. */
  close(): void {
    this.idle?.close();
    this.idle = undefined;
  }

  /** The text of a whole body. */
  async text({ body }: Pick<Response, "body">, limit: number): Promise<string> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const bytes of body) {
      size += bytes.length;
      if (size > limit) throw this.broken(`an answer of more than ${limit >> 20} MiB`);
      parts.push(bytes);
    }
    return Buffer.concat(parts).toString("utf8");
  }

  private async checked(answer: Response, path: string): Promise<Response> {
    if (answer.status < 400) return answer;
    throw errorOf(answer.status, await this.text(answer, 1 << 20), path);
  }

  private async send(method: string, path: string, call: Call): Promise<Response> {
    const request = this.request(method, path, call);
    const kept = this.idle;
    this.idle = undefined;
    if (kept !== undefined && !kept.isOver) return this.on(kept, request, call.signal);
    return this.on(await openWire(this.target), request, call.signal);
  }

  /** The connection is kept for the next request once the answer was read to its end. */
  private async on(wire: Wire, request: Request, signal?: AbortSignal): Promise<Response> {
    const stop = () => wire.close();
    signal?.addEventListener("abort", stop, { once: true });
    let answer: Response;
    try {
      answer = await exchange(wire, request);
    } catch (error) {
      if (!(error instanceof CooperError) || error.code !== "network") throw error;
      throw await this.lost(wire, error);
    }
    return {
      ...answer,
      body: this.keeping(wire, answer, () => signal?.removeEventListener("abort", stop)),
    };
  }

  private async *keeping(
    wire: Wire,
    { body, keepsAlive, sent }: Response,
    onEnd: () => void,
  ): AsyncGenerator<Uint8Array> {
    let isRead = false;
    try {
      yield* body;
      await sent;
      isRead = true;
    } finally {
      onEnd();
      if (isRead && keepsAlive && this.idle === undefined) this.idle = wire;
      else wire.close();
    }
  }

  /** What a connection that broke off was: ssh tells more than its end does. */
  private async lost(wire: Wire, error: CooperError): Promise<CooperError> {
    wire.close();
    const said = await Promise.race([wire.complaint(), Bun.sleep(1000).then(() => "")]);
    const why = said === "" ? error.message : said.split("\n").slice(-3).join("; ");
    const hint = said === "" && error.message === closedWords ? tlsHint(this.target) : undefined;
    return new CooperError("network", `cannot reach the engine at ${this.target.url}: ${why}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    });
  }

  /** A service on a network wants to be called by its name, which no page of a stranger can. */
  private request(method: string, path: string, call: Call): Request {
    const { target } = this;
    const host = target.kind === "tcp" ? target.url.replace("tcp://", "") : "engine";
    return requestOf(method, path, call, host);
  }

  private broken(what: string, cause?: unknown): CooperError {
    return new CooperError("hostile", `the engine at ${this.target.url} sent ${what}`, { cause });
  }
}

function requestOf(method: string, path: string, call: Call, host: string): Request {
  const { json, body, contentType } = call;
  const headers = {
    Host: host,
    "User-Agent": `Cooper/${ownVersion}`,
    ...(json !== undefined && { "Content-Type": "application/json" }),
    ...(contentType !== undefined && { "Content-Type": contentType }),
    ...call.headers,
  };
  return {
    method,
    path: path + queryText(call.query ?? {}),
    headers,
    body: json === undefined ? (body ?? null) : Buffer.from(JSON.stringify(json)),
  };
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === false) continue;
    if (Array.isArray(value)) for (const one of value) parameters.append(name, one);
    else parameters.append(name, value === true ? "1" : `${value}`);
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
