/** Failures in the words of Docker's API, which clients match. Pure. */
import { CooperError, errnoName, httpStatus, messageOf } from "../errors.ts";
import { json, type Reply } from "./http/reply.ts";

/** What a client is told: one sentence, and a status. */
export interface Failure {
  readonly status: number;
  readonly message: string;
}

/** Turns whatever was thrown into what is answered. */
export function failureOf(thrown: unknown): Failure {
  const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
  if (!(error instanceof CooperError)) {
    const message = messageOf(error);
    return {
      status: 500,
      message: errnoName(error) === "ENOSPC" ? `no space left on device: ${message}` : message,
    };
  }
  return { status: statusOf(error), message: wordsOf(error) };
}

/** The answer to a request that failed. */
export function failureReply(error: unknown): Reply {
  const { status, message } = failureOf(error);
  return json({ message }, status);
}

/** As failureReply(), for another Cooper, which tells it in our own words. */
export function ownFailureReply(error: unknown): Reply {
  const { status, message } = failureOf(error);
  return json({ message, Cooper: ownFailure(error) }, status);
}

/** What a Cooper makes the error from again. */
export function ownFailure(thrown: unknown): Readonly<Record<string, unknown>> {
  const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
  if (!(error instanceof CooperError)) return { code: "internal", message: messageOf(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint !== undefined && { hint }) };
}

function statusOf(error: CooperError): number {
  // nobody hears it any more
  if (error.code === "cancelled") return 400;
  // clients try 502 and 504 again, and Docker says 500 for what fails at a registry
  if (["registry", "network", "timeout", "no-space"].includes(error.code)) return 500;
  return httpStatus[error.code];
}

/** Rows: what our own message looks like, and what Docker's clients look for. */
const rewordings: readonly (readonly [RegExp, string])[] = [
  [/^no such container: (.*)$/s, "No such container: $1"],
  [/^no such image: (.*)$/s, "No such image: $1"],
  [/^no such network: (.*)$/s, "network $1 not found"],
  [/^there is no ([^:/]+):(\/.*)$/s, "Could not find the file $2 in container $1"],
  [/^no such volume: (.*)$/s, "get $1: no such volume"],
  [
    /^the container name "([^"]*)" is already in use by (.*)$/s,
    'Conflict. The container name "/$1" is already in use by container "$2". You have to remove (or rename) that container to be able to reuse that name.',
  ],
];

function wordsOf(error: CooperError): string {
  if (error.code === "command-not-found") return notFoundWords(error);
  if (error.code === "command-not-executable")
    return `failed to create task for container: ${error.message}: permission denied: unknown`;
  for (const [pattern, words] of rewordings)
    if (pattern.test(error.message)) return error.message.replace(pattern, words);
  // a hint that names another command of ours would puzzle who uses another client
  return error.message;
}

/** The docker client makes exit status 127 of these words. */
function notFoundWords(error: CooperError): string {
  const name = /^cannot run "([^"]*)"/.exec(error.message)?.[1] ?? "";
  return `failed to create task for container: exec: ${JSON.stringify(name)}: executable file not found in $PATH: unknown`;
}
