/** Failures in the words of libpod's API: clients match what stands behind the last colon. Pure. */
import { CooperError } from "../../errors.ts";
import { failureOf } from "../failure.ts";
import { json, type Reply } from "../http/reply.ts";

/** What Podman's clients look for, and what stands before it. */
interface Words {
  readonly cause: string;
  /** Takes what the pattern of its row found. */
  readonly message: string;
}

/** Rows: what our own message looks like, and the words for it. */
const rewordings: readonly (readonly [RegExp, Words])[] = [
  [
    /^no such container: (.*)$/s,
    { cause: "no such container", message: 'no container with name or ID "$1" found' },
  ],
  [/^no such (?:image|manifest list): (.*)$/s, { cause: "image not known", message: "$1" }],
  [
    /^no such network: (.*)$/s,
    { cause: "network not found", message: "unable to find network with name or ID $1" },
  ],
  [
    /^no such volume: (.*)$/s,
    { cause: "no such volume", message: "volume with name $1 not found" },
  ],
  [
    /^no such secret: (.*)$/s,
    { cause: "no such secret", message: 'no secret with name or id "$1"' },
  ],
  [
    /^no such exec instance: (.*)$/is,
    { cause: "no such exec session", message: "no exec session with ID $1 found" },
  ],
  [
    /^(the container name "[^"]*" is already in use by .*)$/s,
    {
      cause: "that name is already in use",
      message:
        "creating container storage: $1. You have to remove that container to be able to reuse that name",
    },
  ],
  [
    /^network (.*) not found$/s,
    { cause: "network not found", message: "unable to find network with name or ID $1" },
  ],
  [
    /^network with name (.*) already exists$/s,
    { cause: "network already exists", message: "network name $1 already used" },
  ],
  [/^(the image .* is in use by .*)$/s, { cause: "image is in use by a container", message: "$1" }],
  [/^(volume .* is in use by .*)$/s, { cause: "volume is being used", message: "$1" }],
  [/^(network .* has active endpoints.*)$/s, { cause: "network is being used", message: "$1" }],
  [/^the secret name "(.*)" is already in use$/s, { cause: "secret name in use", message: "$1" }],
  [/^(there is no [^:/]+:\/.*)$/s, { cause: "no such file or directory", message: "$1" }],
];

/** A failure after the status was sent. */
export const errorLine = (thrown: unknown) => ({ error: wordsOf(thrown)[0] });

/** Causes that follow from the kind of failure alone. */
const causes: Partial<Record<CooperError["code"], string>> = {
  "command-not-found": "OCI runtime attempted to invoke a command that was not found",
  "command-not-executable": "OCI permission denied",
  "wrong-state": "container state improper",
};

/** The answer to a request that failed. */
export function libpodFailure(thrown: unknown): Reply {
  const { status } = failureOf(thrown);
  return libpodRefused(status, ...wordsOf(thrown));
}

/** Refused, with the reason. */
export function libpodRefused(status: number, message: string, cause = message): Reply {
  return json({ cause, message, response: status }, status);
}

/** The message and its cause, as they are told inside of a document too. */
export function wordsOf(thrown: unknown): [message: string, cause: string] {
  const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
  if (!(error instanceof CooperError)) {
    const { message } = failureOf(error);
    return [message, message];
  }
  for (const [pattern, { cause, message }] of rewordings)
    if (pattern.test(error.message))
      return [`${error.message.replace(pattern, message)}: ${cause}`, cause];
  const cause = causes[error.code];
  return cause === undefined
    ? [error.message, error.message]
    : [`${error.message}: ${cause}`, cause];
}
