/** How a registry is asked, as a request says it. Pure. */
import { flagSwitch, parseDurationSeconds } from "../../option.ts";
import type { AccessOptions } from "../../registry/access.ts";
import { readCredentials } from "../credentials.ts";
import type { HttpRequest } from "../http/connection.ts";
import type { Parameters } from "./parameters.ts";

const duration = {
  placeholder: "DURATION",
  parse: (text: string) => parseDurationSeconds(/^\d+$/.test(text) ? `${text}s` : text),
};

/** Credentials come in headers alone: those of a query would be in logs. */
export function accessOf(
  { headers, signal }: Pick<HttpRequest, "headers" | "signal">,
  parameters: Parameters,
): AccessOptions {
  const tlsVerify = parameters.value("tlsVerify", flagSwitch);
  const retries = parameters.number("retry");
  // builds spell it otherwise
  const delay =
    parameters.value("retryDelay", duration) ?? parameters.value("retry-delay", duration);
  return {
    ...readCredentials(headers),
    signal,
    ...(tlsVerify !== undefined && { tlsVerify }),
    ...(retries !== undefined && { retries }),
    ...(delay !== undefined && { retryDelayMs: delay * 1000 }),
  };
}
