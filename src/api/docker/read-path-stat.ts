/** What is at a path of a container, out of the header that tells it: the inverse of `path-stat.ts`. Pure. */
import { number, object, text } from "./reading.ts";

/** As far as a copy has to know it. */
export interface SeenPath {
  readonly isDirectory: boolean;
  /** Where a link leads; empty for what is none. */
  readonly linkTarget: string;
}

const directoryBit = 2 ** 31;
const linkBit = 2 ** 27;

/** @param header base64 of JSON */
export function readPathStat(header: string): SeenPath {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(header, "base64").toString("utf8"));
  } catch {
    value = {}; // as good as nothing that is known
  }
  const document = object(value);
  const mode = number(document.mode);
  const has = (bit: number) => Math.floor(mode / bit) % 2 === 1;
  return {
    isDirectory: has(directoryBit),
    linkTarget: has(linkBit) ? text(document.linkTarget) : "",
  };
}
