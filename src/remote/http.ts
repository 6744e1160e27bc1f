/** HTTP/1.1 as a client of another engine speaks it, on one connection: what `fetch` cannot do is leaving HTTP (attach, exec). */
import { Body } from "../api/http/body.ts";
import { CooperError } from "../errors.ts";
import { parseStatus } from "./status.ts";
import type { Wire } from "./wire.ts";

/** A request. Without a length a stream is sent in chunks. */
export interface Request {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
}

/** An answer whose body has not been read yet. */
export interface Response {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body as it comes. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Whether the connection can take another request once the body is read. */
  readonly keepsAlive: boolean;
  /** Resolves when a body that was sent as a stream is sent, or nobody wants more of it. */
  readonly sent: Promise<void>;
}

const headLimit = 1 << 16;
/** What is said of a connection that ends before its answer. */
export const closedWords = "the connection was closed";

/** Sends a request and resolves to the head of the answer, which may come before all of the body is sent. */
export async function exchange(wire: Wire, request: Request): Promise<Response> {
  const { method, path, headers, body } = request;
  const isStream = body !== null && !(body instanceof Uint8Array);
  const length = isStream ? "Transfer-Encoding: chunked\r\n" : lengthLine(method, body);
  const fields = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value.replace(/[\r\n\0]/g, " ")}\r\n`)
    .join("");
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}${length}\r\n`);
  await wire.write(body instanceof Uint8Array ? Buffer.concat([head, body]) : head);
  let isAnswered = false;
  const sent = isStream ? sendChunks(wire, body, () => isAnswered) : Promise.resolve();
  sent.catch(() => undefined); // told where it is awaited
  const answer = await Promise.race([
    readAnswer(wire, method),
    // a stream that cannot be read is what failed, and not the engine
    sent.then(() => new Promise<never>(() => undefined)),
  ]);
  isAnswered = true;
  return { ...answer, sent };
}

function lengthLine(method: string, body: Uint8Array | null): string {
  if (body !== null) return `Content-Length: ${body.length}\r\n`;
  return method === "GET" || method === "HEAD" ? "" : "Content-Length: 0\r\n";
}

async function sendChunks(
  wire: Wire,
  body: AsyncIterable<Uint8Array>,
  isAnswered: () => boolean,
): Promise<void> {
  for await (const bytes of body) {
    // an engine that has refused reads no more
    if (isAnswered() && wire.isOver) return;
    if (bytes.length === 0) continue;
    const size = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    await wire.write(Buffer.concat([size, bytes, Buffer.from("\r\n")]));
  }
  await wire.write(Buffer.from("0\r\n\r\n"));
}

async function readAnswer(wire: Wire, method: string): Promise<Omit<Response, "sent">> {
  for (;;) {
    const text = await readHead(wire);
    const head = parseStatus(text);
    // an interim answer
    if (head.status >= 100 && head.status < 200 && head.status !== 101) continue;
    const { status, headers } = head;
    if (method === "HEAD" || status === 204 || status === 304)
      return { status, headers, body: nothing(), keepsAlive: head.keepsAlive };
    if (status === 101 || head.bodyLength === "until-end")
      return { status, headers, body: untilEnd(wire), keepsAlive: false };
    const body = new Body(wire.input, head.bodyLength);
    return { status, headers, body: whole(body), keepsAlive: head.keepsAlive };
  }
}

async function readHead(wire: Wire): Promise<string> {
  let text: string | undefined;
  try {
    text = await wire.input.readHead(headLimit);
  } catch (cause) {
    throw new CooperError("network", "what answers there does not speak HTTP", { cause });
  }
  if (text === undefined) throw new CooperError("network", closedWords);
  return text;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // no body
}

async function* untilEnd({ input }: Wire): AsyncGenerator<Uint8Array> {
  for (
    let bytes = await input.read(1 << 16);
    bytes !== undefined;
    bytes = await input.read(1 << 16)
  )
    yield bytes;
}

async function* whole(body: Body): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new CooperError("network", "the connection was lost in the middle of the answer", {
      cause,
    });
  }
}
