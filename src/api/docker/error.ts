/** Failures as an engine's API tells them, in our words again: the inverse of `../failure.ts`. Pure. */
import { CooperError, type ErrorCode, exitStatus } from "../../errors.ts";
import { isObject } from "../../oci/json.ts";

/** Rows: what Docker and Podman say, our code for it and, where we say it otherwise, our words. */
const rows: readonly (readonly [RegExp, ErrorCode, string?])[] = [
  [
    /no such container(?:: | with name or ID "?)([^":\s]+)/i,
    "no-such-container",
    "no such container: $1",
  ],
  [/no container with name or ID "?([^":\s]+)/i, "no-such-container", "no such container: $1"],
  [/no such image: (\S+?)(?:: .*)?$/i, "no-such-image", "no such image: $1"],
  [/: image not known|no such image/i, "no-such-image"],
  [/^network (\S+) not found$/i, "no-such-network", "no such network: $1"],
  [/network not found/i, "no-such-network"],
  [/no such volume/i, "no-such-object"],
  [/^Could not find the file (\/.*) in container (\S+)$/s, "no-such-object", "there is no $2:$1"],
  [/is already in use by container/i, "name-in-use"],
  [/executable file .*not found|(?:exec|start).*no such file or directory/is, "command-not-found"],
  [/(?:exec|create task|runtime).*permission denied/is, "command-not-executable"],
];

/** By status, where the words say nothing. */
const codes: Readonly<Record<number, ErrorCode>> = {
  400: "invalid-argument",
  401: "permission-denied",
  403: "permission-denied",
  404: "no-such-object",
  409: "conflict",
  501: "not-supported",
};

/** @param text the body of the answer @param path what was asked */
export function errorOf(status: number, text: string, path: string): CooperError {
  const document = parsed(text);
  const message = messageOf(document, text) || `${path}: status ${status}`;
  const own = document?.Cooper;
  // another Cooper tells its own words
  if (isObject(own) && typeof own.message === "string" && isCode(own.code))
    return new CooperError(own.code, own.message, {
      ...(typeof own.hint === "string" && { hint: own.hint }),
    });
  // what a router says of a path that it does not have
  if (status === 404 && /^(?:not found|(?:404 )?page not found)$/i.test(message))
    return new CooperError("not-supported", `this engine's API has no ${path.replace(/\?.*/, "")}`);
  return wordsError(message, codes[status] ?? "helper-failed");
}

/** Patterns take the square of this long; no engine says what is wrong so late. */
const maxLooked = 8192;

/** As errorOf(), for words alone: a line of progress, or what is read in place of output. */
export function wordsError(message: string, otherwise: ErrorCode = "helper-failed"): CooperError {
  const looked = message.slice(0, maxLooked);
  const found = rows.find(([pattern]) => pattern.test(looked));
  if (found === undefined) return new CooperError(otherwise, message);
  const [pattern, code, words] = found;
  const match = pattern.exec(looked);
  const own = words?.replace(/\$(\d)/g, (_, at: string) => match?.[Number(at)] ?? "");
  return new CooperError(code, own ?? message);
}

const isCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(exitStatus, value);

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // a proxy between us, or no engine at all: its words are told as they are
  }
}

function messageOf(document: Record<string, unknown> | undefined, text: string): string {
  const { message, cause } = document ?? {};
  if (typeof message === "string" && message !== "") return message;
  if (typeof cause === "string" && cause !== "") return cause;
  return text.trim().slice(0, 1000);
}
