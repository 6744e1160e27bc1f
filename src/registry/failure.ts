/** Answers of registries that are failures, in words; and which of them pass. */
import { CooperError, messageOf } from "../errors.ts";
import { isObject } from "../oci/json.ts";
import { ConnectionError, readBody } from "./http.ts";

/** The registry cannot now, and may soon. */
export class BusyError extends Error {
  /** 0 where the registry does not say. */
  readonly waitSeconds: number;
  readonly hint: string | undefined;

  constructor(message: string, waitSeconds: number, hint?: string) {
    super(message);
    this.name = "BusyError";
    this.waitSeconds = waitSeconds;
    this.hint = hint;
  }
}

/**
 * Makes an error of an answer; the body is read for the registry's own words.
 *
 * @param isUpload whether it was to take something
 */
export async function failureOf(
  registry: string,
  response: Response,
  what: string,
  isUpload = false,
): Promise<CooperError | BusyError> {
  const { status, headers } = response;
  const told = await toldReason(response);
  if (status === 404 && !isUpload)
    return new CooperError("no-such-image", `${registry} has no ${what}${told}`);
  if (status === 401 || status === 403) {
    return new CooperError(
      "registry",
      `${registry} does not ${isUpload ? "take" : "give out"} ${what}${told}`,
      {
        hint: isUpload
          ? `that needs a log-in with the right to write: cooper login ${registry}`
          : `it does not exist, or needs a log-in: cooper login ${registry}`,
      },
    );
  }
  if (status === 429) return tooMany(registry, headers, told, Date.now());
  if (status >= 500 && status !== 501)
    return new BusyError(
      `${registry} answered with status ${status}${told}`,
      waitSeconds(headers, Date.now()),
    );
  return new CooperError(
    "registry",
    `${registry} answered with status ${status} when ${isUpload ? "given" : "asked for"} ${what}${told}`,
  );
}

/**
 * 429: who is limited, how far, and when that ends (RFC 6585; draft-ietf-httpapi-ratelimit-headers as Docker
 * Hub speaks it: `ratelimit-limit: 100;w=21600`, `docker-ratelimit-source: ADDRESS`).
 */
export function tooMany(
  registry: string,
  headers: Headers,
  told: string,
  nowMs: number,
): BusyError {
  const [, limit, window] = /^(\d+)(?:;w=(\d+))?/.exec(headers.get("ratelimit-limit") ?? "") ?? [];
  const source = headers.get("docker-ratelimit-source") ?? "";
  const wait = waitSeconds(headers, nowMs);
  const allowance =
    limit === undefined
      ? ""
      : `, ${limit} are allowed${window === undefined ? "" : ` in ${duration(Number(window))}`}`;
  const whom = /^[\w.:-]+$/.test(source) ? ` from ${source}` : "";
  const end = wait > 0 ? `; it resets ${moment(nowMs, wait)}` : "";
  return new BusyError(
    `${registry} refuses more requests${whom} for now: too many${allowance}${end}${told}`,
    wait,
    `${wait > 0 ? `try again in ${duration(wait)}` : "try again later"}, log in for a higher limit (cooper login ${registry}), or name a mirror in registries.conf`,
  );
}

const moment = (nowMs: number, wait: number) =>
  `at ${new Date(nowMs + wait * 1000).toISOString().slice(11, 19)} UTC`;

function duration(seconds: number): string {
  if (seconds < 120) return `${Math.ceil(seconds)} seconds`;
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} minutes`;
  return `${Math.round(seconds / 3600)} hours`;
}

/** Retry-After in seconds or as a date; else the reset of the limit (seconds, or a time as Unix counts). */
function waitSeconds(headers: Headers, nowMs: number): number {
  const after = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(after)) return Number(after);
  const date = Date.parse(after);
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - nowMs) / 1000));
  const reset = headers.get("ratelimit-reset") ?? headers.get("x-ratelimit-reset") ?? "";
  if (!/^\d+$/.test(reset)) return 0;
  const value = Number(reset);
  return value > 1e9 ? Math.max(0, Math.ceil(value - nowMs / 1000)) : value;
}

/** What of it the user gets to see. */
export function asCooperError(error: unknown): unknown {
  if (error instanceof BusyError) {
    const hint =
      error.hint ??
      (error.waitSeconds > 0 ? `try again in ${duration(error.waitSeconds)}` : undefined);
    return new CooperError("registry", error.message, {
      cause: error,
      ...(hint !== undefined && { hint }),
    });
  }
  if (error instanceof ConnectionError)
    return new CooperError("network", messageOf(error), { cause: error });
  return error;
}

/** The registry's own words (distribution-spec, "Error Codes"), cut, and safe for a terminal. */
async function toldReason(response: Response): Promise<string> {
  let value: unknown;
  try {
    value = JSON.parse((await readBody(response, 64 << 10, "an error")).toString());
  } catch {
    return ""; // no JSON: a page for browsers
  }
  const first = isObject(value) && Array.isArray(value.errors) ? value.errors[0] : undefined;
  const said = isObject(first) ? first.message : isObject(value) ? value.details : undefined;
  const message = typeof said === "string" ? said : "";
  return message === "" ? "" : `: ${message.slice(0, 200).replace(/[^\x20-\x7e]/g, "?")}`;
}
