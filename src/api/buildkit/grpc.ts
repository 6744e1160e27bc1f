/**
 * gRPC over a connection that has left HTTP/1.1, in both roles: on BuildKit's `/grpc` the client asks us, on
 * `/session` we ask the client. (grpc.io, "gRPC over HTTP2")
 */
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { Duplex, type Readable, type Writable } from "node:stream";
import { decodePercent } from "../../build/source/url-text.ts";
import { CooperError, type ErrorCode } from "../../errors.ts";
import { failureOf } from "../failure.ts";
import type { RawStream } from "../http/reply.ts";

/** BuildKit's own clients send no larger ones. */
const maxMessageBytes = 16 << 20;

/** grpc.io, "Status codes". */
const codes = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalid: 3,
  notFound: 5,
  unimplemented: 12,
} as const;

const codeOf: Partial<Record<ErrorCode, number>> = {
  cancelled: codes.cancelled,
  "invalid-argument": codes.invalid,
  "no-such-object": codes.notFound,
  "no-such-image": codes.notFound,
  "unknown-command": codes.unimplemented,
  "not-supported": codes.unimplemented,
};

/** One call of a method, as the one who answers it sees it. */
export interface ServerCall {
  readonly metadata: IncomingHttpHeaders;
  /** What the client sends. */
  readonly messages: AsyncIterable<Buffer>;
  send(message: Uint8Array): Promise<void>;
  /** Aborted when the client has gone, or has cancelled the call. */
  readonly signal: AbortSignal;
}

/** Answers a method; by its whole path, `/package.Service/Method`. */
export type Methods = Readonly<Record<string, (call: ServerCall) => Promise<void>>>;

/** A method with one question and one answer. */
export function unary(
  answer: (question: Buffer, call: ServerCall) => Promise<Uint8Array>,
): (call: ServerCall) => Promise<void> {
  return async (call) => {
    for await (const question of call.messages) {
      await call.send(await answer(question, call));
      return;
    }
    throw new CooperError("invalid-argument", "a call without a question");
  };
}

/** Answers calls until the connection ends. */
export async function serveGrpc(raw: RawStream, methods: Methods): Promise<void> {
  const connection = new RawDuplex(raw);
  const server = createServer();
  server.on("stream", (stream, headers) => {
    void answerCall(stream as ServerHttp2Stream, headers, methods);
  });
  // what is malformed ends its connection
  server.on("sessionError", () => connection.destroy());
  server.on("error", () => connection.destroy());
  server.emit("connection", connection);
  await connection.ended;
}

async function answerCall(
  stream: ServerHttp2Stream,
  metadata: IncomingHttpHeaders,
  methods: Methods,
): Promise<void> {
  const gone = new AbortController();
  stream.on("close", () => gone.abort());
  stream.on("error", () => gone.abort());
  stream.respond(
    { ":status": 200, "content-type": "application/grpc" },
    { waitForTrailers: true, endStream: false },
  );
  let trailers: OutgoingHttpHeaders = { "grpc-status": `${codes.ok}` };
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  try {
    const method = methods[String(metadata[":path"])];
    if (method === undefined)
      throw new CooperError("unknown-command", `unknown method ${metadata[":path"]}`);
    await method({
      metadata,
      messages: messagesOf(stream),
      send: (message) => sendMessage(stream, message),
      signal: gone.signal,
    });
  } catch (error) {
    const code = error instanceof CooperError ? codeOf[error.code] : undefined;
    trailers = {
      "grpc-status": `${code ?? codes.unknown}`,
      "grpc-message": encodeURIComponent(failureOf(error).message.toWellFormed()),
    };
  }
  if (!stream.destroyed) stream.end();
}

