/** Between a client and a registry: counts what of each blob was asked for and sent. */
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";

export interface Count {
  /** Bytes of blobs that left the registry. */
  readonly sent: number;
  /** Bytes of those blobs. */
  readonly whole: number;
  /** Bytes that a client had kept, as it showed by asking for what follows, and asked for again later. */
  readonly finishedAgain: number;
}

interface Blob {
  /** Where requests began, in order. */
  readonly starts: number[];
  sent: number;
  end: number;
}

/** Starts one on a free port of loopback. */
export async function countingProxy(
  registry: string,
): Promise<{ readonly host: string; count(): Count; stop(): unknown }> {
  const blobs = new Map<string, Blob>();
  const [hostname = "", port = ""] = registry.split(":");
  const server = createServer((request, response) => {
    const { url: path = "/", method = "GET", headers } = request;
    const digest = /\/blobs\/(sha256:[0-9a-f]+)$/.exec(path)?.[1];
    const blob =
      digest === undefined ? undefined : (blobs.get(digest) ?? { starts: [], sent: 0, end: 0 });
    if (digest !== undefined && blob !== undefined) blobs.set(digest, blob);
    let at = Number(/^bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);
    blob?.starts.push(at);
    const upstream = forward({ hostname, port, path, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        if (blob === undefined) return;
        at += chunk.length;
        blob.sent += chunk.length;
        blob.end = Math.max(blob.end, at);
      });
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => countOf([...blobs.values()]),
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function countOf(blobs: readonly Blob[]): Count {
  let finishedAgain = 0;
  for (const { starts } of blobs) {
    let kept = 0;
    for (const start of starts) {
      finishedAgain += Math.max(0, kept - start);
      kept = Math.max(kept, start);
    }
  }
  const sum = (of: (blob: Blob) => number) => blobs.reduce((total, blob) => total + of(blob), 0);
  return { sent: sum(({ sent }) => sent), whole: sum(({ end }) => end), finishedAgain };
}
