/** Contexts of builds that are fetched instead of sent. Pure. */
import { isGitAddress } from "../build/source/git-address.ts";
import { CooperError } from "../errors.ts";

/**
 * The address of a repository, tar or Dockerfile; empty: the context is sent.
 *
 * @throws CooperError for what would be a path or the standard input of this machine
 */
export function remoteContext(text: string): string {
  const isAddress = /^(https?:\/\/|github\.com\/)/i.test(text) || isGitAddress(text);
  if (text === "" || (isAddress && !/^file:/i.test(text))) return text;
  throw new CooperError(
    "invalid-argument",
    `the context ${JSON.stringify(text)} is no address of a repository or file`,
  );
}
