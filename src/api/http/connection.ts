/**
 * A client's connection: requests one after the other, each answered before the next is read.
 *
 * Ours instead of the runtime's two servers, since neither can do what Docker's clients need (measured
 * with Bun 1.4): `node:http` loses the JSON body of a request that also upgrades (`POST /exec/ID/start`),
 * and answers 400 to what follows a `POST /attach` without an upgrade, as older clients send it.
 */
import type { Socket } from "bun";
import { Body } from "./body.ts";
import { Input } from "./input.ts";
import type { RawStream, Reply } from "./reply.ts";
import { parseHead, type RequestHead } from "./request.ts";

/** A request as a handler sees it. */
export interface HttpRequest extends RequestHead {
  readonly body: Body;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** Answers requests; throwing closes the connection. */
export interface HttpHandler {
  answer(request: HttpRequest): Promise<Reply>;
  /** What answers a request that cannot even be read. */
  refuse(error: unknown): Reply;
  /** Headers of every answer. */
  readonly headers: string;
}

const headLimit = 1 << 16;
const drainLimit = 1 << 20;
/** A client that began a request may take this long to send its head. */
export const headSeconds = 30;
const statusTexts: Readonly<Record<number, string>> = {
  101: "UPGRADED",
  200: "OK",
  201: "Created",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
};

/** One client. The socket's events are handed to it; it asks the handler for answers. */
export class Connection {
  readonly input: Input;
  private readonly socket: Socket<Connection | undefined>;
  private readonly gone = new AbortController();
  private unsent: Uint8Array[] = [];
  private onDrained: (() => void) | undefined;
  /** A client that stops sending on a network has gone; on a unix socket the two are told apart. */
  private readonly endIsGone: boolean;
  private isHijacked = false;

  constructor(socket: Socket<Connection | undefined>, endIsGone: boolean) {
    this.socket = socket;
    this.endIsGone = endIsGone;
    this.input = new Input(socket);
  }

  /** The peer has closed its side. */
  ended(): void {
    this.input.end();
    if (this.endIsGone && !this.isHijacked) this.gone.abort();
  }

  /** Nothing can be sent any more. */
  closed(): void {
    this.input.end();
    this.gone.abort();
    this.unsent = [];
    this.onDrained?.();
  }

  /** The socket takes bytes again. */
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
    this.onDrained?.();
  }

  /** Resolves when the socket has taken it, or is gone. */
  private write(bytes: Uint8Array | string): Promise<void> | undefined {
    if (this.gone.signal.aborted) return undefined;
    const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    if (this.unsent.length === 0) {
      const sent = this.socket.write(all);
      if (sent < 0) {
        this.closed();
        return undefined;
      }
      if (sent >= all.length) return undefined;
      this.unsent.push(all.slice(sent));
    } else {
      this.unsent.push(all.slice());
    }
    return new Promise((resolve) => {
      const before = this.onDrained;
      this.onDrained = () => {
        this.onDrained = undefined;
        before?.();
        resolve();
      };
    });
  }

  /** Answers until either side has enough. `onBusy` is told when a request begins and when it is over. */
  async serve(handler: HttpHandler, onBusy: (change: 1 | -1) => void): Promise<void> {
    try {
      for (let goesOn = true; goesOn; ) {
        let head: RequestHead;
        try {
          const text = await this.input.readHead(headLimit);
          if (text === undefined) break;
          this.socket.timeout(0);
          head = parseHead(text);
        } catch (error) {
          await this.send(
            handler,
            { isHttp10: false, upgrades: false },
            handler.refuse(error),
            false,
          );
          break;
        }
        onBusy(1);
        try {
          goesOn = await this.one(handler, head);
        } finally {
          onBusy(-1);
        }
      }
    } finally {
      this.socket.end();
    }
  }

  /** Resolves to whether the connection can be used for another request. */
  private async one(handler: HttpHandler, head: RequestHead): Promise<boolean> {
    const body = new Body(
      this.input,
      head.bodyLength,
      head.expectsContinue ? () => void this.write("HTTP/1.1 100 Continue\r\n\r\n") : undefined,
    );
    const reply = await handler.answer({ ...head, body, signal: this.gone.signal });
    // some clients send their query as a body too: it is not what they then say to the container
    if (reply.hijack !== undefined && head.bodyLength !== null) await body.drain(drainLimit);
    // a client that was never told to send its body may do so all the same, or not: nobody knows
    const goesOn = head.keepsAlive && reply.hijack === undefined && !body.isUnasked;
    await this.send(handler, head, reply, goesOn);
    if (reply.hijack !== undefined) {
      this.isHijacked = true;
      await reply.hijack(this.rawStream());
      return false;
    }
    return goesOn && !this.gone.signal.aborted && (body.isOver || (await body.drain(drainLimit)));
  }

  private async send(
    handler: HttpHandler,
    request: Pick<RequestHead, "isHttp10" | "upgrades"> & { readonly method?: string },
    reply: Reply,
    keepsAlive: boolean,
  ): Promise<void> {
    const { body, hijack } = reply;
    const status = hijack !== undefined && request.upgrades ? 101 : reply.status;
    const hasNoBody = request.method === "HEAD" || status === 204 || status === 304;
    let head = `HTTP/1.1 ${status} ${statusTexts[status] ?? "Status"}\r\n${handler.headers}`;
    for (const [name, value] of Object.entries(reply.headers ?? {}))
      head += `${name}: ${value.replace(/[\r\n\0]/g, " ")}\r\n`;
    if (hijack !== undefined) {
      if (status === 101) head += `Connection: Upgrade\r\nUpgrade: ${reply.upgrade ?? "tcp"}\r\n`;
      await this.write(`${head}\r\n`);
      return;
    }
    head += `Date: ${new Date().toUTCString()}\r\n`;
    if (!keepsAlive) head += "Connection: close\r\n";
    else if (request.isHttp10) head += "Connection: keep-alive\r\n";
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
      const bytes = body === undefined ? new Uint8Array() : Buffer.from(body);
      if (!hasNoBody) head += `Content-Length: ${bytes.length}\r\n`;
      await this.write(
        hasNoBody ? `${head}\r\n` : Buffer.concat([Buffer.from(`${head}\r\n`), bytes]),
      );
      return;
    }
    // HTTP/1.0 knows no chunks: there the end of the connection is the end of the body
    const isChunked = !request.isHttp10;
    await this.write(`${head}${isChunked ? "Transfer-Encoding: chunked\r\n" : ""}\r\n`);
    if (!hasNoBody) await this.sendStream(body, isChunked);
    else if (Symbol.asyncIterator in body) await body[Symbol.asyncIterator]().return?.();
    if (!isChunked && !hasNoBody) this.socket.end();
  }

  private async sendStream(
    body: AsyncIterable<Uint8Array | string>,
    isChunked: boolean,
  ): Promise<void> {
    for await (const part of body) {
      if (this.gone.signal.aborted) return;
      const bytes = typeof part === "string" ? Buffer.from(part) : part;
      if (bytes.length === 0) continue;
      await this.write(
        isChunked
          ? Buffer.concat([
              Buffer.from(`${bytes.length.toString(16)}\r\n`),
              bytes,
              Buffer.from("\r\n"),
            ])
          : bytes,
      );
    }
    if (isChunked) await this.write("0\r\n\r\n");
  }

  private rawStream(): RawStream {
    return {
      read: () => this.input.read(1 << 16),
      write: (bytes) => this.write(bytes),
      signal: this.gone.signal,
    };
  }
}
