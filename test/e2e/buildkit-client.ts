/** A client of BuildKit's protocol, as buildx is one: it lends its files, and asks for a build of them. */
import { randomBytes } from "node:crypto";
import {
  GrpcClient,
  type Methods,
  type ServerCall,
  serveGrpc,
} from "../../src/api/buildkit/grpc.ts";
import { encode, Message, mapFields } from "../../src/api/buildkit/protobuf.ts";
import type { RawStream } from "../../src/api/http/reply.ts";

/** A file of the client's, by its path. */
export interface LentFile {
  readonly contents?: string;
  /** Go's os.FileMode; left out: a file that all may read. */
  readonly mode?: number;
  readonly target?: string;
}

export type LentFiles = Readonly<Record<string, LentFile | string>>;

/** What came of a build. */
export interface Built {
  /** ExporterResponse; undefined when it failed. */
  readonly response: Record<string, string> | undefined;
  readonly error: string;
  /** Names of vertices, with what became of each. */
  readonly vertices: ReadonlyMap<string, { cached: boolean; completed: boolean; error: string }>;
  readonly output: string;
}

/** Switches a connection to HTTP/2. */
async function hijack(
  socket: string,
  path: string,
  headers: readonly string[] = [],
): Promise<RawStream & { close(): void }> {
  const gone = new AbortController();
  const received: Uint8Array[] = [];
  let wake: () => void = () => undefined;
  const drained: (() => void)[] = [];
  const peer = await Bun.connect({
    unix: socket,
    socket: {
      data(_, bytes) {
        received.push(Uint8Array.from(bytes));
        wake();
      },
      drain: () => drained.splice(0).forEach((resolve) => void resolve()),
      close() {
        gone.abort();
        wake();
      },
    },
  });
  const head = [
    `POST ${path} HTTP/1.1`,
    "Host: x",
    "Connection: Upgrade",
    "Upgrade: h2c",
    ...headers,
  ];
  peer.write(`${head.join("\r\n")}\r\n\r\n`);
  const stream = {
    signal: gone.signal,
    async read() {
      while (received.length === 0 && !gone.signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return received.shift();
    },
    async write(bytes: Uint8Array) {
      for (let rest = bytes; rest.length > 0; ) {
        const sent = peer.write(rest);
        if (sent < 0) return;
        rest = rest.subarray(sent);
        if (rest.length > 0) await new Promise<void>((resolve) => drained.push(resolve));
      }
    },
    close: () => void peer.terminate(),
  };
  let answer = Buffer.alloc(0);
  for (let end = -1; end < 0; end = answer.indexOf("\r\n\r\n")) {
    const bytes = await stream.read();
    if (bytes === undefined) throw new Error("the service has closed the connection");
    answer = Buffer.concat([answer, bytes]);
  }
  const end = answer.indexOf("\r\n\r\n") + 4;
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(answer.toString());
  if (answer.length > end) received.unshift(answer.subarray(end));
  return stream;
}

/** fsutil's side that sends. */
export async function lend(call: ServerCall, files: LentFiles): Promise<void> {
  const packet = (...fields: Parameters<typeof encode>) => call.send(encode(...fields));
  const entries = Object.entries(files).map(([path, file]) => ({
    path,
    ...(typeof file === "string" ? { contents: file } : file),
  }));
  for (const { path, contents = "", mode = 0o644, target = "" } of entries) {
    const size = Buffer.byteLength(contents);
    await packet([2, encode([1, path], [2, mode], [5, size], [6, 10n ** 18n], [7, target])]);
  }
  await packet([1, 0]);
  for await (const bytes of call.messages) {
    const message = new Message(bytes);
    if (message.number(1) === 3) return packet([1, 3]);
    const number = message.number(3);
    const { contents = "" } = entries[number] ?? {};
    if (contents !== "") await packet([1, 2], [3, number], [4, Buffer.from(contents)]);
    await packet([1, 2], [3, number]);
  }
}

/** @param more methods that the client offers besides */
export async function buildWith(
  socket: string,
  files: Readonly<Record<string, LentFiles>>,
  attributes: Readonly<Record<string, string>>,
  tag = "",
  more: Methods = {},
): Promise<Built> {
  const methods: Methods = {
    "/moby.filesync.v1.FileSync/DiffCopy": async (call) => {
      const wanted = ["include-patterns"].flatMap((name) => call.metadata[name] ?? []);
      const only = wanted.flatMap((text) => `${text}`.split(", "));
      const all = Object.entries(files[String(call.metadata["dir-name"])] ?? {});
      const shown = all.filter(([path]) => only.length === 0 || only.includes(path));
      await lend(call, Object.fromEntries(shown));
    },
    ...more,
  };
  const id = randomBytes(8).toString("hex");
  const offered = Object.keys(methods).map(
    (name) => `X-Docker-Expose-Session-Grpc-Method: ${name}`,
  );
  const lent = await hijack(socket, "/session", [
    `X-Docker-Expose-Session-Uuid: ${id}`,
    ...offered,
  ]);
  const serving = serveGrpc(lent, methods);
  const raw = await hijack(socket, "/grpc");
  const client = new GrpcClient(raw);
  const ref = randomBytes(8).toString("hex");
  const vertices = new Map<string, { cached: boolean; completed: boolean; error: string }>();
  let output = "";
  const watching = (async () => {
    const call = client.call("/moby.buildkit.v1.Control/Status");
    await call.send(encode([1, ref]));
    call.end();
    for await (const bytes of call.messages) {
      const status = new Message(bytes);
      for (const vertex of status.messages(1))
        vertices.set(vertex.string(3), {
          cached: vertex.boolean(4),
          completed: vertex.message(6) !== undefined,
          error: vertex.string(7),
        });
      for (const log of status.messages(3)) output += log.string(4);
    }
  })();
  let response: Record<string, string> | undefined;
  let error = "";
  try {
    const exporter = encode([1, "moby"], ...mapFields(2, { name: tag }));
    const solve = encode([1, ref], [5, id], [6, "dockerfile.v0"], ...mapFields(7, attributes), [
      13,
      exporter,
    ]);
    response = new Message(await client.ask("/moby.buildkit.v1.Control/Solve", solve)).map(1);
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause);
  }
  await watching;
  client.close();
  raw.close();
  lent.close();
  await serving;
  return { response, error, vertices, output };
}
