/** Options of all commands that speak to registries. */
import { flagSwitch, integer, parseDurationSeconds, path, string } from "../../option.ts";
import type { AccessOptions } from "../../registry/access.ts";
import { parseCredentials } from "../../registry/credentials.ts";

/** How the registry is reached, and what it is shown. */
export const accessOptions = {
  authfile: { flag: "--authfile", type: path, help: "File with credentials" },
  certDir: {
    flag: "--cert-dir",
    type: { ...path, completes: "directory" },
    help: "Directory of certificates for the registry",
  },
  creds: {
    flag: "--creds",
    type: { ...string, placeholder: "USER[:PASSWORD]" },
    help: "Credentials for the registry, in place of those of a log-in",
  },
  tlsVerify: {
    flag: "--tls-verify",
    type: flagSwitch,
    help: "Check the registry's certificate",
    defaultText: "true, but for this machine",
  },
} as const;

/** How failures that pass are met. */
export const retryOptions = {
  retry: {
    flag: "--retry",
    type: integer,
    help: "How often a request is tried again",
    defaultText: "3",
  },
  retryDelay: {
    flag: "--retry-delay",
    type: {
      placeholder: "DURATION",
      parse: (text: string) => parseDurationSeconds(/^\d+$/.test(text) ? `${text}s` : text),
    },
    help: "Time between tries; without it, it grows",
  },
} as const;

/** Values of these options. */
export interface Given {
  readonly authfile?: string | undefined;
  readonly certDir?: string | undefined;
  readonly creds?: string | undefined;
  readonly tlsVerify?: boolean | undefined;
  readonly retry?: number | undefined;
  readonly retryDelay?: number | undefined;
}

/** What was given of these options, as the engine takes it. */
export function accessOf(options: Given): AccessOptions {
  const { authfile, certDir, creds, tlsVerify, retry, retryDelay } = options;
  return {
    ...(authfile !== undefined && { authFile: authfile }),
    ...(certDir !== undefined && { certDirectory: certDir }),
    ...(creds !== undefined && { credentials: parseCredentials(creds) }),
    ...(tlsVerify !== undefined && { tlsVerify }),
    ...(retry !== undefined && { retries: retry }),
    ...(retryDelay !== undefined && { retryDelayMs: retryDelay * 1000 }),
  };
}
