/** The one error class, and the two tables that give every code its exit status and HTTP status. */

/** What kind of failure this is. Callers test the code, never the text. */
export type ErrorCode =
  | "invalid-argument"
  | "unknown-command"
  | "not-supported"
  | "no-such-container"
  | "no-such-image"
  | "no-such-network"
  | "no-such-object"
  | "name-in-use"
  | "conflict"
  | "wrong-state"
  | "permission-denied"
  | "command-not-executable"
  | "command-not-found"
  | "registry"
  | "network"
  | "corrupt"
  | "hostile"
  | "no-space"
  | "helper-failed"
  | "missing-helper"
  | "timeout"
  | "cancelled"
  | "internal";

/** Exit status of the command line: 125 ours, 126 cannot invoke, 127 not found (docker-run(1), "Exit Status"). */
export const exitStatus = {
  "invalid-argument": 125,
  "unknown-command": 125,
  "not-supported": 125,
  "no-such-container": 125,
  "no-such-image": 125,
  "no-such-network": 125,
  "no-such-object": 125,
  "name-in-use": 125,
  conflict: 125,
  "wrong-state": 125,
  "permission-denied": 125,
  "command-not-executable": 126,
  "command-not-found": 127,
  registry: 125,
  network: 125,
  corrupt: 125,
  hostile: 125,
  "no-space": 125,
  "helper-failed": 125,
  "missing-helper": 125,
  timeout: 125,
  cancelled: 130,
  internal: 125,
} as const satisfies Record<ErrorCode, number>;

/** HTTP status of the REST API. */
export const httpStatus = {
  "invalid-argument": 400,
  "unknown-command": 404,
  "not-supported": 501,
  "no-such-container": 404,
  "no-such-image": 404,
  "no-such-network": 404,
  "no-such-object": 404,
  "name-in-use": 409,
  conflict: 409,
  "wrong-state": 409,
  "permission-denied": 403,
  "command-not-executable": 400,
  "command-not-found": 400,
  registry: 502,
  network: 502,
  corrupt: 500,
  hostile: 400,
  "no-space": 507,
  "helper-failed": 500,
  "missing-helper": 500,
  timeout: 504,
  cancelled: 499,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/**
 * A failure that is told to the user: one sentence that names the object as the user named it, and,
 * only where we know it, the next command to type.
 */
export class CooperError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, extra: { hint?: string; cause?: unknown } = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.name = "CooperError";
    this.code = code;
    this.hint = extra.hint;
  }
}

/** States what must hold; when it does not, that is a bug in Cooper and not the user's mistake. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new CooperError("internal", `bug in Cooper: ${what}`);
}

/** The error number name (`ENOENT`, …) of a failed system call, if this error is one. */
export function errnoName(error: unknown): string | undefined {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
  }
  return undefined;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
