/** The last failure of this user, in one small file of the run directory: `why` without an argument reads it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject } from "../oci/json.ts";
import type { Finding } from "./evidence.ts";

/** A failure that nothing else remembers: an error of a command, or the end of a container that is gone. */
export interface LastFailure {
  /** ms since 1970 */
  readonly at: number;
  /** What failed, as the user would call it: `cooper pull x`, `container web`. */
  readonly subject: string;
  readonly message: string;
  readonly findings: readonly Finding[];
}

const maxBytes = 32 << 10;

const fileIn = (run: string) => join(run, "last-failure.json");

/** Keeps it instead of the one before. A long one is cut, since messages quote what strangers say. */
export function keepLast(run: string, failure: LastFailure): void {
  const short = {
    ...failure,
    subject: failure.subject.slice(0, 500),
    message: failure.message.slice(0, 4000),
    findings: failure.findings.slice(0, 3),
  };
  const text = JSON.stringify(short);
  if (text.length > maxBytes) return keepLast(run, { ...short, findings: [] });
  mkdirSync(run, { recursive: true, mode: 0o700 });
  const staged = `${fileIn(run)}.${process.pid}`;
  try {
    writeFileSync(staged, text, { mode: 0o600 });
    renameSync(staged, fileIn(run));
  } finally {
    rmSync(staged, { force: true });
  }
}

/** Undefined when nothing has failed since the machine was started. */
export function readLast(run: string): LastFailure | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(fileIn(run), "utf8"));
    return isObject(value) && typeof value.at === "number" && Array.isArray(value.findings)
      ? (value as unknown as LastFailure)
      : undefined;
  } catch {
    return undefined; // there is none, or half of one: nothing that is worth an error
  }
}
