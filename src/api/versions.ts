/** Which versions of Docker's API are spoken, and how a path names one. Pure. */
import { CooperError } from "../errors.ts";

/** Minor numbers: all versions are 1.x. */
export const oldestVersion = 24;
export const newestVersion = 56;

export const versionText = (minor: number) => `1.${minor}`;

/** `/v1.41/info`, or without a version, which means the newest. @throws CooperError invalid-argument */
export function splitVersion(path: string): { version: number; rest: string } {
  const match = /^\/v(\d{1,3})\.(\d{1,4})(\/.*)$/.exec(path);
  if (match === null) return { version: newestVersion, rest: path };
  const [, major = "", minor = "", rest = ""] = match;
  const asked = `${major}.${minor}`;
  const isOld = major === "0" || (major === "1" && Number(minor) < oldestVersion);
  if (isOld) {
    throw new CooperError(
      "invalid-argument",
      `client version ${asked} is too old. Minimum supported API version is ${versionText(oldestVersion)}, please upgrade your client to a newer version`,
    );
  }
  if (major !== "1" || Number(minor) > newestVersion) {
    throw new CooperError(
      "invalid-argument",
      `client version ${asked} is too new. Maximum supported API version is ${versionText(newestVersion)}`,
    );
  }
  return { version: Number(minor), rest };
}
