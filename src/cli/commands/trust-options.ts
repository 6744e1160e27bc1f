/** The option by which commands that take images in name another policy. */
import { path } from "../../option.ts";

export const signaturePolicy = {
  flag: "--signature-policy",
  type: path,
  help: "File in place of policy.json, which says what images are accepted",
} as const;

/** The option's value as the engine wants it. */
export function policyOf(options: { readonly signaturePolicy?: string | undefined }) {
  return options.signaturePolicy === undefined ? {} : { signaturePolicy: options.signaturePolicy };
}
