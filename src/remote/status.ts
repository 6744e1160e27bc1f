/** The head of an HTTP/1.1 answer (RFC 9112). Pure. */
import { CooperError } from "../errors.ts";

/** What stands before the body. */
export interface StatusHead {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** null: in chunks. */
  readonly bodyLength: number | null | "until-end";
  readonly keepsAlive: boolean;
}

const wrong = (why: string) =>
  new CooperError("network", `what answers there does not speak HTTP: ${why}`);

/** @param text everything up to the empty line, without it */
export function parseStatus(text: string): StatusHead {
  const [line = "", ...fields] = text.split("\r\n");
  const match = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(line);
  if (match === null) throw wrong(JSON.stringify(line.slice(0, 60)));
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    if (colon <= 0) throw wrong("a header without a name");
    headers.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
  }
  const isChunked = headers.get("transfer-encoding")?.toLowerCase() === "chunked";
  const length = headers.get("content-length");
  if (length !== undefined && !/^\d{1,15}$/.test(length)) throw wrong("a length that is none");
  const bodyLength = isChunked ? null : length === undefined ? "until-end" : Number(length);
  const connection = headers.get("connection")?.toLowerCase() ?? "";
  return {
    status: Number(match[2]),
    headers,
    bodyLength,
    keepsAlive: match[1] === "1" && !connection.includes("close") && bodyLength !== "until-end",
  };
}
