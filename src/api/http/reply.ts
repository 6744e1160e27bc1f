/** What answers a request: plain data, a stream of bytes, or the bare connection. */

/** Both directions of a connection that has left HTTP. */
export interface RawStream {
  /** Some bytes from the client; undefined once it sends nothing more. */
  read(): Promise<Uint8Array | undefined>;
  /** Nothing when it was taken at once, else resolves when the client can take more. To one that has gone: nothing. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Aborted when the client has gone for good; one that only stopped sending has not. */
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * A stream is sent in chunks, each at once; it is ended (`return()`) when the client goes.
   * Nothing: an empty body.
   */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array | string>;
  /**
   * Instead of a body: takes the connection over after the headers, which then switch the protocol
   * where the client offered that. The connection is closed when it resolves.
   */
  readonly hijack?: (stream: RawStream) => Promise<void>;
  /** What the protocol is switched to; left out: bare bytes, which Docker calls `tcp`. */
  readonly upgrade?: string;
}

/** A JSON document. */
export function json(document: unknown, status = 200): Reply {
  return {
    status,
    headers: { "Content-Type": "application/json" },
    body: `${JSON.stringify(document)}\n`,
  };
}

/** A status alone. */
export const noContent: Reply = { status: 204 };

/** Nothing to do: it is so already. */
export const notModified: Reply = { status: 304 };

/** JSON documents one after the other, a line each. */
export function jsonLines(documents: AsyncIterable<unknown>): Reply {
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: (async function* () {
      for await (const document of documents) yield `${JSON.stringify(document)}\r\n`;
    })(),
  };
}

/** Refused, with the reason. */
export function refused(status: number, message: string): Reply {
  return json({ message }, status);
}