/** The messages of a stream: each a byte for compression, its length, and itself. */
async function* messagesOf(stream: Readable): AsyncGenerator<Buffer, void> {
  let rest: Buffer = Buffer.alloc(0);
  // who has read enough has not done with the stream
  const chunks: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const length = rest.readUInt32BE(1);
      if (rest[0] !== 0) throw new CooperError("not-supported", "compressed messages are not read");
      if (length > maxMessageBytes)
        throw new CooperError(
          "invalid-argument",
          `a message is larger than ${maxMessageBytes} bytes`,
        );
      if (rest.length < 5 + length) break;
      yield rest.subarray(5, 5 + length);
      rest = rest.subarray(5 + length);
    }
  }
}

/** Resolves when the peer can take more. */
async function sendMessage(stream: Writable, message: Uint8Array): Promise<void> {
  if (stream.destroyed) throw new CooperError("cancelled", "the client has gone");
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  if (stream.write(Buffer.concat([head, message]))) return;
  await new Promise<void>((resolve) => {
    stream.once("drain", resolve);
    stream.once("close", resolve);
  });
}

/** A call that we make. */
export interface ClientCall {
  send(message: Uint8Array): Promise<void>;
  /** Nothing more is sent. */
  end(): void;
  /** What is answered; fails with what the other side says went wrong. */
  readonly messages: AsyncIterable<Buffer>;
  cancel(): void;
}

/** Asks the program at the other end of a connection. */
export class GrpcClient {
  private readonly session: ClientHttp2Session;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;

  constructor(raw: RawStream) {
    const connection = new RawDuplex(raw);
    this.ended = connection.ended;
    this.session = connect("http://localhost", { createConnection: () => connection });
    this.session.on("error", () => connection.destroy());
  }

  close(): void {
    this.session.destroy();
  }

  /** @param metadata a list is sent as several headers of one name */
  call(path: string, metadata: Readonly<Record<string, string | string[]>> = {}): ClientCall {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...metadata,
    });
    let status: IncomingHttpHeaders = {};
    stream.on("response", (headers) => {
      status = headers;
    });
    stream.on("trailers", (headers) => {
      status = headers;
    });
    stream.on("error", () => undefined); // told by the messages, which end early
    return {
      send: (message) => sendMessage(stream, message),
      end: () => void stream.end(),
      cancel: () => stream.close(8), // RFC 9113, 7: CANCEL
      messages: (async function* () {
        yield* messagesOf(stream);
        const code = status["grpc-status"];
        if (code === undefined) throw new CooperError("cancelled", "the client has gone");
        if (Number(code) === codes.ok) return;
        const message = decodePercent(String(status["grpc-message"] ?? ""));
        throw new CooperError(
          Number(code) === codes.notFound ? "no-such-object" : "helper-failed",
          message === "" ? `the client failed (status ${code})` : message,
        );
      })(),
    };
  }

  /** One question, one answer. */
  async ask(path: string, question: Uint8Array): Promise<Buffer> {
    const call = this.call(path);
    await call.send(question);
    call.end();
    let found: Buffer | undefined;
    for await (const message of call.messages) found ??= message;
    if (found === undefined) throw new CooperError("helper-failed", `no answer to ${path}`);
    return found;
  }
}

/** A bare connection as the stream that the runtime's HTTP/2 takes. */
class RawDuplex extends Duplex {
  private readonly raw: RawStream;
  private isReading = false;
  readonly ended: Promise<void>;

  constructor(raw: RawStream) {
    super();
    this.raw = raw;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.once("close", resolve);
    this.on("error", resolve);
    raw.signal.addEventListener("abort", () => this.destroy(), { once: true });
  }

  override _read(): void {
    if (this.isReading) return;
    this.isReading = true;
    void this.raw.read().then(
      (bytes) => {
        this.isReading = false;
        this.push(bytes === undefined ? null : bytes);
        if (bytes === undefined) this.destroy();
      },
      () => this.destroy(),
    );
  }

  override _write(bytes: Buffer, _: string, done: (error?: Error | null) => void): void {
    const sent = this.raw.write(bytes);
    if (sent === undefined) done();
    else
      sent.then(
        () => done(),
        () => done(),
      );
  }
}
