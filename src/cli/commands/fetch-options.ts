/** Options of commands that fetch an image on the way: how its registry is asked. */
import type { FetchOptions } from "../../image/for-container.ts";
import { accessOf, accessOptions, type Given, retryOptions } from "./registry-options.ts";
import { policyOf, signaturePolicy } from "./trust-options.ts";

export const fetchOptions = { ...accessOptions, ...retryOptions, signaturePolicy } as const;

/** What was given of these options, as the engine takes it. */
export function fetchOf(
  options: Given & {
    readonly signaturePolicy?: string | undefined;
    readonly quiet?: boolean | undefined;
  },
): FetchOptions {
  return { ...accessOf(options), ...policyOf(options), ...(options.quiet && { isQuiet: true }) };
}
